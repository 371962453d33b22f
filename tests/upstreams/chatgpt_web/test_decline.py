"""Why a picture did not come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.problem import Kind
from chat2api_core.upstreams.chatgpt_web.decline import undrawn, waiting

HOUR, DAY = 3600.0, 86_400.0

LIMITS: dict[str, tuple[str, float | None]] = {
    "a plan's limit": (
        "You've hit the Plus plan limit for image generation requests. You can create more images "
        "when the limit resets in 3 hours and 12 minutes.",
        3 * HOUR + 12 * 60,
    ),
    "the free plan's": (
        "You've hit the free plan limit for image generations requests. You can create more images "
        "when the limit resets in 23 hours and 59 minutes.",
        24 * HOUR - 60,
    ),
    "a short one": ("You have reached your image limit. Please wait for 90 seconds.", 90.0),
    "in days": ("You've reached the limit. It resets in 1 day, 2 hours.", DAY + 2 * HOUR),
    "in a word": ("You exceeded your image quota. Try again in an hour.", HOUR),
    "by the clock": ("You've reached your limit of images. It resets tomorrow at 9:00.", None),
    "too quickly": ("You're generating images too quickly. Please wait for a minute.", 60.0),
    "a count is no time": ("You've reached the limit of 5 images in your plan.", None),
    "beyond all bounds": ("You've reached the limit. It resets in 900 weeks.", 30 * DAY),
}


@pytest.mark.parametrize(("text", "seconds"), LIMITS.values(), ids=LIMITS)
def test_a_limit_is_told_with_its_end(text: str, seconds: float | None) -> None:
    problem = undrawn(text)
    assert (problem.kind, problem.retry_after) == (Kind.RATE_LIMITED, seconds)


@pytest.mark.parametrize(
    "text",
    [
        "I can't make that picture: it would go against our content policy.",
        "I'm sorry, but drawing living people is off limits for me.",
        "Which of the two moons do you mean?",
    ],
)
def test_other_words_are_a_refusal_and_quoted(text: str) -> None:
    problem = undrawn(f"  {text}\n")
    assert problem.kind is Kind.CONTENT_POLICY
    assert problem.message.endswith(f"It said: {text}")


def test_secrets_are_not_quoted() -> None:
    assert "sk-" not in undrawn("No. Your key is sk-0123456789abcdef.").message


def test_silence_is_the_upstreams_fault() -> None:
    assert undrawn(" \n").kind is Kind.UPSTREAM_ERROR


def test_a_duration_that_is_none_of_waiting_is_left_alone() -> None:
    assert waiting("The moon is 3 days old.") is None
    assert waiting("The moon is 3 days old. Wait for 5 minutes.") == 300.0


@given(st.text(max_size=300))
def test_every_text_is_understood_somehow(text: str) -> None:
    problem = undrawn(text)
    assert problem.kind in {Kind.RATE_LIMITED, Kind.CONTENT_POLICY, Kind.UPSTREAM_ERROR}
    assert problem.retry_after is None or 0 <= problem.retry_after <= 30 * DAY
