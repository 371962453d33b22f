"""HTTP towards the upstreams: the only importer of the HTTP client.

One transport lives as long as its process and shares connections between requests; a client for
each request would cost twenty times as much. It speaks to httpx's transports directly, without
``httpx.AsyncClient``: no redirects, no cookie jar, no proxy variables of the environment, so that
nothing is sent that a caller of ``send`` did not write, and no account sees another one's cookies.

Every failure leaves here as a ``Problem`` that names the step and, in plain words, the cause.
"""

import logging
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from functools import cached_property
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import httpx

from chat2api_core.problem import Kind, Problem, Step

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
Backend: TypeAlias = Literal["httpx", "aiohttp"]

_MAX_CONNECTIONS = 1000
_KEEPALIVE_SECONDS = 30.0
_MAX_DOCUMENT = 32 * 1024 * 1024
_KNOWN_URLS = 256

_log = logging.getLogger("chat2api.transport")


class Reply:
    """An answer whose head has arrived. Read it with ``chunk`` or ``read``, then ``aclose`` it."""

    __slots__ = ("_chunks", "_errors", "_response", "_step", "status")

    def __init__(
        self, response: httpx.Response, step: Step, errors: tuple[type[Exception], ...]
    ) -> None:
        self.status = response.status_code
        self._response = response
        self._step: Step = step
        self._errors = errors
        self._chunks: AsyncIterator[bytes] | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Names in lower case; of a repeated header the values joined by commas."""
        return dict(self._response.headers)

    def header(self, name: str) -> str:
        """The value of one header, empty where it is missing."""
        value: str = self._response.headers.get(name, "")
        return value

    @property
    def cookies(self) -> list[str]:
        """The values of every Set-Cookie header."""
        return self._response.headers.get_list("set-cookie")

    async def chunk(self, step: Step = "stream") -> bytes | None:
        """What one read of the network brings of the body; None at its end. Raises ``Problem`` CUT
        or TIMEOUT of that step."""
        chunks = self._chunks
        if chunks is None:
            chunks = self._chunks = self._begin()
        try:
            return await anext(chunks)
        except StopAsyncIteration:
            return None
        except self._errors as error:
            raise _cut(error, step) from error

    async def read(self, limit: int = _MAX_DOCUMENT) -> bytes:
        """The whole body. One larger than ``limit`` bytes raises ``Problem`` GARBAGE."""
        pieces: list[bytes] = []
        size = 0
        while (piece := await self.chunk(self._step)) is not None:
            size += len(piece)
            if size > limit:
                message = f"ChatGPT sent more than {limit} bytes where a short answer was expected."
                raise Problem(Kind.GARBAGE, message, step=self._step)
            pieces.append(piece)
        return b"".join(pieces)

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        try:
            if isinstance(self._chunks, AsyncGenerator):
                await self._chunks.aclose()
            await self._response.aclose()
        except self._errors as error:
            _log.debug("closing an upstream connection failed: %s", type(error).__name__)

    def _begin(self) -> AsyncIterator[bytes]:
        if "content-encoding" in self._response.headers:
            return self._response.aiter_bytes()
        source = self._response.stream
        assert isinstance(source, httpx.AsyncByteStream)
        return aiter(source)


class Transport:
    """Sends requests; keeps one httpx transport for each proxy, made when it is first used.

    ``backend`` is "httpx" (imports fast, slows down with many requests in flight) or "aiohttp"
    (the other way round). Time-outs are seconds: for connecting, and of silence while reading.
    """

    def __init__(self, *, backend: Backend, connect_timeout: float, read_timeout: float) -> None:
        self._backend = backend
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._routes: dict[str, httpx.AsyncBaseTransport] = {}
        self._urls: dict[str, httpx.URL] = {}

    async def send(
        self,
        method: str,
        url: str,
        headers: Headers,
        content: bytes = b"",
        *,
        step: Step,
        proxy: str = "",
        read_timeout: float | None = None,
    ) -> Reply:
        """Send a request and wait for the head of the answer, whatever its status.

        Raises ``Problem`` UNREACHABLE (nothing was asked, asking again is harmless) or TIMEOUT.
        """
        wait = self._read_timeout if read_timeout is None else read_timeout
        connect = self._connect_timeout
        timeout = {"connect": connect, "pool": connect, "write": wait, "read": wait}
        request = httpx.Request(
            method,
            self._url(url),
            headers=list(headers),
            content=content,
            extensions={"timeout": timeout},
        )
        try:
            response = await self._route(proxy).handle_async_request(request)
        except self._errors as error:
            raise _unreachable(error, step, url, proxied=bool(proxy)) from error
        return Reply(response, step, self._errors)

    async def aclose(self) -> None:
        """Close every connection."""
        routes, self._routes = list(self._routes.values()), {}
        for route in routes:
            await route.aclose()

    def _url(self, url: str) -> httpx.URL:
        # Parsing a URL costs more than the rest of a request's head; few distinct ones occur.
        known = self._urls.get(url)
        if known is None:
            if len(self._urls) >= _KNOWN_URLS:
                self._urls.clear()
            known = self._urls[url] = httpx.URL(url)
        return known

    def _route(self, proxy: str) -> httpx.AsyncBaseTransport:
        route = self._routes.get(proxy)
        if route is None:
            # aiohttp has no SOCKS; httpx has, with socksio.
            fast = self._backend == "aiohttp" and not proxy.startswith("socks")
            route = self._aiohttp(proxy) if fast else self._httpx(proxy)
            self._routes[proxy] = route
        return route

    @cached_property
    def _ssl(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()

    @cached_property
    def _errors(self) -> tuple[type[Exception], ...]:
        known: tuple[type[Exception], ...] = (httpx.HTTPError, httpx.StreamError, TimeoutError)
        if self._backend == "aiohttp":
            import aiohttp  # noqa: PLC0415 (only where this backend is chosen)

            known += (aiohttp.ClientError,)
        return known

    def _httpx(self, proxy: str) -> httpx.AsyncBaseTransport:
        return httpx.AsyncHTTPTransport(
            verify=self._ssl,
            proxy=httpx.Proxy(proxy) if proxy else None,
            limits=httpx.Limits(
                max_connections=_MAX_CONNECTIONS,
                max_keepalive_connections=_MAX_CONNECTIONS,
                keepalive_expiry=_KEEPALIVE_SECONDS,
            ),
        )

    def _aiohttp(self, proxy: str) -> httpx.AsyncBaseTransport:
        import aiohttp  # noqa: PLC0415 (only where this backend is chosen)
        from httpx_aiohttp import AiohttpTransport  # noqa: PLC0415

        def session() -> aiohttp.ClientSession:
            connector = aiohttp.TCPConnector(
                ssl=self._ssl, limit=_MAX_CONNECTIONS, keepalive_timeout=_KEEPALIVE_SECONDS
            )
            # Its default jar would mix the cookies of all accounts.
            return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

        return AiohttpTransport(
            verify=self._ssl, proxy=httpx.Proxy(proxy) if proxy else None, client=session
        )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what it came from, and so on; bounded."""
    for _ in range(10):
        if error is None:
            return
        yield error
        inner = getattr(error, "os_error", None)  # aiohttp keeps the socket's error aside
        if isinstance(inner, BaseException):
            yield inner
        error = error.__cause__ or error.__context__


def _timed_out(error: Exception) -> bool:
    if isinstance(error, httpx.TimeoutException):
        # httpx-aiohttp calls every failure to connect a time-out; the cause knows better.
        cause = error.__cause__
        foreign = cause is not None and type(cause).__module__.startswith("aiohttp")
        return not foreign or isinstance(cause, TimeoutError)
    return isinstance(error, TimeoutError)


_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "its name could not be resolved (DNS)"),
    (ssl.SSLCertVerificationError, "its TLS certificate is not trusted"),
    (ssl.SSLError, "the TLS handshake failed"),
    (ConnectionRefusedError, "the connection was refused"),
    (ConnectionResetError, "the connection was reset"),
)


def _unreachable(error: Exception, step: Step, url: str, *, proxied: bool) -> Problem:
    host = urlsplit(url).hostname or "the upstream"
    if _timed_out(error):
        message = f"{host} did not answer in time (step {step})."
        return Problem(Kind.TIMEOUT, message, step=step)
    causes = list(_causes(error))
    for kind, words in _REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            reason = words
            break
    else:
        reason = "the connection ended before an answer came"
    if isinstance(error, httpx.ProxyError):
        reason = "the proxy did not let the connection through"
    through = " through the proxy" if proxied else ""
    message = f"Could not reach {host}{through}: {reason} (step {step})."
    return Problem(Kind.UNREACHABLE, message, step=step)


def _cut(error: Exception, step: Step) -> Problem:
    if _timed_out(error):
        message = "ChatGPT fell silent in the middle of an answer."
        return Problem(Kind.TIMEOUT, message, step=step)
    message = "The connection to ChatGPT broke in the middle of an answer."
    return Problem(Kind.CUT, message, step=step)
