"""Pictures on their way to the client: deltas in, the official events or one document out.

In: batches of ``Delta``s, then ``Finished`` or a ``Problem``. Out: server-sent events, or the JSON
of the whole. The rules: an answer with pictures is good even if there are fewer than were wanted,
one without any is a ``Problem``; what the model draws beyond what was wanted is left out; the usage
stands on the last picture, which is therefore sent with the end. There is no ``[DONE]``.
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from chat2api_core.dialects.base import Head, error_object
from chat2api_core.dialects.images.parse import ImagesRequest
from chat2api_core.dialects.images.shapes import (
    Document,
    Drawn,
    Event,
    InputDetails,
    OutputDetails,
    Usage,
)
from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import Delta, Finished, Picture, PicturePreview, RefusalDelta, TextDelta
from chat2api_core.turn import Usage as Tokens

_NOTHING = Tokens(0, 0)
_encode = msgspec.json.Encoder().encode


class ImagesEncoder:
    """One streamed answer: open until ``Finished`` or ``fail``, then over."""

    def __init__(self, request: ImagesRequest, head: Head) -> None:
        self._request = request
        self._head = head
        self._name = "image_generation" if request.route == "generations" else "image_edit"
        self._last: Picture | None = None
        self._sent = 0
        self._said: list[str] = []
        self._over = False

    def feed(self, deltas: Sequence[Delta], /) -> bytes:
        """The events for these deltas; those of an error where the answer ends without pictures."""
        out: list[bytes] = []
        for delta in deltas:
            if isinstance(delta, PicturePreview):
                out.append(self._partial(delta))
            elif isinstance(delta, Picture):
                out.append(self._taken(delta))
            elif isinstance(delta, TextDelta | RefusalDelta):
                self._said.append(delta.text)
            elif isinstance(delta, Finished):
                out.append(self._finished(delta))
        return b"".join(out)

    def fail(self, problem: Problem, /) -> bytes:
        """The pictures that are held back, then the event that ends the stream as failed."""
        if self._over:
            return b""
        held = self._completed(_NOTHING)
        self._over = True
        error = _encode({"type": "error", "error": error_object(problem)})
        return held + b"event: error\ndata: %b\n\n" % error

    def _taken(self, picture: Picture) -> bytes:
        if self._last is not None:
            return b""  # as many as were wanted are there
        self._last = picture
        return b"" if self._sent + 1 == self._request.n else self._completed(_NOTHING)

    def _finished(self, end: Finished) -> bytes:
        if self._last is None and not self._sent:
            return self.fail(undrawn(end, "".join(self._said)))
        held = self._completed(end.usage or _NOTHING)
        self._over = True
        return held

    def _completed(self, tokens: Tokens) -> bytes:
        """The event of the picture that is held back, if one is."""
        picture, self._last = self._last, None
        if picture is None:
            return b""
        self._sent += 1
        event = Event(
            type=f"{self._name}.completed",
            b64_json=picture.data,
            created_at=self._head.created,
            size=size_of(picture) or self._request.size,
            quality=self._request.quality,
            background=self._request.background,
            output_format=picture.format,
            usage=_usage(tokens),
        )
        return _written(event)

    def _partial(self, view: PicturePreview) -> bytes:
        event = Event(
            type=f"{self._name}.partial_image",
            b64_json=view.data,
            created_at=self._head.created,
            size=self._request.size,
            quality=self._request.quality,
            background=self._request.background,
            output_format=view.format,
            partial_image_index=view.index,
        )
        return _written(event)


def document(request: ImagesRequest, head: Head, transcript: Transcript) -> bytes:
    """``{"created": ..., "data": [...]}``. Raises ``Problem`` where there is no picture."""
    end = transcript.finished
    if end is None:
        raise Problem(Kind.CUT, "The answer broke off before its end.", step="stream")
    pictures = transcript.pictures[: request.n]
    if not pictures:
        raise undrawn(end, transcript.text + transcript.refusal)
    whole = Document(
        head.created,
        [_drawn(picture, request) for picture in pictures],
        output_format=pictures[0].format,
        size=size_of(pictures[0]) or UNSET,
        quality=request.quality if request.quality != "auto" else UNSET,
        background=request.background if request.background != "auto" else UNSET,
        usage=_usage(end.usage) if end.usage is not None else UNSET,
    )
    return _encode(whole)


def undrawn(end: Finished, said: str) -> Problem:
    """Why an answer that has ended has no picture."""
    if end.reason == "length":
        message = "The picture was not ready within the time that this host allows."
        return Problem(Kind.TIMEOUT, message, step="picture", spent=True)
    words = " ".join(said.split())[:500]
    if words or end.reason == "content_filter":
        message = (
            f"No picture was made. The model said: {words}" if words else "No picture was made."
        )
        return Problem(Kind.CONTENT_POLICY, message, step="picture", param="prompt")
    message = "The answer ended without a picture."
    return Problem(Kind.UPSTREAM_ERROR, message, step="picture")


def size_of(picture: Picture) -> str:
    """Such as ``1024x1536``; empty where it is not known."""
    known = picture.width and picture.height
    return f"{picture.width}x{picture.height}" if known else ""


def _drawn(picture: Picture, request: ImagesRequest) -> Drawn:
    revised = picture.revised_prompt or UNSET
    if request.form == "b64_json":
        return Drawn(b64_json=picture.data, revised_prompt=revised)
    if not (picture.url or picture.data):
        message = "The picture was made, but there is no link to it. Ask for b64_json."
        raise Problem(Kind.UPSTREAM_ERROR, message, step="picture", spent=True)
    # Where the picture itself is all there is, its address holds all of it.
    url = picture.url or f"data:image/{picture.format};base64,{picture.data}"
    return Drawn(url=url, revised_prompt=revised)


def _usage(tokens: Tokens) -> Usage:
    return Usage(
        tokens.input_tokens,
        InputDetails(tokens.input_tokens),
        tokens.output_tokens,
        tokens.input_tokens + tokens.output_tokens,
        OutputDetails(text_tokens=tokens.output_tokens),
    )


def _written(event: Event) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event.type.encode(), _encode(event))
