"""Why nobody can be asked: what a caller is told where the pool has no account for a request. Pure.

In: what is wanted, and why each account that comes into question is passed over. Out: a ``Problem``
of step "pool". The one rule: a wait that is told is a true one: after it, asking makes sense.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from chat2api_core.accounts.standing import Out, Rest
from chat2api_core.problem import Kind, Problem

_CROWDED_AGAIN = 5.0
_CROWDED = frozenset({Kind.RATE_LIMITED, Kind.BUSY})


class Keeper(NamedTuple):
    """The one account that can answer because it holds ``what``; without it, that is ``kind``."""

    key: str
    what: str
    kind: Kind

    def among(self, keys: Collection[str]) -> tuple[str, ...]:
        """It alone, if it is one of these. Raises ``Problem``."""
        if self.key not in keys:
            message = f"The account that holds {self.what} is no longer configured."
            raise Problem(self.kind, message, step="pool")
        return (self.key,)


def nobody(wanted: Sequence[str]) -> Problem:
    """No account of these types is configured; of no types: none at all."""
    message = "No ChatGPT account is configured. Set CHATGPT_ACCESS_TOKENS or CHATGPT_ACCOUNTS."
    if wanted:
        message = f"This takes an account of type {' or '.join(wanted)}, and none is configured."
    return Problem(Kind.NO_ACCOUNT, message, step="pool")


def apart() -> Problem:
    """A conversation and a file of it are held by two accounts."""
    message = (
        "The file is held by another account than this conversation. "
        "Send it again, or begin a new conversation."
    )
    return Problem(Kind.FILE_NOT_FOUND, message, step="pool")


def crowded() -> Problem:
    """All who could be asked have stayed in use."""
    message = "Every account is busy with other answers. Try again in a moment."
    return Problem(Kind.BUSY, message, step="pool", retry_after=_CROWDED_AGAIN)


def exhausted(reasons: Sequence[Rest | Out], keeper: Keeper | None, now: float) -> Problem:
    """All who come into question are passed over, for these reasons. ``now`` is unix seconds."""
    if keeper is not None and reasons and isinstance(reasons[0], Out):
        message = f"The account that holds {keeper.what} is out. {reasons[0].message}"
        return Problem(keeper.kind, message, step="pool")
    rests = [one for one in reasons if isinstance(one, Rest)]
    if not rests:
        message = "No other account is left to ask."
        if reasons:
            message = f"No account can be asked ({len(reasons)} out). {reasons[0].message}"
        return Problem(Kind.NO_ACCOUNT, message, step="pool")
    first = min(rests, key=lambda rest: rest.until)
    limits = [rest.kind for rest in rests if rest.kind in _CROWDED]
    kind = first.kind if first.kind in _CROWDED or not limits else limits[0]
    message = first.message
    if len(rests) > 1:
        message = f"All {len(rests)} accounts are resting; the last reason: {first.message}"
    return Problem(kind, message, step="pool", retry_after=max(0.0, first.until - now))
