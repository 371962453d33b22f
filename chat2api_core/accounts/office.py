"""All that looks after the accounts, put together: ledger, pool, credentials, upkeep.

In: the configured accounts, and the store that instances share. Out: the parts, which know each
other. The one rule: secrets go into the store only where a key seals them and the store lasts; else
renewed tokens stay in this process.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.credentials import Credentials, Exchanging
from chat2api_core.accounts.leases import Leases
from chat2api_core.accounts.ledger import Ledger, Reach
from chat2api_core.accounts.pool import Pool
from chat2api_core.ambient import Clock, Ids
from chat2api_core.seal import Sealer
from chat2api_core.secret import Secret

if TYPE_CHECKING:
    from chat2api_core.accounts.upkeep import Upkeep
    from chat2api_core.accounts.vault import GuardedStore, Vault

# Who else writes into a store of this name; into any other one, other machines do.
_REACHES: dict[str, Reach] = {"memory": "process", "sqlite": "machine"}


class Office:
    """The parts. ``concurrency`` bounds the requests of an account, 0 does not; ``temporary`` says
    of what kind a chat is by itself; ``lasting`` whether this process is the only one and goes on;
    ``heeds_caps`` whether accounts rest for what they are known to have used up.

    ``before`` is the office whose place this one takes because the settings have changed: what is
    known, held and under way goes on. Raises ValueError for a ``secret_key`` that is too short."""

    def __init__(
        self,
        accounts: Sequence[Account],
        *,
        exchange: Exchanging,
        store: "GuardedStore",
        secret_key: Secret,
        shuffle: bool,
        concurrency: int,
        temporary: bool,
        lasting: bool,
        heeds_caps: bool = False,
        clock: Clock,
        ids: Ids,
        before: "Office | None" = None,
    ) -> None:
        if before is None:
            reach = _REACHES.get(store.name, "world")
            self.ledger = Ledger(
                clock, store, reach=reach, temporary=temporary, heeds_caps=heeds_caps
            )
            self._leases = Leases(concurrency, ids=ids, store=store if reach == "world" else None)
        else:
            self.ledger = before.ledger
            self.ledger.heeds_caps = heeds_caps
            self._leases = before._leases
            self._leases.limit = concurrency
        self.pool = Pool(
            accounts, ledger=self.ledger, leases=self._leases, shuffle=shuffle, clock=clock, ids=ids
        )
        self.credentials: Credentials = Credentials(
            exchange,
            clock=clock,
            vault=_vault(store, secret_key, ids),
            on_renewed=self.pool.learn,
            before=before.credentials if before else None,
        )
        self.credentials.adopt(accounts)
        self._accounts = accounts
        self._clock = clock
        self._lasting = lasting

    @cached_property
    def upkeep(self) -> "Upkeep":
        """What renews tokens before they are due."""
        from chat2api_core.accounts.upkeep import Upkeep  # noqa: PLC0415 (no chat waits for it)

        return Upkeep(
            self._accounts,
            credentials=self.credentials,
            ledger=self.ledger,
            clock=self._clock,
            lasting=self._lasting,
        )


def _vault(store: "GuardedStore", secret_key: Secret, ids: Ids) -> "Vault | None":
    if not secret_key or not store.durable:
        return None
    from chat2api_core.accounts.vault import Vault  # noqa: PLC0415 (there is one where there can be)

    return Vault(store, Sealer(secret_key, ids), ids)
