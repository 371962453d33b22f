"""Renews tokens by schedule, so that accounts nobody used stay signed in.

In: the configured accounts. Out: a tally of what was done. The one rule: running it twice does no
harm, because what was renewed a short time ago is left alone, and each renewal is made once among
all instances.

A token is renewed when it ends within a day, or when the last renewal is four days old; a
credential that rotates is left alone where the new one would not outlive this process.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from chat2api_core.accounts.account import Account, renewable, rotates
from chat2api_core.accounts.credentials import Credentials
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.ambient import Clock
from chat2api_core.problem import Problem

_SOON = 86_400.0
_AGE = 4 * 86_400.0
_BUDGET = 20.0  # seconds after which no further renewal is begun: a function is short-lived
_ROUND = 6 * 3600.0
_FIRST = 60.0

_log = logging.getLogger("chat2api.upkeep")


class Renewals(Struct):
    """Accounts by what became of them. ``left`` are those that there was no time for, ``skipped``
    those that have nothing to be renewed with or must not be renewed from here."""

    renewed: int = 0
    fresh: int = 0
    failed: int = 0
    out: int = 0
    left: int = 0
    skipped: int = 0


class Upkeep:
    """Looks after the accounts. ``lasting`` says whether this process is the only one and goes on,
    so that it may keep new tokens to itself."""

    def __init__(
        self,
        accounts: Sequence[Account],
        *,
        credentials: Credentials,
        ledger: Ledger,
        clock: Clock,
        lasting: bool,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._accounts = [account for account in accounts if not account.disabled]
        self._credentials = credentials
        self._ledger = ledger
        self._clock = clock
        self._lasting = lasting
        self._sleep = sleep

    async def run(self) -> Renewals:
        """Renew what is due, one account after the other."""
        done = Renewals()
        await self._ledger.look(tuple(account.key for account in self._accounts))
        end = self._clock.monotonic() + _BUDGET
        for account in self._accounts:
            if self._clock.monotonic() >= end:
                done.left += 1
            else:
                await self._attend(account, done)
        _log.info("upkeep", extra={name: getattr(done, name) for name in done.__struct_fields__})
        return done

    async def forever(self, current: "Callable[[], Upkeep] | None" = None) -> None:
        """Run now and then, until cancelled: for a server that goes on. ``current`` tells whose
        turn it is where settings, and accounts with them, may have changed."""
        await self._sleep(_FIRST)
        while True:
            await (current() if current else self).run()
            await self._sleep(_ROUND)

    async def _attend(self, account: Account, done: Renewals) -> None:
        safe = self._credentials.shared or self._lasting or not rotates(account)
        if not renewable(account) or not safe:
            done.skipped += 1
        elif self._ledger.standing(account.key).out is not None:
            done.out += 1
        else:
            await self._renew(account, done)

    async def _renew(self, account: Account, done: Renewals) -> None:
        kept = await self._credentials.known(account)
        now = self._clock.now()
        if kept.lasts(now + _SOON) and now - kept.renewed < _AGE:
            done.fresh += 1
            return
        try:
            await self._credentials.renewed(kept.account)
        except Problem as problem:
            _log.warning("account %s could not be renewed: %s", account.key, problem.code)
            await self._ledger.blame(account.key, "", problem)
            done.failed += 1
        else:
            await self._ledger.praise(account.key, "")
            done.renewed += 1
