"""Counts a turn once its answer has ended, however it ended.

In: an exchange that is over. Out: a ``Use`` in the gateway's tally. The one rule: this runs when
all has been sent, so a client never waits for it.
"""

from msgspec import structs

from chat2api_core.metering.use import Use
from chat2api_core.turn import Usage
from chat2api_core.web.exchange import Exchange

# Endings that are nobody's failure.
_NO_ERROR = frozenset({"", "client_gone", "cancelled"})
# With these a request that got no answer may name a model that does not exist.
_DOUBTFUL = frozenset({400, 403, 404, 413})


async def count(exchange: Exchange) -> None:
    """Count the turn of an exchange, if it asked for one, and have it written."""
    if exchange.prompt is None:
        return
    tally = exchange.gateway.tally
    use = _use(exchange)
    tally.note(structs.replace(use, **await _tokens(exchange)))
    await tally.settle()


def count_cancelled(exchange: Exchange) -> None:
    """Count the turn of an exchange that has no time left; it is written with the next one."""
    if exchange.prompt is not None:
        exchange.gateway.tally.note(_use(exchange))


def _use(exchange: Exchange) -> Use:
    doubtful = not exchange.account and exchange.status in _DOUBTFUL
    usage = _said(exchange) or Usage(0, 0)
    return Use(
        key=exchange.counted_as,
        model="" if doubtful else exchange.model,
        account=exchange.account,
        input=usage.input_tokens,
        output=usage.output_tokens,
        milliseconds=round((exchange.gateway.clock.monotonic() - exchange.began) * 1000),
        error="" if exchange.outcome in _NO_ERROR else exchange.outcome,
        limited=exchange.key is not None and exchange.key.tokens_per_day > 0,
    )


def _said(exchange: Exchange) -> Usage | None:
    finished = exchange.transcript.finished if exchange.transcript is not None else None
    return finished.usage if finished is not None else None


async def _tokens(exchange: Exchange) -> dict[str, int]:
    """The tokens of an answer that was broken off, which nobody has counted yet."""
    transcript, prompt = exchange.transcript, exchange.prompt
    if transcript is None or prompt is None or _said(exchange) is not None:
        return {}
    usage = await exchange.gateway.meter.usage(prompt, transcript)
    return {"input": usage.input_tokens, "output": usage.output_tokens}
