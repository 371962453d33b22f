"""A ChatGPT account: who it is and what it can show to prove it. Pure values."""

import hashlib
import uuid
from typing import Literal

import msgspec
from msgspec import Struct

from chat2api_core.secret import Secret

_NAMESPACE = uuid.UUID("5c1f7a0e-6f0c-4a53-9d5e-0d1b0a7b2c11")
_AUTH_CLAIM = "https://api.openai.com/auth"
# The name under which the Codex client signs in; its tokens carry it.
CODEX_CLIENT = "app_EMoamEEZ73f0CkXaXp7hrann"
# How its refresh tokens begin.
CODEX_MARK = "rt_"


class Account(Struct, frozen=True):
    """One account of the pool, or one that a caller brought along.

    ``access_token`` may be empty where a refresh or session token can fetch one. An account with no
    credential at all is the anonymous one. ``account_id`` selects a workspace. ``handle`` keeps the
    ``key`` of an account whose tokens were renewed.
    """

    access_token: Secret = Secret("")
    refresh_token: Secret = Secret("")
    session_token: Secret = Secret("")
    id_token: Secret = Secret("")
    account_id: str = ""
    email: str = ""
    type: Literal["web", "codex"] = "web"
    proxy: Secret = Secret("")
    disabled: bool = False
    handle: str = ""

    @property
    def anonymous(self) -> bool:
        return not (self.access_token or self.refresh_token or self.session_token)

    @property
    def key(self) -> str:
        """A stable name that gives nothing away: the same on every instance, fit for logs.

        It hangs on the longest-lived credential that the account was configured with."""
        if self.handle:
            return self.handle
        lasting = self.refresh_token or self.session_token or self.access_token
        seed = f"{lasting.reveal()}\n{self.account_id}"
        return hashlib.sha256(seed.encode()).hexdigest()[:12]

    @property
    def device_id(self) -> str:
        """The uuid that this account shows as its device: one per account, on every instance."""
        return str(uuid.uuid5(_NAMESPACE, self.key))


class Claims(Struct, frozen=True):
    """What the middle part of an access token says (protocol facts: unsigned reading suffices).

    ``expires`` is unix seconds, 0 where the token does not say."""

    expires: float = 0
    account_id: str = ""
    user_id: str = ""
    plan: str = ""
    email: str = ""
    client: str = ""


class _Auth(Struct):
    chatgpt_account_id: str = ""
    chatgpt_user_id: str = ""
    user_id: str = ""
    chatgpt_plan_type: str = ""


class _Profile(Struct):
    email: str = ""


class _Payload(Struct):
    exp: float = 0
    client_id: str = ""
    auth: _Auth = msgspec.field(name=_AUTH_CLAIM, default_factory=_Auth)
    profile: _Profile = msgspec.field(
        name="https://api.openai.com/profile", default_factory=_Profile
    )


def read_claims(token: Secret) -> Claims:
    """The claims of an access token; empty ones for anything that is not a readable JWT."""
    import base64  # noqa: PLC0415 (not needed by requests that know their account)
    import binascii  # noqa: PLC0415

    parts = token.reveal().split(".")
    if len(parts) != 3:  # noqa: PLR2004 (a JWT has three parts)
        return Claims()
    try:
        raw = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        payload = msgspec.json.decode(raw, type=_Payload)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return Claims()
    return Claims(
        expires=payload.exp,
        account_id=payload.auth.chatgpt_account_id,
        user_id=payload.auth.chatgpt_user_id or payload.auth.user_id,
        plan=payload.auth.chatgpt_plan_type,
        email=payload.profile.email,
        client=payload.client_id,
    )


def renewable(account: Account) -> bool:
    """Whether the account has something to fetch an access token with."""
    return bool(account.refresh_token or account.session_token)


def rotates(account: Account) -> bool:
    """Whether an exchange spends the credential that it is made with."""
    if account.refresh_token:
        return account.refresh_token.reveal().startswith(CODEX_MARK)
    return bool(account.session_token)
