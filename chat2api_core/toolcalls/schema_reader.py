"""Reading a JSON Schema of a client into ``Node``s.

In: a schema of any draft, as it came. Out: a ``Schema``. Drafts before 2020-12 and OpenAPI's
``nullable`` are translated; what is not understood is left out, so it asks for nothing.

The one rule: reading is bounded, whatever is nested or refers to what; beyond it is a ``Problem``.
"""

import re
from collections.abc import Mapping

from chat2api_core.problem import Kind, Problem
from chat2api_core.toolcalls.schema import (
    ANY,
    MAX_DEPTH,
    MAX_NODES,
    NEVER,
    TYPES,
    Json,
    Node,
    Schema,
    is_quick,
)
from chat2api_core.turn import JsonSchema


def read(source: JsonSchema | None) -> Schema:
    """Read a schema; None means any object. Raises ``Problem`` INVALID_REQUEST (without ``param``)
    if it is larger than ``MAX_NODES`` places or nested deeper than ``MAX_DEPTH``."""
    if source is None:
        return Schema(Node(source={"type": "object"}, types=frozenset({"object"})), {})
    reader = _SchemaReader(source)
    root = reader.node(source)
    reader.read_definitions()
    return Schema(reader.root() or root, reader.definitions)


_NOTES = ("title", "description", "default", "examples", "format", "deprecated")
_NUMBERS = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
    "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains",
    "maxContains",
)  # fmt: skip
_SINGLE = (
    "contains", "not", "if", "then", "else", "propertyNames", "unevaluatedItems",
    "unevaluatedProperties",
)  # fmt: skip


class _SchemaReader:
    """One reading: keeps what was referred to, counts what was read."""

    def __init__(self, document: JsonSchema) -> None:
        self.definitions: dict[str, Node] = {}
        self._document = document
        self._names: dict[str, str] = {}
        self._waiting: list[tuple[str, object]] = []
        self._count = 0
        self._depth = 0

    def read_definitions(self) -> None:
        """Read what was referred to, and what that refers to; a list, so that no chain of
        references is too long for the stack."""
        while self._waiting:
            name, target = self._waiting.pop()
            self.definitions[name] = self.node(target)

    def root(self) -> Node | None:
        """The whole schema as a reference to itself, if there is one in it already."""
        return _refer(self._names["#"]) if "#" in self._names else None

    def node(self, raw: object) -> Node:
        if raw is False:
            return NEVER
        if not isinstance(raw, Mapping) or not raw:
            return ANY
        self._count += 1
        self._depth += 1
        if self._count > MAX_NODES or self._depth > MAX_DEPTH:
            raise Problem(
                Kind.INVALID_REQUEST,
                f"A schema may have {MAX_NODES} places and be nested {MAX_DEPTH} levels deep.",
            )
        node = Node()
        for part in (self._notes, self._values, self._structure, self._mixtures, self._assertions):
            part(raw, node)
        self._depth -= 1
        return node

    def _notes(self, raw: JsonSchema, node: Node) -> None:
        node.source.update({key: raw[key] for key in _NOTES if key in raw})
        if not isinstance(node.source.get("description", ""), str):
            del node.source["description"]

    def _values(self, raw: JsonSchema, node: Node) -> None:
        given = raw.get("type")
        names = given if isinstance(given, list) else [given]
        types = frozenset(name for name in names if isinstance(name, str) and name in TYPES)
        if types and raw.get("nullable") is True:
            types |= {"null"}
        if "any" not in names and types:
            node.types = types | {"integer"} if "number" in types else types
            listed: list[Json] = [*sorted(types)]
            node.source["type"] = listed[0] if len(listed) == 1 else listed
        if isinstance(raw.get("enum"), list) and raw["enum"]:
            node.source["enum"] = raw["enum"]
            node.plain = False
        if "const" in raw:
            node.source["const"] = raw["const"]
            node.plain = False

    def _structure(self, raw: JsonSchema, node: Node) -> None:
        properties = raw.get("properties")
        if isinstance(properties, Mapping):
            node.properties = {str(name): self.node(value) for name, value in properties.items()}
            node.source["properties"] = {n: p.source for n, p in node.properties.items()}
        required = raw.get("required")
        if isinstance(required, list):
            node.required = tuple(name for name in required if isinstance(name, str))
            node.source["required"] = list(node.required)
        extra = raw.get("additionalProperties")
        if isinstance(extra, bool):
            node.extra = extra
            node.source["additionalProperties"] = extra
        elif isinstance(extra, Mapping):
            node.extra = self.node(extra)
            node.source["additionalProperties"] = node.extra.source
        self._items(raw, node)

    def _items(self, raw: JsonSchema, node: Node) -> None:
        """``items``, and what drafts before 2020-12 wrote as a list of them."""
        items, first = raw.get("items"), raw.get("prefixItems")
        if isinstance(items, list):
            items, first = raw.get("additionalItems"), items
        if isinstance(first, list) and first:
            node.source["prefixItems"] = [self.node(each).source for each in first]
            node.plain = False
        if items is not None:
            node.items = self.node(items)
            node.source["items"] = node.items.source

    def _mixtures(self, raw: JsonSchema, node: Node) -> None:
        """``$ref``, ``anyOf``, ``oneOf``, ``allOf``. One choice, or one reference, leaves a node
        plain; several at once do not."""
        mixed = 0
        for keyword in ("anyOf", "oneOf", "allOf"):
            if isinstance(raw.get(keyword), list) and raw[keyword]:
                nodes = tuple(self.node(each) for each in raw[keyword])
                node.source[keyword] = [each.source for each in nodes]
                if keyword == "allOf":
                    node.every = nodes
                else:
                    node.options = nodes
                mixed += len(nodes) if keyword == "allOf" else 1
        name = self._reference(raw["$ref"]) if isinstance(raw.get("$ref"), str) else ""
        if name and raw.get("nullable") is True:
            node.options = (_refer(name), Node(source={"type": "null"}, types=frozenset({"null"})))
            node.source["anyOf"] = [each.source for each in node.options]
            mixed += 1
        elif name:
            node.ref = name
            node.source["$ref"] = _refer(name).source["$ref"]
            mixed += 1
        beside = node.properties or node.items or node.required or node.extra is not True
        # A type beside choices is looked at before them; beside a reference it would be passed by.
        passed_by = bool(node.types) and not node.options
        if mixed > 1 or (mixed and (beside or passed_by)):
            node.plain = False

    def _reference(self, pointer: str) -> str:
        """The name under which the target stands in ``definitions``; "" if there is no target."""
        if pointer in self._names:
            return self._names[pointer]
        target = self._find(pointer)
        if target is None:
            return ""
        base = re.sub(r"\W+", "_", pointer.rsplit("/", 1)[-1], flags=re.ASCII).strip("_#") or "Root"
        name, number = base, 2
        while name in self.definitions:
            name, number = f"{base}{number}", number + 1
        self._names[pointer] = name
        self.definitions[name] = ANY
        self._waiting.append((name, target))
        return name

    def _find(self, pointer: str) -> object | None:
        if pointer != "#" and not pointer.startswith("#/"):
            return None
        place: object = self._document
        for step in pointer[2:].split("/") if len(pointer) > 1 else ():
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(place, list) and key.isdigit() and int(key) < len(place):
                place = place[int(key)]
            elif isinstance(place, Mapping) and key in place:
                place = place[key]
            else:
                return None
        return place if isinstance(place, Mapping | bool) else None

    def _assertions(self, raw: JsonSchema, node: Node) -> None:
        """Everything that only a validator judges: it keeps a value back until it is whole."""
        found: dict[str, Json] = {}
        for keyword in _NUMBERS:
            value = raw.get(keyword)
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if keyword != "multipleOf" or value > 0:
                found[keyword] = value
        self._flags(raw, found)
        for keyword in _SINGLE:
            if isinstance(raw.get(keyword), Mapping | bool):
                found[keyword] = self.node(raw[keyword]).source
        self._maps(raw, found)
        node.source.update(found)
        node.plain = node.plain and not found

    def _flags(self, raw: JsonSchema, found: dict[str, Json]) -> None:
        for bound in ("Minimum", "Maximum"):  # Draft 4: a flag beside the bound
            if raw.get(f"exclusive{bound}") is True and bound.lower() in found:
                found[f"exclusive{bound}"] = found.pop(bound.lower())
        if isinstance(raw.get("pattern"), str) and _compiles(raw["pattern"]):
            found["pattern"] = raw["pattern"]
        if raw.get("uniqueItems") is True:
            found["uniqueItems"] = True

    def _maps(self, raw: JsonSchema, found: dict[str, Json]) -> None:
        patterns = raw.get("patternProperties")
        if isinstance(patterns, Mapping):
            safe = all(_compiles(key) and is_quick(key, 64) for key in patterns)
            if safe:
                found["patternProperties"] = {k: self.node(v).source for k, v in patterns.items()}
            else:
                found["additionalProperties"] = True
        dependent = raw.get("dependentRequired")
        if isinstance(dependent, Mapping) and all(_is_names(each) for each in dependent.values()):
            found["dependentRequired"] = dict(dependent)
        schemas = raw.get("dependentSchemas")
        if isinstance(schemas, Mapping):
            found["dependentSchemas"] = {k: self.node(v).source for k, v in schemas.items()}


def _refer(name: str) -> Node:
    return Node(source={"$ref": f"#/$defs/{name}"}, ref=name)


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _compiles(pattern: object) -> bool:
    try:
        re.compile(str(pattern))
    except (re.error, RecursionError, OverflowError):
        return False
    return True
