"""Who asks: the answer of the door to the engine.

The web layer finds it out from the request's headers; the engine picks accounts by it.
"""

from typing import TypeAlias

from msgspec import Struct

from chat2api_core.accounts.account import Account


class PoolCaller(Struct, frozen=True, gc=False):
    """Has a local key and may use every account of the pool.

    ``key`` is the key's fingerprint: fit for logs and counters, useless as a key."""

    key: str


class TokenCaller(Struct, frozen=True):
    """Brought an upstream token along: this account answers and no other."""

    account: Account


class AnonymousCaller(Struct, frozen=True, gc=False):
    """Brought nothing, where chat without login is allowed. The pool is closed to it."""


Caller: TypeAlias = PoolCaller | TokenCaller | AnonymousCaller


def owner_of(caller: Caller) -> str:
    """The name under which what a caller keeps here is kept: responses, files."""
    if isinstance(caller, TokenCaller):
        return f"token:{caller.account.key}"
    return "anonymous" if isinstance(caller, AnonymousCaller) else f"key:{caller.key}"
