"""Holds a local key to its limits: requests in a minute, tokens in a day.

In: a key, at the beginning of its request. Out: its ``Standing``: what is left, until when, and
the refusal if nothing is. Minutes and days are those of the clock (UTC), for all instances alike.
Tokens are known after an answer only, so the answer that crosses the line is still given, and the
next one is refused. The one rule: a key without limits costs nothing.
"""

from msgspec import Struct

from chat2api_core.ambient import Clock
from chat2api_core.keys import ApiKey
from chat2api_core.metering.tally import Tally
from chat2api_core.metering.use import DAY, day_of, spent_name
from chat2api_core.problem import Kind, Problem
from chat2api_core.stores.guard import GuardedStore

_MINUTE = 60


class Gauge(Struct, frozen=True):
    """A limit, what is left of it, and the seconds until all of it is there again."""

    limit: int
    remaining: int
    reset: float


class Standing(Struct, frozen=True):
    """How a key stands with its limits; None where it has none. ``refusal`` if one is used up."""

    requests: Gauge | None = None
    tokens: Gauge | None = None
    refusal: Problem | None = None


class Quota:
    """Counts the requests of limited keys, and looks up their tokens."""

    def __init__(self, store: GuardedStore, tally: Tally, clock: Clock) -> None:
        self._store = store
        self._tally = tally
        self._clock = clock

    async def take(self, key: ApiKey) -> Standing:
        """Count one request of the key, unless its tokens are used up."""
        tokens = await self.tokens(key)
        if tokens is not None and tokens.remaining == 0:
            message = (
                f"This API key may use {tokens.limit} tokens a day, and has. "
                "It can go on at midnight (UTC)."
            )
            return Standing(None, tokens, _refusal(message, tokens))
        requests = await self._requests(key)
        if requests is not None and requests.remaining < 0:
            message = f"This API key may make {requests.limit} requests a minute, and has."
            gauge = Gauge(requests.limit, 0, requests.reset)
            return Standing(gauge, tokens, _refusal(message, gauge))
        return Standing(requests, tokens)

    async def tokens(self, key: ApiKey, *, sure: bool = False) -> Gauge | None:
        """What the key may still use today; None where it has no limit. While the store is down
        that is what this process knows; with ``sure`` it raises ``StoreDown`` then."""
        if not key.tokens_per_day:
            return None
        now = self._clock.now()
        name = spent_name(key.fingerprint, day_of(now))
        known = await (self._store.sure if sure else self._store).get(name)
        spent = int(known or 0) + self._tally.unwritten(name)
        left = max(0, key.tokens_per_day - spent)
        return Gauge(key.tokens_per_day, left, DAY - now % DAY)

    async def _requests(self, key: ApiKey) -> Gauge | None:
        """What is left after this request; less than nothing if it is one too many."""
        if not key.requests_per_minute:
            return None
        minute, second = divmod(self._clock.now(), _MINUTE)
        name = f"asked:{key.fingerprint}:{int(minute)}"
        count = await self._store.increment(name, 1, 2 * _MINUTE)
        return Gauge(key.requests_per_minute, key.requests_per_minute - count, _MINUTE - second)


def _refusal(message: str, gauge: Gauge) -> Problem:
    return Problem(Kind.RATE_LIMITED, message, step="auth", retry_after=gauge.reset)
