"""Who asks, and whether the key may: the door in front of every route that uses accounts.

In: an exchange. Out: its caller, or a ``Problem``: 401 for a key that is over, 404 for a model that
the key may not use, 429 for a limit that is used up. What is left of the limits goes into headers
of the answer, whatever the answer is. The one rule: nothing is asked of ChatGPT before this.
"""

from collections.abc import Iterator

from chat2api_core.accounts.caller import AnonymousCaller, Caller, PoolCaller
from chat2api_core.config import Settings
from chat2api_core.keys import ApiKey
from chat2api_core.metering.quota import Gauge, Standing
from chat2api_core.metering.use import ANONYMOUS, TOKEN, day_of
from chat2api_core.problem import Kind, Problem
from chat2api_core.web.auth import identify
from chat2api_core.web.exchange import Exchange

_MINUTE, _HOUR = 60, 3600


def caller_of(exchange: Exchange) -> Caller:
    """The caller that the headers name. Raises ``Problem`` INVALID_API_KEY."""
    caller = identify(exchange.headers, exchange.gateway.settings)
    _recognise(exchange, caller)
    exchange.mark("auth")
    return caller


def key_of(caller: Caller, settings: Settings) -> ApiKey | None:
    """The local key of a caller; one without a name or limits where it is a plain text."""
    if not isinstance(caller, PoolCaller):
        return None
    for key in (*settings.api_keys, *map(ApiKey, settings.auth_tokens)):
        if key.fingerprint == caller.key:
            return key
    return None


def counted_as(caller: Caller) -> str:
    """Under what the requests of a caller are counted."""
    if isinstance(caller, PoolCaller):
        return caller.key
    return ANONYMOUS if isinstance(caller, AnonymousCaller) else TOKEN


async def admit(exchange: Exchange, caller: Caller, model: str) -> None:
    """Let a turn in, or raise ``Problem`` INVALID_API_KEY, MODEL_NOT_FOUND or RATE_LIMITED."""
    _recognise(exchange, caller)
    key = exchange.key
    if key is None:
        return
    if not key.allows(model):
        message = f"This API key may not use the model {model[:100]!r}."
        raise Problem(Kind.MODEL_NOT_FOUND, message, step="auth", param="model")
    standing = await exchange.gateway.quota.take(key)
    exchange.extra += limit_headers(standing)
    if standing.refusal is not None:
        raise standing.refusal


def _recognise(exchange: Exchange, caller: Caller) -> None:
    if exchange.counted_as:
        return
    gateway = exchange.gateway
    key = key_of(caller, gateway.settings)
    exchange.key = key
    exchange.counted_as = counted_as(caller)
    if key is not None and key.expired(gateway.clock.now()):
        message = f"This API key ended on {day_of(key.expires - 1)} (UTC)."
        raise Problem(Kind.INVALID_API_KEY, message, step="auth")


def limit_headers(standing: Standing) -> Iterator[tuple[bytes, bytes]]:
    """``x-ratelimit-{limit,remaining,reset}-{requests,tokens}``, as OpenAI has them."""
    for name, gauge in (("requests", standing.requests), ("tokens", standing.tokens)):
        if gauge is not None:
            for what, value in _said(gauge):
                yield f"x-ratelimit-{what}-{name}".encode(), value.encode()


def _said(gauge: Gauge) -> Iterator[tuple[str, str]]:
    yield "limit", str(gauge.limit)
    yield "remaining", str(gauge.remaining)
    yield "reset", _duration(gauge.reset)


def _duration(seconds: float) -> str:
    """Seconds as OpenAI's headers have them: ``12s``, ``6m0s``, ``1h0m3s``."""
    whole = max(1, int(seconds + 0.999))
    hours, rest = divmod(whole, _HOUR)
    minutes, left = divmod(rest, _MINUTE)
    if hours:
        return f"{hours}h{minutes}m{left}s"
    return f"{minutes}m{left}s" if minutes else f"{left}s"
