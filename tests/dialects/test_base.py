"""What all dialects share: the words for a body that is wrong, and the shape of an error."""

import json
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from chat2api_core.dialects.base import error_document, invalid, unreadable, unsupported
from chat2api_core.problem import Kind, Problem


class _Cat(Struct, tag_field="type", tag="cat"):
    lives: Annotated[int, Meta(ge=1)] = 9


class _Dog(Struct, tag_field="type", tag="dog"):
    pass


class _Body(Struct):
    pets: list[_Cat | _Dog] = []
    size: Literal["s", "l"] = "s"
    names: dict[Annotated[str, Meta(max_length=3)], str | None] = {}
    weight: float = 0.0
    form: Annotated[str, Meta(pattern="^[ab]$")] = "a"
    tag: Annotated[str, Meta(pattern="^[ab]$")] = "a"


CHOICES = {"pets[].type": "cat or dog", "size": "s or l", "form": "a or b"}
_read = msgspec.json.Decoder(_Body).decode

COMPLAINTS: list[tuple[str, str | None, str]] = [
    ("[]", None, "The body must be an object, not an array."),
    ("{", None, "The body is not valid JSON (Input data was truncated)."),
    ('{"pets":[{}]}', "pets[0].type", "pets[0].type is missing."),
    ('{"pets":[{"type":"dog"},{"type":"cow"}]}', "pets[1].type",
     "pets[1].type cannot be 'cow'; it is one of: cat or dog."),
    ('{"pets":[{"type":"cat","lives":0}]}', "pets[0].lives",
     "pets[0].lives must be an integer >= 1."),
    ('{"size":"x - at `$.names`"}', "size",
     "size cannot be 'x - at `$.names`'; it is one of: s or l."),
    ('{"size":"' + "x" * 99 + '"}', "size",
     f"size cannot be '{'x' * 59}...; it is one of: s or l."),
    ('{"names":{"long":""}}', "names",
     "names has a key that must be a string of length <= 3."),
    ('{"names":{"a":1}}', "names[...]",
     "names[...] must be a string or null, not an integer."),
    ('{"form":"m"}', "form", "form must be a or b."),
    ('{"tag":"m"}', "tag", "tag has not the right form."),
    ('{"weight":1e999}', "weight", "weight is wrong: number out of range."),
]  # fmt: skip


def problem_of(
    act: Callable[[], object], at: str = "", choices: dict[str, str] = CHOICES
) -> Problem:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError, RecursionError)) as caught:
        act()
    return unreadable(caught.value, choices, at)


@pytest.mark.parametrize(("body", "param", "message"), COMPLAINTS)
def test_a_complaint_is_said_in_words(body: str, param: str | None, message: str) -> None:
    problem = problem_of(lambda: _read(body))
    assert problem.kind is Kind.INVALID_REQUEST
    assert (problem.param, problem.message) == (param, message)


def test_bytes_that_are_no_text_are_named_so() -> None:
    problem = problem_of(lambda: _read(b'{"size":"\xff"}'))
    assert problem.message == "The body is not valid UTF-8."


def test_a_body_without_a_bottom_is_named_so() -> None:
    problem = problem_of(lambda: msgspec.json.decode(b"[" * 100_000))
    assert problem.message == "The body is nested too deeply."


def test_a_value_within_a_body_is_named_by_its_whole_path() -> None:
    problem = problem_of(lambda: msgspec.convert({"size": "m"}, _Body), at="farm[3]")
    assert problem.param == "farm[3].size"
    assert problem.message == "farm[3].size cannot be 'm'; it is one of: s or l."


def test_a_value_that_is_wrong_as_a_whole_is_named_by_its_place() -> None:
    assert problem_of(lambda: msgspec.convert(3, _Body), at="farm[3]").param == "farm[3]"


def test_a_choice_that_nobody_listed_is_refused_all_the_same() -> None:
    problem = problem_of(lambda: _read(b'{"size":"m"}'), choices={})
    assert problem.message == "size cannot be 'm'."


def test_the_two_problems_of_a_request_are_told_apart() -> None:
    wrong, beyond = invalid("is wrong", "a.b"), unsupported("no such thing", "a.b")
    assert (wrong.kind, wrong.message) == (Kind.INVALID_REQUEST, "a.b is wrong.")
    assert (beyond.kind, beyond.message) == (
        Kind.UNSUPPORTED_PARAMETER,
        "a.b is not supported here: no such thing.",
    )
    assert {wrong.param, beyond.param} == {"a.b"}
    assert {wrong.step, beyond.step} == {"request"}


def test_an_error_has_openais_shape_and_its_stage_where_it_is_known() -> None:
    assert json.loads(error_document(invalid("is wrong", "x"))) == {
        "error": {
            "message": "x is wrong.",
            "type": "invalid_request_error",
            "param": "x",
            "code": "invalid_request",
            "stage": "request",
        }
    }
    plain = json.loads(error_document(Problem(Kind.NOT_FOUND, "Nothing is here.")))
    assert plain["error"] == {
        "message": "Nothing is here.",
        "type": "invalid_request_error",
        "param": None,
        "code": "not_found",
    }
