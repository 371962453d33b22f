"""``GET /admin/api/usage?days=30``: the sums that the charts show, and in ``coverage`` whose
requests they count."""

from collections.abc import Callable, Iterable

from chat2api_core.admin.sections import HIDDEN, mask
from chat2api_core.metering.report import Figures, Row, summed, total
from chat2api_core.metering.use import DAY, day_of
from chat2api_core.web.admin.answers import answer
from chat2api_core.web.admin.outage import counted, outage
from chat2api_core.web.exchange import Exchange

_MOST_DAYS = 90


async def show_figures(exchange: Exchange) -> None:
    """Sums by day, model, key and account, the largest first."""
    gateway = exchange.gateway
    asked = exchange.query.get("days", "30")
    count = min(max(int(asked), 1), _MOST_DAYS) if asked.isdecimal() else 30
    now = gateway.clock.now()
    days = [day_of(now - back * DAY) for back in range(count)][::-1]
    rows, coverage = await counted(gateway, days)
    mine = [row for row in rows if row.key]
    by_day = summed(mine, lambda row: row.day)
    names = {key.fingerprint: key.shown for key in gateway.settings.api_keys}
    plain = {key.fingerprint(): mask(key.reveal()) for key in gateway.settings.auth_tokens}
    names |= {one: shown for one, shown in plain.items() if shown != HIDDEN}
    emails = {one.key: one.email or one.key for one in gateway.settings.accounts}
    await answer(
        exchange,
        {
            "days": [{"name": day, **_told(by_day.get(day, Figures()))} for day in days],
            "models": _ranked(mine, lambda row: row.model),
            "keys": _ranked(mine, lambda row: names.get(row.key, row.key)),
            "accounts": _ranked(
                (row for row in rows if row.account),
                lambda row: emails.get(row.account, row.account),
            ),
            "total": _told(total(mine)),
            "coverage": coverage,
            "outage": outage(gateway),
        },
    )


def _ranked(rows: Iterable[Row], name: Callable[[Row], str]) -> list[dict[str, object]]:
    sums = summed(rows, name)
    order = sorted(sums, key=lambda one: (-sums[one].requests, one))
    return [{"name": one, **_told(sums[one])} for one in order]


def _told(sums: Figures) -> dict[str, object]:
    return {
        "requests": sums.requests,
        "failed": sums.failed,
        "errors": sums.errors,
        "input": sums.input,
        "output": sums.output,
        "median_ms": sums.quantile(0.5),
        "p95_ms": sums.quantile(0.95),
    }
