"""Tokens of the emulated service: well-formed, worthless anywhere else.

An access token is a JWT with the claims of the real service. Its third part is no signature but a
digest that only says "the emulator made this", so that the emulator can tell its own tokens from
others without keeping a list. Nobody but the emulator ever looks at it.
"""

import base64
import binascii
import hashlib

import msgspec
from msgspec import Struct

DEMO_ACCOUNT_ID = "00000000-de30-4000-8000-000000000001"
DEMO_USER_ID = "user-emulator"
DEMO_EMAIL = "demo@emulator.invalid"
# The one-year-long life of the demo tokens would end one day; they have a very long one instead.
_FAR_FUTURE = 4102444800  # 2100-01-01
_MARK = b"made by the chat2api emulator\n"

AUTH_CLAIM = "https://api.openai.com/auth"
PROFILE_CLAIM = "https://api.openai.com/profile"


class Auth(Struct, kw_only=True):
    """The claim that names the account."""

    chatgpt_account_id: str = ""
    chatgpt_account_user_id: str = ""
    chatgpt_plan_type: str = ""
    chatgpt_user_id: str = ""
    user_id: str = ""
    chatgpt_compute_residency: str = "no_constraint"


class Profile(Struct):
    """The claim that names the person."""

    email: str = ""
    email_verified: bool = True


class Claims(Struct, kw_only=True):
    """The middle part of an access token, as the web client reads it."""

    iss: str = "https://auth.openai.com"
    aud: tuple[str, ...] = ("https://api.openai.com/v1",)
    sub: str = "auth0|emulator"
    iat: int = 0
    nbf: int = 0
    exp: int = 0
    jti: str = ""
    client_id: str = "app_Emulator"
    scp: tuple[str, ...] = ("openid", "email", "profile", "offline_access")
    session_id: str = "authsess_emulator"
    auth: Auth = msgspec.field(name=AUTH_CLAIM, default_factory=Auth)
    profile: Profile = msgspec.field(name=PROFILE_CLAIM, default_factory=Profile)


def make_access_token(
    *,
    account_id: str = DEMO_ACCOUNT_ID,
    user_id: str = DEMO_USER_ID,
    plan: str = "plus",
    email: str = DEMO_EMAIL,
    iat: int = 1787000000,
    exp: int = _FAR_FUTURE,
    jti: str = "emulator",
    client_id: str = "app_Emulator",
) -> str:
    """An access token that the emulator takes for this account, as this client gets it. Times are
    unix seconds."""
    claims = Claims(
        iat=iat,
        nbf=iat,
        exp=exp,
        jti=jti,
        client_id=client_id,
        auth=Auth(
            chatgpt_account_id=account_id,
            chatgpt_account_user_id=f"{user_id}__{account_id}",
            chatgpt_plan_type=plan,
            chatgpt_user_id=user_id,
            user_id=user_id,
        ),
        profile=Profile(email=email),
    )
    return make_jwt(msgspec.json.encode(claims))


def make_jwt(payload: bytes) -> str:
    """A string in the form of a JWT around this JSON text, marked as the emulator's own."""
    head = _encode(b'{"alg":"RS256","typ":"JWT","kid":"emulator"}')
    body = _encode(payload)
    return f"{head}.{body}.{_mark(body)}"


def read_access_token(token: str) -> Claims | None:
    """The claims of a token that the emulator made, None for any other text."""
    parts = token.split(".")
    if len(parts) != 3 or parts[2] != _mark(parts[1]):  # noqa: PLR2004 (a JWT has three parts)
        return None
    try:
        raw = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return msgspec.json.decode(raw, type=Claims)
    except (binascii.Error, ValueError):  # msgspec's errors are ValueErrors
        return None


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _mark(body: str) -> str:
    return _encode(hashlib.sha256(_MARK + body.encode()).digest())


# The account that is there when nobody configured one.
DEMO_ACCESS_TOKEN = make_access_token()
DEMO_REFRESH_TOKEN = "rt_emulator_demo"  # noqa: S105 (worth nothing outside the emulator)
DEMO_IOS_REFRESH_TOKEN = "emulator-demo-refresh-token-of-45-characters."  # noqa: S105 (likewise)
DEMO_SESSION_TOKEN = "emulator-demo-session-token"  # noqa: S105 (likewise)
