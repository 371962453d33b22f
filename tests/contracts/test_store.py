"""What every store promises, asked of every store there is, with its real part behind it."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from chat2api_core.ambient import SystemIds
from chat2api_core.secret import Secret
from chat2api_core.stores.base import LARGEST, NotACounter, Store, TooLarge
from chat2api_core.stores.dynamodb import DynamoStore
from chat2api_core.stores.guard import GuardedStore
from chat2api_core.stores.memory import MemoryStore
from chat2api_core.stores.redis import redis_store
from chat2api_core.stores.sigv4 import AwsKeys
from chat2api_core.stores.sqlite import SqliteStore
from chat2api_core.stores.upstash import upstash_store
from tests.stores.real_parts import (
    SteppedClock,
    dynamodb_server,
    let_time_pass_in_redis,
    make_table,
    poster,
    redis_server,
    upstash_stand_in,
)

pytestmark = pytest.mark.anyio

ALL_BYTES = bytes(range(256))
TOKEN = "stand-in-token"


@dataclass(frozen=True)
class Bench:
    """One store, a second one over the same place, and a way to let time pass there."""

    store: Store
    twin: Store
    pass_time: Callable[[float], None]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="session")
def dynamodb_url() -> Iterator[str]:
    with dynamodb_server() as url:
        yield url


@contextlib.asynccontextmanager
async def memory_bench(_: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    clock = SteppedClock()
    store = MemoryStore(clock)
    yield Bench(store, store, clock.step)


@contextlib.asynccontextmanager
async def sqlite_bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    folder: Path = request.getfixturevalue("tmp_path")
    clock = SteppedClock()
    path = folder / "data" / "store.db"
    # Many threads that all wait for one disk: the lock may be held longer than by default.
    yield Bench(SqliteStore(path, clock, wait=30), SqliteStore(path, clock, wait=30), clock.step)


@contextlib.asynccontextmanager
async def redis_bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    url: str = request.getfixturevalue("redis_url")
    prefix = f"{uuid.uuid4()}:"
    store, twin = (redis_store(Secret(url), prefix=prefix, wait=20) for _ in range(2))
    yield Bench(store, twin, lambda seconds: let_time_pass_in_redis(url, prefix, seconds))


@contextlib.asynccontextmanager
async def upstash_bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    url: str = request.getfixturevalue("redis_url")
    prefix = f"{uuid.uuid4()}:"
    async with (
        upstash_stand_in(url, TOKEN) as app,
        httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client,
    ):
        store, twin = (
            upstash_store("https://stand-in.test", Secret(TOKEN), poster(client), prefix=prefix)
            for _ in range(2)
        )
        yield Bench(store, twin, lambda seconds: let_time_pass_in_redis(url, prefix, seconds))


@contextlib.asynccontextmanager
async def dynamodb_bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    url: str = request.getfixturevalue("dynamodb_url")
    table = f"contract-{uuid.uuid4()}"
    make_table(url, table)
    clock = SteppedClock()
    keys = AwsKeys("test", Secret("test"))
    async with httpx.AsyncClient(timeout=20) as client:
        store, twin = (
            DynamoStore(
                table,
                endpoint=url,
                region="eu-west-1",
                keys=keys,
                clock=clock,
                ids=SystemIds(),
                post=poster(client),
            )
            for _ in range(2)
        )
        yield Bench(store, twin, clock.step)


@contextlib.asynccontextmanager
async def guarded_bench(_: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    clock = SteppedClock()
    store = MemoryStore(clock)
    yield Bench(GuardedStore(store, clock), GuardedStore(store, clock), clock.step)


@contextlib.asynccontextmanager
async def sure_bench(_: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    clock = SteppedClock()
    store = MemoryStore(clock)
    yield Bench(GuardedStore(store, clock).sure, GuardedStore(store, clock).sure, clock.step)


BENCHES = {
    "memory": memory_bench,
    "sqlite": sqlite_bench,
    "redis": redis_bench,
    "upstash": upstash_bench,
    "dynamodb": dynamodb_bench,
    "guarded": guarded_bench,
    "sure": sure_bench,
}
GROUPS = {"redis": "redis", "upstash": "redis", "dynamodb": "dynamodb"}


@pytest.fixture(
    params=[
        # Those that need the same server run in one process, which starts it once.
        pytest.param(name, marks=pytest.mark.xdist_group(f"store-{GROUPS.get(name, name)}"))
        for name in BENCHES
    ]
)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with BENCHES[request.param](request) as made:
        yield made
        await made.store.aclose()
        await made.twin.aclose()


@pytest.fixture
def store(bench: Bench) -> Store:
    return bench.store


async def test_a_value_comes_back_unchanged_and_for_everyone(bench: Bench) -> None:
    await bench.store.put("k", ALL_BYTES)
    await bench.store.put("empty", b"")
    assert await bench.store.get("k") == ALL_BYTES
    assert await bench.twin.get("k") == ALL_BYTES
    assert await bench.twin.get("empty") == b""


async def test_what_was_never_written_is_none(store: Store) -> None:
    assert await store.get("nothing") is None
    assert await store.get_many(["nothing", "none"]) == [None, None]
    assert await store.keys("") == []


async def test_a_later_put_replaces_the_value_and_its_ttl(bench: Bench) -> None:
    await bench.store.put("k", b"one", 10)
    await bench.store.put("k", b"two")
    bench.pass_time(11)
    assert await bench.store.get("k") == b"two"
    await bench.store.put("k", b"three", 10)
    bench.pass_time(11)
    assert await bench.store.get("k") is None


async def test_what_has_expired_is_never_returned(bench: Bench) -> None:
    await bench.store.put("short", b"s", 5)
    await bench.store.put("long", b"l", 50)
    bench.pass_time(4)
    assert await bench.store.get("short") == b"s"
    bench.pass_time(2)
    assert await bench.store.get("short") is None
    assert await bench.store.get_many(["short", "long"]) == [None, b"l"]
    assert await bench.store.keys("") == ["long"]


async def test_add_writes_only_where_there_is_nothing(bench: Bench) -> None:
    assert await bench.store.add("lock", b"me", 10) is True
    assert await bench.twin.add("lock", b"you", 10) is False
    assert await bench.store.get("lock") == b"me"
    bench.pass_time(11)
    assert await bench.twin.add("lock", b"you", 10) is True
    assert await bench.store.get("lock") == b"you"
    bench.pass_time(11)
    assert await bench.store.get("lock") is None


async def test_add_without_ttl_stays(bench: Bench) -> None:
    assert await bench.store.add("k", b"v")
    bench.pass_time(10_000)
    assert await bench.store.get("k") == b"v"


async def test_swap_writes_only_over_the_value_that_was_seen(bench: Bench) -> None:
    await bench.store.put("k", b"one")
    assert await bench.store.swap("k", b"other", b"two") is False
    assert await bench.store.get("k") == b"one"
    assert await bench.twin.swap("k", b"one", b"two") is True
    assert await bench.store.get("k") == b"two"
    assert await bench.store.swap("missing", b"one", b"two") is False
    assert await bench.store.get("missing") is None


async def test_swap_from_none_writes_only_where_there_is_nothing(bench: Bench) -> None:
    assert await bench.store.swap("k", None, b"one") is True
    assert await bench.store.swap("k", None, b"two") is False
    assert await bench.store.get("k") == b"one"


async def test_swap_sets_the_ttl_anew(bench: Bench) -> None:
    await bench.store.put("k", b"one", 10)
    assert await bench.store.swap("k", b"one", b"two", 100)
    bench.pass_time(11)
    assert await bench.store.get("k") == b"two"
    assert await bench.store.swap("k", b"two", b"three")
    bench.pass_time(1000)
    assert await bench.store.get("k") == b"three"


async def test_an_expired_value_cannot_be_swapped_and_is_not_in_the_way(bench: Bench) -> None:
    await bench.store.put("k", b"one", 5)
    bench.pass_time(6)
    assert await bench.store.swap("k", b"one", b"two") is False
    assert await bench.store.swap("k", None, b"three") is True
    assert await bench.store.get("k") == b"three"


async def test_delete_leaves_nothing_and_may_be_repeated(bench: Bench) -> None:
    await bench.store.put("k", b"v")
    await bench.twin.delete("k")
    await bench.store.delete("k")
    assert await bench.store.get("k") is None
    assert await bench.store.add("k", b"again") is True


async def test_delete_if_deletes_only_the_value_that_was_seen(bench: Bench) -> None:
    await bench.store.put("k", b"mine", 10)
    assert await bench.store.delete_if("k", b"yours") is False
    assert await bench.store.get("k") == b"mine"
    assert await bench.store.delete_if("k", b"mine") is True
    assert await bench.store.get("k") is None
    assert await bench.store.delete_if("k", b"mine") is False


async def test_the_holder_of_an_expired_lock_does_not_free_the_next_one(bench: Bench) -> None:
    await bench.store.add("lock", b"first", 5)
    bench.pass_time(6)
    assert await bench.store.delete_if("lock", b"first") is False
    await bench.twin.add("lock", b"second", 5)
    assert await bench.store.delete_if("lock", b"first") is False
    assert await bench.store.get("lock") == b"second"


async def test_a_counter_starts_at_zero_and_reads_as_digits(bench: Bench) -> None:
    assert await bench.store.increment("n") == 1
    assert await bench.twin.increment("n", 41) == 42
    assert await bench.store.increment("n", 0) == 42
    assert await bench.store.get("n") == b"42"
    assert await bench.store.increment("n", -50) == -8
    assert await bench.store.get_many(["n"]) == [b"-8"]
    assert await bench.store.keys("") == ["n"]


async def test_a_counter_holds_large_sums(store: Store) -> None:
    assert await store.increment("n", 2**53 - 1) == 2**53 - 1
    assert await store.increment("n", 1) == 2**53
    assert await store.get("n") == b"9007199254740992"


async def test_the_ttl_of_a_counter_runs_from_its_first_increment(bench: Bench) -> None:
    await bench.store.increment("n", 5, 10)
    bench.pass_time(8)
    assert await bench.store.increment("n", 1, 10) == 6
    bench.pass_time(3)
    assert await bench.store.get("n") is None
    assert await bench.store.increment("n", 1, 10) == 1
    bench.pass_time(11)
    assert await bench.store.increment("n") == 1
    assert await bench.store.increment("n", 1, 10) == 2
    bench.pass_time(11)
    assert await bench.store.get("n") == b"2"


async def test_a_value_is_no_counter_even_if_it_looks_like_one(bench: Bench) -> None:
    await bench.store.put("k", b"5", 10)
    with pytest.raises(NotACounter):
        await bench.store.increment("k")
    assert await bench.store.get("k") == b"5"
    bench.pass_time(11)
    assert await bench.store.increment("k") == 1


async def test_many_counters_are_counted_together(bench: Bench) -> None:
    await bench.store.increment("old", 40)
    await bench.twin.increment_many({"old": 2, "new": 5, "less": -3, "same": 0})
    assert await bench.store.get_many(["old", "new", "less", "same"]) == [b"42", b"5", b"-3", b"0"]
    await bench.store.increment_many({}, once="nothing")
    kept = [key for key in await bench.store.keys("") if not key.startswith("once:")]
    assert kept == ["less", "new", "old", "same"]


async def test_more_counters_than_go_at_once_are_all_counted(bench: Bench) -> None:
    amounts = {f"n{number:04}": number for number in range(205)}
    await bench.store.increment_many(amounts, 60, once="many")
    await bench.store.increment_many(amounts, 60, once="many")
    await bench.store.increment_many({"n0001": 1, "n0204": 1}, 60)
    values = await bench.twin.get_many(list(amounts))
    assert values == [b"%d" % (number + (number in (1, 204))) for number in range(205)]


async def test_the_ttl_of_many_counters_runs_from_the_first_increment_of_each(
    bench: Bench,
) -> None:
    await bench.store.increment_many({"a": 1}, 10)
    bench.pass_time(8)
    await bench.store.increment_many({"a": 1, "b": 1}, 10)
    bench.pass_time(3)
    assert await bench.store.get_many(["a", "b"]) == [None, b"1"]
    await bench.store.increment_many({"a": 1, "b": 1}, 10)
    assert await bench.store.get_many(["a", "b"]) == [b"1", b"2"]
    bench.pass_time(8)
    assert await bench.store.get_many(["a", "b"]) == [b"1", None]
    bench.pass_time(3)
    assert await bench.store.get_many(["a", "b"]) == [None, None]
    await bench.store.increment_many({"a": 1})
    bench.pass_time(10_000)
    assert await bench.store.get("a") == b"1"


async def test_where_one_of_many_is_no_counter_none_is_counted(bench: Bench) -> None:
    await bench.store.put("value", b"5", 10)
    await bench.store.increment("counter", 1)
    for once in ("", "named"):
        with pytest.raises(NotACounter):
            await bench.store.increment_many({"counter": 1, "value": 1, "fresh": 1}, once=once)
    assert await bench.store.get_many(["counter", "value", "fresh"]) == [b"1", b"5", None]
    bench.pass_time(11)
    await bench.store.increment_many({"counter": 1, "value": 1, "fresh": 1}, once="named")
    assert await bench.store.get_many(["counter", "value", "fresh"]) == [b"2", b"1", b"1"]


async def test_a_batch_of_one_name_counts_once_within_an_hour(bench: Bench) -> None:
    for store in (bench.store, bench.twin, bench.store):
        await store.increment_many({"a": 2, "b": 3}, once="batch")
    assert await bench.store.get_many(["a", "b"]) == [b"2", b"3"]
    await bench.twin.increment_many({"a": 2, "b": 3}, once="other")
    assert await bench.store.get_many(["a", "b"]) == [b"4", b"6"]
    bench.pass_time(3599)
    await bench.twin.increment_many({"a": 2, "b": 3}, once="batch")
    assert await bench.store.get("a") == b"4"
    bench.pass_time(2)
    await bench.twin.increment_many({"a": 2, "b": 3}, once="batch")
    assert await bench.store.get("a") == b"6"


async def test_the_same_batch_sent_many_times_at_the_same_time_counts_once(bench: Bench) -> None:
    stores = [bench.store, bench.twin] * 5
    names = [f"batch-{number}" for number in range(4)]
    await asyncio.gather(
        *(
            store.increment_many({"a": 1, "b": 2}, 60, once=name)
            for store in stores
            for name in names
        )
    )
    assert await bench.store.get_many(["a", "b"]) == [b"4", b"8"]


async def test_a_counter_equals_no_value(bench: Bench) -> None:
    await bench.store.increment("n", 5)
    assert await bench.store.swap("n", b"5", b"6") is False
    assert await bench.store.delete_if("n", b"5") is False
    assert await bench.store.add("n", b"6") is False
    assert await bench.store.get("n") == b"5"
    await bench.store.put("n", b"value")
    assert await bench.store.get("n") == b"value"
    await bench.store.delete("n")
    assert await bench.store.increment("n") == 1


async def test_many_keys_come_back_in_the_order_asked(store: Store) -> None:
    for number in range(0, 230, 2):
        await store.put(f"k{number}", b"%d" % number)
    await store.increment("counter", 7)
    numbers = list(range(229, -1, -1))
    expected = [b"%d" % number if number % 2 == 0 else None for number in numbers]
    assert await store.get_many([f"k{number}" for number in numbers]) == expected
    assert await store.get_many(["k2", "counter", "k2", "no"]) == [b"2", b"7", b"2", None]
    assert await store.get_many([]) == []


async def test_keys_are_listed_by_prefix_sorted_and_bounded(store: Store) -> None:
    for key in ("a/2", "a/1", "a/10", "b/1", "a", "A/1"):
        await store.put(key, b"")
    assert await store.keys("a/") == ["a/1", "a/10", "a/2"]
    assert await store.keys("c") == []
    assert await store.keys("") == ["A/1", "a", "a/1", "a/10", "a/2", "b/1"]
    some = await store.keys("a", 2)
    assert len(some) == 2
    assert some == sorted(some)
    assert set(some) < {"a", "a/1", "a/10", "a/2"}


@pytest.mark.parametrize("prefix", ["a*", "a?", "[a]", "a\\", "^a", "a%", "a_", "~", "a\"'"])
async def test_no_character_of_a_prefix_is_a_wildcard(store: Store, prefix: str) -> None:
    await store.put(prefix + "1", b"")
    await store.put("abc1", b"")
    await store.put("a1", b"")
    assert await store.keys(prefix) == [prefix + "1"]
    assert await store.get(prefix + "1") == b""


Verb = Callable[[Store, str], Awaitable[object]]

WITH_KEYS: Sequence[Verb] = [
    lambda store, key: store.get(key),
    lambda store, key: store.get_many(["fine", key]),
    lambda store, key: store.put(key, b""),
    lambda store, key: store.add(key, b""),
    lambda store, key: store.swap(key, None, b""),
    lambda store, key: store.swap(key, b"", b""),
    lambda store, key: store.delete(key),
    lambda store, key: store.delete_if(key, b""),
    lambda store, key: store.increment(key),
    lambda store, key: store.increment_many({"fine": 1, key: 1}),
]


@pytest.mark.parametrize("key", ["", "a b", "tab\t", "é", "\x7f", "x" * 513])
async def test_a_key_that_not_every_store_could_hold_is_refused(store: Store, key: str) -> None:
    for verb in WITH_KEYS:
        with pytest.raises(ValueError, match="visible ASCII"):
            await verb(store, key)
    if key:
        with pytest.raises(ValueError, match="visible ASCII"):
            await store.keys(key)


async def test_the_longest_key_works(store: Store) -> None:
    key = "x" * 512
    await store.put(key, b"v")
    assert await store.get(key) == b"v"
    assert await store.keys(key) == [key]


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf")])
async def test_a_ttl_that_is_none_is_refused(store: Store, ttl: float) -> None:
    for attempt in (
        store.put("k", b"", ttl),
        store.add("k", b"", ttl),
        store.swap("k", None, b"", ttl),
        store.swap("k", b"", b"", ttl),
        store.increment("k", 1, ttl),
        store.increment_many({"k": 1}, ttl),
    ):
        with pytest.raises(ValueError, match="ttl"):
            await attempt
    assert await store.get("k") is None


async def test_the_shortest_ttl_is_a_ttl(bench: Bench) -> None:
    await bench.store.put("k", b"v", 1e-9)
    bench.pass_time(1)
    assert await bench.store.get("k") is None


async def test_the_largest_value_fits_and_a_larger_one_is_refused(store: Store) -> None:
    await store.put("k", b"\xff" * LARGEST)
    assert await store.get("k") == b"\xff" * LARGEST
    for attempt in (
        store.put("k", bytes(LARGEST + 1)),
        store.add("other", bytes(LARGEST + 1)),
        store.swap("k", b"", bytes(LARGEST + 1)),
    ):
        with pytest.raises(TooLarge):
            await attempt
    assert await store.get("k") == b"\xff" * LARGEST
    assert await store.get("other") is None


async def test_it_says_what_it_is(store: Store) -> None:
    assert store.name
    assert store.name.islower()
    assert isinstance(store.durable, bool)


async def test_of_fifty_who_add_at_the_same_time_one_wins(bench: Bench) -> None:
    stores = [bench.store, bench.twin] * 25
    names = [b"%d" % number for number in range(50)]
    tries = [store.add("lock", name, 60) for store, name in zip(stores, names, strict=True)]
    won = await asyncio.gather(*tries)
    assert won.count(True) == 1
    assert await bench.store.get("lock") == names[won.index(True)]


async def test_of_fifty_who_delete_the_same_value_one_does(bench: Bench) -> None:
    await bench.store.put("lock", b"me")
    stores = [bench.store, bench.twin] * 25
    done = await asyncio.gather(*(store.delete_if("lock", b"me") for store in stores))
    assert done.count(True) == 1


async def test_a_hundred_increments_at_the_same_time_all_count(bench: Bench) -> None:
    stores = [bench.store, bench.twin] * 50
    sums = await asyncio.gather(*(store.increment("n", 3, 60) for store in stores))
    assert sorted(sums) == list(range(3, 303, 3))
    assert await bench.store.get("n") == b"300"


async def test_swaps_at_the_same_time_lose_nothing(bench: Bench) -> None:
    async def append(store: Store, item: bytes) -> None:
        for _ in range(1000):
            seen = await store.get("list")
            if await store.swap("list", seen, (seen or b"") + item, 60):
                return
        pytest.fail("a thousand swaps in a row lost the race")

    items = [b"%d," % number for number in range(10, 30)]
    stores = [bench.store, bench.twin] * 10
    await asyncio.gather(*(append(s, item) for s, item in zip(stores, items, strict=True)))
    held = await bench.store.get("list")
    assert held is not None
    assert sorted(held.split(b",")[:-1]) == [item[:-1] for item in items]
