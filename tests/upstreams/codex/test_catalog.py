"""The list of models, as it is sent and as it is offered."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.base import Model
from chat2api_core.upstreams.codex.catalog import (
    FALLBACK,
    CodexModel,
    find,
    offered,
    read_catalog,
)

ENTRY: dict[str, Any] = {
    "slug": "gpt-5.6-sol",
    "display_name": "GPT-5.6 Sol",
    "description": "…",
    "visibility": "list",
    "supported_in_api": True,
    "priority": 1,
    "default_reasoning_level": "medium",
    "supported_reasoning_levels": [
        {"effort": "low", "description": "…"},
        {"effort": "xhigh", "description": "…"},
    ],
    "context_window": 272000,
    "supports_parallel_tool_calls": True,
    "support_verbosity": True,
}


def listed(*entries: object) -> tuple[CodexModel, ...]:
    return read_catalog(json.dumps({"models": entries}).encode())


def test_a_model_is_read_with_what_it_can_do() -> None:
    assert listed(ENTRY) == (
        CodexModel("gpt-5.6-sol", "GPT-5.6 Sol", ("low", "xhigh"), 272_000, priority=1),
    )


def test_what_is_missing_is_taken_for_granted() -> None:
    assert listed({"slug": "x"}) == (CodexModel("x"),)


def test_what_a_model_cannot_do_is_known() -> None:
    odd = {"slug": "x", "support_verbosity": False, "supports_parallel_tool_calls": False}
    assert listed(odd) == (CodexModel("x", verbosity=False, parallel_calls=False),)


@pytest.mark.parametrize(
    ("shell", "known"),
    [("local", {"local_shell"}), ("shell_command", set()), ("unified_exec", set()), (None, set())],
)
def test_a_model_that_knows_the_shell_by_a_type_of_its_own_says_so(
    shell: str | None, known: set[str]
) -> None:
    assert listed({"slug": "x", "shell_type": shell})[0].built_in == known


def test_levels_may_be_plain_words_and_unknown_ones_are_dropped() -> None:
    odd = {"slug": "x", "supported_reasoning_levels": ["low", "turbo", {"effort": "max"}, {}]}
    assert listed(odd)[0].efforts == ("low", "max")


def test_the_order_is_that_of_the_priorities() -> None:
    models = listed({"slug": "c"}, {"slug": "b", "priority": 2}, {"slug": "a", "priority": 0})
    assert [model.slug for model in models] == ["a", "b", "c"]


def test_odd_entries_do_not_hide_the_others() -> None:
    models = listed(7, {"slug": ""}, {"slug": 8}, {"title": "x"}, ENTRY, ENTRY)
    assert [model.slug for model in models] == ["gpt-5.6-sol"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"models": {}}', b"\xff", b"<html>"])
def test_an_answer_without_a_list_is_garbage(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_catalog(body)
    assert caught.value.kind is Kind.GARBAGE
    assert caught.value.step == "models"


@given(st.binary())
def test_any_bytes_are_a_list_or_a_problem(body: bytes) -> None:
    with suppress(Problem):
        read_catalog(body)


def test_hidden_models_are_not_offered_but_found() -> None:
    models = listed({**ENTRY, "slug": "hidden", "visibility": "hide"}, ENTRY)
    assert offered(models) == (
        Model("auto", "Auto"),
        Model("gpt-5.6-sol", "GPT-5.6 Sol", context_tokens=272_000),
    )
    assert find(models, "hidden") is not None


def test_nothing_is_offered_where_there_is_nothing() -> None:
    assert offered(()) == ()
    assert find((), "auto") is None


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("gpt-5.5", "gpt-5.5"),
        ("gpt-5-5", "gpt-5.5"),
        ("auto", FALLBACK[0].slug),
        ("", FALLBACK[0].slug),
        ("gpt-4", None),
    ],
)
def test_a_model_is_found_by_either_spelling(name: str, slug: str | None) -> None:
    model = find(FALLBACK, name)
    assert (model.slug if model else None) == slug
