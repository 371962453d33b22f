"""How many requests an account serves at the same time."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat2api_core.accounts.leases import Lease, Leases
from chat2api_core.ambient import SystemIds
from chat2api_core.stores.guard import GuardedStore
from chat2api_core.stores.memory import MemoryStore
from tests.accounts.instances import ShakyStore, run
from tests.fakes import FakeClock, FakeIds

TTL = 60.0


class World:
    """Instances on one store, and a clock that passes while they sleep."""

    def __init__(self, limit: int, count: int = 2) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(self.clock)
        self.turns: asyncio.Queue[None] = asyncio.Queue()
        self.slept = 0
        self.instances = [
            Leases(limit, ids=SystemIds(), store=self.store, ttl=TTL, sleep=self.sleep)
            for _ in range(count)
        ]

    async def sleep(self, seconds: float) -> None:
        self.slept += 1
        await self.turns.get()

    async def pass_time(self, seconds: float) -> None:
        """Let this much time pass; who slept that long wakes up and does its work."""
        self.clock.advance(seconds)
        self.turns.put_nowait(None)
        for _ in range(20):
            await asyncio.sleep(0)


class TestInOneProcess:
    def test_without_a_limit_there_is_always_one(self) -> None:
        async def script() -> None:
            leases = Leases(0, ids=FakeIds())
            for lease in [await leases.take("a") for _ in range(100)]:
                assert lease is not None
                await lease.release()

        run(script())

    def test_there_are_as_many_as_the_limit(self) -> None:
        async def script() -> None:
            leases = Leases(2, ids=FakeIds())
            first, second = await leases.take("a"), await leases.take("a")
            assert first is not None
            assert second is not None
            assert await leases.take("a") is None
            assert await leases.take("b") is not None
            await first.release()
            await first.release()
            assert await leases.take("a") is not None
            assert await leases.take("a") is None

        run(script())


class TestOnAllInstances:
    def test_the_limit_is_theirs_together(self) -> None:
        async def script() -> None:
            world = World(3, count=4)
            tried = await asyncio.gather(
                *(leases.take("a") for leases in world.instances for _ in range(5))
            )
            held = [lease for lease in tried if lease is not None]
            assert len(held) == 3
            await held[0].release()
            assert await world.instances[3].take("a") is not None
            assert await world.instances[0].take("a") is None

        run(script())

    def test_all_are_let_go_of(self) -> None:
        async def script() -> None:
            world = World(2)
            for leases in world.instances:
                lease = await leases.take("a")
                assert lease is not None
                await lease.release()
            assert await world.store.keys("lease:") == []

        run(script())

    def test_one_whose_holder_died_ends_by_itself(self) -> None:
        async def script() -> None:
            world = World(1)
            dead, alive = world.instances
            assert await dead.take("a") is not None
            assert dead._renewing is not None
            dead._renewing.cancel()  # as a killed process does not renew
            world.clock.advance(TTL - 1)
            assert await alive.take("a") is None
            world.clock.advance(1)
            assert await alive.take("a") is not None

        run(script())

    def test_one_that_is_held_for_long_is_renewed(self) -> None:
        async def script() -> None:
            world = World(1)
            one, two = world.instances
            lease = await one.take("a")
            assert lease is not None
            for _ in range(10):
                await world.pass_time(TTL / 3)
                assert await two.take("a") is None
            await lease.release()
            assert await two.take("a") is not None

        run(script())

    def test_a_slow_store_lets_no_lease_end_for_want_of_its_turn(self) -> None:
        class Slow(MemoryStore):
            """Answers writes when as many have been asked for as it waits for."""

            waits_for = 0
            asked = 0

            async def swap(
                self, key: str, old: bytes | None, new: bytes, ttl: float | None = None
            ) -> bool:
                if old is not None and self.waits_for:
                    self.asked += 1
                    if self.asked == self.waits_for:
                        enough.set()
                    await enough.wait()
                return await super().swap(key, old, new, ttl)

        enough = asyncio.Event()

        async def script() -> None:
            world = World(1, count=0)
            store = Slow(world.clock)
            leases = Leases(1, ids=SystemIds(), store=store, ttl=TTL, sleep=world.sleep)
            held = [await leases.take(f"account-{number}") for number in range(30)]
            store.waits_for = 30
            await world.pass_time(TTL / 3)
            await enough.wait()
            await asyncio.sleep(0)
            world.clock.advance(TTL - 1)
            assert len(await store.keys("lease:")) == 30
            for lease in held:
                assert lease is not None
                await lease.release()

        run(script())

    def test_nothing_is_left_running_when_the_last_one_is_let_go_of(self) -> None:
        async def script() -> None:
            world = World(2)
            leases = world.instances[0]
            first, second = await leases.take("a"), await leases.take("b")
            assert first is not None
            assert second is not None
            await first.release()
            await asyncio.sleep(0)
            assert len(asyncio.all_tasks()) == 2
            await second.release()
            await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        run(script())

    def test_a_store_that_came_back_empty_hears_of_it_again(self) -> None:
        async def script() -> None:
            world = World(1)
            one, two = world.instances
            lease = await one.take("a")
            assert lease is not None
            await world.store.delete("lease:a:0")
            await world.pass_time(TTL / 3)
            assert await two.take("a") is None
            await lease.release()
            assert await two.take("a") is not None

        run(script())

    @pytest.mark.parametrize("limit", [1, 2])
    def test_one_that_was_let_go_of_while_the_store_was_down_is_taken_again(
        self, limit: int
    ) -> None:
        async def script() -> None:
            clock = FakeClock()
            store = ShakyStore(clock)
            one, two = (
                Leases(limit, ids=SystemIds(), store=GuardedStore(store, clock, pause=0.0))
                for _ in range(2)
            )
            held = [await one.take("a") for _ in range(limit)]
            store.down = 1000
            for lease in held:
                assert lease is not None
                await lease.release()
            store.down = 0
            assert len(await store.keys("lease:")) == limit
            assert await two.take("a") is None, "it cannot know"
            assert await one.take("a") is not None

        run(script())

    def test_who_is_cancelled_while_waiting_for_one_holds_none(self) -> None:
        class Stuck(MemoryStore):
            async def add(self, key: str, value: bytes, ttl: float | None = None) -> bool:
                await asyncio.Event().wait()
                return True

        async def script() -> None:
            clock = FakeClock()
            store = GuardedStore(Stuck(clock), clock, wait=0.01)
            leases = Leases(1, ids=SystemIds(), store=store)
            asking = asyncio.create_task(leases.take("a"))
            await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert leases._counts == {}

        run(script())

    def test_who_is_cancelled_as_the_store_grants_one_holds_none(self) -> None:
        granted = asyncio.Event()

        class Slow(MemoryStore):
            async def swap(
                self, key: str, old: bytes | None, new: bytes, ttl: float | None = None
            ) -> bool:
                done = await super().swap(key, old, new, ttl)
                granted.set()
                await asyncio.sleep(0)  # the word that it is ours is on its way
                return done

        async def script() -> None:
            store = Slow(FakeClock())
            one, two = (Leases(1, ids=SystemIds(), store=store) for _ in range(2))
            asking = asyncio.create_task(one.take("a"))
            await granted.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert one._counts == {}
            assert await two.take("a") is not None

        run(script())


@settings(deadline=None)  # an event loop for each example
@given(
    limit=st.integers(1, 3),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 1), st.sampled_from(["a", "b"]))),
)
def test_never_more_than_the_limit_and_never_fewer_without_need(
    limit: int, steps: list[tuple[bool, int, str]]
) -> None:
    async def script() -> None:
        world = World(limit)
        held: dict[str, list[Lease]] = {"a": [], "b": []}
        for take, instance, account in steps:
            if take:
                lease = await world.instances[instance].take(account)
                assert (lease is None) is (len(held[account]) == limit)
                if lease is not None:
                    held[account].append(lease)
            elif held[account]:
                await held[account].pop(0).release()
        for lease in held["a"] + held["b"]:
            await lease.release()
        assert await world.store.keys("lease:") == []

    run(script())
