"""Whom a request asks, through the engine: what a failure means for the next try, and that whatever
happens the account is let go of."""

import asyncio
from collections.abc import Sequence

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.caller import Caller, PoolCaller, TokenCaller
from chat2api_core.accounts.leases import Leases
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.accounts.pool import Pool
from chat2api_core.emulator.tokens import make_access_token
from chat2api_core.engine import Engine
from chat2api_core.problem import Kind, Problem
from chat2api_core.reply import Reply
from chat2api_core.secret import Secret
from chat2api_core.turn import Finished, Message, Prompt, Started, Text, TextDelta
from chat2api_core.upstreams.base import Batch, Model
from tests.accounts.instances import run
from tests.fakes import FakeAnswer, FakeClock, FakeIds, FakeUpstream, WordMeter

A, B = (Account(access_token=Secret(name)) for name in "ab")
ASK = Prompt("gpt-5-5", (Message("user", (Text("Hello?"),)),))
POOL = PoolCaller("key")
GOOD: list[Batch | Problem] = [[Started("m", "conv-1")], [TextDelta("Hi")], [Finished("stop")]]
LIMIT = Problem(Kind.RATE_LIMITED, "Limit.", step="conversation", retry_after=60)
UNKNOWN = Problem(Kind.MODEL_NOT_FOUND, "No such model.", step="conversation")
OFFLINE = Problem(Kind.UNREACHABLE, "No answer.", step="refresh")
DEAD = Problem(Kind.UNAUTHORIZED, "Sign in again.", step="refresh")


def planned(user: str, plan: str) -> Account:
    token = make_access_token(user_id=user, account_id=user, plan=plan)
    return Account(access_token=Secret(token))


class Refreshing:
    """Credentials of which some cannot be made ready, by key: what is raised each time."""

    def __init__(self, troubles: dict[str, list[Problem]]) -> None:
        self._troubles = troubles

    async def ready(self, account: Account) -> Account:
        troubles = self._troubles.get(account.key)
        if troubles:
            raise troubles.pop(0)
        return account

    async def renewed(self, account: Account) -> Account | None:
        return None


class Desk:
    """An engine whose accounts serve one request at a time."""

    def __init__(
        self,
        *scripts: Sequence[Batch | Problem] | Problem,
        accounts: Sequence[Account] = (A, B),
        troubles: dict[str, list[Problem]] | None = None,
        enable_limit: bool = False,
    ) -> None:
        self.clock = FakeClock()
        ids = FakeIds()
        self.upstream = FakeUpstream(*scripts)
        self.ledger = Ledger(self.clock)
        self.leases = Leases(1, ids=ids)
        self.pool = Pool(
            accounts,
            ledger=self.ledger,
            leases=self.leases,
            shuffle=False,
            clock=self.clock,
            ids=ids,
            sleep=self._sleep,
        )
        self.engine = Engine(
            pool=self.pool,
            ledger=self.ledger,
            credentials=Refreshing(troubles or {}),
            upstreams={"web": self.upstream},
            meter=WordMeter(),
            retry_times=3,
            clock=self.clock,
            enable_limit=enable_limit,
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    async def answer(self, caller: Caller = POOL) -> Reply:
        return await self.engine.answer(ASK, caller)

    def ask(self, caller: Caller = POOL) -> None:
        """Ask, and take the whole answer."""

        async def script() -> None:
            reply = await self.answer(caller)
            async for _ in reply:
                pass
            await reply.aclose()

        run(script())
        assert self.free == 2

    def refusal(self, caller: Caller = POOL) -> Problem:
        with pytest.raises(Problem) as raised:
            self.ask(caller)
        assert self.free == 2
        return raised.value

    @property
    def free(self) -> int:
        """How many of two accounts have a slot left."""
        return 2 - self.leases._counts.total()

    @property
    def asked(self) -> list[str]:
        return [account.key for account in self.upstream.asked]


class TestLettingGo:
    def test_an_account_is_held_until_the_answer_is_closed(self) -> None:
        async def script() -> None:
            desk = Desk(GOOD)
            reply = await desk.answer()
            assert desk.free == 1
            async for _ in reply:
                pass
            assert desk.free == 1
            await reply.aclose()
            assert desk.free == 2
            await reply.aclose()
            assert desk.free == 2

        run(script())

    def test_two_answers_at_once_come_from_two_accounts(self) -> None:
        async def script() -> None:
            desk = Desk(GOOD, GOOD)
            for reply in await asyncio.gather(desk.answer(), desk.answer()):
                await reply.aclose()
            assert len(set(desk.asked)) == 2

        run(script())

    def test_who_hangs_up_while_it_is_asked_lets_go(self) -> None:
        class Silent(FakeUpstream):
            async def open(self, prompt: Prompt, account: Account) -> FakeAnswer:
                await asyncio.Event().wait()
                raise AssertionError("nobody says anything")

        async def script() -> None:
            desk = Desk()
            engine = Engine(
                pool=desk.pool,
                ledger=desk.ledger,
                credentials=Refreshing({}),
                upstreams={"web": Silent()},
                meter=WordMeter(),
                retry_times=3,
                clock=desk.clock,
            )
            asking = asyncio.create_task(engine.answer(ASK, POOL))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert desk.free == 1
            asking.cancel()
            await asyncio.wait([asking])
            assert desk.free == 2

        run(script())

    def test_a_failure_moves_the_hold_to_the_next_account(self) -> None:
        desk = Desk(LIMIT, GOOD)
        desk.ask()

        assert len(set(desk.asked)) == 2


class TestTheWay:
    """A proxy of an account's own is nobody else's way to ChatGPT."""

    OWN = tuple(
        Account(access_token=Secret(name), proxy=Secret("http://proxy.invalid")) for name in "ab"
    )

    @pytest.mark.parametrize("kind", [Kind.UNREACHABLE, Kind.CHALLENGED])
    def test_where_one_account_cannot_get_through_another_one_answers(self, kind: Kind) -> None:
        desk = Desk(Problem(kind, "No way.", step="sentinel"), GOOD, accounts=self.OWN)
        desk.ask()

        assert len(set(desk.asked)) == 2
        assert not any(desk.ledger.standing(key).rests for key in desk.asked), "nobody is to blame"

    def test_where_nobody_gets_through_all_are_asked_before_one_is_asked_again(self) -> None:
        lost = Problem(Kind.UNREACHABLE, "No way.", step="sentinel")
        desk = Desk(*[lost] * 4, accounts=self.OWN)

        assert desk.refusal().kind is Kind.UNREACHABLE
        assert len(desk.asked) == 4
        assert len(set(desk.asked[:2])) == 2

    def test_what_all_share_is_met_by_all(self) -> None:
        desk = Desk(Problem(Kind.UNREACHABLE, "No way.", step="sentinel"), GOOD)
        desk.ask()

        assert len(set(desk.asked)) == 1


class TestRefreshes:
    def test_an_account_whose_sign_in_is_dead_goes_out_and_another_one_answers(self) -> None:
        desk = Desk(GOOD, GOOD, GOOD, troubles={A.key: [DEAD, DEAD]})
        for _ in range(3):
            desk.ask()

        assert desk.asked == [B.key] * 3
        assert desk.ledger.standing(A.key).out is not None

    def test_an_account_whose_sign_in_server_is_away_rests_a_while(self) -> None:
        desk = Desk(GOOD, GOOD, troubles={A.key: [OFFLINE, OFFLINE]})
        desk.ask()
        desk.ask()

        assert desk.asked == [B.key] * 2
        rest = desk.ledger.rest(A.key, "any")
        assert rest is not None
        assert rest.until - desk.clock.now() == 30

    def test_where_there_is_no_other_account_it_is_tried_again(self) -> None:
        desk = Desk(GOOD, accounts=(A,), troubles={A.key: [OFFLINE]})
        desk.ask()

        assert desk.asked == [A.key]
        assert desk.ledger.rest(A.key, "any") is None

    def test_a_dead_token_that_was_brought_along_is_told_of(self) -> None:
        own = Account(refresh_token=Secret("rt_own"))
        desk = Desk(troubles={own.key: [DEAD]})

        assert desk.refusal(TokenCaller(own)) is DEAD
        assert desk.ledger.standing(own.key).out is None


class TestModels:
    FREE, PLUS = planned("f", "free"), planned("p", "plus")

    def test_a_model_that_one_plan_has_not_is_asked_of_another(self) -> None:
        desk = Desk(UNKNOWN, GOOD, accounts=(self.FREE, self.PLUS))
        desk.ask()

        assert len(set(desk.asked)) == 2

    def test_but_not_of_the_same_plan_again(self) -> None:
        desk = Desk(UNKNOWN, UNKNOWN, accounts=(self.PLUS, planned("q", "plus"), self.FREE))

        assert desk.refusal() is UNKNOWN
        plans = [self.FREE.key == key for key in desk.asked]
        assert sorted(plans) == [False, True]

    def test_where_all_have_one_plan_it_is_told_at_once(self) -> None:
        desk = Desk(UNKNOWN)

        assert desk.refusal() is UNKNOWN
        assert len(desk.asked) == 1

    def test_the_list_is_that_of_all_plans_and_is_remembered(self) -> None:
        class Lists(FakeUpstream):
            async def models(self, account: Account) -> tuple[Model, ...]:
                self.asked.append(account)
                own = (Model("mini"),) if account == TestModels.FREE else (Model("pro"),)
                return (Model("auto"), *own)

        desk = Desk(accounts=(self.FREE, self.PLUS, planned("q", "plus")))
        upstream = Lists()
        engine = Engine(
            pool=desk.pool,
            ledger=desk.ledger,
            credentials=Refreshing({self.FREE.key: []}),
            upstreams={"web": upstream},
            meter=WordMeter(),
            retry_times=0,
            clock=desk.clock,
        )
        models = run(engine.models(POOL))

        assert [model.id for model in models] == ["auto", "mini", "pro"]
        assert len(upstream.asked) == 2
        assert desk.free == 2
        assert desk.ledger.models == {
            "web/free": frozenset({"auto", "mini"}),
            "web/plus": frozenset({"auto", "pro"}),
        }

    def test_one_plan_that_does_not_tell_is_no_failure_unless_nobody_does(self) -> None:
        desk = Desk(
            LIMIT, GOOD, accounts=(self.FREE, self.PLUS), troubles={self.FREE.key: [DEAD] * 9}
        )
        desk.upstream.scripts = [GOOD]
        assert [model.id for model in run(desk.engine.models(POOL))] == ["auto"]

        desk = Desk(WRONG, accounts=(A,))
        with pytest.raises(Problem) as raised:
            run(desk.engine.models(POOL))
        assert raised.value is WRONG


WRONG = Problem(Kind.REFUSED, "Not understood.", step="models")


class TestKnownLimits:
    OWN = TokenCaller(Account(access_token=Secret("own")))

    def test_a_brought_token_is_asked_again_and_again(self) -> None:
        desk = Desk(LIMIT, LIMIT)
        desk.refusal(self.OWN)
        desk.refusal(self.OWN)

        assert len(desk.asked) == 2

    def test_unless_known_limits_are_to_be_honoured(self) -> None:
        desk = Desk(LIMIT, GOOD, enable_limit=True)
        assert desk.refusal(self.OWN) is LIMIT
        desk.clock.advance(20)
        problem = desk.refusal(self.OWN)
        assert (problem.kind, problem.retry_after) == (Kind.RATE_LIMITED, 40)
        assert len(desk.asked) == 1

        desk.clock.advance(40)
        desk.ask(self.OWN)
        assert len(desk.asked) == 2
        assert desk.ledger.standing(self.OWN.account.key).rests == {}
