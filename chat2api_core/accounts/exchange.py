"""The exchange of a long-lived credential for an access token: what is said to the sign-in server.

In: an account with a refresh token or a session token. Out: the account with fresh tokens. The
protocol, as seen in the clients: a refresh token that begins with ``rt_`` belongs to the Codex
client (form-encoded exchange, the token rotates), any other to the iOS client (JSON exchange); a
session token is a cookie of the web site, is exchanged at ``/api/auth/session``, and rotates too.

The one rule: an exchange is made once, here. A token that rotates is spent by it, whatever becomes
of the answer; who calls sees to it that nobody else is doing the same.
"""

from typing import TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from chat2api_core.accounts.account import CODEX_CLIENT, CODEX_MARK, Account
from chat2api_core.accounts.egress import Egress
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.transport import Headers, Reply, Transport

_IOS_CLIENT = "pdlLIX2Y72MIl2rhLhTE9VV9bN905kBh"
_IOS_REDIRECT = "com.openai.chat://auth.openai.com/ios/com.openai.chat/callback"
_SESSION_COOKIE = "__Secure-next-auth.session-token"
_COOKIE_CHUNK = 3900  # the site splits a session cookie that browsers would refuse
_MAX_ANSWER = 1024 * 1024
_READ_TIMEOUT = 30.0  # seconds of silence; whoever waits for the exchange waits this long
_DEAD = frozenset(
    {
        "invalid_grant", "access_denied", "refresh_token_expired", "refresh_token_revoked",
        "refresh_token_reused", "unauthorized", "authentication_error",
    }
)  # fmt: skip

_T = TypeVar("_T")


class _Tokens(Struct):
    access_token: str = ""
    refresh_token: str | None = None
    id_token: str | None = None


class _Session(Struct):
    accessToken: str | None = None  # noqa: N815 (the wire's name)
    error: str | None = None


class Exchange:
    """Asks the sign-in server. ``auth_url`` serves ``/oauth/token``, ``site_url`` the session."""

    def __init__(
        self,
        transport: Transport,
        *,
        egress: Egress,
        auth_url: str,
        site_url: str,
        user_agent: str,
    ) -> None:
        self._transport = transport
        self._egress = egress
        self._auth_url = auth_url
        self._site_url = site_url
        self._user_agent = user_agent

    async def renew(self, account: Account) -> Account:
        """The account with fresh tokens. Raises ``Problem`` of step "refresh": UNAUTHORIZED where
        the credential is dead, else what hindered the exchange."""
        if account.refresh_token:
            return await self._by_refresh_token(account)
        return await self._by_session_token(account)

    async def _by_refresh_token(self, account: Account) -> Account:
        token = account.refresh_token.reveal()
        if token.startswith(CODEX_MARK):
            kind = b"application/x-www-form-urlencoded"
            form = {"grant_type": "refresh_token", "client_id": CODEX_CLIENT}
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
            raise _refused(reply, answer)
        tokens = _decode(answer, _Tokens)
        if not tokens.access_token:
            raise _unreadable("The answer to the refresh token holds no access token.")
        return msgspec.structs.replace(
            account,
            access_token=Secret(tokens.access_token),
            refresh_token=Secret(tokens.refresh_token or token),
            id_token=Secret(tokens.id_token) if tokens.id_token else account.id_token,
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
            raise _refused(reply, answer)
        session = _decode(answer, _Session)
        if not session.accessToken or session.error:
            # With an error in it, the token beside it is the old one.
            raise _dead("The session token is no longer signed in.")
        rotated = _rotated(reply.cookies) or account.session_token.reveal()
        return msgspec.structs.replace(
            account, access_token=Secret(session.accessToken), session_token=Secret(rotated)
        )

    async def _ask(
        self, method: str, url: str, headers: Headers, body: bytes, account: Account
    ) -> tuple[Reply, bytes]:
        sent = [*headers, (b"user-agent", self._user_agent.encode())]
        proxy = self._egress.proxy(account)
        reply = await self._transport.send(
            method, url, sent, body, step="refresh", proxy=proxy, read_timeout=_READ_TIMEOUT
        )
        try:
            return reply, await reply.read(_MAX_ANSWER)
        finally:
            await reply.aclose()


def _session_cookie(token: str) -> str:
    if len(token) <= _COOKIE_CHUNK:
        return f"{_SESSION_COOKIE}={token}"
    pieces = [token[at : at + _COOKIE_CHUNK] for at in range(0, len(token), _COOKIE_CHUNK)]
    return "; ".join(f"{_SESSION_COOKIE}.{n}={piece}" for n, piece in enumerate(pieces))


def _rotated(cookies: list[str]) -> str:
    """The session token that an answer sets, whole or put together from its chunks."""
    found: dict[str, str] = {}
    for cookie in cookies:
        name, _, value = cookie.partition(";")[0].partition("=")
        if value.strip():  # without a value it is the end of a cookie
            found[name.strip()] = value.strip()
    if _SESSION_COOKIE in found:
        return found[_SESSION_COOKIE]
    pieces: list[str] = []
    while (piece := found.get(f"{_SESSION_COOKIE}.{len(pieces)}")) is not None:
        pieces.append(piece)
    return "".join(pieces)


class _Reason(Struct):
    code: str | None = None
    type: str | None = None


class _Failure(Struct):
    error: str | _Reason | None = None
    code: str | None = None


def _refused(reply: Reply, body: bytes) -> Problem:
    status = reply.status
    try:
        failure = msgspec.json.decode(body, type=_Failure)
    except msgspec.DecodeError:
        failure = _Failure()
    error = failure.error
    words = {failure.code}
    words |= {error.code, error.type} if isinstance(error, _Reason) else {error}
    # A 400 that names no error is not the sign-in server's own: who stands between us says nothing
    # of the account, which would be out for good.
    if words & _DEAD or status == 401 or (status == 400 and any(words)):  # noqa: PLR2004 (HTTP)
        return _dead("The account's sign-in is no longer accepted; sign in again.")
    if status == 429:  # noqa: PLR2004 (too many requests)
        message = "The sign-in server asks to wait before tokens are refreshed again."
        wait = reply.header("retry-after")
        seconds = float(wait) if wait.isascii() and wait.isdigit() else None
        return Problem(Kind.RATE_LIMITED, message, step="refresh", retry_after=seconds)
    message = f"The sign-in server answered {status} when a token was to be refreshed."
    return Problem(Kind.UPSTREAM_ERROR, message, step="refresh")


def _dead(message: str) -> Problem:
    return Problem(Kind.UNAUTHORIZED, message, step="refresh")


def _decode(body: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise _unreadable("The sign-in server's answer could not be read.") from error


def _unreadable(message: str) -> Problem:
    return Problem(Kind.GARBAGE, message, step="refresh")
