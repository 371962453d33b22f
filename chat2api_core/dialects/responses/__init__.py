"""The Responses API: ``Prompt`` and ``Delta`` on one side, its JSON and events on the other."""

from chat2api_core.ambient import Clock
from chat2api_core.dialects.base import Head, Request
from chat2api_core.dialects.responses.encode import ResponsesEncoder
from chat2api_core.dialects.responses.parse import parse
from chat2api_core.dialects.responses.settings import ResponsesHead, ResponsesRequest
from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript

__all__ = ["Responses", "ResponsesEncoder", "ResponsesHead", "ResponsesRequest"]


class Responses:
    """The dialect. The clock tells when an answer was completed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def name(self) -> str:
        return "responses"

    def parse(self, body: bytes) -> ResponsesRequest:
        """Raises ``Problem`` of kind INVALID_REQUEST or UNSUPPORTED_PARAMETER with ``param``."""
        return parse(body)

    def encoder(self, request: Request, head: Head) -> ResponsesEncoder:
        """The stream of an answer to ``request``, which must be one of ours."""
        assert isinstance(request, ResponsesRequest)
        return ResponsesEncoder(request, head, self._clock)

    def document(self, request: Request, head: Head, transcript: Transcript) -> bytes:
        """The response object of an answer: what the last event of a stream would hold. Raises
        ``Problem`` (CUT) if the transcript has no end."""
        if transcript.finished is None:
            raise Problem(Kind.CUT, "The answer broke off before its end.", step="stream")
        encoder = self.encoder(request, head)
        encoder.feed(tuple(transcript.deltas))
        return encoder.document
