"""Which account holds which conversation."""

import asyncio

import pytest

from chat2api_core.accounts.digest import digest
from chat2api_core.accounts.owners import Owners
from chat2api_core.stores.memory import MemoryStore
from tests.accounts.instances import run
from tests.fakes import FakeClock


class Stuck(MemoryStore):
    """Takes a write when it is let to."""

    def __init__(self) -> None:
        super().__init__(FakeClock())
        self.asked = asyncio.Event()
        self.free = asyncio.Event()

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        self.asked.set()
        await self.free.wait()
        await super().put(key, value, ttl)

    async def get(self, key: str) -> bytes | None:
        found = await super().get(key)
        self.asked.set()
        await self.free.wait()
        return found


def owners(store: MemoryStore | None, *, temporary: bool = False, kept: bool = True) -> Owners:
    return Owners(store, temporary=temporary, kept=kept)


def test_who_is_cancelled_while_telling_leaves_it_to_the_next() -> None:
    async def script() -> None:
        store = Stuck()
        one = owners(store)
        one.note("a", "conv-1")
        telling = asyncio.create_task(one.settle())
        await store.asked.wait()
        telling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await telling
        store.free.set()
        await one.settle()
        assert await owners(store).of("conv-1") == "a"

    run(script())


def test_what_was_noted_while_the_store_was_asked_is_newer_than_its_answer() -> None:
    async def script() -> None:
        store = Stuck()
        store.free.set()
        before = owners(store)
        before.note("a", "conv-1")
        await before.settle()
        store.free.clear()
        store.asked.clear()
        one = owners(store)
        asking = asyncio.create_task(one.of("conv-1"))
        await store.asked.wait()
        one.note("b", "conv-1")
        store.free.set()
        assert await asking == "b"

    run(script())


@pytest.mark.parametrize(
    ("kept", "by_itself", "said", "told"),
    [
        (True, True, None, True),
        (False, True, None, False),
        (False, True, False, True),
        (False, False, None, True),
        (False, False, True, False),
    ],
)
def test_a_temporary_chat_is_told_of_where_that_is_worth_a_write(
    kept: bool, by_itself: bool, said: bool | None, told: bool
) -> None:
    async def script() -> None:
        store = MemoryStore(FakeClock())
        one = owners(store, temporary=by_itself, kept=kept)
        one.note("a", "conv-1", said)
        await one.settle()
        assert bool(await store.keys("owner:")) is told
        assert await one.of("conv-1") == "a"

    run(script())


def test_any_name_is_fit_for_a_key() -> None:
    for name in ("", "conv-1", "\ud800 line\nbreak", "x" * 10_000):
        assert digest(name) == digest(name)
        assert len(digest(name)) == 32
        assert digest(name).isalnum()
    assert digest("conv-1") != digest("conv-2")
