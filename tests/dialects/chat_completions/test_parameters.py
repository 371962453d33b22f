"""The table of parameters: complete, and consistent with the parser."""

import msgspec
import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming

from chat2api_core.dialects.chat_completions.body import Body
from chat2api_core.dialects.chat_completions.parameters import PARAMETERS, REFUSED
from chat2api_core.dialects.chat_completions.parse import parse
from chat2api_core.dialects.parameters import Parameter
from chat2api_core.problem import Kind, Problem

# Ignored, but their type or range is checked.
CHECKED = {
    "temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "store", "user",
    "safety_identifier",
}  # fmt: skip


def names(fate: str) -> set[str]:
    return {row.name for row in PARAMETERS if row.fate == fate}


def asked(name: str, value: object) -> bytes:
    messages = [{"role": "user", "content": "Hi"}]
    return msgspec.json.encode({"messages": messages, name: value})


def test_every_parameter_that_the_official_client_can_send_is_in_the_table() -> None:
    official = set(CompletionCreateParamsStreaming.__annotations__)
    for base in CompletionCreateParamsStreaming.__orig_bases__:  # type: ignore[attr-defined]
        official |= set(getattr(base, "__annotations__", ()))
    assert len(official) > 30
    assert official - {row.name for row in PARAMETERS} == set()


def test_the_parser_reads_what_the_table_says_and_nothing_else() -> None:
    fields = {field.name for field in msgspec.structs.fields(Body)}
    assert fields == names("used") | names("refused") | CHECKED


def test_the_body_keeps_unread_exactly_what_is_refused() -> None:
    unread = {field.name for field in msgspec.structs.fields(Body) if field.type is msgspec.Raw}
    assert unread == set(REFUSED) == names("refused")


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED)
def test_a_refused_parameter_is_refused_by_name(row: Parameter) -> None:
    for value in (True, 7, "x", {"a": 1}, ["something", "else"]):
        with pytest.raises(Problem) as caught:
            parse(asked(row.name, value))
        assert caught.value.kind is Kind.UNSUPPORTED_PARAMETER
        assert caught.value.param == row.name
        assert row.why in caught.value.message


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED)
def test_a_refused_parameter_may_ask_for_nothing(row: Parameter) -> None:
    plain = parse(asked("unheard_of", 1))
    for value in (None, *row.neutral):
        assert parse(asked(row.name, value)) == plain
