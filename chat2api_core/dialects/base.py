"""What a dialect is to the web layer: client JSON to ``Prompt``, ``Delta``s to client bytes. Pure.

All OpenAI dialects share one error shape, which stands here.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from chat2api_core.problem import Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import Delta, Prompt


class Request(Struct, frozen=True):
    """A parsed request: what to ask, and how the client wants to hear the answer."""

    prompt: Prompt
    stream: bool = False
    include_usage: bool = False


class Head(Struct, frozen=True, gc=False):
    """What stays the same within one answer: a fresh name and the time it began (unix seconds)."""

    id: str
    created: int


class Encoder(Protocol):
    """The last stage of a stream. After ``Finished`` the success marker goes out with it."""

    def feed(self, deltas: Sequence[Delta], /) -> bytes:
        """The bytes to send for these deltas, possibly none."""
        ...

    def fail(self, problem: Problem, /) -> bytes:
        """The bytes that end the stream as failed. No success marker follows."""
        ...


class Dialect(Protocol):
    """One public API over ``Prompt`` and ``Delta``."""

    @property
    def name(self) -> str: ...

    def parse(self, body: bytes) -> Request:
        """Raises ``Problem`` of kind INVALID_REQUEST or UNSUPPORTED_PARAMETER with ``param``."""
        ...

    def encoder(self, request: Request, head: Head) -> Encoder: ...

    def document(self, request: Request, head: Head, transcript: Transcript) -> bytes:
        """The non-streaming answer: the sum of the stream."""
        ...


def error_object(problem: Problem) -> dict[str, str | None]:
    """The inside of OpenAI's error shape, plus ``stage`` where a step is known."""
    error = {
        "message": problem.message,
        "type": problem.type,
        "param": problem.param,
        "code": problem.code,
    }
    if problem.step is not None:
        error["stage"] = problem.step
    return error


def error_document(problem: Problem) -> bytes:
    """OpenAI's error shape: ``{"error": {"message", "type", "param", "code"}}``."""
    return msgspec.json.encode({"error": error_object(problem)})
