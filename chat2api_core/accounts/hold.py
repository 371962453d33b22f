"""An account in the hands of one request.

In: the account, its lease, and whether it is being probed. Out: the same, released once. The one
rule: whoever got a hold releases it, whatever becomes of the request.
"""

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.leases import Lease
from chat2api_core.accounts.ledger import Ledger


class Hold:
    """An account, for one request. Call ``proved`` when it works, and ``release`` in any case.

    ``scope`` is that of the rest after which this request is the first to try, None for none."""

    __slots__ = ("_lease", "_ledger", "_scope", "account")

    def __init__(self, account: Account, lease: Lease, ledger: Ledger, scope: str | None) -> None:
        self.account = account
        self._lease = lease
        self._ledger = ledger
        self._scope = scope

    async def proved(self) -> None:
        """The account has answered, or failed: who waited for the outcome of a probe may go on."""
        if self._scope is not None:
            await self._ledger.probed(self.account.key, self._scope)
            self._scope = None

    async def release(self) -> None:
        """Let go of the account; twice does no harm. What others wait for is done to its end, even
        where the request is cancelled."""
        if self._lease.key or self._scope is not None:
            from chat2api_core.abreast import unbroken  # noqa: PLC0415 (few have to tell a store)

            await unbroken(self._let_go())
        else:
            await self._lease.release()
        await self._ledger.settle()

    async def _let_go(self) -> None:
        await self._lease.release()
        await self.proved()
