"""The tool that makes pictures, as the Codex backend takes it. Pure.

Input: how the tool is declared, the plan, the pictures that came along. Output: ``Easel``, or
``Refused``. The rule: an option that the tool does not have, or a value that it does not know, is
refused and never passed over.
"""

import re
from typing import Literal

import msgspec
from msgspec import Struct

from chat2api_core.emulator.codex.faults import bad
from chat2api_core.emulator.exchange import Json, Refused

_SIZE = re.compile(r"auto|[1-9]\d{1,3}x[1-9]\d{1,3}")
_NO_TOOL_PLANS = frozenset({"free"})


class _Mask(Struct, forbid_unknown_fields=True):
    image_url: str


class Easel(Struct, forbid_unknown_fields=True, frozen=True):
    """How pictures are to be made."""

    type: Literal["image_generation"] = "image_generation"
    action: Literal["generate", "edit", "auto"] = "auto"
    model: str = "gpt-image-2"
    size: str = "auto"
    quality: Literal["low", "medium", "high", "xhigh", "max", "auto"] = "auto"
    background: Literal["transparent", "opaque", "auto"] = "auto"
    output_format: Literal["png", "webp", "jpeg"] = "png"
    output_compression: int = 100
    moderation: Literal["auto", "low"] = "auto"
    input_fidelity: Literal["high", "low"] | None = None
    partial_images: int = 0
    input_image_mask: _Mask | None = None

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height of what is made."""
        width, _, height = self.size.partition("x")
        return (int(width), int(height)) if height else (1024, 1024)


def read_easel(declared: Json, at: str, *, plan: str, pictures: int) -> Easel:
    """Raises ``Refused``. ``pictures`` is how many came along to be worked on."""
    try:
        easel = msgspec.convert(declared, Easel)
    except msgspec.ValidationError as error:
        raise Refused(bad(str(error), at, "invalid_value")) from error
    if plan in _NO_TOOL_PLANS:
        raise Refused(bad("Tool 'image_generation' is not supported with this plan.", at))
    if _SIZE.fullmatch(easel.size) is None:
        raise Refused(bad(f"Invalid value: '{easel.size}'.", f"{at}.size", "invalid_value"))
    if not 0 <= easel.partial_images <= 3:  # noqa: PLR2004 (the most that there are)
        raise Refused(bad("partial_images is 0 to 3.", f"{at}.partial_images", "invalid_value"))
    if not easel.model.startswith("gpt-image-"):
        raise Refused(bad(f"The model '{easel.model}' does not exist.", f"{at}.model"))
    mask = easel.input_image_mask
    if mask is not None and not (pictures and mask.image_url.startswith("data:image/png;base64,")):
        raise Refused(bad("A mask is a PNG for a picture.", f"{at}.input_image_mask"))
    if easel.action == "edit" and not pictures:
        raise Refused(bad("There is no picture to edit.", f"{at}.action", "invalid_value"))
    return easel
