"""What the pages are told while the store does not answer, and figures that say whose they are.

In: the gateway. Out: documents for the pages. The one rule: what this process alone knows is never
shown as if it were all there is.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from chat2api_core.metering.report import Row, read_rows
from chat2api_core.stores.base import StoreDown

if TYPE_CHECKING:
    from chat2api_core.wiring import Gateway

Coverage: TypeAlias = Literal["everything", "this_process"]
"""Whose requests figures count: those of all instances and times, or of this process since it
began."""


class Counted(NamedTuple):
    """Rows, and whose requests they are."""

    rows: list[Row]
    coverage: Coverage


async def counted(gateway: "Gateway", days: Sequence[str]) -> Counted:
    """What was used on these days, as far as it can be known now."""
    await gateway.tally.write()
    try:
        rows = await read_rows(gateway.store.sure, days)
    except StoreDown:
        rows = await read_rows(gateway.store, days, unlisted=gateway.tally.unlisted)
        return Counted(rows, "this_process")
    return Counted(rows, "everything" if gateway.store.durable else "this_process")


def outage(gateway: "Gateway") -> dict[str, object] | None:
    """Since when (unix seconds) and why the store is down, and what waits for it: ``counters``, and
    renewed ``tokens`` that are lost if this process ends before; None while it answers."""
    status, tokens = gateway.store.status, gateway.tokens_owed
    if status.down_since is None and not tokens:
        return None
    return {
        "store": status.name,
        "since": None if status.down_since is None else int(status.down_since),
        "error": status.error,
        "counters": gateway.store.owed,
        "tokens": tokens,
    }
