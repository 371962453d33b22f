"""Fixtures of the tests of single stores."""

import pytest

from tests.stores.real_parts import SteppedClock


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()
