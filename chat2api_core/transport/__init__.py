"""HTTP towards the upstreams: the only importer of HTTP clients.

One transport lives as long as its process and shares connections between requests; a client for
each request would cost twenty times as much. It follows no redirects, keeps no cookies and reads no
proxy variables of the environment, so that nothing is sent that a caller of ``send`` did not write,
and no account sees another one's cookies.

Every failure leaves here as a ``Problem`` that names the step and, in plain words, the cause.
"""

import ssl
from functools import cached_property
from typing import Literal, TypeAlias

from chat2api_core.problem import Step
from chat2api_core.transport.base import Content, Headers, Reply, Route

__all__ = ["Backend", "Content", "Headers", "Reply", "Transport"]

Backend: TypeAlias = Literal["httpx", "aiohttp"]
# Proxies that are spoken to without TLS.
_PLAIN = ("http://", "socks")


class Transport:
    """Sends requests; keeps one route for each proxy, with TLS and without, made when first used.

    ``backend`` is "httpx" (imports fast, slows down with many requests in flight) or "aiohttp"
    (the other way round). Time-outs are seconds: for connecting, and of silence while reading.
    """

    def __init__(self, *, backend: Backend, connect_timeout: float, read_timeout: float) -> None:
        self._backend = backend
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._routes: dict[tuple[str, bool], Route] = {}

    async def send(
        self,
        method: str,
        url: str,
        headers: Headers,
        content: Content = b"",
        *,
        step: Step,
        proxy: str = "",
        read_timeout: float | None = None,
    ) -> Reply:
        """Send a request and wait for the head of the answer, whatever its status.

        ``content`` in pieces needs a ``content-length`` among the headers, or is sent chunked.
        Raises ``Problem`` UNREACHABLE (nothing was asked, asking again is harmless) or TIMEOUT.
        """
        # What neither end speaks TLS to needs no trust, and reading that takes a while.
        secure = not (url.startswith("http://") and (not proxy or proxy.startswith(_PLAIN)))
        route = self._routes.get((proxy, secure)) or self._open(proxy, secure=secure)
        wait = self._read_timeout if read_timeout is None else read_timeout
        return await route.send(method, url, headers, content, step=step, wait=wait)

    async def aclose(self) -> None:
        """Close every connection."""
        routes, self._routes = list(self._routes.values()), {}
        for route in routes:
            await route.aclose()

    def _open(self, proxy: str, *, secure: bool) -> Route:
        tls = self.tls if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # (trusts nobody)
        # Each library is imported where it is chosen: the other one costs time and memory.
        route: Route
        # aiohttp has no SOCKS; httpx has, with socksio.
        if self._backend == "aiohttp" and not proxy.startswith("socks"):
            from chat2api_core.transport.aiohttp_route import AiohttpRoute  # noqa: PLC0415

            route = AiohttpRoute(proxy, tls, connect_timeout=self._connect_timeout)
        elif proxy:
            from chat2api_core.transport.httpx_route import HttpxRoute  # noqa: PLC0415

            route = HttpxRoute(proxy, tls, connect_timeout=self._connect_timeout)
        else:
            from chat2api_core.transport.httpcore_route import HttpcoreRoute  # noqa: PLC0415

            route = HttpcoreRoute(tls, connect_timeout=self._connect_timeout)
        self._routes[proxy, secure] = route
        return route

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Whom to trust; made when it is first needed."""
        import certifi  # noqa: PLC0415 (not before the first connection)

        # SSL_CERT_FILE and SSL_CERT_DIR count where they are set, as for every OpenSSL program.
        ours = ssl.get_default_verify_paths()
        file = ours.cafile if ours.cafile != ours.openssl_cafile else None
        folder = ours.capath if ours.capath != ours.openssl_capath else None
        if file is None and folder is None:
            file = certifi.where()
        return ssl.create_default_context(cafile=file, capath=folder)
