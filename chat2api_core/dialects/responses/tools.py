"""The tools of a request, flattened to ``Tool`` values.

In: the objects in ``tools`` and in ``additional_tools`` items. Out: ``Toolbox.tools``. Namespaces
are flattened (each tool remembers its own), tools that the client runs itself under a type of
their own become functions (see ``native``), and tools that an upstream may run itself are kept
apart as ``Toolbox.hosted``. The rule: no tool is ever left out without a warning.
"""

from collections.abc import Callable
from typing import Annotated, Any

from msgspec import Meta, Struct

from chat2api_core.dialects.base import invalid
from chat2api_core.dialects.responses import native
from chat2api_core.dialects.responses.body import MAX_TOOLS, read
from chat2api_core.dialects.responses.painting import read_painting
from chat2api_core.turn import HostedKind, HostedTool, Tool

_Name = Annotated[str, Meta(min_length=1, max_length=128)]


class _Function(Struct):
    name: _Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    defer_loading: bool | None = None


class _Grammar(Struct):
    type: str
    syntax: str = ""
    definition: str = ""


class _Custom(Struct):
    name: _Name
    description: str | None = None
    format: _Grammar | None = None


class _Namespace(Struct):
    name: _Name
    tools: list[dict[str, Any]]
    description: str | None = None


class Toolbox:
    """Collects declared tools. A later declaration of the same name replaces the earlier one."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self._tools: dict[tuple[str, str], Tool] = {}
        self._native: set[str] = set()
        self._hosted: dict[HostedKind, HostedTool] = {}
        self._spaces: dict[str, str] = {}

    @property
    def tools(self) -> tuple[Tool, ...]:
        """All tools, in the order in which their names were first declared."""
        return tuple(self._tools.values())

    @property
    def native(self) -> frozenset[str]:
        """The names of those tools whose calls go back as items of a type of their own."""
        return frozenset(self._native)

    @property
    def hosted(self) -> tuple[HostedTool, ...]:
        """The tools that are left to the upstream."""
        return tuple(self._hosted.values())

    def has(self, name: str) -> bool:
        """Whether a tool of that name is there, in whatever namespace."""
        return any(tool.name == name for tool in self._tools.values())

    def add(self, declared: dict[str, Any], at: str, namespace: str = "") -> bool:
        """Take in the tool declared at the path ``at``. False if it was left out.

        Raises ``Problem`` INVALID_REQUEST where a declaration cannot be right."""
        kind = declared.get("type")
        reader = _READERS.get(kind) if isinstance(kind, str) else None
        if reader is not None:
            return reader(self, declared, at, namespace)
        if not isinstance(kind, str):
            raise invalid("is missing or not a string", f"{at}.type")
        self._leave_out(at, kind, "is not a tool of this gateway")
        return False

    def _leave_out(self, at: str, kind: str, why: str) -> None:
        # The warning travels in a header: plain ASCII, no line breaks, bounded.
        self.warnings.append(f"{at}: {kind[:40]!a} {why}; left out")

    def _keep(self, tool: Tool, at: str) -> bool:
        if len(self._tools) >= MAX_TOOLS:
            raise invalid(f"is one too many: at most {MAX_TOOLS} tools are taken", at)
        if not tool.namespace:
            self._native.discard(tool.name)
        self._tools[tool.namespace, tool.name] = tool
        return True

    def _function(self, declared: dict[str, Any], at: str, namespace: str) -> bool:
        tool = read(_Function, declared, at)
        kept = Tool(
            tool.name,
            tool.description or "",
            tool.parameters,
            strict=tool.strict is True,
            namespace=namespace,
            space_description=self._spaces.get(namespace, ""),
            deferred=tool.defer_loading is True,
        )
        return self._keep(kept, at)

    def _custom(self, declared: dict[str, Any], at: str, namespace: str) -> bool:
        tool = read(_Custom, declared, at)
        form = tool.format or _Grammar("text")
        if form.type not in ("text", "grammar"):
            raise invalid("must be text or grammar", f"{at}.format.type")
        if form.type == "grammar" and not (form.syntax and form.definition):
            raise invalid("needs a syntax and a definition", f"{at}.format")
        kept = Tool(
            tool.name,
            tool.description or "",
            kind="custom",
            grammar=form.definition,
            syntax=form.syntax,
            namespace=namespace,
            space_description=self._spaces.get(namespace, ""),
        )
        return self._keep(kept, at)

    def _namespace(self, declared: dict[str, Any], at: str, namespace: str) -> bool:
        if namespace:
            raise invalid("is a namespace within a namespace", at)
        group = read(_Namespace, declared, at)
        self._spaces[group.name] = group.description or self._spaces.get(group.name, "")
        for index, inner in enumerate(group.tools):
            self.add(inner, f"{at}.tools[{index}]", group.name)
        return True

    def _left_to_upstream(self, declared: dict[str, Any], at: str, namespace: str) -> bool:
        if namespace:
            raise invalid("is of a type that cannot stand in a namespace", at)
        kind = HOSTED[declared["type"]]
        if kind == "image_generation":
            options = read_painting(declared, at)
        else:
            options = {key: value for key, value in declared.items() if key != "type"}
        if kind == "tool_search":
            self.warnings.append(f"{at}: tool_search is for the upstream codex only")
        self._hosted[kind] = HostedTool(kind, options)
        return True

    def _own_type(self, declared: dict[str, Any], at: str, namespace: str) -> bool:
        kind = str(declared["type"])
        if namespace:
            raise invalid("is of a type that cannot stand in a namespace", at)
        if native.is_hosted(declared):
            self._leave_out(at, kind, "in a hosted container is not a tool of this gateway")
            return False
        self._keep(native.TOOLS[kind], at)
        self._native.add(kind)
        return True


# The hosted tools that an upstream may have, by the names that clients have for them.
HOSTED: dict[str, HostedKind] = {
    "web_search": "web_search",
    "web_search_2025_08_26": "web_search",
    "web_search_preview": "web_search",
    "web_search_preview_2025_03_11": "web_search",
    "image_generation": "image_generation",
    "tool_search": "tool_search",
}

_READERS: dict[str, Callable[[Toolbox, dict[str, Any], str, str], bool]] = {
    "function": Toolbox._function,
    "custom": Toolbox._custom,
    "namespace": Toolbox._namespace,
    **dict.fromkeys(native.TOOLS, Toolbox._own_type),
    **dict.fromkeys(HOSTED, Toolbox._left_to_upstream),
}
