"""The accounts that one request asks one after the other, and what a failure means for the next.

In: who calls, what for, and how each try went. Out: a ``Hold`` to try next. The one rule: no
account is asked again after a fault of its own, unless nobody else is left and asking twice may
help; what the caller got wrong is told at once. The blame of a problem decides, not its status.
"""

from collections.abc import Collection

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.caller import AnonymousCaller, Caller, PoolCaller, TokenCaller
from chat2api_core.accounts.hold import Hold
from chat2api_core.accounts.leases import Lease
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.accounts.pool import Pool
from chat2api_core.problem import Blame, Kind, Problem


class Attempts:
    """One request's way through the accounts. Call ``aclose`` in any case: it lets go of the
    account unless ``succeeded`` has handed it on.

    ``enable_limit``: a token that the caller brought is not asked while its limit is known to
    last; accounts of the pool never are."""

    def __init__(
        self,
        caller: Caller,
        *,
        model: str,
        thread: str,
        plan: str | None,
        types: Collection[str],
        pool: Pool,
        ledger: Ledger,
        enable_limit: bool,
    ) -> None:
        self._caller = caller
        self._model = model
        self._thread = thread
        self._plan = plan
        self._types = types
        self._pool = pool
        self._ledger = ledger
        self._remembers = enable_limit or isinstance(caller, PoolCaller)
        self._tried: set[str] = set()
        self._hold: Hold | None = None
        self._failure: Problem | None = None

    async def first(self) -> Hold:
        """Whom to ask first. Raises ``Problem`` where nobody may be asked."""
        match self._caller:
            case PoolCaller():
                self._hold = await self._pick()
            case TokenCaller(account):
                if self._remembers:
                    await self._check(account)
                self._hold = _free(account, self._ledger)
            case AnonymousCaller():
                self._hold = _free(Account(), self._ledger)
        return self._hold

    async def failed(self, hold: Hold, problem: Problem) -> None:
        """Note how asking went. Raises the problem where asking on does not help."""
        await self._note(hold, problem)
        self._tried.add(hold.account.key)
        self._failure = problem

    async def following(self) -> tuple[Hold, bool]:
        """Whom to ask next, and whether that one was asked before: then after a pause. Raises the
        last problem where there is nobody."""
        last, failure = self._hold, self._failure
        assert last is not None
        assert failure is not None
        if isinstance(self._caller, PoolCaller) and not _asks_same(failure):
            try:
                self._hold = await self._pick()
            except Problem as nobody:
                if not failure.again:
                    raise failure from nobody
            else:
                await last.release()
                return self._hold, False
        elif failure.blame is not Blame.UPSTREAM and not failure.again:
            raise failure
        return last, True

    async def succeeded(self, hold: Hold) -> None:
        """Note the success. The hold is the caller's from now on."""
        self._hold = None
        if self._remembers:
            await self._ledger.praise(hold.account.key, self._model)
        await hold.proved()

    async def aclose(self) -> None:
        """Let go of the account that was asked last."""
        hold, self._hold = self._hold, None
        if hold is not None:
            await hold.release()

    @property
    def failure(self) -> Problem:
        """The last problem that was met."""
        assert self._failure is not None
        return self._failure

    async def _pick(self) -> Hold:
        return await self._pool.pick(
            model=self._model,
            types=self._types,
            tried=self._tried,
            conversation_id=self._thread,
            plan=self._plan,
        )

    async def _check(self, account: Account) -> None:
        key = account.key
        await self._ledger.look((key,))
        rest = self._ledger.rest(key, self._model)
        if rest is not None:
            raise self._ledger.refusal(rest)

    async def _note(self, hold: Hold, problem: Problem) -> None:
        key = hold.account.key
        pooled = isinstance(self._caller, PoolCaller)
        if problem.blame is Blame.ACCOUNT or (pooled and problem.step == "refresh"):
            if self._remembers:
                await self._ledger.blame(key, self._model, problem)
            await hold.proved()
        elif pooled and problem.kind is Kind.MODEL_NOT_FOUND and self._pool.mixed:
            # Accounts of another plan may have the model.
            self._tried |= self._pool.alike(key)
        elif problem.blame is not Blame.UPSTREAM or not problem.again:
            raise problem


def _asks_same(failure: Problem) -> bool:
    """Whether another account would not help."""
    return failure.blame is Blame.UPSTREAM and failure.step != "refresh"


def _free(account: Account, ledger: Ledger) -> Hold:
    return Hold(account, Lease(None, account.key), ledger, None)
