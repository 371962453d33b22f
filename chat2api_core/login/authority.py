"""The auth host, as far as signing in needs it: codes for devices, tokens for codes.

Every refusal leaves here as a ``Problem`` of step "auth" that shows no code and no token. Source of
the paths and shapes: seen in the Codex command-line client.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from chat2api_core.accounts.account import CODEX_CLIENT
from chat2api_core.ambient import Clock
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.transport import Transport

DEVICE_PAGE = "/codex/device"
PATIENCE = 900.0  # seconds that a code is good for
_DEVICE_CALLBACK = "/deviceauth/callback"
_PENDING = frozenset({403, 404})
_OK = 200
_MAX_ANSWER = 1024 * 1024
_USUAL_INTERVAL = 5.0
_LONGEST_INTERVAL = 60.0
_JSON = b"application/json"
_FORM = b"application/x-www-form-urlencoded"

_T = TypeVar("_T")

Sleep = Callable[[float], Awaitable[None]]


class Tokens(Struct, frozen=True):
    """What a sign-in brings."""

    access_token: Secret
    refresh_token: Secret
    id_token: Secret


class DeviceCode(Struct, frozen=True):
    """A code for a person to enter at ``page``; ``interval`` is the seconds between questions."""

    id: Secret
    user_code: str
    page: str
    interval: float


class _Begun(Struct):
    device_auth_id: str
    user_code: str = ""
    usercode: str = ""
    interval: str | float = _USUAL_INTERVAL


class _Granted(Struct):
    authorization_code: str
    code_verifier: str


class _Tokens(Struct):
    access_token: str
    refresh_token: str = ""
    id_token: str = ""


class Authority:
    """The auth host at ``url``."""

    def __init__(
        self,
        transport: Transport,
        *,
        url: str,
        user_agent: str,
        clock: Clock,
        proxy: str = "",
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._transport = transport
        self._url = url
        self._user_agent = user_agent
        self._clock = clock
        self._proxy = proxy
        self._sleep = sleep

    async def begin_device(self) -> DeviceCode:
        """Ask for a code to show. Raises ``Problem``."""
        body = msgspec.json.encode({"client_id": CODEX_CLIENT})
        status, answer = await self._post("/api/accounts/deviceauth/usercode", _JSON, body)
        begun = _read(status, answer, _Begun)
        user_code = begun.user_code or begun.usercode
        if not user_code:
            raise _unreadable()
        interval = _seconds(begun.interval)
        device_id = Secret(begun.device_auth_id)
        return DeviceCode(device_id, user_code, self._url + DEVICE_PAGE, interval)

    async def wait_for_device(self, device: DeviceCode) -> Tokens:
        """Wait until the code was entered, at most 15 minutes. Raises ``Problem``: TIMEOUT, or what
        hindered it."""
        asked = {"device_auth_id": device.id.reveal(), "user_code": device.user_code}
        body = msgspec.json.encode(asked)
        end = self._clock.monotonic() + PATIENCE
        while self._clock.monotonic() < end:
            status, answer = await self._post("/api/accounts/deviceauth/token", _JSON, body)
            if status not in _PENDING:
                granted = _read(status, answer, _Granted)
                code, verifier = granted.authorization_code, granted.code_verifier
                return await self.redeem(code, verifier, self._url + _DEVICE_CALLBACK)
            await self._sleep(device.interval)
        message = "Nobody entered the code within 15 minutes. Begin again."
        raise Problem(Kind.TIMEOUT, message, step="auth")

    async def redeem(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """Tokens for an authorization code. Raises ``Problem``."""
        form = {
            "grant_type": "authorization_code",
            "client_id": CODEX_CLIENT,
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        status, answer = await self._post("/oauth/token", _FORM, urlencode(form).encode())
        tokens = _read(status, answer, _Tokens)
        return Tokens(
            Secret(tokens.access_token), Secret(tokens.refresh_token), Secret(tokens.id_token)
        )

    async def _post(self, path: str, kind: bytes, body: bytes) -> tuple[int, bytes]:
        headers = [
            (b"content-type", kind),
            (b"accept", _JSON),
            (b"user-agent", self._user_agent.encode()),
        ]
        reply = await self._transport.send(
            "POST", self._url + path, headers, body, step="auth", proxy=self._proxy
        )
        try:
            return reply.status, await reply.read(_MAX_ANSWER)
        finally:
            await reply.aclose()


def _read(status: int, answer: bytes, shape: type[_T]) -> _T:
    if status != _OK:
        kind = Kind.UNAUTHORIZED if status in {400, 401, 403} else Kind.UPSTREAM_ERROR
        raise Problem(kind, f"The sign-in server refused with HTTP {status}.", step="auth")
    try:
        return msgspec.json.decode(answer, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable() from error


def _unreadable() -> Problem:
    message = "The sign-in server's answer could not be understood."
    return Problem(Kind.GARBAGE, message, step="auth")


def _seconds(given: str | float) -> float:
    try:
        seconds = float(given)
    except ValueError:
        return _USUAL_INTERVAL
    return seconds if 0 < seconds <= _LONGEST_INTERVAL else _USUAL_INTERVAL
