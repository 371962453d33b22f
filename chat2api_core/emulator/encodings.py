"""The two ways in which an answer is written as server-sent events. Pure.

Input: story events, and the message as it stands after each. Output: beats: the bytes of an
event, a ``Run`` of many small ones, or a silence or break for the player. The rules of the delta
form (``v1``): ``p`` and ``o`` are left out where the previous delta frame had the same ones, ``c``
stands with each new document and counts with gaps; typed events touch none of this. The old form
repeats the whole message at every change.
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias

import msgspec
from msgspec import Struct

from chat2api_core.emulator.exchange import Json
from chat2api_core.emulator.replies import Cut, Handoff, Stall, Task, Wait
from chat2api_core.emulator.story import (
    Changed,
    Echoed,
    Grown,
    Happening,
    Opened,
    Patched,
    Snapped,
    Told,
    Verbatim,
    change,
    read_text,
)

DONE = b"data: [DONE]\n\n"
_DELTA = b"event: delta\ndata: "
_DATA = b"data: "
_END = b"\n\n"
# Stands for the growing text while the rest of its message is encoded.
_HOLE = "2f7c9c0d-the-text-of-this-message-6b1e"
_encode = msgspec.json.encode


class Run(Struct, frozen=True):
    """Many small events in a row: one by one, and all in one."""

    events: tuple[bytes, ...]
    joined: bytes


Beat: TypeAlias = bytes | Run | Wait | Stall | Cut | Handoff | Task
RunMaker: TypeAlias = Callable[[tuple[str, ...]], Run]


class Encoding(Protocol):
    """One of the forms. ``message`` is the open message after the event, None before the first."""

    def begin(self) -> list[Beat]: ...

    def feed(self, event: Happening, message: Json | None) -> list[Beat]: ...


def make_run(pieces: tuple[str, ...]) -> Run:
    """The delta frames of pieces of text that go where the last one went. Worth caching: the same
    text always gives the same bytes."""
    events = tuple(b'event: delta\ndata: {"v":' + _encode(piece) + b"}\n\n" for piece in pieces)
    return Run(events, b"".join(events))


def _data(value: object) -> bytes:
    return _DATA + _encode(value) + _END


class V1:
    """The delta form."""

    def __init__(self, conversation_id: str, run: RunMaker = make_run) -> None:
        self._conversation_id = conversation_id
        self._run = run
        self._carried = ("", "")
        self._documents = 0

    def begin(self) -> list[Beat]:
        return [b'event: delta_encoding\ndata: "v1"\n\n']

    def feed(  # noqa: PLR0911 (one return a variant of a closed union)
        self,
        event: Happening,
        message: Json | None,  # noqa: ARG002 (deltas say what changes, not what is)
    ) -> list[Beat]:
        if isinstance(event, Told):
            return self._told(event)
        if isinstance(event, Grown):
            return self._grown(event)
        if isinstance(event, Opened):
            return [self._document({"message": event.message})]
        if isinstance(event, Patched):
            changes = [_operation(one) for one in event.changes]
            return [self._delta("", "patch", changes)]
        if isinstance(event, Changed):
            return [self._delta("/message" + event.path, event.operation, event.value)]
        if isinstance(event, Snapped):
            return [self._document(event.document)]
        if isinstance(event, Echoed):
            return [self._echo(event)]
        return [event.data if isinstance(event, Verbatim) else event]

    def _grown(self, event: Grown) -> list[Beat]:
        path = "/message" + event.path
        if self._carried == (path, "append"):
            return [self._run(event.pieces)]
        first: Beat = self._delta(path, "append", event.pieces[0])
        rest = event.pieces[1:]
        return [first, self._run(rest)] if rest else [first]

    def _delta(self, path: str, operation: str, value: object) -> bytes:
        frame: Json = {"v": value}
        if self._carried != (path, operation):
            self._carried = (path, operation)
            frame = {"p": path, "o": operation, "v": value}
        return _DELTA + _encode(frame) + _END

    def _document(self, content: Json) -> bytes:
        document = {**content, "conversation_id": self._conversation_id}
        document.setdefault("error", None)
        frame: Json = {"v": document, "c": cursor(self._documents)}
        self._documents += 1
        if self._carried != ("", "add") or self._documents == 1:
            self._carried = ("", "add")
            frame = {"p": "", "o": "add", **frame}
        return _DELTA + _encode(frame) + _END

    def _echo(self, event: Echoed) -> bytes:
        if not event.last:
            return self._document({"message": event.message})
        echo: Json = {"type": "input_message", "input_message": event.message}
        return _data({**echo, "conversation_id": self._conversation_id})

    def _told(self, event: Told) -> list[Beat]:
        if event.only == "whole":
            return []
        return [_data({**event.event, "conversation_id": self._conversation_id})]


class Whole:
    """The old form: the whole message at every change."""

    def __init__(self, conversation_id: str) -> None:
        self._conversation_id = conversation_id

    def begin(self) -> list[Beat]:
        return []

    def feed(  # noqa: PLR0911 (one return a variant of a closed union)
        self, event: Happening, message: Json | None
    ) -> list[Beat]:
        if isinstance(event, Grown):
            assert message is not None
            return [self._grown(event, message)]
        if isinstance(event, Opened | Patched) or (isinstance(event, Changed) and not event.quiet):
            return [self._document({"message": message})]
        if isinstance(event, Changed):
            return []
        if isinstance(event, Snapped):
            return [self._document(event.document)]
        if isinstance(event, Echoed):
            return [self._document({"message": event.message})]
        if isinstance(event, Told):
            return self._told(event)
        return [event.data if isinstance(event, Verbatim) else event]

    def _grown(self, event: Grown, message: Json) -> Run:
        """One whole message per piece, written around the growing text: encoded once, not again
        for every piece."""
        text = read_text(message, event.path)
        before = text[: len(text) - sum(map(len, event.pieces))]
        change(message, Changed(event.path, "replace", _HOLE))
        head, tail = self._document({"message": message}).split(_HOLE.encode(), 1)
        change(message, Changed(event.path, "replace", text))
        grown = _encode(before)[1:-1]
        events = []
        for piece in event.pieces:
            grown += _encode(piece)[1:-1]
            events.append(head + grown + tail)
        return Run(tuple(events), b"".join(events))

    def _document(self, content: Json) -> bytes:
        document = {**content, "conversation_id": self._conversation_id}
        document.setdefault("error", None)
        return _data(document)

    def _told(self, event: Told) -> list[Beat]:
        if event.only == "v1":
            return []
        return [_data({**event.event, "conversation_id": self._conversation_id})]


def cursor(document: int) -> int:
    """The number ``c`` of the n-th document of a stream: 0, 1, 5, 8, 9, 13, ..., with gaps."""
    return 8 * (document // 3) + (0, 1, 5)[document % 3]


def _operation(one: Changed) -> Json:
    return {"p": "/message" + one.path, "o": one.operation, "v": one.value}
