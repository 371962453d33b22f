"""The JSON of a chat completion answer as types: every shape that goes out is written once, here.

Fields stand in the order in which they appear on the wire. A field that is UNSET is left out; one
that is None says null, which some clients demand (``refusal``, ``logprobs``). The shapes are those
of OpenAI's published API, plus ``reasoning_content``, ``conversation_id`` and ``message_id``.
"""

from typing import Literal, TypeAlias

from msgspec import UNSET, Struct, UnsetType

from chat2api_core.turn import CallStarted, Citation, FinishReason, ToolCall, Usage


class UrlCitation(Struct, frozen=True):
    start_index: int
    end_index: int
    url: str
    title: str


class Annotation(Struct, frozen=True, kw_only=True):
    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class FunctionShape(Struct, frozen=True, kw_only=True):
    name: str
    arguments: str


class CustomShape(Struct, frozen=True, kw_only=True):
    name: str
    input: str


class CallShape(Struct, frozen=True, kw_only=True):
    """A call: whole, or its first piece, which has an index."""

    index: int | UnsetType = UNSET
    id: str
    type: Literal["function", "custom"]
    function: FunctionShape | UnsetType = UNSET
    custom: CustomShape | UnsetType = UNSET


class PromptDetails(Struct, frozen=True):
    cached_tokens: int
    audio_tokens: int = 0
    cache_write_tokens: int = 0


class CompletionDetails(Struct, frozen=True):
    reasoning_tokens: int
    audio_tokens: int = 0
    accepted_prediction_tokens: int = 0
    rejected_prediction_tokens: int = 0


class UsageShape(Struct, frozen=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class DeltaShape(Struct, frozen=True):
    """The inside of ``choices[0].delta`` where it is neither text nor reasoning."""

    annotations: tuple[Annotation, ...] | UnsetType = UNSET
    tool_calls: tuple[CallShape, ...] | UnsetType = UNSET
    function_call: FunctionShape | UnsetType = UNSET


class MessageShape(Struct, frozen=True, kw_only=True):
    role: Literal["assistant"] = "assistant"
    content: str | None
    reasoning_content: str | UnsetType = UNSET
    refusal: str | None = None
    annotations: tuple[Annotation, ...]
    tool_calls: tuple[CallShape, ...] | UnsetType = UNSET
    function_call: FunctionShape | UnsetType = UNSET


# Why an answer ended, in the words of this API; a call of the older form has one of its own.
EndReason: TypeAlias = FinishReason | Literal["function_call"]


class Choice(Struct, frozen=True, kw_only=True):
    index: int = 0
    message: MessageShape
    logprobs: None = None
    finish_reason: EndReason


class Document(Struct, frozen=True, kw_only=True):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    system_fingerprint: None = None
    choices: tuple[Choice, ...]
    usage: UsageShape | None
    conversation_id: str | UnsetType = UNSET
    message_id: str | UnsetType = UNSET


def annotation(citation: Citation) -> Annotation:
    source = UrlCitation(citation.start, citation.end, citation.url, citation.title)
    return Annotation(url_citation=source)


def call_start(call: CallStarted) -> CallShape:
    """The first piece of a call: all but its arguments."""
    if call.kind == "custom":
        use = CustomShape(name=call.name, input="")
        return CallShape(index=call.index, id=call.id, type="custom", custom=use)
    function = FunctionShape(name=call.name, arguments="")
    return CallShape(index=call.index, id=call.id, type="function", function=function)


def whole_call(call: ToolCall) -> CallShape:
    """A call as the document shows it, without an index."""
    if call.kind == "custom":
        use = CustomShape(name=call.name, input=call.arguments)
        return CallShape(id=call.id, type="custom", custom=use)
    function = FunctionShape(name=call.name, arguments=call.arguments)
    return CallShape(id=call.id, type="function", function=function)


def older_call(call: ToolCall) -> FunctionShape:
    """A call as the older form of the document shows it: without an id."""
    return FunctionShape(name=call.name, arguments=call.arguments)


def usage(counted: Usage) -> UsageShape:
    return UsageShape(
        prompt_tokens=counted.input_tokens,
        completion_tokens=counted.output_tokens,
        total_tokens=counted.input_tokens + counted.output_tokens,
        prompt_tokens_details=PromptDetails(counted.cached_tokens),
        completion_tokens_details=CompletionDetails(counted.reasoning_tokens),
    )
