"""What was used and what is left, in the shapes that clients of such routes already poll.

In: an exchange with a local key, a ChatGPT token or the admin key. Out: figures of that key, of
that account, or of everybody; while the store that has them does not answer, ``store_unavailable``
(503), because what this process alone has counted would pass for all there is. Two shapes are
OpenAI's own of 2023 (usage by day; billing), which key managers and chat clients still ask for, one
is that of a widespread gateway's token page.

The one rule: the figures are tokens. Where a shape says dollars or cents, a dollar stands for one
token: no price is made up, and what a client works out from them (used, left) stays true.
"""

from typing import NamedTuple

import msgspec

from chat2api_core.accounts.caller import AnonymousCaller, Caller, TokenCaller
from chat2api_core.keys import ApiKey
from chat2api_core.metering.quota import Gauge
from chat2api_core.metering.report import Figures, Row, days_between, read_rows, summed, total
from chat2api_core.metering.use import DAY, day_of
from chat2api_core.problem import Kind, Problem
from chat2api_core.stores.base import StoreDown
from chat2api_core.web.admin.door import is_admin, note_wrong
from chat2api_core.web.admission import caller_of
from chat2api_core.web.exchange import Exchange

_UNLIMITED = 100_000_000  # how such routes say that there is no limit; clients know it
_CENTS = 100
_FRESH = ((b"cache-control", b"no-store"),)


class Viewer(NamedTuple):
    """Whose figures are shown: a key's, an account's, or, where both are empty, everybody's."""

    counted_as: str = ""
    account: str = ""
    key: ApiKey | None = None


async def show_usage(exchange: Exchange) -> None:
    """``GET /v1/usage?date=2026-08-21`` (or ``start_date`` and ``end_date``; today by default):
    requests and tokens by day and model."""
    viewer = await _viewer(exchange)
    days = _days(exchange, first=_today(exchange))
    rows = await _rows(exchange, viewer, days)
    cells = summed(rows, lambda row: (row.day, row.model))
    await _show(
        exchange,
        {
            "object": "list",
            "data": [_entry(day, model, cell) for (day, model), cell in sorted(cells.items())],
            "ft_data": [],
            "dalle_api_data": [],
            "whisper_api_data": [],
            "tts_api_data": [],
            "current_usage_usd": 0.0,
            "total": _figures(total(rows)),
        },
    )


async def show_billing_usage(exchange: Exchange) -> None:
    """``GET /v1/dashboard/billing/usage?start_date=2026-08-01&end_date=2026-09-01`` (this month by
    default): ``total_usage`` and ``daily_costs``, in cents of which a hundred are one token."""
    viewer = await _viewer(exchange)
    days = _days(exchange, first=_month(exchange))
    rows = await _rows(exchange, viewer, days)
    cells = summed(rows, lambda row: (row.day, row.model))
    daily = [
        {
            "timestamp": float(_midnight(day)),
            "line_items": [
                {"name": model or "unknown", "cost": cell.tokens * _CENTS}
                for (of, model), cell in sorted(cells.items())
                if of == day
            ],
        }
        for day in days
    ]
    used = total(rows).tokens * _CENTS
    await _show(exchange, {"object": "list", "daily_costs": daily, "total_usage": used})


async def show_subscription(exchange: Exchange) -> None:
    """``GET /v1/dashboard/billing/subscription``: how much there is, together with what was used
    this month: for a key with a daily limit that and what is left of today."""
    viewer = await _viewer(exchange)
    limit = float(_UNLIMITED)
    key = viewer.key
    gauge = await _today_left(exchange, key)
    if gauge is not None:
        rows = await _rows(exchange, viewer, _days(exchange, first=_month(exchange)))
        limit = float(total(rows).tokens + gauge.remaining)
    await _show(
        exchange,
        {
            "object": "billing_subscription",
            "has_payment_method": True,
            "canceled": False,
            "canceled_at": None,
            "delinquent": None,
            "access_until": int(key.expires) if key is not None else 0,
            "soft_limit": limit,
            "hard_limit": limit,
            "system_hard_limit": limit,
            "soft_limit_usd": limit,
            "hard_limit_usd": limit,
            "system_hard_limit_usd": limit,
            "plan": {"title": "tokens", "id": "tokens"},
            "account_name": key.shown if key is not None else None,
        },
    )


async def show_token(exchange: Exchange) -> None:
    """``GET /api/usage/token``: what the key may use and has used, of its daily limit today, or all
    in all this month where it has none."""
    viewer = await _viewer(exchange)
    key = viewer.key
    gauge = await _today_left(exchange, key)
    if gauge is not None:
        granted, left = gauge.limit, gauge.remaining
        used = granted - left
    else:
        rows = await _rows(exchange, viewer, _days(exchange, first=_month(exchange)))
        granted, used, left = 0, total(rows).tokens, 0
    models = key.models if key is not None else ()
    data = {
        "object": "token_usage",
        "name": key.shown if key is not None else viewer.account,
        "total_granted": granted,
        "total_used": used,
        "total_available": left,
        "unlimited_quota": gauge is None,
        "model_limits": dict.fromkeys(models, True),
        "model_limits_enabled": bool(models),
        "expires_at": int(key.expires) if key is not None else 0,
    }
    await _show(exchange, {"code": True, "message": "ok", "data": data})


async def show_accounts(exchange: Exchange) -> None:
    """``GET /v1/accTokens``: how many accounts there are, and how many could answer now."""
    if not await is_admin(exchange):
        caller = await _caller(exchange)
        if isinstance(caller, AnonymousCaller | TokenCaller):
            raise _refusal("This counts the accounts of the pool; it wants a local API key.")
    pool = exchange.gateway.office.pool
    usable = await pool.usable()
    counts: dict[str, object] = {"count": len(pool), "canUseCount": usable, "can_use_count": usable}
    await _show(exchange, counts)


async def _viewer(exchange: Exchange) -> Viewer:
    if await is_admin(exchange):
        return Viewer()
    caller = await _caller(exchange)
    if isinstance(caller, TokenCaller):
        return Viewer(account=caller.account.key)
    if isinstance(caller, AnonymousCaller):
        raise _refusal("Whose usage? This wants a local API key or a ChatGPT token.")
    return Viewer(counted_as=exchange.counted_as, key=exchange.key)


async def _caller(exchange: Exchange) -> Caller:
    try:
        return caller_of(exchange)
    except Problem:
        await note_wrong(exchange)  # it may have been a try at the admin key
        raise


def _refusal(message: str) -> Problem:
    return Problem(Kind.INVALID_API_KEY, message, step="auth")


async def _rows(exchange: Exchange, viewer: Viewer, days: list[str]) -> list[Row]:
    gateway = exchange.gateway
    await gateway.tally.write()
    try:
        rows = await read_rows(gateway.store.sure, days, key=viewer.counted_as)
    except StoreDown as down:
        raise _unknown() from down
    if viewer.account:
        return [row for row in rows if row.account == viewer.account]
    return [row for row in rows if row.key]


async def _today_left(exchange: Exchange, key: ApiKey | None) -> Gauge | None:
    """What a key with a daily limit has left of it; None for any other one."""
    if key is None:
        return None
    try:
        return await exchange.gateway.quota.tokens(key, sure=True)
    except StoreDown as down:
        raise _unknown() from down


def _unknown() -> Problem:
    message = (
        "The store that has the figures does not answer, and what this instance alone has counted "
        "would be too little. Try again in a moment."
    )
    return Problem(Kind.UNAVAILABLE, message, step="store", retry_after=5)


def _days(exchange: Exchange, *, first: str) -> list[str]:
    """The days that a request asks for; without a word of it, from ``first`` until today."""
    query, today = exchange.query, _today(exchange)
    only = query.get("date", "")
    start = only or query.get("start_date", "") or first
    end = only or query.get("end_date", "") or today
    try:
        # Clients ask for days to come; there is nothing to tell of them.
        return days_between(start[:10], min(end[:10], today))
    except ValueError:
        message = "date, start_date and end_date are days such as 2026-08-21."
        raise Problem(Kind.INVALID_REQUEST, message, step="request", param="date") from None


def _today(exchange: Exchange) -> str:
    return day_of(exchange.gateway.clock.now())


def _month(exchange: Exchange) -> str:
    return _today(exchange)[:8] + "01"


def _midnight(day: str) -> int:
    import datetime  # noqa: PLC0415 (chats need no calendar)

    return datetime.date.fromisoformat(day).toordinal() * DAY - _EPOCH


_EPOCH = 719_163 * DAY  # 1970-01-01 in the calendar's count of days


def _entry(day: str, model: str, cell: Figures) -> dict[str, object]:
    return {
        "aggregation_timestamp": _midnight(day),
        "n_requests": cell.requests,
        "operation": "completion",
        "snapshot_id": model or "unknown",
        "n_context": cell.requests,
        "n_context_tokens_total": cell.input,
        "n_generated": cell.requests - cell.failed,
        "n_generated_tokens_total": cell.output,
        "n_failed": cell.failed,
    }


def _figures(sums: Figures) -> dict[str, object]:
    return {
        "requests": sums.requests,
        "failed": sums.failed,
        "errors": sums.errors,
        "input_tokens": sums.input,
        "output_tokens": sums.output,
        "total_tokens": sums.tokens,
        "median_ms": sums.quantile(0.5),
        "p95_ms": sums.quantile(0.95),
    }


async def _show(exchange: Exchange, document: dict[str, object]) -> None:
    await exchange.document(msgspec.json.encode(document), headers=_FRESH)
