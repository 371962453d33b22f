"""Who may be the first to try an account after a rest: one request at a time, on all instances.

In: an account and the scope of its rest. Out: whether it is the caller's turn. The one rule: a turn
whose holder died ends by itself.

Keys: ``probe:<account>:<scope>``, the scope by its digest.
"""

from chat2api_core.accounts.digest import digest
from chat2api_core.ambient import Clock
from chat2api_core.stores.base import Store

_LASTS = 60.0  # seconds after which a probe counts as lost with its process


class Probes:
    """Without a ``store`` they are this process's own."""

    def __init__(self, clock: Clock, store: Store | None) -> None:
        self._clock = clock
        self._store = store
        self._under_way: dict[tuple[str, str], float] = {}

    async def begin(self, account: str, scope: str) -> bool:
        """Whether the caller may try. It calls ``end`` when it knows; without that, its turn ends
        after a minute."""
        now = self._clock.monotonic()
        if self._under_way.get((account, scope), now) > now:
            return False
        self._under_way = {one: until for one, until in self._under_way.items() if until > now}
        self._under_way[account, scope] = now + _LASTS
        if self._store is None:
            return True
        from chat2api_core.abreast import unbroken  # noqa: PLC0415 (few rest)

        async def undo(ours: bool) -> None:
            if ours:
                await self.end(account, scope)

        ours = False
        try:
            ours = await unbroken(self._store.add(_key(account, scope), b"1", _LASTS), undo)
        finally:
            if not ours:
                self._under_way.pop((account, scope), None)
        return ours

    async def end(self, account: str, scope: str) -> None:
        """The probe is over, however it went."""
        self._under_way.pop((account, scope), None)
        if self._store is not None:
            await self._store.delete(_key(account, scope))


def _key(account: str, scope: str) -> str:
    return f"probe:{account}:{digest(scope)}"
