"""From a reply to the beats of a whole stream and the messages that the conversation keeps. Pure.

Input: a scene, what was sent, the steps. Output: a ``Composition``. The rule: the stream and the
kept messages come of the same story.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from chat2api_core.ambient import Ids
from chat2api_core.emulator.encodings import DONE, Beat, Encoding
from chat2api_core.emulator.exchange import Json
from chat2api_core.emulator.narrator import Narrator
from chat2api_core.emulator.replies import AnyStep, Stop, Task
from chat2api_core.emulator.scene import Scene
from chat2api_core.emulator.story import Book, Happening


class Composition(Struct, frozen=True):
    """A finished answer. ``rest`` is what a call to continue gets. ``task`` is the long task in it,
    ``made`` the number of messages that are there before it."""

    beats: list[Beat]
    messages: list[Json]
    rest: tuple[AnyStep, ...]
    task: Task | None = None
    made: int = 0


def compose(
    scene: Scene, sent: Sequence[Json], steps: tuple[AnyStep, ...], encoding: Encoding, ids: Ids
) -> Composition:
    """Tell these steps in this encoding, up to the first cut."""
    narrator = Narrator(scene, ids)
    book = Book()
    beats = encoding.begin()

    def write(events: Iterable[Happening]) -> None:
        for event in events:
            book.feed(event)
            beats.extend(encoding.feed(event, book.messages[-1] if book.messages else None))

    write(narrator.begin(sent))
    now, rest = split(steps)
    task: Task | None = None
    made = 0
    for step in now:
        write(narrator.feed(step))
        if isinstance(step, Task):
            task, made = step, len(book.messages)
        if narrator.failed:
            break
    write(narrator.close())
    beats.append(DONE)
    return Composition(beats, book.messages, rest, task, made)


def split(steps: tuple[AnyStep, ...]) -> tuple[tuple[AnyStep, ...], tuple[AnyStep, ...]]:
    """The steps up to the first cut, and what is left for later calls to continue."""
    for index, step in enumerate(steps):
        if isinstance(step, Stop) and step.reason == "max_tokens":
            return steps[: index + 1], steps[index + 1 :]
    return steps, ()
