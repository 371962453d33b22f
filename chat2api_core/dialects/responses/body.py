"""The request body as it is on the wire, read and checked by type.

In: bytes, or a value decoded from them. Out: ``Body``, or any struct asked of ``read``. The rule:
whatever is wrong ends in a ``Problem`` that names the field by its path, such as
``input[2].content[0].text``.
"""

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from chat2api_core.dialects.base import HINTS, Hint, unreadable
from chat2api_core.dialects.responses.parameters import REFUSED
from chat2api_core.turn import Effort

MAX_ITEMS = 10_000
MAX_TOOLS = 1_000

_Key = Annotated[str, Meta(max_length=64)]
_Value = Annotated[str, Meta(max_length=512)]
_Count = Annotated[int, Meta(ge=1, le=2**53)]
_Objects = list[dict[str, Any]]


class FormatIn(Struct):
    """``text.format``."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None


class TextIn(Struct):
    """``text``."""

    format: FormatIn | None = None
    verbosity: str | None = None


class ReasoningIn(Struct):
    """``reasoning``."""

    effort: Effort | None = None
    summary: str | None = None
    context: str | None = None


class Body(Struct):
    """What is read of a request. Refused parameters are here only to be looked at once."""

    model: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    input: str | Annotated[_Objects, Meta(max_length=MAX_ITEMS)] | None = None
    instructions: str | None = None
    previous_response_id: Annotated[str, Meta(min_length=1)] | None = None
    stream: bool | None = None
    store: bool | None = None
    tools: Annotated[_Objects, Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    text: TextIn | None = None
    reasoning: ReasoningIn | None = None
    max_output_tokens: _Count | None = None
    include: list[str] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    max_tool_calls: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    metadata: Annotated[dict[_Key, _Value], Meta(max_length=16)] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    service_tier: str | None = None
    system_hints: Annotated[list[Hint], Meta(max_length=16)] | None = None
    safety_identifier: str | None = None
    user: str | None = None
    background: Any = None
    conversation: Any = None
    prompt: Any = None
    top_logprobs: Any = None
    moderation: Any = None


_decode = msgspec.json.Decoder(Body).decode

T = TypeVar("T")

# What may stand in a field of which the decoder only says that the value is none of these.
_CHOICES = {
    "role": "user, assistant, system or developer",
    "type": "text, json_object or json_schema",
    "effort": "none, minimal, low, medium, high, xhigh, max or ultra",
    "truncation": "auto or disabled",
    "mode": "auto or required",
    "system_hints[]": HINTS,
}


def decode(raw: bytes) -> Body:
    """The body of a request. Raises ``Problem`` INVALID_REQUEST, or UNSUPPORTED_PARAMETER for a
    parameter that the table refuses."""
    try:
        body = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise unreadable(error, _CHOICES) from error
    for row in REFUSED:
        if not row.asks_for_nothing(getattr(body, row.name)):
            raise row.refusal()
    return body


def read(shape: type[T], value: object, at: str) -> T:
    """``value``, which stands at the path ``at`` of the body, as a ``shape``."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise unreadable(error, _CHOICES, at) from error
