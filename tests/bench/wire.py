"""A client's end of HTTP/1.1, as cheap as asyncio can do it: it must not be what is measured.

In: whole requests as bytes. Out: for each an ``Answer``. Events are counted by their blank lines
and nothing is parsed but the head. The rule: one request at a time on a connection, which is kept.
"""

import asyncio
import time
from collections.abc import Iterable

_HEAD_END = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"
_EVENT_END = b"\n\n"
# The first token of the emulator's long answers; no request and no head of an answer has it.
FIRST_CONTENT = b"Tok"
# What is kept of a body that is only counted: enough to say what went wrong.
_SHOWN = 300


class Answer:
    """What came back. Times are seconds: ``first`` until the first content, ``gaps`` between two
    network reads of the body (kept on demand)."""

    __slots__ = ("body", "events", "first", "gaps", "status")

    def __init__(self, gaps: list[float] | None) -> None:
        self.status = 0
        self.events = 0
        self.first = 0.0
        self.body = b""
        self.gaps = gaps


class Connection(asyncio.Protocol):
    """One kept connection. ``ask`` sends a request and returns when its answer is complete."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._answer = Answer(None)
        self._head = b""
        self._tail = b""
        self._left: int | None = None  # bytes of the body still to come; None: it comes in chunks
        self._began = 0.0
        self._last = 0.0
        self._whole = False

    async def ask(self, request: bytes, *, whole: bool = False, gaps: bool = False) -> Answer:
        """The answer to a request. ``whole`` keeps its body, ``gaps`` the times between reads.
        Raises ``OSError`` if the connection ends before it."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._answer = Answer([] if gaps else None)
        self._head = self._tail = b""
        self._whole = whole
        self._began = time.perf_counter()
        self._last = 0.0
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("the server closed a connection that was to be kept")
        self._transport.write(request)
        return await self._waiting

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError("the server hung up"))

    def data_received(self, data: bytes) -> None:
        answer = self._answer
        if not answer.status:
            self._head += data
            head, end, data = self._head.partition(_HEAD_END)
            if not end:
                return
            self._begin(head)
        self._body(answer, data)
        if self._over(data):
            waiting = self._waiting
            if waiting is not None and not waiting.done():
                waiting.set_result(answer)

    def _begin(self, head: bytes) -> None:
        line, _, headers = head.partition(b"\r\n")
        self._answer.status = int(line.split(b" ", 2)[1])
        self._left = _content_length(headers.lower().split(b"\r\n"))

    def _body(self, answer: Answer, data: bytes) -> None:
        if not answer.first and FIRST_CONTENT in self._tail + data:
            answer.first = time.perf_counter() - self._began
        if answer.gaps is not None and data:
            now = time.perf_counter()
            if self._last:
                answer.gaps.append(now - self._last)
            self._last = now
        answer.events += (self._tail[-1:] + data).count(_EVENT_END)
        if self._whole or len(answer.body) < _SHOWN:
            answer.body += data
        self._tail = (self._tail + data)[-len(_LAST_CHUNK) :]

    def _over(self, data: bytes) -> bool:
        if self._left is not None:
            self._left -= len(data)
            return self._left <= 0
        return self._tail == _LAST_CHUNK


def _content_length(headers: Iterable[bytes]) -> int | None:
    for header in headers:
        name, _, value = header.partition(b":")
        if name == b"content-length":
            return int(value)
    return None


def request(method: str, path: str, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes:
    """A request as bytes."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"host: 127.0.0.1"]
    lines += [name + b": " + value for name, value in headers]
    lines.append(b"content-length: " + str(len(body)).encode())
    return b"\r\n".join(lines) + _HEAD_END + body
