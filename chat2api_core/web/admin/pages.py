"""The pages themselves: small shells of HTML, and the files that make them alive.

In: an exchange. Out: a page that any browser shows, with a policy that lets it load nothing but our
own files. The one rule: a shell holds no data; what is shown comes from the API behind the door, so
a page may be seen by anybody and tells nothing.
"""

import hashlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from chat2api_core.problem import Kind, Problem
from chat2api_core.web.exchange import Exchange

_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_GUARDED = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_TYPES = {
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}
_ASSETS = (
    "admin.css", "admin.js", "charts.js", "doctor.js", "icon.svg", "page.js", "tokens.js",
    "words.js",
)  # fmt: skip
_SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>chat2api</title>
<link rel="icon" href="admin/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="admin/assets/admin.css">
</head>
<body>
<noscript><p class="notice">This page needs JavaScript. The same is to be had with curl and
<code>Authorization: Bearer &lt;ADMIN_KEY&gt;</code>, see docs/operations.md.</p></noscript>
<script type="module" src="admin/assets/{script}"></script>
</body>
</html>
"""


class Asset(NamedTuple):
    """A file as it is sent."""

    body: bytes
    kind: bytes
    etag: bytes


async def show(exchange: Exchange, script: str) -> None:
    """A page whose life is in ``script``."""
    body = _SHELL.format(script=script).encode()
    headers = [(b"cache-control", b"no-cache"), *_GUARDED]
    await _send(exchange, 200, b"text/html; charset=utf-8", body, headers)


async def show_admin(exchange: Exchange) -> None:
    """``GET /admin``"""
    await show(exchange, "admin.js")


async def show_asset(exchange: Exchange) -> None:
    """``GET /admin/assets/<name>``, with an ETag."""
    name = exchange.parameter("name")
    if name not in _ASSETS:
        raise Problem(Kind.NOT_FOUND, "There is no such file.")
    asset = _asset(name)
    headers = [(b"etag", asset.etag), (b"cache-control", b"no-cache"), *_GUARDED]
    if exchange.headers.get("if-none-match", "").encode() == asset.etag:
        await exchange.start(304, headers)
        await exchange.piece(b"", more=False)
        return
    await _send(exchange, 200, asset.kind, asset.body, headers)


@cache
def _asset(name: str) -> Asset:
    body = (files(__package__) / "assets" / name).read_bytes()
    digest = hashlib.sha256(body).hexdigest()[:20]
    return Asset(body, _TYPES[name.rpartition(".")[2]], f'"{digest}"'.encode())


async def _send(
    exchange: Exchange, status: int, kind: bytes, body: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    length = (b"content-length", str(len(body)).encode())
    await exchange.start(status, [(b"content-type", kind), length, *headers])
    await exchange.piece(b"" if exchange.method == "HEAD" else body, more=False)
