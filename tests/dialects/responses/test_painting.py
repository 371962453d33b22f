"""The options of the tool for pictures: what is taken, and what is refused by name."""

from typing import Any

import pytest

from chat2api_core.dialects.responses.painting import read_painting
from chat2api_core.problem import Kind, Problem

KNOWN: dict[str, Any] = {
    "action": "auto",
    "model": "gpt-image-2",
    "size": "1536x1024",
    "quality": "high",
    "background": "opaque",
    "output_format": "webp",
    "output_compression": 50,
    "moderation": "low",
    "input_fidelity": "high",
    "partial_images": 3,
    "input_image_mask": {"image_url": "data:image/png;base64,AA=="},
}


def test_what_is_known_and_what_is_new_is_passed_on() -> None:
    declared = {"type": "image_generation", **KNOWN, "a_new_one": {"x": 1}}
    assert read_painting(declared, "tools[0]") == {**KNOWN, "a_new_one": {"x": 1}}


def test_null_says_nothing() -> None:
    declared = {"type": "image_generation", **dict.fromkeys(KNOWN), "size": "auto"}
    assert read_painting(declared, "tools[0]") == {"size": "auto"}


@pytest.mark.parametrize(
    ("options", "param", "says"),
    [
        ({"size": "huge"}, "size", "must be auto, or width and height in pixels"),
        ({"size": "1024x"}, "size", "such as 1024x1024"),
        ({"size": 1024}, "size", "must be a string or null, not an integer"),
        ({"quality": "hd"}, "quality", "low, medium, high, xhigh, max or auto"),
        ({"background": "red"}, "background", "transparent, opaque or auto"),
        ({"output_format": "gif"}, "output_format", "png, jpeg or webp"),
        ({"output_compression": 101}, "output_compression", ""),
        ({"output_compression": 50}, "output_compression", "goes with jpeg and webp only"),
        ({"background": "transparent", "output_format": "jpeg"}, "background", "in jpeg"),
        ({"partial_images": 4}, "partial_images", ""),
        ({"moderation": "none"}, "moderation", "auto or low"),
        ({"input_fidelity": "mid"}, "input_fidelity", "high or low"),
        ({"action": "sketch"}, "action", "generate, edit or auto"),
        ({"model": ""}, "model", ""),
        ({"input_image_mask": "x"}, "input_image_mask", "must be an object or null"),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_by_name(options: Any, param: str, says: str) -> None:
    with pytest.raises(Problem) as caught:
        read_painting({"type": "image_generation", **options}, "input[1].tools[2]")
    assert caught.value.kind is Kind.INVALID_REQUEST
    assert caught.value.param == f"input[1].tools[2].{param}"
    assert says in caught.value.message
