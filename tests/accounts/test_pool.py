"""Which account answers."""

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.accounts.pool import Pool
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from tests.fakes import FakeClock, FakeIds

A, B, C = (Account(access_token=Secret(name)) for name in "abc")
LIMIT = Problem(Kind.RATE_LIMITED, "Too many messages.", retry_after=120)


class Desk:
    """A pool with everything around it."""

    def __init__(self, *accounts: Account, shuffle: bool = False, chance: float = 0.0) -> None:
        self.clock = FakeClock()
        self.ledger = Ledger(self.clock)
        self.pool = Pool(
            accounts,
            ledger=self.ledger,
            shuffle=shuffle,
            clock=self.clock,
            ids=FakeIds(chance),
        )

    def pick(
        self, *, model: str = "auto", tried: tuple[Account, ...] = (), thread: str = ""
    ) -> Account:
        keys = {account.key for account in tried}
        return self.pool.pick(model=model, types={"web"}, tried=keys, conversation_id=thread)

    def refusal(self, *, tried: tuple[Account, ...] = (), thread: str = "") -> Problem:
        with pytest.raises(Problem) as raised:
            self.pick(tried=tried, thread=thread)
        return raised.value


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
        desk.ledger.blame(A.key, "auto", LIMIT)
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
        desk.ledger.blame(A.key, "gpt-5", LIMIT)

        assert desk.pick(model="auto") == A

    def test_a_refused_token_concerns_every_model(self) -> None:
        desk = Desk(A)
        desk.ledger.blame(A.key, "gpt-5", Problem(Kind.UNAUTHORIZED, "Expired."))

        assert desk.refusal().kind is Kind.UNAUTHORIZED

    def test_a_rest_ends_by_time(self) -> None:
        desk = Desk(A)
        desk.ledger.blame(A.key, "auto", LIMIT)
        desk.clock.advance(121)

        assert desk.pick() == A

    def test_a_rest_ends_by_success(self) -> None:
        desk = Desk(A)
        desk.ledger.blame(A.key, "auto", LIMIT)
        desk.ledger.praise(A.key, "auto")

        assert desk.pick() == A

    def test_a_challenge_rests_nobody(self) -> None:
        desk = Desk(A)
        desk.ledger.blame(A.key, "auto", Problem(Kind.UNUSUAL_ACTIVITY, "Hm."))

        assert desk.pick() == A


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
        desk.ledger.blame(A.key, "auto", LIMIT)
        desk.ledger.blame(B.key, "auto", Problem(Kind.RATE_LIMITED, "Soon.", retry_after=30))
        desk.clock.advance(10)
        problem = desk.refusal()

        assert problem.kind is Kind.RATE_LIMITED
        assert problem.retry_after == 20
        assert "All 2 accounts are resting" in problem.message

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

    def test_an_unknown_conversation_may_go_to_anybody(self) -> None:
        assert Desk(A).pick(thread="conv-9") == A
