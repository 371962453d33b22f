"""A store in this process: gone with it, seen by nobody else.

In: names and bytes. Out: the same, until they expire or room runs out. The one rule: it never holds
more than ``limit`` bytes. When it would, what has expired goes first, then what was written longest
ago; so a caller must not rely on it for what may not be lost.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from chat2api_core.ambient import Clock
from chat2api_core.stores.base import (
    ONCE_FOR,
    NotACounter,
    check_key,
    check_prefix,
    check_ttl,
    check_value,
    once_name,
)

_LIMIT = 64 * 1024 * 1024
_OVERHEAD = 200  # what an entry costs beside its key and value, roughly


class _Entry(Struct, frozen=True):
    held: bytes | int  # a value or a counter
    until: float | None  # seconds since 1970


class MemoryStore:
    """A ``Store`` in a dictionary. Its time is ``clock.now``; ``limit`` is in bytes, roughly."""

    name: Final = "memory"
    durable: Final = False

    def __init__(self, clock: Clock, limit: int = _LIMIT) -> None:
        self._clock = clock
        self._limit = limit
        self._entries: dict[str, _Entry] = {}
        self._size = 0

    async def get(self, key: str) -> bytes | None:
        entry = self._live(check_key(key))
        return None if entry is None else _read(entry)

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        return [await self.get(key) for key in keys]

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        self._write(check_key(key), check_value(value), check_ttl(ttl))

    async def add(self, key: str, value: bytes, ttl: float | None = None) -> bool:
        return await self.swap(key, None, value, ttl)

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        entry = self._live(check_key(key))
        check_value(new)
        check_ttl(ttl)
        if (None if entry is None else entry.held) != old:
            return False
        self._write(key, new, ttl)
        return True

    async def delete(self, key: str) -> None:
        self._drop(check_key(key))

    async def delete_if(self, key: str, old: bytes) -> bool:
        entry = self._live(check_key(key))
        if entry is None or entry.held != old:
            return False
        self._drop(key)
        return True

    async def increment(self, key: str, by: int = 1, ttl: float | None = None) -> int:
        entry = self._live(check_key(key))
        check_ttl(ttl)
        if entry is None:
            self._write(key, by, ttl)
            return by
        if not isinstance(entry.held, int):
            raise NotACounter("This key holds a value, not a counter.")
        total = entry.held + by
        self._entries[key] = _Entry(total, entry.until)
        return total

    async def increment_many(
        self, amounts: Mapping[str, int], ttl: float | None = None, *, once: str = ""
    ) -> None:
        for key in amounts:
            entry = self._live(check_key(key))
            if entry is not None and not isinstance(entry.held, int):
                raise NotACounter("A key of these holds a value, not a counter.")
        check_ttl(ttl)
        # Nothing waits from here on, so nobody comes in between.
        if once and not await self.add(once_name(once), b"", ONCE_FOR):
            return
        for key, by in amounts.items():
            await self.increment(key, by, ttl)

    async def keys(self, prefix: str, limit: int = 1000) -> list[str]:
        check_prefix(prefix)
        now = self._clock.now()
        found = [
            key
            for key, entry in self._entries.items()
            if key.startswith(prefix) and not _expired(entry, now)
        ]
        return sorted(found)[:limit]

    async def aclose(self) -> None:
        self._entries.clear()
        self._size = 0

    def _live(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is not None and _expired(entry, self._clock.now()):
            self._drop(key)
            return None
        return entry

    def _write(self, key: str, held: bytes | int, ttl: float | None) -> None:
        self._drop(key)  # and so the order of the dictionary is the order of writing
        self._entries[key] = _Entry(held, None if ttl is None else self._clock.now() + ttl)
        self._size += _cost(key, held)
        if self._size > self._limit:
            self._make_room()

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._size -= _cost(key, entry.held)

    def _make_room(self) -> None:
        """Go down to three quarters of the limit, so that not every write comes here again."""
        now = self._clock.now()
        for key in [key for key, entry in self._entries.items() if _expired(entry, now)]:
            self._drop(key)
        goal = self._limit * 3 // 4
        for key in list(self._entries)[:-1]:  # the newest entry is the one being written
            if self._size <= goal:
                return
            self._drop(key)


def _expired(entry: _Entry, now: float) -> bool:
    return entry.until is not None and entry.until <= now


def _read(entry: _Entry) -> bytes:
    return entry.held if isinstance(entry.held, bytes) else b"%d" % entry.held


def _cost(key: str, held: bytes | int) -> int:
    return _OVERHEAD + len(key) + (len(held) if isinstance(held, bytes) else 0)
