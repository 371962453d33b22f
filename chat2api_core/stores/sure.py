"""A store that confirms: what returned is done, all else raises ``StoreDown``.

In: any ``Store``, watched. Out: the same, in words that can be relied on. On the way it notes in
this process's memory what it learns, for the time when the store is down.
"""

from collections.abc import Mapping, Sequence

from chat2api_core.stores.base import NotACounter, Store
from chat2api_core.stores.memory import MemoryStore
from chat2api_core.stores.watch import Watch

_KEEP = 3600.0  # how long a value counts as known whose true end is not


class SureStore:
    """The ``Store`` itself, watched: what returned is confirmed, all else raises ``StoreDown``.

    It notes in ``seen`` what it learns, for the time when the store is down."""

    def __init__(self, store: Store, watch: Watch, seen: MemoryStore) -> None:
        self.name = store.name
        self.durable = store.durable
        self._store = store
        self._watch = watch
        self._seen = seen

    async def get(self, key: str) -> bytes | None:
        value = await self._watch.ask(self._store.get(key))
        await self._learn(key, value)
        return value

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        values = await self._watch.ask(self._store.get_many(keys))
        for key, value in zip(keys, values, strict=True):
            await self._learn(key, value)
        return values

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        await self._watch.ask(self._store.put(key, value, ttl))
        await self._seen.put(key, value, ttl)

    async def add(self, key: str, value: bytes, ttl: float | None = None) -> bool:
        return await self.swap(key, None, value, ttl)

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        done = await self._watch.ask(self._store.swap(key, old, new, ttl))
        if done:
            await self._seen.put(key, new, ttl)
        return done

    async def delete(self, key: str) -> None:
        await self._watch.ask(self._store.delete(key))
        await self._seen.delete(key)

    async def delete_if(self, key: str, old: bytes) -> bool:
        done = await self._watch.ask(self._store.delete_if(key, old))
        if done:
            await self._seen.delete(key)
        return done

    async def increment(self, key: str, by: int = 1, ttl: float | None = None) -> int:
        total = await self._watch.ask(self._store.increment(key, by, ttl))
        await self._seen.delete(key)
        await self._seen.increment(key, total, ttl)
        return total

    async def increment_many(
        self, amounts: Mapping[str, int], ttl: float | None = None, *, once: str = ""
    ) -> None:
        await self._watch.ask(self._store.increment_many(amounts, ttl, once=once))
        for key, by in amounts.items():
            await count(self._seen, key, by, ttl)

    async def keys(self, prefix: str, limit: int = 1000) -> list[str]:
        return await self._watch.ask(self._store.keys(prefix, limit))

    async def aclose(self) -> None:
        await self._store.aclose()

    async def _learn(self, key: str, value: bytes | None) -> None:
        if value is None:
            await self._seen.delete(key)
        elif await self._seen.get(key) != value:  # else it stands there with its true end
            await self._seen.put(key, value, _KEEP)


async def count(seen: MemoryStore, key: str, by: int, ttl: float | None) -> int:
    """Add to what this process knows of a counter, which may be its digits only."""
    known = await seen.get(key)
    try:
        return await seen.increment(key, by, ttl)
    except NotACounter:
        if known is None or not known.removeprefix(b"-").isdigit():
            raise
        await seen.delete(key)
        return await seen.increment(key, int(known) + by, ttl)
