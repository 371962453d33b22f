"""Pictures that the assistant made in earlier turns, for turns that go on from them.

In: an item ``image_generation_call``, or a picture of a kept answer. Out: the parts of a message.
The rule: what drew it is told in ``Image.drawn``, and for an upstream that takes no picture as made
by the assistant it is shown by the user, in words that say whose it is; one whose bytes are not
there is left out.
"""

from typing import Any

from msgspec import Struct

from chat2api_core.dialects.responses.body import read
from chat2api_core.turn import Image, Part, Text

_WORDS = "[This is the picture that you made.]"


class _Call(Struct):
    result: str | None = None
    output_format: str | None = None


def shown_again(data: str, form: str) -> list[Part]:
    """The parts that show a picture, in base64, of the type ``image/<form>``."""
    return [Image(f"data:image/{form};base64,{data}", drawn=True), Text(_WORDS)]


def past_picture(item: dict[str, Any], at: str) -> list[Part]:
    """The same for an item of an earlier answer; nothing where it has no result."""
    call = read(_Call, item, at)
    return shown_again(call.result, call.output_format or "png") if call.result else []
