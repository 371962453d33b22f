"""The table of parameters: complete, consistent with the parser, and that of the docs."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming

from chat2api_core.dialects.chat_completions.body import Body
from chat2api_core.dialects.chat_completions.parameters import (
    PARAMETERS,
    REFUSED,
    Parameter,
    Treatment,
    advice,
    asks_for_nothing,
    markdown,
)

PAGE = Path(__file__).parents[3] / "docs" / "parameters.md"
CHECKED = {"temperature", "top_p"}  # ignored, but their range is checked


def names(treatment: str) -> set[str]:
    return {row.name for row in PARAMETERS if row.treatment == treatment}


def test_every_parameter_that_the_official_client_can_send_is_in_the_table() -> None:
    official = set(CompletionCreateParamsStreaming.__annotations__)
    for base in CompletionCreateParamsStreaming.__orig_bases__:  # type: ignore[attr-defined]
        official |= set(getattr(base, "__annotations__", ()))
    assert len(official) > 30
    assert official - {row.name for row in PARAMETERS} == set()


def test_no_parameter_is_in_the_table_twice() -> None:
    assert len({row.name for row in PARAMETERS}) == len(PARAMETERS)


def test_the_parser_reads_what_the_table_says_and_nothing_else() -> None:
    fields = {field.name for field in msgspec.structs.fields(Body)}
    assert fields == names("used") | names("refused") | CHECKED


def test_every_row_has_a_known_treatment_and_a_reason_of_one_line() -> None:
    for row in PARAMETERS:
        assert row.treatment in get_args(Treatment)
        assert row.why
        assert "\n" not in row.why
        assert "|" not in row.why


def test_only_refused_parameters_have_neutral_values_and_those_are_json() -> None:
    for row in PARAMETERS:
        assert row.treatment == "refused" or not row.neutral
        for value in row.neutral:
            assert asks_for_nothing(row, value.encode())


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
def test_null_asks_for_nothing_and_something_else_does_not(row: Parameter) -> None:
    assert asks_for_nothing(row, b"null")
    assert not asks_for_nothing(row, b'{"something": ["else"]}')


def test_a_neutral_value_of_another_type_is_not_neutral() -> None:
    n = next(row for row in REFUSED if row.name == "n")
    assert asks_for_nothing(n, b" 1 ")
    assert not asks_for_nothing(n, b"true")


def test_the_advice_names_the_values_that_are_taken() -> None:
    rows = {row.name: row for row in REFUSED}
    assert advice(rows["top_logprobs"]) == "leave it out or send 0"
    assert advice(rows["audio"]) == "leave it out"
    both = Parameter("x", "refused", "no", ("0", "false"))
    assert advice(both) == "leave it out or send 0 or false"


def test_the_module_prints_the_markdown_and_no_warning() -> None:
    command = [sys.executable, "-m", "chat2api_core.dialects.chat_completions.parameters"]
    printed = subprocess.run(command, capture_output=True, check=True, text=True)
    assert printed.stdout == markdown()
    assert printed.stderr == ""


def test_the_markdown_has_a_row_for_every_parameter() -> None:
    lines = markdown().splitlines()
    assert len(lines) == 2 + len(PARAMETERS)
    assert "| `n` | refused | ChatGPT gives one answer a turn (taken: `1`) |" in lines
    assert "| `model` | used | passed on; `auto` where it is left out |" in lines


def test_the_readme_shows_the_table_as_it_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    start, end = "<!-- chat-parameters -->", "<!-- /chat-parameters -->"
    assert text.count(start) == text.count(end) == 1
    shown = text.partition(start)[2].partition(end)[0]
    assert shown.strip() == markdown().strip()
