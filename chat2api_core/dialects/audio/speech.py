"""A request to speak a text, and the events of its stream. Pure.

In: the JSON body of ``POST /v1/audio/speech``; then audio, piece by piece. Out: ``Saying``; bytes.
The rule: a voice, a format or a speed that ChatGPT does not have is refused by name, never replaced
in silence.
"""

import base64
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Raw, Struct

from chat2api_core.dialects.audio.parameters import REFUSED
from chat2api_core.dialects.base import error_object, invalid, unreadable, unsupported
from chat2api_core.problem import Problem

Sound: TypeAlias = Literal["mp3", "opus", "aac"]

LONGEST = 4096  # characters of a text
# Voices of OpenAI's speech and the one of ChatGPT's that is spoken with. The last four have no
# counterpart and get the usual voice.
VOICES = {
    "alloy": "cove",
    "ash": "fathom",
    "coral": "vale",
    "echo": "ember",
    "fable": "breeze",
    "onyx": "orbit",
    "nova": "maple",
    "sage": "glimmer",
    "shimmer": "juniper",
    "ballad": "cove",
    "verse": "cove",
    "marin": "cove",
    "cedar": "cove",
}
# ChatGPT's own voices may be named as well. Source: seen in the web client.
OWN_VOICES = (
    "cove", "fathom", "vale", "ember", "breeze", "orbit", "maple", "glimmer", "juniper",
    "arbor", "sol", "spruce",
)  # fmt: skip
SOUNDS: dict[Sound, bytes] = {"mp3": b"audio/mpeg", "opus": b"audio/ogg", "aac": b"audio/aac"}
_NOT_MADE = frozenset({"wav", "flac", "pcm"})


class _Body(Struct):
    """``Raw`` fields are parameters that are refused unless they ask for nothing."""

    input: str
    voice: str | dict[str, object] | None = None
    model: Annotated[str, Meta(max_length=256)] | None = None
    response_format: str | None = None
    stream_format: Literal["sse", "audio"] | None = None
    speed: Raw = Raw()


_CHOICES = {"stream_format": "sse or audio"}
_decoder = msgspec.json.Decoder(_Body)


class Saying(Struct, frozen=True):
    """What to say and how. ``voice`` is one of ChatGPT's; ``events``: as events, not as bytes."""

    text: str
    model: str
    voice: str = "cove"
    sound: Sound = "mp3"
    events: bool = False


def read_saying(body: bytes) -> Saying:
    """Read a request. Raises ``Problem``: INVALID_REQUEST or UNSUPPORTED_PARAMETER."""
    try:
        read = _decoder.decode(body)
        _refuse_unsupported(read)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(error, _CHOICES) from error
    if not read.input.strip():
        raise invalid("must hold something to say", "input")
    if len(read.input) > LONGEST:
        raise invalid(f"is longer than {LONGEST} characters", "input")
    return Saying(
        read.input,
        read.model or "tts-1",
        _voice(read.voice),
        _sound(read.response_format),
        read.stream_format == "sse",
    )


def _refuse_unsupported(body: _Body) -> None:
    for parameter in REFUSED["speech"]:
        value: Raw = getattr(body, parameter.name)
        if value and not parameter.asks_for_nothing(msgspec.json.decode(value)):
            raise parameter.refusal()


def _voice(named: str | dict[str, object] | None) -> str:
    if isinstance(named, dict):
        raise unsupported("there are no custom voices", "voice")
    if named is None:
        return "cove"
    name = named.strip().lower()
    if name in OWN_VOICES:
        return name
    voice = VOICES.get(name)
    if voice is None:
        known = ", ".join((*VOICES, *OWN_VOICES))
        raise invalid(f"is not a voice that is known here; these are: {known}", "voice")
    return voice


def _sound(named: str | None) -> Sound:
    if named in _NOT_MADE:
        raise unsupported(
            f"ChatGPT does not make {named} (take mp3, opus or aac)", "response_format"
        )
    for sound in SOUNDS:
        if named in (sound, None):
            return sound
    raise invalid("must be mp3, opus or aac", "response_format")


class SaidEncoder:
    """The events of a spoken answer: ``speech.audio.delta`` with base64, three bytes to four
    letters across the pieces, and ``speech.audio.done``."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> bytes:
        """The event for more of the audio; empty while there is too little for one."""
        audio = self._rest + piece
        whole = len(audio) // 3 * 3
        self._rest = audio[whole:]
        return _delta(audio[:whole])

    def close(self, input_tokens: int) -> bytes:
        """The rest of the audio and the end. ChatGPT does not say how many tokens audio is."""
        rest, self._rest = self._rest, b""
        usage = {"input_tokens": input_tokens, "output_tokens": 0, "total_tokens": input_tokens}
        return _delta(rest) + _event({"type": "speech.audio.done", "usage": usage})

    def fail(self, problem: Problem) -> bytes:
        """The event that ends the stream as failed."""
        return _event({"error": error_object(problem)})


def _delta(audio: bytes) -> bytes:
    if not audio:
        return b""
    return _event({"type": "speech.audio.delta", "audio": base64.b64encode(audio).decode()})


def _event(value: object) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"
