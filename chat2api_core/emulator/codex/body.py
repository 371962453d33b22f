"""The body of a turn as the Codex backend takes it, and how it refuses others. Pure.

Input: bytes, the plan, the owner. Output: ``Body``, or ``Refused``. The rule: what the real backend
is known to refuse is refused here, in its words where they are known: stored responses, sampling,
the role ``system``, foreign or endless ids, unsealed or foreign reasoning, results without a call.
"""

import re
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from chat2api_core.emulator.codex import seals
from chat2api_core.emulator.codex.catalog import CodexSlug, find
from chat2api_core.emulator.codex.easel import Easel, read_easel
from chat2api_core.emulator.codex.faults import detail, refuse
from chat2api_core.emulator.codex.tools import check_tools, names_of
from chat2api_core.emulator.exchange import Json, Refused

_KNOWN = frozenset({
    "model", "instructions", "input", "tools", "tool_choice", "parallel_tool_calls", "reasoning",
    "text", "include", "store", "stream", "prompt_cache_key", "service_tier", "client_metadata",
})  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PREFIXES = {
    "message": "msg", "reasoning": "rs", "function_call": "fc", "custom_tool_call": "ctc",
    "web_search_call": "ws", "image_generation_call": "ig", "file_search_call": "fs",
    "code_interpreter_call": "ci", "mcp_call": "mcp", "mcp_list_tools": "mcpl",
    "mcp_approval_request": "mcpr", "mcp_approval_response": "mcpa", "tool_search_call": "tsc",
    "tool_search_output": "tso", "compaction": "cmp", "local_shell_call": "lsh",
}  # fmt: skip
# What the public API asks of items of hosted tools, besides their type.
_ASKED = {
    "image_generation_call": ("id", "result", "status"),
    "mcp_approval_response": ("approval_request_id", "approve"),
    "mcp_approval_request": ("id", "arguments", "name", "server_label"),
    "mcp_call": ("id", "arguments", "name", "server_label"),
    "mcp_list_tools": ("id", "server_label", "tools"),
    "file_search_call": ("id", "queries", "status"),
    "code_interpreter_call": ("id", "container_id", "status"),
}
_ACTIONS = frozenset({"search", "open_page", "find", "find_in_page"})
_PHASES = frozenset({"commentary", "final_answer"})
# What answers which calls; that of a local shell is answered as if it were a function's.
_OUTPUTS = {
    "function_call_output": ("function_call", "local_shell_call"),
    "custom_tool_call_output": ("custom_tool_call",),
}
_SEALED = frozenset({"reasoning", "compaction"})
_INPUT_PARTS = frozenset({"input_text", "input_image", "input_file"})


class Reasoning(Struct):
    effort: str | None = None
    summary: str | None = None
    context: Literal["auto", "current_turn", "all_turns"] | None = None


class _Mark(Struct, tag_field="type", tag="url_citation", forbid_unknown_fields=True):
    """A source of what the assistant said before."""

    start_index: int
    end_index: int
    url: str
    title: str


class _Exec(Struct, tag_field="type", tag="exec", forbid_unknown_fields=True):
    """What a local shell was to run."""

    command: list[str]
    env: dict[str, str] | None = None
    timeout_ms: int | None = None
    user: str | None = None
    working_directory: str | None = None


class Item(Struct):
    """An item of the input; each kind has some of these fields."""

    type: str = "message"
    id: str | None = None
    role: str | None = None
    content: str | list[Json] | None = None
    summary: list[Json] | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: Any = None  # a word, but for a search of tools
    input: str | None = None
    output: str | list[Json] | None = None
    phase: str | None = None
    action: Json | str | None = None
    result: str | None = None
    status: str | None = None
    queries: list[str] | None = None
    container_id: str | None = None
    server_label: str | None = None
    tools: list[Json] | None = None
    approval_request_id: str | None = None
    approve: bool | None = None

    @property
    def text(self) -> str:
        """The text in it, one part after the other."""
        said = self.output if self.output is not None else self.content
        if said is None or isinstance(said, str):
            return said or ""
        return "".join(str(part.get("text") or "") for part in said)


class Body(Struct):
    """A body that is right."""

    model: str
    input: list[Item]
    store: Literal[False]
    stream: Literal[True]
    instructions: str = ""
    tools: list[Json] = []
    tool_choice: str | Json = "auto"
    parallel_tool_calls: bool = True
    reasoning: Reasoning = msgspec.field(default_factory=Reasoning)
    text: Json = {}
    include: list[str] = []
    prompt_cache_key: str = ""
    service_tier: str | None = None
    client_metadata: Json = {}
    easel: Easel | None = None

    @property
    def tool_names(self) -> tuple[str, ...]:
        """The names of all tools, those in namespaces behind these."""
        return names_of(self.tools)


def read_body(raw: bytes, *, plan: str, owner: str) -> Body:
    """Raises ``Refused``."""
    body = _decode(raw)
    slug = _slug(body, plan)
    check_tools(body.tools, body.tool_choice, slug)
    body.easel = _easel(body, plan)
    check_input(body.input, owner)
    return body


def check_input(items: Sequence[Item], owner: str) -> None:
    """Raises ``Refused`` for an input that is not one."""
    pending: dict[str, str] = {}
    for index, item in enumerate(items):
        _check_item(item, f"input[{index}]", owner, pending)
    if pending:
        call_id = next(iter(pending))
        refuse(f"No tool output found for function call {call_id}.", "input")


def _decode(raw: bytes) -> Body:
    try:
        fields = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Refused(detail(400, f"Could not parse the request: {error}")) from error
    for name in fields:
        if name not in _KNOWN:
            raise Refused(detail(400, f"Unsupported parameter: {name}"))
    if fields.get("store") is not False:
        raise Refused(detail(400, "Store must be set to false"))
    if fields.get("stream") is not True:
        raise Refused(detail(400, "Stream must be set to true"))
    if not isinstance(fields.get("input"), list):
        raise Refused(detail(400, "Input must be a list"))
    try:
        return msgspec.convert(fields, Body)
    except msgspec.ValidationError as error:
        refuse(str(error), None, "invalid_type", error)


def _slug(body: Body, plan: str) -> CodexSlug:
    """The model that is asked for, if it can do what is asked of it."""
    slug = find(plan, body.model)
    if slug is None:
        words = (
            f"The '{body.model}' model is not supported when using Codex with a ChatGPT account."
        )
        raise Refused(detail(400, words))
    effort = body.reasoning.effort
    if effort is not None and effort not in slug.efforts:
        message = f"Unsupported value: '{effort}' is not supported with the '{body.model}' model."
        refuse(message, "reasoning.effort", "unsupported_value")
    if body.service_tier not in (None, "priority"):
        raise Refused(detail(400, "Unsupported service_tier"))
    if len(body.prompt_cache_key) > 64:  # noqa: PLR2004 (the longest key)
        refuse("prompt_cache_key is too long", "prompt_cache_key", "string_above_max_length")
    return slug


def _easel(body: Body, plan: str) -> Easel | None:
    """The tool that makes pictures, if it is there."""
    contents = (item.content for item in body.input if isinstance(item.content, list))
    pictures = sum(part.get("type") == "input_image" for parts in contents for part in parts)
    pictures += sum(item.type == "image_generation_call" for item in body.input)
    for index, declared in enumerate(body.tools):
        if declared.get("type") == "image_generation":
            return read_easel(declared, f"tools[{index}]", plan=plan, pictures=pictures)
    if isinstance(body.tool_choice, dict) and body.tool_choice.get("type") == "image_generation":
        refuse("Tool choice 'image_generation' not found in 'tools' parameter.", "tool_choice")
    return None


def _check_item(item: Item, at: str, owner: str, pending: dict[str, str]) -> None:
    _check_id(item, at)
    if item.type == "message":
        _check_message(item, at)
    elif item.type in _SEALED:
        if not seals.opens(item.encrypted_content or "", owner, item.id):
            message = "The encrypted content for an item could not be verified."
            refuse(message, f"{at}.encrypted_content", "invalid_encrypted_content")
    elif item.type in ("function_call", "custom_tool_call"):
        _check_call(item, at, pending)
    elif item.type == "local_shell_call":
        _check_shell(item, at, pending)
    elif item.type in _OUTPUTS:
        if pending.pop(item.call_id or "", "") not in _OUTPUTS[item.type]:
            message = f"No tool call found for function call output with call_id {item.call_id}."
            refuse(message, "input")
    else:
        _check_hosted(item, at)


def _check_hosted(item: Item, at: str) -> None:
    if item.type not in _PREFIXES:
        refuse(f"Invalid value: '{item.type}'.", f"{at}.type", "invalid_value")
    for name in _ASKED.get(item.type, ()):
        if getattr(item, name) is None:
            refuse(f"Missing required parameter: '{at}.{name}'.", f"{at}.{name}")
    if item.type == "web_search_call" and item.action is not None:
        kind = item.action.get("type") if isinstance(item.action, dict) else None
        if kind not in _ACTIONS:
            refuse(f"Invalid value: '{kind}'.", f"{at}.action.type", "invalid_value")


def _check_id(item: Item, at: str) -> None:
    prefix = _PREFIXES.get(item.type)
    if prefix is None or item.id is None:
        return
    if not (_ID.fullmatch(item.id) and item.id.startswith(f"{prefix}_")):
        message = (
            f"Invalid '{at}.id': '{item.id[:80]}'. Expected an ID that begins with '{prefix}'."
        )
        refuse(message, f"{at}.id", "invalid_value")


def _check_message(item: Item, at: str) -> None:
    if item.role == "system":
        raise Refused(detail(400, "System messages are not allowed"))
    if item.role not in ("user", "developer", "assistant"):
        refuse(f"Invalid value: '{item.role}'.", f"{at}.role", "invalid_value")
    if not item.content:
        refuse(f"Missing required parameter: '{at}.content'.", f"{at}.content")
    if item.phase is not None and (item.role != "assistant" or item.phase not in _PHASES):
        refuse(f"Invalid value: '{item.phase}'.", f"{at}.phase", "invalid_value")
    allowed = {"output_text", "refusal"} if item.role == "assistant" else _INPUT_PARTS
    for part in item.content if isinstance(item.content, list) else ():
        if part.get("type") not in allowed:
            refuse(f"Invalid value: '{part.get('type')}'.", f"{at}.content", "invalid_value")
        _check_marks(part, f"{at}.content")


def _check_marks(part: Json, at: str) -> None:
    """The sources of something said before."""
    text, marks = str(part.get("text") or ""), part.get("annotations")
    try:
        sources = msgspec.convert(marks or [], list[_Mark])
    except msgspec.ValidationError as error:
        refuse(str(error), f"{at}.annotations", "invalid_type", error)
    if any(not 0 <= one.start_index <= one.end_index <= len(text) for one in sources):
        refuse("A mark is beyond the text.", f"{at}.annotations", "invalid_value")


def _check_call(item: Item, at: str, pending: dict[str, str]) -> None:
    said = item.input if item.type == "custom_tool_call" else item.arguments
    if not item.call_id or len(item.call_id) > 64 or not isinstance(said, str):  # noqa: PLR2004 (as for ids)
        refuse(f"Invalid '{at}'.", at, "invalid_value")
    if _NAME.fullmatch(item.name or "") is None:
        refuse(f"Invalid '{at}.name'.", f"{at}.name", "invalid_value")
    pending[item.call_id] = item.type


def _check_shell(item: Item, at: str, pending: dict[str, str]) -> None:
    try:
        msgspec.convert(item.action, _Exec)
    except msgspec.ValidationError as error:
        refuse(str(error), f"{at}.action", "invalid_type", error)
    if not item.call_id or len(item.call_id) > 64:  # noqa: PLR2004 (as for ids)
        refuse(f"Invalid '{at}.call_id'.", f"{at}.call_id", "invalid_value")
    pending[item.call_id] = item.type
