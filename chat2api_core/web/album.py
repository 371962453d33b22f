"""Several answers to one prompt, side by side, as one.

In: how to ask for one of them, and how many there are to be. Out: their deltas as they come, then
one end with the usage of all. The rules: what came is never lost to what failed beside it; where
nothing came, the first failure is told; all is over within its time, and nothing is left running.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

from chat2api_core.problem import Kind, Problem
from chat2api_core.reply import Reply
from chat2api_core.turn import Delta, Finished, FinishReason, Picture, Started, Usage
from chat2api_core.upstreams.base import Batch

Ask: TypeAlias = Callable[[], Awaitable[Reply]]

_LONGEST_WARNING = 300


class Album:
    """``count`` answers, which are to be over ``seconds`` from now. Iterate it once ``begin`` has
    returned, and close it in any case.

    ``strict``: where only some came, the failure of the others is raised behind them; else
    ``warning`` tells of it and the end is a good one."""

    def __init__(self, ask: Ask, count: int, *, seconds: float, strict: bool) -> None:
        self._ask = ask
        self._count = count
        self._strict = strict
        self._seconds = seconds
        self._end = asyncio.get_running_loop().time() + seconds
        self._news: asyncio.Queue[Batch | asyncio.Task[None]] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._first: Reply | None = None
        self._head: list[Batch] = []
        self._done = 0
        self._drawn = 0
        self._started = False
        self._failures: list[Problem] = []
        self._usage: Usage | None = None
        self._reason: FinishReason = "stop"
        self._over = False
        self.warning = ""

    async def begin(self) -> Reply:
        """The first answer that commits. Raises ``Problem`` where none does."""
        self._tasks = [asyncio.create_task(self._draw()) for _ in range(self._count)]
        for task in self._tasks:
            task.add_done_callback(self._news.put_nowait)
        while self._first is None:
            if self._done == self._count:
                raise self._failures[0]
            await self._hear(self._head)
        return self._first

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        while not self._over:
            if self._head:
                return self._head.pop(0)
            if self._done == self._count:
                return self._finished()
            await self._hear(self._head)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End what is still under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _draw(self) -> None:
        """One of the answers, to its end."""
        reply = await self._ask()
        try:
            self._first = self._first or reply
            async for batch in reply:
                self._news.put_nowait(batch)
        finally:
            await reply.aclose()

    async def _hear(self, out: list[Batch]) -> None:
        """Wait for the next thing that happens. Raises ``Problem`` TIMEOUT."""
        try:
            async with asyncio.timeout_at(self._end):
                news = await self._news.get()
        except TimeoutError:
            missing = max(0, self._count - self._drawn - len(self._failures))
            if missing and (self._strict or not self._drawn):
                raise self._late() from None
            await self.aclose()
            self._failures += [self._late()] * missing
            self._done = self._count
            return
        if isinstance(news, asyncio.Task):
            self._end_of(news)
            return
        batch = [delta for delta in news if self._keeps(delta)]
        if batch:
            out.append(batch)

    def _end_of(self, task: "asyncio.Task[None]") -> None:
        self._done += 1
        error = task.exception()
        if isinstance(error, Problem):
            self._failures.append(error)
        elif error is not None:
            raise error

    def _keeps(self, delta: Delta) -> bool:
        """Whether a delta of one of them goes out as it is."""
        if isinstance(delta, Finished):
            self._usage = _sum(self._usage, delta.usage)
            self._reason = delta.reason
            return False
        if isinstance(delta, Started):
            first, self._started = not self._started, True
            return first
        self._drawn += isinstance(delta, Picture)
        return True

    def _finished(self) -> Batch:
        """The end of all. Raises ``Problem`` where it is no good one."""
        self._over = True
        if self._failures and (self._strict or not self._drawn):
            raise self._worst()
        if self._failures:
            self.warning = self._worst().message[:_LONGEST_WARNING]
        return [Finished(self._reason, usage=self._usage)]

    def _worst(self) -> Problem:
        first = self._failures[0]
        if not self._drawn:
            return first
        message = f"{len(self._failures)} of {self._count} pictures were not made: {first.message}"
        return Problem(
            first.kind, message, step=first.step, retry_after=first.retry_after, spent=True
        )

    def _late(self) -> Problem:
        message = f"The picture was not there after {self._seconds:g} seconds (IMAGE_TIMEOUT)."
        return Problem(Kind.TIMEOUT, message, step="picture", spent=True)


def _sum(one: Usage | None, other: Usage | None) -> Usage | None:
    if one is None or other is None:
        return one or other
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_tokens + other.cached_tokens,
        one.reasoning_tokens + other.reasoning_tokens,
        exact=one.exact and other.exact,
    )
