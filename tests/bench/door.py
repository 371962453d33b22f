"""TLS in front of an upstream that speaks none: what a cold start pays to read whom it may trust.

In: the upstream's URL. Out: the same under https, and a file of certificates to trust: all that
certifi has, as a client really reads them, and a throwaway one of ours. The rule: the door stands
in a thread of the measuring process, so that none of its work is measured.
"""

import asyncio
import contextlib
import ssl
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import certifi
from msgspec import Struct

from tests.certificate import self_signed

_HOST = "127.0.0.1"
_PIECE = 65536
_END = 10.0  # seconds until the door must be closed


class Site(Struct, frozen=True):
    """Where an upstream is, and the file of certificates that it is believed by (PEM), if any."""

    url: str
    trust: str = ""


@contextlib.contextmanager
def behind_tls(upstream: str) -> Iterator[Site]:
    """A door to the upstream for as long as the block lasts."""
    inside = urlsplit(upstream)
    assert inside.port is not None
    with tempfile.TemporaryDirectory() as name:
        chain = self_signed(Path(name), _HOST)
        trust = Path(name) / "trust.pem"
        trust.write_text(Path(certifi.where()).read_text() + chain.read_text())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        with _running(inside.port, context) as port:
            yield Site(f"https://{_HOST}:{port}", str(trust))


@contextlib.contextmanager
def _running(inside: int, context: ssl.SSLContext) -> Iterator[int]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        near, far = await asyncio.open_connection(_HOST, inside)
        # Only ``shut`` cancels it; asyncio would complain of a task of a connection that was.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(_pass_on(reader, far), _pass_on(near, writer))

    async def shut() -> None:
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    opening = asyncio.start_server(attend, _HOST, 0, ssl=context)
    server = asyncio.run_coroutine_threadsafe(opening, loop).result(_END)
    try:
        port: int = server.sockets[0].getsockname()[1]
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(shut(), loop).result(_END)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_END)
        loop.close()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Until one side leaves: a measured process ends without a word."""
    with contextlib.suppress(OSError):
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
    target.close()
