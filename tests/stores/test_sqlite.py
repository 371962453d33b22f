"""The store in a file: what is on the disk, who may read it, other processes, and trouble."""

import asyncio
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat2api_core.stores.base import NotACounter, Store, StoreDown
from chat2api_core.stores.memory import MemoryStore
from chat2api_core.stores.sqlite import SqliteStore
from tests.stores.real_parts import SteppedClock

pytestmark = pytest.mark.anyio

WRITER = """
import asyncio, sys
from pathlib import Path
from chat2api_core.ambient import SystemClock
from chat2api_core.stores.sqlite import SqliteStore

async def main(path, me):
    store = SqliteStore(Path(path), SystemClock(), wait=30)
    locks = 0
    for number in range(100):
        await store.increment("n")
        locks += await store.add(f"lock{number}", me.encode())
        while True:
            seen = await store.get("list")
            if await store.swap("list", seen, (seen or b"") + me.encode()):
                break
    await store.aclose()
    print(locks)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "store.db"


@pytest.fixture
async def store(path: Path, clock: SteppedClock) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, clock)
    yield store
    await store.aclose()


def list_files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def make_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_only_the_owner_may_read_its_files(store: SqliteStore, path: Path) -> None:
    await store.put("k", b"v")
    assert list_files(path.parent) == ["store.db", "store.db-shm", "store.db-wal"]
    assert {mode(file) for file in path.parent.iterdir()} == {0o600}
    assert mode(path.parent) == 0o700


async def test_nothing_is_made_before_the_first_question(store: SqliteStore, path: Path) -> None:
    assert not list_files(path.parent)
    await store.get("k")
    assert "store.db" in list_files(path.parent)


async def test_it_survives_a_restart(path: Path, clock: SteppedClock) -> None:
    first = SqliteStore(path, clock)
    await first.put("k", b"v", 100)
    await first.increment("n", 7)
    await first.aclose()
    clock.step(50)
    second = SqliteStore(path, clock)
    assert await second.get_many(["k", "n"]) == [b"v", b"7"]
    clock.step(51)
    assert await second.get_many(["k", "n"]) == [None, b"7"]
    await second.aclose()


async def test_what_has_expired_leaves_the_file(
    store: SqliteStore, path: Path, clock: SteppedClock
) -> None:
    await store.put("short", b"v", 5)
    await store.put("lasting", b"v")
    clock.step(61)
    await store.get("anything")
    database = sqlite3.connect(path)
    try:
        assert database.execute("SELECT key FROM entries").fetchall() == [("lasting",)]
    finally:
        database.close()


def test_two_processes_share_one_file_and_lose_nothing(path: Path) -> None:
    commands = [[sys.executable, "-c", WRITER, str(path), me] for me in "ab"]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE) for command in commands]
    locks = [int(writer.communicate(timeout=50)[0]) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert sum(locks) == 100

    async def held() -> list[bytes | None]:
        store = SqliteStore(path, SteppedClock())
        values = await store.get_many(["n", "list"])
        await store.aclose()
        return values

    total, items = asyncio.run(held())
    assert total == b"200"
    assert items is not None
    assert sorted(items) == sorted(b"a" * 100 + b"b" * 100)


async def test_a_lock_that_is_held_too_long_is_a_store_that_is_down(
    path: Path, clock: SteppedClock
) -> None:
    store = SqliteStore(path, clock, wait=0.01)
    await store.put("k", b"v")
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreDown, match="OperationalError"):
            await store.put("k", b"w")
        assert await store.get("k") == b"v"
        other.execute("ROLLBACK")
        await store.put("k", b"w")
        assert await store.get("k") == b"w"
    finally:
        other.close()
        await store.aclose()


async def test_a_file_that_is_no_database_is_a_store_that_is_down(
    store: SqliteStore, path: Path
) -> None:
    make_file(path, b"no database at all, but long enough to be looked at" * 100)
    with pytest.raises(StoreDown, match="DatabaseError") as caught:
        await store.get("k")
    assert str(path) not in str(caught.value)


async def test_a_folder_that_cannot_be_made_is_a_store_that_is_down(
    tmp_path: Path, clock: SteppedClock
) -> None:
    make_file(tmp_path / "file", b"")
    store = SqliteStore(tmp_path / "file" / "store.db", clock)
    with pytest.raises(StoreDown):
        await store.put("k", b"v")
    await store.aclose()


async def test_a_file_of_a_newer_version_is_left_alone(store: SqliteStore, path: Path) -> None:
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreDown, match="newer version"):
        await store.put("k", b"v")


Step = tuple[str, str, bytes | None, int, float | None]

KEYS = st.sampled_from(["a", "b", "ab", "c"])
STEPS = st.tuples(
    st.sampled_from(
        ["get", "put", "add", "swap", "delete", "delete_if", "increment", "keys", "step"]
    ),
    KEYS,
    st.sampled_from([None, b"", b"1", b"2", b"x"]),
    st.integers(-3, 3),
    st.sampled_from([None, 1.0, 5.0]),
)


async def take(store: Store, step: Step) -> object:
    verb, key, value, number, ttl = step
    written = value or b""
    verbs: dict[str, Callable[[], Awaitable[object]]] = {
        "get": lambda: store.get_many([key, "a"]),
        "put": lambda: store.put(key, written, ttl),
        "add": lambda: store.add(key, written, ttl),
        "swap": lambda: store.swap(key, value, b"x" if number else b"1", ttl),
        "delete": lambda: store.delete(key),
        "delete_if": lambda: store.delete_if(key, written),
        "increment": lambda: store.increment(key, number, ttl),
        "keys": lambda: store.keys(key),
    }
    try:
        return await verbs[verb]()
    except NotACounter:
        return NotACounter


@given(st.lists(STEPS, max_size=25))
@settings(max_examples=60, deadline=None)
def test_any_story_goes_as_it_goes_in_memory(story: list[Step]) -> None:
    async def tell(folder: str) -> None:
        clock = SteppedClock()
        memory, file = MemoryStore(clock), SqliteStore(Path(folder, "store.db"), clock)
        try:
            for step in story:
                if step[0] == "step":
                    clock.step(abs(step[3]))
                else:
                    assert await take(file, step) == await take(memory, step)
        finally:
            await file.aclose()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(tell(folder))
