"""Renewed tokens among instances: one exchange, saved before it is used, and what a store that is
down does to it."""

import asyncio
import logging
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.credentials import Credentials
from chat2api_core.accounts.vault import LOCK, Tokens, Vault
from chat2api_core.ambient import SystemIds
from chat2api_core.emulator.tokens import make_access_token
from chat2api_core.problem import Kind, Problem
from chat2api_core.seal import Sealer
from chat2api_core.secret import Secret
from chat2api_core.stores.guard import GuardedStore
from tests.accounts.instances import KEY, LIFE, Instances, ShakyStore, run
from tests.fakes import FakeClock

CODEX = Account(refresh_token=Secret("rt_first"), proxy=Secret("http://own"))
IOS = Account(refresh_token=Secret("i" * 45))
OFFLINE = Problem(Kind.UNREACHABLE, "No answer.", step="refresh")


class TestOneExchange:
    def test_fifty_at_once_on_five_instances_make_one(self) -> None:
        async def script() -> None:
            all_of = Instances(5)
            all_of.sign_in.hold.clear()
            asking = [
                asyncio.create_task(all_of.credentials[number % 5].ready(CODEX))
                for number in range(50)
            ]
            await all_of.sign_in.asked.wait()
            all_of.sign_in.hold.set()
            ready = await asyncio.gather(*asking)
            assert len({account.access_token.reveal() for account in ready}) == 1
            assert all_of.sign_in.exchanges == 1

        run(script())

    def test_what_one_saved_the_next_one_finds_after_a_restart(self) -> None:
        async def script() -> None:
            all_of = Instances(1)
            first = await all_of.credentials[0].ready(CODEX)
            later = await all_of.started(all_of.vaults[0]).ready(CODEX)
            assert later == first
            assert later.refresh_token == Secret("rt_1")
            assert later.proxy == CODEX.proxy
            assert later.key == CODEX.key
            assert all_of.sign_in.exchanges == 1

        run(script())

    def test_the_rotated_token_makes_the_next_exchange_wherever_that_is(self) -> None:
        async def script() -> None:
            all_of = Instances(2)
            await all_of.credentials[0].ready(CODEX)
            all_of.clock.advance(LIFE)
            second = await all_of.credentials[1].ready(CODEX)
            assert second.refresh_token == Secret("rt_2")
            assert (await all_of.credentials[0].ready(CODEX)) == second
            assert all_of.sign_in.exchanges == 2

        run(script())

    def test_a_token_that_is_refused_everywhere_is_renewed_once(self) -> None:
        async def script() -> None:
            all_of = Instances(2)
            one, two = all_of.credentials
            first = await one.ready(CODEX)
            assert await two.ready(CODEX) == first
            renewed = await asyncio.gather(*(each.renewed(first) for each in (one, two) * 10))
            assert {account.access_token for account in renewed if account} == {
                renewed[0].access_token if renewed[0] else None
            }
            assert all_of.sign_in.exchanges == 2

        run(script())

    def test_the_new_tokens_are_saved_before_anybody_uses_them(self) -> None:
        async def script() -> None:
            all_of = Instances(1)
            vault = all_of.vaults[0]
            fresh = await all_of.credentials[0].ready(CODEX)
            kept = await vault.load(CODEX.key)
            assert kept is not None
            assert kept.on(CODEX, CODEX.key) == fresh

            lasting = all_of.clock.now() + LIFE
            all_of.clock.time = lasting
            all_of.sign_in.hold.clear()
            asking = asyncio.create_task(all_of.credentials[0].ready(CODEX))
            all_of.sign_in.asked.clear()
            await all_of.sign_in.asked.wait()
            all_of.store.down = 3
            all_of.sign_in.hold.set()
            fresh = await asking
            # It came out only when the store took it, and that was after three refusals.
            kept = await vault.load(CODEX.key, sure=True)
            assert kept is not None
            assert kept.on(CODEX, CODEX.key) == fresh
            assert all_of.store.down == 0

        run(script())

    def test_whose_account_it_is_is_told_to_who_wants_to_know(self) -> None:
        async def script() -> None:
            all_of = Instances(2)
            for credentials in all_of.credentials:
                await credentials.ready(CODEX)
            assert [account.key for account in all_of.learnt] == [CODEX.key] * 2

        run(script())

    def test_nothing_readable_is_in_the_store(self) -> None:
        async def script() -> None:
            all_of = Instances(1)
            await all_of.credentials[0].ready(CODEX)
            for key in await all_of.store.keys(""):
                raw = await all_of.store.get(key)
                assert raw is not None
                assert b"rt_" not in raw
                assert b"eyJ" not in raw

        run(script())


class Locked(Instances):
    """Time passes, and somebody keeps the lock."""

    async def sleep(self, seconds: float) -> None:
        await self.store.put(f"lock:refresh:{CODEX.key}", b"somebody", LOCK)
        await super().sleep(seconds)


class TestLocks:
    def test_a_failure_lets_the_next_one_try(self) -> None:
        async def script() -> None:
            all_of = Instances(2)
            all_of.sign_in.failures.append(OFFLINE)
            with pytest.raises(Problem):
                await all_of.credentials[0].ready(CODEX)
            assert (await all_of.credentials[1].ready(CODEX)).refresh_token == Secret("rt_2")

        run(script())

    def test_the_lock_of_an_instance_that_died_opens_by_itself(self) -> None:
        async def script() -> None:
            all_of = Instances(2)
            assert await all_of.vaults[0].lock(CODEX.key)
            began = all_of.clock.now()
            await all_of.credentials[1].ready(CODEX)
            assert LOCK <= all_of.clock.now() - began < LOCK + 1

        run(script())

    def test_nobody_waits_for_ever(self) -> None:
        async def script() -> None:
            all_of = Locked(1)
            assert await all_of.vaults[0].lock(CODEX.key)
            with pytest.raises(Problem) as raised:
                await all_of.credentials[0].ready(CODEX)
            assert raised.value.kind is Kind.UNAVAILABLE
            assert raised.value.step == "refresh"

        run(script())

    def test_a_lock_is_only_let_go_of_by_its_holder(self) -> None:
        async def script() -> None:
            one, two = (all_of := Instances(2)).vaults
            mark = await one.lock(CODEX.key)
            assert mark is not None
            all_of.clock.advance(LOCK)
            assert await two.lock(CODEX.key)
            await one.unlock(CODEX.key, mark)
            assert await one.lock(CODEX.key) is None

        run(script())


class TestStoreDown:
    def test_a_token_that_works_goes_on_being_used(self) -> None:
        async def script() -> None:
            all_of = Instances(1)
            now = all_of.clock.now()
            ending = structs.replace(
                CODEX, access_token=Secret(make_access_token(exp=int(now + 299)))
            )
            all_of.store.down = 1000
            assert await all_of.credentials[0].ready(ending) is ending
            assert all_of.sign_in.exchanges == 0

        run(script())

    def test_one_that_rotates_is_not_renewed(self) -> None:
        async def script() -> None:
            all_of = Instances(1)
            all_of.store.down = 1000
            with pytest.raises(Problem) as raised:
                await all_of.credentials[0].ready(CODEX)
            assert raised.value.kind is Kind.UNAVAILABLE
            assert raised.value.retry_after == 5
            assert all_of.sign_in.exchanges == 0

        run(script())

    def test_one_that_goes_down_under_the_lock_is_left_alone_too(self) -> None:
        async def script() -> None:
            all_of = Instances(1)
            all_of.store.trips_at = "lock:"
            with pytest.raises(Problem) as raised:
                await all_of.credentials[0].ready(CODEX)
            assert raised.value.kind is Kind.UNAVAILABLE
            assert all_of.sign_in.exchanges == 0

        run(script())

    def test_one_that_stays_the_same_is(self) -> None:
        async def script() -> None:
            all_of = Instances(2)
            all_of.store.down = 1000
            fresh = await all_of.credentials[0].ready(IOS)
            assert fresh.access_token
            all_of.store.down = 0
            await all_of.pass_time()
            assert await all_of.credentials[1].ready(IOS) == fresh
            assert all_of.sign_in.exchanges == 1

        run(script())

    def test_new_tokens_that_could_not_be_saved_are_saved_later_although_nobody_asks(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def script() -> None:
            all_of = Instances(2)
            one, two = all_of.credentials
            fresh = await renewed_while_the_store_fails(all_of, one)
            assert one.owed == 1
            await all_of.pass_time()
            assert one.owed == 1, "it is still down"
            all_of.store.down = 0
            await all_of.pass_time()
            assert one.owed == 0
            assert await two.ready(CODEX) == fresh
            assert all_of.sign_in.exchanges == 1

        run(script())
        assert caplog.text.count("are not saved") == 1

    def test_what_is_not_saved_is_so_when_the_process_ends(self) -> None:
        async def script() -> None:
            all_of = Instances(2)
            one, two = all_of.credentials
            fresh = await renewed_while_the_store_fails(all_of, one)
            all_of.store.down = 0
            await one.aclose()
            assert await two.ready(CODEX) == fresh
            assert all_of.sign_in.exchanges == 1
            assert asyncio.all_tasks() == {asyncio.current_task()}

        run(script())

    def test_nobody_spends_the_spent_token_again_before_the_new_one_is_saved(self) -> None:
        async def script() -> None:
            all_of = Instances(2)
            one, two = all_of.credentials
            fresh = await renewed_while_the_store_fails(all_of, one)
            all_of.store.down = 0
            asking = asyncio.create_task(two.ready(CODEX))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not asking.done(), "the lock is kept until the new token is there"
            await all_of.pass_time()
            assert await asking == fresh
            assert all_of.sign_in.exchanges == 1

        run(script())

    def test_the_token_that_is_not_saved_makes_the_next_exchange(self) -> None:
        async def script() -> None:
            all_of = Instances(1)
            (one,) = all_of.credentials
            await one.ready(CODEX)
            all_of.clock.advance(LIFE)
            all_of.sign_in.asked.clear()
            second = await renewed_while_the_store_fails(all_of, one, "rt_2")
            all_of.store.down = 0
            all_of.clock.advance(LIFE)  # the tokens in the store have ended long ago
            third = await one.renewed(second)
            assert third is not None
            assert third.refresh_token == Secret("rt_3"), "not the spent one that the store has"

        run(script())

    def test_debts_go_on_after_a_change_of_the_settings(self) -> None:
        async def script() -> None:
            all_of = Instances(2)
            one, two = all_of.credentials
            fresh = await renewed_while_the_store_fails(all_of, one)
            heir = all_of.started(all_of.vaults[0], before=one)
            assert heir.owed == 1
            all_of.store.down = 0
            await heir.aclose()
            assert await two.ready(CODEX) == fresh

        run(script())

    def test_a_short_fault_is_waited_out(self) -> None:
        async def script() -> None:
            all_of = Instances(1)
            all_of.store.down = 2
            assert (await all_of.credentials[0].ready(CODEX)).refresh_token == Secret("rt_1")

        run(script())


class TestSlowAndAlone:
    """A token that still works, and somebody who is slow or dead."""

    def test_a_token_that_works_does_not_wait_for_a_slow_sign_in(self) -> None:
        async def script() -> None:
            all_of = Instances(1)
            one = all_of.started(all_of.vaults[0], hurry=0)
            fresh = await one.ready(CODEX)
            all_of.clock.advance(LIFE - 60)
            all_of.sign_in.hold.clear()
            assert await one.ready(CODEX) == fresh
            assert await one.ready(CODEX) == fresh
            all_of.sign_in.hold.set()
            for _ in range(20):
                await asyncio.sleep(0)
            assert (await one.ready(CODEX)).refresh_token == Secret("rt_2")
            assert all_of.sign_in.exchanges == 2

        run(script())

    def test_a_token_that_works_does_not_wait_for_one_who_died_with_the_lock(self) -> None:
        async def script() -> None:
            all_of = Instances(2)
            fresh = await all_of.credentials[0].ready(CODEX)
            all_of.clock.advance(LIFE - 200)
            assert await all_of.vaults[0].lock(CODEX.key), "and it dies"
            two = all_of.started(all_of.vaults[1], hurry=0)
            assert await two.ready(CODEX) == fresh

        run(script())

    @given(skew=st.floats(-60, 60), first=st.booleans())
    @settings(deadline=None)
    def test_clocks_that_differ_by_a_minute_make_no_second_exchange(
        self, skew: float, first: bool
    ) -> None:
        """Some stores tell the time by the clock of who asks."""

        async def script() -> None:
            all_of = Instances(1)
            ahead = FakeClock(all_of.clock.now() + skew)
            store = ShakyStore(ahead)
            store._entries = all_of.store._entries
            ids = SystemIds()
            vault = Vault(GuardedStore(store, ahead), Sealer(KEY, ids), ids, sleep=all_of.sleep)
            two = Credentials(all_of.sign_in, clock=ahead, vault=vault, sleep=all_of.sleep)
            pair = [all_of.credentials[0], two]
            all_of.sign_in.hold.clear()
            asked = [
                asyncio.create_task(one.ready(CODEX)) for one in (pair if first else pair[::-1])
            ]
            await all_of.sign_in.asked.wait()
            for _ in range(20):
                await asyncio.sleep(0)
            all_of.sign_in.hold.set()
            one, other = await asyncio.gather(*asked)
            assert one == other
            assert all_of.sign_in.exchanges == 1

        run(script())

    @pytest.mark.parametrize("skew", [-3600, 0.0, 3600])
    def test_what_was_renewed_last_is_known_whatever_the_clocks_say(self, skew: float) -> None:
        async def script() -> None:
            all_of = Instances(2)
            one, two = all_of.credentials
            await one.ready(CODEX)
            all_of.clock.advance(skew)
            refused = await two.ready(CODEX)
            newer = await two.renewed(refused)
            assert newer is not None
            assert newer != refused
            assert (await one.known(CODEX)).account == newer

        run(script())


def test_the_tokens_of_all_accounts_are_known_by_one_question() -> None:
    class Counting(ShakyStore):
        asked = 0

        async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
            self.asked += 1
            return await super().get_many(keys)

    async def script() -> None:
        all_of = Instances(1)
        fresh = await all_of.credentials[0].ready(CODEX)
        store = Counting(all_of.clock)
        store._entries = all_of.store._entries
        ids = SystemIds()
        vault = Vault(GuardedStore(store, all_of.clock), Sealer(KEY, ids), ids)
        two = Credentials(all_of.sign_in, clock=all_of.clock, vault=vault)
        store.asked = 0
        found = await two.all_known((IOS, CODEX))
        assert [one.account for one in found] == [IOS, fresh]
        assert store.asked == 1

    run(script())


async def renewed_while_the_store_fails(
    all_of: Instances, one: Credentials, token: str = "rt_1"
) -> Account:
    """The account with new tokens, which the store has not taken."""
    all_of.sign_in.hold.clear()
    asking = asyncio.create_task(one.ready(CODEX))
    await all_of.sign_in.asked.wait()
    all_of.store.down = 1000
    all_of.sign_in.hold.set()
    fresh = await asking
    assert fresh.refresh_token == Secret(token)
    return fresh


class TestSeals:
    def test_what_another_key_sealed_is_told_of_once_and_not_used(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def script() -> None:
            all_of = Instances(2, keys=(KEY, Secret("another key, 16 or more")))
            one, two = all_of.vaults
            assert await one.save("a", Tokens("at", "rt", "", "", 1.0))
            assert await two.load("a") is None
            assert await two.load("a") is None

        with caplog.at_level(logging.WARNING):
            run(script())
        assert caplog.text.count("another SECRET_KEY") == 1

    def test_a_value_moved_to_another_account_does_not_open(self) -> None:
        async def script() -> None:
            all_of = Instances(1)
            vault = all_of.vaults[0]
            await vault.save("a", Tokens("at", "rt", "", "", 1.0))
            raw = await all_of.store.get("cred:a")
            assert raw is not None
            await all_of.store.put("cred:b", raw)
            assert await vault.load("b") is None

        run(script())

    def test_a_form_of_a_newer_version_is_not_used(self, caplog: pytest.LogCaptureFixture) -> None:
        async def script() -> None:
            all_of = Instances(1)
            vault = all_of.vaults[0]
            sealed = vault._sealer.seal(b'{"new": 1}', "cred:a")
            await all_of.store.put("cred:a", sealed)
            assert await vault.load("a") is None

        run(script())
        assert "form" in caplog.text
