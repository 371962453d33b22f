"""How a store is doing: each question to it is bounded, and a fault makes everyone leave it alone
for a pause; then one question tries it again. The fault is logged once a minute and stands in
``status`` until the store answers.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import TypeVar

from msgspec import Struct

from chat2api_core.ambient import Clock
from chat2api_core.stores.base import Store, StoreDown

T = TypeVar("T")

_LOG_EVERY = 60.0

_log = logging.getLogger("chat2api.stores")


class StoreStatus(Struct, frozen=True):
    """What /health tells of the store. ``down_since`` is in unix seconds, None while it answers;
    ``error`` is the latest fault of that time, in words; ``faults`` counts since the start."""

    name: str
    durable: bool
    down_since: float | None
    error: str
    faults: int


class Watch:
    """Bounds each question to a store, and knows since when it is down.

    Only news counts: when a question fails that was asked before one that has been answered since,
    the store is not down."""

    def __init__(self, store: Store, clock: Clock, *, wait: float, pause: float) -> None:
        self._store = store
        self._clock = clock
        self._wait = wait
        self._pause = pause
        self._down_since: float | None = None
        self._error = ""
        self._faults = 0
        self._asked = 0
        self._answered = 0  # the number of the latest question that got its answer
        self._next_try = 0.0
        self._next_log = clock.monotonic()

    @property
    def status(self) -> StoreStatus:
        store = self._store
        return StoreStatus(store.name, store.durable, self._down_since, self._error, self._faults)

    def resting(self) -> bool:
        """Whether to leave the store alone. When a pause ends, the first to ask is told no, and
        tries the store while the others still rest."""
        if self._down_since is None:
            return False
        now = self._clock.monotonic()
        if now < self._next_try:
            return True
        self._next_try = now + self._pause
        return False

    async def ask(self, question: Awaitable[T]) -> T:
        """The store's answer. Raises ``StoreDown``, also where it takes too long."""
        self._asked += 1
        number = self._asked
        try:
            async with asyncio.timeout(self._wait):
                answer = await question
        except TimeoutError as error:
            down = StoreDown(f"The store did not answer within {self._wait:g} s.")
            self._note(down, number)
            raise down from error
        except StoreDown as error:
            self._note(error, number)
            raise
        self._answered = max(self._answered, number)
        self._recover()
        return answer

    def _note(self, error: StoreDown, number: int) -> None:
        self._faults += 1
        if number < self._answered:
            return
        now = self._clock.monotonic()
        self._error = str(error)
        self._next_try = now + self._pause
        if self._down_since is None:
            self._down_since = self._clock.now()
        if now >= self._next_log:
            self._next_log = now + _LOG_EVERY
            _log.warning("The %s store is down: %s", self._store.name, error)

    def _recover(self) -> None:
        if self._down_since is None:
            return
        seconds = self._clock.now() - self._down_since
        _log.info("The %s store answers again after %.0f s.", self._store.name, seconds)
        self._down_since = None
        self._error = ""
