"""The way down: the JSON body of a chat completion request becomes a ``Request``. Pure.

In: the body's bytes. Out: ``dialects.base.Request``. Shapes and ranges are checked while decoding
(``body``); here stand the checks that look at more than one field, and the translation into the
vocabulary. The rule: whatever is wrong is a ``Problem`` with ``param``, before anything is asked of
an upstream; nothing that the caller could rely on is dropped in silence.
"""

from collections.abc import Iterator, Sequence
from typing import assert_never

import msgspec

from chat2api_core.dialects.base import invalid, unreadable, unsupported
from chat2api_core.dialects.chat_completions.body import (
    CHOICES,
    AnyMessage,
    AnyPart,
    AssistantMessage,
    AudioPart,
    Body,
    CallMade,
    DeveloperMessage,
    FileData,
    FilePart,
    FunctionMessage,
    FunctionUse,
    ImagePart,
    RefusalPart,
    SystemMessage,
    TextPart,
    ToolMessage,
    UserMessage,
    refusable,
)
from chat2api_core.dialects.chat_completions.choice import choose, choose_function
from chat2api_core.dialects.chat_completions.request import ChatRequest
from chat2api_core.dialects.chat_completions.response_format import read_format
from chat2api_core.dialects.chat_completions.tools import read_functions, read_tools
from chat2api_core.dialects.chat_completions.web_search import WebSearchOptions, read_search
from chat2api_core.turn import (
    File,
    Image,
    Message,
    Prompt,
    Sampling,
    Text,
    Thread,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

_decoder = msgspec.json.Decoder(Body)


def parse(body: bytes) -> ChatRequest:
    """Read a request. Raises ``Problem``: INVALID_REQUEST or UNSUPPORTED_PARAMETER, with ``param``
    wherever one field is to blame."""
    try:
        read = _decoder.decode(body)
        _refuse_unsupported(read)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(error, CHOICES) from error
    stream = bool(read.stream)
    if read.stream_options is not None and not stream:
        raise invalid("is only allowed together with stream", "stream_options")
    prompt = _prompt(read)
    return ChatRequest(
        prompt=prompt,
        stream=stream,
        include_usage=read.stream_options is not None and bool(read.stream_options.include_usage),
        older_calls=bool(read.functions),
        places=tuple(_places(prompt.messages)),
    )


def _refuse_unsupported(body: Body) -> None:
    asked = [(name, value) for name, value in refusable(body) if value]
    if not asked:
        return
    # Imported late: a plain chat holds none of these.
    from chat2api_core.dialects.chat_completions.parameters import REFUSED  # noqa: PLC0415 (see above)

    for name, value in asked:
        if not REFUSED[name].asks_for_nothing(msgspec.json.decode(value)):
            raise REFUSED[name].refusal()


def _prompt(body: Body) -> Prompt:
    tools, choice = _tools(body)
    return Prompt(
        model=body.model or "auto",
        messages=_messages(body.messages),
        tools=tools,
        tool_choice=choice,
        # The older form of a call has room for one only.
        parallel_tool_calls=body.parallel_tool_calls is not False and not body.functions,
        sampling=Sampling(
            max_tokens=body.max_completion_tokens or body.max_tokens,
            stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
            temperature=body.temperature,
            top_p=body.top_p,
        ),
        format=read_format(body.response_format),
        effort=body.reasoning_effort,
        thread=_thread(body),
        hints=_hints(body),
        temporary=body.history_disabled,
        hosted=() if body.web_search_options is None else (read_search(body.web_search_options),),
        verbosity=body.verbosity or "",
        cache_key=body.prompt_cache_key or "",
        service_tier=body.service_tier or "",
    )


def _hints(body: Body) -> tuple[str, ...]:
    """The switches. A search that is told nothing of how, or that is wished for beside tools of the
    client, is one of them: whichever upstream answers, it searches."""
    hints = tuple(dict.fromkeys(body.system_hints or ()))
    options = body.web_search_options
    wished = options is not None and (bool(body.tools or body.functions) or not _says(options))
    return (*hints, "search") if wished and "search" not in hints else hints


def _says(options: WebSearchOptions) -> bool:
    return bool(options.search_context_size or options.user_location)


def _tools(body: Body) -> tuple[tuple[Tool, ...], ToolChoice]:
    if body.tools and body.functions:
        raise invalid("cannot be used together with tools", "functions")
    tools = read_tools(body.tools or ())
    functions = read_functions(body.functions or ())
    choice = choose(body.tool_choice, tools)
    older = choose_function(body.function_call, functions)
    return (functions, older) if functions else (tools, choice)


def _thread(body: Body) -> Thread | None:
    if body.conversation_id:
        return Thread(body.conversation_id, body.parent_message_id or "")
    if body.parent_message_id:
        raise invalid("needs conversation_id as well", "parent_message_id")
    return None


# -------------------------------------------------------------------------------------- messages


def _messages(messages: list[AnyMessage]) -> tuple[Message, ...]:
    history = _History()
    return tuple(
        history.read(f"messages[{index}]", message) for index, message in enumerate(messages)
    )


class _History:
    """Reads messages in their order, for an answer of a tool belongs to a call before it.

    A call of the older form has no id. It gets one made of its place, so that the function message
    that answers it can name it."""

    def __init__(self) -> None:
        self._calls: dict[str, ToolCall] = {}
        self._functions: dict[str, str] = {}

    def read(self, path: str, message: AnyMessage) -> Message:
        match message:
            case DeveloperMessage():  # before the type that it extends
                return Message("developer", _parts(path, message.content), message.name or "")
            case SystemMessage():
                return Message("system", _parts(path, message.content), message.name or "")
            case UserMessage():
                return Message("user", _parts(path, message.content), message.name or "")
            case AssistantMessage():
                return self._assistant(path, message)
            case ToolMessage():
                return self._tool(path, message)
            case FunctionMessage():
                return self._function(path, message)
            case _:
                assert_never(message)

    def _assistant(self, path: str, message: AssistantMessage) -> Message:
        content = message.content or message.refusal
        calls = [
            _call(f"{path}.tool_calls[{index}]", call)
            for index, call in enumerate(message.tool_calls or ())
        ]
        if message.function_call is not None:
            calls.append(self._old_call(message.function_call))
        if message.content is None and not content and not calls:
            raise invalid("may only be null next to tool_calls", f"{path}.content")
        self._calls.update((call.id, call) for call in calls)
        said = _parts(path, content) if content else ()
        return Message("assistant", (*said, *calls), message.name or "")

    def _old_call(self, use: FunctionUse) -> ToolCall:
        call = ToolCall(f"call_function_{len(self._calls)}", use.name, use.arguments)
        self._functions[use.name] = call.id
        return call

    def _tool(self, path: str, message: ToolMessage) -> Message:
        call = self._calls.get(message.tool_call_id)
        if call is None:
            raise invalid(
                "must be the id of a call in an assistant message before it", f"{path}.tool_call_id"
            )
        result = _parts(path, message.content or "")
        return Message("tool", (ToolResult(call.id, result, call.kind),))

    def _function(self, path: str, message: FunctionMessage) -> Message:
        call_id = self._functions.get(message.name)
        if call_id is None:
            raise invalid(
                "must be the function that an assistant message before it called in function_call",
                f"{path}.name",
            )
        content = (Text(message.content),) if message.content is not None else ()
        return Message("tool", (ToolResult(call_id, content),), message.name)


def _call(path: str, call: CallMade) -> ToolCall:
    if call.type == "custom":
        if call.custom is None:
            raise invalid("is missing", f"{path}.custom")
        return ToolCall(call.id, call.custom.name, call.custom.input, "custom")
    if call.function is None:
        raise invalid("is missing", f"{path}.function")
    return ToolCall(call.id, call.function.name, call.function.arguments)


# ------------------------------------------------------------------------------ parts of content


def _parts(path: str, content: str | Sequence[AnyPart]) -> tuple[Text | Image | File, ...]:
    if isinstance(content, str):
        return (Text(content),)
    return tuple(_part(f"{path}.content[{index}]", part) for index, part in enumerate(content))


def _part(path: str, part: AnyPart) -> Text | Image | File:
    match part:
        case TextPart():
            return Text(part.text)
        case RefusalPart():
            return Text(part.refusal)
        case ImagePart():
            return _image(path, part)
        case FilePart():
            return _file(path, part.file)
        case AudioPart():
            raise unsupported("sound cannot be listened to", f"{path}.type")
        case _:
            assert_never(part)


def _places(messages: Sequence[Message]) -> Iterator[str]:
    """What the client calls the pictures and files: each message and each part came from one."""
    for index, message in enumerate(messages):
        results = [part.parts for part in message.parts if isinstance(part, ToolResult)]
        for number, part in enumerate(results[0] if results else message.parts):
            path = f"messages[{index}].content[{number}]"
            if isinstance(part, Image):
                yield f"{path}.image_url.url"
            elif isinstance(part, File):
                yield f"{path}.file.{'file_id' if part.file_id else 'file_data'}"


def _image(path: str, part: ImagePart) -> Image:
    place = f"{path}.image_url"
    if isinstance(part.image_url, str):
        url, detail = part.image_url, None
    else:
        place, url, detail = f"{place}.url", part.image_url.url, part.image_url.detail
    if not url[:8].lower().startswith(("http://", "https://", "data:")):
        raise invalid("must be an http, https or data URL", place)
    return Image(url=url, detail=detail or "auto")


def _file(path: str, file: FileData) -> File:
    if not file.file_data and not file.file_id:
        raise invalid("must hold file_data or file_id", f"{path}.file")
    return File(name=file.filename or "", data=file.file_data or "", file_id=file.file_id or "")
