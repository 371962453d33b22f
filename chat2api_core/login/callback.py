"""The little server on this machine that a browser comes back to when it has signed in.

It listens on the loopback interface only, answers one address, and is gone as soon as that was
called or the time is over. Whatever else is sent to it gets a plain 404.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from chat2api_core.problem import Kind, Problem

_LONGEST_HEAD = 16 * 1024  # bytes
_HEAD_TIMEOUT = 10.0  # seconds
_DONE = b"<!DOCTYPE html><title>chat2api</title><p>Signed in. You can close this page."
_NOT = b"<!DOCTYPE html><title>chat2api</title><p>That did not work. See the terminal."


class Callback:
    """What was heard. ``read`` makes a code of the path that a browser asks for, None of one that
    is not meant, or raises ``Problem``. ``port`` is where it listens."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        self.port = 0
        self._read = read
        self._heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def code(self, patience: float) -> str:
        """The code, waited for so many seconds. Raises ``Problem``: TIMEOUT, or what ``read``
        raised."""
        try:
            return await asyncio.wait_for(self._heard, patience)
        except TimeoutError as error:
            message = "The browser did not come back in time. Begin again."
            raise Problem(Kind.TIMEOUT, message, step="auth") from error

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _HEAD_TIMEOUT)
            writer.write(self._answer(head))
            await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            return  # it was no browser, or it has left
        finally:
            writer.close()

    def _answer(self, head: bytes) -> bytes:
        method, _, rest = head.decode("latin-1").partition(" ")
        target = rest.partition(" ")[0]
        try:
            code = self._read(target) if method == "GET" else None
        except Problem as problem:
            if not self._heard.done():
                self._heard.set_exception(problem)
            return _response("400 Bad Request", _NOT)
        if code is None:
            return _response("404 Not Found", b"")
        if not self._heard.done():
            self._heard.set_result(code)
        return _response("200 OK", _DONE)


def _response(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n"
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def listening(port: int, read: Callable[[str], str | None]) -> AsyncIterator[Callback]:
    """Listen on this port of the loopback interface, 0 for a free one. Raises ``OSError`` where it
    is taken."""
    callback = Callback(read)
    server = await asyncio.start_server(
        callback.serve, "127.0.0.1", port, limit=_LONGEST_HEAD, reuse_address=True
    )
    callback.port = server.sockets[0].getsockname()[1]
    try:
        yield callback
    finally:
        server.close()
