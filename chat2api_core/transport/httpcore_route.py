"""Requests straight to a server, carried by httpcore, the engine of httpx: what httpx itself adds
would be imported by every cold start and never used."""

import ssl
from collections.abc import AsyncIterable, Iterator
from functools import lru_cache
from string import punctuation
from urllib.parse import quote, urlsplit

import httpcore

from chat2api_core.problem import Step
from chat2api_core.transport.base import (
    KEEPALIVE_SECONDS,
    KNOWN_URLS,
    MAX_CONNECTIONS,
    Content,
    Headers,
    Reply,
)
from chat2api_core.transport.pulled import PulledReply
from chat2api_core.transport.unpack import NotPacked

_LATE = (httpcore.TimeoutException, TimeoutError)
_ERRORS = (
    *_LATE,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)
# Methods whose empty body has to be declared (RFC 9110, section 8.6).
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class HttpcoreRoute:
    """Without a proxy."""

    def __init__(self, tls: ssl.SSLContext, *, connect_timeout: float) -> None:
        self._connect_timeout = connect_timeout
        self._target = lru_cache(KNOWN_URLS)(_parsed)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_SECONDS,
        )

    async def send(
        self, method: str, url: str, headers: Headers, content: Content, *, step: Step, wait: float
    ) -> Reply:
        """See ``Route``."""
        target, host = self._target(url)
        connect = self._connect_timeout
        timeout = {"connect": connect, "pool": connect, "write": wait, "read": wait}
        request = httpcore.Request(
            method,
            target,
            headers=[*_missing(method, host, headers, content), *headers],
            content=content,
            extensions={"timeout": timeout},
        )
        try:
            response = await self._pool.handle_async_request(request)
        except _ERRORS as error:
            from chat2api_core.transport import faults  # noqa: PLC0415 (mostly all goes well)

            raise faults.unreachable(
                error,
                step,
                url,
                late=isinstance(error, _LATE),
                proxied=False,
                by_proxy=False,
            ) from error
        return HttpcoreReply(response, step)

    async def aclose(self) -> None:
        """See ``Route``."""
        await self._pool.aclose()


def _parsed(url: str) -> tuple[httpcore.URL, bytes]:
    """Where to, and what the Host header says: an IPv6 address in brackets, no default port."""
    parts = urlsplit(url)
    # What must not stand in a head is quoted, what is quoted already stays as it is.
    path = quote(f"{parts.path or '/'}{parts.query and '?'}{parts.query}", safe=punctuation)
    name = _ascii(parts.hostname or "")
    target = httpcore.URL(
        scheme=parts.scheme, host=name, port=parts.port, target=path.encode("ascii")
    )
    host = b"[%b]" % name if b":" in name else name
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return target, host if parts.port in {None, usual} else b"%b:%d" % (host, parts.port)


def _ascii(host: str) -> bytes:
    return host.encode("ascii" if host.isascii() else "idna")


def _missing(
    method: str, host: bytes, headers: Headers, content: Content
) -> Iterator[tuple[bytes, bytes]]:
    """What a request has to say beside what its sender wrote: for whom it is, and where it ends."""
    written = {name.lower() for name, _ in headers}
    if b"host" not in written:
        yield b"host", host
    if b"content-length" in written:
        return
    if not isinstance(content, bytes):
        yield b"transfer-encoding", b"chunked"
    elif content or method in _WITH_BODY:
        yield b"content-length", b"%d" % len(content)


class HttpcoreReply(PulledReply):
    """An answer that httpcore has the head of."""

    __slots__ = ("_response",)

    errors = (*_ERRORS, NotPacked)
    late = _LATE

    def __init__(self, response: httpcore.Response, step: Step) -> None:
        super().__init__(response.status, step)
        self._response = response

    @property
    def headers(self) -> dict[str, str]:
        """See ``Reply``."""
        names = dict.fromkeys(name.lower().decode("latin-1") for name, _ in self._response.headers)
        return {name: self.header(name) for name in names}

    def header(self, name: str) -> str:
        """See ``Reply``."""
        return ", ".join(self._values(name.lower().encode("latin-1")))

    @property
    def cookies(self) -> list[str]:
        """See ``Reply``."""
        return self._values(b"set-cookie")

    def _values(self, wanted: bytes) -> list[str]:
        return [
            value.decode("latin-1")
            for name, value in self._response.headers
            if name.lower() == wanted
        ]

    def _body(self) -> AsyncIterable[bytes]:
        source = self._response.stream
        assert isinstance(source, AsyncIterable)
        return source

    async def _release(self) -> None:
        await self._response.aclose()
