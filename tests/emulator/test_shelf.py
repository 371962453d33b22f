"""The emulator's shelf: whose files it has, for how long, and how many of them."""

import pytest

from chat2api_core.emulator.exchange import Refused
from chat2api_core.emulator.replies import Written
from chat2api_core.emulator.shelf import POD_SECONDS, TICKET_SECONDS, Item, Shelf
from tests.fakes import FakeClock, FakeIds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def shelf(clock: FakeClock) -> Shelf:
    return Shelf(clock, FakeIds())


def item(name: str = "file-1", owner: str = "me", data: bytes = b"x") -> Item:
    return Item(name, owner, "a.txt", "text/plain", len(data), 0.0, data=data)


def test_two_owners_may_have_files_of_the_same_name(shelf: Shelf) -> None:
    shelf.add(item())
    shelf.add(item(owner="you", data=b"y"))
    assert shelf.get("file-1", "me").read() == b"x"
    shelf.drop("file-1", "you")
    assert shelf.get("file-1", "me").read() == b"x"
    with pytest.raises(Refused):
        shelf.get("file-1", "you")


def test_a_ticket_is_for_one_file_and_use_and_time(shelf: Shelf, clock: FakeClock) -> None:
    file = item()
    signature = shelf.sign(file, "get")
    assert shelf.ticket(signature, "file-1", "get") is file
    assert shelf.ticket(signature, "file-2", "get") is None
    assert shelf.ticket(signature, "file-1", "put") is None
    assert shelf.ticket("none", "file-1", "get") is None
    clock.advance(TICKET_SECONDS)
    assert shelf.ticket(signature, "file-1", "get") is None


def test_the_oldest_tickets_are_forgotten(shelf: Shelf) -> None:
    first = shelf.sign(item(), "get")
    for _ in range(4096):
        shelf.sign(item(), "get")
    assert shelf.ticket(first, "file-1", "get") is None


def test_a_picture_may_be_shown_in_several_conversations(shelf: Shelf) -> None:
    for thread in ("one", "two"):
        shelf.show("sediment://file_1", "me", thread, (3, 2))
    picture = shelf.get("file_1", "me")
    assert picture.threads == ("one", "two")
    assert picture.read().startswith(b"\x89PNG")
    assert item(data=b"").read() == b""


def test_a_sandbox_keeps_its_files_until_it_is_put_away(shelf: Shelf, clock: FakeClock) -> None:
    shelf.write("one", [Written("/mnt/data/a", "1")])
    shelf.write("one", [Written("/mnt/data/b", "2")])
    found = shelf.sandbox("one", "/mnt/data/a", "me")
    assert isinstance(found, Item)
    assert (found.name, found.read()) == ("a", b"1")
    assert shelf.sandbox("one", "/mnt/data/c", "me") == "missing"
    assert shelf.sandbox("two", "/mnt/data/a", "me") == "expired"
    clock.advance(POD_SECONDS)
    assert shelf.sandbox("one", "/mnt/data/a", "me") == "expired"
    shelf.write("one", [Written("/mnt/data/c", "3")])
    assert shelf.sandbox("one", "/mnt/data/a", "me") == "missing"


def test_the_oldest_sandboxes_are_put_away(shelf: Shelf) -> None:
    for number in range(257):
        shelf.write(str(number), [Written("/mnt/data/a")])
    assert shelf.sandbox("0", "/mnt/data/a", "me") == "expired"
    assert isinstance(shelf.sandbox("256", "/mnt/data/a", "me"), Item)


def test_the_files_together_have_a_bound(shelf: Shelf) -> None:
    large = bytes(90 * 1024 * 1024)
    for number in range(3):
        shelf.add(item(f"file-{number}", data=large))
    with pytest.raises(Refused):
        shelf.get("file-0", "me")
    assert shelf.get("file-2", "me").data is large
