"""Work done side by side: several waits at once, long computing beside everybody else's, and what
goes on although the one who waits for it is cancelled."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

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


async def unbroken(
    work: Coroutine[Any, Any, _T], undo: Callable[[_T], Awaitable[object]] | None = None
) -> _T:
    """The result of work that is done to its end, such as a word to a store. Who is cancelled
    meanwhile is so when it is done, and ``undo`` gets the result that nobody is left to have."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        if not task.cancelled() and task.exception() is None and undo is not None:
            await undo(task.result())
        raise
