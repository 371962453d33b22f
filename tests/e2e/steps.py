"""Counting the steps of a request, to break it off at any one of them.

A step is a place where a task gives way to others. A task inherits from who made it whether its
steps count (``ours``): those of the upstream's side do not.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any

ours: ContextVar[bool] = ContextVar("ours", default=True)


class Steps:
    """Counts how often any task of ours gives way, and calls ``reached`` at step number ``at``."""

    def __init__(self, at: int = 0, reached: Callable[[], object] = lambda: None) -> None:
        self.at = at
        self.reached = reached
        self.taken = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Within it, for every task that is made."""
        loop = asyncio.get_running_loop()
        loop.set_task_factory(self._task)
        try:
            yield
        finally:
            loop.set_task_factory(None)

    def _task(
        self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any
    ) -> "asyncio.Task[Any]":
        if ours.get() and asyncio.iscoroutine(work):
            work = _Stepped(work, self)
        return asyncio.Task(work, loop=loop, **options)

    def take(self) -> None:
        self.taken += 1
        if self.taken == self.at:
            self.reached()


class _Stepped(Coroutine[Any, Any, Any]):
    """A coroutine each of whose waits is a step."""

    def __init__(self, work: Any, steps: Steps) -> None:
        self._work = work
        self._steps = steps
        self.__qualname__ = getattr(work, "__qualname__", "?")

    def send(self, value: Any, /) -> Any:
        waited_for = self._work.send(value)
        self._steps.take()
        return waited_for

    def throw(
        self,
        kind: Any,
        value: BaseException | object = None,
        trace: TracebackType | None = None,
        /,
    ) -> Any:
        waited_for = self._work.throw(kind) if value is None else self._work.throw(value)
        self._steps.take()
        return waited_for

    def close(self) -> None:
        self._work.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        result: Any = yield from self._work.__await__()
        return result
