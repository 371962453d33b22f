"""The Images API: an order for a ``Prompt``, and pictures out of ``Delta``s."""

from chat2api_core.dialects.base import Head, Request
from chat2api_core.dialects.images.body import MOST_PICTURES, Body, read_form, read_json
from chat2api_core.dialects.images.encode import ImagesEncoder, document
from chat2api_core.dialects.images.parse import MOST, ImagesRequest, Route, order
from chat2api_core.transcript import Transcript

__all__ = [
    "MOST", "MOST_PICTURES", "Body", "Images", "ImagesEncoder", "ImagesRequest", "Route",
    "read_form", "read_json",
]  # fmt: skip


class Images:
    """The dialect, for one of its routes."""

    def __init__(self, route: Route) -> None:
        self.route = route

    @property
    def name(self) -> str:
        return "images"

    def parse(self, body: bytes) -> ImagesRequest:
        """Raises ``Problem`` of kind INVALID_REQUEST or UNSUPPORTED_PARAMETER with ``param``."""
        return self.order(read_json(body))

    def order(self, body: Body) -> ImagesRequest:
        """The same for a body that was read already."""
        return order(body, self.route)

    def encoder(self, request: Request, head: Head) -> ImagesEncoder:
        """The stream of an answer to ``request``, which must be one of ours."""
        assert isinstance(request, ImagesRequest)
        return ImagesEncoder(request, head)

    def document(self, request: Request, head: Head, transcript: Transcript) -> bytes:
        """The answer as one document. Raises ``Problem`` where there is no picture in it."""
        assert isinstance(request, ImagesRequest)
        return document(request, head, transcript)
