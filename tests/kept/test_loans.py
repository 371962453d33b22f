"""Accounts of callers, kept for their links."""

import asyncio
from pathlib import Path

from chat2api_core.accounts.account import Account
from chat2api_core.kept.loans import Loans
from chat2api_core.seal import Sealer
from chat2api_core.secret import Secret
from chat2api_core.stores.base import Store, StoreDown
from chat2api_core.stores.memory import MemoryStore
from chat2api_core.stores.sqlite import SqliteStore
from tests.fakes import FakeClock, FakeIds

ACCOUNT = Account(access_token=Secret("the-token"), account_id="ws", handle="0123456789ab")


class DownStore(MemoryStore):
    """Cannot be reached."""

    async def get(self, key: str) -> bytes | None:
        raise StoreDown("down")

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        raise StoreDown("down")


def made(store: Store, key: str = "k", *, sealed: bool = True) -> Loans:
    return Loans(store, Sealer(Secret(key * 32), FakeIds()), ttl=60, sealed=sealed)


def found(loans: Loans, *, lend: bool = True) -> Account | None:
    async def both() -> Account | None:
        if lend:
            await loans.lend(ACCOUNT)
        return await loans.find(ACCOUNT.key)

    return asyncio.run(both())


def test_an_account_is_found_as_it_was_lent_until_its_links_end() -> None:
    clock = FakeClock()
    loans = made(MemoryStore(clock))
    assert found(loans, lend=False) is None
    assert found(loans) == ACCOUNT
    clock.advance(61)
    assert found(loans, lend=False) is None


def test_the_store_sees_no_token() -> None:
    store = MemoryStore(FakeClock())
    found(made(store))
    value = asyncio.run(store.get("lent:0123456789ab"))
    assert value is not None
    assert b"the-token" not in value


def test_without_a_key_of_its_own_nothing_is_kept_that_lasts(tmp_path: Path) -> None:
    clock = FakeClock()
    lasting = [SqliteStore(tmp_path / "store.db", clock) for _ in range(2)]
    assert found(made(lasting[0], sealed=False)) is None
    assert found(made(lasting[1])) == ACCOUNT
    assert found(made(MemoryStore(clock), sealed=False)) == ACCOUNT
    for store in lasting:
        asyncio.run(store.aclose())


def test_another_key_finds_nothing() -> None:
    store = MemoryStore(FakeClock())
    found(made(store))
    assert found(made(store, "x"), lend=False) is None


def test_a_store_that_is_down_stops_nobody() -> None:
    assert found(made(DownStore(FakeClock()))) is None
