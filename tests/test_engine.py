"""Fail-over before the first delta, by blame, and nothing after it."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.caller import AnonymousCaller, Caller, PoolCaller, TokenCaller
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.accounts.pool import Pool
from chat2api_core.engine import Engine
from chat2api_core.problem import Kind, Problem, Step
from chat2api_core.secret import Secret
from chat2api_core.turn import (
    Delta,
    Finished,
    Message,
    Picture,
    PictureBegun,
    PicturePreview,
    Prompt,
    Sampling,
    Started,
    Text,
    TextDelta,
    Thread,
    Usage,
)
from chat2api_core.upstreams.base import Batch, Model, Upstream
from tests.fakes import FakeClock, FakeIds, FakeUpstream, WordMeter

A, B, C = (Account(access_token=Secret(name)) for name in "abc")
ASK = Prompt("auto", (Message("user", (Text("Hello?"),)),))
POOL = PoolCaller("key")
GOOD: list[Batch | Problem] = [
    [Started("m", "conv-1")],
    [TextDelta("Hel"), TextDelta("lo")],
    [Finished("stop", "conv-1", "msg-1")],
]

LIMIT = Problem(Kind.RATE_LIMITED, "Too many messages.", step="conversation", retry_after=60)
UNUSUAL = Problem(Kind.UNUSUAL_ACTIVITY, "Unusual activity.", step="conversation")
DEAD = Problem(Kind.UNAUTHORIZED, "The token is dead.", step="conversation")
DOWN = Problem(Kind.UPSTREAM_ERROR, "Broken.", step="conversation")
SLOW = Problem(Kind.TIMEOUT, "Silence.", step="conversation")
WRONG = Problem(Kind.CONTEXT_LENGTH, "Too long.", step="conversation")


class FakeCredentials:
    """Renews an account into the one it is told to."""

    def __init__(self, renewed: Account | None = None) -> None:
        self._renewed = renewed

    async def ready(self, account: Account) -> Account:
        return account

    async def renewed(self, account: Account) -> Account | None:
        return self._renewed


class Desk:
    """An engine with everything around it."""

    def __init__(
        self,
        *scripts: Sequence[Batch | Problem] | Problem,
        accounts: Sequence[Account] = (A, B, C),
        renewed: Account | None = None,
        retry_times: int = 3,
    ) -> None:
        clock = FakeClock()
        self.upstream = FakeUpstream(*scripts)
        self.upstreams: dict[str, Upstream] = {"web": self.upstream}
        self.ledger = Ledger(clock)
        self.slept: list[float] = []
        self.engine = Engine(
            pool=Pool(accounts, ledger=self.ledger, shuffle=False, clock=clock, ids=FakeIds()),
            ledger=self.ledger,
            credentials=FakeCredentials(renewed),
            upstreams=self.upstreams,
            meter=WordMeter(),
            retry_times=retry_times,
            clock=clock,
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def ask(self, prompt: Prompt = ASK, caller: Caller = POOL) -> list[Delta]:
        """All deltas of an answer."""

        async def collect() -> list[Delta]:
            reply = await self.engine.answer(prompt, caller)
            try:
                return [delta async for batch in reply for delta in batch]
            finally:
                await reply.aclose()

        return asyncio.run(collect())

    def refusal(self, prompt: Prompt = ASK, caller: Caller = POOL) -> Problem:
        with pytest.raises(Problem) as raised:
            self.ask(prompt, caller)
        return raised.value

    @property
    def asked(self) -> list[str]:
        return [account.key for account in self.upstream.asked]


class TestAnswers:
    def test_the_deltas_come_through_and_usage_is_filled_in(self) -> None:
        assert Desk(GOOD).ask() == [
            Started("m", "conv-1"),
            TextDelta("Hel"),
            TextDelta("lo"),
            Finished("stop", "conv-1", "msg-1", Usage(1, 1)),
        ]

    def test_usage_of_the_upstream_is_left_alone(self) -> None:
        exact = Usage(5, 7, exact=True)
        deltas = Desk([[TextDelta("Hi")], [Finished("stop", usage=exact)]]).ask()

        assert deltas[-1] == Finished("stop", usage=exact)

    def test_the_upstream_is_closed_at_the_end(self) -> None:
        desk = Desk(GOOD)
        desk.ask()

        assert desk.upstream.answers[0].closed

    def test_the_account_of_a_conversation_is_remembered(self) -> None:
        desk = Desk(GOOD, GOOD, GOOD)
        desk.ask()
        follow_up = Prompt("auto", ASK.messages, thread=Thread("conv-1", "msg-1"))
        desk.ask(follow_up)
        desk.ask(follow_up)

        assert len(set(desk.asked)) == 1

    def test_an_answer_without_an_end_is_a_problem(self) -> None:
        assert Desk([[TextDelta("Hi")]]).refusal().kind is Kind.CUT

    @pytest.mark.parametrize(
        ("kind", "step", "spent"),
        [
            (Kind.UPSTREAM_ERROR, "download", True),
            (Kind.TIMEOUT, "picture", True),
            (Kind.RATE_LIMITED, "download", True),
            (Kind.RATE_LIMITED, "picture", False),
        ],
    )
    @pytest.mark.parametrize("sign", [PictureBegun(), PicturePreview(0, "AA=="), Picture("x")])
    def test_a_picture_that_was_begun_is_paid_for_unless_there_are_no_more(
        self, sign: Delta, kind: Kind, step: Step, *, spent: bool
    ) -> None:
        desk = Desk([[sign], Problem(kind, "No.", step=step)], GOOD)

        assert desk.refusal().spent is spent
        assert len(desk.asked) == 1

    def test_a_picture_that_was_begun_is_paid_for_though_the_stream_just_stops(self) -> None:
        assert Desk([[PictureBegun()]], GOOD).refusal().spent

    def test_words_cost_nothing(self) -> None:
        broken = Problem(Kind.CUT, "Broken.", step="stream")
        assert not Desk([[TextDelta("Hi")], broken]).refusal().spent

    def test_a_stop_sequence_ends_the_answer(self) -> None:
        prompt = Prompt("auto", ASK.messages, sampling=Sampling(stop=("l",)))
        deltas = Desk(GOOD).ask(prompt)

        assert TextDelta("He") in deltas
        assert isinstance(deltas[-1], Finished)
        assert deltas[-1].reason == "stop"

    def test_what_a_limit_held_back_is_shown_before_a_failure(self) -> None:
        prompt = Prompt("auto", ASK.messages, sampling=Sampling(stop=("lots",)))
        desk = Desk([[TextDelta("Hello")], [TextDelta(" lo")], DOWN])
        seen: list[Delta] = []

        async def collect() -> None:
            async for batch in await desk.engine.answer(prompt, POOL):
                seen.extend(batch)

        with pytest.raises(Problem):
            asyncio.run(collect())
        assert "".join(delta.text for delta in seen if isinstance(delta, TextDelta)) == "Hello lo"

    def test_who_answers_is_known_before_the_first_delta_is_taken(self) -> None:
        desk = Desk(GOOD)

        assert asyncio.run(desk.engine.answer(ASK, POOL)).started == Started("m", "conv-1")


class TestFailOver:
    def test_a_limited_account_is_followed_by_another_one(self) -> None:
        desk = Desk(LIMIT, GOOD)
        desk.ask()

        assert len(set(desk.asked)) == 2
        assert desk.slept == []

    def test_a_limited_account_rests(self) -> None:
        desk = Desk(LIMIT, GOOD, GOOD, GOOD, accounts=(A, B))
        for _ in range(3):
            desk.ask()

        assert desk.asked[1:] == [desk.asked[1]] * 3
        assert desk.asked[0] != desk.asked[1]

    def test_when_all_are_limited_the_last_limit_is_told(self) -> None:
        problem = Desk(LIMIT, LIMIT, accounts=(A, B)).refusal()

        assert problem is LIMIT
        assert problem.retry_after == 60

    def test_no_account_is_asked_twice_after_its_own_fault(self) -> None:
        desk = Desk(LIMIT, LIMIT, LIMIT)
        desk.refusal()

        assert len(desk.asked) == len(set(desk.asked)) == 3

    def test_a_lone_account_is_asked_again_with_fresh_tokens_where_that_may_help(self) -> None:
        desk = Desk(UNUSUAL, GOOD, accounts=(A,))
        desk.ask()

        assert desk.asked == [A.key, A.key]
        assert desk.slept == [0.25]

    def test_an_upstream_failure_is_asked_again_after_a_growing_pause(self) -> None:
        desk = Desk(DOWN, DOWN, DOWN, GOOD)
        desk.ask()

        assert desk.slept == [0.25, 0.5, 1.0]

    def test_repetitions_are_bounded(self) -> None:
        desk = Desk(DOWN, DOWN, DOWN, DOWN)

        assert desk.refusal() is DOWN
        assert len(desk.asked) == 4

    def test_zero_repetitions_are_none(self) -> None:
        desk = Desk(DOWN, retry_times=0)

        assert desk.refusal() is DOWN
        assert len(desk.asked) == 1

    @pytest.mark.parametrize("problem", [WRONG, SLOW], ids=["the caller's fault", "a time-out"])
    def test_some_failures_are_not_asked_again(self, problem: Problem) -> None:
        desk = Desk(problem)

        assert desk.refusal() is problem
        assert len(desk.asked) == 1

    def test_a_failure_after_started_alone_is_mended_unseen(self) -> None:
        desk = Desk([[Started("m")], DOWN], GOOD)
        deltas = desk.ask()

        assert deltas.count(Started("m", "conv-1")) == 1
        assert Started("m") not in deltas
        assert desk.upstream.answers[0].closed

    def test_a_failure_after_the_first_text_is_final(self) -> None:
        desk = Desk([[TextDelta("Hel")], DOWN], GOOD)

        assert desk.refusal() is DOWN
        assert len(desk.asked) == 1
        assert desk.upstream.answers[0].closed


class TestCredentials:
    def test_a_refused_token_is_renewed_once_and_the_account_asked_again(self) -> None:
        fresh = Account(access_token=Secret("fresh"), handle=A.key)
        desk = Desk(DEAD, GOOD, accounts=(A,), renewed=fresh)
        desk.ask()

        assert desk.upstream.asked == [A, fresh]

    def test_a_refused_token_that_cannot_be_renewed_moves_on_to_the_next_account(self) -> None:
        desk = Desk(DEAD, GOOD, accounts=(A, B))
        desk.ask()

        assert len(set(desk.asked)) == 2

    def test_a_renewed_token_that_is_refused_again_is_the_end_of_the_account(self) -> None:
        fresh = Account(access_token=Secret("fresh"), handle=A.key)
        desk = Desk(DEAD, DEAD, accounts=(A,), renewed=fresh)

        assert desk.refusal() is DEAD


class TestCallers:
    def test_a_brought_token_is_the_only_one_asked(self) -> None:
        own = Account(access_token=Secret("own"))
        desk = Desk(LIMIT, GOOD)

        assert desk.refusal(caller=TokenCaller(own)) is LIMIT
        assert desk.upstream.asked == [own]

    def test_a_brought_token_gets_fresh_tokens_where_that_may_help(self) -> None:
        own = Account(access_token=Secret("own"))
        desk = Desk(UNUSUAL, GOOD)
        desk.ask(caller=TokenCaller(own))

        assert desk.upstream.asked == [own, own]

    def test_an_anonymous_caller_never_gets_an_account_of_the_pool(self) -> None:
        desk = Desk(GOOD)
        desk.ask(caller=AnonymousCaller())

        assert desk.upstream.asked == [Account()]

    def test_models_are_asked_of_the_next_account_when_one_fails(self) -> None:
        desk = Desk(DEAD, GOOD)

        assert asyncio.run(desk.engine.models(POOL)) == (Model("auto", upstreams=("web",)),)
        assert len(set(desk.asked)) == 2


class TestOnAccount:
    """What is no turn is asked like one."""

    def ask(
        self, desk: Desk, caller: Caller = POOL, **options: Any
    ) -> tuple[Account, list[Account]]:
        asked: list[Account] = []

        async def upload(account: Account) -> Account:
            asked.append(account)
            if desk.upstream.scripts:
                problem = desk.upstream.scripts.pop(0)
                assert isinstance(problem, Problem)
                raise problem
            return account

        async def script() -> Account:
            result, hold = await desk.engine.on_account(caller, upload, **options)
            assert isinstance(result, Account)
            assert hold.account.key == result.key
            await hold.release()
            return result

        return asyncio.run(script()), asked

    def test_the_result_comes_with_the_hold(self) -> None:
        account, asked = self.ask(Desk())

        assert asked == [account]

    def test_another_account_is_asked_after_a_limit(self) -> None:
        desk = Desk(LIMIT)
        account, asked = self.ask(desk)

        assert len(asked) == 2
        assert account.key != asked[0].key
        assert desk.ledger.rest(asked[0].key, "") is not None

    def test_a_refused_token_is_renewed(self) -> None:
        fresh = Account(access_token=Secret("fresh"), handle=A.key)
        _, asked = self.ask(Desk(DEAD, accounts=(A,), renewed=fresh))

        assert asked == [A, fresh]

    def test_a_holder_is_the_only_one(self) -> None:
        assert {self.ask(Desk(), holder=B.key)[0].key for _ in range(3)} == {B.key}

    def test_types_narrow_the_choice(self) -> None:
        with pytest.raises(Problem) as raised:
            self.ask(Desk(), types=("codex",))
        assert raised.value.kind is Kind.NO_ACCOUNT

        with pytest.raises(Problem) as raised:
            self.ask(Desk(), TokenCaller(A), types=("codex",))
        assert raised.value.kind is Kind.INVALID_REQUEST
        assert "of type codex" in raised.value.message

    def test_an_anonymous_account_is_for_the_asking_to_judge(self) -> None:
        account, _ = self.ask(Desk(), AnonymousCaller())
        assert account.anonymous


class TestHolders:
    def ask(self, desk: Desk, caller: Caller, holder: str) -> str:
        async def script() -> str:
            reply = await desk.engine.answer(ASK, caller, holder=holder)
            async for _ in reply:
                pass
            await reply.aclose()
            return reply.account.key

        return asyncio.run(script())

    def test_who_holds_the_file_answers(self) -> None:
        desk = Desk(GOOD, GOOD, GOOD)
        assert {self.ask(desk, POOL, C.key) for _ in range(3)} == {C.key}

    def test_a_caller_with_an_account_of_its_own_reaches_no_other_one(self) -> None:
        assert self.ask(Desk(GOOD), TokenCaller(A), A.key) == A.key
        callers: list[Caller] = [TokenCaller(A), AnonymousCaller()]
        for caller in callers:
            with pytest.raises(Problem) as raised:
                self.ask(Desk(GOOD), caller, B.key)
            assert raised.value.kind is Kind.FILE_NOT_FOUND

    def test_an_upstream_that_is_not_to_answer_is_told_of(self) -> None:
        desk = Desk(GOOD)
        with pytest.raises(Problem) as raised:
            asyncio.run(desk.engine.answer(Prompt("codex/auto", ASK.messages), POOL, holder=A.key))
        assert raised.value.kind is Kind.INVALID_REQUEST
        assert raised.value.param == "model"


class TestSeveralUpstreams:
    """A pool of both types: the next upstream is asked unseen."""

    WEB, OTHER = A, B
    CODEX = Account(access_token=Secret("codex"), type="codex")
    MISSING = Problem(Kind.MODEL_NOT_FOUND, "No such model.", step="conversation")

    def desk(
        self, codex: list[Any], web: list[Any], retry_times: int = 3, *more: Account
    ) -> tuple[Desk, FakeUpstream]:
        desk = Desk(*web, accounts=(self.WEB, self.CODEX, *more), retry_times=retry_times)
        upstream = FakeUpstream(*codex)
        desk.upstreams["codex"] = upstream
        return desk, upstream

    def test_the_better_one_answers(self) -> None:
        desk, codex = self.desk([GOOD], [])
        desk.ask()

        assert codex.asked == [self.CODEX]

    @pytest.mark.parametrize("problem", [LIMIT, DOWN, WRONG, MISSING, DEAD], ids=repr)
    def test_whatever_one_meets_the_other_is_asked(self, problem: Problem) -> None:
        desk, codex = self.desk([problem], [GOOD])
        desk.ask()

        assert (len(codex.asked), len(desk.asked)) == (1, 1)
        assert desk.slept == []

    def test_after_both_have_failed_asking_goes_on_with_a_pause(self) -> None:
        desk, codex = self.desk([DOWN], [DOWN, GOOD])
        desk.ask()

        assert (len(codex.asked), len(desk.asked)) == (1, 2)
        assert desk.slept == [0.5]

    def test_a_turn_that_may_be_under_way_is_not_put_again(self) -> None:
        desk, _ = self.desk([SLOW], [GOOD])

        assert desk.refusal() is SLOW
        assert desk.asked == []

    def test_another_account_of_the_type_that_works_goes_before_the_one_that_failed(self) -> None:
        desk, codex = self.desk([DOWN], [LIMIT, GOOD], 3, self.OTHER)
        desk.ask()

        assert len(codex.asked) == 1
        assert set(desk.asked) == {A.key, B.key}

    def test_a_limit_is_told_and_not_that_the_other_lacks_the_model(self) -> None:
        assert self.desk([LIMIT], [self.MISSING])[0].refusal() is LIMIT
        assert self.desk([self.MISSING], [LIMIT])[0].refusal() is LIMIT
        assert self.desk([self.MISSING], [self.MISSING])[0].refusal() is self.MISSING

    def test_what_neither_takes_is_told(self) -> None:
        desk, codex = self.desk([WRONG], [WRONG])

        assert desk.refusal() is WRONG
        assert (len(codex.asked), len(desk.asked)) == (1, 1)

    def test_a_token_that_a_caller_brought_goes_nowhere_else(self) -> None:
        desk, codex = self.desk([], [WRONG])

        assert desk.refusal(caller=TokenCaller(A)) is WRONG
        assert codex.asked == []

    def test_all_tries_count(self) -> None:
        desk, codex = self.desk([DOWN] * 9, [DOWN] * 9, 2)

        assert desk.refusal() is DOWN
        assert len(codex.asked) + len(desk.asked) == 3
