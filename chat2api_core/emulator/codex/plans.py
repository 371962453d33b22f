"""How much of its plan each owner has used: one percent of the short window a turn. Bounded."""

from collections import OrderedDict

from chat2api_core.emulator.exchange import Headers, Json

_MAX_OWNERS = 1_000
_SHORT = 5 * 3600
_WEEK = 7 * 86_400
_WINDOWS = (("primary", _SHORT, 1), ("secondary", _WEEK, 10))


class Plans:
    """The turns so far, by owner."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, int] = OrderedDict()

    def use(self, owner: str) -> None:
        """One more turn."""
        self._turns[owner] = self._turns.get(owner, 0) + 1
        self._turns.move_to_end(owner)
        if len(self._turns) > _MAX_OWNERS:
            self._turns.popitem(last=False)

    def headers(self, owner: str, plan: str, now: float) -> Headers:
        """What an answer's headers say of it. ``now`` is unix seconds."""
        pairs = [("x-codex-plan-type", plan)]
        for name, seconds, turns in _WINDOWS:
            used = min(self._turns.get(owner, 0) // turns, 100)
            pairs += [
                (f"x-codex-{name}-used-percent", str(used)),
                (f"x-codex-{name}-window-minutes", str(seconds // 60)),
                (f"x-codex-{name}-reset-after-seconds", str(seconds)),
                (f"x-codex-{name}-reset-at", str(int(now) + seconds)),
            ]
        return tuple(pairs)

    def document(self, owner: str, plan: str, now: float) -> Json:
        """The answer of ``wham/usage``."""
        limits: Json = {"allowed": True, "limit_reached": False}
        for name, seconds, turns in _WINDOWS:
            limits[f"{name}_window"] = {
                "used_percent": min(self._turns.get(owner, 0) // turns, 100),
                "limit_window_seconds": seconds,
                "reset_after_seconds": seconds,
                "reset_at": int(now) + seconds,
            }
        balance: Json = {"has_credits": False, "unlimited": False, "balance": "0"}
        return {
            "plan_type": plan,
            "rate_limit": limits,
            "additional_rate_limits": [],
            "credits": balance,
            "rate_limit_reached_type": None,
        }

    def clear(self) -> None:
        """Nobody has used anything."""
        self._turns.clear()
