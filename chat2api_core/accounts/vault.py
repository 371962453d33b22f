"""Renewed tokens, sealed, where every instance finds them; the lock under which they are renewed.

In: an account's key and its tokens. Out: the same tokens, on any instance. The one rule: what
``save`` called saved is in the store, sealed with SECRET_KEY; nothing readable ever leaves the
process.

Keys: ``cred:<account>`` (its name is also the seal's context, so that a value cannot be moved to
another account) and ``lock:refresh:<account>``.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct, structs

from chat2api_core.accounts.account import Account
from chat2api_core.ambient import Ids
from chat2api_core.seal import BadSeal, Sealer
from chat2api_core.secret import Secret
from chat2api_core.stores.base import Store, StoreDown

_KEEP = 180 * 86_400.0
LOCK = 90.0
"""Seconds after which the lock of an instance that died is open again: longer than an exchange."""
_PAUSES = (0.25, 0.5, 1.0, 2.0, 2.0, 2.0)  # seconds between the tries to save

_log = logging.getLogger("chat2api.vault")


class GuardedStore(Store, Protocol):
    """A store that answers from what is known here while it is down, and one that says so."""

    @property
    def sure(self) -> Store: ...


class Tokens(Struct, frozen=True):
    """What is kept of an account. ``renewed`` is unix seconds."""

    access_token: str
    refresh_token: str
    session_token: str
    id_token: str
    renewed: float

    @classmethod
    def of(cls, account: Account, renewed: float) -> "Tokens":
        """The tokens of an account that was renewed then."""
        return cls(
            account.access_token.reveal(),
            account.refresh_token.reveal(),
            account.session_token.reveal(),
            account.id_token.reveal(),
            renewed,
        )

    def on(self, account: Account, key: str) -> Account:
        """The account as it is configured, with these tokens in place of its own."""
        return structs.replace(
            account,
            access_token=Secret(self.access_token),
            refresh_token=Secret(self.refresh_token),
            session_token=Secret(self.session_token),
            id_token=Secret(self.id_token),
            handle=key,
        )


class Vault:
    """Keeps tokens in a store that others share."""

    def __init__(
        self,
        store: GuardedStore,
        sealer: Sealer,
        ids: Ids,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._sealer = sealer
        self._ids = ids
        self._sleep = sleep
        self._told: set[str] = set()

    async def load(self, key: str, *, sure: bool = False) -> Tokens | None:
        """The tokens that an instance saved last, None where there are none that open here.

        With ``sure`` it raises ``StoreDown``; else it then tells what this process knew."""
        raw = await (self._store.sure if sure else self._store).get(_name(key))
        return None if raw is None else self._opened(key, raw)

    async def load_many(self, keys: Sequence[str]) -> dict[str, Tokens]:
        """``load`` for those of the keys that there is something for."""
        raws = await self._store.get_many([_name(key) for key in keys])
        pairs = ((key, self._opened(key, raw)) for key, raw in zip(keys, raws, strict=True) if raw)
        return {key: tokens for key, tokens in pairs if tokens is not None}

    def _opened(self, key: str, raw: bytes) -> Tokens | None:
        try:
            return _decoder.decode(self._sealer.open(raw, _name(key)))
        except BadSeal as error:
            self._tell(key, str(error))
        except msgspec.DecodeError:
            self._tell(key, "They have a form that is not known here.")
        return None

    async def save(self, key: str, tokens: Tokens, *, once: bool = False) -> bool:
        """Whether the tokens are in the store now; it is tried for some seconds, or ``once``."""
        name = _name(key)
        sealed = self._sealer.seal(msgspec.json.encode(tokens), name)
        for pause in (None,) if once else (*_PAUSES, None):
            try:
                await self._store.sure.put(name, sealed, _KEEP)
            except StoreDown:
                if pause is not None:
                    await self._sleep(pause)
            else:
                return True
        if not once:
            _log.error("the renewed tokens of account %s are not saved: the store is down", key)
        return False

    async def lock(self, key: str) -> str | None:
        """The mark to ``unlock`` with, None while another instance renews this account. Raises
        ``StoreDown``."""
        mark = self._ids.hex(32)
        taken = await self._store.sure.add(f"lock:refresh:{key}", mark.encode(), LOCK)
        return mark if taken else None

    async def unlock(self, key: str, mark: str) -> None:
        """Let others renew it. A lock that was lost in between is left to its new holder."""
        await self._store.delete_if(f"lock:refresh:{key}", mark.encode())

    def _tell(self, key: str, why: str) -> None:
        if key not in self._told and len(self._told) < 1000:  # noqa: PLR2004 (once each; bounded)
            self._told.add(key)
            _log.warning("the kept tokens of account %s are not used: %s", key, why)


def _name(key: str) -> str:
    """Where an account's tokens stand, and what they are sealed for."""
    return f"cred:{key}"


_decoder = msgspec.json.Decoder(Tokens)
