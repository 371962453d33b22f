"""Local API keys that are more than a text: named, ended, limited. Pure values.

In: what API_KEYS says. Out: what the door asks of a key: until when, which models, how much. The
one rule: a key is known by its ``fingerprint`` wherever it is counted, stored or logged, so that
its text stays in the settings.
"""

from msgspec import Struct

from chat2api_core.secret import Secret


class ApiKey(Struct, frozen=True):
    """One local key. ``expires`` is in unix seconds, 0 for never; a limit of 0 is no limit.

    ``models`` are names, each perhaps ending in ``*`` for "whatever begins so"; none are all."""

    key: Secret
    name: str = ""
    expires: float = 0
    models: tuple[str, ...] = ()
    requests_per_minute: int = 0
    tokens_per_day: int = 0

    @property
    def fingerprint(self) -> str:
        """What counters and logs know the key by; see ``Secret.fingerprint``."""
        return self.key.fingerprint()

    @property
    def shown(self) -> str:
        """What people know the key by."""
        return self.name or self.fingerprint

    def expired(self, now: float) -> bool:
        """Whether the key is over at ``now`` (unix seconds)."""
        return 0 < self.expires <= now

    def allows(self, model: str) -> bool:
        """Whether the key may ask for the model."""
        return not self.models or any(_fits(model, pattern) for pattern in self.models)


def _fits(model: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return model.startswith(pattern[:-1])
    return model == pattern
