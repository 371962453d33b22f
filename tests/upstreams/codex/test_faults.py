"""What refusals mean."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.problem import Blame, Kind, Problem
from chat2api_core.upstreams.codex.faults import (
    Complaint,
    read_complaint,
    read_failure,
    read_fault,
    refuses_reasoning,
)

NOW = 1_787_300_000.0
PAGE = b"<html><head><title>Just a moment...</title></head></html>"


def fault(status: int, body: Any, **headers: str) -> Problem:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_fault(status, named, raw, "conversation", NOW)


def error(**fields: object) -> dict[str, object]:
    return {"error": fields}


LIMIT = "The usage limit has been reached"
CAPACITY = "Selected model is at capacity. Please try a different model."
WINDOW = "Your input exceeds the context window of this model. Please adjust your input."
MODEL = "The 'gpt-4' model is not supported when using Codex with a ChatGPT account."

CASES: dict[str, tuple[int, Any, Kind, float | None]] = {
    "a limit with the moment of its end": (
        429,
        error(type="usage_limit_reached", message=LIMIT, resets_at=1787301000, resets_in_seconds=9),
        Kind.RATE_LIMITED,
        1000.0,
    ),
    "a limit with the seconds until its end": (
        429,
        error(type="usage_limit_reached", message=LIMIT, resets_in_seconds=900),
        Kind.RATE_LIMITED,
        900.0,
    ),
    "a limit whose numbers are texts": (
        429,
        error(type="usage_limit_reached", resets_in_seconds="900"),
        Kind.RATE_LIMITED,
        900.0,
    ),
    "a limit that is over": (
        429,
        error(type="usage_limit_reached", resets_at=1),
        Kind.RATE_LIMITED,
        0.0,
    ),
    "a plan without Codex": (429, error(type="usage_not_included"), Kind.FORBIDDEN, None),
    "a rate, in words": (
        429,
        error(code="rate_limit_exceeded", message="Please try again in 11.5s."),
        Kind.RATE_LIMITED,
        11.5,
    ),
    "a rate, in milliseconds": (
        429,
        error(code="rate_limit_exceeded", message="try again in 250ms"),
        Kind.RATE_LIMITED,
        0.25,
    ),
    "a limit without a word": (429, b"", Kind.RATE_LIMITED, None),
    "a model at capacity": (400, error(message=CAPACITY), Kind.UNAVAILABLE, None),
    "a model at capacity, another status": (503, error(message=CAPACITY), Kind.UNAVAILABLE, None),
    "an expired token": (401, error(code="token_expired"), Kind.UNAUTHORIZED, None),
    "an unknown token": (401, {"detail": "Unauthorized"}, Kind.UNAUTHORIZED, None),
    "a closed door": (403, {"detail": "Forbidden"}, Kind.FORBIDDEN, None),
    "a challenge": (403, PAGE, Kind.CHALLENGED, None),
    "a challenge with another status": (503, PAGE, Kind.CHALLENGED, None),
    "too much input": (
        400,
        error(code="context_length_exceeded", message=WINDOW, type="invalid_request_error"),
        Kind.CONTEXT_LENGTH,
        None,
    ),
    "too much input, in words only": (400, error(message=WINDOW), Kind.CONTEXT_LENGTH, None),
    "a schema that cannot be used": (
        400,
        error(type="invalid_request_error", param="tools[0].parameters", message="Invalid schema"),
        Kind.INVALID_REQUEST,
        None,
    ),
    "a parameter that we should not send": (
        400,
        {"detail": "Unsupported parameter: temperature"},
        Kind.REFUSED,
        None,
    ),
    "a model that it does not have": (400, {"detail": MODEL}, Kind.MODEL_NOT_FOUND, None),
    "too many bytes": (413, b"too large", Kind.TOO_LARGE, None),
    "an overload": (503, error(code="server_is_overloaded"), Kind.UNAVAILABLE, None),
    "a request to slow down": (500, error(code="slow_down"), Kind.UNAVAILABLE, None),
    "a page of a gateway": (502, b"<html>Bad gateway</html>", Kind.UPSTREAM_ERROR, None),
    "a gateway that waited too long": (504, b"<html></html>", Kind.TIMEOUT, None),
    "a place that is not there": (404, {"detail": "Not Found"}, Kind.UPSTREAM_ERROR, None),
    "a teapot": (418, b"[]", Kind.REFUSED, None),
    "a good status with a page": (200, b"<html>Welcome</html>", Kind.GARBAGE, None),
    "a good status with nonsense": (200, b"nonsense", Kind.GARBAGE, None),
    "a good status with a bad word": (
        200,
        error(code="invalid_prompt"),
        Kind.INVALID_REQUEST,
        None,
    ),
    "a complaint that is a text": (500, {"error": "It broke"}, Kind.UPSTREAM_ERROR, None),
    "a complaint on its own": (400, {"code": "cyber_policy"}, Kind.INVALID_REQUEST, None),
    "an odd complaint": (500, {"error": [1, 2]}, Kind.UPSTREAM_ERROR, None),
}


@pytest.mark.parametrize(("status", "body", "kind", "wait"), CASES.values(), ids=CASES)
def test_a_refusal_is_a_problem(status: int, body: Any, kind: Kind, wait: float | None) -> None:
    problem = fault(status, body)
    assert problem.kind is kind
    assert problem.retry_after == wait
    assert problem.step == "conversation"


def test_a_limit_rests_the_account_and_an_overload_does_not() -> None:
    assert fault(429, error(type="usage_limit_reached")).blame is Blame.ACCOUNT
    assert fault(429, error(type="usage_not_included")).blame is Blame.ACCOUNT
    assert fault(503, error(code="server_is_overloaded")).blame is Blame.UPSTREAM


def test_a_header_counts_more_than_words() -> None:
    problem = fault(429, error(resets_in_seconds=900), retry_after="7")
    assert problem.retry_after == 7.0


@pytest.mark.parametrize(
    ("situation", "header", "seconds"),
    [
        ("a fraction", "0.5", 0.5),
        ("a date", "Fri, 21 Aug 2026 08:14:20 GMT", 60.0),
        ("a date gone by", "Fri, 21 Aug 2026 08:00:00 GMT", 0.0),
        ("more than can be believed", "Fri, 21 Aug 2099 12:00:00 GMT", 2_592_000.0),
    ],
)
def test_a_header_need_not_be_whole_seconds(situation: str, header: str, seconds: float) -> None:
    problem = fault(503, error(code="server_is_overloaded"), retry_after=header)
    assert problem.retry_after == seconds, situation


def test_a_page_may_say_when_to_come_again() -> None:
    assert fault(503, PAGE, retry_after="30").retry_after == 30.0


def test_a_header_that_says_no_time_counts_nothing() -> None:
    problem = fault(429, error(resets_in_seconds=900), retry_after="soon")
    assert problem.retry_after == 900.0


def test_a_page_may_be_known_by_its_headers_alone() -> None:
    assert fault(403, b"", content_type="text/html").kind is Kind.CHALLENGED
    mitigated = fault(429, b"", content_type="text/html", cf_mitigated="challenge")
    assert mitigated.kind is Kind.CHALLENGED


def test_the_place_of_a_mistake_of_the_callers_is_named() -> None:
    said = error(type="invalid_request_error", param="text.format", message="Bad schema.")
    problem = fault(400, said)
    assert problem.param == "text.format"
    assert "Bad schema." in problem.message


def test_the_plan_is_named_where_it_is_the_reason() -> None:
    assert "plan does not include Codex" in fault(429, error(type="usage_not_included")).message


def test_a_quoted_token_is_hidden() -> None:
    problem = fault(401, {"detail": "bad token eyJhbGciOiJSUzI1NiJ9.e30.c2ln of me@example.com"})
    assert "eyJ" not in problem.message
    assert "example.com" not in problem.message


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (error(code="invalid_encrypted_content"), True),
        (error(type="invalid_encrypted_content"), True),
        (error(code="invalid_prompt"), False),
        ({}, False),
    ],
)
def test_refused_reasoning_is_known_by_its_code(body: Any, refused: bool) -> None:
    assert refuses_reasoning(read_complaint(json.dumps(body).encode())) is refused


def test_an_error_inside_of_a_stream_says_when_to_come_again() -> None:
    problem = read_failure(Complaint(code="usage_limit_reached", resets_at=NOW + 5), NOW)
    assert (problem.kind, problem.retry_after) == (Kind.RATE_LIMITED, 5.0)


@given(st.integers(100, 599), st.binary(max_size=300))
def test_any_answer_is_a_problem_and_nothing_worse(status: int, body: bytes) -> None:
    assert read_fault(status, {}, body, "models", NOW).step == "models"
