"""Which credential a text is, told by its looks alone. Pure.

Input: one token as a user pasted it. Output: its form, or the account that it opens.

    access    JWT: ``eyJ``, three parts with dots between them
    session   JWE of the web client's session cookie: ``eyJ``, five parts
    refresh   ``rt_...`` (Codex client) or 45 characters without any mark (iOS client)
    opaque    anything else; a private upstream gateway may give out keys of its own

The one rule: a local key (``sk-...``) is never taken for a refresh token, because a mistyped key
must not travel to an upstream.
"""

import re
from typing import Literal, TypeAlias

from chat2api_core.accounts.account import Account
from chat2api_core.secret import Secret

TokenForm: TypeAlias = Literal["access", "session", "refresh", "opaque"]

_ACCESS = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]+", re.ASCII)
_SESSION = re.compile(r"eyJ[\w-]*(?:\.[\w-]*){4}", re.ASCII)
_CODEX_REFRESH = re.compile(r"rt_[\w.-]+", re.ASCII)
_IOS_REFRESH = re.compile(r"(?!sk-|fk-|sess-)[\w.-]{45}", re.ASCII)
_ACCOUNT_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


def form_of(token: str) -> TokenForm:
    """The form of a token without its workspace."""
    if _ACCESS.fullmatch(token):
        return "access"
    if _SESSION.fullmatch(token):
        return "session"
    if _CODEX_REFRESH.fullmatch(token) or _IOS_REFRESH.fullmatch(token):
        return "refresh"
    return "opaque"


def account_of(token: str, account_id: str = "") -> Account:
    """The account that a token opens, in the workspace ``account_id`` ("" is its own choice).

    An opaque token stands where an access token would."""
    secret = Secret(token)
    form = form_of(token)
    if form == "refresh":
        return Account(refresh_token=secret, account_id=account_id)
    if form == "session":
        return Account(session_token=secret, account_id=account_id)
    return Account(access_token=secret, account_id=account_id)


def is_account_id(text: str) -> bool:
    """Whether a text may be a workspace id: short; letters, digits, ``-``, ``_``."""
    return _ACCOUNT_ID.fullmatch(text) is not None


def is_visible(text: str) -> bool:
    """Whether a text may travel as a credential: visible ASCII, no blanks, not empty."""
    return text.isascii() and text.isprintable() and " " not in text and text != ""
