"""Requests carried through a proxy by httpx, which knows how to speak to each kind of them. Its
transports are used directly: its client would add redirects, a cookie jar and a third of the cost.
"""

import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator

import httpx

from chat2api_core.problem import Step
from chat2api_core.transport.base import (
    KEEPALIVE_SECONDS,
    MAX_CONNECTIONS,
    Content,
    Headers,
    Reply,
)
from chat2api_core.transport.unpack import NotPacked, unpacked

_KNOWN_URLS = 256
_ERRORS = (httpx.HTTPError, httpx.StreamError, TimeoutError, NotPacked)

_log = logging.getLogger("chat2api.transport")


class HttpxRoute:
    """Through a proxy of any kind (SOCKS with socksio)."""

    def __init__(self, proxy: str, tls: ssl.SSLContext, *, connect_timeout: float) -> None:
        self._connect_timeout = connect_timeout
        self._urls: dict[str, httpx.URL] = {}
        self._transport = httpx.AsyncHTTPTransport(
            verify=tls,
            # A proxy behind TLS is checked against the same certificates.
            proxy=httpx.Proxy(proxy, ssl_context=tls if proxy.startswith("https:") else None),
            limits=httpx.Limits(
                max_connections=MAX_CONNECTIONS,
                max_keepalive_connections=MAX_CONNECTIONS,
                keepalive_expiry=KEEPALIVE_SECONDS,
            ),
        )

    async def send(
        self, method: str, url: str, headers: Headers, content: Content, *, step: Step, wait: float
    ) -> Reply:
        """See ``Route``."""
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
            response = await self._transport.handle_async_request(request)
        except _ERRORS as error:
            from chat2api_core.transport import faults  # noqa: PLC0415 (mostly all goes well)

            raise faults.unreachable(
                error,
                step,
                url,
                late=_late(error),
                proxied=True,
                by_proxy=isinstance(error, httpx.ProxyError),
            ) from error
        return HttpxReply(response, step)

    async def aclose(self) -> None:
        """See ``Route``."""
        await self._transport.aclose()

    def _url(self, url: str) -> httpx.URL:
        # Parsing a URL costs more than the rest of a request's head; few distinct ones occur.
        known = self._urls.get(url)
        if known is None:
            if len(self._urls) >= _KNOWN_URLS:
                self._urls.clear()
            known = self._urls[url] = httpx.URL(url)
        return known


class HttpxReply(Reply):
    """An answer that httpx has the head of."""

    __slots__ = ("_chunks", "_response", "status", "step")

    def __init__(self, response: httpx.Response, step: Step) -> None:
        self.status = response.status_code
        self.step: Step = step
        self._response = response
        self._chunks: AsyncIterator[bytes] | None = None

    @property
    def headers(self) -> dict[str, str]:
        """See ``Reply``."""
        return dict(self._response.headers)

    def header(self, name: str) -> str:
        """See ``Reply``."""
        value: str = self._response.headers.get(name, "")
        return value

    @property
    def cookies(self) -> list[str]:
        """See ``Reply``."""
        return self._response.headers.get_list("set-cookie")

    async def chunk(self, step: Step = "stream") -> bytes | None:
        """See ``Reply``."""
        chunks = self._chunks
        if chunks is None:
            chunks = self._chunks = self._begin()
        try:
            return await anext(chunks)
        except StopAsyncIteration:
            return None
        except _ERRORS as error:
            from chat2api_core.transport import faults  # noqa: PLC0415 (the same)

            raise faults.cut(step, late=_late(error)) from error

    async def aclose(self) -> None:
        """See ``Reply``."""
        try:
            if isinstance(self._chunks, AsyncGenerator):
                await self._chunks.aclose()
            await self._response.aclose()
        except _ERRORS as error:
            _log.debug("closing an upstream connection failed: %s", type(error).__name__)

    def _begin(self) -> AsyncIterator[bytes]:
        source = self._response.stream
        assert isinstance(source, httpx.AsyncByteStream)
        packing = self.header("content-encoding")
        return unpacked(source, packing) if packing else aiter(source)


def _late(error: Exception) -> bool:
    return isinstance(error, httpx.TimeoutException | TimeoutError)
