"""A JSON Schema from a client, read once: made safe, made uniform, made quick to ask.

In: what ``schema_reader`` read. Out: a ``Schema`` whose ``Node``s say what may stand where,
and whose ``check`` gives the verdict of a full validator (Draft 2020-12).

The one rule: whatever a client sends, nothing is fetched, runs away or raises. What
a schema says that no validator understands means "anything" here: references out of the document,
unknown types, broken patterns, patterns that could take forever.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

MAX_NODES = 20_000
MAX_DEPTH = 64
TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
# Characters of a validator's sentence that are handed on.
_MAX_MESSAGE = 240
# Steps that a pattern may take at the worst, estimated; beyond it the pattern is not applied.
_MAX_STEPS = 1e7


class Node(Struct):
    """One place of a schema. ``types`` is empty where any type may stand. ``plain`` tells that the
    fields say it all, so a value can be judged as it arrives; other nodes need the whole value.
    ``source`` is the same as a clean Draft 2020-12 schema with flat ``$defs``."""

    source: dict[str, Json] = field(default_factory=dict)
    types: frozenset[str] = frozenset()
    properties: dict[str, "Node"] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    extra: "Node | bool" = True
    items: "Node | None" = None
    options: tuple["Node", ...] = ()
    every: tuple["Node", ...] = ()
    ref: str = ""
    plain: bool = True


ANY = Node()
NEVER = Node(source={"not": {}}, plain=False)


class Schema:
    """A schema that was read. Immutable after it was made, but for the validator it makes late."""

    def __init__(self, root: Node, definitions: dict[str, Node]) -> None:
        self.root = root
        self.definitions = definitions

    def resolve(self, node: Node) -> Node:
        """The node itself, or what it refers to if that is all it says. Loops end in ``ANY``."""
        for _ in range(MAX_DEPTH):
            if node.plain and node.ref:
                node = self.definitions[node.ref]
            elif node.plain and len(node.every) == 1:
                node = node.every[0]
            else:
                return node
        return ANY

    def admits(self, node: Node, kind: str) -> bool:
        """Whether a value of this JSON type may stand at the node, by its type alone."""
        return self._admits(node, kind, MAX_DEPTH)

    def _admits(self, node: Node, kind: str, depth: int) -> bool:
        node = self.resolve(node)
        if node.types and kind not in node.types:
            return False
        if not node.options or depth == 0:
            return True
        return any(self._admits(option, kind, depth - 1) for option in node.options)

    def narrow(self, node: Node, kind: str) -> Node | None:
        """The plain node that a value of this type is judged by as it arrives; None if the value
        must be seen whole first: the type is wrong, or more is asked of it than a type."""
        for _ in range(MAX_DEPTH):
            node = self.resolve(node)
            fits = [option for option in node.options if self.admits(option, kind)]
            if not node.plain or (node.types and kind not in node.types):
                return None
            if not node.options:
                return node
            if len(fits) != 1:
                return None
            node = fits[0]
        return None

    def check(self, value: Json, node: Node | None = None) -> str:
        """What is wrong with the value by the whole schema (or one node), in words for the model;
        "" if it is right."""
        validator = self._validator
        if node is not None:
            validator = validator.evolve(schema=node.source)
        try:
            errors = list(islice(validator.iter_errors(value), 3))
        except RecursionError:  # a schema that contains itself at the same place: it says nothing
            return ""
        return "; ".join(dict.fromkeys(_sentence(error) for error in errors))

    @cached_property
    def _validator(self) -> "Validator":
        # Imported late: 70 ms that only a request with tools or a schema needs.
        from jsonschema import Draft202012Validator, validators  # noqa: PLC0415 (cold start)
        from referencing import Registry  # noqa: PLC0415 (cold start)

        bounded = validators.create(
            Draft202012Validator.META_SCHEMA,
            {**Draft202012Validator.VALIDATORS, "pattern": _pattern},
            type_checker=Draft202012Validator.TYPE_CHECKER,
        )
        source = dict(self.root.source)
        source["$defs"] = {name: node.source for name, node in self.definitions.items()}
        return bounded(source, registry=Registry())


def _pattern(
    _validator: object, pattern: str, value: object, _schema: object
) -> "Iterator[ValidationError]":
    """The keyword ``pattern``, but never a search that a client could make run for hours."""
    from jsonschema import ValidationError  # noqa: PLC0415 (cold start)

    if isinstance(value, str) and is_quick(pattern, len(value)) and not re.search(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def is_quick(pattern: str, length: int) -> bool:
    """Whether a search for the pattern in so many characters surely ends soon."""
    bare = re.sub(r"\\.|\[(?:\\.|[^\]\\])*\]", "x", pattern)
    if re.search(r"\((?:[^()]|\([^()]*\))*[+*{|](?:[^()]|\([^()]*\))*\)[+*{]", bare):
        return False
    return float(max(length, 1)) ** (1 + len(re.findall(r"[+*{]", bare))) <= _MAX_STEPS


def _sentence(error: "ValidationError") -> str:
    from jsonschema.exceptions import best_match  # noqa: PLC0415 (cold start)

    worst = best_match([error]) or error
    message = worst.message
    if worst.context:
        message += f" ({'; '.join(dict.fromkeys(each.message for each in worst.context))})"
    if len(message) > _MAX_MESSAGE:
        message = f"{message[:120]} … {message[-100:]}"
    return f"{worst.json_path}: {message}"
