"""Tools that the client runs itself but that have item types of their own: local_shell, shell and
apply_patch.

In: their declarations, calls and outputs. Out: the same as functions, for the way down, and the
client's own item types again, for the way up; an upstream that knows such a type makes of the
function what the client said. The rule: a call that does not fit its type goes back
as a plain function call rather than not at all.
"""

from typing import Any

import msgspec
from msgspec import Struct

from chat2api_core.dialects.responses.answer import (
    ApplyPatchCall,
    LocalShellAction,
    LocalShellCall,
    NativeItem,
    PatchOperation,
    ShellAction,
    ShellCall,
)
from chat2api_core.dialects.responses.body import read
from chat2api_core.turn import Text, Tool, ToolCall, ToolResult

_STRINGS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_MILLISECONDS = {"type": "integer", "description": "Time limit in milliseconds."}

TOOLS: dict[str, Tool] = {
    "local_shell": Tool(
        "local_shell",
        "Runs one command on the user's computer.",
        {
            "type": "object",
            "properties": {
                "command": {**_STRINGS, "description": "The program and its arguments."},
                "env": {"type": "object", "additionalProperties": {"type": "string"}},
                "timeout_ms": _MILLISECONDS,
                "working_directory": {"type": "string"},
            },
            "required": ["command"],
            "additionalProperties": False,
        },
        built_in=True,
    ),
    "shell": Tool(
        "shell",
        "Runs shell commands on the user's computer, one after the other.",
        {
            "type": "object",
            "properties": {
                "commands": {**_STRINGS, "description": "Shell commands."},
                "timeout_ms": _MILLISECONDS,
                "max_output_length": {"type": "integer"},
            },
            "required": ["commands"],
            "additionalProperties": False,
        },
        built_in=True,
    ),
    "apply_patch": Tool(
        "apply_patch",
        "Creates, updates or deletes one file. A diff has only hunks: lines that start with a "
        "blank, + or -, after @@ lines that say where; for a new file, + lines only.",
        {
            "type": "object",
            "properties": {
                "type": {"enum": ["create_file", "update_file", "delete_file"]},
                "path": {"type": "string"},
                "diff": {"type": "string", "description": "Not for delete_file."},
            },
            "required": ["type", "path"],
            "additionalProperties": False,
        },
        built_in=True,
    ),
}

# The part of a past call that its arguments are made of, by the type of the item.
CALLS = {
    "local_shell_call": ("local_shell", "action"),
    "shell_call": ("shell", "action"),
    "apply_patch_call": ("apply_patch", "operation"),
}
OUTPUTS = frozenset({"local_shell_call_output", "shell_call_output", "apply_patch_call_output"})


class _Call(Struct):
    call_id: str
    action: dict[str, Any] | None = None
    operation: dict[str, Any] | None = None


class _Output(Struct):
    # local_shell_call_output names its call in ``id`` in the official shape, in ``call_id`` too in
    # what clients send.
    call_id: str | None = None
    id: str | None = None
    output: str | list[dict[str, Any]] | None = None
    status: str | None = None


def is_hosted(declared: dict[str, Any]) -> bool:
    """Whether a declared shell is one that runs in a container of the service."""
    environment = declared.get("environment")
    return isinstance(environment, dict) and environment.get("type", "local") != "local"


def past_call(item: dict[str, Any], kind: str, at: str) -> ToolCall:
    """An earlier call, from an item of one of the types in ``CALLS``."""
    name, field = CALLS[kind]
    call = read(_Call, item, at)
    arguments = (call.action if field == "action" else call.operation) or {}
    if name == "local_shell":
        arguments = {key: value for key, value in arguments.items() if key != "type"}
    return ToolCall(call.call_id, name, msgspec.json.encode(arguments).decode())


def past_result(item: dict[str, Any], at: str) -> ToolResult:
    """What came of a call, from an item of one of the types in ``OUTPUTS``."""
    result = read(_Output, item, at)
    said = result.output if result.output is not None else ""
    text = said if isinstance(said, str) else msgspec.json.encode(said).decode()
    if item.get("type") == "apply_patch_call_output":
        text = f"{result.status or 'completed'}\n{text}".rstrip()
    return ToolResult(result.call_id or result.id or "", (Text(text),))


def finished_item(name: str, item_id: str, call_id: str, arguments: str) -> NativeItem | None:
    """The item for a whole call of the tool ``name``; None where the arguments do not fit."""
    try:
        if name == "local_shell":
            local = msgspec.json.decode(arguments, type=LocalShellAction)
            return LocalShellCall(id=item_id, call_id=call_id, action=local)
        if name == "shell":
            action = msgspec.json.decode(arguments, type=ShellAction)
            return ShellCall(id=item_id, call_id=call_id, action=action)
        operation = msgspec.json.decode(arguments, type=PatchOperation)
        return ApplyPatchCall(id=item_id, call_id=call_id, operation=operation)
    except (msgspec.DecodeError, RecursionError):
        return None
