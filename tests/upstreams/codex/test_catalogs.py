"""Catalogs, remembered."""

import asyncio

import pytest

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.codex.catalog import FALLBACK
from chat2api_core.upstreams.codex.catalogs import Catalogs, Listed
from tests.fakes import FakeClock


def listed(*slugs: str, etag: str = "e1") -> Listed:
    entries = ",".join(f'{{"slug":"{slug}"}}' for slug in slugs)
    return Listed(f'{{"models":[{entries}]}}'.encode(), etag)


class Server:
    """Answers in turn, and remembers the ETags that it was asked with."""

    def __init__(self, *answers: Listed | Problem) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, etag: str) -> Listed:
        self.asked.append(etag)
        answer = self.answers.pop(0)
        if isinstance(answer, Problem):
            raise answer
        return answer


def slugs(catalogs: Catalogs, server: Server, account: str = "a") -> list[str]:
    return [model.slug for model in asyncio.run(catalogs.get(account, server))]


def test_a_fresh_catalog_is_not_fetched_again() -> None:
    clock = FakeClock()
    catalogs, server = Catalogs(ttl=300, clock=clock), Server(listed("x"), listed("y"))
    assert slugs(catalogs, server) == ["x"]
    clock.advance(299)
    assert slugs(catalogs, server) == ["x"]
    clock.advance(2)
    assert slugs(catalogs, server) == ["y"]
    assert server.asked == ["", "e1"]


def test_one_that_has_not_changed_is_kept_with_its_etag() -> None:
    catalogs = Catalogs(ttl=0, clock=FakeClock())
    server = Server(listed("x"), Listed(None, "e1"), listed("y", etag="e2"))
    assert [slugs(catalogs, server) for _ in range(3)] == [["x"], ["x"], ["y"]]
    assert server.asked == ["", "e1", "e1"]


def test_each_account_has_its_own() -> None:
    catalogs, server = Catalogs(ttl=300, clock=FakeClock()), Server(listed("x"), listed("y"))
    assert slugs(catalogs, server, "a") == ["x"]
    assert slugs(catalogs, server, "b") == ["y"]


def test_trouble_is_bridged_by_the_last_one_and_then_not_asked_for_a_while() -> None:
    clock = FakeClock()
    trouble = Problem(Kind.UNREACHABLE, "Gone.", step="models")
    catalogs = Catalogs(ttl=300, clock=clock)
    server = Server(listed("x"), trouble, Listed(b"nonsense", ""))
    assert slugs(catalogs, server) == ["x"]
    clock.advance(301)
    assert slugs(catalogs, server) == ["x"]
    assert slugs(catalogs, server) == ["x"]
    clock.advance(301)
    assert slugs(catalogs, server) == ["x"], "a list that cannot be read is trouble, too"
    assert server.asked == ["", "e1", "e1"]


def test_before_anything_is_known_there_is_the_built_in_one() -> None:
    catalogs = Catalogs(ttl=300, clock=FakeClock())
    assert catalogs.at_hand("a") == FALLBACK
    trouble = Problem(Kind.TIMEOUT, "Slow.", step="models")
    assert slugs(catalogs, Server(trouble)) == [model.slug for model in FALLBACK]


@pytest.mark.parametrize("kind", [Kind.UNAUTHORIZED, Kind.FORBIDDEN])
def test_that_the_account_is_refused_is_news(kind: Kind) -> None:
    catalogs = Catalogs(ttl=300, clock=FakeClock())
    with pytest.raises(Problem) as caught:
        slugs(catalogs, Server(Problem(kind, "No.", step="models")))
    assert caught.value.kind is kind


def test_only_so_many_are_kept() -> None:
    catalogs = Catalogs(ttl=300, clock=FakeClock())
    for number in range(1_001):
        slugs(catalogs, Server(listed("x")), f"account {number}")
    assert catalogs.at_hand("account 0") == FALLBACK
    assert catalogs.at_hand("account 1") != FALLBACK
