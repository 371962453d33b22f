"""What is known of an account, step by step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.accounts.standing import (
    NOTHING,
    Out,
    Rest,
    Standing,
    blamed,
    decode,
    encode,
    praised,
)
from chat2api_core.problem import Kind, Problem, Step

NOW = 1_787_300_000.0
STEPS: list[Step | None] = [None, "refresh", "conversation", "stream"]
PROBLEMS = st.builds(
    Problem,
    st.sampled_from(Kind),
    st.just("Words."),
    step=st.sampled_from(STEPS),
    retry_after=st.none() | st.floats(0, 1e9),
)


def limit(wait: float | None = None) -> Problem:
    return Problem(Kind.RATE_LIMITED, "Limit.", retry_after=wait)


# After each failure comes a probe as soon as the rest is over; these are the rests in seconds.
@pytest.mark.parametrize(
    ("kind", "step", "rests"),
    [
        (Kind.RATE_LIMITED, None, [300, 600, 1200, 2400, 3600, 3600]),
        (Kind.UNAUTHORIZED, None, [60, 120, 240, 480, 960, 1920, 3600, 3600]),
        (Kind.BUSY, None, [5, 10, 20, 40, 60, 60]),
        (Kind.UPSTREAM_ERROR, "refresh", [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]),
        (Kind.UNREACHABLE, "refresh", [30, 60]),
    ],
)
def test_every_probe_that_fails_doubles_the_rest(
    kind: Kind, step: Step | None, rests: list[float]
) -> None:
    known, now = NOTHING, NOW
    for seconds in rests:
        known = blamed(known, "m", Problem(kind, "Words.", step=step), now)
        rest = known.rest("m", now)
        assert rest is not None
        assert rest.until - now == seconds
        now = rest.until


def test_failures_of_requests_that_were_under_way_together_are_one() -> None:
    known = NOTHING
    for late in range(10):
        known = blamed(known, "m", limit(), NOW + late)
    (rest,) = known.rests.values()

    assert rest.strikes == 1
    assert rest.until == NOW + 309


def test_a_wait_out_of_all_bounds_is_cut() -> None:
    known = blamed(NOTHING, "m", limit(1e12), NOW)

    assert known.rests["m"].until == NOW + 32 * 86_400


def test_a_dead_sign_in_is_out_with_its_reason_and_stays_so() -> None:
    dead = Problem(Kind.UNAUTHORIZED, "Sign in again.", step="refresh")
    known = blamed(NOTHING, "m", dead, NOW)

    assert known.out == Out(NOW, "UNAUTHORIZED", "Sign in again.")
    assert blamed(known, "m", dead, NOW + 1) is known
    assert praised(known, "m") == NOTHING


@pytest.mark.parametrize(
    ("seconds", "rests", "half_open"),
    [(0, True, None), (59, True, None), (60, False, "m"), (3659, False, "m"), (3660, False, None)],
)
def test_a_rest_is_half_open_for_an_hour_after_its_end(
    seconds: float, *, rests: bool, half_open: str | None
) -> None:
    known = blamed(NOTHING, "m", limit(60), NOW)

    assert (known.rest("m", NOW + seconds) is not None) is rests
    assert known.half_open("m", NOW + seconds) == half_open
    assert known.half_open("other", NOW + seconds) is None


def test_what_concerns_every_model_goes_first() -> None:
    known = blamed(blamed(NOTHING, "m", limit(60), NOW), "m", Problem(Kind.BUSY, "Busy."), NOW)
    rest = known.rest("m", NOW)

    assert rest is not None
    assert rest.kind is Kind.BUSY
    assert known.half_open("m", NOW + 60) == ""


def test_models_are_bounded_and_old_rests_forgotten() -> None:
    known = NOTHING
    for number in range(80):
        known = blamed(known, f"m{number}", limit(60 + number), NOW)
    assert len(known.rests) == 50
    assert "m79" in known.rests
    assert "m0" not in known.rests

    assert list(blamed(known, "new", limit(), NOW + 10_000).rests) == ["new"]


@given(known=st.lists(st.tuples(st.sampled_from(["m", "n"]), PROBLEMS, st.floats(0, 1e6))))
def test_whatever_happened_reads_back_and_ends_with_a_success(
    known: list[tuple[str, Problem, float]],
) -> None:
    standing = NOTHING
    for model, problem, late in known:
        after = blamed(standing, model, problem, NOW + late)
        assert (after == standing) is (after is standing)
        standing = after
    assert decode(encode(standing)) == standing
    cleared = praised(praised(standing, "m"), "n")
    assert cleared == NOTHING
    assert praised(cleared, "m") is cleared


@pytest.mark.parametrize("raw", [None, b"", b"{", b"[]", b'{"rests":{"m":{"until":"soon"}}}'])
def test_what_cannot_be_read_is_nothing_known(raw: bytes | None) -> None:
    assert decode(raw) == NOTHING


def test_a_reason_that_a_newer_version_wrote_still_rests() -> None:
    known = Standing({"m": Rest(NOW + 60, "SOMETHING_NEW", "Words.")})
    rest = decode(encode(known)).rest("m", NOW)

    assert rest is not None
    assert rest.kind is Kind.UNAVAILABLE
