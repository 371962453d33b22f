"""What the backend tells of an account's use."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.upstreams.codex.quota import (
    Quota,
    Window,
    read_quota,
    read_quota_event,
    read_usage,
)

NOW = 1_787_300_000.0
HEADERS = {
    "x-codex-plan-type": "plus",
    "x-codex-primary-used-percent": "42.5",
    "x-codex-primary-window-minutes": "300",
    "x-codex-primary-reset-after-seconds": "900",
    "x-codex-secondary-used-percent": "10",
    "x-codex-secondary-window-minutes": "10080",
    "x-codex-secondary-reset-at": "1787800000",
}


def test_both_windows_are_read_from_headers() -> None:
    assert read_quota(HEADERS, NOW) == Quota(
        "plus", Window(42.5, 300, NOW + 900), Window(10.0, 10080, 1_787_800_000.0)
    )


def test_the_moment_counts_more_than_the_seconds_until_then() -> None:
    both = HEADERS | {"x-codex-primary-reset-at": "1787301000"}
    quota = read_quota(both, NOW)
    assert quota is not None
    assert quota.primary == Window(42.5, 300, 1_787_301_000.0)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-codex-plan-type": "plus"},
        {"x-codex-primary-used-percent": "much"},
        {"x-codex-primary-used-percent": "-3"},
        {"x-codex-primary-used-percent": "nan"},
    ],
)
def test_headers_that_say_nothing_are_no_quota(headers: dict[str, str]) -> None:
    assert read_quota(headers, NOW) is None


@pytest.mark.parametrize("moment", ["1", "99999999999", "inf", "soon"])
def test_a_moment_that_makes_no_sense_is_not_known(moment: str) -> None:
    headers = {"x-codex-primary-used-percent": "1", "x-codex-primary-reset-at": moment}
    assert read_quota(headers, NOW) == Quota("", Window(1.0))


def test_an_event_says_the_same() -> None:
    limits = {"primary": {"used_percent": 5, "window_minutes": 300, "reset_at": 1787301000}}
    event = {"type": "codex.rate_limits", "plan_type": "pro", "rate_limits": limits}
    quota = read_quota_event(json.dumps(event).encode(), NOW)
    assert quota == Quota("pro", Window(5.0, 300, 1_787_301_000.0))


def test_an_event_may_name_the_second_window_only() -> None:
    event = b'{"rate_limits":{"secondary":{"used_percent":7,"reset_after_seconds":60}}}'
    assert read_quota_event(event, NOW) == Quota("", None, Window(7.0, 0, NOW + 60))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b'{"rate_limits":{"primary":{}}}'])
def test_an_event_that_says_nothing_is_no_quota(data: bytes) -> None:
    assert read_quota_event(data, NOW) is None


@given(st.dictionaries(st.sampled_from(sorted(HEADERS)), st.text(max_size=12)))
def test_any_headers_are_a_quota_or_none(headers: dict[str, str]) -> None:
    quota = read_quota(headers, NOW)
    assert quota is None or quota.primary is not None or quota.secondary is not None


USAGE = {
    "plan_type": "plus",
    "rate_limit": {
        "allowed": True,
        "limit_reached": False,
        "primary_window": {
            "used_percent": 42,
            "limit_window_seconds": 18000,
            "reset_after_seconds": 900,
            "reset_at": 1_787_301_000,
        },
        "secondary_window": {"used_percent": 10, "limit_window_seconds": 604800},
    },
    "additional_rate_limits": [{"limit_name": "codex_other", "rate_limit": None}],
    "credits": {"has_credits": False, "unlimited": False, "balance": "0"},
    "rate_limit_reached_type": None,
}


def test_the_document_that_is_asked_for_says_the_same() -> None:
    assert read_usage(json.dumps(USAGE).encode(), NOW) == Quota(
        "plus", Window(42.0, 300, 1_787_301_000.0), Window(10.0, 10080)
    )


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"rate_limit":null}', b'{"rate_limit":{"primary_window":7}}'],
)
def test_a_document_that_says_nothing_is_no_quota(body: bytes) -> None:
    assert read_usage(body, NOW) is None


@given(st.binary())
def test_no_document_is_a_failure(body: bytes) -> None:
    read_usage(body, NOW)
