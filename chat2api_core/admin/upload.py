"""Accounts as people paste or upload them, to entries of the settings document. Pure.

In: text. Out: entries as ``chatgpts`` has them, and what could not be read. Forms:

    lines                 a token of any kind, or ``token,account-id``; ``#`` begins a comment
    our own objects       as in the settings file, one or a list, JSON
    auth.json             of the Codex CLI: ``{"tokens": {"access_token", "refresh_token", ...}}``
    token files           of other gateways: ``{"type": "codex", "access_token", "email", ...}``
    the site's session    ``{"accessToken", "user": {"email"}}`` as /api/auth/session shows it

The one rule: what is wrong is told by its place, and never repeated.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.token_form import form_of
from chat2api_core.config.accounts import ACCOUNTS, KEYS, TOKENS
from chat2api_core.config.error import Mismatch
from chat2api_core.config.tree import Tree

LARGEST = 1_000_000
_MOST = 10_000
_SHORTEST_TOKEN = 20
_TOKENS = ("access_token", "refresh_token", "session_token", "id_token")
_KNOWN = {key.name for key in KEYS}


class Upload(NamedTuple):
    """What was read, and where something could not be: "line 3", "object 2"."""

    entries: list[dict[str, Tree]]
    wrong: list[str]


def read_upload(text: str) -> Upload:
    """The accounts in a text. What is in none of the forms is told, the rest is taken."""
    stripped = text.lstrip("\ufeff \t\r\n")
    found = _from_json(stripped) if stripped.startswith(("{", "[")) else _from_lines(stripped)
    entries: list[dict[str, Tree]] = []
    wrong: list[str] = []
    for number, (place, entry) in enumerate(found):
        if entry is None or number >= _MOST:
            wrong.append(place)
        else:
            entries.append(entry)
    return Upload(entries, wrong)


def _from_lines(text: str) -> Iterator[tuple[str, dict[str, Tree] | None]]:
    for number, line in enumerate(text.splitlines(), 1):
        piece = line.partition("#")[0].strip()
        if piece:
            yield from ((f"line {number}", entry) for entry in _line(piece))


def _line(text: str) -> list[dict[str, Tree] | None]:
    if text.startswith("{"):
        return [entry for _, entry in _from_json(text)]
    try:
        accounts = TOKENS.read(text)
    except Mismatch:
        return [None]
    return [_entry(account) for account in accounts]


def _entry(account: Account) -> dict[str, Tree] | None:
    token = account.access_token.reveal()
    if token and form_of(token) == "opaque" and len(token) < _SHORTEST_TOKEN:
        return None  # a word that somebody forgot to take out
    entry: dict[str, Tree] = {
        name: getattr(account, name).reveal() for name in _TOKENS if getattr(account, name)
    }
    if account.account_id:
        entry["account_id"] = account.account_id
    return entry


def _from_json(text: str) -> Iterator[tuple[str, dict[str, Tree] | None]]:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        # Perhaps objects one behind the other, a line each.
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and all(line.lstrip().startswith("{") for line in lines):
            for number, line in enumerate(lines, 1):
                yield from ((f"line {number}", entry) for _, entry in _from_json(line))
        else:
            yield "the JSON", None
        return
    items = value if isinstance(value, list) else [value]
    for number, item in enumerate(items, 1):
        if isinstance(item, str):
            yield from ((f"object {number}", entry) for entry in _line(item))
        else:
            yield f"object {number}", _object(item)


def _object(item: object) -> dict[str, Tree] | None:
    if not isinstance(item, dict):
        return None
    fields = _flat(item)
    entry = {name: value for name, value in fields.items() if name in _KNOWN and value}
    try:
        ACCOUNTS.read([entry])
    except Mismatch:
        return None
    return entry


def _flat(item: dict[object, object]) -> dict[str, Tree]:
    """The object's fields under our names, as text."""
    fields = {str(name): value for name, value in item.items()}
    inner = fields.get("tokens")
    if isinstance(inner, dict):  # auth.json of the Codex CLI
        fields = {"type": "codex", **{str(name): value for name, value in inner.items()}}
    if "accessToken" in fields:  # what the site tells its own page
        user = fields.get("user")
        fields["access_token"] = fields["accessToken"]
        fields["session_token"] = fields.get("sessionToken")
        fields["email"] = user.get("email") if isinstance(user, dict) else ""
    out: dict[str, Tree] = {}
    for name, value in fields.items():
        if isinstance(value, bool):
            out[name] = "true" if value else ""
        elif isinstance(value, str):
            out[name] = value.strip()
    for moment in ("last_refresh", "expired"):
        out.pop(moment, None)  # the tokens say it themselves
    return out
