"""What happens in an answer, before it is written in one of the two stream forms. Pure values.

The narrator tells a story as these events; a ``Book`` keeps the messages that come of it; the
encodings write each event down. The rule: an event says what changes, never how it looks.
"""

from typing import Literal, TypeAlias

from msgspec import Struct

from chat2api_core.emulator.exchange import Json
from chat2api_core.emulator.replies import Cut, Handoff, Stall, Task, Wait


class Opened(Struct, frozen=True):
    """A new message of the answer."""

    message: Json


class Echoed(Struct, frozen=True):
    """A message that is not of the answer: the hidden one of the service, or one that the client
    sent. ``last`` marks the message that is being answered."""

    message: Json
    last: bool = False


class Grown(Struct, frozen=True):
    """Text is appended to the open message, one event per piece. ``path`` begins in it."""

    path: str
    pieces: tuple[str, ...]


class Changed(Struct, frozen=True):
    """One operation on the open message. A quiet one is no event of its own in the old form."""

    path: str
    operation: Literal["add", "replace", "append"]
    value: object
    quiet: bool = False


class Patched(Struct, frozen=True):
    """Several operations at once."""

    changes: tuple[Changed, ...]


class Told(Struct, frozen=True):
    """A typed event. ``only`` limits it to one of the forms."""

    event: Json
    only: Literal["v1", "whole", ""] = ""


class Verbatim(Struct, frozen=True):
    """Bytes that go out as they stand."""

    data: bytes


class Snapped(Struct, frozen=True):
    """A document without a message, which says that something went wrong."""

    document: Json


Happening: TypeAlias = (
    Opened
    | Echoed
    | Grown
    | Changed
    | Patched
    | Told
    | Verbatim
    | Snapped
    | Wait
    | Stall
    | Cut
    | Handoff
    | Task
)


class Book:
    """The messages of one answer, as they stand after the events so far."""

    def __init__(self) -> None:
        self.messages: list[Json] = []

    @property
    def current(self) -> Json:
        """The open message."""
        return self.messages[-1]

    def feed(self, event: Happening) -> None:
        """Take one more event in."""
        if isinstance(event, Opened):
            self.messages.append(event.message)
        elif isinstance(event, Grown):
            change(self.current, Changed(event.path, "append", "".join(event.pieces)))
        elif isinstance(event, Changed):
            change(self.current, event)
        elif isinstance(event, Patched):
            for one in event.changes:
                change(self.current, one)


def change(message: Json, what: Changed) -> None:
    """Do one operation on a message, in place. Containers on the way exist."""
    *way, last = what.path.split("/")[1:]
    place: object = message
    for token in way:
        place = place[int(token)] if isinstance(place, list) else _at(place, token)
    if isinstance(place, list):
        index = int(last)
        place[index] = _joined(place[index], what)
    else:
        box = _box(place)
        box[last] = _joined(box.get(last), what)


def read_text(message: Json, path: str) -> str:
    """The text at this path of a message."""
    place: object = message
    for token in path.split("/")[1:]:
        place = place[int(token)] if isinstance(place, list) else _at(place, token)
    return str(place)


def _joined(old: object, what: Changed) -> object:
    if what.operation != "append" or old is None:
        return what.value
    if isinstance(old, str):
        return old + str(what.value)
    if isinstance(old, list):
        return [*old, *_items(what.value)]
    return {**_box(old), **_box(what.value)}


def _items(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


def _box(value: object) -> Json:
    assert isinstance(value, dict)
    return value


def _at(place: object, token: str) -> object:
    return _box(place)[token]
