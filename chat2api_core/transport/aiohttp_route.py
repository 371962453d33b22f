"""Requests carried by aiohttp, whose parser is compiled: the way for a server with many at once."""

import ssl
from functools import lru_cache, partial
from io import BytesIO

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from chat2api_core.problem import Step
from chat2api_core.transport import faults
from chat2api_core.transport.base import (
    KEEPALIVE_SECONDS,
    KNOWN_URLS,
    MAX_CONNECTIONS,
    Content,
    Headers,
    Reply,
)

_MUCH = 512 * 1024  # bytes
# Bytes of a body that are handed out at once. After a slow client has let it wait, much more may be
# there: all of it together would take the memory, and everybody else's time.
_AT_ONCE = 64 * 1024
_LONGEST_HEADER = 64 * 1024  # bytes: cookies of a challenge page are long
_ERRORS = (aiohttp.ClientError, TimeoutError)
# What aiohttp would say of itself.
_OWN_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class AiohttpRoute:
    """Direct, or through an HTTP proxy."""

    def __init__(self, proxy: str, tls: ssl.SSLContext, *, connect_timeout: float) -> None:
        self._proxy = proxy or None
        self._tls = tls
        self._connect_timeout = connect_timeout
        self._session: aiohttp.ClientSession | None = None
        self._url = lru_cache(KNOWN_URLS)(partial(URL, encoded=True))
        self._timeouts: dict[float, aiohttp.ClientTimeout] = {}

    async def send(
        self, method: str, url: str, headers: Headers, content: Content, *, step: Step, wait: float
    ) -> Reply:
        """See ``Route``."""
        session = self._session or self._open()
        try:
            response = await session.request(
                method,
                self._url(url),
                headers=CIMultiDict(
                    [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
                ),
                data=_data(content),
                allow_redirects=False,
                proxy=self._proxy,
                timeout=self._timeouts.get(wait) or self._timeout(wait),
            )
        except _ERRORS as error:
            raise faults.unreachable(
                error,
                step,
                url,
                late=isinstance(error, TimeoutError),
                proxied=self._proxy is not None,
                by_proxy=isinstance(
                    error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError
                ),
            ) from error
        return AiohttpReply(response, step)

    async def aclose(self) -> None:
        """See ``Route``."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=self._tls, limit=MAX_CONNECTIONS, keepalive_timeout=KEEPALIVE_SECONDS
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),  # the default one would mix all accounts' cookies
            skip_auto_headers=_OWN_HEADERS,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )
        return self._session

    def _timeout(self, wait: float) -> aiohttp.ClientTimeout:
        if len(self._timeouts) >= KNOWN_URLS:
            self._timeouts.clear()
        timeout = aiohttp.ClientTimeout(
            total=None, connect=None, sock_connect=self._connect_timeout, sock_read=wait
        )
        self._timeouts[wait] = timeout
        return timeout


def _data(content: Content) -> BytesIO | Content | None:
    """Much is sent in pieces: in one write it would hold up everybody else."""
    if isinstance(content, bytes) and len(content) > _MUCH:
        return BytesIO(content)
    return content or None


class AiohttpReply(Reply):
    """An answer that aiohttp has the head of."""

    __slots__ = ("_response", "status", "step")

    def __init__(self, response: aiohttp.ClientResponse, step: Step) -> None:
        self.status = response.status
        self.step: Step = step
        self._response = response

    @property
    def headers(self) -> dict[str, str]:
        """See ``Reply``."""
        found: dict[str, str] = {}
        for name, value in self._response.headers.items():
            key = name.lower()
            found[key] = f"{found[key]}, {value}" if key in found else value
        return found

    def header(self, name: str) -> str:
        """See ``Reply``."""
        return ", ".join(self._response.headers.getall(name, ()))

    @property
    def cookies(self) -> list[str]:
        """See ``Reply``."""
        return list(self._response.headers.getall("set-cookie", ()))

    async def chunk(self, step: Step = "stream") -> bytes | None:
        """See ``Reply``."""
        try:
            return await self._response.content.read(_AT_ONCE) or None
        except _ERRORS as error:
            raise faults.cut(step, late=isinstance(error, TimeoutError)) from error

    async def aclose(self) -> None:
        """See ``Reply``."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()
