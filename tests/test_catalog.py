"""Lists of models are remembered for a while, for each kind of caller."""

import asyncio

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.caller import AnonymousCaller, Caller, PoolCaller, TokenCaller
from chat2api_core.catalog import Catalog
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.upstreams.base import Model
from tests.fakes import FakeClock


class Counting:
    """An engine that has a new model at every question, unless it refuses."""

    def __init__(self) -> None:
        self.asked: list[Caller] = []
        self.refusal: Problem | None = None

    async def models(self, caller: Caller) -> tuple[Model, ...]:
        self.asked.append(caller)
        if self.refusal is not None:
            raise self.refusal
        return (Model(f"model-{len(self.asked)}"),)


class Desk:
    """A catalog of 300 seconds with everything around it."""

    def __init__(self, ttl: float = 300.0) -> None:
        self.clock = FakeClock()
        self.engine = Counting()
        self.catalog = Catalog(self.engine, ttl=ttl, clock=self.clock)

    def look(self, caller: Caller) -> str:
        (model,) = asyncio.run(self.catalog.models(caller))
        return model.id


def bringing(token: str) -> TokenCaller:
    return TokenCaller(Account(access_token=Secret(token)))


POOL = PoolCaller("one")


def test_a_list_is_asked_for_once_in_its_time() -> None:
    desk = Desk()
    first = desk.look(POOL)
    desk.clock.advance(299)

    assert desk.look(POOL) == first
    desk.clock.advance(1)
    assert desk.look(POOL) != first
    assert len(desk.engine.asked) == 2


def test_all_keys_of_the_pool_share_a_list() -> None:
    desk = Desk()

    assert desk.look(POOL) == desk.look(PoolCaller("other"))


def test_callers_with_accounts_of_their_own_do_not_see_one_anothers_list() -> None:
    desk = Desk()
    callers: list[Caller] = [POOL, AnonymousCaller(), bringing("a"), bringing("b")]
    seen = [desk.look(caller) for caller in callers]

    assert len(set(seen)) == 4
    assert [desk.look(caller) for caller in callers] == seen


def test_zero_seconds_remember_nothing() -> None:
    desk = Desk(ttl=0)

    assert desk.look(POOL) != desk.look(POOL)


def test_a_refusal_is_passed_on_and_not_remembered() -> None:
    desk = Desk()
    desk.engine.refusal = Problem(Kind.UNREACHABLE, "No.", step="models")
    with pytest.raises(Problem) as raised:
        desk.look(POOL)
    assert raised.value is desk.engine.refusal

    desk.engine.refusal = None
    assert desk.look(POOL) == "model-2"


def test_the_lists_of_strangers_are_bounded() -> None:
    desk = Desk()
    first = desk.look(bringing("0"))
    for number in range(1, 1000):
        desk.look(bringing(str(number)))
    assert desk.look(bringing("0")) == first

    desk.look(bringing("one too many"))
    assert desk.look(bringing("0")) != first


def test_a_list_that_was_asked_for_anew_is_the_last_to_be_forgotten() -> None:
    desk = Desk()
    desk.look(bringing("0"))
    desk.clock.advance(300)
    for number in range(1, 1000):
        desk.look(bringing(str(number)))
    again = desk.look(bringing("0"))
    desk.look(bringing("one too many"))

    assert desk.look(bringing("0")) == again
