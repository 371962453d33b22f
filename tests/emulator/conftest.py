"""The emulator with a clock and names that stand still, and a client for it."""

from collections.abc import Callable
from typing import Any

import pytest

from chat2api_core.emulator import Emulator
from tests.emulator.browser import Browser
from tests.fakes import FakeClock, FakeIds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def pauses() -> list[float]:
    """Every pause that the emulator made."""
    return []


@pytest.fixture
def make(clock: FakeClock, pauses: list[float]) -> Callable[..., Emulator]:
    """Makes emulators that never really wait."""

    async def pause(seconds: float) -> None:
        pauses.append(round(seconds, 3))
        clock.advance(seconds)

    def build(**options: Any) -> Emulator:
        return Emulator(**{"clock": clock, "ids": FakeIds(), "pause": pause, **options})

    return build


@pytest.fixture
def emulator(make: Callable[..., Emulator]) -> Emulator:
    return make()


@pytest.fixture
def browser(emulator: Emulator) -> Browser:
    return Browser(emulator)


@pytest.fixture
def anonymous(emulator: Emulator) -> Browser:
    return Browser(emulator, token="")
