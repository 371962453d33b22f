"""The codes of failed responses."""

import re

import pytest

from chat2api_core.dialects.responses.failure import PATIENCE, code_of, failure
from chat2api_core.problem import Blame, Kind, Problem

# What the Codex CLI does not try again.
FINAL = {
    "context_length_exceeded",
    "insufficient_quota",
    "invalid_prompt",
    "server_is_overloaded",
}

CODES = [
    (Kind.INVALID_REQUEST, "invalid_prompt"),
    (Kind.MODEL_NOT_FOUND, "invalid_prompt"),
    (Kind.CONVERSATION_NOT_FOUND, "invalid_prompt"),
    (Kind.REFUSED, "invalid_prompt"),
    (Kind.CONTEXT_LENGTH, "context_length_exceeded"),
    (Kind.RATE_LIMITED, "rate_limit_exceeded"),
    (Kind.BUSY, "rate_limit_exceeded"),
    (Kind.NO_ACCOUNT, "server_is_overloaded"),
    (Kind.UNAUTHORIZED, "server_error"),
    (Kind.CHALLENGED, "server_error"),
    (Kind.UNAVAILABLE, "server_error"),
    (Kind.CUT, "server_error"),
    (Kind.INTERNAL, "server_error"),
]


@pytest.mark.parametrize(("kind", "code"), CODES)
def test_a_kind_has_its_code(kind: Kind, code: str) -> None:
    assert code_of(Problem(kind, "x")) == code


@pytest.mark.parametrize("kind", Kind)
def test_what_is_the_callers_fault_is_never_tried_again(kind: Kind) -> None:
    if kind.value.blame is Blame.CALLER:
        assert code_of(Problem(kind, "x")) in FINAL


@pytest.mark.parametrize("kind", Kind)
def test_what_may_be_asked_again_is_not_final(kind: Kind) -> None:
    if kind.value.again:
        assert code_of(Problem(kind, "x")) not in FINAL


@pytest.mark.parametrize(("after", "said"), [(20.0, "20"), (11.2, "12"), (PATIENCE, "600")])
def test_a_limit_says_when_to_try_again(after: float, said: str) -> None:
    error = failure(Problem(Kind.RATE_LIMITED, "Too many.", retry_after=after))
    assert error.code == "rate_limit_exceeded"
    assert re.search(r"try again in (\d+)s", error.message, re.IGNORECASE)
    assert error.message == f"Too many. Please try again in {said}s."


def test_a_limit_that_lasts_long_is_a_quota() -> None:
    error = failure(Problem(Kind.RATE_LIMITED, "Too many.", retry_after=PATIENCE + 1))
    assert error.code == "insufficient_quota"
    assert error.message == "Too many."


def test_other_failures_do_not_invite_to_wait() -> None:
    assert failure(Problem(Kind.UNAVAILABLE, "Down.", retry_after=5)).message == "Down."


def test_the_gateways_own_code_is_kept() -> None:
    error = failure(Problem(Kind.CUT, "x", step="stream", param="input"))
    assert (error.type, error.param) == ("stream_cut", "input")
