"""``tool_choice``, and ``function_call``, which is its older form.

In: the parameter and the tools that it chooses among. Out: a ``ToolChoice``. The rule: a choice
that cannot be honoured is refused, because the caller counts on that call.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from chat2api_core.dialects.base import invalid
from chat2api_core.turn import Tool, ToolChoice

MAX_ALLOWED = 1_000


class Named(Struct):
    name: str


class FunctionChoice(Struct, tag_field="type", tag="function"):
    function: Named


class CustomChoice(Struct, tag_field="type", tag="custom"):
    custom: Named


OneTool: TypeAlias = FunctionChoice | CustomChoice


class Allowed(Struct):
    mode: Literal["auto", "required"]
    tools: Annotated[list[OneTool], Meta(min_length=1, max_length=MAX_ALLOWED)]


class AllowedChoice(Struct, tag_field="type", tag="allowed_tools"):
    allowed_tools: Allowed


AnyChoice: TypeAlias = Literal["auto", "none", "required"] | OneTool | AllowedChoice
OlderChoice: TypeAlias = Literal["auto", "none"] | Named

_AT = "tool_choice"


def choose(wanted: AnyChoice | None, tools: Sequence[Tool]) -> ToolChoice:
    """``tool_choice``. Raises ``Problem`` INVALID_REQUEST for a choice that these tools make
    impossible."""
    if wanted is None:
        return ToolChoice()
    if isinstance(wanted, str):
        if wanted == "required" and not tools:
            raise invalid("asks for a call, but the request has no tools", _AT)
        return ToolChoice(wanted)
    if isinstance(wanted, AllowedChoice):
        allowed, at = wanted.allowed_tools, f"{_AT}.allowed_tools.tools"
        names = (_known(f"{at}[{i}]", one, tools) for i, one in enumerate(allowed.tools))
        return ToolChoice(allowed.mode, tuple(names))
    return ToolChoice("required", (_known(_AT, wanted, tools),))


def choose_function(wanted: OlderChoice | None, functions: Sequence[Tool]) -> ToolChoice:
    """``function_call``. Raises ``Problem`` INVALID_REQUEST for one that is not in functions."""
    if wanted is None:
        return ToolChoice()
    if isinstance(wanted, str):
        return ToolChoice(wanted)
    if all(function.name != wanted.name for function in functions):
        raise invalid("must be the name of one of the functions", "function_call.name")
    return ToolChoice("required", (wanted.name,))


def _known(at: str, wanted: OneTool, tools: Sequence[Tool]) -> str:
    kind: Literal["function", "custom"]
    if isinstance(wanted, FunctionChoice):
        kind, name = "function", wanted.function.name
    else:
        kind, name = "custom", wanted.custom.name
    if not any((tool.kind, tool.name) == (kind, name) for tool in tools):
        raise invalid(
            f"must be the name of one of the tools of the type {kind}", f"{at}.{kind}.name"
        )
    return name
