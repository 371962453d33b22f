"""Four real server processes on one real Redis, in front of the emulator in a process of its own:
what one of them learns all of them know, and nothing is lost when one of the parts dies.

The steps are one test, in their order: starting the processes is what takes the time.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import redis

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.vault import Tokens
from chat2api_core.ambient import SystemIds
from chat2api_core.emulator.tokens import make_access_token
from chat2api_core.seal import Sealer
from chat2api_core.secret import Secret
from tests.bench.process import Server, serving
from tests.stores.real_parts import RedisServer, let_time_pass_in_redis, redis_server

KEY = "sk-shared-state"
SEAL = Secret("a-key-that-all-instances-share")
SLOTS = 4
ROTATING = "rt_of_the_first_login"
FIXED = ("token-of-two", "token-of-three")
PREFIX = "chat2api:"


def _accounts(folder: Path) -> tuple[Path, str]:
    """The accounts of the emulator, and the same for the servers: one whose token has ended and
    whose refresh token rotates, and two whose tokens do not end."""
    ids = [f"0000000{n}-aaaa-4bbb-8ccc-000000000000" for n in (1, 2, 3)]
    known: list[dict[str, object]] = [
        {"user_id": "one", "account_id": ids[0], "refresh_tokens": [ROTATING]},
        {"user_id": "two", "account_id": ids[1], "access_tokens": [FIXED[0]]},
        {"user_id": "three", "account_id": ids[2], "access_tokens": [FIXED[1]]},
    ]
    path = folder / "accounts.json"
    path.write_bytes(msgspec.json.encode(known))
    ended = make_access_token(user_id="one", account_id=ids[0], exp=1_700_000_000)
    ours: list[dict[str, str]] = [
        {"access_token": ended, "refresh_token": ROTATING},
        *({"access_token": token} for token in FIXED),
    ]
    return path, msgspec.json.encode(ours).decode()


class World:
    """The processes, and ways to look at them from outside."""

    def __init__(self, database: RedisServer, emulator: Server, settings: dict[str, str]) -> None:
        self.database = database
        self.emulator = httpx.Client(base_url=f"http://127.0.0.1:{emulator.port}", timeout=10)
        self.settings = settings
        self.servers: list[Server] = []
        self.clients: list[httpx.Client] = []

    def start(self) -> contextlib.AbstractContextManager[Server]:
        command = ["-m", "chat2api_core", "--port", "0"]
        return serving(command, self.settings, ready=r"Base URL: http://[^ ]*:(\d+)")

    def add(self, server: Server) -> None:
        self.servers.append(server)
        self.clients.append(
            httpx.Client(
                base_url=f"http://127.0.0.1:{server.port}",
                headers={"authorization": f"Bearer {KEY}"},
                timeout=30,
                limits=httpx.Limits(max_connections=100),
            )
        )

    def ask(self, number: int, text: str = "Hello?", **headers: str) -> httpx.Response:
        body = {"model": "auto", "messages": [{"role": "user", "content": text}]}
        client = self.clients[number % len(self.clients)]
        return client.post("/v1/chat/completions", json=body, headers=headers)

    def health(self, number: int) -> Any:
        return self.clients[number].get("/health").json()

    def figures(self) -> dict[str, int]:
        """What all processes together have counted: each writes what it has when it is asked."""
        for client in self.clients:
            found = client.get("/admin/api/usage?days=2").json()["total"]
        return {name: found[name] for name in ("requests", "failed", "input", "output")}

    def settled(self) -> bool:
        """Whether every process has the database and owes it nothing."""
        self.figures()
        states = [client.get("/health").json() for client in self.clients]
        return all(one["status"] == "ok" and one["store"]["owed"] == 0 for one in states)

    def log(self) -> Any:
        return self.emulator.get("/__emulator__/log").json()

    def asked(self, place: str = "conversation") -> list[Any]:
        return [one for one in self.log()["requests"] if one["place"] == place]

    def expect(self, *items: dict[str, object]) -> None:
        """Order what the emulator is to do next; what it did so far is forgotten."""
        self.emulator.post("/__emulator__/reset").raise_for_status()
        self.emulator.post("/__emulator__/script", json=items).raise_for_status()

    @contextlib.contextmanager
    def redis(self) -> Iterator[redis.Redis]:
        with redis.Redis.from_url(self.database.url) as client:
            yield client

    def keys(self, start: str) -> list[bytes]:
        with self.redis() as client:
            return sorted(client.scan_iter(match=f"{PREFIX}{start}*", count=1000))

    def forget(self, start: str) -> None:
        with self.redis() as client:
            for key in client.scan_iter(match=f"{PREFIX}{start}*", count=1000):
                client.delete(key)

    def tokens(self) -> Tokens:
        """What is kept of the account whose token rotates."""
        name = f"cred:{Account(refresh_token=Secret(ROTATING)).key}"
        with self.redis() as client:
            raw = client.get(PREFIX + name)
        assert isinstance(raw, bytes), "no tokens are kept"
        sealed = msgspec.convert(raw.removeprefix(b"=").decode(), bytes, strict=False)
        return msgspec.json.decode(Sealer(SEAL, SystemIds()).open(sealed, name), type=Tokens)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    path, accounts = _accounts(tmp_path)
    emulate = ["-m", "chat2api_core.emulator", "--port", "0", "--control", "--accounts", str(path)]
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(redis_server(tmp_path, lasting=True))
        emulator = stack.enter_context(serving(emulate, {}, ready=r"listens on http://[^ ]*:(\d+)"))
        url = f"http://127.0.0.1:{emulator.port}"
        settings = {
            "AUTH_TOKENS": KEY,
            "ALLOW_UPSTREAM_TOKENS": "true",
            "CHATGPT_ACCOUNTS": accounts,
            "CHATGPT_BASE_URL": url,
            "CHATGPT_AUTH_URL": url,
            "STORE_URL": database.url,
            "SECRET_KEY": SEAL.reveal(),
            "ACCOUNT_CONCURRENCY": str(SLOTS),
            "RANDOM_TOKEN": "false",
            "CRON_SECRET": "tick",
            "SCHEDULED_REFRESH": "true",
            "USAGE_COUNTER": "estimate",
            "RETRY_TIMES": "3",
        }
        world = World(database, emulator, settings)
        with ThreadPoolExecutor(4) as pool:
            for server in pool.map(lambda _: stack.enter_context(world.start()), range(4)):
                world.add(server)
        yield world
        for client in [*world.clients, world.emulator]:
            client.close()


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def fifty_requests_after_the_tokens_end_make_one_refresh(world: World) -> None:
    # Half of them bring the refresh token along, so that all of these need the same account.
    own = {"authorization": f"Bearer {ROTATING}"}
    with ThreadPoolExecutor(50) as pool:
        answers = list(
            pool.map(lambda number: world.ask(number, **(own if number % 2 else {})), range(50))
        )

    assert [answer.status_code for answer in answers] == [200] * 50
    assert world.log()["counts"]["refresh"] == 1
    kept = world.tokens()
    assert kept.refresh_token not in ("", ROTATING)
    assert kept.access_token


def a_process_that_starts_later_goes_on_with_the_rotated_token(world: World) -> None:
    world.expect()
    with world.start() as server:
        url = f"http://127.0.0.1:{server.port}/v1/chat/completions"
        body = {"model": "auto", "messages": [{"role": "user", "content": "Hello?"}]}
        headers = {"authorization": f"Bearer {ROTATING}"}
        answer = httpx.post(url, json=body, headers=headers, timeout=30)
        cron = httpx.get(
            f"http://127.0.0.1:{server.port}/api/cron/refresh",
            headers={"authorization": "Bearer tick"},
        )

    assert answer.status_code == 200, answer.text
    assert cron.json()["fresh"] == 1
    assert "refresh" not in world.log()["counts"]


def a_limit_that_one_process_meets_rests_the_account_in_all(world: World) -> None:
    cap = {"type": "at", "place": "conversation", "fault": {"type": "named", "name": "429 cap"}}
    world.expect({**cap, "times": 1})
    assert world.ask(0).status_code == 200, "another account answers"
    limited = world.asked()[0]["device"]
    assert [one["device"] for one in world.asked()].count(limited) == 1

    for number in range(12):
        assert world.ask(number).status_code == 200
    devices = [one["device"] for one in world.asked()[1:]]
    assert len(devices) == 13
    assert limited not in devices
    assert len(set(devices)) == 2


def when_all_rest_every_process_says_for_how_long(world: World) -> None:
    cap = {"type": "at", "place": "conversation", "fault": {"type": "named", "name": "429 cap"}}
    world.expect({**cap, "times": 2})
    assert world.ask(1).status_code == 429
    asked = len(world.asked())
    for number in range(4):
        answer = world.ask(number)
        assert answer.status_code == 429
        assert answer.json()["error"]["code"] == "rate_limit_exceeded"
        assert 3300 < int(answer.headers["retry-after"]) <= 3360
    assert len(world.asked()) == asked

    world.forget("standing:")
    assert world.ask(0).status_code == 200


def counts(answers: list[httpx.Response], *, failed: int = 0) -> dict[str, int]:
    """The figures of these good answers, by what they say themselves."""
    used = [answer.json()["usage"] for answer in answers]
    return {
        "requests": len(answers) + failed,
        "failed": failed,
        "input": sum(usage["prompt_tokens"] for usage in used),
        "output": sum(usage["completion_tokens"] for usage in used),
    }


def more(now: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: count - before[name] for name, count in now.items()}


def figures_are_exact_whoever_has_counted(world: World) -> None:
    world.expect()
    before = world.figures()

    def ask(number: int) -> httpx.Response:
        return world.ask(number, "Hello? " * (number % 7 + 1))

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(ask, range(240)))
    assert {answer.status_code for answer in answers} == {200}
    world.expect({"type": "at", "place": "conversation", "fault": {"type": "named", "name": "413"}})
    assert world.ask(2).status_code == 400

    assert more(world.figures(), before) == counts(answers, failed=1)


def a_killed_process_leaves_no_lease_longer_than_its_life(world: World) -> None:
    world.expect()
    victim = world.servers.pop()
    client = world.clients.pop()
    streams = ThreadPoolExecutor(3 * SLOTS)
    begun = threading.Semaphore(0)

    def stream() -> None:
        body = {"model": "auto", "messages": [{"role": "user", "content": "/emulate stall"}]}
        with (
            contextlib.suppress(httpx.HTTPError),
            client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as answer,
        ):
            for _ in answer.iter_bytes():
                begun.release()

    for _ in range(3 * SLOTS):
        streams.submit(stream)
    for _ in range(3 * SLOTS):
        assert begun.acquire(timeout=20)
    os.kill(victim.pid, signal.SIGKILL)
    streams.shutdown()
    client.close()

    leases = world.keys("lease:")
    assert len(leases) == 3 * SLOTS
    with world.redis() as database:
        assert all(0 < database.pttl(key) <= 60_000 for key in leases)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(world.ask, 0)
        assert not eventually(waiting.done, 0.5), "every slot is taken"
        let_time_pass_in_redis(world.database.url, f"{PREFIX}lease:", 60)
        assert waiting.result().status_code == 200
    assert eventually(lambda: world.keys("lease:") == [])


def find_all_counted(world: World, before: dict[str, int], answers: list[httpx.Response]) -> None:
    """No count is lost and none counted twice, whether or not its reply arrived. A process whose
    last question failed pays what it owes when it tries the database again."""
    assert eventually(world.settled)
    assert more(world.figures(), before) == counts(answers)


def a_database_that_goes_and_comes_back_costs_no_request_and_no_confirmed_write(
    world: World,
) -> None:
    world.expect()
    before = world.tokens()
    owners = world.keys("owner:")
    assert owners
    figures = world.figures()
    stop = threading.Event()
    answers: list[httpx.Response] = []

    def load(number: int) -> None:
        while not stop.is_set():
            answers.append(world.ask(number))

    def answered(more: int) -> bool:
        goal = len(answers) + more
        return eventually(lambda: len(answers) >= goal)

    with ThreadPoolExecutor(9) as pool:
        for number in range(9):
            pool.submit(load, number)
        try:
            assert answered(30)
            world.database.stop()
            assert answered(60)
            assert eventually(
                lambda: all(world.health(number)["status"] == "degraded" for number in range(3))
            )
            world.database.start()
            assert eventually(
                lambda: all(world.health(number)["status"] == "ok" for number in range(3))
            )
            assert answered(60)
        finally:
            stop.set()

    assert not {answer.text for answer in answers if answer.status_code != 200}
    assert world.tokens() == before
    assert set(owners) <= set(world.keys("owner:"))
    assert world.health(0)["store"]["faults"] > 0
    find_all_counted(world, figures, answers)


STORY = (
    fifty_requests_after_the_tokens_end_make_one_refresh,
    a_process_that_starts_later_goes_on_with_the_rotated_token,
    a_limit_that_one_process_meets_rests_the_account_in_all,
    when_all_rest_every_process_says_for_how_long,
    figures_are_exact_whoever_has_counted,
    a_killed_process_leaves_no_lease_longer_than_its_life,
    a_database_that_goes_and_comes_back_costs_no_request_and_no_confirmed_write,
)


@pytest.mark.timeout(180)
def test_what_one_process_learns_all_of_them_know_whatever_dies(world: World) -> None:
    for step in STORY:
        step(world)
