"""``GET /doctor``: a page, or with ``?format=json`` (or ``Accept: application/json``) the findings
themselves: of one account (``&account=<id>``), or of all that there is time for."""

import msgspec

from chat2api_core.admin.doctor import Examination
from chat2api_core.problem import Kind, Problem
from chat2api_core.web.admin.answers import answer
from chat2api_core.web.admin.door import enter
from chat2api_core.web.admin.pages import show
from chat2api_core.web.exchange import Exchange

_BUDGET = 50.0  # seconds after which no further examination is begun


async def show_doctor(exchange: Exchange) -> None:
    """The page, which anybody may see, or the findings, which only some may."""
    accepts = exchange.headers.get("accept", "")
    wanted = exchange.query.get("format", "")
    if wanted != "json" and not accepts.startswith("application/json"):
        await show(exchange, "doctor.js")
        return
    await enter(exchange)
    gateway = exchange.gateway
    only = exchange.query.get("account", "")
    accounts = [one for one in gateway.settings.accounts if only in ("", one.key)]
    if only and not accounts:
        raise Problem(Kind.NOT_FOUND, "There is no such account.")
    end = gateway.clock.monotonic() + _BUDGET
    found: list[Examination] = []
    left: list[str] = []
    for account in accounts:
        if gateway.clock.monotonic() < end:
            found.append(await gateway.doctor.examine(account))
        else:
            left.append(account.key)
    await answer(exchange, {"examinations": msgspec.to_builtins(found), "left": left})
