"""The forms in which a sign-in is kept, read and written. Pure.

In: a file of the Codex client (``auth.json``), one of the proxy CLIProxyAPI, an account object of
ours, or the tokens of a fresh sign-in. Out: an ``Account``, and the object that goes into the list
of accounts. The rule: what is written is read back by the settings as the same account.
"""

from typing import TypeAlias

import msgspec
from msgspec import Struct

from chat2api_core.accounts.account import Account, read_claims
from chat2api_core.login.authority import Tokens
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret

AccountObject: TypeAlias = dict[str, str]


class _Inner(Struct):
    id_token: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    account_id: str | None = None


class _File(_Inner):
    """Either form: the Codex client keeps its tokens in an object of their own."""

    tokens: _Inner | None = None
    email: str | None = None


def read_file(raw: bytes) -> Account:
    """The account in a file. Raises ``Problem`` INVALID_REQUEST where there is none in it."""
    try:
        file = msgspec.json.decode(raw, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = "The file is not JSON of a known form (auth.json, or a CLIProxyAPI account)."
        raise Problem(Kind.INVALID_REQUEST, message, step="auth") from error
    found = file.tokens or file
    if not (found.access_token or found.refresh_token):
        message = "The file holds neither an access token nor a refresh token."
        raise Problem(Kind.INVALID_REQUEST, message, step="auth")
    return _account(
        Tokens(
            Secret(found.access_token or ""),
            Secret(found.refresh_token or ""),
            Secret(found.id_token or ""),
        ),
        account_id=found.account_id or file.account_id or "",
        email=file.email or "",
    )


def of_tokens(tokens: Tokens) -> Account:
    """The account of a fresh sign-in."""
    return _account(tokens)


def _account(tokens: Tokens, account_id: str = "", email: str = "") -> Account:
    access, identity = read_claims(tokens.access_token), read_claims(tokens.id_token)
    return Account(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        id_token=tokens.id_token,
        account_id=account_id or access.account_id or identity.account_id,
        email=email or identity.email or access.email,
        type="codex",
    )


def to_object(account: Account) -> AccountObject:
    """The account as the list of accounts takes it. It shows the tokens."""
    fields = {
        "type": account.type,
        "email": account.email,
        "account_id": account.account_id,
        "access_token": account.access_token.reveal(),
        "refresh_token": account.refresh_token.reveal(),
        "id_token": account.id_token.reveal(),
    }
    return {name: value for name, value in fields.items() if value}
