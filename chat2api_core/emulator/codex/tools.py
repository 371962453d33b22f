"""The tools of a turn as the Codex backend takes them. Pure.

Input: what is declared, and what is to be used of it. Output: nothing, or ``Refused``. The rule: a
type of tool that this backend does not know, or not of this model, is refused.
"""

import re
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from chat2api_core.emulator.codex.catalog import CodexSlug
from chat2api_core.emulator.codex.faults import refuse
from chat2api_core.emulator.exchange import Json

_TYPES = frozenset({
    "function", "custom", "namespace", "web_search", "image_generation", "local_shell",
    "tool_search",
})  # fmt: skip
_NAMED_TYPES = frozenset({"function", "custom", "namespace"})
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Tool(Struct):
    """A declaration, as far as it is checked."""

    type: str
    name: str | None = None
    description: str | None = None
    parameters: Json | None = None
    strict: bool | None = None
    tools: list[Json] | None = None
    format: Json | None = None
    execution: str | None = None
    defer_loading: bool | None = None


def check_tools(tools: Sequence[Json], choice: str | Json, slug: CodexSlug) -> None:
    """Raises ``Refused``."""
    for index, declared in enumerate(tools):
        _check_tool(declared, f"tools[{index}]", slug)
    if not tools and choice == "required":
        refuse("Tool choice 'required' must be specified with 'tools'.", "tool_choice")
    if isinstance(choice, str):
        if choice not in ("auto", "none", "required"):
            refuse("Invalid value for tool_choice.", "tool_choice", "invalid_value")
    elif choice.get("name") not in (None, *names_of(tools)):
        refuse("Tool choice names a tool that is not in 'tools'.", "tool_choice")


def names_of(tools: Sequence[Json]) -> tuple[str, ...]:
    """The names of all tools, those in a namespace behind its own."""
    names: list[str] = []
    for tool in tools:
        names.append(str(tool.get("name") or ""))
        inner = tool.get("tools")
        names += names_of(inner) if isinstance(inner, list) else ()
    return tuple(names)


def _check_tool(declared: Json, at: str, slug: CodexSlug) -> None:
    try:
        tool = msgspec.convert(declared, Tool)
    except msgspec.ValidationError as error:
        refuse(str(error), at, "invalid_type", error)
    if tool.type not in _TYPES:
        refuse(f"Invalid value: '{tool.type}'.", f"{at}.type", "invalid_value")
    if tool.type in _NAMED_TYPES and _NAME.fullmatch(tool.name or "") is None:
        refuse(f"Invalid '{at}.name'.", f"{at}.name", "invalid_value")
    if tool.type == "local_shell" and slug.shell_type != "local":
        refuse(f"Tool 'local_shell' is not supported with {slug.slug}.", at, "invalid_value")
    if tool.type == "tool_search" and tool.execution not in ("client", "server"):
        refuse(f"Invalid value: '{tool.execution}'.", f"{at}.execution", "invalid_value")
    if tool.type == "function" and (tool.parameters or {}).get("type") != "object":
        message = f"Invalid schema for function '{tool.name}': schema must be of type 'object'."
        refuse(message, f"{at}.parameters", "invalid_function_parameters")
    for index, inner in enumerate((tool.tools or ()) if tool.type == "namespace" else ()):
        _check_tool(inner, f"{at}.tools[{index}]", slug)
