"""GET and HEAD /media/{token}: a picture or a file of an answer, streamed from ChatGPT.

In: a token that ``media.links`` made; who has it may have what it stands for, with no key. Out: the
bytes as they arrive, nothing kept. The one rule: a browser never takes such bytes for a page of
ours: types that could run are plain bytes to be saved, and nothing may be loaded from within them.
"""

import re
from urllib.parse import quote

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.caller import Caller, PoolCaller, TokenCaller
from chat2api_core.accounts.hold import Hold
from chat2api_core.media.download import Download
from chat2api_core.media.links import Target
from chat2api_core.web.auth import identify
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.respond import WhileConnected

_OCTETS = "application/octet-stream"
# What a browser may show by itself. No SVG: it can hold scripts.
_SHOWN = frozenset(
    {
        "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp",
        "audio/mpeg", "audio/ogg", "audio/wav", "audio/mp4", "audio/aac", "audio/flac",
        "video/mp4", "video/webm", "text/plain", "text/csv", "application/json", "application/pdf",
    }
)  # fmt: skip
_GUARDS = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex"),
)
_PASSED = ("content-length", "content-range", "accept-ranges")
_CACHED = (b"cache-control", b"private, max-age=3600")
# The stores behind ChatGPT know no ranges that count from the end.
_RANGE = re.compile(r"bytes=[0-9]{1,15}-[0-9]{0,15}")


async def show(exchange: Exchange) -> None:
    """Hand out what the token of the path stands for. Raises ``Problem``: FILE_NOT_FOUND for a
    bad or an old token, FILE_GONE for what ChatGPT has put away."""
    gateway = exchange.gateway
    target = gateway.media.links.open(exchange.parameter("token"))
    span = exchange.headers.get("range", "")
    if not _RANGE.fullmatch(span):
        span = ""  # who asks for what nobody understands gets all (RFC 9110)

    async def ask(account: Account) -> Download:
        return await gateway.media.downloads.open(
            account, target.place, target.conversation_id, target.message_id, span=span
        )

    download, hold = await gateway.engine.on_account(
        await _caller(exchange, target),
        ask,
        types=("web",),
        holder=target.account_key,
        drop=Download.aclose,
    )
    await stream(exchange, download, hold)


async def stream(
    exchange: Exchange, download: Download, hold: Hold, *, inline: bool = True
) -> None:
    """Send the bytes of a download as they arrive, with headers that make them harmless; then close
    it and let go of its account. ``inline``: a browser may show it, if it is of a harmless type."""
    exchange.account = hold.account.key
    connected = WhileConnected(exchange)
    try:
        async with connected:
            await _send(exchange, download, inline=inline)
    finally:
        try:
            await download.reply.aclose()
        finally:
            await hold.release()
    if connected.gone:
        exchange.outcome = "client_gone"


async def _send(exchange: Exchange, download: Download, *, inline: bool) -> None:
    reply = download.reply
    shown = download.mime in _SHOWN
    headers = [
        (b"content-type", (download.mime if shown else _OCTETS).encode()),
        (b"content-disposition", disposition(download.name, inline=shown and inline)),
        _CACHED,
        *_GUARDS,
    ]
    passed = () if reply.header("content-encoding") else _PASSED  # unpacked, it is longer
    headers += [
        (name.encode(), reply.header(name).encode()) for name in passed if reply.header(name)
    ]
    await exchange.start(reply.status, headers)
    if exchange.method != "HEAD":
        while (chunk := await reply.chunk()) is not None:
            await exchange.piece(chunk, more=True)
    await exchange.piece(b"", more=False)


def disposition(name: str, *, inline: bool) -> bytes:
    """The header that tells a file's name (RFC 6266): in ASCII, and as it is."""
    way = "inline" if inline else "attachment"
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    return (
        f"{way}; filename=\"{plain or 'file'}\"; filename*=UTF-8''{quote(name, safe='')}".encode()
    )


async def _caller(exchange: Exchange, target: Target) -> Caller:
    """Who may ask for it: the pool that has its account, or else whoever brought it along."""
    gateway = exchange.gateway
    if not gateway.office.pool.type_of(target.account_key):
        lent = await gateway.media.loans.find(target.account_key)
        if lent is not None:
            return TokenCaller(lent)
        if "authorization" in exchange.headers:
            return identify(exchange.headers, gateway.settings)
    return PoolCaller("media")
