"""HTTP/1.1 on asyncio streams, parsed by h11: a strict and foreign reader of what we write."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TypeVar

import h11

T = TypeVar("T")

Pairs = list[tuple[bytes, bytes]]
Serve = Callable[["Wire", h11.Request], Awaitable[None]]


class Wire:
    """One end of a connection."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        role: "type[h11.CLIENT] | type[h11.SERVER]",
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.h11 = h11.Connection(role, max_incomplete_event_size=1 << 20)
        self.trailers: Pairs = []

    @property
    def peer(self) -> str:
        """The address at the other end."""
        address: str = self.writer.get_extra_info("peername")[0]
        return address

    async def next(self) -> h11.Event | type[h11.PAUSED]:
        """The next event from the other end."""
        while True:
            event = self.h11.next_event()
            if event is not h11.NEED_DATA:
                assert not isinstance(event, type) or event is h11.PAUSED
                return event
            if self.h11.they_are_waiting_for_100_continue:
                await self.send(h11.InformationalResponse(status_code=100, headers=[]))
            self.h11.receive_data(await self.reader.read(1 << 16))

    async def body(self) -> AsyncIterator[bytes]:
        """The parts of the body at hand; ``trailers`` holds what followed it."""
        while not isinstance(event := await self.next(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            else:
                raise ConnectionResetError(f"{event} in a body")
        self.trailers = list(event.headers)

    async def whole_body(self) -> bytes:
        """The body at hand, collected."""
        return b"".join([part async for part in self.body()])

    async def send(self, *events: h11.Event) -> None:
        """Write and flush."""
        for event in events:
            self.writer.write(self.h11.send(event) or b"")
        await self.writer.drain()

    async def answer(self, status: int, body: bytes = b"", headers: Pairs | None = None) -> None:
        """Send a whole response."""
        head = [*(headers or []), (b"content-length", str(len(body)).encode())]
        parts: list[h11.Event] = [h11.Response(status_code=status, headers=head)]
        if body:
            parts.append(h11.Data(data=body))
        await self.send(*parts, h11.EndOfMessage())

    async def hung_up(self) -> None:
        """Return when the other end closes the connection. Call it when nothing more may come."""
        await self.reader.read(1)


@contextlib.asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """Serve requests on a free port; its number. A connection may carry several."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer, h11.SERVER)
        with contextlib.suppress(ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
            while isinstance(request := await wire.next(), h11.Request):
                await serve(wire, request)
                if wire.h11.our_state is not h11.DONE or wire.h11.their_state is not h11.DONE:
                    break
                wire.h11.start_next_cycle()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@contextlib.contextmanager
def in_background(manager: contextlib.AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Enter an asynchronous context in a thread with a loop of its own, for as long as needed."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def end() -> None:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    try:
        entered = asyncio.run_coroutine_threadsafe(manager.__aenter__(), loop).result(120)
        try:
            yield entered
        finally:
            closing = manager.__aexit__(None, None, None)
            asyncio.run_coroutine_threadsafe(_awaited(closing), loop).result(60)
            asyncio.run_coroutine_threadsafe(end(), loop).result(60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _awaited(what: Awaitable[T]) -> T:
    return await what
