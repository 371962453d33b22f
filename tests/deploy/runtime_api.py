"""Lambda's side of a function: the Runtime API of an execution environment.

It hands an event to whatever runtime asks for one and passes on what that answers, part by part. A
runtime that speaks out of turn fails loudly: the Runtime API answers it 400 and records why.
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TypeAlias

import h11
import msgspec

from tests.deploy.wire import Wire, listening


@dataclass(frozen=True)
class Begun:
    """The response has begun; its headers, names in lower case."""

    headers: dict[str, str]

    @property
    def streamed(self) -> bool:
        return self.headers.get("lambda-runtime-function-response-mode") == "streaming"


@dataclass(frozen=True)
class Ended:
    """The response is over; its trailers tell whether it failed in the middle."""

    trailers: dict[str, str]


@dataclass(frozen=True)
class Failed:
    """No response: what the runtime reported instead."""

    type: str
    message: str


Part: TypeAlias = Begun | bytes | Ended | Failed


@dataclass
class Invocation:
    """One event on its way to a runtime, and what comes back."""

    event: bytes
    seconds: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    parts: "asyncio.Queue[Part]" = field(default_factory=asyncio.Queue)

    async def until_the_end(self) -> AsyncIterator[Part]:
        """Everything that comes back."""
        over = False
        while not over:
            part = await self.parts.get()
            over = isinstance(part, Ended | Failed)
            yield part


class RuntimeApi:
    """``async with RuntimeApi() as api``; ``api.address`` is for AWS_LAMBDA_RUNTIME_API."""

    def __init__(self) -> None:
        self.address = ""
        self.ready = asyncio.Event()  # a runtime has asked for its first event, or given up
        self.idle = asyncio.Event()  # it has asked for the next one
        self.init_error: Failed | None = None
        self.complaints: list[str] = []
        self._queue: asyncio.Queue[Invocation] = asyncio.Queue()
        self._current: Invocation | None = None
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "RuntimeApi":
        port = await self._stack.enter_async_context(listening(self._serve))
        self.address = f"127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def invoke(self, event: bytes, *, seconds: float = 60.0) -> Invocation:
        """Put an event in front of the runtime. Lambda would end it after so many seconds."""
        invocation = Invocation(event, seconds)
        self._queue.put_nowait(invocation)
        return invocation

    def crashed(self) -> None:
        """The runtime's process has ended."""
        self.ready.set()
        if self._current is not None:
            self._current.parts.put_nowait(Failed("Runtime.ExitError", "the process has ended"))

    async def _serve(self, wire: Wire, request: h11.Request) -> None:
        headers = {name.decode(): value.decode() for name, value in request.headers}
        *_, who, verb = request.target.decode().split("/")
        if verb == "next":
            await self._next(wire)
        elif verb == "response" and self._current is not None and who == self._current.id:
            await self._response(wire, headers, self._current)
        elif verb == "error":
            await self._error(wire, who)
        else:
            self.complaints.append(f"{request.method!r} {request.target!r} is out of turn")
            await wire.whole_body()
            await wire.answer(400)

    async def _next(self, wire: Wire) -> None:
        await wire.whole_body()
        self._current = None
        self.ready.set()
        self.idle.set()
        invocation = await self._queue.get()
        self.idle.clear()
        self._current = invocation
        told = {
            "Lambda-Runtime-Aws-Request-Id": invocation.id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + invocation.seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:1:function:chat2api",
            "Lambda-Runtime-Trace-Id": "Root=1-0-0",
            "Lambda-Runtime-Invocation-Id": f"run-of-{invocation.id}",
            "Content-Type": "application/json",
        }
        pairs = [(name.encode(), value.encode()) for name, value in told.items()]
        await wire.answer(200, invocation.event, pairs)

    async def _response(self, wire: Wire, headers: dict[str, str], invocation: Invocation) -> None:
        invocation.parts.put_nowait(Begun(headers))
        try:
            async for part in wire.body():
                invocation.parts.put_nowait(part)
        except ConnectionError:
            invocation.parts.put_nowait(Failed("Runtime.TruncatedResponse", "cut off"))
            raise
        trailers = {name.decode(): value.decode() for name, value in wire.trailers}
        invocation.parts.put_nowait(Ended(trailers))
        await wire.answer(202, b'{"status":"OK"}')

    async def _error(self, wire: Wire, who: str) -> None:
        told = msgspec.json.decode(await wire.whole_body(), type=dict[str, object])
        failed = Failed(str(told["errorType"]), str(told["errorMessage"]))
        if who == "init":
            self.init_error = failed
            self.ready.set()
        elif self._current is not None and who == self._current.id:
            self._current.parts.put_nowait(failed)
        await wire.answer(202, b'{"status":"OK"}')
