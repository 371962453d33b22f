"""Through which proxy a request leaves."""

from collections.abc import Sequence
from itertools import cycle

from chat2api_core.accounts.account import Account
from chat2api_core.secret import Secret


class Egress:
    """An account's own proxy comes first, then the global ones in turn. One turn of a conversation
    asks once, so that all its requests leave by the same way."""

    def __init__(self, proxies: Sequence[Secret]) -> None:
        self._proxies = cycle(proxies or (Secret(""),))

    def proxy(self, account: Account) -> str:
        """The proxy's URL, empty for none."""
        return (account.proxy or next(self._proxies)).reveal()
