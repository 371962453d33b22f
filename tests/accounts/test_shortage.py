"""What a caller is told where nobody can be asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.accounts.shortage import Keeper, exhausted, nobody
from chat2api_core.accounts.standing import Out, Rest
from chat2api_core.problem import Kind, Problem

NOW = 1_787_300_000.0
LIMITED = Rest(NOW + 60, "RATE_LIMITED", "A limit.")
REFUSED = Rest(NOW + 30, "UNAUTHORIZED", "A refusal.")
DEAD = Out(NOW - 5, "UNAUTHORIZED", "Sign in again.")
FILE = Keeper("a", "the file", Kind.FILE_NOT_FOUND)


@pytest.mark.parametrize(
    ("reasons", "keeper", "kind", "wait", "words"),
    [
        ((), None, Kind.NO_ACCOUNT, None, "No other account is left"),
        ((DEAD, DEAD), None, Kind.NO_ACCOUNT, None, "(2 out). Sign in again."),
        ((LIMITED,), None, Kind.RATE_LIMITED, 60.0, "A limit."),
        ((LIMITED, DEAD), None, Kind.RATE_LIMITED, 60.0, "A limit."),
        ((LIMITED, REFUSED), None, Kind.RATE_LIMITED, 30.0, "All 2 accounts are resting"),
        ((REFUSED,), None, Kind.UNAUTHORIZED, 30.0, "A refusal."),
        ((DEAD,), FILE, Kind.FILE_NOT_FOUND, None, "holds the file is out. Sign in again."),
        ((LIMITED,), FILE, Kind.RATE_LIMITED, 60.0, "A limit."),
    ],
    ids=[
        "all were tried",
        "all are out",
        "one rests",
        "who is out is not waited for",
        "the first that is back counts",
        "a refused token",
        "the keeper is out",
        "the keeper rests",
    ],
)
def test_the_reason_and_the_wait_are_told(
    reasons: tuple[Rest | Out, ...], keeper: Keeper | None, kind: Kind, wait: float, words: str
) -> None:
    problem = exhausted(reasons, keeper, NOW)
    assert (problem.kind, problem.retry_after, problem.step) == (kind, wait, "pool")
    assert words in problem.message


@given(st.lists(st.floats(-100, 1e6), min_size=1))
def test_a_wait_is_that_of_the_first_who_is_back_and_never_below_none(waits: list[float]) -> None:
    rests = [Rest(NOW + wait, "RATE_LIMITED", "A limit.") for wait in waits]
    told = exhausted(rests, None, NOW).retry_after
    assert told == max(0.0, min(rest.until for rest in rests) - NOW)


def test_a_keeper_that_is_gone_is_told_by_what_it_held() -> None:
    assert FILE.among(("b", "a")) == ("a",)
    with pytest.raises(Problem, match="no longer configured") as caught:
        FILE.among(("b",))
    assert caught.value.kind is Kind.FILE_NOT_FOUND


@pytest.mark.parametrize(
    ("wanted", "words"), [((), "CHATGPT_"), (("web", "codex"), "web or codex")]
)
def test_that_none_is_configured_says_which(wanted: tuple[str, ...], words: str) -> None:
    assert words in nobody(wanted).message
