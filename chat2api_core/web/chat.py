"""POST /v1/chat/completions, asked in its own words or in those of the Responses API.

Some editors send the body of a Responses request (``input``, no ``messages``) to the address of
chat completions, and read chat completion chunks. In: such a body, or a proper one. Out: the
request. The rule: a proper request pays nothing for this, and what cannot be said in chat
completions is refused.
"""

from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw, Struct

from chat2api_core.dialects.base import Encoder, Head, Request, invalid
from chat2api_core.dialects.chat_completions import ChatCompletions, ChatRequest
from chat2api_core.problem import Problem

if TYPE_CHECKING:
    from chat2api_core.transcript import Transcript


class Chat:
    """The dialect of the route."""

    name = ChatCompletions.name

    def __init__(self) -> None:
        self._own = ChatCompletions()

    def parse(self, body: bytes) -> ChatRequest:
        """Raises ``Problem`` of kind INVALID_REQUEST or UNSUPPORTED_PARAMETER with ``param``."""
        try:
            return self._own.parse(body)
        except Problem:
            heading = _heading(body)
            if heading is None or heading.messages or not heading.input:
                raise
        return _crossed(body, heading)

    def encoder(self, request: Request, head: Head) -> Encoder:
        """See ``ChatCompletions``."""
        return self._own.encoder(request, head)

    def document(self, request: Request, head: Head, transcript: "Transcript") -> bytes:
        """See ``ChatCompletions``."""
        return self._own.document(request, head, transcript)


class _StreamOptions(Struct):
    include_usage: bool | None = None


class _Heading(Struct):
    """What tells the two kinds of body apart, and the one thing that only chat completions have."""

    messages: Raw = Raw()
    input: Raw = Raw()
    stream_options: _StreamOptions | None = None


def _heading(body: bytes) -> _Heading | None:
    try:
        return msgspec.json.decode(body, type=_Heading)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None  # what is wrong with it was said


def _crossed(body: bytes, heading: _Heading) -> ChatRequest:
    """A request in the words of the Responses API. Raises ``Problem`` as its parser does."""
    from chat2api_core.dialects.responses.parse import parse  # noqa: PLC0415 (few ask so)

    asked = parse(body)
    if asked.previous_response_id:
        raise invalid(
            "goes on from a response, which chat completions cannot: ask /v1/responses",
            "previous_response_id",
        )
    options = heading.stream_options
    return ChatRequest(
        prompt=asked.prompt,
        stream=asked.stream,
        include_usage=options is not None and options.include_usage is True,
        places=asked.places,
    )
