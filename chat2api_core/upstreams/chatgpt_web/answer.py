"""An answer of the ChatGPT web backend: batches of deltas, over as many bodies as it takes.

In: the body that a turn began with. Out: the deltas of one network read at a time. Where a body
ends and the answer does not, its course says which body comes next. The one rule: what a body
brought is handed out before what went wrong with it is said, once, and never taken back.
"""

import asyncio
import logging
from collections.abc import Callable

from chat2api_core.problem import Problem
from chat2api_core.turn import Delta
from chat2api_core.upstreams.base import Batch
from chat2api_core.upstreams.chatgpt_web.course import Body, Course
from chat2api_core.upstreams.chatgpt_web.notice import Limits
from chat2api_core.upstreams.chatgpt_web.reader import Reader
from chat2api_core.wire.sse import SseDecoder

_DRAIN = 0.25  # seconds that the end of a body may take, for the sake of its connection

_log = logging.getLogger("chat2api.chatgpt_web")


class WebAnswer:
    """An answer under way: batches of deltas, one for each network read that brought any.

    ``limits_seen`` is told, when the answer is closed, what the account may still use."""

    def __init__(
        self,
        course: Course,
        reader: Reader,
        body: Body,
        *,
        limits_seen: Callable[[Limits], None] = lambda _: None,
    ) -> None:
        self._limits_seen = limits_seen
        self._course = course
        self._reader = reader
        self._body = body
        self._decoder = SseDecoder()
        self._failure: Problem | None = None
        self._ended = False  # the body has; whether the answer has is the course's to say
        self._broken: Problem | None = None  # how the body ended, if not well
        self._over = False

    def __aiter__(self) -> "WebAnswer":
        return self

    async def __anext__(self) -> Batch:
        while not self._over:
            if self._failure is not None:
                raise self._failure
            deltas = await self._go_on() if self._ended else await self._next()
            if deltas:
                return deltas
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection, or keep it for the next turn if its body is about to end."""
        try:
            if self._over:
                await self._drain()
        finally:
            await self._body.aclose()
            if self._reader.limits:
                self._limits_seen(self._reader.limits)

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(_DRAIN):
                while (chunk := await self._body.chunk()) is not None:
                    self._read(chunk)  # it says what may still be used
        except (Problem, TimeoutError):
            _log.debug("an answer was whole, but its connection could not be kept")

    async def _next(self) -> list[Delta]:
        """The deltas of the next network read."""
        try:
            chunk = await self._body.chunk()
        except Problem as problem:
            self._ended, self._broken = True, problem
            return []
        deltas = self._read(chunk)
        if self._failure is None and (chunk is None or self._reader.finished is not None):
            if self._course.is_over:
                deltas += self._close()
            else:
                self._ended, self._broken = True, None
        return deltas

    async def _go_on(self) -> list[Delta]:
        """Go on with another body, or end the answer. What was read is handed out by now."""
        await self._body.aclose()
        following = await self._course.following(self._broken)
        if following is None:
            return self._close()
        self._ended = False
        self._body = following
        self._decoder = SseDecoder()
        return self._reader.hand_out()

    def _read(self, chunk: bytes | None) -> list[Delta]:
        """The deltas of a chunk. A failure waits until the deltas before it are handed out."""
        deltas: list[Delta] = []
        try:
            events = self._decoder.close() if chunk is None else self._decoder.feed(chunk)
            fresh = self._course.fresh(events)
            if fresh is None:
                self._ended, self._broken = True, None
                return deltas
            for event in fresh:
                deltas += self._reader.feed(event)
        except Problem as problem:
            if not deltas:
                raise
            self._failure = problem
        return deltas

    def _close(self) -> list[Delta]:
        """The last deltas of a good answer."""
        self._over = True
        return self._reader.close()
