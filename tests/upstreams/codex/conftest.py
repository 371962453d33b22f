"""The Codex upstream with an emulator behind it."""

from collections.abc import Iterator

import pytest

from chat2api_core.emulator import Emulator
from chat2api_core.server import serving
from tests.upstreams.codex.rig import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    emulator = Emulator()
    with serving(emulator) as url:
        yield Bench(emulator, url)
