"""Bounds wrong tries to log in, by the address they come from, on all instances together.

In: an address. Out: whether it may try. The one rule: the address itself is not stored.
"""

import hashlib

from chat2api_core.stores.base import Store

MOST = 5
WAIT = 900.0  # seconds, from the first wrong try of an address


class Attempts:
    """Counts wrong tries."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def open(self, address: str) -> bool:
        """Whether this address may try."""
        return int(await self._store.get(_name(address)) or 0) < MOST

    async def wrong(self, address: str) -> bool:
        """Note a wrong try; whether it is one too many."""
        return await self._store.increment(_name(address), 1, WAIT) > MOST


def _name(address: str) -> str:
    return f"login:{hashlib.sha256(address.encode()).hexdigest()[:24]}"
