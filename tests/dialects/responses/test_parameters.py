"""The table of parameters is what the parser does."""

from collections.abc import Callable

import pytest
from openai.types.responses.response_create_params import (
    ResponseCreateParamsBase,
    ResponseCreateParamsStreaming,
)

from chat2api_core.dialects.parameters import Parameter
from chat2api_core.dialects.responses import ResponsesRequest
from chat2api_core.dialects.responses.body import Body
from chat2api_core.dialects.responses.parameters import PARAMETERS, REFUSED
from chat2api_core.problem import Kind, Problem

Parse = Callable[..., ResponsesRequest]
IGNORED = [row for row in PARAMETERS if row.fate == "ignored"]


def test_every_official_parameter_has_one_row() -> None:
    official = {
        *ResponseCreateParamsBase.__annotations__,
        *ResponseCreateParamsStreaming.__annotations__,
    }
    names = [row.name for row in PARAMETERS]
    assert len(names) == len(set(names))
    assert official <= set(names)


def test_the_parser_reads_what_is_not_ignored() -> None:
    read = {row.name for row in PARAMETERS if row.fate != "ignored"}
    assert read == set(Body.__struct_fields__)


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
def test_a_refused_parameter_is_refused_by_name(row: Parameter, parse: Parse) -> None:
    for value in (True, 1, "x", {"a": 1}):
        with pytest.raises(Problem) as caught:
            parse(**{row.name: value})
        assert caught.value.kind is Kind.UNSUPPORTED_PARAMETER
        assert caught.value.param == row.name
        assert row.why in caught.value.message


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
def test_a_refused_parameter_may_ask_for_nothing(row: Parameter, parse: Parse) -> None:
    for value in (None, *row.neutral):
        assert parse(**{row.name: value}) == parse()


def test_false_is_not_zero(parse: Parse) -> None:
    for name, value in (("top_logprobs", False), ("background", 0)):
        with pytest.raises(Problem):
            parse(**{name: value})


@pytest.mark.parametrize("row", IGNORED, ids=lambda row: row.name)
def test_an_ignored_parameter_changes_nothing(row: Parameter, parse: Parse) -> None:
    for value in (True, "flex", {"a": 1}, [1]):
        assert parse(**{row.name: value}) == parse()
