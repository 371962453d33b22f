"""When to ask again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.upstreams.chatgpt_web.waiting import seconds_to_wait
from chat2api_core.upstreams.pause import LONGEST

NOW = 1787313600.0  # 2026-08-21 12:00:00 UTC


@pytest.mark.parametrize(
    ("situation", "header", "seconds"),
    [
        ("seconds", "120", 120.0),
        ("seconds with blanks", " 120 ", 120.0),
        ("a fraction", "0.5", 0.5),
        ("nothing to wait", "0", 0.0),
        ("a date", "Fri, 21 Aug 2026 12:01:00 GMT", 60.0),
        ("a date gone by", "Fri, 21 Aug 2026 11:00:00 GMT", 0.0),
        ("a unix time", "1787313630", 30.0),
        ("a date far off", "Fri, 21 Aug 2099 12:01:00 GMT", LONGEST),
        ("nothing", "", None),
        ("nonsense", "soon", None),
        ("a year that cannot be", "Fri, 21 Aug 99999999999 12:01:00 GMT", None),
        ("a day that cannot be", "Fri, 99 Aug 2026 12:01:00 GMT", None),
        ("an endless number", "9" * 5000, None),
    ],
)
def test_the_header_is_read(situation: str, header: str, seconds: float | None) -> None:
    assert seconds_to_wait({"retry-after": header}, None, NOW) == seconds, situation


@pytest.mark.parametrize(
    "key",
    [
        "clears_in",
        "resets_in_seconds",
        "retry_after",
        "reset_after",
        "resets_after",
        "resets_at",
        "restore_at",
        "reset_at",
    ],
)
def test_every_known_key_is_found_at_any_place(key: str) -> None:
    assert seconds_to_wait({}, {key: 60}, NOW) == 60
    assert seconds_to_wait({}, {"detail": {"limits": [1, {"x": 2}, {key: 60}]}}, NOW) == 60
    assert seconds_to_wait({}, [{key: "60"}], NOW) == 60


@pytest.mark.parametrize(
    ("situation", "value", "seconds"),
    [
        ("seconds", 3360, 3360.0),
        ("the last number of seconds", 2591999, 2591999.0),
        ("the first unix time", 2592000, 0.0),
        ("a unix time", 1787313660, 60.0),
        ("a number as text", "3360", 3360.0),
        ("a duration", "1h2m3s", 3723.0),
        ("hours and minutes", "1h2m", 3720.0),
        ("days", "2d", 172800.0),
        ("a part of a second", "1.5s", 1.5),
        ("a date with Z", "2026-08-21T13:00:00Z", 3600.0),
        ("a date with a zone", "2026-08-21T12:00:00-01:00", 3600.0),
        ("a date without a zone", "2026-08-21 13:00:00", 3600.0),
        ("a negative number", -5, 0.0),
        ("more than 30 days", 1999999999, LONGEST),
        ("an endless number", 10**400, LONGEST),
        ("zero is an answer", 0, 0.0),
        ("a word", "later", None),
        ("an empty text", "", None),
        ("units without numbers", "hms", None),
        ("an endless text", "1" * 100, None),
        ("a flag", True, None),
        ("null", None, None),
        ("an object", {"x": 1}, None),
    ],
)
def test_values_are_read(situation: str, value: object, seconds: float | None) -> None:
    assert seconds_to_wait({}, {"reset_at": value}, NOW) == seconds, situation


def test_the_header_counts_more_than_the_body() -> None:
    assert seconds_to_wait({"retry-after": "5"}, {"clears_in": 60}, NOW) == 5


def test_an_unreadable_header_leaves_it_to_the_body() -> None:
    assert seconds_to_wait({"retry-after": "soon"}, {"clears_in": 60}, NOW) == 60


def test_an_unreadable_key_leaves_it_to_the_next() -> None:
    assert seconds_to_wait({}, {"clears_in": None, "reset_at": 7}, NOW) == 7


def test_the_surer_key_counts_and_the_outer_before_the_inner() -> None:
    assert seconds_to_wait({}, {"reset_at": 7, "clears_in": 8}, NOW) == 8
    assert seconds_to_wait({}, {"a": {"clears_in": 8}, "reset_at": 7}, NOW) == 7
    assert seconds_to_wait({}, {"clears_in": 0, "a": {"clears_in": 9}}, NOW) == 0


def test_the_search_is_bounded_in_depth_and_breadth() -> None:
    deep: object = {"clears_in": 60}
    for _ in range(20):
        deep = {"a": deep}
    assert seconds_to_wait({}, deep, NOW) is None
    assert seconds_to_wait({}, [[{}] * 3000, {"clears_in": 60}], NOW) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["clears_in", "reset_at", "a"]), inner)
    ),
)


@given(st.text(), JSON)
def test_any_answer_gives_a_time_within_bounds_or_none(header: str, tree: object) -> None:
    found = seconds_to_wait({"retry-after": header}, tree, NOW)
    assert found is None or 0 <= found <= LONGEST
