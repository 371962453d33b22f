"""A recording: a sound file on its way to be written down. Pure.

In: what a client sent. Out: ``Recording``, the type of its sound, how long it is. The rule: a type
that is not known for sound is no recording, and a length is told only where the file itself tells
it.
"""

from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

HEAD = 4096  # bytes of a file's beginning that ``seconds`` wants to see

_TYPES = {
    "mp3": "audio/mpeg", "mpga": "audio/mpeg", "mpeg": "audio/mpeg",
    "mp4": "audio/mp4", "m4a": "audio/mp4",
    "wav": "audio/wav", "webm": "audio/webm", "weba": "audio/webm",
    "ogg": "audio/ogg", "oga": "audio/ogg", "opus": "audio/ogg",
    "flac": "audio/flac", "aac": "audio/aac",
}  # fmt: skip
# Other names of the same, and films, of which the sound counts.
_SAME = {
    "audio/x-wav": "audio/wav", "audio/wave": "audio/wav", "audio/vnd.wave": "audio/wav",
    "audio/mp3": "audio/mpeg", "audio/x-m4a": "audio/mp4", "audio/m4a": "audio/mp4",
    "audio/x-flac": "audio/flac", "audio/x-aac": "audio/aac", "audio/opus": "audio/ogg",
    "video/mp4": "audio/mp4", "video/webm": "audio/webm", "video/mpeg": "audio/mpeg",
    "video/ogg": "audio/ogg", "application/ogg": "audio/ogg",
}  # fmt: skip
_KNOWN = frozenset(_TYPES.values())


class Recording(NamedTuple):
    """A sound file. ``pieces`` gives it from its beginning, every time it is asked; ``size`` is in
    bytes."""

    name: str
    mime: str
    size: int
    pieces: Callable[[], AsyncIterator[bytes]]


def sound_type(name: str, declared: str) -> str:
    """The type of a sound file, as declared or by the ending of its name; empty for anything that
    is none."""
    mime = declared.partition(";")[0].strip().lower()
    mime = _SAME.get(mime, mime)
    if mime in _KNOWN:
        return mime
    return _TYPES.get(name.rpartition(".")[2].lower(), "")


def seconds(head: bytes, size: int) -> float:
    """How long a WAV file of ``size`` bytes is, by its beginning; 0 for any other."""
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return 0.0
    at, rate = 12, 0
    while at + 8 <= len(head):
        name, length = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        at += 8
        if name == b"fmt ":
            rate = int.from_bytes(head[at + 8 : at + 12], "little")  # bytes of sound per second
        elif name == b"data":
            # A file written as a stream may not know its own length.
            return round(min(length, size - at) / rate, 3) if rate else 0.0
        at += length + length % 2
    return 0.0
