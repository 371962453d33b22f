"""Which account answers: pure choice among the configured ones.

Disabled, tried and resting accounts are passed over; a conversation goes on with the account that
holds it. When nobody is left, the problem says why: nobody configured, nobody fit, or everybody
resting, then with the time after which asking again makes sense.
"""

from collections.abc import Collection, Sequence

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.ledger import Ledger, Rest
from chat2api_core.ambient import Clock, Ids
from chat2api_core.problem import Kind, Problem


class Pool:
    """The accounts of this gateway. ``shuffle`` picks at random instead of in turn."""

    def __init__(
        self, accounts: Sequence[Account], *, ledger: Ledger, shuffle: bool, clock: Clock, ids: Ids
    ) -> None:
        self._accounts = tuple(account for account in accounts if not account.disabled)
        self._ledger = ledger
        self._shuffle = shuffle
        self._clock = clock
        self._ids = ids
        self._turn = 0

    def __len__(self) -> int:
        return len(self._accounts)

    def pick(
        self, *, model: str, types: Collection[str], tried: Collection[str], conversation_id: str
    ) -> Account:
        """The account to ask next. Raises ``Problem`` NO_ACCOUNT, RATE_LIMITED or UNAUTHORIZED."""
        fit = [account for account in self._accounts if account.type in types]
        if not fit:
            raise Problem(Kind.NO_ACCOUNT, _nobody(bool(self._accounts)), step="pool")
        owner = self._ledger.owner(conversation_id) if conversation_id else ""
        if owner:
            fit = [account for account in fit if account.key == owner]
            if not fit:
                message = "The account that holds this conversation is no longer configured."
                raise Problem(Kind.CONVERSATION_NOT_FOUND, message, step="pool")
        rests = {account.key: self._ledger.rest(account.key, model) for account in fit}
        free = [
            account for account in fit if account.key not in tried and rests[account.key] is None
        ]
        if not free:
            raise self._exhausted([rest for rest in rests.values() if rest is not None])
        return self._next(free)

    def _next(self, free: Sequence[Account]) -> Account:
        if self._shuffle:
            return free[int(self._ids.random() * len(free))]
        # The turn counts over all accounts, so that a resting one does not shift the order.
        self._turn += 1
        order = {account.key: place for place, account in enumerate(self._accounts)}
        start = self._turn % len(self._accounts)
        return min(free, key=lambda one: (order[one.key] - start) % len(self._accounts))

    def _exhausted(self, rests: Sequence[Rest]) -> Problem:
        if not rests:
            return Problem(Kind.NO_ACCOUNT, "No other account is left to ask.", step="pool")
        first = min(rests, key=lambda rest: rest.until)
        wait = max(0.0, first.until - self._clock.now())
        if len(rests) == 1:
            return Problem(first.kind, first.message, step="pool", retry_after=wait)
        message = f"All {len(rests)} accounts are resting; the last reason: {first.message}"
        return Problem(first.kind, message, step="pool", retry_after=wait)


def _nobody(some: bool) -> str:
    if some:
        return "None of the configured accounts is of a type that can answer this request."
    return "No ChatGPT account is configured. Set CHATGPT_ACCESS_TOKENS or CHATGPT_ACCOUNTS."
