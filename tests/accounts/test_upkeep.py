"""Tokens renewed by schedule."""

import asyncio

import pytest
from msgspec import structs

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.credentials import Credentials
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.accounts.upkeep import Renewals, Upkeep
from chat2api_core.emulator.tokens import make_access_token
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from tests.accounts.instances import Instances, run

CODEX = Account(refresh_token=Secret("rt_first"))
IOS = Account(refresh_token=Secret("i" * 45))
BARE = Account(access_token=Secret("bare"))
DAY = 86_400.0


class Desk:
    """Upkeep and everything around it. ``shared``: new tokens go into a store."""

    def __init__(self, *accounts: Account, shared: bool = True, lasting: bool = False) -> None:
        self.all_of = Instances(1)
        self.clock = self.all_of.clock
        self.sign_in = self.all_of.sign_in
        self.ledger = Ledger(self.clock)
        self.rounds: list[float] = []
        self.enough = asyncio.Event()
        credentials = self.all_of.credentials[0]
        if not shared:
            credentials = Credentials(self.sign_in, clock=self.clock)
        self.upkeep = Upkeep(
            accounts,
            credentials=credentials,
            ledger=self.ledger,
            clock=self.clock,
            lasting=lasting,
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.rounds.append(seconds)
        if len(self.rounds) > 3:
            self.enough.set()
            await asyncio.Event().wait()
        self.clock.advance(seconds)


def test_what_was_never_renewed_is_and_once_is_enough() -> None:
    async def script() -> None:
        desk = Desk(CODEX, IOS, BARE)
        assert await desk.upkeep.run() == Renewals(renewed=2, skipped=1)
        assert await desk.upkeep.run() == Renewals(fresh=2, skipped=1)
        assert desk.sign_in.exchanges == 2

    run(script())


@pytest.mark.parametrize(("days", "renewed"), [(3.9, 0), (4, 1)])
def test_after_four_days_it_is_renewed_although_it_works(days: float, renewed: int) -> None:
    async def script() -> None:
        desk = Desk(CODEX)
        await desk.upkeep.run()
        desk.clock.advance(days * DAY)
        assert (await desk.upkeep.run()).renewed == renewed

    run(script())


def test_what_another_instance_renewed_is_known() -> None:
    async def script() -> None:
        desk = Desk(CODEX)
        other = desk.all_of.started(desk.all_of.vaults[0])
        await other.ready(CODEX)
        assert await desk.upkeep.run() == Renewals(fresh=1)

    run(script())


def test_what_ends_within_a_day_is_renewed() -> None:
    async def script() -> None:
        desk = Desk()
        ending = make_access_token(exp=int(desk.clock.now() + DAY - 1))
        desk = Desk(structs.replace(CODEX, access_token=Secret(ending)))
        assert await desk.upkeep.run() == Renewals(renewed=1)

    run(script())


def test_a_disabled_account_is_left_alone() -> None:
    async def script() -> None:
        desk = Desk(structs.replace(CODEX, disabled=True))
        assert await desk.upkeep.run() == Renewals()

    run(script())


def test_a_dead_account_goes_out_and_is_not_asked_about_again() -> None:
    async def script() -> None:
        desk = Desk(CODEX)
        desk.sign_in.failures.append(Problem(Kind.UNAUTHORIZED, "Dead.", step="refresh"))
        assert await desk.upkeep.run() == Renewals(failed=1)
        assert desk.ledger.standing(CODEX.key).out is not None
        assert await desk.upkeep.run() == Renewals(out=1)
        assert desk.sign_in.exchanges == 1

    run(script())


def test_a_failure_of_the_moment_rests_the_account() -> None:
    async def script() -> None:
        desk = Desk(CODEX)
        desk.sign_in.failures.append(Problem(Kind.UNREACHABLE, "No answer.", step="refresh"))
        assert await desk.upkeep.run() == Renewals(failed=1)
        assert desk.ledger.rest(CODEX.key, "auto") is not None
        assert await desk.upkeep.run() == Renewals(renewed=1)
        assert desk.ledger.rest(CODEX.key, "auto") is None

    run(script())


@pytest.mark.parametrize(
    ("account", "lasting", "renewed"), [(CODEX, False, 0), (CODEX, True, 1), (IOS, False, 1)]
)
def test_a_token_that_rotates_is_not_spent_where_the_new_one_would_be_lost(
    account: Account, *, lasting: bool, renewed: int
) -> None:
    async def script() -> None:
        desk = Desk(account, shared=False, lasting=lasting)
        done = await desk.upkeep.run()
        assert (done.renewed, done.skipped) == (renewed, 1 - renewed)

    run(script())


def test_time_is_bounded_and_the_rest_is_for_the_next_round() -> None:
    async def script() -> None:
        accounts = [Account(refresh_token=Secret(f"rt_of_{number}")) for number in range(5)]
        desk = Desk(*accounts)
        desk.sign_in.takes = 12
        assert await desk.upkeep.run() == Renewals(renewed=2, left=3)
        assert await desk.upkeep.run() == Renewals(renewed=2, fresh=2, left=1)

    run(script())


def test_a_server_that_goes_on_does_it_again_and_again() -> None:
    async def script() -> None:
        desk = Desk(CODEX)
        forever = asyncio.create_task(desk.upkeep.forever())
        await desk.enough.wait()
        forever.cancel()
        assert desk.rounds == [60, 21_600, 21_600, 21_600]
        assert desk.sign_in.exchanges == 1

    run(script())
