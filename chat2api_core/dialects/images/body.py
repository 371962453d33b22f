"""The bodies of the routes for pictures as they are on the wire, read and checked by type.

In: JSON, or the fields of a form and its files as data URLs. Out: ``Body``. The rule: whatever is
wrong ends in a ``Problem`` that names the field.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from chat2api_core.dialects.base import invalid, unreadable, unsupported
from chat2api_core.dialects.images.parameters import REFUSED
from chat2api_core.painters import SIZE

MOST_PICTURES = 16
_NUMBERS = ("n", "output_compression", "partial_images", "frame_count", "frame_duration_ms")


class Reference(Struct):
    """A picture to work from: a URL, or the id of an uploaded file."""

    image_url: str | None = None
    file_id: str | None = None


_Picture = str | Reference


class Body(Struct):
    """What is read of a request. Refused parameters are here only to be looked at once."""

    prompt: Annotated[str, Meta(max_length=32_000)] | None = None
    model: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    n: int | None = None
    size: Annotated[str, Meta(pattern=SIZE)] | None = None
    quality: Literal["low", "medium", "high", "xhigh", "max", "auto", "standard", "hd"] | None = (
        None
    )
    background: Literal["transparent", "opaque", "auto"] | None = None
    output_format: Literal["png", "jpeg", "webp", "gif", "svg"] | None = None
    output_compression: Annotated[int, Meta(ge=0, le=100)] | None = None
    response_format: Literal["url", "b64_json"] | None = None
    stream: bool | None = None
    partial_images: Annotated[int, Meta(ge=0, le=3)] | None = None
    moderation: Literal["auto", "low"] | None = None
    input_fidelity: Literal["high", "low"] | None = None
    style: Literal["vivid", "natural"] | None = None
    image: _Picture | list[_Picture] | None = None
    images: list[_Picture] | None = None
    mask: _Picture | None = None
    frame_count: Any = None
    frame_duration_ms: Any = None
    svg: Any = None
    markup: Any = None

    @property
    def pictures(self) -> list[_Picture]:
        """All pictures to work from, in order."""
        one = self.image
        first = one if isinstance(one, list) else [] if one is None else [one]
        return [*first, *(self.images or ())]


_decode = msgspec.json.Decoder(Body).decode
_CHOICES = {
    "size": "auto, or width and height in pixels such as 1024x1024",
    "quality": "low, medium, high, xhigh, max or auto",
    "background": "transparent, opaque or auto",
    "output_format": "png, jpeg or webp",
    "response_format": "url or b64_json",
    "moderation": "auto or low",
    "input_fidelity": "high or low",
    "style": "vivid or natural",
}


def read_json(raw: bytes) -> Body:
    """Raises ``Problem`` INVALID_REQUEST or UNSUPPORTED_PARAMETER, with ``param``."""
    try:
        return _checked(_decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(error, _CHOICES) from error


def read_form(fields: Mapping[str, Sequence[str]], files: Mapping[str, Sequence[str]]) -> Body:
    """The same from a form, of whose fields the last one of a name counts. ``files`` are data
    URLs."""
    body: dict[str, object] = {name: values[-1] for name, values in fields.items() if values}
    for name in _NUMBERS:
        if name in body:
            body[name] = _number(str(body[name]), name)
    if "stream" in body:
        body["stream"] = _flag(str(body["stream"]))
    for name in ("image", "mask", "markup"):
        pictures = [*files.get(name, ()), *fields.get(name, ())]
        if pictures:
            body[name] = pictures if name == "image" else pictures[-1]
    try:
        return _checked(msgspec.convert(body, Body))
    except msgspec.ValidationError as error:
        raise unreadable(error, _CHOICES) from error


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):  # noqa: PLR2004 (digits)
        raise invalid("must be a whole number", name)
    return int(text)


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise invalid("must be true or false", "stream")
    return text.lower() in ("true", "1")


def _checked(body: Body) -> Body:
    for row in REFUSED:
        if not row.asks_for_nothing(getattr(body, row.name)):
            raise row.refusal()
    if body.output_format in ("gif", "svg"):
        raise unsupported("pictures are png, jpeg or webp", "output_format")
    if len(body.pictures) > MOST_PICTURES:
        raise invalid(f"holds more than {MOST_PICTURES} pictures", "image")
    return body
