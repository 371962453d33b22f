"""A store that may be down without taking requests down with it.

In: any ``Store``. Out: two of them over the same one. ``GuardedStore`` goes on with what this
process has seen and written itself; its ``sure`` raises ``StoreDown`` instead. The one rule: only
``sure`` confirms. What must not be lost (a rotated token) is written through ``sure``; what may be
known to this process alone for a while (a cooldown, a count) goes through ``GuardedStore``.

While the store rests after a fault (``watch.py``), only ``sure`` asks it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from chat2api_core.ambient import Clock, Ids, SystemIds
from chat2api_core.stores.base import Store, StoreDown, StoreError
from chat2api_core.stores.debts import Batch, Debts
from chat2api_core.stores.memory import MemoryStore
from chat2api_core.stores.sure import SureStore, count
from chat2api_core.stores.watch import StoreStatus, Watch

T = TypeVar("T")

_WAIT = 3.0  # seconds that a question may take, with all that the store itself tries
_PAUSE = 5.0
_SEEN_BYTES = 16 * 1024 * 1024
_OWED_KEYS = 10_000
_CLOSING = 5.0

_log = logging.getLogger("chat2api.stores")


class GuardedStore:
    """A ``Store`` that never raises ``StoreDown``: then it answers from what this process knows.

    So a returned write is not a confirmed one; for that there is ``sure``. Counts that could not
    be written are owed. Those of ``increment_many`` go along with its next call, each exactly once;
    a single one goes along with the next increment of its key, and one whose reply was lost may
    count twice. ``aclose`` pays what is left. ``wait`` and ``pause`` are in seconds."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        wait: float = _WAIT,
        pause: float = _PAUSE,
        ids: Ids | None = None,
    ) -> None:
        self.name = store.name
        self.durable = store.durable
        self._watch = Watch(store, clock, wait=wait, pause=pause)
        self._seen = MemoryStore(clock, _SEEN_BYTES)
        self._owed: dict[str, tuple[int, float | None]] = {}
        self._debts = Debts(ids or SystemIds(), _OWED_KEYS)
        self.sure = SureStore(store, self._watch, self._seen)

    @property
    def status(self) -> StoreStatus:
        return self._watch.status

    @property
    def owed(self) -> int:
        """How many counters of ``increment_many`` are owed; one for nothing pays them."""
        return len(self._debts)

    async def get(self, key: str) -> bytes | None:
        return await self._ask(lambda store: store.get(key))

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        return await self._ask(lambda store: store.get_many(keys))

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        await self._ask(lambda store: store.put(key, value, ttl))

    async def add(self, key: str, value: bytes, ttl: float | None = None) -> bool:
        return await self._ask(lambda store: store.add(key, value, ttl))

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        return await self._ask(lambda store: store.swap(key, old, new, ttl))

    async def delete(self, key: str) -> None:
        await self._ask(lambda store: store.delete(key))

    async def delete_if(self, key: str, old: bytes) -> bool:
        return await self._ask(lambda store: store.delete_if(key, old))

    async def increment(self, key: str, by: int = 1, ttl: float | None = None) -> int:
        owed, _ = self._owed.pop(key, (0, None))
        if not self._watch.resting():
            with suppress(StoreDown):
                return await self.sure.increment(key, by + owed, ttl)
        self._owe(key, by + owed, ttl)
        return await count(self._seen, key, by, ttl)

    async def increment_many(
        self, amounts: Mapping[str, int], ttl: float | None = None, *, once: str = ""
    ) -> None:
        if not amounts and not self.owed:
            return
        batch = self._debts.batch(amounts, ttl, once)
        if not self._watch.resting():
            try:
                await self._settle()
            except StoreDown:
                self._debts.unsent(batch)
            except asyncio.CancelledError:
                self._debts.unsent(batch)
                raise
            else:
                with suppress(StoreDown):
                    await self._send(batch)
                    return
        else:
            self._debts.unsent(batch)
        for key, by in amounts.items():
            await count(self._seen, key, by, ttl)

    async def keys(self, prefix: str, limit: int = 1000) -> list[str]:
        return await self._ask(lambda store: store.keys(prefix, limit))

    async def aclose(self) -> None:
        """Pay what is owed, as long as the store takes it, and close the store."""
        owed, self._owed = self._owed, {}
        for key, (amount, ttl) in owed.items():
            self._debts.unsent(self._debts.batch({key: amount}, ttl))
        with suppress(StoreDown, TimeoutError):
            async with asyncio.timeout(_CLOSING):
                await self._settle()
        await self.sure.aclose()

    async def _settle(self) -> None:
        """Pay what is owed in batches. Raises ``StoreDown``."""
        while (batch := self._debts.take()) is not None:
            try:
                await self._send(batch)
            except StoreDown:
                raise
            except StoreError as error:  # such as a value that has come to stand there since
                _log.warning("%d counts can never be written: %s", len(batch.amounts), error)
        if self._debts.lost:
            _log.warning("%d counts were given up: the store was down", self._debts.lost)
            self._debts.lost = 0

    async def _send(self, batch: Batch) -> None:
        if not batch.amounts:
            return
        try:
            await self.sure.increment_many(batch.amounts, batch.ttl, once=batch.once)
        except (StoreDown, asyncio.CancelledError):
            self._debts.doubtful(batch)
            raise

    async def _ask(self, question: Callable[[Store], Awaitable[T]]) -> T:
        if not self._watch.resting():
            with suppress(StoreDown):
                return await question(self.sure)
        return await question(self._seen)

    def _owe(self, key: str, amount: int, ttl: float | None) -> None:
        # Others may have come to owe while this one was on its way.
        before, _ = self._owed.get(key, (0, None))
        if len(self._owed) < _OWED_KEYS or key in self._owed:
            self._owed[key] = (before + amount, ttl)
