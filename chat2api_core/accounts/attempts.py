"""The accounts that one request asks one after the other, and what a failure means for the next.

In: who calls, what for, and how each try went. Out: a ``Hold`` to try next. The one rule: no
account is asked again after a fault of its own, unless nobody else is left and asking twice may
help; what the caller got wrong is told at once. The blame of a problem decides, not its status.
Where accounts of several types may answer, the next type is asked when one type's upstream fails,
or when it does not take what another one may.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Protocol, TypeVar

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.caller import AnonymousCaller, Caller, PoolCaller, TokenCaller
from chat2api_core.accounts.hold import Hold
from chat2api_core.accounts.leases import Lease
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.accounts.pool import Pool
from chat2api_core.problem import Blame, Kind, Problem, forget_frames

_T = TypeVar("_T")

# What one upstream refuses and another one may take.
_OF_ONE_UPSTREAM = frozenset({Kind.MODEL_NOT_FOUND, Kind.CONTEXT_LENGTH, Kind.REFUSED})
# What is met on the way to an upstream: an account with a proxy of its own has a way of its own.
_OF_THE_WAY = frozenset({Kind.UNREACHABLE, Kind.CHALLENGED})


class Renewing(Protocol):
    """What asking needs of ``accounts.credentials.Credentials``."""

    async def ready(self, account: Account) -> Account: ...

    async def renewed(self, account: Account) -> Account | None: ...


async def ask_renewed(
    credentials: Renewing, hold: Hold, ask: Callable[[Account, Hold], Awaitable[_T]]
) -> _T:
    """Ask once; a refused access token is renewed once, where something can renew it."""
    ready = await credentials.ready(hold.account)
    try:
        return await ask(ready, hold)
    except Problem as problem:
        if problem.kind is not Kind.UNAUTHORIZED:
            raise
        renewed = await credentials.renewed(ready)
        if renewed is None:
            raise
    return await ask(renewed, hold)


class Attempts:
    """One request's way through the accounts. Call ``aclose`` in any case: it lets go of the
    account unless ``succeeded`` has handed it on.

    ``types`` are those that may be asked, the best one first; ``holder`` is the key of the only
    account that may be, because a file lives there; ``needs`` are the features that are used up;
    ``enable_limit``: a token that the caller brought is not asked while its limit is known to
    last; accounts of the pool never are."""

    def __init__(
        self,
        caller: Caller,
        *,
        model: str,
        thread: str,
        plan: str | None,
        types: Sequence[str],
        pool: Pool,
        ledger: Ledger,
        enable_limit: bool,
        holder: str = "",
        needs: Collection[str] = (),
        prefer: str = "",
    ) -> None:
        self._caller = caller
        self._model = model
        self._thread = thread
        self._plan = plan
        self._holder = holder
        self._needs = needs
        self._prefer = prefer
        self._types = tuple(types)
        self._down: set[str] = set()  # types whose upstream has failed
        self._pool = pool
        self._ledger = ledger
        self._remembers = enable_limit or isinstance(caller, PoolCaller)
        self._tried: set[str] = set()
        self._hold: Hold | None = None
        self._failure: Problem | None = None
        self._telling: Problem | None = None  # what the caller is told if nothing helps
        self._told_by = ""  # the type of the account that met it

    async def first(self) -> Hold:
        """Whom to ask first. Raises ``Problem`` where nobody may be asked."""
        match self._caller:
            case PoolCaller():
                self._hold = await self._pick(self._types)
            case TokenCaller(account):
                self._own(account)
                if account.type not in self._types:
                    message = f"This takes an account of type {self._types[0]}; the token's is not."
                    raise Problem(Kind.INVALID_REQUEST, message, step="pool")
                if self._remembers:
                    await self._check(account)
                self._hold = _free(account, self._ledger)
            case AnonymousCaller():
                self._own(Account())
                self._hold = _free(Account(), self._ledger)
        return self._hold

    async def failed(self, hold: Hold, problem: Problem) -> None:
        """Note how asking went. Raises ``Problem`` where asking on does not help."""
        forget_frames(problem)  # it is kept here, and these frames hold us
        kind = hold.account.type
        self._failure = problem
        if self._told_by in {"", kind} or problem.kind not in _OF_ONE_UPSTREAM:
            self._telling, self._told_by = problem, kind
        await self._note(hold, problem)
        self._tried.add(hold.account.key)

    async def following(self) -> tuple[Hold, bool]:
        """Whom to ask next, and whether that one was asked before: then after a pause. Raises
        ``Problem`` where there is nobody."""
        last, failure = self._hold, self._failure
        assert last is not None
        assert failure is not None
        types = self._elsewhere(last, failure)
        if types:
            try:
                self._hold = await self._pick(types)
            except Problem as nobody:
                if not failure.again:
                    raise self.failure from nobody
            else:
                await last.release()
                return self._hold, False
        elif failure.blame is not Blame.UPSTREAM and not failure.again:
            raise failure
        return last, True

    def _elsewhere(self, last: Hold, failure: Problem) -> tuple[str, ...]:
        """The types of accounts of which another one may be asked now."""
        if not isinstance(self._caller, PoolCaller):
            return ()
        up = tuple(kind for kind in self._types if kind not in self._down)
        upstream = failure.blame is Blame.UPSTREAM and failure.step != "refresh"
        if upstream and not _by_its_own_way(last, failure):
            return up  # another account of the same type would meet the same
        return (*up, *(kind for kind in self._types if kind in self._down))

    async def succeeded(self, hold: Hold) -> None:
        """Note the success. The hold is the caller's from now on."""
        if self._remembers:
            for scope in (self._model, *self._needs):
                await self._ledger.praise(hold.account.key, scope)
        await hold.proved()
        self._hold = None

    async def aclose(self) -> None:
        """Let go of the account that was asked last."""
        hold, self._hold = self._hold, None
        if hold is not None:
            await hold.release()

    @property
    def failure(self) -> Problem:
        """What to tell of all that was met: the last problem; but not that one upstream does not
        take what another one has failed to do."""
        assert self._telling is not None
        return self._telling

    async def _pick(self, types: Sequence[str]) -> Hold:
        return await self._pool.pick(
            model=self._model,
            types=types,
            tried=self._tried,
            conversation_id=self._thread,
            plan=self._plan,
            holder=self._holder,
            needs=self._needs,
            prefer=self._prefer,
        )

    def _own(self, account: Account) -> None:
        if self._holder and self._holder != account.key:
            message = "The account that holds the file is not the one that this request came with."
            raise Problem(Kind.FILE_NOT_FOUND, message, step="pool")

    async def _check(self, account: Account) -> None:
        key = account.key
        await self._ledger.look((key,))
        rest = self._ledger.rest(key, self._model, self._needs)
        if rest is not None:
            raise self._ledger.refusal(rest)

    async def _note(self, hold: Hold, problem: Problem) -> None:
        key, kind = hold.account.key, hold.account.type
        pooled = isinstance(self._caller, PoolCaller)
        if problem.blame is Blame.ACCOUNT or (pooled and problem.step == "refresh"):
            if self._remembers:
                await self._ledger.blame(key, self._model, problem)
            await hold.proved()
        elif pooled and problem.kind is Kind.MODEL_NOT_FOUND and self._pool.mixed:
            # Accounts of another plan may have the model.
            self._tried |= self._pool.alike(key)
        elif pooled and problem.kind in _OF_ONE_UPSTREAM and len(self._types) > 1:
            self._types = tuple(other for other in self._types if other != kind)
        elif problem.blame is Blame.UPSTREAM and problem.again:
            if not _by_its_own_way(hold, problem):
                self._down.add(kind)
        else:
            raise self.failure


def _by_its_own_way(hold: Hold, problem: Problem) -> bool:
    return bool(hold.account.proxy) and problem.kind in _OF_THE_WAY


def _free(account: Account, ledger: Ledger) -> Hold:
    return Hold(account, Lease(None, account.key), ledger, None)
