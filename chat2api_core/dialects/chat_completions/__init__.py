"""The dialect of ``POST /v1/chat/completions``.

``body`` and ``parse`` read requests, with ``tools``, ``choice`` and ``response_format`` for what is
said about calls and form; ``parameters`` is the table of what they may hold; ``shapes`` and
``encode`` write answers. Nothing here does I/O.
"""

from chat2api_core.dialects.base import Encoder, Head, Request
from chat2api_core.dialects.chat_completions.encode import ChunkEncoder, document
from chat2api_core.dialects.chat_completions.parse import parse
from chat2api_core.dialects.chat_completions.request import ChatRequest
from chat2api_core.transcript import Transcript


class ChatCompletions:
    """The dialect, as the web layer knows it."""

    name = "chat.completions"

    def parse(self, body: bytes) -> ChatRequest:
        """See ``parse.parse``."""
        return parse(body)

    def encoder(self, request: Request, head: Head) -> Encoder:
        """See ``encode.ChunkEncoder``."""
        return ChunkEncoder(request, head)

    def document(self, request: Request, head: Head, transcript: Transcript) -> bytes:
        """See ``encode.document``."""
        return document(request, head, transcript)


__all__ = ["ChatCompletions", "ChatRequest"]
