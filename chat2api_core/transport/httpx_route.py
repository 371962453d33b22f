"""Requests carried through a proxy by httpx, which knows how to speak to each kind of them. Its
transports are used directly: its client would add redirects, a cookie jar and a third of the cost.
"""

import ssl
from collections.abc import AsyncIterable
from functools import lru_cache

import httpx

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

_LATE = (httpx.TimeoutException, TimeoutError)
_ERRORS = (httpx.HTTPError, httpx.StreamError, TimeoutError)


class HttpxRoute:
    """Through a proxy of any kind (SOCKS with socksio)."""

    def __init__(self, proxy: str, tls: ssl.SSLContext, *, connect_timeout: float) -> None:
        self._connect_timeout = connect_timeout
        self._url = lru_cache(KNOWN_URLS)(httpx.URL)
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
                late=isinstance(error, _LATE),
                proxied=True,
                by_proxy=isinstance(error, httpx.ProxyError),
            ) from error
        return HttpxReply(response, step)

    async def aclose(self) -> None:
        """See ``Route``."""
        await self._transport.aclose()


class HttpxReply(PulledReply):
    """An answer that httpx has the head of."""

    __slots__ = ("_response",)

    errors = (*_ERRORS, NotPacked)
    late = _LATE

    def __init__(self, response: httpx.Response, step: Step) -> None:
        super().__init__(response.status_code, step)
        self._response = response

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

    def _body(self) -> AsyncIterable[bytes]:
        source = self._response.stream
        assert isinstance(source, AsyncIterable)
        return source

    async def _release(self) -> None:
        await self._response.aclose()
