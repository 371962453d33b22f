"""How many requests an account serves at the same time, on all instances together.

In: accounts' keys. Out: leases, or none where an account has as many requests as it may have. The
one rule: a lease whose holder died ends by itself, within ``ttl`` seconds.

An account has ``limit`` slots; a lease is an entry ``lease:<account>:<slot>`` with a name that its
holder made up. While this process holds any, one task renews them all. Without a store the slots
are counted in this process.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable

from chat2api_core.ambient import Ids
from chat2api_core.stores.base import Store

_TTL = 60.0
_MAX_RELEASED = 1000
_AT_ONCE = 32  # leases that are renewed side by side


class Lease:
    """A slot of an account. Release it in any case; twice does no harm."""

    __slots__ = ("account", "key", "mark", "owner")

    def __init__(self, owner: "Leases | None", account: str, key: str = "", mark: str = "") -> None:
        self.owner = owner
        self.account = account
        self.key = key
        self.mark = mark

    async def release(self) -> None:
        """Let another request have the slot."""
        owner, self.owner = self.owner, None
        if owner is not None:
            await owner.give_back(self)


class Leases:
    """Slots of accounts. A ``limit`` of 0 is none: every lease is granted and costs nothing. It may
    be changed at any time."""

    def __init__(
        self,
        limit: int,
        *,
        ids: Ids,
        store: Store | None = None,
        ttl: float = _TTL,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.limit = limit
        self._ids = ids
        self._store = store
        self._ttl = ttl
        self._sleep = sleep
        self._counts: Counter[str] = Counter()
        self._held: dict[str, Lease] = {}
        self._released: OrderedDict[str, None] = OrderedDict()
        self._renewing: asyncio.Task[None] | None = None

    async def take(self, account: str) -> Lease | None:
        """A slot of the account, None where all are taken."""
        if self.limit == 0:
            return Lease(None, account)
        if self._counts[account] >= self.limit:
            return None
        self._counts[account] += 1  # before anybody waits, so that nobody passes by in between
        if self._store is None:
            return Lease(self, account)
        from chat2api_core.abreast import unbroken  # noqa: PLC0415 (few share their accounts)

        # Who is cancelled meanwhile may have the slot without knowing it.
        return await unbroken(self._granted(self._store, account), _unwanted)

    async def give_back(self, lease: Lease) -> None:
        """What ``Lease.release`` does."""
        self._count_down(lease.account)
        if self._store is None:
            return
        self._held.pop(lease.key, None)
        self._released[lease.mark] = None
        if len(self._released) > _MAX_RELEASED:
            self._released.popitem(last=False)
        if not self._held and self._renewing is not None:
            self._renewing.cancel()
            self._renewing = None
        await self._store.delete_if(lease.key, lease.mark.encode())

    async def _granted(self, store: Store, account: str) -> Lease | None:
        lease = None
        try:
            lease = await self._slot(store, account)
        finally:
            if lease is None:
                self._count_down(account)
        return lease

    async def _slot(self, store: Store, account: str) -> Lease | None:
        slots = [f"lease:{account}:{slot}" for slot in range(self.limit)]
        taken = await store.get_many(slots) if self.limit > 1 else [None]
        mark = self._ids.hex(16)
        for key, holder in zip(slots, taken, strict=True):
            if await self._won(store, key, holder, mark.encode()):
                lease = self._held[key] = Lease(self, account, key, mark)
                if self._renewing is None:
                    self._renewing = asyncio.create_task(self._renew(store))
                return lease
        return None

    async def _won(self, store: Store, key: str, holder: bytes | None, mark: bytes) -> bool:
        """Whether the slot is ours now. One that this process has let go of while the store was
        down still has our old mark on it."""
        if holder is None:
            if await store.add(key, mark, self._ttl):
                return True
            holder = await store.get(key) if self.limit == 1 else None
        if holder is None or holder.decode("ascii", "replace") not in self._released:
            return False
        return await store.swap(key, holder, mark, self._ttl)

    async def _renew(self, store: Store) -> None:
        from chat2api_core.abreast import all_of  # noqa: PLC0415 (few share their accounts)

        while True:
            await self._sleep(self._ttl / 3)
            held = list(self._held.values())
            # Side by side: with a slow store the last ones would end before their turn came.
            for start in range(0, len(held), _AT_ONCE):
                some = held[start : start + _AT_ONCE]
                await all_of([self._prolong(store, lease) for lease in some])

    async def _prolong(self, store: Store, lease: Lease) -> None:
        mark = lease.mark.encode()
        kept = await store.swap(lease.key, mark, mark, self._ttl)
        if not kept and self._held.get(lease.key) is lease:
            # A store that came back empty: the slot is ours again unless it is taken.
            await store.add(lease.key, mark, self._ttl)

    def _count_down(self, account: str) -> None:
        self._counts[account] -= 1
        if self._counts[account] <= 0:
            del self._counts[account]


async def _unwanted(lease: Lease | None) -> None:
    if lease is not None:
        await lease.release()
