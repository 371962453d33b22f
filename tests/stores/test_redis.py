"""The store in Redis: outages, refusals, and its neighbours in the same database."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import httpx
import pytest
import redis

from chat2api_core.secret import Secret
from chat2api_core.stores.base import NotACounter, Store, StoreDown, TooLarge
from chat2api_core.stores.commands import CommandStore
from chat2api_core.stores.redis import redis_store
from chat2api_core.stores.upstash import upstash_store
from tests.stores.real_parts import RedisServer, poster, redis_server, upstash_stand_in

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("store-redis-own")]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path, lasting=True) as server:
        yield server


async def test_both_ways_to_redis_see_the_same(server: RedisServer) -> None:
    tcp = redis_store(Secret(server.url))
    async with (
        upstash_stand_in(server.url, "t") as app,
        httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client,
    ):
        rest = upstash_store("https://stand-in.test", Secret("t"), poster(client))
        await tcp.put("k", b"\x00\xff", 60)
        await rest.increment("n", 2)
        assert await rest.get("k") == b"\x00\xff"
        assert await tcp.increment("n") == 3
        assert await rest.swap("k", b"\x00\xff", b"new") is True
        assert await tcp.delete_if("k", b"new") is True
        assert await rest.keys("") == await tcp.keys("") == ["n"]
        await tcp.aclose()


async def test_more_counters_than_one_script_takes_go_in_several(server: RedisServer) -> None:
    store = redis_store(Secret(server.url))
    amounts = {f"n{number}": number for number in range(1100)}
    for _ in range(2):
        await store.increment_many(amounts, 60, once="many")
    assert await store.get_many(list(amounts)) == [b"%d" % number for number in range(1100)]
    assert await store.keys("once:") == ["once:many:0", "once:many:1", "once:many:2"]
    with redis.Redis.from_url(server.url) as other:
        assert 3590 < other.ttl("chat2api:once:many:2") <= 3600
    await store.aclose()


async def test_the_counters_of_a_request_are_one_command(server: RedisServer) -> None:
    store = redis_store(Secret(server.url))
    with redis.Redis.from_url(server.url) as other:
        other.config_resetstat()
        await store.increment_many({f"n{number}": 1 for number in range(8)}, 60, once="one")
        ran = other.info("commandstats")
    assert ran["cmdstat_eval"]["calls"] == 1
    await store.aclose()


async def test_keys_of_others_in_the_database_are_not_seen(server: RedisServer) -> None:
    with redis.Redis.from_url(server.url) as other:
        other.set("theirs", "x")
        other.set("k", "x")
    store = redis_store(Secret(server.url))
    assert await store.get("k") is None
    assert await store.keys("") == []
    await store.put("k", b"v")
    await store.delete("theirs")
    with redis.Redis.from_url(server.url) as other:
        assert sorted(other.scan_iter()) == [b"chat2api:k", b"k", b"theirs"]
    await store.aclose()


async def test_a_store_that_was_never_there_is_down_and_tells_no_address(
    server: RedisServer,
) -> None:
    store = redis_store(Secret(f"redis://:hidden@127.0.0.1:{server.port}/0"))
    server.stop()
    for attempt in (store.get("k"), store.put("k", b"v"), store.increment("k"), store.keys("")):
        with pytest.raises(StoreDown) as caught:
            await attempt
        assert "hidden" not in str(caught.value)
        assert str(server.port) not in str(caught.value)
    await store.aclose()


async def test_a_wrong_password_is_a_store_that_is_down(tmp_path: Path) -> None:
    with redis_server(tmp_path, password="right") as server:
        for url in (server.url, server.url.replace("//", "//:wrong@")):
            store = redis_store(Secret(url))
            with pytest.raises(StoreDown, match="password") as caught:
                await store.get("k")
            assert "wrong" not in str(caught.value)
            await store.aclose()
        store = redis_store(Secret(server.url.replace("//", "//:right@")))
        await store.put("k", b"v")
        assert await store.get("k") == b"v"
        await store.aclose()


async def test_a_command_that_redis_refuses_is_a_store_that_is_down(server: RedisServer) -> None:
    store = redis_store(Secret(server.url))
    with redis.Redis.from_url(server.url) as other:
        other.lpush("chat2api:k", "a list is neither value nor counter")
    with pytest.raises(StoreDown, match="refused a command"):
        await store.get("k")
    await store.aclose()


async def test_a_silent_redis_is_waited_for_no_longer_than_told(server: RedisServer) -> None:
    store = redis_store(Secret(server.url), wait=0.05)
    await store.put("k", b"v")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreDown, match="cannot be reached"):
            await store.get("k")
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert await store.get("k") == b"v"
    await store.aclose()


async def test_connections_that_the_server_has_closed_cost_no_question(
    server: RedisServer,
) -> None:
    store = redis_store(Secret(server.url))
    await asyncio.gather(*(store.get(f"k{n}") for n in range(10)))
    with redis.Redis.from_url(server.url) as other:
        assert other.client_kill_filter(_type="normal", skipme=True) == 10
        while len(other.client_list()) > 1:
            pass  # each look is a round trip
    for _ in range(3):  # rounds of the event loop, in which it hears of the ends
        await asyncio.sleep(0)
    counts = await asyncio.gather(*(store.increment("n") for _ in range(10)))
    assert sorted(counts) == list(range(1, 11))
    await store.aclose()


async def test_more_questions_than_connections_wait_their_turn(server: RedisServer) -> None:
    store = redis_store(Secret(server.url), wait=20)
    await asyncio.gather(*(store.put(f"k{n}", b"%d" % n) for n in range(100)))
    values = await asyncio.gather(*(store.get(f"k{n}") for n in range(100)))
    assert values == [b"%d" % n for n in range(100)]
    with redis.Redis.from_url(server.url) as other:
        assert len(other.client_list()) <= 17
    await store.aclose()


Confirmed: TypeAlias = "asyncio.Queue[tuple[str, bytes]]"


async def write_on(store: Store, me: int, confirmed: Confirmed, stop: asyncio.Event) -> int:
    """Write until told to stop, and tell what was confirmed; the increments that were."""
    counted = number = 0
    while not stop.is_set():
        number += 1
        key, value = f"w{me}/{number}", b"%d" % number
        try:
            await store.put(key, value)
            confirmed.put_nowait((key, value))
            await store.increment("n")
            counted += 1
        except StoreDown:
            await asyncio.sleep(0.001)
    return counted


async def test_a_kill_and_restart_under_load_loses_no_confirmed_write(server: RedisServer) -> None:
    store = redis_store(Secret(server.url))
    confirmed: Confirmed = asyncio.Queue()
    stop = asyncio.Event()
    writers = [asyncio.create_task(write_on(store, me, confirmed, stop)) for me in range(8)]
    told: dict[str, bytes] = {}

    async def wait_for_more(more: int) -> None:
        while not confirmed.empty():
            told.update([confirmed.get_nowait()])
        for _ in range(more):
            told.update([await asyncio.wait_for(confirmed.get(), 20)])

    for _ in range(2):
        await wait_for_more(50)
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        await wait_for_more(50)
    stop.set()
    counted = sum(await asyncio.gather(*writers))
    await wait_for_more(0)
    assert len(told) >= 200
    assert await store.get_many(list(told)) == list(told.values())
    total = int(await store.get("n") or b"0")
    # Nothing is sent twice, so only an increment whose reply was lost can be beside the count:
    # at most one of each writer for each kill.
    assert counted <= total <= counted + 2 * 8
    await store.aclose()


class Script:
    """A carrier that gives the prepared replies and notes the commands."""

    def __init__(self, *replies: object) -> None:
        self.replies = list(replies)
        self.commands: list[list[str]] = []
        self.closed = False

    async def run(self, command: list[str]) -> object:
        self.commands.append(list(command))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def aclose(self) -> None:
        self.closed = True


def scripted(*replies: object) -> tuple[CommandStore, Script]:
    script = Script(*replies)
    return CommandStore("redis", script, "p:"), script  # type: ignore[arg-type]


async def test_the_commands_are_those_that_the_layout_says() -> None:
    store, script = scripted(None, "OK", "OK", "OK", 1, 1, 3)
    await store.get("k")
    await store.put("k", b"abc")
    await store.put("k", b"abc", 1.5)
    await store.add("k", b"abc", 0.0001)
    await store.swap("k", b"abc", b"d", 2)
    await store.delete("k")
    await store.increment("k", -2)
    assert script.commands[:4] == [
        ["GET", "p:k"],
        ["SET", "p:k", "=YWJj"],
        ["SET", "p:k", "=YWJj", "PX", "1500"],
        ["SET", "p:k", "=YWJj", "NX", "PX", "1"],
    ]
    assert script.commands[4][0] == "EVAL"
    assert script.commands[4][2:] == ["1", "p:k", "=YWJj", "=ZA==", "2000"]
    assert script.commands[5] == ["DEL", "p:k"]
    assert script.commands[6][2:] == ["1", "p:k", "-2", "0"]
    await store.aclose()
    assert script.closed


async def test_what_does_no_harm_twice_is_tried_twice() -> None:
    down = StoreDown("once")
    store, script = scripted(down, "=YWJj", down, "OK", down, 1, down, [None], down, ["0", []])
    assert await store.get("k") == b"abc"
    await store.put("k", b"v")
    await store.delete("k")
    assert await store.get_many(["k"]) == [None]
    assert await store.keys("") == []
    assert script.replies == []


async def test_what_would_count_twice_is_tried_once() -> None:
    store, script = scripted(*[StoreDown("once")] * 4)
    attempts = [
        store.add("k", b"v"),
        store.swap("k", b"a", b"b"),
        store.delete_if("k", b"v"),
        store.increment("k"),
    ]
    for attempt in attempts:
        with pytest.raises(StoreDown, match="once"):
            await attempt
    assert script.replies == []


async def test_a_second_failure_is_final() -> None:
    store, script = scripted(StoreDown("one"), StoreDown("two"))
    with pytest.raises(StoreDown, match="two"):
        await store.get("k")
    assert script.replies == []


@pytest.mark.parametrize("reply", ["=no base64", "=YQ", "==="])
async def test_a_value_that_is_not_ours_is_nonsense(reply: str) -> None:
    store, _ = scripted(reply, reply)
    with pytest.raises(StoreDown, match="fits none"):
        await store.get("k")


async def test_replies_of_another_shape_are_nonsense() -> None:
    store, _ = scripted("x", ["=YQ=="], None, "text", "text", "text", ["0"], None)
    attempts = [
        store.get_many(["k"]),
        store.get_many(["k", "l"]),
        store.put("k", b"v"),
        store.increment("k"),
        store.swap("k", b"a", b"b"),
        store.delete_if("k", b"v"),
        store.keys(""),
        store.keys(""),
    ]
    for attempt in attempts:
        with pytest.raises(StoreDown, match="fits none"):
            await attempt


async def test_a_walk_takes_several_pages_and_skips_repetitions() -> None:
    store, script = scripted(["7", ["p:b", "p:a"]], [9, ["p:b"]], ["0", ["p:c"]])
    assert await store.keys("") == ["a", "b", "c"]
    assert [command[1] for command in script.commands] == ["0", "7", "9"]
    assert script.commands[0][2:] == ["MATCH", "p:*", "COUNT", "1000"]


async def test_a_walk_without_end_is_ended() -> None:
    store, _ = scripted(*[["1", []]] * 1000)
    with pytest.raises(TooLarge):
        await store.keys("")


async def test_not_a_counter_is_no_outage() -> None:
    store, _ = scripted(NotACounter("value"))
    with pytest.raises(NotACounter):
        await store.increment("k")
