"""Fetching a caller's URL: the I/O around ``address``.

In: a URL. Out: bytes, their declared type, and a name. The rule: a connection goes to the very
address that was checked, at the first request and after every redirection, whatever the name's
owner answers the next time somebody asks; and everything is bounded: time, size, redirections.

With a proxy (EXPORT_PROXY_URL) names are still looked up and checked here, and the proxy is told
the address, not the name: what it would find under the name is not ours to know. A plain http
request then names the host in its Host header only, which some proxies overwrite; https, where the
name is told inside the tunnel, is not affected.
"""

import asyncio
import ipaddress
import logging
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, urlsplit

import httpcore
from msgspec import Struct

from chat2api_core.fetch.address import (
    Network,
    Place,
    default_port,
    follow,
    is_public,
    read_url,
    refused,
)
from chat2api_core.fetch.pinned import Pinned
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret

if TYPE_CHECKING:
    import ssl

_MOST_HOPS = 5
_MOST_ADDRESSES = 3
_OK = 200
_SOCKS = 1080
_MOVED = frozenset({301, 302, 303, 307, 308})
_VAGUE = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_NAME_EXTENDED = re.compile(r"filename\*\s*=\s*utf-8''([^;\s]+)", re.IGNORECASE)
_NAME_PLAIN = re.compile(r'filename\s*=\s*(?:"([^"]*)"|([^;\s]+))', re.IGNORECASE)

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Name and port to addresses. Raises OSError where there are none."""

_log = logging.getLogger("chat2api.fetch")


class Fetched(Struct, frozen=True):
    """What a URL showed. ``mime`` is as it was declared, in lower case and without parameters;
    ``name`` as the server or the URL has it. Both may be empty or wrong."""

    data: bytes
    mime: str
    name: str


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """As the machine resolves names."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Fetcher:
    """Fetches URLs of up to ``limit`` bytes. ``seconds`` bound a whole fetch, ``connect_timeout``
    each connection. ``trust`` says whose certificates count. ``allowed`` are networks that may be
    reached although they are not public: for tests, which have no public servers; no setting leads
    there."""

    def __init__(
        self,
        *,
        limit: int,
        user_agent: str,
        proxy: Secret | None = None,
        connect_timeout: float = 10.0,
        seconds: float = 60.0,
        resolve: Resolve = system_resolve,
        allowed: Sequence[Network] = (),
        trust: "Callable[[], ssl.SSLContext]" = httpcore.default_ssl_context,
    ) -> None:
        self._limit = limit
        self._user_agent = user_agent
        self._proxy = proxy
        self._connect_timeout = connect_timeout
        self._seconds = seconds
        self._resolve = resolve
        self._allowed = tuple(allowed)
        self._trust = trust

    async def fetch(self, url: str, *, only: str = "") -> Fetched:
        """What is at the URL. ``only`` is the beginning of the types that are wanted ("image/").
        Raises ``Problem``: INVALID_REQUEST for what may not or could not be fetched, TOO_LARGE;
        they show no more of the URL than its host."""
        found = await self._bounded(url, only, pages=True)
        assert found is not None
        return found

    async def fetch_file(self, url: str) -> Fetched | None:
        """The same, but None for a page to be read in a browser, which is not even downloaded."""
        return await self._bounded(url, "", pages=False)

    async def _bounded(self, url: str, only: str, *, pages: bool) -> Fetched | None:
        place = read_url(url)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._fetch(place, only, pages)
        except TimeoutError as error:
            raise refused(f"it took longer than {self._seconds:g} s", place.host) from error

    async def _fetch(self, place: Place, only: str, pages: bool) -> Fetched | None:
        for _ in range(_MOST_HOPS + 1):
            async with self._open(place) as reply:
                headers = _headers(reply)
                location = headers.get("location", "")
                if reply.status in _MOVED and location:
                    place = follow(place, location)
                    continue
                if reply.status != _OK:
                    raise refused(f"it answered with HTTP {reply.status}", place.host)
                mime = headers.get("content-type", "").partition(";")[0].strip().lower()
                if not pages and mime in _PAGES:
                    return None
                if only and not mime.startswith(only) and mime not in _VAGUE:
                    raise refused(f"it is {mime[:60]!a}, not {only.rstrip('/')}", place.host)
                data = await self._read(reply, headers, place)
                return Fetched(data, mime, _name(place, headers))
        raise refused(f"it was redirected more than {_MOST_HOPS} times", place.host)

    async def _read(self, reply: httpcore.Response, headers: dict[str, str], place: Place) -> bytes:
        encoding = headers.get("content-encoding", "").lower()
        if encoding not in ("", "identity"):
            # It was asked for as it is; and a packed body has no size that could be bounded early.
            raise refused(f"it is packed ({encoding[:20]!a}), unasked", place.host)
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._limit:
            raise _too_large(self._limit, place.host)
        pieces: list[bytes] = []
        size = 0
        assert not isinstance(reply.stream, bytes)
        try:
            async for piece in reply.aiter_stream():
                size += len(piece)
                if size > self._limit:
                    raise _too_large(self._limit, place.host)
                pieces.append(piece)
        except _ERRORS as error:
            raise refused("the connection broke while it was read", place.host) from error
        return b"".join(pieces)

    @asynccontextmanager
    async def _open(self, place: Place) -> AsyncIterator[httpcore.Response]:
        """The head of the answer, from the first address that lets us connect."""
        failure: Exception | None = None
        for address in await self._addresses(place):
            pool = self._pool(place, address)
            try:
                try:
                    reply = await pool.handle_async_request(self._request(place, address))
                except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                    failure = error
                    continue
                except _ERRORS as error:
                    raise refused(_why(error), place.host) from error
                try:
                    yield reply
                finally:
                    await reply.aclose()
                return
            finally:
                await pool.aclose()
        _log.info("no connection: %s", type(failure).__name__)
        raise refused("no connection could be made", place.host) from failure

    async def _addresses(self, place: Place) -> list[str]:
        """Where the host may be reached. Raises ``Problem`` if any of its addresses is not a public
        one: who mixes them is up to something."""
        literal = place.ip
        try:
            found = [str(literal)] if literal else await self._resolve(place.host, place.port)
        except (OSError, UnicodeError) as error:
            raise refused("its name could not be resolved", place.host) from error
        for text in found:
            ip = ipaddress.ip_address(text)
            if not is_public(ip) and not any(ip in network for network in self._allowed):
                raise refused("it is not on the public Internet", place.host)
        if self._proxy:  # tunnels and IPv6 literals do not get along with every proxy
            found = [text for text in found if ":" not in text] or found
        return list(found[:_MOST_ADDRESSES])

    def _pool(self, place: Place, address: str) -> httpcore.AsyncConnectionPool:
        """One connection, kept for nobody: what was checked for one name is not used for another.
        Raises ``Problem`` MISCONFIGURED for a proxy that cannot be used."""
        proxy = _proxy(self._proxy) if self._proxy else None
        return httpcore.AsyncConnectionPool(
            ssl_context=self._ssl,
            proxy=proxy,
            max_connections=1,
            max_keepalive_connections=0,
            network_backend=Pinned(address, place.host),
        )

    def _request(self, place: Place, address: str) -> httpcore.Request:
        host = f"[{address}]" if ":" in address and self._proxy else address
        url = httpcore.URL(
            scheme=place.scheme.encode(),
            host=host.encode(),
            port=None if place.port == default_port(place.scheme) else place.port,
            target=place.target.encode(),
        )
        wait = {"connect": self._connect_timeout, "pool": self._connect_timeout}
        headers = [
            (b"host", place.authority.encode()),
            (b"user-agent", self._user_agent.encode()),
            (b"accept", b"*/*"),
            (b"accept-encoding", b"identity"),
            (b"connection", b"close"),
        ]
        return httpcore.Request("GET", url, headers=headers, extensions={"timeout": wait})

    @cached_property
    def _ssl(self) -> "ssl.SSLContext":
        return self._trust()


_ERRORS = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    OSError,
)


def _why(error: Exception) -> str:
    if isinstance(error, httpcore.ProxyError):
        return "the proxy did not let the connection through"
    if isinstance(error, httpcore.ProtocolError):
        return "what answered does not speak proper HTTP"
    return "the connection ended before an answer came"


def _proxy(secret: Secret) -> httpcore.Proxy:
    parts = urlsplit(secret.reveal())
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    scheme = "socks5" if parts.scheme == "socks5h" else parts.scheme
    url = httpcore.URL(
        scheme=scheme.encode(),
        host=(parts.hostname or "").encode(),
        port=parts.port or default_port(scheme) or _SOCKS,
        target=b"/",
    )
    return httpcore.Proxy(url, auth=auth)


def _headers(reply: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): _text(value) for name, value in reply.headers}


def _text(value: bytes) -> str:
    """A header's value. Servers write names and addresses in UTF-8 as they are, for all that they
    should not."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _name(place: Place, headers: dict[str, str]) -> str:
    """The name that the server gives it, else the last part of the path."""
    given = headers.get("content-disposition", "")
    extended = _NAME_EXTENDED.search(given)
    if extended:
        return unquote(extended[1])
    plain = _NAME_PLAIN.search(given)
    if plain:
        return plain[1] or plain[2] or ""
    return unquote(urlsplit(place.target).path.rpartition("/")[2])


def _too_large(limit: int, host: str) -> Problem:
    message = f"The file at {host} is larger than {limit} bytes, the most that is fetched."
    return Problem(Kind.TOO_LARGE, message, step="fetch")
