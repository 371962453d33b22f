"""Fitting: the form is put right where the meaning is plain, and nothing else changes."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat2api_core.toolcalls.fit import MISSING, Fit, alias, is_envelope, kind_of, read_json
from chat2api_core.toolcalls.schema import Json
from chat2api_core.toolcalls.schema_reader import read


def fitted(schema: Any, value: Any) -> Json:
    read_schema = read(schema)
    return Fit(read_schema).at(value, read_schema.root)


CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}

FITS = [
    ("an integer as text", {"type": "integer"}, " 5 ", 5),
    ("a number as text", {"type": "number"}, "1.5", 1.5),
    ("a boolean as text", {"type": "boolean"}, "False", False),
    ("null as text", {"type": "null"}, "None", None),
    ("one and zero", {"type": "array", "items": {"type": "boolean"}}, [1, 0], [True, False]),
    ("a number where text belongs", {"type": "string"}, 5, "5"),
    ("a boolean where text belongs", {"type": "string"}, True, "true"),
    ("one for a list", {"type": "array", "items": {"type": "integer"}}, "5", [5]),
    ("an object for a list", {"type": "array"}, {"a": 1}, [{"a": 1}]),
    ("a list as text", {"type": "array"}, "[1, 2]", [1, 2]),
    ("an empty text for a list", {"type": "array"}, "", ""),
    ("a list of one", {"type": "integer"}, [5], 5),
    ("a list of two", {"type": "integer"}, [5, 6], [5, 6]),
    ("an object as text", CITY, "{'city': 'P'}", {"city": "P"}),
    ("a choice as text", {"enum": [1, 2]}, "2", 2),
    ("a choice in another spelling", {"enum": ["North East", "South"]}, "north_east", "North East"),
    ("two choices in one spelling", {"enum": ["a", "A"]}, " a", " a"),
    ("a constant in another case", {"const": "On"}, "on", "On"),
    ("the first choice that fits", {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, "5", 5),
    ("no choice that fits", {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, "x", "x"),
    ("a key in another case", CITY, {"CITY": "P"}, {"city": "P"}),
    ("a key in another case beside the right one", CITY, {"CITY": "P", "city": 5},
     {"CITY": "P", "city": "5"}),
    ("null that may be left out", {"properties": {"a": {"type": "string"}}}, {"a": None}, {}),
    ("null for a key that there is not", {**CITY, "additionalProperties": False},
     {"city": "P", "x": None}, {"city": "P"}),
    ("null that is required", CITY, {"city": None}, {"city": None}),
    ("a default left out", {"properties": {"a": {"default": 5}}, "required": ["a"]}, {}, {"a": 5}),
    ("a constant left out", {"properties": {"a": {"const": "x"}}, "required": ["a"]}, {},
     {"a": "x"}),
    ("a wrong default left out",
     {"properties": {"a": {"default": 5, "type": "string"}}, "required": ["a"]}, {}, {}),
    ("null left out", {"properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}, {},
     {"a": None}),
    ("a member of a member", {"properties": {"a": {"items": {"type": "integer"}}}},
     {"a": ["1", 2]}, {"a": [1, 2]}),
    ("other members", {"additionalProperties": {"type": "integer"}}, {"x": "1"}, {"x": 1}),
    ("what cannot be put right", {"type": "boolean"}, "maybe", "maybe"),
    ("null for an integer", {"type": "integer"}, None, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "value", "expected"), [f[1:] for f in FITS], ids=[f[0] for f in FITS]
)
def test_a_value_is_put_right_where_that_takes_no_guess(
    schema: Any, value: Any, expected: Any
) -> None:
    assert fitted(schema, value) == expected


WHOLES = [
    ("as they are", {"city": "P"}, {"city": "P"}),
    ("in an envelope", {"arguments": {"city": "P"}}, {"city": "P"}),
    ("in an envelope as text", {"name": "f", "args": '{"city": "P"}'}, {"city": "P"}),
    ("in two envelopes", {"function": {"name": "f", "arguments": {"city": "P"}}}, {"city": "P"}),
    ("all as text", '{"city": "P"}', {"city": "P"}),
    ("the only value", "P", {"city": "P"}),
    ("the only value as a number", 5, {"city": "5"}),
    ("nothing", {}, {}),
    ("two envelopes at once", {"args": {}, "params": {}}, {"args": {}, "params": {}}),
    ("what cannot be the only value", [1, 2], [1, 2]),
]


@pytest.mark.parametrize(("value", "expected"), [w[1:] for w in WHOLES], ids=[w[0] for w in WHOLES])
def test_all_the_arguments_are_taken_out_of_what_wraps_them(value: Any, expected: Any) -> None:
    assert Fit(read(CITY)).whole(value) == expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
KINDS = ["object", "array", "string", "number", "integer", "boolean", "null"]


@settings(max_examples=100, deadline=None)
@given(VALUES, st.lists(st.sampled_from(KINDS), min_size=1))
def test_a_value_that_is_right_never_changes(value: Any, types: list[str]) -> None:
    schema = read({"type": [*types, kind_of(value)], "properties": {"a": {"type": "integer"}}})

    if not schema.check(value):
        assert Fit(schema).at(value, schema.root) is value


@settings(max_examples=100, deadline=None)
@given(VALUES, st.sampled_from(KINDS))
def test_fitting_never_raises(value: Any, kind: str) -> None:
    schema = read({"type": kind, "properties": {"a": {"type": kind}}, "required": ["a"]})

    Fit(schema).whole(value)


def test_a_filler_is_missing_where_nothing_is_known() -> None:
    schema = read({})

    assert Fit(schema).filler(schema.root) is MISSING


def test_a_key_that_could_be_two_has_no_alias() -> None:
    properties = read({"properties": {"a_b": {}, "aB": {}, "c": {}}}).root.properties

    assert alias("ab", properties) == ""
    assert alias("C", properties) == "c"


def test_an_envelope_is_one_only_where_no_such_member_is_declared() -> None:
    closed, declared, opened = (
        read(CITY).root,
        read({"properties": {"name": {}}}).root,
        read({}).root,
    )

    assert is_envelope("Arguments", closed)
    assert not is_envelope("name", declared)
    assert not is_envelope("arguments", opened)
    assert not is_envelope("city2", closed)


READ = [
    ("[1, {'a': [true, null, 1.5, -2]}]", [1, {"a": [True, None, 1.5, -2]}]),
    ('"x"', "x"),
    ("plain words", "plain words"),
    ("{} more", "{} more"),
]


@pytest.mark.parametrize(("text", "value"), READ)
def test_a_text_is_read_as_json_if_it_can_be(text: str, value: Any) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize(
    ("value", "kind"),
    [(None, "null"), (True, "boolean"), (1, "integer"), (1.0, "integer"), (1.5, "number"),
     ("", "string"), ([], "array"), ({}, "object")],
)  # fmt: skip
def test_every_value_has_a_kind(value: Any, kind: str) -> None:
    assert kind_of(value) == kind
