"""The input items of a request, turned into messages.

In: item objects, one by one, in order. Out: ``History.messages``. Items of one assistant turn (its
thinking, its words, its calls) become one message; each result is a message of its own. What only
the Responses API has a word for is kept as it came, as ``Native``. The rule: an item is understood,
left out with a warning, or refused by name, never skipped in silence.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from chat2api_core.compaction import compaction
from chat2api_core.dialects.base import invalid, unsupported
from chat2api_core.dialects.responses import native
from chat2api_core.dialects.responses.body import read
from chat2api_core.dialects.responses.content import Content, place, read_content
from chat2api_core.dialects.responses.tools import Toolbox
from chat2api_core.turn import (
    File,
    Image,
    Message,
    Native,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
)

# Records of what hosted tools did. The words of the answer stand in the messages around them.
_NATIVE = frozenset({
    "web_search_call", "file_search_call", "code_interpreter_call", "mcp_list_tools", "mcp_call",
    "mcp_approval_request", "mcp_approval_response", "tool_search_call", "tool_search_output",
})  # fmt: skip
# No upstream runs what these are of.
_LEFT_OUT = frozenset({
    "computer_call", "computer_call_output", "configuration_update", "program", "program_output",
})  # fmt: skip
_KIND = re.compile(r"[a-z][a-z0-9_]{0,63}")

_REFUSED = {
    "item_reference": "items are not kept under their ids here; send the item itself, or go on "
    "from a response with previous_response_id",
    "compaction_trigger": "a history is made short by POST /v1/responses/compact, not in a turn",
}


class _Message(Struct):
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[Content] | None = None
    phase: Annotated[str, Meta(max_length=64)] | None = None


class _FunctionCall(Struct):
    call_id: str
    name: str
    arguments: str | None = None
    namespace: str | None = None


class _CustomCall(Struct):
    call_id: str
    name: str
    input: str | None = None
    namespace: str | None = None


class _Output(Struct):
    call_id: str
    output: str | list[Content] | None = None


class _Reasoning(Struct):
    id: str | None = None
    summary: list[Content] | None = None
    encrypted_content: str | None = None


class _Compaction(Struct):
    encrypted_content: Annotated[str, Meta(min_length=1)]
    id: str | None = None


class _AdditionalTools(Struct):
    tools: list[dict[str, Any]]


class _Draft(Struct):
    role: Role
    parts: list[Part]
    phase: str = ""


class History:
    """Collects the messages of a request, and in ``places`` what the client calls each picture and
    file in them. With ``continued``, an earlier response comes before
    them, so results may belong to calls that are not among them."""

    def __init__(self, toolbox: Toolbox, *, continued: bool) -> None:
        self.warnings: list[str] = []
        self.places: list[str] = []
        self._toolbox = toolbox
        self._continued = continued
        self._calls: set[str] = set()
        self._drafts: list[_Draft] = []

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages so far; those without any content are not among them."""
        return tuple(
            Message(draft.role, tuple(draft.parts), phase=draft.phase)
            for draft in self._drafts
            if draft.parts
        )

    def say(self, role: Role, parts: list[Part], phase: str = "") -> None:
        """Add a message of its own."""
        self._drafts.append(_Draft(role, parts, phase))

    def add(self, item: dict[str, Any], at: str) -> None:
        """Take in the item at the path ``at``. Raises ``Problem`` naming what is wrong with it."""
        kind = item.get("type")
        if kind is None:
            kind = "message" if "role" in item else "item_reference" if "id" in item else ""
        if not isinstance(kind, str):
            raise invalid("must be a string", f"{at}.type")
        reader = _READERS.get(kind)
        if reader is not None:
            reader(self, item, at)
        elif kind in _LEFT_OUT:
            self.warnings.append(f"{at}: {kind} belongs to a hosted tool; left out")
        elif kind in _REFUSED:
            raise unsupported(_REFUSED[kind], at)
        elif kind in _NATIVE or (isinstance(item.get("id"), str) and _KIND.fullmatch(kind)):
            # What is not known but has an id was made by an upstream, which may read it again.
            self._native(item, kind, at)
        else:
            raise invalid(f"cannot be {kind[:40]!a}: no such item is known", f"{at}.type")

    def _message(self, item: dict[str, Any], at: str) -> None:
        message = read(_Message, item, at)
        parts = self._content(message.content, f"{at}.content")
        phase = (message.phase or "") if message.role == "assistant" else ""
        last = self._open_turn()
        if message.role == "assistant" and last and isinstance(last[-1], Reasoning):
            last.extend(parts)
            self._drafts[-1].phase = phase
        else:
            self.say(message.role, [*parts], phase)

    def _reasoning(self, item: dict[str, Any], at: str) -> None:
        thought = read(_Reasoning, item, at)
        summary = tuple(part.text for part in thought.summary or () if part.text is not None)
        part = Reasoning(thought.id or "", summary, thought.encrypted_content or "")
        last = self._open_turn()
        if last and isinstance(last[-1], Reasoning):
            last.append(part)
        else:
            self.say("assistant", [part])

    def _compaction(self, item: dict[str, Any], at: str) -> None:
        sealed = read(_Compaction, item, at)
        self.say("assistant", [compaction(sealed.encrypted_content, sealed.id or "")])

    def _open_turn(self) -> list[Part]:
        """The parts of the assistant's message at the end, to add to; empty if there is none."""
        if self._drafts and self._drafts[-1].role == "assistant":
            return self._drafts[-1].parts
        return []

    def _function_call(self, item: dict[str, Any], at: str) -> None:
        call = read(_FunctionCall, item, at)
        self._call(
            ToolCall(call.call_id, call.name, call.arguments or "", namespace=call.namespace or "")
        )

    def _custom_call(self, item: dict[str, Any], at: str) -> None:
        call = read(_CustomCall, item, at)
        self._call(
            ToolCall(call.call_id, call.name, call.input or "", "custom", call.namespace or "")
        )

    def _native_call(self, item: dict[str, Any], at: str) -> None:
        self._call(native.past_call(item, item["type"], at))

    def _native(self, item: dict[str, Any], kind: str, at: str) -> None:
        self.warnings.append(f"{at}: {kind} is for the upstream codex only; the web leaves it out")
        self._go_on(Native(kind, msgspec.json.encode(item).decode()))

    def _call(self, call: ToolCall) -> None:
        self._calls.add(call.id)
        self._go_on(call)

    def _go_on(self, part: Part) -> None:
        """Add to the assistant's turn; if there is none, it begins."""
        last = self._open_turn()
        if last:
            last.append(part)
        else:
            self.say("assistant", [part])

    def _function_output(self, item: dict[str, Any], at: str) -> None:
        result = read(_Output, item, at)
        parts = tuple(self._content(result.output, f"{at}.output"))
        self._result(ToolResult(result.call_id, parts), at)

    def _custom_output(self, item: dict[str, Any], at: str) -> None:
        result = read(_Output, item, at)
        parts = tuple(self._content(result.output, f"{at}.output"))
        self._result(ToolResult(result.call_id, parts, "custom"), at)

    def _native_output(self, item: dict[str, Any], at: str) -> None:
        self._result(native.past_result(item, at), at)

    def _result(self, result: ToolResult, at: str) -> None:
        if result.call_id not in self._calls and not self._continued:
            raise invalid("belongs to no call: none with this id comes before it", f"{at}.call_id")
        self.say("tool", [result])

    def _content(self, content: str | list[Content] | None, at: str) -> list[Text | Image | File]:
        parts = read_content(content, at)
        self.places += [
            place(part, f"{at}[{index}]")
            for index, part in enumerate(parts)
            if isinstance(part, Image | File)
        ]
        return parts

    def _picture(self, item: dict[str, Any], at: str) -> None:
        from chat2api_core.dialects.responses.past_pictures import past_picture  # noqa: PLC0415 (few)

        parts = past_picture(item, at)
        if not parts:
            self.warnings.append(f"{at}: image_generation_call without a result; left out")
            return
        self.places.append(f"{at}.result")
        self.say("user", parts)

    def _additional_tools(self, item: dict[str, Any], at: str) -> None:
        for index, tool in enumerate(read(_AdditionalTools, item, at).tools):
            self._toolbox.add(tool, f"{at}.tools[{index}]")


_READERS: dict[str, Callable[[History, dict[str, Any], str], None]] = {
    "message": History._message,
    "reasoning": History._reasoning,
    "compaction": History._compaction,
    "function_call": History._function_call,
    "function_call_output": History._function_output,
    "custom_tool_call": History._custom_call,
    "custom_tool_call_output": History._custom_output,
    "image_generation_call": History._picture,
    "additional_tools": History._additional_tools,
    **dict.fromkeys(native.CALLS, History._native_call),
    **dict.fromkeys(native.OUTPUTS, History._native_output),
}
