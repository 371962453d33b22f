"""Which pictures and files get a link, and which do not."""

import pytest

from chat2api_core.media.links import Links, Target
from chat2api_core.seal import Sealer
from chat2api_core.secret import Secret
from chat2api_core.upstreams.chatgpt_web.handout import Handout, Linked, NoHandout
from tests.fakes import FakeClock, FakeIds

LINKS = Links(Sealer(Secret("k" * 32), FakeIds()), FakeClock(), ttl=60)
BASE = "https://gate.example/media/"


def handout(*, kept: bool = True) -> Handout:
    return Linked(lambda: LINKS, base=BASE, account_key="acc", kept=kept)


def target(url: str) -> Target | None:
    return LINKS.open(url.removeprefix(BASE)) if url else None


def test_a_picture_and_a_file_of_a_kept_chat_have_links() -> None:
    made = handout()
    assert target(made.picture("sediment://file_1", "c")) == Target(
        "sediment://file_1", "acc", "c", ""
    )
    assert target(made.file("/mnt/data/a", "c", "m")) == Target(
        "sandbox:/mnt/data/a", "acc", "c", "m"
    )


@pytest.mark.parametrize(
    ("asset", "conversation_id", "linked"),
    [
        ("file-service://file-1", "c", True),
        ("file-service://file-1", "", True),
        ("sediment://file_1", "c", False),
    ],
)
def test_of_a_chat_that_is_not_kept_only_what_stands_by_itself(
    asset: str, conversation_id: str, linked: bool
) -> None:
    made = handout(kept=False)
    assert bool(made.picture(asset, conversation_id)) is linked
    assert made.file("/mnt/data/a", conversation_id, "m") == ""


def test_what_cannot_be_asked_for_has_no_link() -> None:
    made = handout()
    assert made.picture("sediment://file_1", "") == ""
    assert made.file("/mnt/data/a", "", "m") == ""
    assert made.file("/mnt/data/a", "c", "") == ""
    assert made.file("/mnt/data/" + "a" * 600, "c", "m") == ""


def test_without_a_base_nothing_has() -> None:
    assert NoHandout().picture("file-service://file-1", "c") == ""
    assert NoHandout().file("/mnt/data/a", "c", "m") == ""
