"""The store in memory: its bound."""

import pytest

from chat2api_core.stores.memory import MemoryStore
from tests.stores.real_parts import SteppedClock

pytestmark = pytest.mark.anyio


async def test_it_forgets_what_was_written_longest_ago_when_room_runs_out(
    clock: SteppedClock,
) -> None:
    store = MemoryStore(clock, limit=100_000)
    await store.put("first", bytes(20_000))
    await store.put("second", bytes(20_000))
    await store.put("first", bytes(20_000))  # written again, so the second is older now
    await store.put("third", bytes(50_000))
    await store.put("fourth", bytes(20_000))
    assert await store.keys("") == ["fourth", "third"]


async def test_it_forgets_what_has_expired_before_anything_else(clock: SteppedClock) -> None:
    store = MemoryStore(clock, limit=100_000)
    await store.put("lasting", bytes(20_000))
    await store.put("short", bytes(50_000), 5)
    clock.step(6)
    await store.put("new", bytes(50_000))
    assert await store.get_many(["lasting", "short", "new"]) == [bytes(20_000), None, bytes(50_000)]


async def test_it_never_holds_more_than_its_limit(clock: SteppedClock) -> None:
    store = MemoryStore(clock, limit=100_000)
    for number in range(2_000):
        await store.put(f"k{number}", bytes(number % 300))
        await store.increment(f"n{number}")
    assert len(await store.keys("", 10_000)) < 500
    assert await store.get("n1999") == b"1"


async def test_one_value_over_the_limit_stays_alone(clock: SteppedClock) -> None:
    store = MemoryStore(clock, limit=1_000)
    await store.put("old", b"v")
    await store.put("large", bytes(5_000))
    assert await store.keys("") == ["large"]


async def test_after_closing_it_is_empty(clock: SteppedClock) -> None:
    store = MemoryStore(clock)
    await store.put("k", b"v")
    await store.aclose()
    assert await store.get("k") is None
