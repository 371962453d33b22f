"""Sessions, and how often somebody may try to get one."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.admin.attempts import MOST, WAIT, Attempts
from chat2api_core.admin.session import LASTS, Sessions
from chat2api_core.secret import Secret
from chat2api_core.stores.memory import MemoryStore
from tests.fakes import FakeClock

NOW = 1_787_300_000.0
SESSIONS = Sessions((Secret("adm-key"),))
ISSUED = SESSIONS.issue(NOW, "nonce")


def test_a_session_is_good_for_eight_hours() -> None:
    assert LASTS == 8 * 3600
    assert SESSIONS.good(ISSUED, NOW)
    assert SESSIONS.good(ISSUED, NOW + LASTS - 1)
    assert not SESSIONS.good(ISSUED, NOW + LASTS)


def test_it_holds_no_secret_and_ends_with_the_key() -> None:
    assert "adm-key" not in ISSUED
    assert not Sessions((Secret("adm-other"),)).good(ISSUED, NOW)
    assert not Sessions((Secret("adm-key"), Secret("more"))).good(ISSUED, NOW)


@pytest.mark.parametrize("text", ["", ".", "..", "x.y.z", f"9{ISSUED}", f"{ISSUED}0", "é" * 9])
def test_nothing_else_is_good(text: str) -> None:
    assert not SESSIONS.good(text, NOW)


@given(st.text(max_size=300))
def test_no_text_that_was_not_issued_is_good(text: str) -> None:
    assert SESSIONS.good(text, NOW) is (text == ISSUED)


def test_wrong_tries_of_an_address_close_the_door_to_it_for_a_while() -> None:
    async def run() -> None:
        clock = FakeClock()
        store = MemoryStore(clock)
        one, other = Attempts(store), Attempts(store)
        for _ in range(MOST):
            assert await other.open("192.0.2.1")
            assert not await one.wrong("192.0.2.1")
        assert await one.wrong("192.0.2.1"), "one too many"
        assert not await other.open("192.0.2.1")
        assert await other.open("192.0.2.2")
        assert not [key for key in await store.keys("") if "192" in key]
        clock.advance(WAIT)
        assert await one.open("192.0.2.1")

    asyncio.run(run())
