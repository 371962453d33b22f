"""The counters of one request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from chat2api_core.metering.use import (
    OTHER,
    Counter,
    Names,
    Use,
    day_of,
    index_name,
    read_name,
    spent_name,
    steps,
)
from chat2api_core.stores.base import check_key

DAY = "2026-08-21"
USE = Use("key-1", "gpt-5", "acc-1", input=10, output=5, milliseconds=800)


@pytest.mark.parametrize(
    ("now", "day"), [(0, "1970-01-01"), (1_787_270_399.9, "2026-08-20"), (1_787_270_400, DAY)]
)
def test_a_day_begins_at_midnight_utc(now: float, day: str) -> None:
    assert day_of(now) == day


def test_an_answer_counts_for_its_key_with_its_model_and_for_its_account() -> None:
    assert dict(steps(USE, DAY)) == {
        "use:2026-08-21:k/key-1/gpt-5/in": 10,
        "use:2026-08-21:k/key-1/gpt-5/out": 5,
        "use:2026-08-21:k/key-1/gpt-5/ms": 800,
        "use:2026-08-21:k/key-1/gpt-5/h2": 1,
        "use:2026-08-21:a/acc-1/in": 10,
        "use:2026-08-21:a/acc-1/out": 5,
        "use:2026-08-21:a/acc-1/ms": 800,
        "use:2026-08-21:a/acc-1/h2": 1,
    }


def test_a_failure_before_an_account_was_found_counts_for_its_key_alone() -> None:
    use = Use("key-1", "", "", 0, 0, 3, error="no_account")
    assert dict(steps(use, DAY)) == {
        "use:2026-08-21:k/key-1//ms": 3,
        "use:2026-08-21:k/key-1//h0": 1,
        "use:2026-08-21:k/key-1//e.no_account": 1,
    }


def test_the_tokens_of_a_limited_key_are_counted_once_more() -> None:
    limited = dict(steps(structs.replace(USE, limited=True), DAY))
    assert limited.pop(spent_name("key-1", DAY)) == 15
    assert limited == dict(steps(USE, DAY))
    silent = structs.replace(USE, limited=True, input=0, output=0)
    assert spent_name("key-1", DAY) not in dict(steps(silent, DAY))


NAMES = st.text(max_size=80)


@given(NAMES, NAMES, NAMES, st.integers(0, 10**6))
def test_whatever_a_request_is_called_its_counters_have_good_names(
    key: str, model: str, account: str, milliseconds: int
) -> None:
    use = Use(key, model, account, 1, 1, milliseconds, error="code", limited=True)
    for name, amount in steps(use, DAY):
        assert check_key(name)
        assert "\n" not in name
        assert amount > 0
        if name.startswith("use:"):
            counter = read_name(name.split(":", 2)[2])
            assert counter is not None
            assert bool(counter.account) is name.startswith(f"use:{DAY}:a/")


PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)


@given(PLAIN, PLAIN, PLAIN)
def test_plain_names_are_read_as_they_were_counted(key: str, model: str, account: str) -> None:
    places = [name.split(":", 2)[2] for name, _ in steps(Use(key, model, account, 1, 0, 0), DAY)]
    read = {read_name(place) for place in places}
    assert Counter(key, model, "", "in") in read
    assert {one.account for one in read if one} - {""} == ({account} - {""})


@pytest.mark.parametrize("place", ["", "k/key", "k/a/b/c/d", "x/y/z", "a/acc"])
def test_what_is_no_counter_is_read_as_nothing(place: str) -> None:
    assert read_name(place) is None


def test_an_index_is_never_taken_for_a_counter() -> None:
    assert read_name(index_name(DAY).split(":", 2)[2]) is None


def test_names_beyond_the_bound_become_other_until_the_next_day() -> None:
    names = Names(models=2, accounts=1)
    assert [names.fit("model", name, DAY) for name in ("a", "b", "c", "a")] == [
        "a",
        "b",
        OTHER,
        "a",
    ]
    assert [names.fit("account", name, DAY) for name in ("x", "y")] == ["x", OTHER]
    assert names.fit("model", "c", "2026-08-22") == "c"
