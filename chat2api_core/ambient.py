"""What a pure function may not reach for by itself: the time, fresh names, chance.

Whoever needs them takes them through its constructor. Tests give fakes, so ids and times in
expected outputs stand still.
"""

import random
import secrets
import time
from typing import Protocol


class Clock(Protocol):
    """Two clocks: ``now`` in seconds since 1970, ``monotonic`` in seconds since anywhen."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...


class Ids(Protocol):
    """Fresh names and chance."""

    def uuid(self) -> str:
        """A version 4 UUID in its 36-character form."""
        ...

    def hex(self, digits: int) -> str:
        """That many random hex digits, from a source fit for secrets."""
        ...

    def random(self) -> float:
        """A float in [0, 1), not fit for secrets."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class SystemIds:
    """The machine's randomness."""

    def uuid(self) -> str:
        # As ``uuid.uuid4`` does, at a quarter of the cost: a turn takes several.
        digits = secrets.token_hex(16)
        variant = "89ab"[int(digits[16], 16) & 3]
        return (
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
        )

    def hex(self, digits: int) -> str:
        return secrets.token_hex((digits + 1) // 2)[:digits]

    def random(self) -> float:
        return random.random()  # noqa: S311 (chance for proofs and rotation, never a secret)
