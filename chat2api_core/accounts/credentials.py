"""Access tokens that work: kept, shared between instances, renewed when they are due or refused.

In: an account as it is configured. Out: the account with a token to use. The one rule: of all who
need a new token of one account at the same time, on all instances, one makes the exchange, and the
new tokens are saved before anybody uses them; for the old ones may be spent by then.

In this process they share one task, its failure too; it goes on when they hang up. Among instances
a lock in the store decides (``vault``); who does not get it waits for the other one's tokens. Where
the store is down a credential that rotates is left alone, because two instances that renew it at
the same time would lose the account; a token that still works goes on being used.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct, structs

from chat2api_core.accounts.account import Account, read_claims, renewable, rotates
from chat2api_core.ambient import Clock
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.stores.base import StoreDown

if TYPE_CHECKING:
    from chat2api_core.accounts.vault import Tokens, Vault

LEAD = 300.0
"""Seconds before its end at which a token is renewed."""
_MAX_KEPT = 10_000
_POLL = 0.2  # seconds between two looks for the tokens that another instance is renewing
_PATIENCE = 30.0  # seconds that tokens are waited for after the lock has gone
_DOWN_TRIES = 3
_OWED_EVERY = 5.0

_log = logging.getLogger("chat2api.credentials")


class Exchanging(Protocol):
    """What is needed of ``exchange.Exchange``."""

    async def renew(self, account: Account) -> Account: ...


class Kept(Struct, frozen=True):
    """An account and when its access token ends; ``renewed`` is 0 where that is not known. All are
    unix seconds, an end of 0 means never."""

    account: Account
    expires: float
    renewed: float = 0.0

    def lasts(self, until: float) -> bool:
        """Whether the token works until then."""
        return bool(self.account.access_token) and (not self.expires or self.expires > until)


class Credentials:
    """Gives an account a working access token. Without a vault, new ones stay in this process.

    ``on_renewed`` hears of every account whose tokens changed. ``before`` is what these take the
    place of: they know the same tokens, and its exchanges under way are theirs too."""

    def __init__(
        self,
        exchange: Exchanging,
        *,
        clock: Clock,
        vault: "Vault | None" = None,
        on_renewed: Callable[[Account], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        before: "Credentials | None" = None,
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._vault = vault
        self._on_renewed = on_renewed
        self._sleep = sleep
        self._kept: OrderedDict[str, Kept] = before._kept if before else OrderedDict()
        self._flights: dict[str, asyncio.Task[Kept]] = before._flights if before else {}
        self._owed: dict[str, float] = before._owed if before else {}

    async def ready(self, account: Account) -> Account:
        """The account with an access token that is not about to end. Raises ``Problem`` of step
        "refresh": UNAUTHORIZED where the credential is dead, else what hindered the exchange."""
        if not renewable(account):
            return account
        key = account.key
        kept = self._current(key, account)
        if self._owed:
            await self._pay(key, kept)
        if kept.lasts(self._clock.now() + LEAD):
            return kept.account
        try:
            return (await self._renew(key, kept)).account
        except Problem as problem:
            if not kept.lasts(self._clock.now()):
                raise
            _log.warning("account %s goes on with its old token: %s", key, problem.code)
            return kept.account

    async def renewed(self, account: Account) -> Account | None:
        """The account with another access token than the one it has, which was refused. None where
        it has no other credential."""
        if not renewable(account):
            return None
        key = account.key
        kept = self._current(key, account)
        if kept.account.access_token and kept.account.access_token != account.access_token:
            return kept.account  # somebody else has renewed it meanwhile
        return (await self._renew(key, kept)).account

    async def known(self, account: Account) -> Kept:
        """What is known of the account's token, here or in the store. Asks nobody else."""
        kept = self._current(account.key, account)
        stored = await self._stored(account.key, kept)
        if stored is None or stored.renewed <= kept.renewed:
            return kept
        self._on_renewed(stored.account)
        return self._keep(account.key, stored)

    def adopt(self, accounts: Iterable[Account]) -> None:
        """Take in that these accounts are configured anew; tokens that were renewed stay."""
        for account in accounts:
            kept = self._kept.get(key := account.key)
            if kept is None:
                continue
            if kept.renewed:
                tokens = _tokens(kept)
                self._kept[key] = structs.replace(kept, account=tokens.on(account, key))
            else:
                self._kept[key] = _kept(account)
            self._on_renewed(self._kept[key].account)

    @property
    def shared(self) -> bool:
        """Whether new tokens outlive this process."""
        return self._vault is not None

    def _current(self, key: str, account: Account) -> Kept:
        kept = self._kept.get(key)
        if kept is None:
            kept = self._keep(key, _kept(account))
        else:
            self._kept.move_to_end(key)
        return kept

    def _keep(self, key: str, kept: Kept) -> Kept:
        self._kept[key] = kept
        self._kept.move_to_end(key)
        if len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)
        return kept

    # ------------------------------------------------------------------------------ one at a time

    async def _renew(self, key: str, kept: Kept) -> Kept:
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(self._fetch(key, kept))
            flight.add_done_callback(lambda landed: self._land(key, landed))
        await asyncio.wait((flight,))  # does not cancel it when this caller is cancelled
        return flight.result()

    def _land(self, key: str, flight: asyncio.Task[Kept]) -> None:
        del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # who waited has it; nobody may be left to have it

    async def _fetch(self, key: str, kept: Kept) -> Kept:
        fresh = await self._found_or_exchanged(key, kept)
        self._on_renewed(fresh.account)
        return self._keep(key, fresh)

    async def _found_or_exchanged(self, key: str, kept: Kept) -> Kept:
        if self._vault is None:
            return await self._exchanged(key, kept)
        found = await self._stored(key, kept)
        if found is not None and self._will_do(found, kept.account.access_token):
            return found
        try:
            mark, found = await self._locked(self._vault, key, kept)
        except StoreDown as error:
            return await self._without_store(key, found or kept, error)
        if mark is None:
            assert found is not None
            return found
        return await self._under_lock(self._vault, key, mark, kept)

    async def _locked(self, vault: "Vault", key: str, kept: Kept) -> tuple[str | None, Kept | None]:
        """The lock, or else the tokens that another instance has got under it. Raises
        ``StoreDown``, or ``Problem`` where neither comes in time."""
        from chat2api_core.accounts.vault import LOCK  # noqa: PLC0415 (there is a vault)

        refused = kept.account.access_token
        end = self._clock.monotonic() + LOCK + _PATIENCE
        downs = 0
        while self._clock.monotonic() < end:
            try:
                mark = await vault.lock(key)
            except StoreDown:
                downs += 1
                if downs >= _DOWN_TRIES:
                    raise
                mark = None
            if mark is not None:
                return mark, None
            await self._sleep(_POLL)
            found = await self._stored(key, kept)
            if found is not None and self._will_do(found, refused):
                return None, found
        message = "Another instance has been renewing the account's token for too long."
        raise Problem(Kind.UNAVAILABLE, message, step="refresh")

    async def _under_lock(self, vault: "Vault", key: str, mark: str, kept: Kept) -> Kept:
        try:
            found = await self._stored(key, kept, sure=True)
            if found is not None and self._will_do(found, kept.account.access_token):
                return found
            fresh = await self._exchanged(key, found or kept)
            if not await vault.save(key, _tokens(fresh)):
                self._owed[key] = self._clock.monotonic()
        except StoreDown as error:
            raise _down() from error
        finally:
            await vault.unlock(key, mark)
        return fresh

    async def _without_store(self, key: str, kept: Kept, error: StoreDown) -> Kept:
        if rotates(kept.account):
            raise _down() from error
        fresh = await self._exchanged(key, kept)
        self._owed[key] = self._clock.monotonic()
        return fresh

    async def _exchanged(self, key: str, kept: Kept) -> Kept:
        fresh = structs.replace(await self._exchange.renew(kept.account), handle=key)
        return _kept(fresh, self._clock.now())

    async def _stored(self, key: str, kept: Kept, *, sure: bool = False) -> Kept | None:
        if self._vault is None:
            return None
        tokens = await self._vault.load(key, sure=sure)
        return None if tokens is None else _kept(tokens.on(kept.account, key), tokens.renewed)

    def _will_do(self, found: Kept, refused: Secret) -> bool:
        return found.account.access_token != refused and found.lasts(self._clock.now())

    async def _pay(self, key: str, kept: Kept) -> None:
        """Save what could not be saved when it was renewed, once in a while."""
        now = self._clock.monotonic()
        since = self._owed.get(key)
        if since is None or now - since < _OWED_EVERY or self._vault is None:
            return
        self._owed[key] = now
        if await self._vault.save(key, _tokens(kept), once=True):
            self._owed.pop(key, None)


def _kept(account: Account, renewed: float = 0.0) -> Kept:
    return Kept(account, read_claims(account.access_token).expires, renewed)


def _tokens(kept: Kept) -> "Tokens":
    from chat2api_core.accounts.vault import Tokens  # noqa: PLC0415 (most tokens stay as they are)

    return Tokens.of(kept.account, kept.renewed)


def _down() -> Problem:
    message = (
        "The account's token has to be renewed, which is not safe while the store that keeps the "
        "new one is down. Try again in a moment."
    )
    return Problem(Kind.UNAVAILABLE, message, step="refresh", retry_after=5)
