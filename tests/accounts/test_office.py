"""The parts put together, and put together anew when the settings change."""

import asyncio

from msgspec import structs

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.office import Office
from chat2api_core.ambient import SystemIds
from chat2api_core.emulator.tokens import make_access_token
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.stores.guard import GuardedStore
from chat2api_core.stores.memory import MemoryStore
from tests.accounts.instances import SignIn, run
from tests.fakes import FakeClock

CODEX = Account(refresh_token=Secret("rt_first"))
BARE = Account(access_token=Secret("bare"))
LIMIT = Problem(Kind.RATE_LIMITED, "Limit.", retry_after=60)


class Desk:
    """Offices of one process, one after the other."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.sign_in = SignIn(self.clock)
        self.store = GuardedStore(MemoryStore(self.clock), self.clock)

    def office(
        self,
        *accounts: Account,
        concurrency: int = 1,
        before: Office | None = None,
        heeds_caps: bool = False,
    ) -> Office:
        return Office(
            accounts,
            exchange=self.sign_in,
            store=self.store,
            secret_key=Secret(""),
            shuffle=False,
            concurrency=concurrency,
            temporary=True,
            lasting=True,
            heeds_caps=heeds_caps,
            clock=self.clock,
            ids=SystemIds(),
            before=before,
        )


async def busy(office: Office) -> bool:
    """Whether no account can be had at once."""
    picking = asyncio.create_task(office.pool.pick(model="auto", types=("web",)))
    for _ in range(5):
        await asyncio.sleep(0)
    if picking.done():
        await picking.result().release()
        return False
    picking.cancel()
    await asyncio.wait([picking])
    return True


def test_what_is_known_and_held_goes_on_after_a_change() -> None:
    async def script() -> None:
        desk = Desk()
        before = desk.office(BARE, CODEX)
        await before.ledger.blame(BARE.key, "auto", LIMIT)
        before.ledger.owns(CODEX.key, "conv-1")
        hold = await before.pool.pick(model="auto", types=("web",))
        after = desk.office(BARE, CODEX, before=before)

        assert hold.account == CODEX
        assert after.ledger.rest(BARE.key, "auto") is not None
        assert await after.ledger.owner("conv-1") == CODEX.key
        assert await busy(after)
        await hold.release()
        assert not await busy(after)

    run(script())


def test_the_new_bound_is_that_of_all() -> None:
    async def script() -> None:
        desk = Desk()
        before = desk.office(BARE)
        hold = await before.pool.pick(model="auto", types=("web",))
        after = desk.office(BARE, concurrency=2, before=before)
        assert not await busy(after)
        await hold.release()

    run(script())


def test_an_exchange_under_way_is_not_made_twice() -> None:
    async def script() -> None:
        desk = Desk()
        desk.sign_in.hold.clear()
        before = desk.office(CODEX)
        first = asyncio.create_task(before.credentials.ready(CODEX))
        await desk.sign_in.asked.wait()
        after = desk.office(CODEX, before=before)
        second = asyncio.create_task(after.credentials.ready(CODEX))
        desk.sign_in.hold.set()
        assert await first == await second
        assert desk.sign_in.exchanges == 1

    run(script())


def test_renewed_tokens_stay_and_what_else_is_configured_is_new() -> None:
    async def script() -> None:
        desk = Desk()
        before = desk.office(CODEX)
        renewed = await before.credentials.ready(CODEX)
        changed = structs.replace(CODEX, proxy=Secret("http://new"))
        after = desk.office(changed, before=before)
        ready = await after.credentials.ready(changed)

        assert ready == structs.replace(renewed, proxy=Secret("http://new"))
        assert after.pool.members[0].plan == "plus", "its tokens tell"

    run(script())


def test_a_token_that_was_put_in_by_hand_is_used() -> None:
    async def script() -> None:
        desk = Desk()
        old, new = (Secret(make_access_token(jti=name)) for name in ("old", "new"))
        first = structs.replace(CODEX, access_token=old)
        before = desk.office(first)
        assert await before.credentials.ready(first) is first
        second = structs.replace(CODEX, access_token=new)
        after = desk.office(second, before=before)
        assert (await after.credentials.ready(second)).access_token == new

    run(script())


def test_whether_caps_are_heeded_may_change_while_what_they_say_stays() -> None:
    desk = Desk()
    before = desk.office(BARE)
    before.ledger.limits_seen(BARE.key, {"image_gen": (0, desk.clock.now() + 60)})
    after = desk.office(BARE, before=before, heeds_caps=True)

    assert before.ledger.standing(BARE.key).caps["image_gen"].remaining == 0
    assert after.ledger.rest(BARE.key, "image_gen") is None, "nothing was told since"
    desk.clock.advance(1)
    after.ledger.limits_seen(BARE.key, {"image_gen": (0, desk.clock.now() + 59)})
    assert after.ledger.rest(BARE.key, "image_gen") is not None
