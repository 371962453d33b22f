"""What is known of the accounts beyond their credentials: who rests until when, and who holds which
conversation. Kept in this process.
"""

from collections import OrderedDict

from msgspec import Struct

from chat2api_core.ambient import Clock
from chat2api_core.problem import Kind, Problem

_MAX_CONVERSATIONS = 10_000
# What rests an account, and for how long (seconds) where the upstream does not say.
_RESTS = {Kind.RATE_LIMITED: 300.0, Kind.UNAUTHORIZED: 60.0, Kind.BUSY: 5.0}
_EVERY_MODEL = ""


class Rest(Struct, frozen=True):
    """An account is not to be asked before ``until`` (unix seconds), because of this problem."""

    until: float
    kind: Kind
    message: str


class Ledger:
    """Cooldowns by account and model, and the owner of each conversation. Bounded."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rests: dict[tuple[str, str], Rest] = {}
        self._owners: OrderedDict[str, str] = OrderedDict()

    def blame(self, account: str, model: str, problem: Problem) -> None:
        """Note a failure of the account; some kinds rest it for a while.

        A limit concerns the model that was asked, a refused token every model."""
        seconds = _RESTS.get(problem.kind)
        if seconds is None:
            return
        if problem.retry_after is not None:
            seconds = problem.retry_after
        scope = _EVERY_MODEL if problem.kind is Kind.UNAUTHORIZED else model
        until = self._clock.now() + seconds
        self._rests[account, scope] = Rest(until, problem.kind, problem.message)

    def praise(self, account: str, model: str) -> None:
        """Note a success: whatever rested the account is over."""
        self._rests.pop((account, _EVERY_MODEL), None)
        self._rests.pop((account, model), None)

    def rest(self, account: str, model: str) -> Rest | None:
        """Why and until when the account is not to be asked for the model, if so."""
        for scope in (_EVERY_MODEL, model):
            rest = self._rests.get((account, scope))
            if rest is None:
                continue
            if rest.until > self._clock.now():
                return rest
            del self._rests[account, scope]
        return None

    def owns(self, account: str, conversation_id: str) -> None:
        """Note that the account holds the conversation."""
        self._owners[conversation_id] = account
        self._owners.move_to_end(conversation_id)
        if len(self._owners) > _MAX_CONVERSATIONS:
            self._owners.popitem(last=False)

    def owner(self, conversation_id: str) -> str:
        """The key of the account that holds the conversation, empty where unknown."""
        return self._owners.get(conversation_id, "")
