"""Which models each upstream has: asked for seldom, remembered, never in anybody's way."""

import asyncio
from collections.abc import Mapping

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.accounts.pool import Pool
from chat2api_core.choice import Choice, UpstreamName
from chat2api_core.emulator.tokens import make_access_token
from chat2api_core.listings import Listings, union
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.turn import Message, Prompt, Text
from chat2api_core.upstreams.base import Model
from tests.fakes import FakeClock, FakeIds

BOTH = ("codex", "web")
PLUS = Account(access_token=Secret(make_access_token(user_id="p", account_id="p")))
FREE = Account(access_token=Secret(make_access_token(user_id="f", account_id="f", plan="free")))
CODEX = Account(access_token=Secret("codex"), type="codex")
LISTS = {
    "web/plus": ("auto", "gpt-5-5", "gpt-4o"),
    "web/free": ("auto", "gpt-5-5"),
    "codex/": ("auto", "gpt-5.5", "gpt-5.3-codex"),
}
DOWN = Problem(Kind.UPSTREAM_ERROR, "Broken.", step="models")


class Desk:
    """Listings with everything around them. ``lists`` are by plan; a plan without one fails, and
    one in ``silent`` does not answer before ``woken``."""

    def __init__(
        self, *accounts: Account, lists: Mapping[str, tuple[str, ...]] = LISTS, silent: str = ""
    ) -> None:
        self.clock = FakeClock()
        self.ledger = Ledger(self.clock)
        self.lists = dict(lists)
        self.silent = silent
        self.asked: list[str] = []
        pool = Pool(accounts, ledger=self.ledger, shuffle=False, clock=self.clock, ids=FakeIds())
        self.woken = asyncio.Event()
        self.listings = Listings(
            pool=pool,
            ledger=self.ledger,
            ask=self._ask,
            clock=self.clock,
            patience=0.01 if silent else 5,
        )

    async def _ask(self, kind: str, plan: str) -> tuple[Model, ...]:
        assert plan.startswith(f"{kind}/")
        self.asked.append(plan)
        await asyncio.sleep(0)
        if plan == self.silent:
            await self.woken.wait()
        if plan not in self.lists:
            raise DOWN
        return tuple(Model(name) for name in self.lists[plan])

    def known(self) -> dict[str, set[str]]:
        found = asyncio.run(self.listings.known(BOTH))
        return {kind: set(names) for kind, names in found.items()}


def test_all_plans_are_asked_once() -> None:
    desk = Desk(PLUS, FREE, CODEX)
    expected = {"codex": {"auto", "gpt-5.5", "gpt-5.3-codex"}, "web": {"auto", "gpt-5-5", "gpt-4o"}}

    assert desk.known() == expected
    assert desk.known() == expected
    assert sorted(desk.asked) == ["codex/", "web/free", "web/plus"]


def test_who_waits_together_asks_once() -> None:
    desk = Desk(PLUS, CODEX)

    async def script() -> None:
        found = await asyncio.gather(*(desk.listings.known(BOTH) for _ in range(5)))
        assert all(one == found[0] and len(one) == 2 for one in found)

    asyncio.run(script())
    assert sorted(desk.asked) == ["codex/", "web/plus"]


def test_a_list_that_comes_too_late_serves_the_next_request() -> None:
    desk = Desk(PLUS, CODEX, silent="web/plus")

    async def script() -> None:
        assert await desk.listings.known(BOTH) == {}
        assert await desk.listings.known(BOTH) == {}
        desk.woken.set()
        assert set(await desk.listings.known(BOTH)) == set(BOTH)

    asyncio.run(script())
    assert sorted(desk.asked) == ["codex/", "web/plus"]


def test_what_another_instance_has_asked_is_not_asked_again() -> None:
    desk = Desk(PLUS, CODEX)
    for plan, names in LISTS.items():
        asyncio.run(desk.ledger.offers(plan, names))

    assert set(desk.known()) == {"codex", "web"}
    assert desk.asked == []


def test_a_type_of_which_one_plan_does_not_tell_is_not_known() -> None:
    desk = Desk(PLUS, FREE, CODEX, lists={"web/plus": LISTS["web/plus"], "codex/": ("auto",)})

    assert set(desk.known()) == {"codex"}


def test_who_does_not_tell_is_asked_again_after_a_while() -> None:
    desk = Desk(CODEX, lists={})
    assert desk.known() == {}
    desk.clock.advance(299)
    assert desk.known() == {}
    assert desk.asked == ["codex/"]

    desk.clock.advance(1)
    desk.lists["codex/"] = ("auto", "gpt-5.5")
    assert desk.known() == {"codex": {"auto", "gpt-5.5"}}


def test_lists_for_showing_are_fetched_every_time() -> None:
    desk = Desk(PLUS, FREE)
    for _ in range(2):
        lists = asyncio.run(desk.listings.fetch(["web"]))
        assert [model.id for model in union(lists)] == ["auto", "gpt-5-5", "gpt-4o"]
    assert len(desk.asked) == 4


def test_one_type_that_does_not_tell_hides_nothing_of_the_other() -> None:
    desk = Desk(PLUS, CODEX, lists={"web/plus": ("auto", "o3")})

    assert [model.id for model in union(asyncio.run(desk.listings.fetch(BOTH)))] == ["auto", "o3"]


def test_where_nobody_tells_the_first_problem_is_told() -> None:
    desk = Desk(PLUS, CODEX, lists={})
    with pytest.raises(Problem) as raised:
        asyncio.run(desk.listings.fetch(BOTH))
    assert raised.value is DOWN


def test_the_union_has_every_model_once_by_its_first_name() -> None:
    lists = {
        "codex": [Model("auto"), Model("gpt-5.5", "GPT-5.5")],
        "web": [Model("auto"), Model("gpt-5-5"), Model("gpt-5-5"), Model("o3")],
    }
    assert union(lists) == (
        Model("auto", upstreams=BOTH),
        Model("gpt-5.5", "GPT-5.5", upstreams=BOTH),
        Model("o3", upstreams=("web",)),
    )


# ------------------------------------------------------------------------ what nobody offers


def chosen(model: str, *upstreams: UpstreamName) -> Choice:
    return Choice(upstreams, Prompt(model, (Message("user", (Text("Hi"),)),)))


def test_what_no_list_has_is_not_asked_of_the_web() -> None:
    desk = Desk(PLUS, FREE, CODEX)
    desk.known()

    with pytest.raises(Problem, match="No account offers the model gpt-9") as caught:
        asyncio.run(desk.listings.offering(chosen("gpt-9", "web")))
    assert (caught.value.kind, caught.value.param) == (Kind.MODEL_NOT_FOUND, "model")


def test_codex_is_still_asked_for_it_says_itself_what_it_has_not() -> None:
    desk = Desk(PLUS, FREE, CODEX)
    desk.known()

    found = asyncio.run(desk.listings.offering(chosen("gpt-9", "codex", "web")))
    assert found.upstreams == ("codex",)


@pytest.mark.parametrize(
    "model", ["auto", "gpt-5.5", "gpt-4o-high", "g-abc", "gpt-4-gizmo-g-abc", "gpt-image-2"]
)
def test_what_some_plan_has_or_no_list_tells_of_is_asked_for(model: str) -> None:
    desk = Desk(PLUS, FREE)
    asyncio.run(desk.listings.known(("web",)))

    choice = chosen(model, "web")
    assert asyncio.run(desk.listings.offering(choice)) is choice


def test_where_a_list_is_not_known_nothing_is_held_against_a_model() -> None:
    desk = Desk(PLUS, FREE, lists={"web/plus": ("auto",)})
    asyncio.run(desk.listings.known(("web",)))

    choice = chosen("gpt-9", "web")
    assert asyncio.run(desk.listings.offering(choice)) is choice


def test_an_old_list_is_asked_for_anew_before_it_is_believed() -> None:
    desk = Desk(PLUS)
    asyncio.run(desk.listings.known(("web",)))
    desk.lists["web/plus"] = ("auto", "gpt-9")
    desk.clock.advance(301)

    choice = chosen("gpt-9", "web")
    assert asyncio.run(desk.listings.offering(choice)) is choice
    assert desk.asked == ["web/plus", "web/plus"]


def test_a_wrong_name_makes_nobody_ask_again_and_again() -> None:
    desk = Desk(PLUS)
    asyncio.run(desk.listings.known(("web",)))
    for _ in range(5):
        with pytest.raises(Problem):
            asyncio.run(desk.listings.offering(chosen("gpt-9", "web")))
    assert desk.asked == ["web/plus"]
