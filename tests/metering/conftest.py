"""What the tests of metering share: a store that can be down, and a tally over it."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from chat2api_core.metering.tally import Tally
from chat2api_core.metering.use import Use
from chat2api_core.stores.base import StoreDown, TooLarge
from chat2api_core.stores.guard import GuardedStore
from chat2api_core.stores.memory import MemoryStore
from tests.fakes import FakeClock

DAY = "2026-08-21"
NOW = 1_787_300_000.0  # 2026-08-21T08:13:20Z

USE = Use("key-1", "gpt-5", "acc-1", input=10, output=5, milliseconds=800)


class TroubledStore(MemoryStore):
    """A store in memory that can be "down", "slow" (never answers), or "wrong" (breaks rules)."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.trouble = ""
        self.increments: list[str] = []
        self.rounds = 0  # of counting
        self.swaps_lost = 0  # how often somebody else is faster

    async def _through(self) -> None:
        if self.trouble == "down":
            raise StoreDown("It is down.")
        if self.trouble == "slow":
            await asyncio.Event().wait()
        if self.trouble == "wrong":
            raise TooLarge("It is too large.")

    async def get(self, key: str) -> bytes | None:
        await self._through()
        return await super().get(key)

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        await self._through()
        return await super().get_many(keys)

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        await self._through()
        if self.swaps_lost:
            self.swaps_lost -= 1
            return False
        return await super().swap(key, old, new, ttl)

    async def increment(self, key: str, by: int = 1, ttl: float | None = None) -> int:
        await self._through()
        self.increments.append(key)
        return await super().increment(key, by, ttl)

    async def increment_many(
        self, amounts: Mapping[str, int], ttl: float | None = None, *, once: str = ""
    ) -> None:
        await self._through()
        self.rounds += 1
        await super().increment_many(amounts, ttl, once=once)


class Parts:
    """One store, and tallies of as many processes as a test wants."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW)
        self.inner = TroubledStore(self.clock)
        self.store = GuardedStore(self.inner, self.clock, wait=1.0)

    def tally(self, linger: float = 0) -> Tally:
        return Tally(self.store, self.clock, linger=linger)


@pytest.fixture
def parts() -> Parts:
    return Parts()
