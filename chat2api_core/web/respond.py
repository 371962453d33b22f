"""Sending an answer: as one document, or as a stream that commits with its first delta.

A stream's head goes out with the first deltas, so that a failure before them is still a plain HTTP
error. It waits a second for them, no longer: then a comment goes out, and one again whenever there
is a long silence. Such a heartbeat commits to a stream, not to success: another account may still
be asked. After the head a failure is the dialect's in-stream error, never a success marker. Nothing
is raised out of here: under Mangum that would turn what was sent into a bare 500.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Protocol

from chat2api_core.dialects.base import Encoder
from chat2api_core.problem import Kind, Problem, forget_frames
from chat2api_core.reply import Reply
from chat2api_core.turn import Finished
from chat2api_core.web.deadline import Deadline
from chat2api_core.web.exchange import ClientGone, Exchange

_SSE = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
)
_KEEP_ALIVE = b": keep-alive\n\n"
_FIRST_BEAT = 0.75  # seconds: within one, the client has heard that its request was accepted
_CLOSE_ENOUGH = 0.01  # seconds: timers may fire a little early

# A scope holds this where the answer reaches nobody before it is whole.
BUFFERED_KEY = "chat2api.buffered"

_log = logging.getLogger("chat2api.respond")


class WhileConnected:
    """``async with`` it: the body is cancelled at once when the client hangs up, and that is all
    that happens; ``gone`` then tells. Costs one task for a request, nothing for an event."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._over = False
        self.gone = False

    async def __aenter__(self) -> None:
        body = asyncio.current_task()
        assert body is not None
        self._body = body
        self._cancelled_before = body.cancelling()
        self._watcher = asyncio.create_task(self._exchange.gone())
        self._watcher.add_done_callback(self._hang_up)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self._over = True
        # Only a cancellation of ours is ended here; one of the server's goes on.
        ours = self.gone and self._body.uncancel() <= self._cancelled_before
        self._watcher.cancel()
        await asyncio.wait((self._watcher,))
        return ours and kind is not None and issubclass(kind, asyncio.CancelledError)

    def _hang_up(self, watcher: asyncio.Task[None]) -> None:
        # Servers report the end of the answer itself as a disconnection, too.
        if not (watcher.cancelled() or self._over or self._exchange.complete):
            self.gone = True
            self._body.cancel()


class Manner(Protocol):
    """How one request is answered: its dialect, with all that the dialect needs to know."""

    def encoder(self, reply: Reply | None, /) -> Encoder:
        """For the stream of a reply; None where there is only a failure to tell."""
        ...

    def document(self, reply: Reply, /) -> bytes:
        """The whole answer, of a reply that was read to its end."""
        ...

    async def keep(self, reply: Reply, /) -> None:
        """Keep what a later request may go on from, before the last of the answer is sent."""
        ...


class Stream:
    """One streamed answer. ``heartbeat`` is the silence, in seconds, that a comment breaks; 0 lets
    silence be, from the first second on. Where the answer is buffered on its way nobody would hear
    one, and a late failure keeps its status."""

    def __init__(
        self, exchange: Exchange, manner: Manner, heartbeat: float, deadline: Deadline
    ) -> None:
        self._exchange = exchange
        self._deadline = deadline
        self._manner = manner
        self._encoder: Encoder | None = None
        self._heartbeat = 0.0 if exchange.scope.get(BUFFERED_KEY) else heartbeat
        self._loop = asyncio.get_running_loop()
        # When the next beat is due, if all is still until then.
        self._due = self._loop.time() + min(_FIRST_BEAT, heartbeat)
        self._timer: asyncio.TimerHandle | None = None
        self._beating: asyncio.Task[None] | None = None  # a beat under way, or one that failed
        self._started = False
        self._sending = False

    async def run(self, opening: Awaitable[Reply]) -> None:
        """Wait for the answer to commit, then send it to its end. Raises ``ClientGone``."""
        self._arm()
        try:
            await self._relay(opening)
        except ClientGone:
            raise
        except Problem as problem:
            forget_frames(problem)
            await self._fail(problem)
        except Exception as error:  # noqa: BLE001 (the edge: logged, and the stream ends as failed)
            await self._fail(defect(error))
        finally:
            await self._settle()

    async def _relay(self, opening: Awaitable[Reply]) -> None:
        reply = await self._deadline.opening(opening)
        self._exchange.answered(reply.account.key, reply.transcript)
        batches = self._deadline.batches(reply)
        try:
            encoder = self._encoder = self._manner.encoder(reply)
            async for batch in batches:
                over = isinstance(batch[-1], Finished)
                if over:  # before the encoder has said the end: after it no failure can be told
                    await self._manner.keep(reply)
                data = encoder.feed(batch)
                if data or over:
                    await self._send(data, more=not over)
        finally:
            batches.close()
            await reply.aclose()

    async def _send(self, data: bytes, *, more: bool) -> None:
        if self._beating is not None:
            await self._beating
        self._sending = True
        self._exchange.mark("first")
        if not self._started:
            self._started = True
            await self._exchange.start(200, _SSE)
        await self._exchange.piece(data, more=more)
        self._sending = False
        self._due = self._loop.time() + self._heartbeat

    async def _fail(self, problem: Problem) -> None:
        self._exchange.outcome = problem.code
        if self._exchange.complete:
            return  # all had been said: what failed was the tidying up
        if self._started:
            encoder = self._encoder or self._manner.encoder(None)
            await self._send(encoder.fail(problem), more=False)
        else:
            self._sending = True
            await self._exchange.problem(problem)

    async def _settle(self) -> None:
        """Leave no timer and no task behind."""
        if self._timer is not None:
            self._timer.cancel()
        if self._beating is not None:
            self._beating.cancel()
            (outcome,) = await asyncio.gather(self._beating, return_exceptions=True)
            if isinstance(outcome, Exception) and not isinstance(outcome, ClientGone):
                defect(outcome)

    def _arm(self) -> None:
        if self._heartbeat > 0:
            self._timer = self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        if self._exchange.complete:
            return
        now = self._loop.time()
        if self._due - now <= _CLOSE_ENOUGH:
            if not self._sending and self._beating is None:
                self._beating = asyncio.create_task(self._beat(self._started))
                self._started = True
            self._due = now + self._heartbeat
        self._arm()

    async def _beat(self, started: bool) -> None:
        if not started:
            await self._exchange.start(200, _SSE)
        await self._exchange.piece(_KEEP_ALIVE, more=True)
        self._due = self._loop.time() + self._heartbeat
        self._beating = None


async def send_document(
    exchange: Exchange, manner: Manner, deadline: Deadline, opening: Awaitable[Reply]
) -> None:
    """Collect the whole answer, then send it. Raises ``Problem`` before anything was sent."""
    async with collected(exchange, deadline, opening) as reply:
        await manner.keep(reply)
    exchange.mark("first")
    await exchange.document(manner.document(reply))


@asynccontextmanager
async def collected(
    exchange: Exchange, deadline: Deadline, opening: Awaitable[Reply]
) -> AsyncIterator[Reply]:
    """An answer that was read to its end; it is closed when the body is left. Raises ``Problem``
    before the body."""
    reply = await deadline.opening(opening)
    exchange.answered(reply.account.key, reply.transcript)
    batches = deadline.batches(reply)
    try:
        async for _ in batches:
            pass  # the transcript folds it
        yield reply
    finally:
        batches.close()
        await reply.aclose()


def defect(error: Exception) -> Problem:
    """A failure that nobody foresaw: the log has the trace, the caller the bare fact."""
    _log.error("unexpected %s", type(error).__name__, exc_info=error)
    forget_frames(error)
    return Problem(Kind.INTERNAL, "The gateway failed unexpectedly; its log has the details.")
