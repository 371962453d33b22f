"""Who may open a WebSocket: addresses that are good for one connection of one account.

Input: an owner; a handshake. Output: the value that opens a socket; its owner. The rule: a value
opens one socket, of the account it was given to, within its time.
"""

from collections import OrderedDict

from chat2api_core.ambient import Clock, Ids

_SECONDS = 600
_MAX_OPENINGS = 1024


class Sockets:
    """The values that were given out and not used."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._openings: OrderedDict[str, tuple[str, str, float]] = OrderedDict()

    def issue(self, owner: str, user_id: str) -> str:
        """A fresh value for the user's path."""
        value = f"{self._clock.now():.0f}-{self._ids.hex(24)}"
        self._openings[value] = owner, user_id, self._clock.monotonic() + _SECONDS
        if len(self._openings) > _MAX_OPENINGS:
            self._openings.popitem(last=False)
        return value

    def admit(self, value: str, user_id: str) -> str | None:
        """The owner of a value, which is spent by this; None if it opens nothing here."""
        owner, user, end = self._openings.pop(value, ("", "", 0.0))
        good = owner and user == user_id and end > self._clock.monotonic()
        return owner if good else None

    def clear(self) -> None:
        """Forget all."""
        self._openings.clear()
