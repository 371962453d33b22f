"""Accounts whose new tokens are in this process alone, because the store did not take them.

In: the keys of such accounts, and how one is saved. Out: nothing; they are saved as soon as the
store answers, whether anybody uses these accounts or not. The one rule: nobody waits for that; a
process that ends tries once more.
"""

import asyncio
from collections.abc import Awaitable, Callable

_EVERY = 5.0  # seconds between two tries


class Unsaved:
    """``save`` tells of an account whether its tokens are in the store now."""

    def __init__(
        self,
        save: Callable[[str], Awaitable[bool]],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._save = save
        self._sleep = sleep
        self._keys: dict[str, None] = {}
        self._saving: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._keys)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def add(self, key: str) -> None:
        """Have this account's tokens saved later."""
        self._keys[key] = None
        if self._saving is None:
            self._saving = asyncio.create_task(self._save_later())
            self._saving.add_done_callback(self._ended)

    async def aclose(self) -> None:
        """Save what can be saved, once."""
        if self._saving is not None:
            self._saving.cancel()
            await asyncio.wait((self._saving,))
        await self._settle()

    async def _save_later(self) -> None:
        while self._keys:
            await self._sleep(_EVERY)
            await self._settle()

    async def _settle(self) -> None:
        for key in list(self._keys):
            if not await self._save(key):
                return  # the store is still down: the others have to wait, too
            self._keys.pop(key, None)

    def _ended(self, _: "asyncio.Task[None]") -> None:
        self._saving = None
