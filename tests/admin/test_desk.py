"""The desk: what is saved, what is refused, and what is noticed."""

import asyncio
import logging

import pytest

from chat2api_core.admin.desk import Desk
from chat2api_core.admin.homes import Kept, NoHome, Stale, version_of
from chat2api_core.config import Settings, SettingsError
from chat2api_core.stores.base import StoreDown
from tests.fakes import FakeClock


class Drawer:
    """A home in memory, in front of which others may write."""

    where = "a drawer"
    closed = ""

    def __init__(self, text: str = "", *, known: bool = True) -> None:
        self.text = text
        self.known = known
        self.down = False
        self.looks = 0

    async def mark(self) -> str:
        self.looks += 1
        if self.down:
            raise StoreDown("It is down.")
        return self.text

    async def read(self) -> Kept:
        return Kept(self.text, version_of(self.text))

    async def write(self, text: str, before: Kept) -> None:
        if self.text != before.text:
            raise Stale
        self.text = text


def settings_of(text: str) -> Settings:
    if "bad" in text:
        raise SettingsError("the text", "something good")
    return Settings(bind=text or "nothing")


def desk_of(drawer: Drawer, clock: FakeClock | None = None) -> Desk:
    return Desk(drawer, settings_of, clock or FakeClock(), every=5.0)


def test_a_change_of_the_version_that_was_looked_at_is_saved() -> None:
    async def run() -> None:
        drawer = Drawer("bind: a\n")
        desk = desk_of(drawer)
        version = (await desk.look()).version
        assert await desk.save(version, lambda tree: {"proxy": str(tree["bind"])})
        assert drawer.text == "bind: a\nproxy: a\n"
        assert not await desk.save(version, lambda _: {"proxy": "b"})
        assert drawer.text == "bind: a\nproxy: a\n"
        assert await desk.save("", lambda _: {"proxy": ""})
        assert drawer.text == "bind: a\n"

    asyncio.run(run())


def test_what_the_gateway_could_not_start_with_is_not_saved() -> None:
    async def run() -> None:
        drawer = Drawer("bind: a\n")
        with pytest.raises(SettingsError, match="something good"):
            await desk_of(drawer).save("", lambda _: {"proxy": "bad"})
        assert drawer.text == "bind: a\n"

    asyncio.run(run())


@pytest.mark.parametrize("text", ["a: [", "- a list"])
def test_a_document_that_cannot_be_read_is_not_written_over(text: str) -> None:
    async def run() -> None:
        drawer = Drawer(text)
        with pytest.raises(SettingsError, match="the settings document"):
            await desk_of(drawer).save("", lambda _: {"proxy": "x"})
        assert drawer.text == text

    asyncio.run(run())


def test_a_list_has_no_sections() -> None:
    async def run() -> None:
        assert (await desk_of(Drawer("- a list")).look()).tree == {}

    asyncio.run(run())


def test_news_are_what_others_changed_and_are_looked_for_rarely() -> None:
    async def run() -> None:
        clock, drawer = FakeClock(), Drawer("one")
        desk = desk_of(drawer, clock)
        assert await desk.news() is None  # what the process has started with
        drawer.text = "two"
        assert await desk.news() is None
        assert drawer.looks == 1
        clock.advance(5.0)
        assert await desk.news() == Settings(bind="two")
        clock.advance(5.0)
        assert await desk.news() is None
        assert drawer.looks == 3

    asyncio.run(run())


def test_a_document_that_a_process_did_not_start_with_is_news_at_once() -> None:
    async def run() -> None:
        assert await desk_of(Drawer("kept", known=False)).news() == Settings(bind="kept")
        assert await desk_of(Drawer("", known=False)).news() is None

    asyncio.run(run())


def test_what_was_saved_here_is_news_at_the_next_request() -> None:
    async def run() -> None:
        drawer = Drawer("bind: a\n")
        desk = desk_of(drawer)
        assert await desk.news() is None
        await desk.save("", lambda _: {"proxy": "x"})
        assert await desk.news() == Settings(bind="bind: a\nproxy: x\n")

    asyncio.run(run())


def test_a_bad_change_is_told_and_not_used(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        clock, drawer = FakeClock(), Drawer("good")
        desk = desk_of(drawer, clock)
        await desk.news()
        drawer.text = "bad"
        clock.advance(5.0)
        with caplog.at_level(logging.ERROR, "chat2api.admin"):
            assert await desk.news() is None
        assert desk.fault == "the text: expected something good"
        drawer.text = "better"
        clock.advance(5.0)
        assert await desk.news() == Settings(bind="better")
        assert desk.fault == ""

    asyncio.run(run())
    assert "are not used" in caplog.text


def test_a_store_that_is_down_is_no_news() -> None:
    async def run() -> None:
        drawer = Drawer("kept", known=False)
        drawer.down = True
        clock = FakeClock()
        desk = desk_of(drawer, clock)
        assert await desk.news() is None
        drawer.down = False
        clock.advance(5.0)
        assert await desk.news() == Settings(bind="kept")

    asyncio.run(run())


def test_where_nothing_is_kept_there_is_never_news() -> None:
    async def run() -> None:
        assert await Desk(NoHome("no"), settings_of, FakeClock(), every=1).news() is None

    asyncio.run(run())
