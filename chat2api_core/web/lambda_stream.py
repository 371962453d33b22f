"""A runtime for Lambda that streams: ``python -m chat2api_core.web.lambda_stream api.index.app``.

Lambda's own Python runtime sends an answer when it is whole. This loop takes its place, started by
the wrapper script that AWS_LAMBDA_EXEC_WRAPPER names. In: invocations from the Runtime API. Out:
what the ASGI application sends, as it sends it. The one rule: every invocation gets one response or
one reported failure, before its deadline, and nothing runs on after it: the environment is frozen
then.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from importlib import import_module
from typing import cast

from starlette.types import ASGIApp, Message

from chat2api_core.ambient import Clock, SystemClock
from chat2api_core.web.lambda_event import Request, Unreadable, prelude, read_event
from chat2api_core.web.runtime_api import Failure, Invocation, RuntimeApi, StreamedReply

_LAST_WORDS = 1.0  # seconds before the deadline at which an application that hangs is given up
_USAGE = 2

_log = logging.getLogger("chat2api.lambda")


class Runtime:
    """Serves ``app``, one invocation after the other, as Lambda hands them out."""

    def __init__(self, app: ASGIApp, api: RuntimeApi, *, clock: Clock) -> None:
        self._app = app
        self._api = api
        self._clock = clock

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until told to stop. Raises ``OSError`` where the Runtime API is gone."""
        async with _lifespan(self._app):
            stopping = asyncio.create_task(stop.wait())
            try:
                while not stop.is_set():
                    await self._serve_next(stopping)
            finally:
                stopping.cancel()

    async def _serve_next(self, stopping: asyncio.Task[bool]) -> None:
        waiting = asyncio.create_task(self._api.next())
        await asyncio.wait((waiting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            await self.answer(waiting.result())
        else:
            waiting.cancel()

    async def answer(self, invocation: Invocation) -> None:
        """Answer one invocation, whatever comes. Raises ``OSError`` where the API is gone."""
        try:
            request = read_event(invocation.event, deadline=invocation.deadline)
        except Unreadable as error:
            await self._api.fail(invocation, Failure("UnreadableEvent", str(error)))
            return
        seconds = None
        if invocation.deadline is not None:
            seconds = max(0.0, invocation.deadline - _LAST_WORDS - self._clock.now())
        cycle = Cycle(self._api, invocation, request)
        failure = await self._run(cycle, request, seconds)
        try:
            await cycle.close(failure)
        except OSError as error:
            # The response is lost; if the API is gone with it, the next call says so.
            _log.warning("the response was not taken: %s", type(error).__name__)

    async def _run(self, cycle: "Cycle", request: Request, seconds: float | None) -> Failure:
        """Run the application. Returns what to report if it did not end its answer."""
        try:
            async with asyncio.timeout(seconds) as limit:
                await self._app(request.scope, cycle.receive, cycle.send)
        except Exception as error:  # noqa: BLE001 (the edge: logged with its trace, and reported)
            if limit.expired():
                return Failure("Timeout", "The application did not end its answer in time.")
            _log.error("unexpected %s", type(error).__name__, exc_info=error)
            return Failure(type(error).__name__, "The application failed; its log has the details.")
        return Failure("Incomplete", "The application did not end its answer.")


class Cycle:
    """One request through an ASGI application: its ``receive`` and ``send``.

    The head waits for the first part of the body, so that an application that fails in between can
    still be reported as failed. A client that hangs up is not reported by Lambda: the answer is
    made to its end."""

    def __init__(self, api: RuntimeApi, invocation: Invocation, request: Request) -> None:
        self._api = api
        self._invocation = invocation
        self._request = request
        self._asked = False
        self._head: bytes | None = None
        self._reply: StreamedReply | None = None
        self._ended = False
        self._over = asyncio.Event()

    async def receive(self) -> Message:
        """The whole body; after it, the end of the answer or of whoever takes it."""
        if self._asked:
            await self._over.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": self._request.body, "more_body": False}

    async def send(self, message: Message) -> None:
        """Take a message of the application. Raises ``OSError`` where nobody takes it further."""
        if message["type"] == "http.response.start" and self._head is None:
            headers = message.get("headers", ())
            self._head = prelude(message["status"], headers, self._request.door)
        elif message["type"] == "http.response.body" and self._head is not None and not self._ended:
            await self._send(self._head, message.get("body", b""), message.get("more_body", False))
        else:
            raise RuntimeError(f"{message['type']} is out of order")

    async def close(self, failure: Failure) -> None:
        """Report the failure if the answer was not ended. Raises ``OSError``."""
        if not self._ended and self._reply is None:
            await self._api.fail(self._invocation, failure)
        elif not self._ended and self._reply is not None:
            await self._reply.fail(failure)

    async def _send(self, head: bytes, body: bytes, more: bool) -> None:
        try:
            if self._reply is None:
                self._reply = await self._api.reply(self._invocation)
                body = head + body  # in one chunk: they belong together
            await self._reply.write(body)
            if not more:
                self._ended = True
                await self._reply.end()
        except OSError:
            self._over.set()
            raise
        if not more:
            self._over.set()


@contextlib.asynccontextmanager
async def _lifespan(app: ASGIApp) -> AsyncIterator[None]:
    """Start the application before the first invocation and end it after the last, once each."""
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
    task = asyncio.ensure_future(app(scope, inbox.get, outbox.put))

    async def tell(kind: str) -> None:
        """Send a message and wait for its reply, or for the end of an application without one."""
        await inbox.put({"type": f"lifespan.{kind}"})
        reply = asyncio.ensure_future(outbox.get())
        await asyncio.wait((task, reply), return_when=asyncio.FIRST_COMPLETED)
        reply.cancel()

    await tell("startup")
    try:
        yield
    finally:
        await tell("shutdown")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _main(app: str, early: Sequence[str], address: str) -> int:
    """Run the loop. ``early`` are modules to import before the first invocation: an environment
    starts with a whole processor, and answers with the share that its memory buys."""
    api = RuntimeApi(address)
    try:
        module, _, name = app.rpartition(".")
        loaded = cast(ASGIApp, getattr(import_module(module), name))
        for other in early:
            import_module(other)
    except Exception as error:  # noqa: BLE001 (the edge: logged with its trace, and reported)
        _log.error("the application cannot be loaded", exc_info=error)
        await api.fail_init(Failure(type(error).__name__, "The application cannot be loaded."))
        return 1
    stop = asyncio.Event()
    # Sent before an environment is shut down, if an extension runs in it.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await Runtime(loaded, api, clock=SystemClock()).serve(stop)
    return 0


def main() -> int:
    """The exit status: 2 outside Lambda, 1 for an application that cannot be loaded."""
    address = os.environ.get("AWS_LAMBDA_RUNTIME_API", "")
    if not address or len(sys.argv) < _USAGE:
        usage = "usage: python -m chat2api_core.web.lambda_stream APP [MODULE...], inside Lambda"
        print(usage, file=sys.stderr)  # noqa: T201 (a command speaks to its user)
        return _USAGE
    return asyncio.run(_main(sys.argv[1], sys.argv[2:], address))


if __name__ == "__main__":
    sys.exit(main())
