"""Fitting a value to its schema where the meaning is plain and only the form is wrong.

In: a value that was read, a schema and a place in it. Out: the value, put right where that takes no
guess: "5" where an integer belongs, a JSON text where an object belongs, ``City`` for ``city``, one
item where a list belongs, null for what may be left out, a default for what was left out, arguments
inside an envelope.

The one rule: a value that is right comes back unchanged, and nothing the model meant is dropped.
Whether the result is valid is for ``Schema.check`` to say.
"""

import re

from chat2api_core.toolcalls.canonical import canonical_scalar, encode
from chat2api_core.toolcalls.repair import Reader
from chat2api_core.toolcalls.schema import MAX_DEPTH, Json, Node, Schema

# Keys under which models put the arguments once more, and those they put beside them.
ENVELOPES = (
    "arguments", "args", "parameters", "params", "input", "inputs", "kwargs",
    "action_input", "tool_input",
)  # fmt: skip
COMPANIONS = (
    "name", "tool", "tool_name", "function", "function_name", "recipient_name", "action", "type",
    "id",
)  # fmt: skip


def kind_of(value: Json) -> str:
    """The JSON type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def alias(key: str, properties: "dict[str, Node]") -> str:
    """The one declared name that is the same but for case, ``_`` and ``-``; "" if none is."""
    wanted = re.sub(r"[\s_.-]", "", key).lower()
    found = [name for name in properties if re.sub(r"[\s_.-]", "", name).lower() == wanted]
    return found[0] if len(found) == 1 else ""


def is_envelope(key: str, node: Node) -> bool:
    """Whether a first key says that the arguments stand one level deeper."""
    closed = bool(node.properties) or node.extra is False
    return closed and key not in node.properties and key.lower() in (*ENVELOPES, *COMPANIONS)


def read_json(text: str) -> Json:
    """The value of a text that is meant to be JSON; the text itself if it cannot be."""
    reader = Reader()
    events = [*reader.feed(text), *reader.close()]
    if reader.error or reader.rest.strip():
        return text
    builder = _Builder()
    for kind, piece in events:
        builder.take(kind, piece)
    return builder.value


class _Builder:
    """Folds the events of a ``Reader`` to a value."""

    def __init__(self) -> None:
        self.value: Json = None
        self._stack: list[tuple[list[Json] | dict[str, Json], str]] = []
        self._key = ""
        self._chars: list[str] = []

    def take(self, kind: str, text: str) -> None:
        if kind == "open":
            self._stack.append(({} if text == "{" else [], self._key))
        elif kind == "close":
            value, self._key = self._stack.pop()
            self._put(value)
        elif kind == "key":
            self._key = text
        elif kind == "chars":
            self._chars.append(text)
        elif kind == "quoted":
            self._put("".join(self._chars))
            self._chars = []
        elif kind == "scalar":
            self._put(scalar_value(text))

    def _put(self, value: Json) -> None:
        if not self._stack:
            self.value = value
            return
        holder = self._stack[-1][0]
        if isinstance(holder, list):
            holder.append(value)
        else:
            holder[self._key] = value


def scalar_value(text: str) -> Json:
    """The value of canonical JSON of a number or a literal."""
    literals: dict[str, Json] = {"true": True, "false": False, "null": None}
    if text in literals:
        return literals[text]
    return float(text) if re.search(r"[.eE]", text) else int(text)


class Fit:
    """Fits values to one schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def whole(self, value: Json) -> Json:
        """Fit all the arguments of a call: they may be wrapped, and one value may stand for the
        object that has only this one required member."""
        root = self._schema.resolve(self._schema.root)
        value = self._unwrap(value, root, 3)
        fitted = self.at(value, root)
        if isinstance(fitted, dict) or len(root.required) != 1 or "object" not in root.types:
            return fitted
        wrapped: Json = {root.required[0]: value}
        fitted_wrap = self.at(wrapped, root)
        return fitted if self._schema.check(fitted_wrap) else fitted_wrap

    def at(self, value: Json, node: Node) -> Json:
        """Fit a value to the place that it stands at."""
        return self._fit(value, node, MAX_DEPTH)

    def filler(self, node: Node) -> Json:
        """What may stand for a required member that was left out, or ``MISSING``."""
        node = self._schema.resolve(node)
        for key in ("default", "const"):
            if key in node.source and not self._schema.check(node.source[key], node):
                return node.source[key]
        return None if not self._schema.check(None, node) and node.source else MISSING

    def _unwrap(self, value: Json, root: Node, depth: int) -> Json:
        value = self._decoded(value)
        if not isinstance(value, dict) or not value or depth == 0:
            return value
        if not all(is_envelope(key, root) for key in value):
            return value
        inner = [key for key in value if key.lower() in (*ENVELOPES, "function")]
        if len(inner) == 1 and isinstance(value[inner[0]], dict | str):
            return self._unwrap(value[inner[0]], root, depth - 1)
        return value

    def _decoded(self, value: Json) -> Json:
        """The object, of one that was written as JSON in a text, or in a text in a text."""
        inner = value
        for _ in range(3):
            if not isinstance(inner, str):
                break
            inner = read_json(inner)
        return inner if isinstance(inner, dict) else value

    def _reread(self, text: str, wanted: str) -> Json:
        value = read_json(text)
        return value if kind_of(value) == wanted else text

    def _fit(self, value: Json, node: Node, depth: int) -> Json:
        node = self._schema.resolve(node)
        if depth == 0 or not self._schema.check(value, node):
            return value
        if node.options and not node.types:
            return self._fit_option(value, node, depth)
        value = self._fit_type(value, node)
        if isinstance(value, dict):
            return self._fit_object(value, node, depth)
        if isinstance(value, list) and node.items is not None:
            return [self._fit(item, node.items, depth - 1) for item in value]
        return self._fit_choice(value, node)

    def _fit_option(self, value: Json, node: Node, depth: int) -> Json:
        tried = [self._fit(value, option, depth - 1) for option in node.options]
        good = [each for each in tried if not self._schema.check(each, node)]
        return good[0] if good else value

    def _fit_choice(self, value: Json, node: Node) -> Json:
        """A value of an enum in another case, or as text."""
        constant = "const" in node.source
        choices = [node.source["const"]] if constant else node.source.get("enum")
        if not isinstance(choices, list):
            return value
        wanted = _spelling(value)
        found = [each for each in choices if _spelling(each) == wanted]
        return found[0] if len(found) == 1 else value

    def _fit_type(self, value: Json, node: Node) -> Json:
        kind = kind_of(value)
        if not node.types or kind in node.types:
            return value
        if isinstance(value, str):
            return self._from_text(value, node)
        if isinstance(value, list) and len(value) == 1 and kind_of(value[0]) in node.types:
            return value[0]
        if "array" in node.types and value is not None:
            return [value]
        if "string" in node.types and isinstance(value, bool | int | float):
            return encode(value)
        return value == 1 if "boolean" in node.types and value in (0, 1) else value

    def _from_text(self, text: str, node: Node) -> Json:
        scalar = canonical_scalar(text.strip())
        if scalar and kind_of(scalar_value(scalar)) in node.types:
            return scalar_value(scalar)
        for kind in ("object", "array"):
            if kind in node.types and kind_of(parsed := self._reread(text, kind)) == kind:
                return parsed
        return [text] if "array" in node.types and text else text

    def _fit_object(self, value: dict[str, Json], node: Node, depth: int) -> Json:
        fitted: dict[str, Json] = {}
        for given, item in value.items():
            key = given
            if given not in node.properties:
                other = alias(given, node.properties)
                key = other if other and other not in value else given
            place = node.properties.get(key, node.extra)
            if item in (None, "") and key not in node.required and self._is_wrong(item, place):
                continue
            fitted[key] = self._fit(item, place, depth - 1) if isinstance(place, Node) else item
        for key in node.required:
            if key not in fitted and key in node.properties:
                filler = self.filler(node.properties[key])
                if filler is not MISSING:
                    fitted[key] = filler
        return fitted

    def _is_wrong(self, nothing: Json, place: Node | bool) -> bool:
        if isinstance(place, Node):
            return bool(self._schema.check(nothing, place))
        return not place


# Compared by identity only: that nothing may stand in.
MISSING: Json = "\ue000missing"


def _spelling(value: Json) -> str:
    return re.sub(r"[\s_-]", "", value if isinstance(value, str) else encode(value)).lower()
