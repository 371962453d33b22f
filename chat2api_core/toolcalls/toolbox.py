"""The tools of a prompt under the names that the model knows them by.

In: a ``Prompt`` with tools. Out: unique names, found again however the model spells them, and what
the tool choice allows. A tool ``send`` of the namespace ``mail`` is taught as ``mail.send``.

The one rule: a name that the model wrote stands for one tool or for none, never for a guess.
"""

import re

from msgspec import Struct

from chat2api_core.problem import Problem
from chat2api_core.toolcalls.schema import Schema
from chat2api_core.toolcalls.schema_reader import read
from chat2api_core.turn import Prompt, Tool, ToolCall


class Named(Struct, frozen=True):
    """A tool and the name that it is taught under."""

    name: str
    tool: Tool


class Toolbox:
    """The tools of one prompt. Schemas are read when they are first asked for."""

    def __init__(self, prompt: Prompt) -> None:
        self.tools = _named(prompt.tools)
        choice = prompt.tool_choice
        self.required = choice.mode == "required"
        self.parallel = prompt.parallel_tool_calls
        self.allowed = tuple(
            named
            for named in self.tools
            if choice.mode != "none" and (not choice.names or _is_meant(named, choice.names))
        )
        self._schemas: dict[str, Schema] = {}

    def find(self, name: str) -> Named | None:
        """The tool that is meant: by its name, or by the only one that differs in case, in
        separators or by a missing or foreign namespace."""
        for spelled in (str, _plain, _last):
            wanted = spelled(name)
            found = [named for named in self.tools if spelled(named.name) == wanted]
            if len(found) == 1 and wanted:
                return found[0]
        return None

    def schema(self, named: Named) -> Schema:
        """Raises ``Problem`` INVALID_REQUEST (param ``tools``) for a schema that is too large."""
        if named.name not in self._schemas:
            try:
                self._schemas[named.name] = read(named.tool.parameters)
            except Problem as problem:
                message = f"The parameters of the tool {named.name!r}: {problem.message}"
                raise Problem(problem.kind, message, param="tools") from problem
        return self._schemas[named.name]

    def name_of(self, call: ToolCall) -> str:
        """The name under which a call of the history is shown."""
        for named in self.tools:
            if (named.tool.name, named.tool.namespace) == (call.name, call.namespace):
                return named.name
        return _full(call.name, call.namespace)


def _named(tools: tuple[Tool, ...]) -> tuple[Named, ...]:
    taken: set[str] = set()
    named = []
    for tool in tools:
        base = name = _full(tool.name, tool.namespace)
        number = 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        named.append(Named(name, tool))
    return tuple(named)


def _full(name: str, namespace: str) -> str:
    return f"{namespace}.{name}" if namespace else name


def _is_meant(named: Named, names: tuple[str, ...]) -> bool:
    return named.name in names or named.tool.name in names


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def _last(name: str) -> str:
    return _plain(re.split(r"[.:/]|__", name.strip())[-1])
