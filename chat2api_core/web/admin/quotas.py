"""What an account may still use, asked of ChatGPT because somebody looks at it.

In: an account. Out: whether it was told; the ledger, and all instances with it, know it then. The
one rule: nothing here happens for a request of the API.
"""

import asyncio
from typing import TYPE_CHECKING

from chat2api_core.accounts.account import Account
from chat2api_core.problem import Kind, Problem

if TYPE_CHECKING:
    from chat2api_core.wiring import Gateway

_PATIENCE = 20.0  # seconds


async def look_up(gateway: "Gateway", account: Account) -> bool:
    """Ask with a token that works. Raises ``Problem``."""
    office = gateway.office
    ready = await office.credentials.ready(account)
    try:
        async with asyncio.timeout(_PATIENCE):
            told = await _asked(gateway, ready)
    except TimeoutError:
        raise Problem(Kind.TIMEOUT, "ChatGPT did not tell in time.", step="quota") from None
    await office.ledger.settle(at_once=account.key)
    return told


def seen_since(gateway: "Gateway", account: Account, moment: float) -> bool:
    """Whether something was told of the account since then (unix seconds)."""
    caps = gateway.office.ledger.standing(account.key).caps
    return any(cap.seen_at >= moment for cap in caps.values())


async def _asked(gateway: "Gateway", ready: Account) -> bool:
    try:
        return await gateway.ask_quota(ready)
    except Problem as problem:
        if problem.kind is not Kind.UNAUTHORIZED:
            raise
        fresh = await gateway.office.credentials.renewed(ready)
        if fresh is None:
            raise
        return await gateway.ask_quota(fresh)
