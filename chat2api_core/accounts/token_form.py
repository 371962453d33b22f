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

# Patterns; each is compiled when it is first asked about.
_ACCESS = r"eyJ[\w-]*\.[\w-]+\.[\w-]+"
_SESSION = r"eyJ[\w-]*(?:\.[\w-]*){4}"
_CODEX_REFRESH = r"rt_[\w.-]+"
_IOS_REFRESH = r"(?!sk-|fk-|sess-)[\w.-]{45}"
_ACCOUNT_ID = r"[\w-]{1,64}"


def form_of(token: str) -> TokenForm:
    """The form of a token without its workspace."""
    if re.fullmatch(_ACCESS, token, re.ASCII):
        return "access"
    if re.fullmatch(_SESSION, token, re.ASCII):
        return "session"
    if re.fullmatch(_CODEX_REFRESH, token, re.ASCII) or re.fullmatch(_IOS_REFRESH, token, re.ASCII):
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
    return re.fullmatch(_ACCOUNT_ID, text, re.ASCII) is not None


def is_visible(text: str) -> bool:
    """Whether a text may travel as a credential: visible ASCII, no blanks, not empty."""
    return text.isascii() and text.isprintable() and " " not in text and text != ""
