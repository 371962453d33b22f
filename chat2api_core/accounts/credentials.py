"""Access tokens that work: kept, shared between instances, renewed when they are due or refused.

In: an account as it is configured. Out: the account with a token to use. The one rule: of all who
need a new token of one account at the same time, on all instances, one makes the exchange, and the
new tokens are saved before anybody uses them; for the old ones may be spent by then.

In this process they share one task, its failure too; it goes on when they hang up. Among instances
a lock in the store decides (``vault``); who does not get it waits for the other one's tokens, but
not for long where the token that it has still works. Where the store is down a credential that
rotates is left alone, because two instances that renew it at the same time would lose the account;
a token that still works goes on being used. New tokens that the store does not take are saved when
it does (``unsaved``); until then, or until it opens by itself, the lock stays closed.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from msgspec import structs

from chat2api_core.accounts.account import Account, renewable, rotates
from chat2api_core.accounts.signed_in import SignedIn
from chat2api_core.accounts.unsaved import Unsaved
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
_HURRY = 5.0  # seconds that a request with a token that still works waits for a new one

_log = logging.getLogger("chat2api.credentials")


class Exchanging(Protocol):
    """What is needed of ``exchange.Exchange``."""

    async def renew(self, account: Account) -> Account: ...


class Credentials:
    """Gives an account a working access token. Without a vault, new ones stay in this process.

    ``on_renewed`` hears of every account whose tokens changed. ``before`` is what these take the
    place of: they know the same tokens, and its exchanges under way are theirs too. ``hurry`` is in
    seconds; ``later`` is how what could not be saved waits for its next try."""

    def __init__(
        self,
        exchange: Exchanging,
        *,
        clock: Clock,
        vault: "Vault | None" = None,
        on_renewed: Callable[[Account], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        before: "Credentials | None" = None,
        hurry: float = _HURRY,
        later: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._vault = vault
        self._on_renewed = on_renewed
        self._sleep = sleep
        self._kept: OrderedDict[str, SignedIn] = before._kept if before else OrderedDict()
        self._flights: dict[str, asyncio.Task[SignedIn]] = before._flights if before else {}
        self._unsaved: Unsaved = before._unsaved if before else Unsaved(self._save, sleep=later)
        self._hurry = hurry

    async def ready(self, account: Account) -> Account:
        """The account with an access token that is not about to end. Raises ``Problem`` of step
        "refresh": UNAUTHORIZED where the credential is dead, else what hindered the exchange."""
        if not renewable(account):
            return account
        key = account.key
        kept = self._current(key, account)
        now = self._clock.now()
        if kept.lasts(now + LEAD):
            return kept.account
        works = kept.lasts(now)
        try:
            return (await self._renew(key, kept, self._hurry if works else None)).account
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

    async def known(self, account: Account) -> SignedIn:
        """What is known of the account's token, here or in the store. Asks nobody else."""
        return (await self.all_known((account,)))[0]

    async def all_known(self, accounts: Sequence[Account]) -> list[SignedIn]:
        """``known`` for each of the accounts, with one question for all of them."""
        here = [self._current(account.key, account) for account in accounts]
        stored = await self._vault.load_many([one.key for one in accounts]) if self._vault else {}
        return [
            self._learnt(account.key, kept, stored.get(account.key))
            for account, kept in zip(accounts, here, strict=True)
        ]

    def _learnt(self, key: str, before: SignedIn, stored: "Tokens | None") -> SignedIn:
        kept = self._current(key, before.account)
        if stored is None or kept is not before or key in self._unsaved:
            return kept
        found = SignedIn.of(stored.on(kept.account, key), stored.renewed)
        # Not by its time: clocks of instances differ.
        if found.account.access_token == kept.account.access_token:
            return kept
        self._on_renewed(found.account)
        return self._keep(key, found)

    def adopt(self, accounts: Iterable[Account]) -> None:
        """Take in that these accounts are configured anew; tokens that were renewed stay."""
        for account in accounts:
            kept = self._kept.get(key := account.key)
            if kept is None:
                continue
            if kept.renewed:
                self._kept[key] = structs.replace(kept, account=kept.tokens.on(account, key))
            else:
                self._kept[key] = SignedIn.of(account)
            self._on_renewed(self._kept[key].account)

    @property
    def shared(self) -> bool:
        """Whether new tokens outlive this process."""
        return self._vault is not None

    @property
    def owed(self) -> int:
        """How many accounts have new tokens that are not saved yet: only this process has them."""
        return len(self._unsaved)

    async def aclose(self) -> None:
        """Save what could not be saved, if that is possible now."""
        await self._unsaved.aclose()

    def _current(self, key: str, account: Account) -> SignedIn:
        kept = self._kept.get(key)
        if kept is None:
            kept = self._keep(key, SignedIn.of(account))
        else:
            self._kept.move_to_end(key)
        return kept

    def _keep(self, key: str, kept: SignedIn) -> SignedIn:
        self._kept[key] = kept
        self._kept.move_to_end(key)
        if len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)
        return kept

    # ------------------------------------------------------------------------------ one at a time

    async def _renew(self, key: str, kept: SignedIn, patience: float | None = None) -> SignedIn:
        """New tokens. With ``patience`` (seconds) the old ones where these do not come in time;
        then they serve the next one."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(self._fetch(key, kept))
            flight.add_done_callback(lambda landed: self._land(key, landed))
        # This does not cancel it when this caller is cancelled.
        await asyncio.wait((flight,), timeout=patience)
        return flight.result() if flight.done() else kept

    def _land(self, key: str, flight: asyncio.Task[SignedIn]) -> None:
        del self._flights[key]
        if not flight.cancelled():
            flight.exception()  # who waited has it; nobody may be left to have it

    async def _fetch(self, key: str, kept: SignedIn) -> SignedIn:
        fresh = await self._found_or_exchanged(key, kept)
        self._on_renewed(fresh.account)
        return self._keep(key, fresh)

    async def _found_or_exchanged(self, key: str, kept: SignedIn) -> SignedIn:
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

    async def _locked(
        self, vault: "Vault", key: str, kept: SignedIn
    ) -> tuple[str | None, SignedIn | None]:
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

    async def _under_lock(self, vault: "Vault", key: str, mark: str, kept: SignedIn) -> SignedIn:
        saved = True
        try:
            found = await self._stored(key, kept, sure=True)
            if found is not None and self._will_do(found, kept.account.access_token):
                return found
            fresh = await self._exchanged(key, found or kept)
            saved = False  # also where saving is broken off
            saved = await vault.save(key, fresh.tokens)
        except StoreDown as error:
            raise _down() from error
        finally:
            if saved:  # else the next one would show the sign-in server what has been spent
                await vault.unlock(key, mark)
        if not saved:
            self._unsaved.add(key)
        return fresh

    async def _without_store(self, key: str, kept: SignedIn, error: StoreDown) -> SignedIn:
        if rotates(kept.account):
            raise _down() from error
        fresh = await self._exchanged(key, kept)
        self._unsaved.add(key)
        return fresh

    async def _exchanged(self, key: str, kept: SignedIn) -> SignedIn:
        fresh = structs.replace(await self._exchange.renew(kept.account), handle=key)
        return SignedIn.of(fresh, self._clock.now())

    async def _stored(self, key: str, kept: SignedIn, *, sure: bool = False) -> SignedIn | None:
        if self._vault is None or key in self._unsaved:  # then the store knows less
            return None
        tokens = await self._vault.load(key, sure=sure)
        return None if tokens is None else SignedIn.of(tokens.on(kept.account, key), tokens.renewed)

    def _will_do(self, found: SignedIn, refused: Secret) -> bool:
        return found.account.access_token != refused and found.lasts(self._clock.now())

    async def _save(self, key: str) -> bool:
        """Save what could not be saved when it was renewed."""
        kept = self._kept.get(key)
        if self._vault is None or kept is None:
            return True  # there is nothing left to save
        saved = await self._vault.save(key, kept.tokens, once=True)
        return saved and self._kept.get(key) is kept  # else there is something newer


def _down() -> Problem:
    message = "The account's token has to be renewed, but the store that keeps the new one is down."
    return Problem(Kind.UNAVAILABLE, message, step="refresh", retry_after=5)
