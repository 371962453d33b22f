"""Access tokens from longer-lived credentials: refresh tokens of both clients, session tokens.

The protocol: a refresh token that begins with ``rt_`` belongs to the Codex client (form-encoded
exchange, the token rotates), any other to the iOS client (JSON exchange); a session token is a
cookie of the web site and is exchanged at ``/api/auth/session`` (it rotates too).
Fetched tokens are kept in this process; a fetch for one account happens once at a time.
"""

import asyncio
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie
from typing import TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from chat2api_core.accounts.account import Account, read_claims
from chat2api_core.accounts.egress import Egress
from chat2api_core.ambient import Clock
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.transport import Headers, Reply, Transport

_IOS_CLIENT = "pdlLIX2Y72MIl2rhLhTE9VV9bN905kBh"
_IOS_REDIRECT = "com.openai.chat://auth.openai.com/ios/com.openai.chat/callback"
_CODEX_CLIENT = "app_EMoamEEZ73f0CkXaXp7hrann"
_SESSION_COOKIE = "__Secure-next-auth.session-token"
_COOKIE_CHUNK = 3900  # the site splits a session cookie that browsers would refuse
_LEAD = 300.0  # seconds before its end at which a token is renewed
_MAX_KEPT = 10_000
_MAX_ANSWER = 1024 * 1024
_DEAD = frozenset(
    {
        "invalid_grant", "access_denied", "refresh_token_expired", "refresh_token_revoked",
        "refresh_token_reused", "unauthorized", "authentication_error",
    }
)  # fmt: skip

_T = TypeVar("_T")


class _Tokens(Struct):
    access_token: str = ""
    refresh_token: str = ""


class _Session(Struct):
    accessToken: str = ""  # noqa: N815 (the wire's name)


class Credentials:
    """Gives an account a working access token. ``auth_url`` serves ``/oauth/token``."""

    def __init__(
        self,
        transport: Transport,
        *,
        egress: Egress,
        auth_url: str,
        site_url: str,
        user_agent: str,
        clock: Clock,
    ) -> None:
        self._transport = transport
        self._egress = egress
        self._auth_url = auth_url
        self._site_url = site_url
        self._user_agent = user_agent
        self._clock = clock
        self._kept: OrderedDict[str, Account] = OrderedDict()
        self._locks: dict[str, asyncio.Lock] = {}

    async def ready(self, account: Account) -> Account:
        """The account with an access token that is not about to end. Raises ``Problem`` of step
        "refresh": UNAUTHORIZED where the credential is dead, else what hindered the exchange."""
        current = self._kept.get(account.key, account)
        if not renewable(current) or self._lasting(current):
            return current
        return await self._renew(account, refused=current.access_token)

    async def renewed(self, account: Account) -> Account | None:
        """The account with another access token than the one it has, which was refused. None where
        it has no other credential."""
        if not renewable(account):
            return None
        return await self._renew(account, refused=account.access_token)

    def _lasting(self, account: Account) -> bool:
        if not account.access_token:
            return False
        expires = read_claims(account.access_token).expires
        return not expires or expires - _LEAD > self._clock.now()

    async def _renew(self, account: Account, refused: Secret) -> Account:
        lock = self._locks.setdefault(account.key, asyncio.Lock())
        try:
            async with lock:
                current = self._kept.get(account.key, account)
                if current.access_token and current.access_token != refused:
                    return current  # somebody else has renewed it meanwhile
                fresh = msgspec.structs.replace(await self._exchange(current), handle=account.key)
                self._keep(account.key, fresh)
                return fresh
        finally:
            if not lock.locked():
                self._locks.pop(account.key, None)

    def _keep(self, key: str, account: Account) -> None:
        self._kept[key] = account
        self._kept.move_to_end(key)
        if len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)

    async def _exchange(self, account: Account) -> Account:
        if account.refresh_token:
            return await self._by_refresh_token(account)
        return await self._by_session_token(account)

    async def _by_refresh_token(self, account: Account) -> Account:
        token = account.refresh_token.reveal()
        if token.startswith("rt_"):
            kind = b"application/x-www-form-urlencoded"
            form = {"grant_type": "refresh_token", "client_id": _CODEX_CLIENT}
            scope = "openid profile email offline_access"
            body = urlencode(form | {"refresh_token": token, "scope": scope}).encode()
        else:
            kind = b"application/json"
            form = {"grant_type": "refresh_token", "client_id": _IOS_CLIENT}
            body = msgspec.json.encode(
                form | {"redirect_uri": _IOS_REDIRECT, "refresh_token": token}
            )
        reply, answer = await self._ask(
            "POST",
            f"{self._auth_url}/oauth/token",
            [(b"content-type", kind), (b"accept", b"application/json")],
            body,
            account,
        )
        if reply.status != 200:  # noqa: PLR2004 (HTTP OK)
            raise _refused(reply.status, answer)
        tokens = _decode(answer, _Tokens)
        if not tokens.access_token:
            raise _dead("The answer to the refresh token holds no access token.")
        return msgspec.structs.replace(
            account,
            access_token=Secret(tokens.access_token),
            refresh_token=Secret(tokens.refresh_token or token),
        )

    async def _by_session_token(self, account: Account) -> Account:
        cookie = _session_cookie(account.session_token.reveal())
        reply, answer = await self._ask(
            "GET",
            f"{self._site_url}/api/auth/session",
            [(b"cookie", cookie.encode()), (b"accept", b"application/json")],
            b"",
            account,
        )
        if reply.status != 200:  # noqa: PLR2004 (HTTP OK)
            raise _refused(reply.status, answer)
        token = _decode(answer, _Session).accessToken
        if not token:
            raise _dead("The session token is no longer signed in.")
        rotated = _rotated(reply.cookies) or account.session_token.reveal()
        return msgspec.structs.replace(
            account, access_token=Secret(token), session_token=Secret(rotated)
        )

    async def _ask(
        self, method: str, url: str, headers: Headers, body: bytes, account: Account
    ) -> tuple[Reply, bytes]:
        sent = [*headers, (b"user-agent", self._user_agent.encode())]
        proxy = self._egress.proxy(account)
        reply = await self._transport.send(method, url, sent, body, step="refresh", proxy=proxy)
        try:
            return reply, await reply.read(_MAX_ANSWER)
        finally:
            await reply.aclose()


def renewable(account: Account) -> bool:
    """Whether the account has something to fetch an access token with."""
    return bool(account.refresh_token or account.session_token)


def _session_cookie(token: str) -> str:
    if len(token) <= _COOKIE_CHUNK:
        return f"{_SESSION_COOKIE}={token}"
    pieces = [token[at : at + _COOKIE_CHUNK] for at in range(0, len(token), _COOKIE_CHUNK)]
    return "; ".join(f"{_SESSION_COOKIE}.{n}={piece}" for n, piece in enumerate(pieces))


def _rotated(cookies: list[str]) -> str:
    """The session token that an answer sets, whole or put together from its chunks."""
    found: dict[str, str] = {}
    for cookie in cookies:
        try:
            parsed = SimpleCookie(cookie)
        except CookieError:
            continue  # somebody else's cookie; a session cookie is well-formed
        found.update({name: morsel.value for name, morsel in parsed.items()})
    if _SESSION_COOKIE in found:
        return found[_SESSION_COOKIE]
    pieces: list[str] = []
    while (piece := found.get(f"{_SESSION_COOKIE}.{len(pieces)}")) is not None:
        pieces.append(piece)
    return "".join(pieces)


class _Reason(Struct):
    code: str = ""
    type: str = ""


class _Failure(Struct):
    error: str | _Reason = ""
    code: str = ""


def _refused(status: int, body: bytes) -> Problem:
    try:
        failure = msgspec.json.decode(body, type=_Failure)
    except msgspec.DecodeError:
        failure = _Failure()
    error = failure.error
    words = (
        {failure.code, error} if isinstance(error, str) else {failure.code, error.code, error.type}
    )
    if words & _DEAD or status in {400, 401}:
        return _dead("The account's refresh token is no longer accepted; sign in again.")
    if status == 429:  # noqa: PLR2004 (too many requests)
        message = "The sign-in server asks to wait before tokens are refreshed again."
        return Problem(Kind.UNAVAILABLE, message, step="refresh")
    message = f"The sign-in server answered {status} when a token was to be refreshed."
    return Problem(Kind.UPSTREAM_ERROR, message, step="refresh")


def _dead(message: str) -> Problem:
    return Problem(Kind.UNAUTHORIZED, message, step="refresh")


def _decode(body: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        message = "The sign-in server's answer could not be read."
        raise Problem(Kind.GARBAGE, message, step="refresh") from error
