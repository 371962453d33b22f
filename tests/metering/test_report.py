"""Sums of what was used."""

import pytest
from msgspec import structs

from chat2api_core.metering.report import (
    MOST_DAYS,
    Figures,
    Row,
    days_between,
    read_rows,
    summed,
    total,
)
from chat2api_core.metering.use import index_name
from tests.asgi import play
from tests.metering.conftest import DAY, USE, Parts


def test_days_are_both_ends_and_what_is_between() -> None:
    assert days_between("2026-02-27", "2026-03-01") == ["2026-02-27", "2026-02-28", "2026-03-01"]
    assert days_between(DAY, DAY) == [DAY]
    assert days_between("2026-08-22", DAY) == []


def test_of_too_many_days_the_latest_are_read() -> None:
    days = days_between("2020-01-01", DAY)
    assert len(days) == MOST_DAYS
    assert days[-1] == DAY
    assert days_between("0001-01-01", "0001-01-02") == ["0001-01-01", "0001-01-02"]


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-8-1"])
def test_what_is_no_day_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month"):
        days_between(text, DAY)


def test_rows_are_read_by_day_key_and_model_and_by_account(parts: Parts) -> None:
    async def run() -> None:
        tally = parts.tally()
        for use in (
            USE,
            structs.replace(USE, milliseconds=90_000, error="stream_cut"),
            structs.replace(USE, key="key-2", account="acc-2"),
            structs.replace(USE, model="o3"),
        ):
            tally.note(use)
        await tally.settle()
        rows = await read_rows(parts.store, ["2026-08-20", DAY])

        mine = await read_rows(parts.store, [DAY], key="key-1")
        assert {(row.key, row.model) for row in mine} == {("key-1", "gpt-5"), ("key-1", "o3")}
        assert total(mine).tokens == 45

        by_key = summed([row for row in rows if row.key], lambda row: row.key)
        assert {key: sums.requests for key, sums in by_key.items()} == {"key-1": 3, "key-2": 1}
        assert (by_key["key-1"].failed, by_key["key-1"].errors) == (1, {"stream_cut": 1})
        assert by_key["key-1"].milliseconds == 91_600
        by_account = summed([row for row in rows if row.account], lambda row: row.account)
        assert {name: sums.requests for name, sums in by_account.items()} == {
            "acc-1": 3,
            "acc-2": 1,
        }
        (slow,) = [row for row in mine if row.model == "gpt-5"]
        assert slow.figures.buckets == [0, 0, 1, 0, 0, 0, 0, 0, 0, 1]
        assert slow.figures.quantile(0.5) == 1000

    play(run())


def test_a_key_whose_name_begins_like_another_is_another(parts: Parts) -> None:
    async def run() -> None:
        tally = parts.tally()
        tally.note(structs.replace(USE, key="key-12"))
        await tally.settle()
        assert await read_rows(parts.store, [DAY], key="key-1") == []

    play(run())


def test_what_a_newer_version_may_have_counted_is_passed_over(parts: Parts) -> None:
    async def run() -> None:
        places = ["k/key-1/gpt-5/in", "k/key-1/gpt-5/new", "k/key-1/gpt-5/h77", "z/1", "a/x/gone"]
        await parts.store.put(index_name(DAY), "\n".join(places).encode())
        for place in places[:-1]:
            await parts.store.increment(f"use:{DAY}:{place}", 3)
        (row,) = await read_rows(parts.store, [DAY])
        assert row.figures == Figures(input=3)

    play(run())


def test_sums_add_up_everything() -> None:
    one = Figures(1, 2, 3, [1] * 10, {"a": 1, "b": 1})
    rows = [Row(DAY, "k", "m", "", one), Row(DAY, "k", "n", "", one)]
    assert total(rows) == Figures(2, 4, 6, [2] * 10, {"a": 2, "b": 2})
    assert total([]) == Figures()
