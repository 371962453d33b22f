"""``tool_choice`` in all its forms.

In: the parameter and the toolbox it speaks about. Out: a ``ToolChoice`` and hints for the upstream.
The rule: a choice that cannot be honoured is refused, because the caller counts on that call.
"""

from typing import Any, Literal

from msgspec import Struct

from chat2api_core.dialects.base import invalid, unsupported
from chat2api_core.dialects.responses import native
from chat2api_core.dialects.responses.body import read
from chat2api_core.dialects.responses.tools import HOSTED, Toolbox
from chat2api_core.turn import ToolChoice

_AT = "tool_choice"
_MODES: dict[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
}


class _Named(Struct):
    name: str


class _Allowed(Struct):
    tools: list[dict[str, Any]]
    mode: Literal["auto", "required"] = "auto"


class Choice(Struct, frozen=True):
    """What is to be called, and the upstream's own switches that this takes."""

    tools: ToolChoice = ToolChoice()
    hints: tuple[str, ...] = ()


def choose(wanted: str | dict[str, Any] | None, toolbox: Toolbox) -> Choice:
    """Raises ``Problem`` INVALID_REQUEST for a choice that makes no sense with these tools,
    UNSUPPORTED_PARAMETER for a hosted tool that is not to be had here."""
    if wanted is None:
        return Choice()
    if isinstance(wanted, str):
        return Choice(_by_word(wanted, toolbox))
    kind = wanted.get("type")
    if kind == "allowed_tools":
        return Choice(_among(read(_Allowed, wanted, _AT), toolbox))
    hosted = HOSTED.get(kind) if isinstance(kind, str) else None
    declared = any(tool.kind == hosted for tool in toolbox.hosted)
    if hosted == "tool_search":
        raise unsupported("a search among tools cannot be asked for", f"{_AT}.type")
    if hosted == "web_search":
        # An upstream without such a tool searches by itself; it only needs to be told.
        return Choice(ToolChoice(hosted=hosted if declared else None), hints=("search",))
    if declared:
        return Choice(ToolChoice(hosted=hosted))
    return Choice(ToolChoice("required", (_name(wanted, toolbox, _AT),)))


def _by_word(word: str, toolbox: Toolbox) -> ToolChoice:
    mode = _MODES.get(word)
    if mode is None:
        raise invalid("must be auto, none, required or an object", _AT)
    if mode == "required" and not toolbox.tools:
        raise invalid("asks for a call, but the request has no tools that can be called", _AT)
    return ToolChoice(mode)


def _among(allowed: _Allowed, toolbox: Toolbox) -> ToolChoice:
    ours = [
        (f"{_AT}.tools[{index}]", tool)
        for index, tool in enumerate(allowed.tools)
        if tool.get("type") in _CALLABLE
    ]
    if ours:
        return ToolChoice(allowed.mode, tuple(_name(tool, toolbox, at) for at, tool in ours))
    if allowed.mode == "required":
        raise invalid("asks for a call, but none of the allowed tools can be called", _AT)
    return ToolChoice("none")


def _name(wanted: dict[str, Any], toolbox: Toolbox, at: str) -> str:
    kind = wanted.get("type")
    if kind in ("function", "custom"):
        name = read(_Named, wanted, at).name
    elif isinstance(kind, str) and kind in native.TOOLS:
        name = kind
    else:
        raise unsupported("there is no such tool", f"{at}.type")
    if not toolbox.has(name):
        raise invalid("names a tool that is not in tools", at)
    return name


_CALLABLE = frozenset({"function", "custom", *native.TOOLS})
