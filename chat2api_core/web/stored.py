"""Whether the store has answered, for routes whose answer would else be none.

In: an exchange that has asked the store for something, and what would be untrue. Out: nothing, or a
``Problem``. The one rule: "there is no such thing" and "it is deleted" are said only where the
store, which all instances share, has said so; what this process alone knows is not enough.
"""

from chat2api_core.problem import Kind, Problem
from chat2api_core.web.exchange import Exchange

AGAIN = 5.0  # seconds


def insist(exchange: Exchange, message: str) -> None:
    """Raise ``Problem`` UNAVAILABLE of step "store" with this message while the store is down."""
    if exchange.gateway.store.status.down_since is not None:
        raise Problem(
            Kind.UNAVAILABLE, f"{message} Try again in a moment.", step="store", retry_after=AGAIN
        )
