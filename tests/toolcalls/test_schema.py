"""Schemas of clients: read whatever they send, ask for what they mean, never run away."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.toolcalls.outline import Outline, shorten
from chat2api_core.toolcalls.schema import ANY, MAX_NODES, is_quick
from chat2api_core.toolcalls.schema_reader import read


def wrong(schema: Any, value: Any) -> str:
    return read(schema).check(value)


CHECKS: list[tuple[str, Any, Any, Any, str]] = [
    ("a type", {"type": "integer"}, 1, "x", "$: 'x' is not of type 'integer'"),
    ("several types", {"type": ["integer", "null"]}, None, "x", "is not of type"),
    ("a nullable type", {"type": "string", "nullable": True}, None, 1, "is not of type"),
    ("an enum", {"enum": [1, "a"]}, "a", "b", "'b' is not one of [1, 'a']"),
    ("a constant", {"const": "a"}, "a", "b", "'a' was expected"),
    ("bounds", {"minimum": 1, "maximum": 5}, 3, 9, "9 is greater than the maximum of 5"),
    ("an exclusive bound", {"exclusiveMinimum": 1}, 2, 1, "less than or equal to"),
    ("an exclusive bound of old", {"minimum": 1, "exclusiveMinimum": True}, 2, 1, "less than or"),
    ("a multiple", {"multipleOf": 2}, 4, 3, "3 is not a multiple of 2"),
    ("a pattern", {"pattern": "^a+$"}, "aa", "b", "'b' does not match '^a+$'"),
    ("a length", {"maxLength": 2}, "ab", "abc", "'abc' is too long"),
    ("unique items", {"uniqueItems": True}, [1], [1, 1], "has non-unique elements"),
    ("items", {"items": {"type": "string"}}, ["a"], [1], "$[0]: 1 is not of type 'string'"),
    ("items in order", {"prefixItems": [{"type": "string"}]}, ["a"], [1], "$[0]: 1 is not"),
    ("items in order of old", {"items": [{"type": "string"}], "additionalItems": False},
     ["a"], ["a", 1], "$[1]: 1 should not be valid under {}"),
    ("any of", {"anyOf": [{"type": "string"}, {"type": "null"}]}, None, 1,
     "is not valid under any of the given schemas (1 is not of type 'string'; 1 is not of type"),
    ("one of", {"oneOf": [{"minimum": 1}, {"maximum": 5}]}, 9, 3, "is valid under each of"),
    ("all of", {"allOf": [{"minimum": 1}, {"maximum": 5}]}, 3, 9, "9 is greater than"),
    ("not", {"not": {"type": "null"}}, 1, None, "should not be valid under"),
    ("nothing at all", {"properties": {"a": False}}, {}, {"a": 1}, "should not be valid under {}"),
    ("names", {"propertyNames": {"maxLength": 1}}, {"a": 1}, {"ab": 1}, "'ab' is too long"),
    ("other members", {"additionalProperties": {"type": "string"}}, {"a": "b"}, {"a": 1}, "$.a: 1"),
    ("members by pattern", {"patternProperties": {"^n": {"type": "integer"}}}, {"n": 1},
     {"n": "x"}, "$.n: 'x' is not of type 'integer'"),
    ("members that need others", {"dependentRequired": {"a": ["b"]}}, {}, {"a": 1}, "'b' is a dep"),
    ("schemas that depend", {"dependentSchemas": {"a": {"required": ["b"]}}}, {}, {"a": 1},
     "'b' is a required"),
    ("a reference", {"$defs": {"x": {"type": "string"}},
     "properties": {"a": {"$ref": "#/$defs/x"}}},
     {"a": "b"}, {"a": 1}, "$.a: 1 is not of type 'string'"),
    ("a reference of old", {"definitions": {"x y": {"type": "string"}},
     "properties": {"a": {"$ref": "#/definitions/x y"}}}, {"a": "b"}, {"a": 1}, "$.a: 1"),
    ("a nullable reference", {"$defs": {"x": {"type": "string"}},
     "properties": {"a": {"$ref": "#/$defs/x", "nullable": True}}}, {"a": None}, {"a": 1},
     "$.a: 1"),
    ("a reference into a list", {"allOf": [{"type": "string"}],
     "not": {"$ref": "#/allOf/0"}}, "never", 1, ""),
    ("a reference to itself", {"properties": {"a": {"$ref": "#"}}, "additionalProperties": False},
     {"a": {"a": {}}}, {"a": {"b": 1}}, "$.a: Additional properties are not allowed"),
    ("escapes in a reference", {"$defs": {"a/b~c": {"type": "string"}},
     "properties": {"a": {"$ref": "#/$defs/a~1b~0c"}}}, {"a": "b"}, {"a": 1}, "$.a: 1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "good", "bad", "message"), [c[1:] for c in CHECKS], ids=[c[0] for c in CHECKS]
)
def test_a_schema_asks_for_what_it_says(schema: Any, good: Any, bad: Any, message: str) -> None:
    if good != "never":
        assert wrong(schema, good) == ""
    assert message in wrong(schema, bad)


MEANINGLESS: list[tuple[str, Any]] = [
    ("no schema", None),
    ("an empty one", {}),
    ("an unknown type", {"type": "any"}),
    ("another unknown type", {"type": ["str", 5]}),
    ("a type beside any", {"type": ["any", "string"]}),
    ("an enum that is none", {"enum": "a"}),
    ("required as a flag", {"required": True}),
    ("properties that are none", {"properties": []}),
    ("a broken pattern", {"pattern": "("}),
    ("a broken pattern of members", {"patternProperties": {"(": False}}),
    ("a slow pattern of members", {"patternProperties": {"(a+)+$": False},
                                   "additionalProperties": False}),
    ("a bound that is none", {"minimum": "1", "maximum": True, "multipleOf": 0}),
    ("a reference out of the document", {"$ref": "https://example.com/schema"}),
    ("a reference to nothing", {"$ref": "#/$defs/gone"}),
    ("a reference into a text", {"title": "x", "$ref": "#/title/0"}),
    ("a reference beyond a list", {"allOf": [{}], "$ref": "#/allOf/7"}),
    ("a reference that goes round", {"$ref": "#/$defs/a", "$defs": {
        "a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
    ("a schema that is part of itself", {"allOf": [{"$ref": "#"}, {"title": "x"}]}),
    ("a dynamic reference", {"$dynamicRef": "#x"}),
    ("an own address", {"$id": "http://example.com/", "$schema": "http://example.com/x"}),
    ("dependencies that are none", {"dependentRequired": {"a": "b"}}),
    ("a description that is none", {"description": 5}),
]  # fmt: skip


@pytest.mark.parametrize("schema", [m[1] for m in MEANINGLESS], ids=[m[0] for m in MEANINGLESS])
def test_what_has_no_meaning_asks_for_nothing(schema: Any) -> None:
    assert wrong(schema, {"a": 1}) == ""
    Outline(read(schema), 100).render()


def test_long_sentences_are_cut_in_the_middle() -> None:
    sentence = wrong({"type": "integer"}, "x" * 5000)

    assert sentence.startswith("$: 'xxx")
    assert sentence.endswith("x' is not of type 'integer'")
    assert len(sentence) < 300


def test_at_most_three_violations_are_named() -> None:
    schema = {"items": {"type": "integer"}}

    assert wrong(schema, ["a", "b", "c", "d"]).count("is not of type") == 3


PATTERNS = [
    ("^[a-z]+$", True),
    ("^\\d{4}-\\d{2}$", True),
    ("^[^@]+@[^@]+$", True),
    ("(a+)+$", False),
    ("(a|a)*$", False),
    ("((a)b*)+", False),
    ("a*a*a*a*a*$", False),
]


@pytest.mark.parametrize(("pattern", "quick"), PATTERNS)
def test_a_pattern_that_could_take_forever_is_not_applied(pattern: str, quick: bool) -> None:
    assert is_quick(pattern, 64) is quick
    if not quick:
        assert wrong({"pattern": pattern}, "a" * 63 + "!") == ""


def test_a_schema_beyond_the_bounds_is_a_problem() -> None:
    wide = {"anyOf": [{"type": "string"}] * (MAX_NODES + 1)}

    with pytest.raises(Problem) as caught:
        read(wide)

    assert caught.value.kind is Kind.INVALID_REQUEST


def test_a_long_chain_of_references_is_read() -> None:
    defs = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(2000)} | {"d2000": {}}

    schema = read({"$ref": "#/$defs/d0", "$defs": defs})

    assert schema.check({"a": 1}) == ""
    assert schema.resolve(schema.root) is ANY


def test_definitions_of_one_name_are_kept_apart() -> None:
    schema = {
        "a": {"x": {"type": "string"}},
        "b": {"x": {"type": "integer"}},
        "properties": {"p": {"$ref": "#/a/x"}, "q": {"$ref": "#/b/x"}},
    }

    assert wrong(schema, {"p": "s", "q": 1}) == ""
    assert wrong(schema, {"p": 1, "q": "s"}) == (
        "$.p: 1 is not of type 'string'; $.q: 's' is not of type 'integer'"
    )


NARROW = [
    ("a plain type", {"type": "string"}, "string", True),
    ("another type", {"type": "string"}, "integer", False),
    ("a number for an integer", {"type": "number"}, "integer", True),
    ("no type", {"description": "x"}, "array", True),
    ("a bound", {"type": "integer", "minimum": 1}, "integer", False),
    ("the only choice of its type", {"anyOf": [{"type": "string"}, {"type": "null"}]}, "string",
     True),
    ("one choice of several", {"anyOf": [{"type": "string"}, {}]}, "string", False),
    ("a choice in a choice", {"anyOf": [{"anyOf": [{"type": "string"}]}, {"type": "null"}]},
     "null", True),
    ("a choice beside members", {"properties": {"a": {}}, "anyOf": [{}]}, "object", False),
    ("all of one", {"allOf": [{"type": "string"}]}, "string", True),
    ("all of two", {"allOf": [{"type": "string"}, {}]}, "string", False),
    ("a reference", {"$ref": "#/$defs/x", "$defs": {"x": {"type": "string"}}}, "string", True),
    ("a type beside a reference", {"type": "object", "allOf": [{"required": ["a"]}]}, "object",
     False),
    ("choices without end", {"anyOf": [{"$ref": "#"}]}, "string", False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "kind", "plain"), [n[1:] for n in NARROW], ids=[n[0] for n in NARROW]
)
def test_a_value_is_judged_as_it_arrives_only_where_its_type_says_all(
    source: Any, kind: str, plain: bool
) -> None:
    schema = read(source)

    assert (schema.narrow(schema.root, kind) is not None) is plain


SCHEMAS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["string", "object", "#", "("]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            [
                "type", "properties", "required", "items", "anyOf", "allOf", "oneOf", "$ref",
                "enum", "const", "pattern", "minimum", "additionalProperties", "prefixItems", "if",
                "patternProperties", "nullable", "dependentSchemas", "description", "default",
                "uniqueItems", "multipleOf", "a",
            ]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["type", "properties", "$ref", "anyOf", "a"]), SCHEMAS))
def test_no_schema_raises_whatever_it_is(source: Any) -> None:
    schema = read(source)

    schema.check({"a": ["x", 1, None]})
    Outline(schema, 50).render()
    for kind in ("object", "string"):
        schema.narrow(schema.root, kind)


# ------------------------------------------------------------------------- outlines

OUTLINES = [
    ("nothing", None, "object"),
    ("anything", {}, "any"),
    ("no members", {"type": "object", "additionalProperties": False}, "{}"),
    ("a short object", {"type": "object", "properties": {"a b": {}}}, '{ "a b"?: any }'),
    ("members without a type", {"properties": {"a": {"type": "string"}}}, "{ a?: string }"),
    ("several types", {"type": ["string", "null", "number"]}, "null | number | string"),
    ("a constant", {"const": {"a": 1}}, '{"a":1}'),
    ("a long enum", {"enum": list(range(70))},
     " | ".join(map(str, range(60))) + " | … 10 more"),
    ("a list", {"type": "array"}, "any[]"),
    ("a list of choices", {"type": "array", "items": {"enum": ["a", "b"]}}, 'Array<"a" | "b">'),
    ("items in order", {"type": "array", "prefixItems": [{"type": "string"}]},
     '[1 items in order: [{"type":"string"}]]'),
    ("other members", {"type": "object", "additionalProperties": {"type": "integer"}},
     "{ [key: string]: integer }"),
    ("choices", {"anyOf": [{"type": "string"}, {"type": "null"}, {"type": "null"}]},
     "string | null"),
    ("a type and choices", {"type": "object", "anyOf": [{"required": ["a"]}, {"const": 1}]},
     "object & (any | 1)"),
    ("all of", {"allOf": [{"type": "string"}, {"type": "integer"}]}, "string & integer"),
    ("a reference used once", {"$ref": "#/$defs/x", "$defs": {"x": {"type": "string"}}}, "string"),
    ("a reference used twice",
     {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}, "b": {"$ref": "#/$defs/x"}},
      "$defs": {"x": {"type": "object", "properties": {"c": {"type": "string"}}}}},
     "{ a?: x, b?: x }\ntype x = { c?: string }"),
    ("a reference to itself",
     {"type": "object", "properties": {"next": {"$ref": "#"}, "v": {"type": "string"}},
      "required": ["v"]},
     "Root\ntype Root = { next?: Root, v: string }"),
    ("a reference that contains itself",
     {"$ref": "#/$defs/n", "$defs": {"n": {"type": "array", "items": {"$ref": "#/$defs/m"}},
      "m": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/n"}]}}},
     "n\ntype n = m[]\ntype m = null | n"),
    ("notes",
     {"type": "object", "properties": {"a": {"type": "string", "description": "One  two\nthree.",
      "pattern": "^a", "default": "x", "format": "date", "maxLength": 5}}},
     "{\n  a?: string,  // One two three. (format date) (pattern ^a) (at most 5 characters) "
     "(default x)\n}"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "text"), [o[1:] for o in OUTLINES], ids=[o[0] for o in OUTLINES]
)
def test_an_outline_reads_as_a_type(source: Any, text: str) -> None:
    assert Outline(read(source), 200).render() == text


def test_an_outline_ends_at_a_depth() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(30):
        deep = {"type": "array", "items": deep}

    text = Outline(read(deep), 0).render()

    assert "any" in text
    assert "string" not in text


SHORTENED = [
    ("one two three", 13, "one two three"),
    ("one two three", 12, "one two…"),
    ("one two, three", 10, "one two…"),
    ("one", 2, "o…"),
    ("one", 1, ""),
    ("one", 0, ""),
]


@pytest.mark.parametrize(("text", "limit", "short"), SHORTENED)
def test_descriptions_are_cut_at_words(text: str, limit: int, short: str) -> None:
    assert shorten(text, limit) == short
