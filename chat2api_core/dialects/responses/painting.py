"""The options of the tool ``image_generation``, as they are declared.

In: the declaration, and where it stands in the body. Out: its options without the type, those that
are null left out. The rule: an option that is known has a value that is known, whichever upstream
is to make the pictures and whether or not any are made; others are passed on as they are.
"""

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from chat2api_core.dialects.base import invalid, unreadable
from chat2api_core.painters import SIZE


class _Mask(Struct):
    image_url: str | None = None
    file_id: str | None = None


class _Options(Struct):
    """What is checked of a declaration."""

    action: Literal["generate", "edit", "auto"] | None = None
    model: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    size: str | None = None
    quality: Literal["low", "medium", "high", "xhigh", "max", "auto"] | None = None
    background: Literal["transparent", "opaque", "auto"] | None = None
    output_format: Literal["png", "jpeg", "webp"] | None = None
    output_compression: Annotated[int, Meta(ge=0, le=100)] | None = None
    moderation: Literal["auto", "low"] | None = None
    input_fidelity: Literal["high", "low"] | None = None
    partial_images: Annotated[int, Meta(ge=0, le=3)] | None = None
    input_image_mask: _Mask | None = None


_CHOICES = {
    "action": "generate, edit or auto",
    "quality": "low, medium, high, xhigh, max or auto",
    "background": "transparent, opaque or auto",
    "output_format": "png, jpeg or webp",
    "moderation": "auto or low",
    "input_fidelity": "high or low",
}


def read_painting(declared: dict[str, Any], at: str) -> dict[str, Any]:
    """Raises ``Problem`` INVALID_REQUEST that names the option at the path ``at``."""
    try:
        options = msgspec.convert(declared, _Options)
    except msgspec.ValidationError as error:
        raise unreadable(error, _CHOICES, at) from error
    if options.size is not None and not re.fullmatch(SIZE, options.size):
        words = "must be auto, or width and height in pixels such as 1024x1024"
        raise invalid(words, f"{at}.size")
    lossy = options.output_format in ("jpeg", "webp")
    if options.output_compression not in (None, 100) and not lossy:
        raise invalid("goes with jpeg and webp only", f"{at}.output_compression")
    if options.background == "transparent" and options.output_format == "jpeg":
        raise invalid("cannot be transparent in jpeg", f"{at}.background")
    return {name: value for name, value in declared.items() if name != "type" and value is not None}
