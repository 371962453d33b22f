"""Beats before they are played: cut at interruptions, damaged, shaped, counted. Pure.

Input: the beats of a whole stream. Output: the beats that this connection gets. The rule: an event
of the stream is one that carries data; comments and the end marker are not counted.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from chat2api_core.emulator.encodings import DONE, Beat, Run
from chat2api_core.emulator.faults import Interrupt
from chat2api_core.emulator.replies import Cut, Handoff, Stall, Task, Wait, Wire

_GARBAGE = b"event: delta\ndata: {oops\n\n"
_BAD_BYTES = b'event: delta\ndata: {"v":"\xff\xfe\xc0"}\n\n'
_PREFIXES = (b"event: delta\ndata: {", b"data: {")
Silence: TypeAlias = Wait | Stall | Cut | Handoff | Task


def spread(beats: Sequence[Beat]) -> Iterator[bytes | Silence]:
    """The beats with every run taken apart into its events."""
    for beat in beats:
        if isinstance(beat, Run):
            yield from beat.events
        else:
            yield beat


def is_event(beat: bytes | Silence) -> bool:
    """Whether this is an event that counts."""
    return isinstance(beat, bytes) and beat != DONE and not beat.startswith(b":")


def damage(beats: Sequence[Beat], fault: Interrupt) -> list[Beat]:
    """The beats with this fault after its number of events."""
    damaged: list[Beat] = []
    seen = 0
    broken = False
    for beat in spread(beats):
        if seen == fault.after and not broken:
            broken = True
            damaged.append(_breakage(fault))
        damaged.append(beat)
        seen += is_event(beat)
    return damaged if broken else [*damaged, _breakage(fault)]


def _breakage(fault: Interrupt) -> Beat:
    if fault.how == "cut":
        return Cut()
    if fault.how == "end":
        return Cut(clean=True)
    if fault.how == "stall":
        return Stall()
    return _GARBAGE if fault.how == "garbage" else _BAD_BYTES


def until_break(beats: Sequence[Beat], start: int) -> int:
    """The place behind the first beat, from ``start`` on, after which nothing more comes."""
    for index in range(start, len(beats)):
        if isinstance(beats[index], Cut | Stall | Handoff | Task):
            return index + 1
    return len(beats)


def shape(beats: Sequence[Beat], wire: Wire) -> list[Beat]:
    """The beats as this wire writes them, its chunks aside."""
    if wire == Wire(chunk=wire.chunk):
        return list(beats)
    shaped: list[Beat] = list(_glue(spread(beats))) if wire.glued else list(spread(beats))
    if wire.ragged and shaped and isinstance(shaped[-1], bytes):
        shaped[-1] = shaped[-1].removesuffix(b"\n")
    if wire.newline != "\n":
        newline = wire.newline.encode()
        return [
            beat.replace(b"\n", newline) if isinstance(beat, bytes) else beat for beat in shaped
        ]
    return shaped


def _glue(beats: Iterator[bytes | Silence]) -> Iterator[bytes | Silence]:
    """Join each two neighbours of the same kind into one event with two objects in its line."""
    held: bytes | None = None
    for beat in beats:
        if isinstance(beat, bytes) and held is not None:
            prefix = next((one for one in _PREFIXES if held.startswith(one)), None)
            if prefix is not None and beat.startswith(prefix):
                yield held.removesuffix(b"\n\n") + beat[len(prefix) - 1 :]
                held = None
                continue
        if held is not None:
            yield held
        held = None
        if isinstance(beat, bytes):
            held = beat
        else:
            yield beat
    if held is not None:
        yield held
