"""The tools of a request: their shapes, and what they become in the vocabulary.

In: ``tools``, or ``functions``, which is their older form. Out: ``Tool`` values. The rule: a name
stands for one tool, and is one that every upstream takes.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from chat2api_core.dialects.base import invalid
from chat2api_core.turn import Tool

NAME = "^[a-zA-Z0-9_-]{1,64}$"

_name = re.compile(NAME)


class FunctionDeclared(Struct):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionTool(Struct, tag_field="type", tag="function"):
    function: FunctionDeclared


class AnyText(Struct, tag_field="type", tag="text"):
    pass


class Grammar(Struct):
    definition: str
    syntax: Literal["lark", "regex"]


class ByGrammar(Struct, tag_field="type", tag="grammar"):
    grammar: Grammar


class CustomDeclared(Struct):
    name: str
    description: str | None = None
    format: AnyText | ByGrammar | None = None


class CustomTool(Struct, tag_field="type", tag="custom"):
    custom: CustomDeclared


AnyTool: TypeAlias = FunctionTool | CustomTool


def check_name(name: str, param: str) -> None:
    """Raise ``Problem`` INVALID_REQUEST unless ``name`` is one that OpenAI takes, too."""
    if not _name.fullmatch(name):
        raise invalid(f"must match {NAME}", param)


def check_schema(schema: dict[str, Any] | None, param: str) -> None:
    """Raise ``Problem`` INVALID_REQUEST for a schema of anything but an object, for a call has
    named arguments and a structured answer has named members."""
    kind = (schema or {}).get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        raise invalid("must be a JSON Schema of the type object", param)


def read_tools(declared: Sequence[AnyTool]) -> tuple[Tool, ...]:
    """``tools``. Raises ``Problem`` INVALID_REQUEST with the path of what is wrong."""
    places = [
        (f"tools[{index}].{'function' if isinstance(tool, FunctionTool) else 'custom'}", tool)
        for index, tool in enumerate(declared)
    ]
    return _named_apart(
        (at, _function(at, tool.function) if isinstance(tool, FunctionTool) else _custom(tool))
        for at, tool in places
    )


def read_functions(declared: Sequence[FunctionDeclared]) -> tuple[Tool, ...]:
    """``functions``. Raises ``Problem`` INVALID_REQUEST with the path of what is wrong."""
    places = [(f"functions[{index}]", function) for index, function in enumerate(declared)]
    return _named_apart((at, _function(at, function)) for at, function in places)


def _function(at: str, function: FunctionDeclared) -> Tool:
    check_schema(function.parameters, f"{at}.parameters")
    return Tool(
        function.name,
        function.description or "",
        function.parameters,
        strict=function.strict is True,
    )


def _custom(tool: CustomTool) -> Tool:
    custom = tool.custom
    grammar = custom.format.grammar if isinstance(custom.format, ByGrammar) else None
    return Tool(
        custom.name,
        custom.description or "",
        kind="custom",
        grammar=grammar.definition if grammar else "",
        syntax=grammar.syntax if grammar else "",
    )


def _named_apart(tools: Iterator[tuple[str, Tool]]) -> tuple[Tool, ...]:
    first: dict[str, str] = {}
    kept = []
    for at, tool in tools:
        param = f"{at}.name"
        check_name(tool.name, param)
        if tool.name in first:
            raise invalid(f"is taken already: {first[tool.name]} has the same", param)
        first[tool.name] = param
        kept.append(tool)
    return tuple(kept)
