"""The shapes of an answer: output items, usage and the response object around them.

In: nothing. Out: structs that encode to exactly what the official API sends. The rule: every field
that the official client libraries call required is always there, with null where there is nothing
to say.
"""

from typing import Literal, TypeAlias

from msgspec import UNSET, Raw, Struct, UnsetType, json

Status: TypeAlias = Literal["in_progress", "completed", "incomplete"]
ResponseStatus: TypeAlias = Literal["in_progress", "completed", "incomplete", "failed"]

NO_LOGPROBS: tuple[()] = ()


class UrlCitation(Struct, tag_field="type", tag="url_citation"):
    """A source. Offsets are code points within the text of the part that it belongs to."""

    start_index: int
    end_index: int
    url: str
    title: str


class OutputText(Struct, tag_field="type", tag="output_text"):
    """The one part of a message that says something."""

    text: str
    annotations: list[UrlCitation]
    logprobs: tuple[()] = NO_LOGPROBS


class Refusal(Struct, tag_field="type", tag="refusal"):
    """The one part of a message that declines."""

    refusal: str


Part: TypeAlias = "OutputText | Refusal | ReasoningText"


class Message(Struct, tag_field="type", tag="message"):
    """Something said, or the words with which the model declines."""

    id: str
    status: Status
    content: list[Part]
    role: Literal["assistant"] = "assistant"
    phase: str | UnsetType = UNSET


class SummaryText(Struct, tag_field="type", tag="summary_text"):
    """One section of the thinking that is shown."""

    text: str


class ReasoningText(Struct, tag_field="type", tag="reasoning_text"):
    """One section of the thinking itself, where the upstream shows it."""

    text: str


class Reasoning(Struct, tag_field="type", tag="reasoning"):
    """Thinking. ``encrypted_content`` is its sealed original: null where it was asked for and there
    is none, absent where it was not asked for. ``content`` is there where something is in it."""

    id: str
    summary: list[SummaryText]
    encrypted_content: str | UnsetType | None = UNSET
    content: list[ReasoningText] | UnsetType = UNSET


class SearchAction(Struct, omit_defaults=True):
    """What a web search did; ``type`` is search, open_page or find_in_page."""

    type: str
    query: str = ""
    url: str = ""
    pattern: str = ""
    queries: tuple[str, ...] = ()


class WebSearchCall(Struct, tag_field="type", tag="web_search_call"):
    """A step of a web search that the upstream made by itself."""

    id: str
    action: SearchAction
    status: Status | Literal["failed"] = "completed"


class ImageCall(Struct, tag_field="type", tag="image_generation_call"):
    """A picture that the upstream made. ``result`` is base64, null while it is being made."""

    id: str
    status: Status | Literal["failed"]
    result: str | None = None
    output_format: str | UnsetType = UNSET
    revised_prompt: str | UnsetType = UNSET
    size: str | UnsetType = UNSET


class FunctionCall(Struct, tag_field="type", tag="function_call"):
    """A call with JSON arguments."""

    id: str
    status: Status
    call_id: str
    name: str
    arguments: str
    namespace: str | UnsetType = UNSET


class CustomToolCall(Struct, tag_field="type", tag="custom_tool_call"):
    """A call with free text."""

    id: str
    status: Status
    call_id: str
    name: str
    input: str
    namespace: str | UnsetType = UNSET


class LocalShellAction(Struct, tag_field="type", tag="exec"):
    """What ``local_shell`` is to run. Decodes from arguments without ``type``, too."""

    command: list[str]
    env: dict[str, str] = {}
    timeout_ms: int | None = None
    user: str | None = None
    working_directory: str | None = None


class LocalShellCall(Struct, tag_field="type", tag="local_shell_call"):
    """A call of ``local_shell``."""

    id: str
    call_id: str
    action: LocalShellAction
    status: Status = "completed"


class ShellAction(Struct):
    """What ``shell`` is to run."""

    commands: list[str]
    timeout_ms: int | None = None
    max_output_length: int | None = None


class ShellCall(Struct, tag_field="type", tag="shell_call"):
    """A call of ``shell``."""

    id: str
    call_id: str
    action: ShellAction
    status: Status = "completed"
    environment: None = None


class PatchOperation(Struct, omit_defaults=True):
    """What ``apply_patch`` is to do to one file."""

    type: Literal["create_file", "update_file", "delete_file"]
    path: str
    diff: str = ""


class ApplyPatchCall(Struct, tag_field="type", tag="apply_patch_call"):
    """A call of ``apply_patch``."""

    id: str
    call_id: str
    operation: PatchOperation
    status: Status = "completed"


NativeItem: TypeAlias = LocalShellCall | ShellCall | ApplyPatchCall
HostedItem: TypeAlias = WebSearchCall | ImageCall
Item: TypeAlias = (
    Message | Reasoning | FunctionCall | CustomToolCall | NativeItem | HostedItem | Raw
)


class InputDetails(Struct):
    """Details of the input tokens."""

    cached_tokens: int
    cache_write_tokens: int = 0


class OutputDetails(Struct):
    """Details of the output tokens."""

    reasoning_tokens: int


class Usage(Struct):
    """Tokens of an answer."""

    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class Failure(Struct):
    """Why a response failed. ``type`` is this gateway's own code for it."""

    code: str
    message: str
    param: str | None
    type: str


class Incomplete(Struct):
    """Why a response is not whole."""

    reason: Literal["max_output_tokens", "content_filter"]


class Response(Struct, kw_only=True):
    """The response object without the settings that it repeats from the request."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    status: ResponseStatus
    completed_at: int | None = None
    error: Failure | None = None
    incomplete_details: Incomplete | None = None
    model: str
    output: list[Item]
    usage: Usage | None = None


def with_settings(response: Response, settings: bytes) -> Raw:
    """The whole response object: ``settings`` is a JSON object with at least one member."""
    return Raw(json.encode(response)[:-1] + b"," + settings[1:])
