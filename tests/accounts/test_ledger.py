"""Who rests until when, who holds which conversation, and what other instances hear of it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat2api_core.accounts.ledger import Ledger, Reach
from chat2api_core.problem import Blame, Kind, Problem
from chat2api_core.stores.memory import MemoryStore
from chat2api_core.upstreams.codex.quota import Quota, Window
from tests.fakes import FakeClock

T = TypeVar("T")


def now(work: Coroutine[Any, Any, T]) -> T:
    """What comes of work that waits for nothing."""
    return asyncio.run(work)


class Desk:
    """A ledger and its clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ledger = Ledger(self.clock)

    def blame(self, kind: Kind, *, model: str = "m", wait: float | None = None) -> None:
        now(self.ledger.blame("a", model, Problem(kind, f"{kind.name}.", retry_after=wait)))

    def wait(self, model: str = "m") -> float:
        """Seconds for which account "a" is not to be asked."""
        rest = self.ledger.rest("a", model)
        return 0 if rest is None else rest.until - self.clock.now()


class TestRests:
    @pytest.mark.parametrize(
        ("kind", "seconds"),
        [(Kind.RATE_LIMITED, 300), (Kind.UNAUTHORIZED, 60), (Kind.BUSY, 5)],
    )
    def test_some_kinds_rest_the_account_for_a_while(self, kind: Kind, seconds: float) -> None:
        desk = Desk()
        desk.blame(kind)

        assert desk.wait() == seconds
        rest = desk.ledger.rest("a", "m")
        assert rest is not None
        assert (rest.kind, rest.message) == (kind, f"{kind.name}.")

    @pytest.mark.parametrize("kind", [one for one in Kind if one.value.blame is not Blame.ACCOUNT])
    def test_what_is_not_the_accounts_fault_rests_nobody(self, kind: Kind) -> None:
        desk = Desk()
        desk.blame(kind, wait=1000)

        assert desk.wait() == 0

    def test_a_wait_that_the_upstream_tells_goes_before_ours(self) -> None:
        desk = Desk()
        desk.blame(Kind.RATE_LIMITED, wait=12)

        assert desk.wait() == 12

    def test_it_ends_at_its_time(self) -> None:
        desk = Desk()
        desk.blame(Kind.RATE_LIMITED, wait=12)
        desk.clock.advance(11.9)
        assert desk.wait() > 0

        desk.clock.advance(0.1)
        assert desk.wait() == 0
        assert desk.wait() == 0

    def test_other_accounts_go_on(self) -> None:
        desk = Desk()
        desk.blame(Kind.RATE_LIMITED)

        assert desk.ledger.rest("b", "m") is None

    def test_a_limit_concerns_the_model_that_met_it(self) -> None:
        desk = Desk()
        desk.blame(Kind.RATE_LIMITED, model="m")

        assert desk.wait("other") == 0

    @pytest.mark.parametrize("kind", [Kind.UNAUTHORIZED, Kind.BUSY])
    def test_a_refused_token_and_a_running_turn_concern_every_model(self, kind: Kind) -> None:
        desk = Desk()
        desk.blame(kind, model="m")

        assert desk.wait("other") > 0

    def test_a_shorter_rest_does_not_cut_a_longer_one(self) -> None:
        desk = Desk()
        desk.blame(Kind.RATE_LIMITED, wait=3600)
        desk.blame(Kind.RATE_LIMITED, wait=5)
        desk.blame(Kind.BUSY)

        desk.clock.advance(60)
        assert desk.wait() == 3540

    def test_a_longer_rest_takes_the_place_of_a_shorter_one(self) -> None:
        desk = Desk()
        desk.blame(Kind.RATE_LIMITED, wait=5)
        desk.blame(Kind.RATE_LIMITED, wait=3600)

        assert desk.wait() == 3600

    def test_a_success_ends_it(self) -> None:
        desk = Desk()
        desk.blame(Kind.UNAUTHORIZED)
        desk.blame(Kind.RATE_LIMITED, model="m")
        desk.blame(Kind.RATE_LIMITED, model="other", wait=70)
        now(desk.ledger.praise("a", "m"))

        assert desk.wait() == 0
        assert desk.wait("other") == 70, "that model was not asked"

    def test_their_number_is_bounded_whatever_callers_bring(self) -> None:
        desk = Desk()
        limit = Problem(Kind.RATE_LIMITED, "Limit.")

        async def strangers(names: Sequence[str]) -> None:
            for name in names:
                await desk.ledger.blame(name, "m", limit)

        desk.blame(Kind.RATE_LIMITED)
        now(strangers([f"stranger-{number}" for number in range(9_999)]))
        assert desk.wait() == 300

        now(strangers(["one too many"]))
        assert desk.wait() == 0
        assert desk.ledger.rest("stranger-0", "m") is not None

    def test_somebody_may_end_them_all_by_hand(self) -> None:
        desk = Desk()
        desk.blame(Kind.RATE_LIMITED)
        now(desk.ledger.blame("a", "m", Problem(Kind.UNAUTHORIZED, "Dead.", step="refresh")))
        assert desk.ledger.standing("a").out is not None

        now(desk.ledger.reset("a"))
        assert desk.wait() == 0
        assert desk.ledger.standing("a").out is None

    def test_who_asks_in_between_is_told_the_reason_and_the_wait(self) -> None:
        desk = Desk()
        desk.blame(Kind.RATE_LIMITED, wait=12)
        desk.clock.advance(2)
        rest = desk.ledger.rest("a", "m")
        assert rest is not None
        problem = desk.ledger.refusal(rest)

        assert (problem.kind, problem.message) == (Kind.RATE_LIMITED, "RATE_LIMITED.")
        assert problem.retry_after == 10


@settings(deadline=None)  # an event loop for each example
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]),
            st.sampled_from(["m", "n"]),
            st.floats(0, 1000),
            st.floats(0, 100),
        )
    )
)
def test_an_account_rests_until_the_latest_time_that_was_told(
    limits: list[tuple[str, str, float, float]],
) -> None:
    clock = FakeClock(0)
    ledger = Ledger(clock)
    latest: dict[tuple[str, str], float] = {}
    for account, model, wait, passing in limits:
        limit = Problem(Kind.RATE_LIMITED, "Limit.", retry_after=wait)
        now(ledger.blame(account, model, limit))
        latest[account, model] = max(latest.get((account, model), 0), clock.now() + wait)
        clock.advance(passing)
    for (account, model), until in latest.items():
        rest = ledger.rest(account, model)
        assert (rest.until if rest else None) == (until if until > clock.now() else None)


class TestConversations:
    def test_the_holder_is_remembered(self) -> None:
        ledger = Desk().ledger
        ledger.owns("a", "conv-1")
        ledger.owns("b", "conv-2")

        assert (now(ledger.owner("conv-1")), now(ledger.owner("conv-2"))) == ("a", "b")
        assert now(ledger.owner("conv-3")) == ""

    def test_the_last_holder_counts(self) -> None:
        ledger = Desk().ledger
        ledger.owns("a", "conv-1")
        ledger.owns("b", "conv-1")

        assert now(ledger.owner("conv-1")) == "b"

    def test_the_ones_that_were_not_heard_of_for_longest_are_forgotten(self) -> None:
        ledger = Desk().ledger
        for number in range(10_000):
            ledger.owns("a", str(number))
        ledger.owns("a", "0")
        ledger.owns("a", "one too many")

        assert now(ledger.owner("0")) == "a"
        assert now(ledger.owner("1")) == ""
        assert now(ledger.owner("2")) == "a"


class SlowStore(MemoryStore):
    """Counts questions; answers them when it is let go."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.asked: list[Sequence[str]] = []
        self.writes: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        self.asked.append(keys)
        found = await super().get_many(keys)
        await self.open.wait()
        return found

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        self.writes.append(key)
        await super().put(key, value, ttl)

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        self.writes.append(key)
        return await super().swap(key, old, new, ttl)


class World:
    """Two instances on one store."""

    def __init__(self, reach: Reach = "world", *, temporary: bool = False) -> None:
        self.clock = FakeClock()
        self.store = SlowStore(self.clock)
        self.one, self.two = (
            Ledger(self.clock, self.store, reach=reach, temporary=temporary) for _ in range(2)
        )

    async def known_to_two(self, model: str = "m") -> float:
        """Seconds for which the second instance leaves account "a" alone."""
        await self.two.look(KEYS)
        rest = self.two.rest("a", model)
        return 0 if rest is None else rest.until - self.clock.now()


KEYS = ("a", "b")
LIMIT = Problem(Kind.RATE_LIMITED, "Limit.", retry_after=60)
DEAD = Problem(Kind.UNAUTHORIZED, "Sign in again.", step="refresh")


def played(script: Callable[[World], Awaitable[None]], world: World | None = None) -> None:
    """Run what happens in a world."""

    async def run() -> None:
        await script(world or World())

    asyncio.run(run())


class TestInstances:
    def test_a_limit_that_one_meets_rests_the_account_for_all(self) -> None:
        async def script(world: World) -> None:
            assert await world.known_to_two() == 0
            await world.one.blame("a", "m", LIMIT)
            assert await world.known_to_two() == 60
            assert await world.known_to_two("other") == 0

        played(script)

    def test_so_does_a_dead_sign_in(self) -> None:
        async def script(world: World) -> None:
            await world.one.blame("a", "m", DEAD)
            await world.two.look(KEYS)
            out = world.two.standing("a").out
            assert out is not None
            assert out.message == "Sign in again."

        played(script)

    def test_a_success_or_a_hand_ends_it_for_all(self) -> None:
        async def script(world: World) -> None:
            await world.one.blame("a", "m", LIMIT)
            await world.one.praise("a", "m")
            assert await world.known_to_two() == 0
            await world.one.blame("a", "m", LIMIT)
            await world.two.reset("a")
            await world.two.look(KEYS)
            await world.two.reset("a")
            assert await world.known_to_two() == 0

        played(script)

    def test_what_two_say_of_one_account_is_all_kept(self) -> None:
        async def script(world: World) -> None:
            await asyncio.gather(
                *(world.one.blame("a", f"one-{number}", LIMIT) for number in range(4)),
                *(world.two.blame("a", f"two-{number}", LIMIT) for number in range(4)),
            )
            await world.one.look(KEYS)
            assert len(world.one.standing("a").rests) == 8

        played(script)

    def test_all_who_look_at_the_same_time_share_one_question(self) -> None:
        async def script(world: World) -> None:
            world.store.open.clear()
            looking = [asyncio.create_task(world.one.look(KEYS)) for _ in range(50)]
            await asyncio.sleep(0)
            looking[0].cancel()
            await asyncio.sleep(0)
            world.store.open.set()
            await asyncio.wait(looking)
            assert len(world.store.asked) == 1
            await world.one.look(KEYS)
            assert len(world.store.asked) == 2

        played(script)

    def test_what_is_written_while_a_question_is_under_way_is_newer_than_its_answer(self) -> None:
        async def script(world: World) -> None:
            world.store.open.clear()
            looking = asyncio.create_task(world.one.look(KEYS))
            await asyncio.sleep(0)
            await world.one.blame("a", "m", LIMIT)
            world.store.open.set()
            await looking
            assert world.one.rest("a", "m") is not None

        played(script)

    def test_an_ordinary_success_writes_nothing(self) -> None:
        async def script(world: World) -> None:
            await world.one.praise("a", "m")
            await world.one.blame("b", "m", LIMIT)
            before = list(world.store.writes)
            await world.one.praise("b", "other")
            assert world.store.writes == before

        played(script)

    def test_a_store_full_of_nonsense_is_nothing_known(self) -> None:
        async def script(world: World) -> None:
            await world.store.put("standing:a", b"{")
            await world.store.put("models", b"[]")
            assert await world.known_to_two() == 0
            await world.one.blame("a", "m", LIMIT)
            assert await world.known_to_two() == 60

        played(script)

    def test_an_account_that_everybody_writes_about_is_at_least_known_here(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Contended(SlowStore):
            async def swap(
                self, key: str, old: bytes | None, new: bytes, ttl: float | None = None
            ) -> bool:
                return False

        async def run() -> None:
            clock = FakeClock()
            ledger = Ledger(clock, Contended(clock), reach="world")
            await ledger.blame("a", "m", LIMIT)
            assert ledger.rest("a", "m") is not None

        asyncio.run(run())
        assert "contended" in caplog.text


class TestOneMachine:
    def test_the_file_is_read_at_most_once_a_second(self) -> None:
        async def script(world: World) -> None:
            for _ in range(10):
                await world.one.look(KEYS)
            assert len(world.store.asked) == 1
            world.clock.advance(1)
            await world.one.look(KEYS)
            assert len(world.store.asked) == 2

        played(script, World("machine"))

    def test_a_temporary_chat_is_not_worth_a_write(self) -> None:
        async def script(world: World) -> None:
            world.one.owns("a", "conv-1")
            world.one.owns("a", "conv-2", temporary=True)
            world.one.owns("a", "conv-3", temporary=False)
            await world.one.settle()
            assert len(world.store.writes) == 1
            assert await world.one.owner("conv-1") == "a"
            assert await world.two.owner("conv-3") == "a"

        played(script, World("machine", temporary=True))

    def test_in_one_process_the_store_is_left_alone(self) -> None:
        async def script(world: World) -> None:
            await world.one.look(KEYS)
            await world.one.blame("a", "m", LIMIT)
            world.one.owns("a", "conv-1")
            await world.one.settle()
            await world.one.offers("web/free", ["auto"])
            assert await world.one.probe("a", "m")
            await world.one.probed("a", "m")
            assert await world.one.owner("conv-2") == ""
            assert world.store.asked == world.store.writes == []

        played(script, World("process"))


class TestSharedConversations:
    def test_the_holder_is_known_to_all_once_it_is_settled(self) -> None:
        async def script(world: World) -> None:
            world.one.owns("a", "conv-1", temporary=True)
            await world.one.settle()
            assert await world.two.owner("conv-1") == "a"
            assert await world.two.owner("conv-2") == ""

        played(script)

    def test_it_is_written_once(self) -> None:
        async def script(world: World) -> None:
            for _ in range(3):
                world.one.owns("a", "conv-1")
                await world.one.settle()
            assert await world.two.owner("conv-1") == "a"
            world.two.owns("a", "conv-1")
            await world.two.settle()
            assert len(world.store.writes) == 1

        played(script)

    def test_an_id_may_be_any_text(self) -> None:
        async def script(world: World) -> None:
            for name in ("", "with blanks", "ü" * 1000, "\ud800"):
                world.one.owns("a", name)
                await world.one.settle()
                assert await world.two.owner(name) == "a"

        played(script)


class TestProbes:
    def test_one_at_a_time_on_all_instances(self) -> None:
        async def script(world: World) -> None:
            assert await world.one.probe("a", "m")
            assert not await world.one.probe("a", "m")
            assert not await world.two.probe("a", "m")
            assert await world.two.probe("a", "other")
            assert await world.two.probe("b", "m")
            await world.one.probed("a", "m")
            assert await world.two.probe("a", "m")

        played(script)

    def test_one_that_was_lost_with_its_process_ends_by_itself(self) -> None:
        async def script(world: World) -> None:
            assert await world.one.probe("a", "m")
            world.clock.advance(59)
            assert not await world.two.probe("a", "m")
            world.clock.advance(1)
            assert await world.two.probe("a", "m")
            assert not await world.one.probe("a", "m")

        played(script)

    def test_without_a_store_too(self) -> None:
        async def run() -> None:
            clock = FakeClock()
            ledger = Ledger(clock)
            assert await ledger.probe("a", "m")
            assert not await ledger.probe("a", "m")
            clock.advance(60)
            assert await ledger.probe("a", "m")

        asyncio.run(run())


class TestModels:
    def test_the_list_of_a_plan_is_known_to_all(self) -> None:
        async def script(world: World) -> None:
            await world.one.offers("web/free", ["auto", "mini"])
            await world.two.offers("web/plus", ["auto", "pro"])
            await world.two.look(KEYS)
            assert world.two.models == {
                "web/free": frozenset({"auto", "mini"}),
                "web/plus": frozenset({"auto", "pro"}),
            }
            before = len(world.store.writes)
            await world.two.offers("web/plus", ["pro", "auto"])
            assert len(world.store.writes) == before

        played(script)

    def test_the_number_of_plans_is_bounded(self) -> None:
        ledger = Desk().ledger
        for number in range(30):
            now(ledger.offers(f"web/{number}", ["auto"]))

        assert len(ledger.models) == 20


class TestCaps:
    QUOTA = Quota("plus", Window(40, 300, 1_787_300_900), None)
    FULL = Quota("plus", Window(100, 300, 1_800_000_000), None)

    def two(
        self, *, heeds: bool = True, reach: Reach = "world"
    ) -> tuple[FakeClock, Ledger, Ledger]:
        clock = FakeClock()
        self.store = CountingStore(clock)
        one, other = (Ledger(clock, self.store, reach=reach, heeds_caps=heeds) for _ in range(2))
        return clock, one, other

    async def told(self, ledger: Ledger) -> dict[str, float]:
        await ledger.look(("a",))
        return {name: cap.used for name, cap in ledger.standing("a").caps.items()}

    def test_what_one_has_seen_the_others_hear_when_it_settles(self) -> None:
        async def run() -> None:
            _, one, other = self.two()
            one.quota_seen("a", self.QUOTA)
            assert one.standing("a").caps["codex.primary"].used == 40
            assert await self.told(other) == {}
            await one.settle()
            assert await self.told(other) == {"codex.primary": 40}

        now(run())

    def test_it_is_written_once_a_minute_at_most(self) -> None:
        async def run() -> None:
            clock, one, other = self.two()
            for used in range(30):
                clock.advance(5)
                one.quota_seen("a", Quota("plus", Window(used), None))
                await one.settle()
            assert self.store.swaps == 3  # at 5, 65 and 125 seconds
            assert await self.told(other) == {"codex.primary": 24}
            assert await self.told(one) == {"codex.primary": 29}, "its own news are later"

        now(run())

    def test_a_cap_that_is_used_up_or_free_again_is_told_at_once(self) -> None:
        async def run() -> None:
            clock, one, other = self.two()
            for quota, rests in ((self.QUOTA, False), (self.FULL, True), (self.QUOTA, False)):
                clock.advance(1)
                one.quota_seen("a", quota)
                await one.settle()
                await other.look(("a",))
                assert (other.rest("a", "m") is not None) is rests

        now(run())

    def test_caps_that_nobody_heeds_rest_nobody(self) -> None:
        async def run() -> None:
            _, one, other = self.two(heeds=False)
            one.quota_seen("a", self.FULL)
            await one.settle()
            await other.look(("a",))
            assert one.rest("a", "m") is None
            assert other.rest("a", "m") is None
            assert await self.told(other) == {"codex.primary": 100}

        now(run())

    def test_features_are_told_like_plans(self) -> None:
        async def run() -> None:
            _, one, other = self.two()
            one.limits_seen("a", {"image_gen": (0, 1_800_000_000.0)})
            await one.settle()
            await other.look(("a",))
            assert other.rest("a", "image_gen") is not None
            assert other.rest("a", "m") is None

        now(run())

    def test_resetting_an_account_reaches_those_who_have_seen_the_cap_themselves(self) -> None:
        async def run() -> None:
            clock, one, other = self.two()
            one.quota_seen("a", self.FULL)
            other.quota_seen("a", self.FULL)
            await one.settle()
            clock.advance(1)
            await one.reset("a")
            await other.look(("a",))
            assert one.rest("a", "m") is None
            assert other.rest("a", "m") is None

        now(run())

    def test_without_others_nothing_is_written(self) -> None:
        async def run() -> None:
            _, one, _ = self.two(reach="process")
            one.quota_seen("a", self.FULL)
            await one.settle()
            assert one.rest("a", "m") is not None
            assert self.store.swaps == 0

        now(run())

    def test_a_success_costs_no_write_where_only_caps_are_known(self) -> None:
        async def run() -> None:
            _, one, _ = self.two()
            one.quota_seen("a", self.QUOTA)
            await one.settle()
            await one.praise("a", "m")
            assert self.store.swaps == 1

        now(run())

    def test_the_accounts_that_callers_bring_do_not_fill_the_memory(self) -> None:
        async def run() -> None:
            _, one, _ = self.two()
            for number in range(10_050):
                one.quota_seen(f"account {number}", self.QUOTA)
            assert len(one._untold) == 10_000
            assert one.standing("account 0").caps == {}
            assert one.standing("account 10049").caps != {}

        now(run())


class CountingStore(MemoryStore):
    """Counts what is swapped."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.swaps = 0

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        self.swaps += 1
        return await super().swap(key, old, new, ttl)
