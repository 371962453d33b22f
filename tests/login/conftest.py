"""The emulator's auth host over a real socket, and what a run of the command tells."""

from collections.abc import Iterator

import pytest

from chat2api_core.emulator import Emulator
from chat2api_core.server import serving
from tests.login.terminal import Terminal


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    emulator = Emulator()
    with serving(emulator) as url:
        yield Terminal(emulator, url)
