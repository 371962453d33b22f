"""A schema as a model reads it best: a type in the manner of TypeScript, short and complete.

In: a ``Schema`` and how long a description may be. Out: text. Types that are referred to more than
once, or that contain themselves, get a name; the others stand where they are used.

The one rule: the text depends on the schema and the lengths alone, so the same request is always
taught the same way.
"""

import re

from chat2api_core.toolcalls.canonical import encode
from chat2api_core.toolcalls.schema import Json, Node, Schema

# Deeper than this a type is only named by its kind.
OUTLINE_DEPTH = 12
# Values of an enum that are written out.
_MAX_VALUES = 60
_INDENT = "  "
# Characters of an object that is written in one line.
_ONE_LINE = 72
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_LIMITS = (
    ("format", "format {}"), ("pattern", "pattern {}"), ("minimum", "min {}"),
    ("maximum", "max {}"), ("exclusiveMinimum", "more than {}"),
    ("exclusiveMaximum", "less than {}"), ("multipleOf", "multiple of {}"),
    ("minLength", "at least {} characters"), ("maxLength", "at most {} characters"),
    ("minItems", "at least {} items"), ("maxItems", "at most {} items"),
    ("uniqueItems", "no item twice"), ("default", "default {}"),
)  # fmt: skip


def shorten(text: str, limit: int) -> str:
    """The text in one line, cut at a word when it is longer than ``limit`` characters."""
    flat = " ".join(text.split())
    if len(flat) <= limit:
        return flat
    head = flat[: max(limit - 1, 0)]
    return f"{head.rsplit(' ', 1)[0].rstrip(' ,;:')}…" if head else ""


class Outline:
    """Renders one schema. ``note_length`` bounds every description, in characters."""

    def __init__(self, schema: Schema, note_length: int) -> None:
        self._schema = schema
        self._note_length = note_length
        self._named = _shared(schema)

    def render(self) -> str:
        """The type of the whole, then the types that it names."""
        lines = [self._type(self._schema.root, "", 0)]
        for name in self._named:
            lines.append(f"type {name} = {self._type(self._schema.definitions[name], '', 0)}")
        return "\n".join(lines)

    def _type(self, node: Node, indent: str, depth: int) -> str:
        if depth > OUTLINE_DEPTH:
            return "any"
        if node.ref:
            if node.ref in self._named:
                return node.ref
            return self._type(self._schema.definitions[node.ref], indent, depth + 1)
        if "const" in node.source:
            return encode(node.source["const"])
        values = node.source.get("enum")
        if isinstance(values, list):
            return _union([encode(value) for value in values[:_MAX_VALUES]], len(values))
        return self._mixed(node, indent, depth)

    def _mixed(self, node: Node, indent: str, depth: int) -> str:
        parts = []
        if node.types or node.properties or not (node.options or node.every):
            parts.append(self._kinds(node, indent, depth))
        if node.options:
            parts.append(_union([self._type(each, indent, depth + 1) for each in node.options]))
        parts += [self._type(each, indent, depth + 1) for each in node.every]
        return " & ".join(f"({part})" if " | " in part and parts[1:] else part for part in parts)

    def _kinds(self, node: Node, indent: str, depth: int) -> str:
        kinds = sorted(node.types - ({"integer"} if "number" in node.types else set()))
        if not kinds:
            return self._object(node, indent, depth) if node.properties else "any"
        return _union([self._kind(kind, node, indent, depth) for kind in kinds])

    def _kind(self, kind: str, node: Node, indent: str, depth: int) -> str:
        if kind == "object":
            return self._object(node, indent, depth)
        if kind != "array":
            return kind
        first = node.source.get("prefixItems")
        if isinstance(first, list):
            return f"[{len(first)} items in order: {encode(first)}]"
        item = self._type(node.items, indent, depth + 1) if node.items else "any"
        return f"{item}[]" if re.fullmatch(r"\w+", item) else f"Array<{item}>"

    def _object(self, node: Node, indent: str, depth: int) -> str:
        inner = indent + _INDENT
        lines = [
            self._member(name, value, name in node.required, inner, depth)
            for name, value in node.properties.items()
        ]
        if isinstance(node.extra, Node):
            lines.append(f"{inner}[key: string]: {self._type(node.extra, inner, depth + 1)},")
        if not lines:
            return "{}" if node.extra is False else "object"
        flat = ", ".join(line.strip().rstrip(",") for line in lines)
        if len(flat) <= _ONE_LINE and "//" not in flat and "\n" not in flat:
            return f"{{ {flat} }}"
        return "\n".join(["{", *lines, f"{indent}}}"])

    def _member(self, name: str, node: Node, required: bool, indent: str, depth: int) -> str:
        key = name if _IDENTIFIER.fullmatch(name) else encode(name)
        note = self._note(node)
        line = f"{indent}{key}{'' if required else '?'}: {self._type(node, indent, depth + 1)},"
        return f"{line}  // {note}" if note else line

    def _note(self, node: Node) -> str:
        said = node.source.get("description")
        parts = [shorten(said, self._note_length)] if isinstance(said, str) else []
        limits = [form.format(_short(node.source[k])) for k, form in _LIMITS if k in node.source]
        return " ".join([part for part in parts if part] + [f"({each})" for each in limits])


def _short(value: Json) -> str:
    return shorten(value if isinstance(value, str) else encode(value), 80)


def _union(parts: list[str], total: int = 0) -> str:
    more = [f"… {total - len(parts)} more"] if total > len(parts) else []
    return " | ".join(list(dict.fromkeys(parts)) + more)


def _shared(schema: Schema) -> list[str]:
    """The definitions that get a name: used more than once, or inside of themselves."""
    uses = dict.fromkeys(schema.definitions, 0)
    for node in (schema.root, *schema.definitions.values()):
        _count(node, uses)
    once = {name for name, count in uses.items() if count == 1}
    return [name for name in uses if uses[name] > 1 or (name in once and _loops(schema, name))]


def _count(node: Node, uses: dict[str, int]) -> None:
    if node.ref:
        uses[node.ref] += 1
    for child in children(node):
        _count(child, uses)


def children(node: Node) -> list[Node]:
    """The places right below a place."""
    below = [*node.properties.values(), *node.options, *node.every]
    return below + [each for each in (node.extra, node.items) if isinstance(each, Node)]


def _loops(schema: Schema, name: str) -> bool:
    """Whether a definition can be reached from itself."""
    seen: set[str] = set()
    waiting = [schema.definitions[name]]
    while waiting:
        node = waiting.pop()
        waiting += children(node)
        if node.ref == name:
            return True
        if node.ref and node.ref not in seen:
            seen.add(node.ref)
            waiting.append(schema.definitions[node.ref])
    return False
