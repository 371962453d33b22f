"""What is owed to a store that did not answer: counts, in the batches that they must be paid in.

In: batches, and how paying them went. Out: the batch to pay next. The one rule: a batch that was
sent and not confirmed may have been counted, so it is sent again as it is, under its own name that
keeps it from counting twice; what was never sent is gathered into as few batches as possible.

Bounded by ``most`` counters: beyond that the store's fault costs counts, and ``lost`` says so.
"""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from chat2api_core.ambient import Ids

_DIGITS = 24  # of a batch's name


class Batch(NamedTuple):
    """Counts that are written together. ``once`` is their name, see ``Store.increment_many``."""

    amounts: Mapping[str, int]
    ttl: float | None
    once: str


class Debts:
    """See the head of this file."""

    def __init__(self, ids: Ids, most: int) -> None:
        self._ids = ids
        self._most = most
        self._doubtful: deque[Batch] = deque()
        self._unsent: dict[float | None, dict[str, int]] = {}
        self.lost = 0

    def __len__(self) -> int:
        """How many counters are owed."""
        sent = sum(len(batch.amounts) for batch in self._doubtful)
        return sent + sum(len(amounts) for amounts in self._unsent.values())

    def batch(self, amounts: Mapping[str, int], ttl: float | None, once: str = "") -> Batch:
        """Counts under a name of their own."""
        return Batch(dict(amounts), ttl, once or self._ids.hex(_DIGITS))

    def unsent(self, batch: Batch) -> None:
        """Owe a batch that no store has seen."""
        gathered = self._unsent.setdefault(batch.ttl, {})
        room = self._most - len(self)
        for key, amount in batch.amounts.items():
            if key not in gathered:
                if room <= 0:
                    self.lost += 1
                    continue
                room -= 1
            gathered[key] = gathered.get(key, 0) + amount

    def doubtful(self, batch: Batch) -> None:
        """Owe a batch of which nobody knows whether it was counted."""
        if len(self) + len(batch.amounts) > self._most:
            self.lost += len(batch.amounts)
            return
        self._doubtful.append(batch)

    def take(self) -> Batch | None:
        """The batch to pay next, no longer owed; None where nothing is."""
        if self._doubtful:
            return self._doubtful.popleft()
        if not self._unsent:
            return None
        ttl, amounts = self._unsent.popitem()
        return self.batch(amounts, ttl)
