"""Which account answers."""

import asyncio

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.hold import Hold
from chat2api_core.accounts.leases import Leases
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.accounts.pool import Pool
from chat2api_core.emulator.tokens import make_access_token
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from tests.fakes import FakeClock, FakeIds

A, B, C = (Account(access_token=Secret(name)) for name in "abc")
LIMIT = Problem(Kind.RATE_LIMITED, "Too many messages.", retry_after=120)
DEAD = Problem(Kind.UNAUTHORIZED, "Sign in again.", step="refresh")


def login(user: str, *, plan: str = "plus", jti: str = "1", account_id: str = "") -> Account:
    """An account whose token says whose it is."""
    token = make_access_token(user_id=user, account_id=f"id of {user}", plan=plan, jti=jti)
    return Account(access_token=Secret(token), account_id=account_id)


class Desk:
    """A pool with everything around it."""

    def __init__(
        self, *accounts: Account, shuffle: bool = False, chance: float = 0.0, limit: int = 0
    ) -> None:
        self.clock = FakeClock()
        self.ledger = Ledger(self.clock)
        self.slept: list[float] = []
        self.asleep = asyncio.Event()
        ids = FakeIds(chance)
        self.pool = Pool(
            accounts,
            ledger=self.ledger,
            leases=Leases(limit, ids=ids),
            shuffle=shuffle,
            clock=self.clock,
            ids=ids,
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.asleep.set()
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    def hold(
        self,
        *,
        model: str = "auto",
        tried: tuple[Account, ...] = (),
        thread: str = "",
        plan: str | None = None,
        needs: tuple[str, ...] = (),
    ) -> Hold:
        keys = {account.key for account in tried}
        work = self.pool.pick(
            model=model,
            types=("web",),
            tried=keys,
            conversation_id=thread,
            plan=plan,
            needs=needs,
        )
        return asyncio.run(work)

    def pick(
        self, *, model: str = "auto", tried: tuple[Account, ...] = (), thread: str = ""
    ) -> Account:
        hold = self.hold(model=model, tried=tried, thread=thread)
        asyncio.run(hold.release())
        return hold.account

    def refusal(
        self, *, model: str = "auto", tried: tuple[Account, ...] = (), thread: str = ""
    ) -> Problem:
        with pytest.raises(Problem) as raised:
            self.pick(model=model, tried=tried, thread=thread)
        assert raised.value.step == "pool"
        return raised.value

    def blame(self, account: Account, problem: Problem = LIMIT, model: str = "auto") -> None:
        asyncio.run(self.ledger.blame(account.key, model, problem))


class TestFeatures:
    SPENT = Problem(Kind.RATE_LIMITED, "No more pictures.", step="picture", retry_after=900)

    def test_an_account_without_pictures_left_makes_none_but_goes_on_talking(self) -> None:
        desk = Desk(A, B)
        desk.blame(A, self.SPENT)
        drawing = [desk.hold(needs=("image_gen",)).account for _ in range(3)]

        assert drawing == [B, B, B]
        assert {desk.pick(), desk.pick()} == {A, B}

    def test_when_nobody_has_any_left_the_wait_is_told(self) -> None:
        desk = Desk(A)
        desk.blame(A, self.SPENT)
        with pytest.raises(Problem) as raised:
            desk.hold(needs=("file_upload", "image_gen"))

        assert (raised.value.kind, raised.value.retry_after) == (Kind.RATE_LIMITED, 900)

    def test_after_the_wait_one_tries_first(self) -> None:
        desk = Desk(A)
        desk.blame(A, self.SPENT)
        desk.clock.advance(900)
        desk.hold(needs=("image_gen",))
        with pytest.raises(Problem) as raised:
            desk.hold(needs=("image_gen",))

        assert raised.value.kind is Kind.BUSY
        assert desk.pick() == A


class TestTurns:
    def test_accounts_answer_one_after_the_other(self) -> None:
        desk = Desk(A, B, C)
        picked = [desk.pick() for _ in range(6)]

        assert picked[:3] == picked[3:]
        assert {account.key for account in picked[:3]} == {A.key, B.key, C.key}

    def test_at_random_chance_decides(self) -> None:
        assert Desk(A, B, C, shuffle=True, chance=0.0).pick() == A
        assert Desk(A, B, C, shuffle=True, chance=0.99).pick() == C

    def test_a_resting_account_does_not_double_the_share_of_its_successor_only(self) -> None:
        desk = Desk(A, B, C)
        desk.blame(A)
        picked = [desk.pick().key for _ in range(6)]

        assert A.key not in picked
        assert set(picked) == {B.key, C.key}


class TestPassingOver:
    def test_a_disabled_account_is_never_asked(self) -> None:
        off = Account(access_token=Secret("off"), disabled=True)
        desk = Desk(off, A)

        assert {desk.pick().key for _ in range(4)} == {A.key}

    def test_a_tried_account_is_not_asked_again(self) -> None:
        assert Desk(A, B).pick(tried=(A,)) == B

    def test_a_limit_concerns_the_model_that_met_it(self) -> None:
        desk = Desk(A)
        desk.blame(A, model="gpt-5")

        assert desk.pick(model="auto") == A

    def test_a_refused_token_concerns_every_model(self) -> None:
        desk = Desk(A)
        desk.blame(A, Problem(Kind.UNAUTHORIZED, "Expired."), model="gpt-5")

        assert desk.refusal().kind is Kind.UNAUTHORIZED

    def test_a_rest_ends_by_time(self) -> None:
        desk = Desk(A)
        desk.blame(A)
        desk.clock.advance(121)

        assert desk.pick() == A

    def test_a_rest_ends_by_success(self) -> None:
        desk = Desk(A)
        desk.blame(A)
        asyncio.run(desk.ledger.praise(A.key, "auto"))

        assert desk.pick() == A

    def test_a_challenge_rests_nobody(self) -> None:
        desk = Desk(A)
        desk.blame(A, Problem(Kind.UNUSUAL_ACTIVITY, "Hm."))

        assert desk.pick() == A

    def test_a_dead_account_is_out_until_somebody_resets_it(self) -> None:
        desk = Desk(A, B)
        desk.blame(A, DEAD)
        desk.clock.advance(1_000_000)
        assert {desk.pick().key for _ in range(4)} == {B.key}

        asyncio.run(desk.ledger.reset(A.key))
        assert {desk.pick().key for _ in range(4)} == {A.key, B.key}

    def test_a_token_that_has_ended_and_cannot_be_renewed_is_not_shown_to_anybody(self) -> None:
        desk = Desk(A)
        ended = Secret(make_access_token(exp=int(desk.clock.now()) - 1))
        desk = Desk(Account(access_token=ended), A)

        assert {desk.pick().key for _ in range(4)} == {A.key}
        renewable = Account(access_token=ended, refresh_token=Secret("rt_x"))
        assert Desk(renewable).pick() == renewable


class TestTwins:
    """Two tokens that open the same account."""

    def test_they_count_once(self) -> None:
        first, second = login("u", jti="1"), login("u", jti="2")
        desk = Desk(first, second, A)

        assert len(desk.pool) == 2
        assert asyncio.run(desk.pool.usable()) == 2
        assert {desk.pick().key for _ in range(6)} == {first.key, A.key}

    def test_the_rest_of_one_is_that_of_both(self) -> None:
        first, second = login("u", jti="1"), login("u", jti="2")
        desk = Desk(first, second)
        desk.blame(first)

        assert desk.refusal().kind is Kind.RATE_LIMITED

    def test_the_second_stands_in_for_a_dead_one(self) -> None:
        first, second = login("u", jti="1"), login("u", jti="2")
        desk = Desk(first, second)
        desk.blame(first, DEAD)

        assert desk.pick() == second
        assert asyncio.run(desk.pool.usable()) == 1

    def test_workspaces_of_one_login_are_two_accounts(self) -> None:
        desk = Desk(login("u"), login("u", account_id="team"))

        assert len(desk.pool) == 2

    def test_what_renewed_tokens_say_is_taken_in(self) -> None:
        known, unknown = login("u"), Account(refresh_token=Secret("rt_x"))
        desk = Desk(known, unknown)
        assert len(desk.pool) == 2

        told = login("u", jti="2")
        desk.pool.learn(Account(access_token=told.access_token, handle=unknown.key))
        assert len(desk.pool) == 1
        desk.pool.learn(Account(access_token=Secret("of a stranger")))
        assert len(desk.pool) == 1


class TestPlans:
    FREE, PLUS = login("f", plan="free"), login("p", plan="plus")

    def offers(self, desk: Desk) -> None:
        asyncio.run(desk.ledger.offers("web/free", ["auto", "gpt-5-mini"]))
        asyncio.run(desk.ledger.offers("web/plus", ["auto", "gpt-5-mini", "gpt-5-5"]))

    def test_a_free_account_is_not_sent_a_model_that_its_plan_has_not(self) -> None:
        desk = Desk(self.FREE, self.PLUS)
        self.offers(desk)

        for model in ("gpt-5-5", "gpt-5-5-high", "gpt-5-5(high)"):
            assert {desk.pick(model=model).key for _ in range(4)} == {self.PLUS.key}
        for model in ("auto", "gpt-5-mini", "gpt-5-mini-low", "unheard-of"):
            assert len({desk.pick(model=model).key for _ in range(4)}) == 2

    def test_not_even_when_nobody_else_is_free(self) -> None:
        desk = Desk(self.FREE, self.PLUS)
        self.offers(desk)
        desk.blame(self.PLUS, model="gpt-5-5")

        assert desk.refusal(model="gpt-5-5").retry_after == 120
        assert desk.pick(model="auto") in (self.FREE, self.PLUS)

    def test_while_its_models_are_unknown_it_comes_last(self) -> None:
        desk = Desk(self.FREE, self.PLUS)
        assert {desk.pick(model="gpt-5-5").key for _ in range(4)} == {self.PLUS.key}
        assert desk.pick(model="gpt-5-5", tried=(self.PLUS,)) == self.FREE
        assert len({desk.pick(model="auto").key for _ in range(4)}) == 2

        desk.blame(self.PLUS, model="gpt-5-5")
        assert desk.pick(model="gpt-5-5") == self.FREE

    def test_where_all_have_the_same_plan_nobody_is_passed_over(self) -> None:
        desk = Desk(self.FREE, login("g", plan="free"))
        self.offers(desk)

        assert len({desk.pick(model="gpt-5-5").key for _ in range(4)}) == 2

    def test_where_every_plan_lacks_it_everybody_may_be_asked(self) -> None:
        desk = Desk(self.FREE, login("g", plan="go"))
        asyncio.run(desk.ledger.offers("web/free", ["auto"]))
        asyncio.run(desk.ledger.offers("web/go", ["auto"]))
        asyncio.run(desk.ledger.offers("web/plus", ["auto", "gpt-5-5"]))

        assert len({desk.pick(model="gpt-5-5").key for _ in range(4)}) == 2

    def test_one_of_each_plan_can_be_asked_for(self) -> None:
        desk = Desk(self.FREE, self.PLUS, login("q", plan="plus"), A)

        assert desk.pool.plans("web") == ("web/free", "web/plus", "web/")
        assert desk.hold(plan="web/free").account == self.FREE
        assert desk.hold(plan="web/").account == A
        assert desk.pool.alike(self.PLUS.key) == {self.PLUS.key, login("q").key}


class TestNobodyLeft:
    def test_nobody_configured_says_which_variable_to_set(self) -> None:
        problem = Desk().refusal()

        assert problem.kind is Kind.NO_ACCOUNT
        assert "CHATGPT_ACCESS_TOKENS" in problem.message

    def test_nobody_of_the_type_says_so(self) -> None:
        codex = Account(access_token=Secret("c"), type="codex")
        problem = Desk(codex).refusal()

        assert problem.kind is Kind.NO_ACCOUNT
        assert "type" in problem.message

    def test_everybody_resting_tells_the_shortest_wait(self) -> None:
        desk = Desk(A, B)
        desk.blame(A)
        desk.blame(B, Problem(Kind.RATE_LIMITED, "Soon.", retry_after=30))
        desk.clock.advance(10)
        problem = desk.refusal()

        assert problem.kind is Kind.RATE_LIMITED
        assert problem.retry_after == 20
        assert "All 2 accounts are resting" in problem.message

    def test_a_limit_makes_it_a_429_whatever_else_rests(self) -> None:
        desk = Desk(A, B)
        desk.blame(A)
        desk.blame(B, Problem(Kind.UNAUTHORIZED, "Refused."))
        problem = desk.refusal()

        assert problem.status == 429
        assert problem.retry_after == 60

    def test_everybody_out_says_why(self) -> None:
        desk = Desk(A, B)
        desk.blame(A, DEAD)
        desk.blame(B, DEAD)
        problem = desk.refusal()

        assert problem.kind is Kind.NO_ACCOUNT
        assert problem.message == "No account can be asked (2 out). Sign in again."
        assert asyncio.run(desk.pool.usable()) == 0

    def test_everybody_tried_is_no_account(self) -> None:
        assert Desk(A).refusal(tried=(A,)).kind is Kind.NO_ACCOUNT


class TestConversations:
    def test_a_conversation_stays_with_its_account(self) -> None:
        desk = Desk(A, B, C)
        desk.ledger.owns(B.key, "conv-1")

        assert {desk.pick(thread="conv-1").key for _ in range(4)} == {B.key}

    def test_a_conversation_of_an_account_that_is_gone_is_not_found(self) -> None:
        desk = Desk(A)
        desk.ledger.owns("gone", "conv-1")

        assert desk.refusal(thread="conv-1").kind is Kind.CONVERSATION_NOT_FOUND

    def test_a_conversation_of_an_account_that_is_out_says_why(self) -> None:
        desk = Desk(A, B)
        desk.ledger.owns(A.key, "conv-1")
        desk.blame(A, DEAD)
        problem = desk.refusal(thread="conv-1")

        assert problem.kind is Kind.CONVERSATION_NOT_FOUND
        assert "Sign in again." in problem.message

    def test_a_conversation_waits_for_its_account_to_have_rested(self) -> None:
        desk = Desk(A, B)
        desk.ledger.owns(A.key, "conv-1")
        desk.blame(A)

        assert desk.refusal(thread="conv-1").retry_after == 120

    def test_an_unknown_conversation_may_go_to_anybody(self) -> None:
        assert Desk(A).pick(thread="conv-9") == A


class TestHolders:
    """A file lives with one account, which alone can answer about it."""

    def refusal(self, desk: Desk, holder: str, thread: str = "") -> Problem:
        with pytest.raises(Problem) as raised:
            asyncio.run(
                desk.pool.pick(model="auto", types=("web",), holder=holder, conversation_id=thread)
            )
        return raised.value

    def test_it_alone_is_asked(self) -> None:
        desk = Desk(A, B, C)

        for _ in range(4):
            hold = asyncio.run(desk.pool.pick(model="auto", types=("web",), holder=B.key))
            assert hold.account == B
            asyncio.run(hold.release())

    def test_one_that_is_gone_or_disabled_is_not_found(self) -> None:
        off = Account(access_token=Secret("off"), disabled=True)
        for holder in ("gone", off.key):
            problem = self.refusal(Desk(A, off), holder)
            assert problem.kind is Kind.FILE_NOT_FOUND
            assert problem.message == "The account that holds the file is no longer configured."

    def test_one_that_is_out_says_why(self) -> None:
        desk = Desk(A, B)
        desk.blame(A, DEAD)
        problem = self.refusal(desk, A.key)

        assert problem.kind is Kind.FILE_NOT_FOUND
        assert problem.message == "The account that holds the file is out. Sign in again."

    def test_one_that_rests_says_how_long(self) -> None:
        desk = Desk(A, B)
        desk.blame(A)
        problem = self.refusal(desk, A.key)

        assert (problem.status, problem.retry_after) == (429, 120)

    def test_it_may_hold_the_conversation_as_well(self) -> None:
        desk = Desk(A, B)
        desk.ledger.owns(B.key, "conv-1")
        pick = desk.pool.pick(model="auto", types=("web",), holder=B.key, conversation_id="conv-1")

        assert asyncio.run(pick).account == B

    def test_a_conversation_of_another_account_cannot_have_the_file(self) -> None:
        desk = Desk(A, B)
        desk.ledger.owns(B.key, "conv-1")
        problem = self.refusal(desk, A.key, "conv-1")

        assert problem.kind is Kind.FILE_NOT_FOUND
        assert "another account" in problem.message


class TestTypes:
    """Accounts of several types, of which one is asked first."""

    FIRST, SECOND = (Account(access_token=Secret(name), type="codex") for name in "de")

    def pick(self, desk: Desk, *types: str, tried: tuple[Account, ...] = ()) -> Account:
        keys = {account.key for account in tried}
        hold = asyncio.run(desk.pool.pick(model="auto", types=types, tried=keys))
        asyncio.run(hold.release())
        return hold.account

    def test_the_first_type_answers_while_it_can(self) -> None:
        desk = Desk(A, self.FIRST, B)

        assert {self.pick(desk, "codex", "web").key for _ in range(4)} == {self.FIRST.key}
        assert {self.pick(desk, "web", "codex").key for _ in range(4)} == {A.key, B.key}

    def test_the_next_one_stands_in(self) -> None:
        desk = Desk(A, self.FIRST)
        assert self.pick(desk, "codex", "web", tried=(self.FIRST,)) == A
        desk.blame(self.FIRST)
        assert self.pick(desk, "codex", "web") == A

    def test_and_does_so_while_the_first_is_busy(self) -> None:
        desk = Desk(A, self.FIRST, limit=1)
        both = ("codex", "web")
        holds = [asyncio.run(desk.pool.pick(model="auto", types=both)) for _ in range(2)]

        assert [hold.account for hold in holds] == [self.FIRST, A]
        assert desk.slept == []

    def test_a_type_that_is_not_meant_is_not_asked(self) -> None:
        desk = Desk(self.FIRST)
        assert desk.refusal().kind is Kind.NO_ACCOUNT

    def test_those_of_one_type_take_turns_however_many_there_are_of_the_other(self) -> None:
        many = tuple(Account(access_token=Secret(f"web {n}")) for n in range(6))
        desk = Desk(*many, self.FIRST, self.SECOND)
        picked = [self.pick(desk, "codex").key for _ in range(8)]

        assert picked.count(self.FIRST.key) == picked.count(self.SECOND.key) == 4

    def test_one_login_may_be_there_once_for_each_type(self) -> None:
        web, codex = login("u"), login("u", jti="2")
        codex = Account(access_token=codex.access_token, type="codex")
        desk = Desk(web, codex)

        assert len(desk.pool) == 2
        assert self.pick(desk, "codex", "web") == codex
        assert self.pick(desk, "codex", "web", tried=(codex,)) == web

    def test_a_plan_is_compared_with_those_of_its_type(self) -> None:
        free, plus = login("f", plan="free"), login("p")
        codex = Account(access_token=login("c", plan="free").access_token, type="codex")
        desk = Desk(free, plus, codex)
        asyncio.run(desk.ledger.offers("codex/free", ["auto", "gpt-5.5"]))
        asyncio.run(desk.ledger.offers("web/free", ["auto"]))
        asyncio.run(desk.ledger.offers("web/plus", ["auto", "gpt-5-5"]))
        both = ("codex", "web")
        first = asyncio.run(desk.pool.pick(model="gpt-5-5", types=both))
        second = asyncio.run(desk.pool.pick(model="gpt-5-5", types=both, tried={codex.key}))

        assert first.account == codex, "spelled otherwise, it is a model of its plan"
        assert second.account == plus

    def test_the_preferred_one_goes_first_among_its_own(self) -> None:
        desk = Desk(A, self.FIRST, self.SECOND)
        both = ("codex", "web")

        def pick(prefer: Account, tried: tuple[str, ...] = ()) -> Account:
            work = desk.pool.pick(model="auto", types=both, prefer=prefer.key, tried=tried)
            return asyncio.run(work).account

        assert {pick(self.SECOND).key for _ in range(4)} == {self.SECOND.key}
        assert pick(self.SECOND, (self.SECOND.key,)) == self.FIRST
        assert pick(A).type == "codex"

    def test_it_tells_what_there_is(self) -> None:
        desk = Desk(A, self.FIRST)

        assert desk.pool.types == {"web", "codex"}
        assert desk.pool.type_of(self.FIRST.key) == "codex"
        assert desk.pool.type_of("nobody") == ""
        assert desk.pool.plans("codex") == ("codex/",)


class TestConcurrency:
    def test_an_account_that_is_busy_enough_is_passed_over(self) -> None:
        desk = Desk(A, B, limit=1)
        first = desk.hold()
        second = desk.hold()

        assert {first.account.key, second.account.key} == {A.key, B.key}
        asyncio.run(first.release())
        assert desk.pick() == first.account

    def test_when_all_are_busy_it_waits_a_while_and_says_so(self) -> None:
        desk = Desk(A, limit=2)
        desk.hold()
        desk.hold()
        problem = desk.refusal()

        assert problem.kind is Kind.BUSY
        assert problem.retry_after == 5
        assert 10 <= sum(desk.slept) < 11

    def test_it_goes_on_as_soon_as_one_is_free(self) -> None:
        desk = Desk(A, limit=1)

        async def script() -> None:
            first = await desk.pool.pick(model="auto", types=("web",))
            waiting = asyncio.create_task(desk.pool.pick(model="auto", types=("web",)))
            await desk.asleep.wait()
            await first.release()
            await first.release()
            assert (await waiting).account == A

        asyncio.run(script())
        assert sum(desk.slept) < 1


class TestHalfOpen:
    """After a rest one request tries, and the others wait for it."""

    def test_one_goes_first(self) -> None:
        desk = Desk(A)
        desk.blame(A)
        desk.clock.advance(121)
        first = desk.hold()
        assert desk.refusal().kind is Kind.BUSY

        asyncio.run(desk.ledger.praise(A.key, "auto"))
        asyncio.run(first.proved())
        desk.slept.clear()
        assert desk.pick() == A
        assert desk.slept == []

    def test_the_others_may_go_elsewhere(self) -> None:
        desk = Desk(A, B)
        desk.blame(A)
        desk.clock.advance(121)
        holds = [desk.hold() for _ in range(5)]

        assert [hold.account.key for hold in holds].count(A.key) == 1

    def test_a_probe_that_fails_rests_the_account_again_and_longer(self) -> None:
        desk = Desk(A)
        desk.blame(A, Problem(Kind.UNAUTHORIZED, "Refused."))
        desk.clock.advance(60)
        hold = desk.hold()
        desk.blame(A, Problem(Kind.UNAUTHORIZED, "Refused again."))
        asyncio.run(hold.release())

        assert desk.refusal().retry_after == 120

    def test_a_probe_that_comes_to_nothing_lets_the_next_one_try(self) -> None:
        desk = Desk(A, limit=1)
        desk.blame(A)
        desk.clock.advance(121)
        asyncio.run(desk.hold().release())

        assert desk.pick() == A
        assert desk.slept == []

    def test_a_probe_lets_go_of_the_slot_that_it_does_not_need(self) -> None:
        desk = Desk(A, limit=5)
        desk.blame(A)
        desk.clock.advance(121)
        first = desk.hold()
        desk.refusal()
        asyncio.run(desk.ledger.praise(A.key, "auto"))
        asyncio.run(first.proved())

        assert [desk.hold().account for _ in range(4)] == [A] * 4
