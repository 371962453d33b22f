"""Counts on their way into the store."""

import asyncio
import logging
import math

import pytest
from msgspec import structs

from chat2api_core.metering.report import last_used, read_rows
from chat2api_core.metering.tally import Tally
from chat2api_core.metering.use import OTHER, day_of, index_name
from chat2api_core.stores.guard import GuardedStore
from tests.asgi import play
from tests.metering.conftest import DAY, USE, Parts

IN = "use:2026-08-21:k/key-1/gpt-5/in"
OUT = "use:2026-08-21:k/key-1/gpt-5/out"


async def read(parts: Parts, name: str) -> int:
    return int(await parts.inner.get(name) or 0)


def test_a_request_is_written_before_it_ends_where_a_process_may_freeze(parts: Parts) -> None:
    async def run() -> None:
        tally = parts.tally()
        tally.note(USE)
        assert tally.unwritten(IN) == 10
        assert await read(parts, IN) == 0
        await tally.settle()
        assert tally.unwritten(IN) == 0
        assert await read(parts, IN) == 10

    play(run())


def test_requests_that_end_together_are_written_together(parts: Parts) -> None:
    async def run() -> None:
        tally = parts.tally()
        for _ in range(20):
            tally.note(USE)
        await asyncio.gather(*(tally.settle() for _ in range(20)))
        assert len(parts.inner.increments) == 8
        assert parts.inner.rounds == 1
        assert await read(parts, IN) == 200

    play(run())


def test_where_a_process_runs_on_nobody_waits_and_counts_gather(parts: Parts) -> None:
    async def run() -> None:
        tally = parts.tally(linger=1.0)
        for _ in range(3):
            tally.note(USE)
            await tally.settle()
        assert await read(parts, IN) == 0
        await asyncio.sleep(1.5)
        assert await read(parts, IN) == 30
        tally.note(USE)
        await tally.settle()
        await asyncio.sleep(1.5)
        assert await read(parts, IN) == 40

    play(run())


def test_closing_writes_what_is_left(parts: Parts) -> None:
    async def run() -> None:
        tally = parts.tally(linger=60.0)
        tally.note(USE)
        await tally.settle()
        await tally.aclose()
        assert await read(parts, IN) == 10
        await tally.aclose()
        assert await read(parts, IN) == 10

    play(run())


def test_several_processes_add_up_and_know_of_each_other(parts: Parts) -> None:
    async def run() -> None:
        one, other = parts.tally(), parts.tally()
        one.note(USE)
        other.note(structs.replace(USE, model="o3"))
        await asyncio.gather(one.settle(), other.settle())
        rows = await read_rows(parts.store, [DAY])
        assert {row.model for row in rows if row.key} == {"gpt-5", "o3"}

    play(run())


def test_an_index_that_others_change_all_the_time_is_completed_later(parts: Parts) -> None:
    async def run() -> None:
        parts.inner.swaps_lost = 5
        tally = parts.tally()
        tally.note(USE)
        await tally.settle()
        assert await read(parts, IN) == 10
        assert await read_rows(parts.store, [DAY]) == []
        await tally.settle()
        (row,) = await read_rows(parts.store, [DAY], key="key-1")
        assert row.figures.input == 10

    play(run())


def test_a_store_that_is_down_gets_its_counts_when_it_is_back(parts: Parts) -> None:
    async def run() -> None:
        tally = parts.tally()
        parts.inner.trouble = "down"
        for _ in range(3):
            tally.note(USE)
            await tally.settle()
        parts.inner.trouble = ""
        parts.clock.advance(10)
        for _ in range(2):
            tally.note(USE)
            await tally.settle()
        assert await read(parts, IN) == 50
        (row,) = await read_rows(parts.store, [DAY], key="key-1")
        assert row.figures.requests == 5

    play(run())


def test_counts_that_are_owed_are_paid_when_somebody_wants_to_read_them(parts: Parts) -> None:
    async def run() -> None:
        tally = parts.tally()
        tally.note(USE)
        await tally.settle()
        parts.inner.trouble = "down"
        tally.note(USE)
        await tally.settle()
        parts.inner.trouble = ""
        parts.clock.advance(10)
        assert await read(parts, IN) == 10
        await tally.write()
        assert await read(parts, IN) == 20

    play(run())


def test_a_silent_store_holds_a_request_up_for_seconds_only_and_nothing_is_lost(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        tally = parts.tally()
        parts.inner.trouble = "slow"
        tally.note(USE)
        began = loop.time()
        await tally.settle()
        assert loop.time() - began <= 4.0
        parts.inner.trouble = ""
        parts.clock.advance(10)
        tally.note(USE)
        await tally.settle()
        assert tally.unwritten(IN) == 0
        assert await read(parts, IN) == 20

    play(run())


def test_counts_that_a_store_refuses_are_told_of_and_kept(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        tally = parts.tally()
        parts.inner.trouble = "wrong"
        tally.note(USE)
        with caplog.at_level(logging.WARNING, "chat2api.metering"):
            await tally.settle()
        assert tally.unwritten(IN) == 10

    play(run())
    assert "could not be written" in caplog.text


def test_a_value_in_a_counters_place_stands_in_no_other_counters_way(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        await parts.store.put(IN, b"a value")
        tally = parts.tally()
        tally.note(USE)
        with caplog.at_level(logging.WARNING, "chat2api.metering"):
            await tally.settle()
        assert tally.unwritten(IN) == 0
        assert await parts.store.get(IN) == b"a value"
        assert await read(parts, OUT) == 5

    play(run())
    assert "is no counter" in caplog.text


def test_a_writer_that_is_cancelled_leaves_the_rest_to_the_next(parts: Parts) -> None:
    async def run() -> None:
        tally = parts.tally()
        parts.inner.trouble = "slow"
        tally.note(USE)
        writer = asyncio.create_task(tally.settle())
        await asyncio.sleep(0.1)
        assert tally.unwritten(IN) == 10
        writer.cancel()
        await asyncio.wait((writer,))
        assert tally.unwritten(IN) == 10
        parts.inner.trouble = ""
        await tally.settle()
        assert await read(parts, IN) == 10

    play(run())


def test_a_request_counts_on_the_day_on_which_it_ends(parts: Parts) -> None:
    async def run() -> None:
        tally = parts.tally()
        tally.note(USE)
        parts.clock.advance(86_400)
        tally.note(USE)
        await tally.settle()
        days = [DAY, day_of(parts.clock.now())]
        rows = await read_rows(parts.store, days, key="key-1")
        assert [(row.day, row.figures.requests) for row in rows] == [
            ("2026-08-21", 1),
            ("2026-08-22", 1),
        ]
        parts.clock.advance(-86_400)
        tally.note(USE)  # a clock that was set back
        await tally.settle()
        (row,) = await read_rows(parts.store, [DAY], key="key-1")
        assert row.figures.requests == 2

    play(run())


def test_models_that_callers_make_up_do_not_fill_the_store(parts: Parts) -> None:
    async def run() -> None:
        tally = parts.tally()
        for number in range(150):
            tally.note(structs.replace(USE, model=f"made-up-{number}"))
        await tally.settle()
        rows = await read_rows(parts.store, [DAY], key="key-1")
        assert len(rows) == 101
        (other,) = [row for row in rows if row.model == OTHER]
        assert other.figures.requests == 50

    play(run())


def test_an_index_that_is_full_takes_no_more(parts: Parts) -> None:
    async def run() -> None:
        await parts.inner.put(index_name(DAY), b"x" * 300_000)
        tally = parts.tally()
        tally.note(USE)
        await tally.settle()
        assert await read(parts, IN) == 10
        assert await parts.inner.get(index_name(DAY)) == b"x" * 300_000

    play(run())


def test_a_round_of_writing_has_an_end_of_its_own(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        patient = GuardedStore(parts.inner, parts.clock, wait=60.0)
        tally = Tally(patient, parts.clock, linger=0)
        parts.inner.trouble = "slow"
        tally.note(USE)
        with caplog.at_level(logging.WARNING, "chat2api.metering"):
            await tally.settle()
        assert tally.unwritten(IN) == 10
        parts.inner.trouble = ""
        await tally.aclose()
        assert await read(parts, IN) == 10

    play(run())
    assert "too slow" in caplog.text


def test_when_an_account_was_used_last_is_known_within_a_minute(parts: Parts) -> None:
    async def run() -> None:
        tally = parts.tally()
        accounts = ["acc-1", "acc-2"]
        tally.note(USE)
        await tally.settle()
        assert await last_used(parts.store, accounts) == {"acc-1": 1_787_300_000, "acc-2": 0}
        parts.clock.advance(59)
        tally.note(USE)
        await tally.settle()
        assert (await last_used(parts.store, accounts))["acc-1"] == 1_787_300_000
        parts.clock.advance(1)
        tally.note(USE)
        await tally.settle()
        assert (await last_used(parts.store, accounts))["acc-1"] == 1_787_300_060

    play(run())


def test_counts_that_nobody_else_could_read_wait_for_a_reader(parts: Parts) -> None:
    async def run() -> None:
        tally = parts.tally(linger=math.inf)
        tally.note(USE)
        await tally.settle()
        await asyncio.sleep(1000)
        assert await read(parts, IN) == 0
        await tally.write()
        assert await read(parts, IN) == 10

    play(run())
