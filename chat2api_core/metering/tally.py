"""Writes what was used into the store, after the answer.

In: a ``Use`` for each request. Out: counters, see ``use``. Counts of requests that end together are
added up and written together, by one writer at a time. On a host that freezes a process between
requests a request waits, for a few seconds at most, until its counts are written; where the process
runs on (``linger`` above 0) nobody waits, and what gathered in so many seconds is written at once;
with no end to that (``inf``) it is written when somebody wants to read it.
The one rule: counting never fails a request.
"""

import asyncio
import logging
import math
from collections.abc import Collection, Mapping
from contextlib import suppress

from msgspec import structs

from chat2api_core.ambient import Clock
from chat2api_core.metering.use import DAY, Names, Use, day_of, index_name, seen_name, steps
from chat2api_core.stores.base import NotACounter, StoreDown, StoreError
from chat2api_core.stores.guard import GuardedStore

KEPT = 400 * DAY  # seconds that counters are kept
_WAIT = 4.0  # seconds that one round of writing may take
_TRIES = 5
_SEEN_EVERY = 60.0
_LONGEST_INDEX = 300_000  # bytes; what does not fit is counted, but not found

_log = logging.getLogger("chat2api.metering")


class Tally:
    """Counts requests. ``linger`` is in seconds. ``aclose`` writes what is left."""

    def __init__(self, store: GuardedStore, clock: Clock, *, linger: float) -> None:
        self._store = store
        self._clock = clock
        self._linger = linger
        self._names = Names()
        self._waiting: dict[str, int] = {}
        self._writing: dict[str, int] = {}
        self._unlisted: dict[str, set[str]] = {}  # names that are not in their day's index yet
        self._listed: set[str] = set()
        self._listed_day = ""
        self._seen: dict[str, float] = {}
        self._seen_written: dict[str, float] = {}
        self._lock = asyncio.Lock()
        self._later: asyncio.Task[None] | None = None

    def note(self, use: Use) -> None:
        """Count a request, here for now."""
        day = day_of(self._clock.now())
        model = self._names.fit("model", use.model, day)
        account = self._names.fit("account", use.account, day)
        if use.account:
            self._seen[account] = self._clock.now()
        for name, amount in steps(structs.replace(use, model=model, account=account), day):
            self._waiting[name] = self._waiting.get(name, 0) + amount

    async def settle(self) -> None:
        """See to it that what was noted gets written; see the head of this file for when."""
        if self._linger <= 0:
            await self.write()
        elif self._later is None and self._waiting and self._linger < math.inf:
            self._later = asyncio.create_task(self._write_later())

    async def write(self) -> None:
        """Write what was noted, as far as the store takes it in time."""
        async with self._lock:
            if not (self._waiting or self._unlisted or self._store.owed):
                return
            self._writing, self._waiting = self._waiting, {}
            try:
                async with asyncio.timeout(_WAIT):
                    await self._list()
                    await self._add_up()
                    await self._say_seen()
            except TimeoutError:
                _log.warning("the store was too slow for the counts of this moment; they wait")
            except StoreError as error:
                _log.warning("counts could not be written: %s", error)
            finally:
                for name, amount in self._writing.items():
                    self._waiting[name] = self._waiting.get(name, 0) + amount
                self._writing = {}

    @property
    def unlisted(self) -> Mapping[str, Collection[str]]:
        """The names, by day, that nobody else can find yet: the store was down."""
        return self._unlisted

    def unwritten(self, name: str) -> int:
        """What this process has counted and nobody else can see yet."""
        return self._waiting.get(name, 0) + self._writing.get(name, 0)

    async def aclose(self) -> None:
        """Write what is left."""
        if self._later is not None:
            self._later.cancel()
            await asyncio.wait((self._later,))
        await self.write()

    async def _write_later(self) -> None:
        await asyncio.sleep(self._linger)
        self._later = None
        await self.write()

    async def _add_up(self) -> None:
        try:
            await self._store.increment_many(self._writing, KEPT)
        except asyncio.CancelledError:
            # From here on the store owes them: it alone knows whether they were sent.
            self._writing = {}
            raise
        except NotACounter:
            await self._one_by_one()
        self._writing = {}

    async def _one_by_one(self) -> None:
        """Where a value has come to stand in a counter's place, only that one is not counted."""
        while self._writing:
            name, amount = self._writing.popitem()
            try:
                await self._store.increment_many({name: amount}, KEPT)
            except NotACounter:
                _log.warning("%s is no counter: %d of it are not counted", name, amount)

    async def _say_seen(self) -> None:
        """When each account was used last; it need not be exact."""
        for account, now in self._seen.items():
            if now - self._seen_written.get(account, 0.0) >= _SEEN_EVERY:
                self._seen_written[account] = now
                await self._store.put(seen_name(account), b"%d" % now, KEPT)
        self._seen.clear()

    async def _list(self) -> None:
        """Have every counter in the index of its day; while the store is down, it has to wait."""
        for name in self._writing:
            kind, day, place = name.split(":", 2)
            if kind == "use":
                self._remember_day(day)
                if place not in self._listed:
                    self._unlisted.setdefault(day, set()).add(place)
        if self._store.status.down_since is not None:
            return  # ``sure`` would keep asking it
        with suppress(StoreDown):
            for day, places in list(self._unlisted.items()):
                if await self._listed_on(day, places):
                    del self._unlisted[day]

    def _remember_day(self, day: str) -> None:
        if day > self._listed_day:
            self._listed_day = day
            self._listed = set()
            self._seen_written = {}

    async def _listed_on(self, day: str, places: set[str]) -> bool:
        """Put the places into the index of their day. False if others kept changing it."""
        name = index_name(day)
        for _ in range(_TRIES):
            before = await self._store.sure.get(name)
            known = set(before.decode().split("\n")) if before else set()
            after = "\n".join(sorted(known | places)).encode()
            full = len(after) > _LONGEST_INDEX
            if full or places <= known or await self._store.sure.swap(name, before, after, KEPT):
                if day == self._listed_day:
                    self._listed |= places
                return True
        return False
