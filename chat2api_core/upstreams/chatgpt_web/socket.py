"""The WebSocket that an answer is handed over to, as a body like any other: bytes of SSE text.

In:   where it is, what to subscribe to. Out: ``chunk`` by ``chunk`` the stream's text, None at its
end. The one rule: it is opened when it is first read and gone when it is closed; a connection that
breaks is replaced a bounded number of times, and nothing of the answer is lost or doubled by it.

The client library is imported here only, and only when an answer really is handed over.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web.headers import origin_of
from chat2api_core.upstreams.chatgpt_web.site import Site
from chat2api_core.upstreams.chatgpt_web.topics import Subscription

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

_ADDRESS = "/celsius/ws/user"
_PING = 25.0  # seconds between two pings
_PONG = 60.0  # seconds until one must be answered
_OPEN = 15.0  # seconds for the connection and its handshake
_FAREWELL = 0.5  # seconds for a good end; what is closed is not waited for
_FRAME = 16 * 1024 * 1024  # bytes; the catch-ups of a long answer come in one frame
_RECONNECTS = 3
_PAUSE = 0.3  # seconds before a broken connection is replaced

_log = logging.getLogger("chat2api.chatgpt_web")


class Dialling(Struct, frozen=True):
    """How a connection is made. ``address`` asks ChatGPT for a WebSocket's URL, which is good for
    one connection; ``proxy`` is a URL, empty for none; ``silence`` is the time in seconds that the
    server may say nothing."""

    address: Callable[[], Awaitable[str]]
    origin: str
    agent: str
    tls: Callable[[], ssl.SSLContext]
    proxy: str = ""
    silence: float = 120.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Socket:
    """The rest of an answer. ``chunk`` raises ``Problem``: HANDOFF if no connection can be made,
    TIMEOUT after too long a silence, CUT if the connection keeps breaking."""

    def __init__(self, dialling: Dialling, subscription: Subscription) -> None:
        self._dialling = dialling
        self._subscription = subscription
        self._connection: ClientConnection | None = None
        self._reconnects = _RECONNECTS

    async def chunk(self) -> bytes | None:
        """The next piece of the stream's text; None when no more comes."""
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415 (see the head)

        while not self._subscription.done:
            try:
                text = await self._receive()
            except ConnectionClosed as error:
                self._connection = None
                if self._reconnects == 0:
                    raise _broken() from error
                self._reconnects -= 1
                await self._dialling.sleep(_PAUSE)
                continue
            pieces = self._subscription.feed(text)
            if pieces:
                return b"".join(pieces)
        return None

    async def aclose(self) -> None:
        """Leave. Harmless when it was never opened or has ended."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            async with asyncio.timeout(_FAREWELL):
                with contextlib.suppress(OSError, RuntimeError):  # it may be gone already
                    await _tell(connection, self._subscription.farewell())
                await connection.close()
        except TimeoutError:
            connection.transport.abort()

    async def _receive(self) -> str | bytes:
        connection = self._connection
        if connection is None:
            connection = self._connection = await self._connect()
            for frame in self._subscription.hello():
                await connection.send(frame)
        try:
            async with asyncio.timeout(self._dialling.silence):
                return await connection.recv()
        except TimeoutError as error:
            message = "ChatGPT fell silent in the middle of an answer."
            raise Problem(Kind.TIMEOUT, message, step="stream") from error

    async def _connect(self) -> "ClientConnection":
        from websockets.asyncio.client import connect  # noqa: PLC0415 (see the head)
        from websockets.exceptions import InvalidHandshake, InvalidProxy, InvalidURI  # noqa: PLC0415
        from websockets.typing import Origin  # noqa: PLC0415

        dialling = self._dialling
        url = await dialling.address()
        secure = url.startswith("wss://")
        try:
            return await connect(
                url,
                origin=Origin(dialling.origin),
                user_agent_header=dialling.agent,
                proxy=dialling.proxy or None,
                ssl=dialling.tls() if secure else None,
                open_timeout=_OPEN,
                ping_interval=_PING,
                ping_timeout=_PONG,
                close_timeout=_FAREWELL,
                max_size=_FRAME,
            )
        except (InvalidHandshake, InvalidProxy, InvalidURI, OSError, EOFError) as error:
            raise _unopened(type(error).__name__) from error
        except ImportError as error:
            raise _unopened("a SOCKS proxy needs the package python-socks") from error


def dial(
    site: Site, topic: str, conversation_id: str, *, sleep: Callable[[float], Awaitable[None]]
) -> Socket:
    """The socket of an account, at a topic. Raises ``Problem`` (HANDOFF) where there is none."""
    if not site.identity.access_token:
        raise _unopened("it takes a login")

    async def address() -> str:
        try:
            body = await site.get(_ADDRESS, step="stream")
        except Problem as problem:
            raise _unopened(f"its address was refused: {problem.code}") from problem
        return read_address(body, secure=site.base_url.startswith("https:"))

    dialling = Dialling(
        address=address,
        origin=origin_of(site.base_url),
        agent=site.identity.user_agent,
        tls=lambda: site.tls,
        proxy=site.proxy,
        sleep=sleep,
    )
    return Socket(dialling, Subscription(topic, conversation_id))


def read_address(body: bytes, *, secure: bool) -> str:
    """The WebSocket's URL. ``secure``: nothing but TLS will do. Raises ``Problem`` (HANDOFF)."""
    try:
        url = msgspec.json.decode(body, type=_Address).websocket_url
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unopened("its address is not readable") from error
    if url.startswith("wss://") or (url.startswith("ws://") and not secure):
        return url
    raise _unopened("its address is not one")


class _Address(Struct):
    websocket_url: str


async def _tell(connection: "ClientConnection", text: str) -> None:
    from websockets.exceptions import ConnectionClosed  # noqa: PLC0415 (see the head)

    with contextlib.suppress(ConnectionClosed):
        await connection.send(text)


def _unopened(why: str) -> Problem:
    message = f"ChatGPT handed the answer over to a WebSocket that could not be opened ({why})."
    return Problem(Kind.HANDOFF, message, step="stream")


def _broken() -> Problem:
    message = "The WebSocket to ChatGPT broke in the middle of an answer."
    return Problem(Kind.CUT, message, step="stream")
