"""One scale of effort, and names of models that end in a level."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.effort import SCALE, Named, clamp, is_level, spelled, split
from chat2api_core.turn import Effort

LEVELS = st.sampled_from(SCALE)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-5.5", Named("gpt-5.5")),
        ("gpt-5.5-high", Named("gpt-5.5", "high")),
        ("gpt-5.5_low", Named("gpt-5.5", "low")),
        ("gpt-5.5:xhigh", Named("gpt-5.5", "xhigh")),
        ("gpt-5.5(high)", Named("gpt-5.5", "high")),
        ("gpt-5.6-sol-ultra", Named("gpt-5.6-sol", "ultra")),
        (" gpt-5.5-none ", Named("gpt-5.5", "none")),
        ("gpt-5.5(8192)", Named("gpt-5.5(8192)")),
        ("gpt-5.5-highest", Named("gpt-5.5-highest")),
        ("high", Named("high")),
        ("-high", Named("-high")),
        ("", Named("")),
    ],
)
def test_a_level_is_read_off_the_end_of_a_name(model: str, expected: Named) -> None:
    assert split(model) == expected


def test_a_model_whose_own_name_ends_in_a_level_is_not_taken_apart() -> None:
    known = ["gpt-5.1-codex-max"]
    assert split("gpt-5.1-codex-max", known) == Named("gpt-5.1-codex-max")
    assert split("gpt-5.1-codex-max-low", known) == Named("gpt-5.1-codex-max", "low")


@pytest.mark.parametrize(
    ("wanted", "levels", "expected"),
    [
        ("high", ("low", "medium", "high"), "high"),
        ("max", ("low", "medium", "high", "xhigh"), "xhigh"),
        ("ultra", ("low", "max"), "max"),
        ("none", ("low", "medium"), "low"),
        ("medium", ("low", "high"), "low"),
        ("high", (), "high"),
    ],
)
def test_a_level_moves_to_the_nearest_that_the_model_has(
    wanted: Effort, levels: tuple[Effort, ...], expected: Effort
) -> None:
    assert clamp(wanted, levels) == expected


@given(LEVELS, st.sets(LEVELS, min_size=1))
def test_a_clamped_level_is_one_of_the_models_and_stays_put(
    wanted: Effort, levels: set[Effort]
) -> None:
    once = clamp(wanted, levels)
    assert once in levels
    assert clamp(once, levels) == once


@given(st.text())
def test_splitting_any_name_keeps_what_it_does_not_read(name: str) -> None:
    found = split(name)
    assert found.name in name
    assert found.effort is None or is_level(found.effort)


def test_only_words_of_the_scale_are_levels() -> None:
    assert all(is_level(level) for level in SCALE)
    assert not is_level("highest")


def test_all_spellings_of_a_model_are_one() -> None:
    assert spelled("gpt-5.5") == spelled("gpt-5-5") == "gpt-5-5"
