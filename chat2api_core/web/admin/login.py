"""``POST /admin/login`` and ``POST /admin/logout``; ``GET /admin/api/session`` tells who one is."""

from msgspec import Struct

from chat2api_core import __version__
from chat2api_core.problem import Problem
from chat2api_core.web.admin.answers import answer, read
from chat2api_core.web.admin.door import (
    check,
    credentials,
    enter,
    no_cookie,
    not_elsewhere,
    session_cookie,
)
from chat2api_core.web.exchange import Exchange


class Login(Struct):
    """The form's content."""

    key: str


async def log_in(exchange: Exchange) -> None:
    """Exchange the admin key for a session cookie of eight hours."""
    not_elsewhere(exchange)  # another site could have a visitor shut out, by wrong tries of theirs
    form = await read(exchange, Login)
    await check(exchange, form.key.strip())
    exchange.extra.append((b"set-cookie", session_cookie(exchange)))
    await answer(exchange, {"ok": True})


async def log_out(exchange: Exchange) -> None:
    """End the session of this browser."""
    not_elsewhere(exchange)
    exchange.extra.append((b"set-cookie", no_cookie(exchange)))
    await answer(exchange, {"ok": True})


async def show_session(exchange: Exchange) -> None:
    """``{"open", "closed", "warning"}``: whether the visitor is in; whether anybody could be."""
    settings = exchange.gateway.settings
    try:
        await enter(exchange)
        inside = True
    except Problem:
        inside = False
    document = {
        "open": inside,
        "closed": not credentials(settings),
        "by_local_key": bool(settings.auth_tokens) and not settings.admin_key,
        "version": __version__ if inside else "",
    }
    await answer(exchange, document)
