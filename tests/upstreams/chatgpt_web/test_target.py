"""Which model, GPT and effort a model name selects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.turn import Effort
from chat2api_core.upstreams.chatgpt_web.target import Target, model_slug, thinking


@pytest.mark.parametrize(
    ("model", "target"),
    [
        ("", Target("auto")),
        ("  ", Target("auto")),
        ("auto", Target("auto")),
        ("gpt-5-5", Target("gpt-5-5")),
        ("gpt-5.5", Target("gpt-5-5")),
        ("gpt-4o-2024-08-06", Target("gpt-4o-2024-08-06")),
        ("something-unknown", Target("something-unknown")),
        ("gpt-5.5-high", Target("gpt-5-5", effort="high")),
        ("gpt-5.5_high", Target("gpt-5-5", effort="high")),
        ("gpt-5.5(high)", Target("gpt-5-5", effort="high")),
        ("gpt-5.5:high", Target("gpt-5-5", effort="high")),
        ("gpt-5-none", Target("gpt-5", effort="none")),
        ("gpt-5-minimal", Target("gpt-5", effort="minimal")),
        ("gpt-5-low", Target("gpt-5", effort="low")),
        ("gpt-5-medium", Target("gpt-5", effort="medium")),
        ("gpt-5-xhigh", Target("gpt-5", effort="xhigh")),
        ("gpt-5-max", Target("gpt-5", effort="max")),
        ("gpt-5-6-thinking", Target("gpt-5-6-thinking")),
        ("gpt-5-6-t-mini", Target("gpt-5-6-t-mini")),
        ("gpt-5-5-instant", Target("gpt-5-5-instant")),
        ("gpt-5-5:instant", Target("gpt-5-5:instant")),
        ("gpt-5-5(1024)", Target("gpt-5-5(1024)")),
        ("o4-mini-high", Target("o4-mini-high")),
        ("o3-mini-high", Target("o3-mini-high")),
        ("gpt-5.1-codex-max", Target("gpt-5-1-codex-max")),
        ("o4-mini-high:low", Target("o4-mini-high", effort="low")),
        ("o4-mini-high-low", Target("o4-mini-high", effort="low")),
        ("o4-mini", Target("o4-mini")),
        ("high", Target("high")),
        ("-high", Target("-high")),
        ("g-abc123", Target("auto", "g-abc123")),
        ("gpt-4-gizmo-g-abc123", Target("auto", "g-abc123")),
        ("gpt-5.5-gizmo-g-abc123", Target("gpt-5-5", "g-abc123")),
        ("g-abc123-my-high", Target("auto", "g-abc123-my-high")),
        ("g-abc123:high", Target("auto", "g-abc123", "high")),
        ("gpt-4-gizmo-g-abc123(low)", Target("auto", "g-abc123", "low")),
        ("g-", Target("g-")),
    ],
)
def test_names_are_read(model: str, target: Target) -> None:
    assert model_slug(model) == target


@pytest.mark.parametrize(
    ("effort", "word"),
    [
        (None, None),
        ("none", "standard"),
        ("minimal", "standard"),
        ("low", "standard"),
        ("medium", "extended"),
        ("high", "max"),
        ("xhigh", "max"),
        ("max", "max"),
    ],
)
def test_efforts_become_the_three_words_that_are_taken(
    effort: Effort | None, word: str | None
) -> None:
    assert thinking(effort) == word


@given(st.text())
def test_any_name_selects_something(model: str) -> None:
    target = model_slug(model)
    assert target.slug
    assert "." not in target.slug
