"""The guard: what goes on while the store is down, what is confirmed, and what is told of it."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import pytest

from chat2api_core.stores.base import NotACounter, Store, StoreDown, TooLarge
from chat2api_core.stores.guard import GuardedStore
from chat2api_core.stores.memory import MemoryStore
from chat2api_core.stores.watch import StoreStatus
from tests.stores.real_parts import START, SteppedClock

pytestmark = pytest.mark.anyio


class Breakable:
    """A store that can be broken ("down": refuses; "silent": never answers) and mended.

    It counts the questions that reach it."""

    name = "breakable"
    durable = True

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.trouble = ""
        self.asked = 0
        self.closed = False
        self.reached = asyncio.Event()  # set when a question is not answered

    async def _through(self) -> None:
        self.asked += 1
        if self.trouble == "silent":
            self.reached.set()
            await asyncio.Event().wait()
        if self.trouble:
            raise StoreDown(self.trouble)

    async def get(self, key: str) -> bytes | None:
        await self._through()
        return await self.inner.get(key)

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        await self._through()
        return await self.inner.get_many(keys)

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        await self._through()
        await self.inner.put(key, value, ttl)

    async def add(self, key: str, value: bytes, ttl: float | None = None) -> bool:
        await self._through()
        return await self.inner.add(key, value, ttl)

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        await self._through()
        return await self.inner.swap(key, old, new, ttl)

    async def delete(self, key: str) -> None:
        await self._through()
        await self.inner.delete(key)

    async def delete_if(self, key: str, old: bytes) -> bool:
        await self._through()
        return await self.inner.delete_if(key, old)

    async def increment(self, key: str, by: int = 1, ttl: float | None = None) -> int:
        await self._through()
        return await self.inner.increment(key, by, ttl)

    async def increment_many(
        self, amounts: Mapping[str, int], ttl: float | None = None, *, once: str = ""
    ) -> None:
        if self.trouble == "deaf":  # it does what it is told, and the reply gets lost
            self.asked += 1
            await self.inner.increment_many(amounts, ttl, once=once)
            raise StoreDown("deaf")
        await self._through()
        await self.inner.increment_many(amounts, ttl, once=once)

    async def keys(self, prefix: str, limit: int = 1000) -> list[str]:
        await self._through()
        return await self.inner.keys(prefix, limit)

    async def aclose(self) -> None:
        self.closed = True


@pytest.fixture
def inner(clock: SteppedClock) -> Breakable:
    return Breakable(MemoryStore(clock))


@pytest.fixture
def guard(inner: Breakable, clock: SteppedClock) -> GuardedStore:
    return GuardedStore(inner, clock, wait=0.05, pause=5)


async def test_what_was_seen_is_still_known_when_the_store_is_down(
    guard: GuardedStore, inner: Breakable
) -> None:
    await inner.inner.put("read", b"r")
    await inner.inner.put("read-with-others", b"o")
    await guard.get("read")
    await guard.get_many(["read-with-others", "missing"])
    await guard.put("written", b"w")
    await guard.add("added", b"a")
    await guard.swap("read", b"r", b"s")
    inner.trouble = "down"
    keys = ["read", "read-with-others", "written", "added", "missing"]
    assert await guard.get_many(keys) == [b"s", b"o", b"w", b"a", None]
    assert await guard.get("never-seen") is None


async def test_what_was_seen_to_be_gone_stays_gone(guard: GuardedStore, inner: Breakable) -> None:
    for key in ("deleted", "let-go", "gone-elsewhere"):
        await guard.put(key, b"v")
    await guard.delete("deleted")
    assert await guard.delete_if("let-go", b"v") is True
    assert await guard.delete_if("gone-elsewhere", b"other") is False
    await inner.inner.delete("gone-elsewhere")
    await guard.get("gone-elsewhere")
    inner.trouble = "down"
    assert await guard.get_many(["deleted", "let-go", "gone-elsewhere"]) == [None, None, None]


async def test_a_known_end_holds_and_an_unknown_one_is_an_hour(
    guard: GuardedStore, inner: Breakable, clock: SteppedClock
) -> None:
    await guard.put("mine", b"v", 10)
    await inner.inner.put("theirs", b"v", 10)
    assert await guard.get_many(["mine", "theirs"]) == [b"v", b"v"]
    inner.trouble = "down"
    clock.step(11)
    assert await guard.get_many(["mine", "theirs"]) == [None, b"v"]
    clock.step(3600)
    assert await guard.get("theirs") is None


async def test_every_verb_goes_on_here_when_the_store_is_down(
    guard: GuardedStore, inner: Breakable
) -> None:
    inner.trouble = "down"
    await guard.put("k", b"one")
    assert await guard.get("k") == b"one"
    assert await guard.add("k", b"two") is False
    assert await guard.add("lock", b"me") is True
    assert await guard.swap("k", b"other", b"two") is False
    assert await guard.swap("k", b"one", b"two") is True
    assert await guard.delete_if("lock", b"you") is False
    assert await guard.delete_if("lock", b"me") is True
    assert await guard.increment("n", 2) == 2
    assert await guard.increment("n") == 3
    assert await guard.keys("") == ["k", "n"]
    await guard.delete("k")
    assert await guard.get_many(["k", "n"]) == [None, b"3"]
    assert await inner.inner.keys("") == []


async def test_sure_confirms_nothing_while_the_store_is_down(
    guard: GuardedStore, inner: Breakable
) -> None:
    await guard.sure.put("token", b"old")
    inner.trouble = "down"
    attempts = [
        guard.sure.put("token", b"new"),
        guard.sure.add("lock", b"me"),
        guard.sure.swap("token", b"old", b"new"),
        guard.sure.delete("token"),
        guard.sure.delete_if("token", b"old"),
        guard.sure.increment("n"),
        guard.sure.get("token"),
        guard.sure.get_many(["token"]),
        guard.sure.keys(""),
    ]
    for attempt in attempts:
        with pytest.raises(StoreDown, match="down"):
            await attempt
    assert await guard.get("token") == b"old"
    inner.trouble = ""
    assert await guard.sure.get("token") == b"old"
    assert await guard.sure.keys("") == ["token"]


async def test_sure_asks_even_during_a_pause_and_ends_it(
    guard: GuardedStore, inner: Breakable
) -> None:
    inner.trouble = "down"
    await guard.get("k")
    inner.trouble = ""
    await inner.inner.put("k", b"v")
    assert await guard.get("k") is None  # still resting
    assert await guard.sure.get("k") == b"v"
    assert guard.status.down_since is None
    await inner.inner.put("k", b"w")
    assert await guard.get("k") == b"w"


async def test_a_fault_of_a_question_from_before_the_latest_answer_is_no_news(
    guard: GuardedStore, inner: Breakable
) -> None:
    inner.trouble = "silent"
    early = asyncio.create_task(guard.sure.get("k"))
    await inner.reached.wait()
    inner.trouble = ""
    await inner.inner.put("k", b"v")
    assert await guard.get("k") == b"v"
    with pytest.raises(StoreDown):
        await early

    assert guard.status.faults == 1
    assert guard.status.down_since is None
    await inner.inner.put("k", b"w")
    assert await guard.get("k") == b"w"


async def test_after_a_fault_the_store_is_left_alone_for_a_pause(
    guard: GuardedStore, inner: Breakable, clock: SteppedClock
) -> None:
    inner.trouble = "down"
    await guard.get("k")
    for _ in range(10):
        await guard.get("k")
        await guard.increment("n")
    assert inner.asked == 1
    clock.step(5)
    await guard.get("k")
    await guard.get("k")
    assert inner.asked == 2


async def test_when_the_pause_ends_one_asks_and_the_others_do_not_wait(
    guard: GuardedStore, inner: Breakable, clock: SteppedClock
) -> None:
    inner.trouble = "down"
    await guard.get("k")
    clock.step(5)
    inner.trouble = "silent"
    await asyncio.gather(*(guard.get("k") for _ in range(20)))
    assert inner.asked == 2


async def test_a_silent_store_is_waited_for_no_longer_than_told(
    guard: GuardedStore, inner: Breakable
) -> None:
    inner.trouble = "silent"
    assert await guard.get("k") is None
    assert guard.status.error == "The store did not answer within 0.05 s."
    with pytest.raises(StoreDown, match=r"within 0\.05 s"):
        await guard.sure.put("k", b"v")


async def test_counts_that_could_not_be_written_go_along_with_the_next(
    guard: GuardedStore, inner: Breakable, clock: SteppedClock
) -> None:
    assert await guard.increment("n", 10) == 10
    inner.trouble = "down"
    assert await guard.increment("n", 2) == 12
    assert await guard.increment("n", 3) == 15
    assert await inner.inner.get("n") == b"10"
    inner.trouble = ""
    clock.step(5)
    assert await guard.increment("n") == 16
    assert await guard.increment("n") == 17
    assert await inner.inner.get("n") == b"17"


async def test_counts_that_are_still_owed_are_paid_at_the_end(
    guard: GuardedStore, inner: Breakable
) -> None:
    inner.trouble = "down"
    await guard.increment("a", 2, 60)
    await guard.increment("a", 3, 60)
    await guard.increment("b")
    inner.trouble = ""
    await guard.aclose()
    assert await inner.inner.get_many(["a", "b"]) == [b"5", b"1"]
    assert inner.closed


async def test_a_store_that_stays_down_does_not_keep_us_from_closing(
    guard: GuardedStore, inner: Breakable
) -> None:
    inner.trouble = "down"
    await guard.increment("a")
    await guard.increment("b")
    asked = inner.asked
    await guard.aclose()
    assert inner.asked == asked + 1
    assert inner.closed


async def test_what_is_owed_at_the_same_time_adds_up(
    guard: GuardedStore, inner: Breakable, clock: SteppedClock
) -> None:
    inner.trouble = "silent"
    await asyncio.gather(*(guard.increment("n") for _ in range(10)))
    inner.trouble = ""
    clock.step(5)
    assert await guard.increment("n") == 11


async def test_no_more_than_ten_thousand_keys_are_owed(
    guard: GuardedStore, inner: Breakable
) -> None:
    inner.trouble = "down"
    for number in range(10_001):
        await guard.increment(f"n{number}")
    await guard.increment("n0")
    inner.trouble = ""
    await guard.aclose()
    assert await inner.inner.get_many(["n0", "n9999", "n10000"]) == [b"2", b"1", None]


async def test_a_counter_that_was_only_read_is_counted_on_from_there(
    guard: GuardedStore, inner: Breakable
) -> None:
    await inner.inner.increment("n", 40)
    await inner.inner.increment("below", -5)
    await inner.inner.put("value", b"text")
    await guard.get_many(["n", "below", "value"])
    inner.trouble = "down"
    assert await guard.increment("n", 2) == 42
    assert await guard.increment("below") == -4
    with pytest.raises(NotACounter):
        await guard.increment("value")


async def test_the_fault_of_a_caller_is_no_outage(guard: GuardedStore) -> None:
    await guard.put("k", b"v")
    with pytest.raises(NotACounter):
        await guard.increment("k")
    with pytest.raises(TooLarge):
        await guard.put("k", bytes(400_000))
    with pytest.raises(ValueError, match="visible ASCII"):
        await guard.get("")
    assert guard.status == StoreStatus("breakable", True, None, "", 0)


async def test_the_status_tells_since_when_and_why(
    guard: GuardedStore, inner: Breakable, clock: SteppedClock
) -> None:
    assert guard.status == StoreStatus("breakable", True, None, "", 0)
    clock.step(10)
    inner.trouble = "first"
    await guard.get("k")
    clock.step(10)
    inner.trouble = "second"
    await guard.get("k")
    assert guard.status == StoreStatus("breakable", True, START + 10, "second", 2)
    clock.step(10)
    inner.trouble = ""
    await guard.get("k")
    assert guard.status == StoreStatus("breakable", True, None, "", 2)


async def test_the_fault_is_logged_once_a_minute_and_its_end_once(
    guard: GuardedStore, inner: Breakable, clock: SteppedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "chat2api.stores")
    inner.trouble = "no route"
    for _ in range(125):
        await guard.get("k")
        clock.step(1)
    inner.trouble = ""
    clock.step(5)
    await guard.get("k")
    await guard.get("k")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "The breakable store is down: no route"),
        ("WARNING", "The breakable store is down: no route"),
        ("WARNING", "The breakable store is down: no route"),
        ("INFO", "The breakable store answers again after 130 s."),
    ]


async def test_many_counts_are_owed_while_the_store_is_down_and_all_paid_with_the_next(
    guard: GuardedStore, inner: Breakable, clock: SteppedClock
) -> None:
    inner.trouble = "down"
    for _ in range(3):
        await guard.increment_many({"a": 1, "b": 2}, 60)
    assert await guard.get_many(["a", "b"]) == [b"3", b"6"]
    inner.trouble = ""
    clock.step(6)
    before = inner.asked
    await guard.increment_many({"a": 1}, 60)
    assert inner.asked - before == 3  # the batch in doubt, what was never sent, and the new one
    assert [await inner.inner.get(key) for key in ("a", "b")] == [b"4", b"6"]


async def test_a_batch_whose_reply_was_lost_counts_once(
    guard: GuardedStore, inner: Breakable, clock: SteppedClock
) -> None:
    inner.trouble = "deaf"
    await guard.increment_many({"a": 5})
    await guard.increment_many({"a": 7})
    clock.step(6)
    await guard.increment_many({"a": 11})
    assert await inner.inner.get("a") == b"5"
    inner.trouble = ""
    clock.step(6)
    await guard.increment_many({"a": 13})
    assert await inner.inner.get("a") == b"36"
    await guard.aclose()
    assert await inner.inner.get("a") == b"36"


async def test_a_batch_whose_writer_was_cancelled_counts_once(
    guard: GuardedStore, inner: Breakable
) -> None:
    class Held(Breakable):
        async def increment_many(
            self, amounts: Mapping[str, int], ttl: float | None = None, *, once: str = ""
        ) -> None:
            await self.inner.increment_many(amounts, ttl, once=once)
            self.asked += 1
            if self.asked == 1:
                reached.set()
                await asyncio.Event().wait()

    reached = asyncio.Event()
    held = Held(inner.inner)
    guard = GuardedStore(held, SteppedClock(), wait=60)
    writer = asyncio.create_task(guard.increment_many({"a": 2}))
    await reached.wait()
    writer.cancel()
    await asyncio.wait([writer])
    await guard.aclose()
    assert held.asked == 2
    assert await inner.inner.get("a") == b"2"


async def test_one_who_is_cancelled_while_older_debts_are_paid_owes_its_own(
    guard: GuardedStore, inner: Breakable, clock: SteppedClock
) -> None:
    inner.trouble = "down"
    await guard.increment_many({"a": 1})
    clock.step(6)
    inner.trouble = "silent"
    writer = asyncio.create_task(guard.increment_many({"a": 2}))
    await inner.reached.wait()
    writer.cancel()
    await asyncio.wait([writer])
    inner.trouble = ""
    await guard.aclose()
    assert await inner.inner.get("a") == b"3"


async def test_closing_pays_single_and_many_counts(guard: GuardedStore, inner: Breakable) -> None:
    inner.trouble = "down"
    await guard.increment("a", 3, 60)
    await guard.increment_many({"a": 1, "b": 2}, 60)
    inner.trouble = ""
    await guard.aclose()
    assert [await inner.inner.get(key) for key in ("a", "b")] == [b"4", b"2"]


async def test_many_counts_where_a_value_stands_are_refused_and_not_owed(
    guard: GuardedStore, inner: Breakable
) -> None:
    await guard.put("v", b"value")
    with pytest.raises(NotACounter):
        await guard.increment_many({"v": 1, "n": 1})
    await guard.increment_many({"n": 1})
    assert await inner.inner.get_many(["v", "n"]) == [b"value", b"1"]


async def test_what_is_owed_can_be_paid_without_counting_anything(
    guard: GuardedStore, inner: Breakable, clock: SteppedClock
) -> None:
    inner.trouble = "down"
    await guard.increment_many({"a": 1, "b": 1})
    await guard.increment_many({"a": 1})
    assert guard.owed == 3
    await guard.increment_many({})
    assert guard.owed == 3
    inner.trouble = ""
    clock.step(6)
    await guard.increment_many({})
    assert guard.owed == 0
    assert await inner.inner.get("a") == b"2"
    asked = inner.asked
    await guard.increment_many({})
    assert inner.asked == asked


async def test_counts_that_can_never_be_paid_hold_nobody_up(
    guard: GuardedStore,
    inner: Breakable,
    clock: SteppedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    inner.trouble = "down"
    await guard.increment_many({"n": 1})
    await inner.inner.put("n", b"value")
    inner.trouble = ""
    clock.step(6)
    with caplog.at_level(logging.WARNING, "chat2api.stores"):
        await guard.increment_many({"other": 1})
    assert await inner.inner.get_many(["n", "other"]) == [b"value", b"1"]
    assert "1 counts can never be written" in caplog.text


async def test_counts_given_up_are_told_of_when_the_store_is_back(
    guard: GuardedStore,
    inner: Breakable,
    clock: SteppedClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    inner.trouble = "down"
    for half in range(3):
        await guard.increment_many({f"n{half}-{number}": 1 for number in range(4000)})
    inner.trouble = ""
    clock.step(6)
    with caplog.at_level(logging.WARNING, "chat2api.stores"):
        await guard.increment_many({"n": 1})
        await guard.increment_many({"n": 1})
    assert caplog.text.count("2000 counts were given up") == 1
    assert len(await inner.inner.keys("n", 20_000)) == 10_001
