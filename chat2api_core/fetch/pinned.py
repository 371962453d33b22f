"""Connections to addresses that were checked, under the names that they were found by.

In: an IP address, and the name it was resolved from. Out: a network backend for httpcore. The rule:
what is dialled is the address that was asked for, nothing is looked up any more; only TLS learns
the name, so that the certificate is checked against it. Through a proxy the tunnel leads to the
address, and the name appears within it.
"""

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore


class Pinned(httpcore.AsyncNetworkBackend):
    """Dials as httpcore does; TLS with ``address`` asks for ``name``."""

    def __init__(self, address: str, name: str) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._address = address
        self._name = name

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's interface)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        stream = await self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return _Named(stream, self._address, self._name)


class _Named(httpcore.AsyncNetworkStream):
    """A connection that knows under which name its far end is to prove itself."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, address: str, name: str) -> None:
        self._stream = stream
        self._address = address
        self._name = name

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's interface)
    ) -> bytes:
        return await self._stream.read(max_bytes, timeout)

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's interface)
    ) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's interface)
    ) -> httpcore.AsyncNetworkStream:
        # A proxy that is spoken to in TLS itself keeps its own name.
        asked = self._name if server_hostname == self._address else server_hostname
        stream = await self._stream.start_tls(ssl_context, asked, timeout)
        return _Named(stream, self._address, self._name)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
