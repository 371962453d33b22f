"""Work done side by side: several waits at once, or long computing beside everybody else's."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

_T = TypeVar("_T")

_LARGE = 256 * 1024  # bytes from which on decoding and hashing would hold everybody else up


async def all_of(work: Sequence[Awaitable[_T]]) -> list[_T]:
    """All results, in order. The first failure ends the others and is raised; nothing goes on
    behind anybody's back."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def aside(size: int, work: Callable[[], _T]) -> _T:
    """The result of work on so many bytes: in a thread, if there are many."""
    return await asyncio.to_thread(work) if size > _LARGE else work()
