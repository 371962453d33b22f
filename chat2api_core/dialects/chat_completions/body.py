"""The JSON body of ``POST /v1/chat/completions`` as types: decoding a body checks its shape.

Every role is a type of its own, so what a role may say and what it must bring along is checked by
the decoder. The rule: a field stands here if the table of parameters says used or refused, or if
its type or range is checked; everything else in a body is skipped unread. Shapes are those of
OpenAI's published API; ``image_url`` as a bare string is a common habit of clients and taken as
well.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Raw, Struct

from chat2api_core.dialects.base import HINTS, Hint
from chat2api_core.dialects.chat_completions.choice import AnyChoice, OlderChoice
from chat2api_core.dialects.chat_completions.response_format import AnyFormat
from chat2api_core.dialects.chat_completions.tools import AnyTool, FunctionDeclared
from chat2api_core.dialects.chat_completions.web_search import WebSearchOptions
from chat2api_core.turn import Effort

MAX_MESSAGES = 10_000
MAX_PARTS = 2_000
MAX_CALLS = 1_000
MAX_TOOLS = 1_000
MAX_STOPS = 4
MAX_STOP_LENGTH = 1_000

_Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
_Id: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:=~-]{0,1024}$")]
_Stop: TypeAlias = Annotated[str, Meta(min_length=1, max_length=MAX_STOP_LENGTH)]
_Count: TypeAlias = Annotated[int, Meta(ge=1)]
_Penalty: TypeAlias = Annotated[float, Meta(ge=-2, le=2)]

# ------------------------------------------------------------------------------ parts of content


class TextPart(Struct, tag_field="type", tag="text"):
    text: str


class RefusalPart(Struct, tag_field="type", tag="refusal"):
    refusal: str


class ImageUrl(Struct):
    url: str
    detail: Literal["auto", "low", "high", "original"] | None = None


class ImagePart(Struct, tag_field="type", tag="image_url"):
    image_url: str | ImageUrl


class FileData(Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class FilePart(Struct, tag_field="type", tag="file"):
    file: FileData


class AudioPart(Struct, tag_field="type", tag="input_audio"):
    """Known only in order to be refused by name."""


AnyPart: TypeAlias = TextPart | RefusalPart | ImagePart | FilePart | AudioPart

_TextContent: TypeAlias = str | Annotated[list[TextPart], Meta(min_length=1, max_length=MAX_PARTS)]
_RichContent: TypeAlias = (
    str
    | Annotated[
        list[TextPart | ImagePart | FilePart | AudioPart], Meta(min_length=1, max_length=MAX_PARTS)
    ]
)
# A tool may have nothing to say.
_ResultContent: TypeAlias = (
    str
    | Annotated[list[TextPart | ImagePart | FilePart | AudioPart], Meta(max_length=MAX_PARTS)]
    | None
)
_SaidContent: TypeAlias = (
    str | Annotated[list[TextPart | RefusalPart], Meta(max_length=MAX_PARTS)] | None
)

# -------------------------------------------------------------------------------------- messages


class SystemMessage(Struct, tag_field="role", tag="system"):
    content: _TextContent
    name: str | None = None


class DeveloperMessage(SystemMessage, tag="developer"):
    pass


class UserMessage(Struct, tag_field="role", tag="user"):
    content: _RichContent
    name: str | None = None


class FunctionUse(Struct):
    name: _Name
    arguments: str


class CustomUse(Struct):
    name: _Name
    input: str


class CallMade(Struct):
    """A call in the history: ``function`` or ``custom`` is there, as ``type`` says."""

    id: _Name
    type: Literal["function", "custom"] = "function"
    function: FunctionUse | None = None
    custom: CustomUse | None = None


class AssistantMessage(Struct, tag_field="role", tag="assistant"):
    content: _SaidContent = None
    refusal: str | None = None
    tool_calls: Annotated[list[CallMade], Meta(max_length=MAX_CALLS)] | None = None
    function_call: FunctionUse | None = None
    name: str | None = None


class ToolMessage(Struct, tag_field="role", tag="tool"):
    tool_call_id: _Name
    content: _ResultContent


class FunctionMessage(Struct, tag_field="role", tag="function"):
    """The older form of a tool's answer: it names the function, not the call."""

    name: _Name
    content: str | None


AnyMessage: TypeAlias = (
    SystemMessage
    | DeveloperMessage
    | UserMessage
    | AssistantMessage
    | ToolMessage
    | FunctionMessage
)

# ---------------------------------------------------------------------------------- the whole body


class StreamOptions(Struct):
    include_usage: bool | None = None


class Body(Struct):
    """A request. ``Raw`` fields are parameters that are refused unless they ask for nothing."""

    messages: Annotated[list[AnyMessage], Meta(min_length=1, max_length=MAX_MESSAGES)]
    model: Annotated[str, Meta(max_length=256)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    stop: _Stop | Annotated[list[_Stop], Meta(max_length=MAX_STOPS)] | None = None
    max_completion_tokens: _Count | None = None
    max_tokens: _Count | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    frequency_penalty: _Penalty | None = None
    presence_penalty: _Penalty | None = None
    seed: int | None = None
    store: bool | None = None
    user: str | None = None
    safety_identifier: str | None = None
    reasoning_effort: Effort | None = None
    conversation_id: _Id | None = None
    parent_message_id: _Id | None = None
    system_hints: Annotated[list[Hint], Meta(max_length=16)] | None = None
    history_disabled: bool | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    prompt_cache_key: Annotated[str, Meta(max_length=1024)] | None = None
    service_tier: Annotated[str, Meta(max_length=64)] | None = None
    web_search_options: WebSearchOptions | None = None
    tools: Annotated[list[AnyTool], Meta(max_length=MAX_TOOLS)] | None = None
    tool_choice: AnyChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: Annotated[list[FunctionDeclared], Meta(max_length=MAX_TOOLS)] | None = None
    function_call: OlderChoice | None = None
    response_format: AnyFormat | None = None

    n: Raw = Raw()
    logprobs: Raw = Raw()
    top_logprobs: Raw = Raw()
    modalities: Raw = Raw()
    audio: Raw = Raw()
    moderation: Raw = Raw()
    gizmo_id: Raw = Raw()


def refusable(body: Body) -> Iterator[tuple[str, Raw]]:
    """The parameters that are refused unless they ask for nothing; empty where they are left
    out."""
    for name in body.__struct_fields__:
        value: object = getattr(body, name)
        if isinstance(value, Raw):
            yield name, value


# What may stand at a place of which the decoder only says that the value is unknown.
CHOICES = {
    "messages[].role": "system, developer, user, assistant, tool or function",
    "messages[].content[].type": (
        "text, image_url or file in user and tool messages, text or refusal in assistant messages, "
        "text elsewhere"
    ),
    "messages[].content[].image_url.detail": "auto, low, high or original",
    "messages[].tool_calls[].type": "function or custom",
    "reasoning_effort": "none, minimal, low, medium, high, xhigh, max or ultra",
    "system_hints[]": HINTS,
    "verbosity": "low, medium or high",
    "web_search_options.search_context_size": "low, medium or high",
    "web_search_options.user_location.type": "approximate",
    "tools[].type": "function or custom",
    "tools[].custom.format.type": "text or grammar",
    "tools[].custom.format.grammar.syntax": "lark or regex",
    "tool_choice": "auto, none, required or an object",
    "tool_choice.type": "function, custom or allowed_tools",
    "tool_choice.allowed_tools.mode": "auto or required",
    "function_call": "auto, none or an object with a name",
    "response_format.type": "text, json_object or json_schema",
}
