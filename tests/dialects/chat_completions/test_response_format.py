"""The form that an answer must have."""

from collections.abc import Callable
from typing import Any

import pytest

from chat2api_core.dialects.chat_completions import ChatRequest
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Format

Json = dict[str, Any]
SCHEMA: Json = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def by_schema(**asked: object) -> Json:
    return {"type": "json_schema", "json_schema": asked}


FORMS: list[tuple[Json, Format]] = [
    ({"type": "text"}, Format()),
    ({"type": "json_object"}, Format("json_object")),
    (by_schema(name="a", schema=SCHEMA), Format("json_schema", "a", SCHEMA)),
    (by_schema(name="a", schema=SCHEMA, strict=None), Format("json_schema", "a", SCHEMA)),
    (by_schema(name="a-B_1", schema=SCHEMA, strict=True, description="d"),
     Format("json_schema", "a-B_1", SCHEMA, strict=True)),
    (by_schema(name="a", schema={"anyOf": [SCHEMA]}),
     Format("json_schema", "a", {"anyOf": [SCHEMA]})),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "expected"), FORMS)
def test_a_form_is_understood(
    asked: Json, expected: Format, parse: Callable[..., ChatRequest]
) -> None:
    assert parse(response_format=asked).prompt.format == expected


AT = "response_format.json_schema"
WRONG: list[tuple[str, object, str, str]] = [
    ("a word", "json", "response_format", "must be an object or null, not a string."),
    ("no type", {}, "response_format.type", "is missing."),
    ("an unknown type", {"type": "xml"}, "response_format.type",
     "cannot be 'xml'; it is one of: text, json_object or json_schema."),
    ("nothing but the type", {"type": "json_schema"}, AT, "is missing."),
    ("no name", by_schema(schema=SCHEMA), f"{AT}.name", "is missing."),
    ("a bad name", by_schema(name="a b", schema=SCHEMA), f"{AT}.name",
     "must match ^[a-zA-Z0-9_-]{1,64}$."),
    ("no schema", by_schema(name="a"), f"{AT}.schema", "is missing."),
    ("a schema that is no object", by_schema(name="a", schema="x"), f"{AT}.schema",
     "must be an object, not a string."),
    ("a schema of a list", by_schema(name="a", schema={"type": "array"}), f"{AT}.schema",
     "must be a JSON Schema of the type object."),
    ("strict in words", by_schema(name="a", schema=SCHEMA, strict="yes"), f"{AT}.strict",
     "must be a boolean or null, not a string."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "param", "words"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_a_wrong_form_is_named_by_its_path(
    asked: object, param: str, words: str, refuse: Callable[..., Problem]
) -> None:
    problem = refuse(response_format=asked)
    assert problem.kind is Kind.INVALID_REQUEST
    assert problem.param == param
    assert problem.message == f"{param} {words}"
