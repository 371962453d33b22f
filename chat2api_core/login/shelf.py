"""The file that sign-ins are stored in: a JSON list of account objects.

It is for ``CHATGPT_ACCOUNTS`` (``CHATGPT_ACCOUNTS="$(cat accounts.json)"``). The rules: the file is
readable by its owner only, is replaced whole or not at all, and keeps what it held; an account that
is in it already gets the new tokens in its old place.
"""

import os
import tempfile
from pathlib import Path

import msgspec

from chat2api_core.login.forms import AccountObject
from chat2api_core.problem import Kind, Problem

_MODE = 0o600
_IDENTITY = ("type", "account_id", "email")


def store(path: Path, account: AccountObject) -> int:
    """Put the account into the file, which need not be there yet; how many it then holds.

    Raises ``Problem`` INVALID_REQUEST for a file of another kind, ``OSError`` where it cannot be
    read or written."""
    known = _read(path)
    kept = [one for one in known if not _same(one, account)]
    place = next((at for at, one in enumerate(known) if _same(one, account)), len(kept))
    kept.insert(place, {**_previous(known, account), **account})
    _replace(path, msgspec.json.format(msgspec.json.encode(kept), indent=2) + b"\n")
    return len(kept)


def _read(path: Path) -> list[dict[str, object]]:
    if not path.exists():
        return []
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[dict[str, object]])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"{path} is not a JSON list of accounts; nothing was written."
        raise Problem(Kind.INVALID_REQUEST, message, step="auth") from error


def _same(one: dict[str, object], account: AccountObject) -> bool:
    """The same login in the same workspace."""
    named = account.get("account_id") or account.get("email")
    return bool(named) and all(one.get(key) == account.get(key) for key in _IDENTITY)


def _previous(known: list[dict[str, object]], account: AccountObject) -> dict[str, object]:
    """What the file said of this account, such as its proxy."""
    return next((one for one in known if _same(one, account)), {})


def _replace(path: Path, raw: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".new-", suffix=".json", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
        temporary.chmod(_MODE)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
