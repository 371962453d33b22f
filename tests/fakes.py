"""Fakes for what comes through constructors: time, names, and the other side of a seam."""


class FakeClock:
    """A clock that moves when it is told to."""

    def __init__(self, now: float = 1_787_300_000.0) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds


class FakeIds:
    """Names that count up, and chance that is always the same."""

    def __init__(self, chance: float = 0.0) -> None:
        self.count = 0
        self.chance = chance

    def uuid(self) -> str:
        self.count += 1
        return f"00000000-0000-4000-8000-{self.count:012d}"

    def hex(self, digits: int) -> str:
        self.count += 1
        return f"{self.count:0{digits}x}"

    def random(self) -> float:
        return self.chance
