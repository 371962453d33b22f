"""The door of the pages: who may look, and who may change something.

In: an exchange. Out: nothing, or a ``Problem``. A visitor shows the session cookie, or the admin
key itself in a header, which scripts do. The admin credential is ADMIN_KEY, or the plain local keys
where that is not set (never a key that has limits).

The one rule: what changes something must come from our own pages. A session cookie is SameSite
Strict, and a request that goes by one must also carry a header that no other site can make a
browser send, and must not be called cross-site by the browser itself.
"""

from chat2api_core.admin.attempts import MOST, WAIT, Attempts
from chat2api_core.admin.session import LASTS, Sessions
from chat2api_core.config import Settings
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.web.exchange import Exchange

COOKIE = "chat2api_session"
_OWN_HEADER = "x-chat2api-page"
_OWN_SITES = frozenset({"same-origin", "none", ""})
_SAFE = frozenset({"GET", "HEAD"})

_NO_KEY = (
    "These pages are closed: set ADMIN_KEY (or a local API key in AUTH_TOKENS) to have a key to "
    "open them with."
)
_ELSEWHERE = "This did not come from the gateway's own page."
_TOO_OFTEN = "Too many wrong tries from this address. Try again later."


def credentials(settings: Settings) -> tuple[Secret, ...]:
    """What opens the pages."""
    return (settings.admin_key,) if settings.admin_key else settings.auth_tokens


async def enter(exchange: Exchange) -> None:
    """Let a visitor in, or raise ``Problem``: INVALID_API_KEY (log in), RATE_LIMITED, NOT_FOUND
    (closed), LOGIN_REQUIRED for a change that another site may have caused."""
    keys = _keys(exchange)
    clock = exchange.gateway.clock
    shown = _shown(exchange)
    if shown:
        await check(exchange, shown)
        return
    if not Sessions(keys).good(_cookie(exchange), clock.now()):
        raise Problem(Kind.INVALID_API_KEY, "Log in first.", step="auth")
    if exchange.method not in _SAFE:
        _ours(exchange)


async def check(exchange: Exchange, shown: str) -> None:
    """Whether a text is the admin credential; wrong ones are counted. Raises ``Problem``."""
    keys = _keys(exchange)
    address = address_of(exchange)
    attempts = Attempts(exchange.gateway.store)
    fits = [key == Secret(shown) for key in keys]  # each compared, fitting or not
    # Wrong tries are counted before anything is asked, so that many at once are no way around.
    late = not await attempts.open(address) if any(fits) else await attempts.wrong(address)
    if late:
        raise Problem(Kind.RATE_LIMITED, _TOO_OFTEN, step="auth", retry_after=WAIT)
    if not any(fits):
        message = f"This is not the admin key. After {MOST} wrong tries there is a pause."
        raise Problem(Kind.INVALID_API_KEY, message, step="auth")


async def is_admin(exchange: Exchange) -> bool:
    """Whether ADMIN_KEY is shown, for routes that have other visitors too. An address that may not
    try any more is never told."""
    key = exchange.gateway.settings.admin_key
    if not key or not await Attempts(exchange.gateway.store).open(address_of(exchange)):
        return False
    fits = [
        key == Secret(text) for text in (_shown(exchange), exchange.headers.get("x-api-key", ""))
    ]
    return any(fits)


async def note_wrong(exchange: Exchange) -> None:
    """Count a key that opened nothing, where it may have been meant for this door."""
    if exchange.gateway.settings.admin_key:
        await Attempts(exchange.gateway.store).wrong(address_of(exchange))


def session_cookie(exchange: Exchange) -> bytes:
    """The header that logs in."""
    gateway = exchange.gateway
    text = Sessions(_keys(exchange)).issue(gateway.clock.now(), gateway.ids.hex(16))
    return _set_cookie(exchange, text, LASTS)


def no_cookie(exchange: Exchange) -> bytes:
    """The header that logs out."""
    return _set_cookie(exchange, "", 0)


def not_elsewhere(exchange: Exchange) -> None:
    """Refuse what a browser says another site has caused. Raises ``Problem`` LOGIN_REQUIRED."""
    if exchange.headers.get("sec-fetch-site", "") not in _OWN_SITES:
        raise Problem(Kind.LOGIN_REQUIRED, _ELSEWHERE)


def _ours(exchange: Exchange) -> None:
    not_elsewhere(exchange)
    if not exchange.headers.get(_OWN_HEADER):
        raise Problem(Kind.LOGIN_REQUIRED, _ELSEWHERE)


def _keys(exchange: Exchange) -> tuple[Secret, ...]:
    keys = credentials(exchange.gateway.settings)
    if not keys:
        raise Problem(Kind.NOT_FOUND, _NO_KEY)
    return keys


def _shown(exchange: Exchange) -> str:
    scheme, _, bearer = exchange.headers.get("authorization", "").strip().partition(" ")
    return bearer.strip() if scheme.lower() == "bearer" else ""


def _cookie(exchange: Exchange) -> str:
    for pair in exchange.headers.get("cookie", "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def _set_cookie(exchange: Exchange, text: str, seconds: int) -> bytes:
    path = exchange.mount + exchange.gateway.settings.api_prefix or "/"
    secure = "; Secure" if _is_https(exchange) else ""
    parts = f"{COOKIE}={text}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    return parts.encode()


def _is_https(exchange: Exchange) -> bool:
    forwarded = exchange.headers.get("x-forwarded-proto", "").partition(",")[0].strip()
    return (forwarded or exchange.scope.get("scheme", "http")) == "https"


def address_of(exchange: Exchange) -> str:
    """Where the request comes from: by the platform's own header where that cannot be forged."""
    if exchange.gateway.settings.platform == "vercel":
        return exchange.headers.get("x-real-ip", "") or "unknown"
    client = exchange.scope.get("client")
    return str(client[0]) if client else "unknown"
