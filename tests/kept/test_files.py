"""Ids of files: what they stand for, for whom and for how long; the list of a caller's files."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chat2api_core.kept.files import Files, Held, Listed, shortened
from chat2api_core.problem import Kind, Problem
from chat2api_core.seal import Sealer
from chat2api_core.secret import Secret
from chat2api_core.stores.base import StoreDown
from chat2api_core.stores.memory import MemoryStore
from tests.fakes import FakeClock, FakeIds

HELD = Held("0123456789ab", "file-Ab12", "moons.csv", 140, "text/csv", created=1_787_300_000)
ME, OTHER = "key:one", "key:two"
T = TypeVar("T")


class DownStore(MemoryStore):
    """Cannot be reached."""

    async def get(self, key: str) -> bytes | None:
        raise StoreDown("down")

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        raise StoreDown("down")


def made(clock: FakeClock, store: MemoryStore | None = None, key: str = "k") -> Files:
    return Files(store or MemoryStore(clock), Sealer(Secret(key * 32), FakeIds()), clock)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def files(clock: FakeClock) -> Files:
    return made(clock)


def run(work: Awaitable[T]) -> T:
    async def whole() -> T:
        return await work

    return asyncio.run(whole())


def not_found(files: Files, file_id: str, owner: str = ME) -> None:
    with pytest.raises(Problem) as caught:
        run(files.resolve(file_id, owner))
    assert caught.value.kind is Kind.FILE_NOT_FOUND
    assert caught.value.param == "file_id"


def test_an_id_stands_for_its_file_without_any_store(files: Files, clock: FakeClock) -> None:
    file_id = files.name(HELD, ME)
    assert file_id.startswith("file-")
    assert "moons" not in file_id
    assert run(made(clock).resolve(file_id, ME)) == HELD


def test_it_opens_for_its_owner_and_key_only(files: Files, clock: FakeClock) -> None:
    file_id = files.name(HELD, ME)
    not_found(files, file_id, OTHER)
    not_found(made(clock, key="x"), file_id)


@given(st.text(max_size=60) | st.text("Ab0-_", max_size=300))
def test_garbage_is_not_found(text: str) -> None:
    files = made(FakeClock())
    for file_id in (text, f"file-{text}"):
        not_found(files, file_id)


def test_an_overlong_id_is_not_even_opened(files: Files) -> None:
    not_found(files, "file-" + "A" * 1000)


def test_a_file_ends_at_its_time(files: Files, clock: FakeClock) -> None:
    now = int(clock.now())
    file_id = run(files.add(replace(HELD, ends=now + 60), ME))
    assert run(files.resolve(file_id, ME)).ends == now + 60
    clock.advance(60)
    not_found(files, file_id)
    assert run(files.listed(ME)) == []


def test_the_list_has_the_callers_files_newest_first(files: Files) -> None:
    older, newer = HELD, replace(HELD, created=HELD.created + 1, name="b.csv")
    ids = [run(files.add(held, ME)) for held in (older, newer)]
    run(files.add(HELD, OTHER))
    assert run(files.listed(ME)) == [Listed(ids[1], newer), Listed(ids[0], older)]


def test_a_deleted_file_stays_deleted_for_all_who_share_the_store(clock: FakeClock) -> None:
    store = MemoryStore(clock)
    files, other = made(clock, store), made(clock, store)
    file_id = run(files.add(HELD, ME))
    with pytest.raises(Problem):
        run(files.forget(file_id, OTHER))
    run(files.forget(file_id, ME))
    not_found(other, file_id)
    assert run(other.listed(ME)) == []


def test_an_id_works_while_the_store_is_down(clock: FakeClock) -> None:
    files = made(clock, DownStore(clock))
    file_id = run(files.add(HELD, ME))
    assert run(files.resolve(file_id, ME)) == HELD


def test_entries_of_another_key_are_passed_over(clock: FakeClock) -> None:
    store = MemoryStore(clock)
    run(made(clock, store, "x").add(HELD, ME))
    assert run(made(clock, store).listed(ME)) == []


def test_the_store_says_whether_the_list_lasts(files: Files) -> None:
    assert not files.durable


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("a.csv", "a.csv"),
        ("a" * 200 + ".csv", "a" * 116 + ".csv"),
        ("a" * 200, "a" * 120),
        ("." + "a" * 200, "." + "a" * 119),
        ("a." + "b" * 200, ("a." + "b" * 200)[:120]),
    ],
)
def test_a_long_name_is_shortened_in_front_of_its_ending(name: str, short: str) -> None:
    assert shortened(name) == short


def test_the_longest_name_still_makes_an_id_that_opens(files: Files) -> None:
    held = replace(HELD, name="\U0001f600" * 300, upstream_id="file_" + "0" * 60)
    file_id = files.name(held, ME)
    assert len(file_id) < 900
    assert run(files.resolve(file_id, ME)).name == "\U0001f600" * 120
