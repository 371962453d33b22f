"""Where the settings document is kept."""

import asyncio
import os
from pathlib import Path

import pytest

from chat2api_core.admin.homes import FileHome, Home, Kept, NoHome, Stale, StoreHome, Unwritable
from chat2api_core.seal import Sealer
from chat2api_core.secret import Secret
from chat2api_core.stores.guard import GuardedStore
from chat2api_core.stores.memory import MemoryStore
from tests.fakes import FakeClock, FakeIds

STORE = MemoryStore(FakeClock())


def store_home(store: MemoryStore, key: str = "0123456789abcdef") -> StoreHome:
    return StoreHome(GuardedStore(store, FakeClock()), Sealer(Secret(key), FakeIds()))


@pytest.fixture(params=["file", "store"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    if request.param == "file":
        return FileHome(tmp_path / "conf" / "app.dev.yaml")
    return store_home(MemoryStore(FakeClock()))


def test_what_was_written_is_read_and_its_mark_changes(home: Home) -> None:
    async def run() -> None:
        marks = {await home.mark()}
        empty = await home.read()
        assert empty.text == ""
        await home.write("a: ü\n", empty)
        marks.add(await home.mark())
        first = await home.read()
        assert first.text == "a: ü\n"
        assert await home.mark() in marks
        await home.write("b: longer\n", first)
        marks.add(await home.mark())
        assert len(marks) == 3
        assert home.closed == ""

    asyncio.run(run())


def test_of_two_who_write_after_the_same_reading_one_is_told(home: Home) -> None:
    async def run() -> None:
        before = await home.read()
        await home.write("mine: 1\n", before)
        with pytest.raises(Stale):
            await home.write("theirs: 1\n", before)
        assert (await home.read()).text == "mine: 1\n"

    asyncio.run(run())


def test_a_file_keeps_its_mode_and_the_one_before_stays_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "app.yaml"
    path.write_text("old: 1\n")
    path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)

    async def run() -> None:
        home = FileHome(link)
        await home.write("new: 1\n", await home.read())

    asyncio.run(run())
    assert link.is_symlink()
    assert path.read_text() == "new: 1\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "app.yaml.bak").read_text() == "old: 1\n"
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "app.yaml", "app.yaml.bak", "link.yaml",
    ]  # fmt: skip


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    async def run() -> None:
        home = FileHome(tmp_path / "conf" / "app.yaml")
        await home.write("new: 1\n", await home.read())

    asyncio.run(run())
    assert (tmp_path / "conf" / "app.yaml").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        with pytest.raises(Unwritable, match="cannot be read"):
            await FileHome(tmp_path).read()
        (tmp_path / "file").write_text("")
        beneath = FileHome(tmp_path / "file" / "app.yaml")
        with pytest.raises(Unwritable):
            await beneath.write("x: 1\n", await beneath.read())
        (tmp_path / "latin").write_bytes(b"\xfc: 1\n")
        with pytest.raises(Unwritable, match="UnicodeDecodeError"):
            await FileHome(tmp_path / "latin").read()

    asyncio.run(run())


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_is_closed_is_told(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir(mode=0o500)

    async def run() -> None:
        home = FileHome(tmp_path / "conf" / "app.yaml")
        with pytest.raises(Unwritable, match="cannot be written"):
            await home.write("x: 1\n", await home.read())

    asyncio.run(run())


def test_nothing_readable_leaves_for_the_store() -> None:
    async def run() -> None:
        store = MemoryStore(FakeClock())
        home = store_home(store)
        await home.write("secret: very\n", await home.read())
        (key,) = await store.keys("")
        assert b"very" not in (await store.get(key) or b"")
        with pytest.raises(Unwritable, match="another SECRET_KEY"):
            await store_home(store, "another key 0123").read()

    asyncio.run(run())


def test_a_document_that_no_store_could_hold_is_refused() -> None:
    async def run() -> None:
        home = store_home(MemoryStore(FakeClock()))
        with pytest.raises(Unwritable, match="too large"):
            await home.write("x" * 400_000, await home.read())

    asyncio.run(run())


def test_a_store_in_which_somebody_is_faster_is_stale() -> None:
    class Contended(MemoryStore):
        async def swap(
            self, key: str, old: bytes | None, new: bytes, ttl: float | None = None
        ) -> bool:
            return False

    async def run() -> None:
        home = store_home(Contended(FakeClock()))
        with pytest.raises(Stale):
            await home.write("x: 1\n", await home.read())

    asyncio.run(run())


def test_no_home_keeps_nothing_and_says_why() -> None:
    async def run() -> None:
        home = NoHome("There is nothing to keep it in.")
        assert await home.mark() == ""
        empty = await home.read()
        assert empty.text == ""
        with pytest.raises(Unwritable, match="nothing to keep it in"):
            await home.write("x", Kept("", ""))

    asyncio.run(run())
