"""Accounts that callers brought along, kept for as long as links to their pictures and files work.

A browser that follows a link knows no token, and a token that a caller brought is in no pool. So
the account of a caller whose answer has links is kept, sealed, until the last of them has ended.

The one rule: nothing is kept where the seal is no secret of this gateway's own.
"""

import logging
from typing import Literal

import msgspec
from msgspec import Struct

from chat2api_core.accounts.account import Account
from chat2api_core.seal import BadSeal, Sealer
from chat2api_core.secret import Secret
from chat2api_core.stores.base import Store, StoreError

_CONTEXT = "lent account"

_log = logging.getLogger("chat2api.loans")


class _Lent(Struct, frozen=True, array_like=True):
    """An account in plain values."""

    access_token: str
    refresh_token: str
    session_token: str
    account_id: str
    type: Literal["web", "codex"]
    handle: str


class Loans:
    """Keeps accounts. ``ttl`` is in seconds; ``sealed`` tells whether there is a SECRET_KEY:
    without it nothing goes to a store that outlives the process."""

    def __init__(self, store: Store, sealer: Sealer, *, ttl: float, sealed: bool) -> None:
        self._store = store
        self._sealer = sealer
        self._ttl = ttl
        self._allowed = sealed or not store.durable

    async def lend(self, account: Account) -> None:
        """Keep an account from now on for as long as a link works. That it cannot be kept stops
        nobody: its links then want the caller's token."""
        if not self._allowed:
            return
        lent = _Lent(
            account.access_token.reveal(),
            account.refresh_token.reveal(),
            account.session_token.reveal(),
            account.account_id,
            account.type,
            account.handle,
        )
        value = self._sealer.seal(msgspec.msgpack.encode(lent), _CONTEXT)
        try:
            await self._store.put(_key(account.key), value, self._ttl)
        except StoreError as error:
            _log.warning("links of a caller's own account will want its token: %s", error)

    async def find(self, key: str) -> Account | None:
        """The account with this key, None where none is kept."""
        try:
            value = await self._store.get(_key(key))
        except StoreError as error:
            _log.warning("lent accounts are not known: %s", error)
            return None
        if value is None:
            return None
        try:
            lent = msgspec.msgpack.decode(self._sealer.open(value, _CONTEXT), type=_Lent)
        except (BadSeal, msgspec.DecodeError):
            return None
        return Account(
            access_token=Secret(lent.access_token),
            refresh_token=Secret(lent.refresh_token),
            session_token=Secret(lent.session_token),
            account_id=lent.account_id,
            type=lent.type,
            handle=lent.handle,
        )


def _key(account_key: str) -> str:
    return f"lent:{account_key}"
