"""What was heard, as a client wants it: a document, plain text, or a stream of events. Pure.

In: a text, and what is known of the recording. Out: bytes. The rule: nothing is made up. There are
no timestamps and no probabilities, so none are written.
"""

from collections.abc import Sequence
from typing import assert_never

import msgspec

from chat2api_core.dialects.audio.hearing import Form
from chat2api_core.dialects.base import error_object
from chat2api_core.problem import Problem
from chat2api_core.turn import Delta, Finished, TextDelta

_encode = msgspec.json.Encoder().encode


def content_type(form: Form) -> bytes:
    """The type of a document of this form."""
    return b"text/plain; charset=utf-8" if form == "text" else b"application/json"


def write(
    form: Form, text: str, *, task: str = "transcribe", language: str = "", seconds: float = 0.0
) -> bytes:
    """A document. ``language`` and ``seconds`` are told by ``verbose_json``: "unknown" and 0 where
    they are not known."""
    match form:
        case "text":
            return f"{text}\n".encode()
        case "json":
            return _encode({"text": text})
        case "verbose_json":
            return _encode(
                {
                    "task": task,
                    "language": language or "unknown",
                    "duration": seconds,
                    "text": text,
                }
            )
        case _:
            assert_never(form)


class HeardEncoder:
    """The last stage of a stream: ``transcript.text.delta`` for each piece of text, and at its good
    end ``transcript.text.done`` with the whole."""

    def __init__(self) -> None:
        self._text: list[str] = []

    def feed(self, deltas: Sequence[Delta], /) -> bytes:
        """The bytes for these deltas; only text and the end are written."""
        events = []
        for delta in deltas:
            if isinstance(delta, TextDelta):
                self._text.append(delta.text)
                events.append(_event({"type": "transcript.text.delta", "delta": delta.text}))
            elif isinstance(delta, Finished):
                whole = "".join(self._text)
                events.append(_event({"type": "transcript.text.done", "text": whole}))
        return b"".join(events)

    def fail(self, problem: Problem, /) -> bytes:
        """The bytes that end the stream as failed."""
        return _event({"error": error_object(problem)})


def _event(value: object) -> bytes:
    return b"data: " + _encode(value) + b"\n\n"
