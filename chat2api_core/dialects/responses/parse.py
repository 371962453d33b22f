"""A request of POST /v1/responses, from bytes to a ``Prompt``.

In: the body. Out: a ``ResponsesRequest``. The rule: raises ``Problem`` and nothing else, whatever
the bytes are.
"""

from typing import Any

import msgspec

from chat2api_core.dialects.base import invalid, unreadable, unsupported
from chat2api_core.dialects.responses.body import Body, FormatIn, ReasoningIn, TextIn, decode
from chat2api_core.dialects.responses.choice import choose
from chat2api_core.dialects.responses.items import History
from chat2api_core.dialects.responses.settings import (
    ReasoningSettings,
    ResponsesRequest,
    Settings,
    TextSettings,
)
from chat2api_core.dialects.responses.tools import Toolbox
from chat2api_core.turn import Format, Media, Message, Prompt, Sampling, Text

_ENCRYPTED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"


def parse(raw: bytes) -> ResponsesRequest:
    """Raises ``Problem`` of kind INVALID_REQUEST or UNSUPPORTED_PARAMETER, with ``param``."""
    try:
        return _parse(raw)
    except RecursionError as error:
        raise unreadable(error, {}) from error


def _parse(raw: bytes) -> ResponsesRequest:
    body = decode(raw)
    include = body.include or []
    if _LOGPROBS in include:
        raise unsupported("ChatGPT tells no probabilities", f"include[{include.index(_LOGPROBS)}]")
    toolbox = Toolbox()
    declared = body.tools or []
    kept = [tool for index, tool in enumerate(declared) if toolbox.add(tool, f"tools[{index}]")]
    history = _history(body, toolbox)
    choice = choose(body.tool_choice, toolbox)
    prompt = Prompt(
        model=body.model or "auto",
        messages=_messages(body, history),
        tools=toolbox.tools,
        tool_choice=choice.tools,
        parallel_tool_calls=body.parallel_tool_calls is not False,
        sampling=Sampling(body.max_output_tokens, (), body.temperature, body.top_p),
        format=_format((body.text or TextIn()).format or FormatIn()),
        effort=body.reasoning.effort if body.reasoning else None,
        hints=tuple(dict.fromkeys((*(body.system_hints or ()), *choice.hints))),
        temporary=True if body.store is False else None,
        hosted=toolbox.hosted,
        verbosity=(body.text.verbosity if body.text else None) or "",
        summary=(body.reasoning.summary if body.reasoning else None) or "",
        recall=(body.reasoning.context if body.reasoning else None) or "",
        cache_key=body.prompt_cache_key or "",
        service_tier=body.service_tier or "",
        media=Media(inline=any(tool.kind == "image_generation" for tool in toolbox.hosted)),
    )
    return ResponsesRequest(
        prompt=prompt,
        stream=body.stream is True,
        include_usage=True,
        places=tuple(history.places),
        settings=_settings(body, kept),
        previous_response_id=body.previous_response_id or "",
        store=body.store is not False,
        has_instructions=bool(body.instructions),
        wants_encrypted_reasoning=_ENCRYPTED in include,
        native_tools=toolbox.native,
        warnings=(*toolbox.warnings, *history.warnings),
    )


def _history(body: Body, toolbox: Toolbox) -> History:
    history = History(toolbox, continued=body.previous_response_id is not None)
    if isinstance(body.input, str) and body.input:
        history.say("user", [Text(body.input)])
    for index, item in enumerate(body.input if isinstance(body.input, list) else ()):
        history.add(item, f"input[{index}]")
    return history


def _messages(body: Body, history: History) -> tuple[Message, ...]:
    messages = history.messages
    if not messages and body.previous_response_id is None:
        raise invalid("has no message with any content: there is nothing to answer", "input")
    if body.instructions:
        return (Message("system", (Text(body.instructions),)), *messages)
    return messages


def _format(asked: FormatIn) -> Format:
    if asked.type != "json_schema":
        return Format(asked.type)
    if not asked.name:
        raise invalid("is missing", "text.format.name")
    if asked.schema is None:
        raise invalid("is missing", "text.format.schema")
    return Format("json_schema", asked.name, asked.schema, asked.strict is True)


def _format_settings(asked: FormatIn) -> dict[str, Any]:
    if asked.type != "json_schema":
        return {"type": asked.type}
    return {
        "type": asked.type,
        "description": asked.description,
        "name": asked.name,
        "schema": asked.schema,
        "strict": asked.strict is True,
    }


def _settings(body: Body, tools: list[dict[str, Any]]) -> bytes:
    text = body.text or TextIn()
    reasoning = body.reasoning or ReasoningIn()
    settings = Settings(
        instructions=body.instructions,
        max_output_tokens=body.max_output_tokens,
        max_tool_calls=body.max_tool_calls,
        metadata=body.metadata or {},
        parallel_tool_calls=body.parallel_tool_calls is not False,
        previous_response_id=body.previous_response_id,
        prompt_cache_key=body.prompt_cache_key,
        prompt_cache_retention=body.prompt_cache_retention,
        reasoning=ReasoningSettings(
            reasoning.effort, reasoning.summary, reasoning.context or msgspec.UNSET
        ),
        safety_identifier=body.safety_identifier,
        store=body.store is not False,
        temperature=1.0 if body.temperature is None else body.temperature,
        text=TextSettings(_format_settings(text.format or FormatIn()), text.verbosity or "medium"),
        tool_choice=body.tool_choice or "auto",
        tools=tools,
        top_p=1.0 if body.top_p is None else body.top_p,
        truncation=body.truncation or "disabled",
        user=msgspec.UNSET if body.user is None else body.user,
    )
    # Encoded once and for all events here, where a hopelessly nested schema is still a 400.
    return msgspec.json.encode(settings)
