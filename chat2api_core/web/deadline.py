"""When an answer has to be over, on hosts that end a function after a time.

In: the scope of a request (Lambda's doors put the end into it), Vercel's runtime, or a limit of the
settings; and a server that is told to stop. Out: the time that is left, and an answer that keeps to
it. The one rule: an answer ends a few seconds before its host would cut it off, and says so; it is
never just cut.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar
from weakref import WeakSet

from chat2api_core.ambient import Clock
from chat2api_core.problem import Kind, Problem
from chat2api_core.web.exchange import Exchange

# Where a scope may hold the end: seconds since 1970, as a float.
SCOPE_KEY = "chat2api.deadline"
# Where a scope may hold a ``WeakSet`` of ``Deadline``s: every answer's is put into it, for a server
# that may have to end them all.
UNDER_WAY_KEY = "chat2api.under_way"

_MARGIN = 3.0  # seconds for the last words, and for what is still on its way to the client

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Shortened(Protocol[T_co]):
    """An answer that can be ended early. ``cut_short`` gives its last batch, which says so."""

    async def __anext__(self) -> T_co: ...

    async def cut_short(self) -> T_co: ...


class Deadline:
    """The end of one answer: the earliest that anybody names, ``limit`` seconds from now (0 is no
    limit) among them."""

    def __init__(
        self, scope: Mapping[str, object], *, platform: str, limit: float, clock: Clock
    ) -> None:
        ends = []
        named = scope.get(SCOPE_KEY)
        if isinstance(named, float):
            ends.append(named - _MARGIN)
        if platform == "vercel" and (end := _of_vercel()) is not None:
            ends.append(end - _MARGIN)
        if limit > 0:
            ends.append(clock.now() + limit)
        self._at = min(ends, default=None)
        self._clock = clock
        self._opening: asyncio.Timeout | None = None
        self._expire_batches: Callable[[], None] | None = None

    @property
    def left(self) -> float | None:
        """The seconds that are left; None where nothing ends the answer."""
        return None if self._at is None else max(0.0, self._at - self._clock.now())

    async def opening(self, reply: Awaitable[T]) -> T:
        """Wait for an answer to begin. Raises ``Problem``: TIMEOUT if it does not in time."""
        try:
            async with asyncio.timeout(self.left) as scope:
                self._opening = scope
                try:
                    return await reply
                finally:
                    self._opening = None
        except TimeoutError:
            if not scope.expired():
                raise
            message = "ChatGPT did not begin its answer within the time that this host allows."
            raise Problem(Kind.TIMEOUT, message, step="stream") from None

    def batches(self, reply: Shortened[T]) -> "Until[T]":
        """The batches of an answer; the last one is that of ``cut_short`` if the time runs out."""
        until = Until(reply, self.left)
        self._expire_batches = until.expire
        return until

    def end(self) -> None:
        """Have the answer ended now, however much time was left: its host is about to stop."""
        self._at = self._clock.now()
        if self._opening is not None and not self._opening.expired():
            self._opening.reschedule(asyncio.get_running_loop().time())
        if self._expire_batches is not None:
            self._expire_batches()


class Until(Shortened[T]):
    """Iterates ``reply`` for so many seconds, then ends it. Iterate it once, to its end or
    ``close`` it. Costs one timer an answer and nothing for a batch: only a wait for the next batch
    is interrupted, never what its user does with one."""

    def __init__(self, reply: Shortened[T], seconds: float | None) -> None:
        self._reply = reply
        self._expired = asyncio.Event()  # set once, read often
        self._over = False
        self._waiting: asyncio.Task[object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self.expire)

    def __aiter__(self) -> "Until[T]":
        return self

    async def __anext__(self) -> T:
        if self._over:
            raise StopAsyncIteration
        if self._expired.is_set():
            return await self.cut_short()
        task = self._waiting = asyncio.current_task()
        assert task is not None
        cancelled_before = task.cancelling()
        try:
            return await self._reply.__anext__()
        except asyncio.CancelledError:
            # Only the timer's own cancellation is ended here; anybody else's goes on.
            if not self._expired.is_set() or task.uncancel() > cancelled_before:
                raise
        except BaseException:
            self.close()
            raise
        finally:
            self._waiting = None
        return await self.cut_short()

    async def cut_short(self) -> T:
        """End the answer now."""
        self._over = True
        self.close()
        return await self._reply.cut_short()

    def close(self) -> None:
        """Leave no timer behind."""
        if self._timer is not None:
            self._timer.cancel()

    def expire(self) -> None:
        """The time is over: the next batch is the last one."""
        if self._expired.is_set():
            return
        self._expired.set()
        if self._waiting is not None:
            self._waiting.cancel()


def deadline_of(exchange: Exchange) -> Deadline:
    """When the answer to an exchange has to be over."""
    gateway = exchange.gateway
    deadline = Deadline(
        exchange.scope,
        platform=gateway.settings.platform,
        limit=gateway.settings.answer_timeout,
        clock=gateway.clock,
    )
    under_way: WeakSet[Deadline] | None = exchange.scope.get(UNDER_WAY_KEY)
    if under_way is not None:
        under_way.add(deadline)
    return deadline


def _of_vercel() -> float | None:
    """The end that Vercel's runtime names for the invocation at hand, in seconds since 1970."""
    try:
        from vercel_runtime import get_deadline  # noqa: PLC0415 (there on Vercel alone)
    except ImportError:
        return None
    end = get_deadline()
    return None if end is None else end.timestamp()
