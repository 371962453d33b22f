"""What a scheduler asks for: renewing the accounts' tokens before anybody needs them.

In: a request with ``Authorization: Bearer <CRON_SECRET>``, which is how Vercel's cron calls. Out: a
tally. The one rule: without the secret nothing is done; it is compared in constant time.
"""

import msgspec

from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.web.exchange import Exchange


async def refresh(exchange: Exchange) -> None:
    """Renew what is due: ``{"renewed": 1, "fresh": 2, ...}``. Asking twice does no harm."""
    _admit(exchange)
    done = await exchange.gateway.office.upkeep.run()
    await exchange.document(msgspec.json.encode(done))


def _admit(exchange: Exchange) -> None:
    secret = exchange.gateway.settings.cron_secret
    if not secret:
        message = "This route is closed: set CRON_SECRET to open it to a scheduler."
        raise Problem(Kind.NOT_FOUND, message)
    scheme, _, shown = exchange.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or Secret(shown.strip()) != secret:
        message = "The scheduler's secret (CRON_SECRET) is missing or wrong."
        raise Problem(Kind.INVALID_API_KEY, message, step="auth")
