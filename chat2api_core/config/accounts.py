"""Accounts as users write them into a variable or the file, to ``Account`` values. Pure.

Two ways: a list of bare tokens (``read_tokens``), and a list of objects (``read_accounts``) as JSON
or YAML. The one rule: an object with an unknown key or without a credential is refused, because a
mistyped key would silently leave an account out.
"""

import re
from typing import NamedTuple

from msgspec import structs

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.token_form import account_of, is_visible
from chat2api_core.config.error import Mismatch, shown_key
from chat2api_core.config.forms import (
    ACCOUNT_ID,
    FLAG,
    MOMENT,
    NOTE,
    PROXY,
    TOKEN,
    Form,
    choice,
    text_of,
)
from chat2api_core.config.tree import Tree, read_tree

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_LINES = re.compile(r"[;\n\r]")


class Key(NamedTuple):
    """A key of an account object. One without ``field`` is accepted and checked, without effect."""

    name: str
    form: Form[object]
    about: str
    field: bool = True


KEYS = (
    Key("access_token", TOKEN, "JWT of a login"),
    Key("refresh_token", TOKEN, "fetches access tokens: `rt_…` or 45 characters"),
    Key("session_token", TOKEN, "cookie `__Secure-next-auth.session-token` of the website"),
    Key("id_token", TOKEN, "JWT of the same login, if at hand"),
    Key("account_id", ACCOUNT_ID, "workspace to use, where the login has several"),
    Key("email", NOTE, "a name for you to know the account by"),
    Key(
        "type",
        choice("web", "codex", aliases=(("chatgpt", "web"),)),
        "`web`, or `codex` for a sign-in of the Codex client",
    ),
    Key("proxy", PROXY, "proxy of this account alone"),
    Key("disabled", FLAG, "`true` rests the account"),
    Key("last_refresh", MOMENT, "as other clients write it: accepted, without effect", field=False),
    Key("expired", MOMENT, "the same: the token itself says when it ends", field=False),
)
_KEYS = {key.name: key for key in KEYS}
_CLI_KEYS = {"tokens", "last_refresh", "OPENAI_API_KEY", "auth_mode"}


def _read_tokens(tree: Tree) -> tuple[Account, ...]:
    lines = _LINES.split(text_of(tree))
    return tuple(account for line in lines for account in _line_of_tokens(line))


def _line_of_tokens(line: str) -> list[Account]:
    """The accounts of one line. A comma parts two tokens, or a token from its workspace: tokens
    never look like a UUID, workspace ids always do."""
    accounts: list[Account] = []
    open_token = ""
    for piece in filter(None, map(str.strip, line.split(","))):
        if not is_visible(piece):
            raise Mismatch
        if not re.fullmatch(_UUID, piece, re.ASCII):
            accounts.append(account_of(piece))
            open_token = piece
        elif open_token:
            accounts[-1] = account_of(open_token, piece)
            open_token = ""
        else:
            raise Mismatch("a token before each account id")
    return accounts


def _read_accounts(tree: Tree) -> tuple[Account, ...]:
    items = read_tree(tree) if isinstance(tree, str) else tree
    if items == "":
        return ()
    if not isinstance(items, list):
        raise Mismatch
    return tuple(_account(item, f"[{index}]") for index, item in enumerate(items))


def _flat(tree: dict[str, Tree]) -> dict[str, Tree]:
    """An account object; the file auth.json of the Codex CLI holds one, a level deeper."""
    tokens = tree.get("tokens")
    if not isinstance(tokens, dict) or not set(tree) <= _CLI_KEYS:
        return tree
    return {"type": "codex", "last_refresh": tree.get("last_refresh", ""), **tokens}


def _account(tree: Tree, place: str) -> Account:
    if not isinstance(tree, dict):
        raise Mismatch("an account object", place)
    values: dict[str, object] = {}
    for name, value in _flat(tree).items():
        key = _KEYS.get(name)
        if key is None:
            known = ", ".join(_KEYS)
            raise Mismatch(f"a known key ({known})", f"{place}.{shown_key(name)}")
        if value == "":
            continue  # an empty text is unset, as everywhere
        try:
            read = key.form.read(value)
        except Mismatch:
            raise Mismatch(key.form.expected, f"{place}.{name}") from None
        if key.field:
            values[name] = read
    account = structs.replace(Account(), **values)
    if account.anonymous:
        raise Mismatch("access_token, refresh_token or session_token", place)
    return account


TOKENS = Form(
    "tokens separated by commas or newlines, each perhaps followed by ,account-id (a UUID)",
    _read_tokens,
)
ACCOUNTS = Form("a JSON or YAML list of account objects", _read_accounts)
