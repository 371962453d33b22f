"""Joins a prompt with an upstream and decides which account answers.

Which upstreams may answer, and in which order they are tried, ``choice`` says; the accounts of a
type belong to the upstream of that name.

The commit point is the first delta that is not ``Started``: before it a failure may be mended by
another account or by fresh tokens, unseen by the client; after it nothing is asked again, and a
failure ends the answer as failed. What happens is decided by the problem's blame, not its status.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from msgspec import structs

from chat2api_core.accounts.account import CODEX_CLIENT, Account, read_claims
from chat2api_core.accounts.attempts import Attempts, Renewing, ask_renewed
from chat2api_core.accounts.caller import Caller, PoolCaller, TokenCaller
from chat2api_core.accounts.caps import needed
from chat2api_core.accounts.hold import Hold
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.accounts.pool import Pool
from chat2api_core.ambient import Clock
from chat2api_core.choice import ANY_MODEL, NAMES, Choice, Setting, choose, meant, nobody
from chat2api_core.kept import thoughts
from chat2api_core.problem import Kind, Problem
from chat2api_core.reply import Metering, Reply, read_head
from chat2api_core.turn import Prompt
from chat2api_core.upstreams.base import Model, Upstream

if TYPE_CHECKING:
    from chat2api_core.listings import Listings

_BACKOFF = 0.25  # seconds before the first repetition after an upstream's failure; then doubled

_T = TypeVar("_T")

_log = logging.getLogger("chat2api.engine")


class Engine:
    """Answers prompts. ``retry_times`` bounds the repetitions within one request, on whatever
    upstreams; ``setting`` may leave only one of them; with ``enable_limit`` a token that a caller
    brought is not asked while its limit is known to last."""

    def __init__(
        self,
        *,
        pool: Pool,
        ledger: Ledger,
        credentials: Renewing,
        upstreams: Mapping[str, Upstream],
        meter: Metering,
        retry_times: int,
        clock: Clock,
        setting: Setting = "auto",
        enable_limit: bool = False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._pool = pool
        self._ledger = ledger
        self._clock = clock
        self._credentials = credentials
        self._upstreams = upstreams
        self._meter = meter
        self._retry_times = retry_times
        self._setting = setting
        self._enable_limit = enable_limit
        self._sleep = sleep

    async def answer(self, prompt: Prompt, caller: Caller, *, holder: str = "") -> Reply:
        """Ask until an answer commits. ``holder`` is the key of the account that alone may answer,
        because a file of the prompt lives there. Raises ``Problem``: the last one that a try
        met."""
        caller = self._typed(caller, prompt.model)
        choice = await self._choose(prompt, caller, holder)
        asked = choice.prompt

        async def ask(account: Account, hold: Hold) -> Reply:
            return await self._open(asked, account, hold)

        # Of several accounts, the one that sealed the thinking so far can open it.
        sealed = thoughts.brought(asked) if isinstance(caller, PoolCaller) else ""
        reply, _ = await self._try(
            caller,
            ask,
            types=choice.upstreams,
            prefer=await self._ledger.owner(sealed) if sealed else "",
            model=asked.model,
            thread=asked.thread.conversation_id if asked.thread else "",
            holder=holder,
            needs=needed(asked),
            drop=Reply.aclose,
        )
        return reply

    async def on_account(
        self,
        caller: Caller,
        ask: Callable[[Account], Awaitable[_T]],
        *,
        types: Sequence[str] = (),
        model: str = "",
        thread: str = "",
        holder: str = "",
        prefer: str = "",
        drop: Callable[[_T], Awaitable[None]] | None = None,
    ) -> tuple[_T, Hold]:
        """Ask some account for what is no turn, chosen, renewed and replaced as for turns. The
        result, and the hold on the account, which the caller releases. ``drop`` closes a result
        that nobody is left to have.

        ``types`` are those of accounts that will do, the best one first, by default all of them;
        ``holder`` is as in ``answer``, ``prefer`` the key of the one to ask before others. An
        anonymous caller's account has no token: whether that will do, ``ask`` decides. Raises
        ``Problem``: the last one that a try met."""

        async def ask_it(account: Account, _: Hold) -> _T:
            return await ask(account)

        return await self._try(
            caller,
            ask_it,
            types=types,
            model=model,
            thread=thread,
            holder=holder,
            prefer=prefer,
            drop=drop,
        )

    def adopt(self, account: str, conversation_id: str) -> None:
        """Learn from a caller's sealed handle which account holds the conversation."""
        self._ledger.owns(account, conversation_id)

    async def models(self, caller: Caller) -> tuple[Model, ...]:
        """What the caller's accounts may use, on every upstream that ``setting`` leaves: of the
        pool's, one of each plan is asked. Raises ``Problem`` where none of them tells."""
        from chat2api_core.listings import union  # noqa: PLC0415 (see _listings)

        caller = self._typed(caller)
        there = [kind for kind in self._available(caller) if self._setting in ("auto", kind)]
        if not there:
            raise nobody(self._setting)
        if isinstance(caller, PoolCaller):
            return union(await self._listings.fetch(there))
        models = await self._models(caller, there, None)
        return union(dict.fromkeys(there, models))

    @cached_property
    def _listings(self) -> "Listings":
        """Which models there are, for who has more than one upstream to choose from."""
        from chat2api_core.listings import Listings  # noqa: PLC0415 (mostly there is one)

        return Listings(
            pool=self._pool, ledger=self._ledger, ask=self._plan_models, clock=self._clock
        )

    async def _plan_models(self, kind: str, plan: str) -> tuple[Model, ...]:
        return await self._models(PoolCaller(""), (kind,), plan)

    async def _models(
        self, caller: Caller, kinds: Sequence[str], plan: str | None
    ) -> tuple[Model, ...]:
        async def ask(account: Account, _: Hold) -> tuple[Model, ...]:
            return await self._upstreams[account.type].models(account)

        models, hold = await self._try(caller, ask, types=kinds, plan=plan)
        await hold.release()
        return models

    def _typed(self, caller: Caller, model: str = "") -> Caller:
        """The caller; a token that was brought along is for the upstream that is named, else for
        the one whose client it was made for."""
        if not isinstance(caller, TokenCaller):
            return caller
        kind = meant(model, self._setting)
        if kind == "auto":
            kind = caller.account.type
            if read_claims(caller.account.access_token).client == CODEX_CLIENT:
                kind = "codex"
        return TokenCaller(structs.replace(caller.account, type=kind))

    def _available(self, caller: Caller) -> tuple[str, ...]:
        """The upstreams that the caller's accounts are for, the best one first."""
        if isinstance(caller, PoolCaller):
            return tuple(
                name for name in NAMES if name in self._pool.types and name in self._upstreams
            )
        return (caller.account.type,) if isinstance(caller, TokenCaller) else ("web",)

    async def _choose(self, prompt: Prompt, caller: Caller, holder: str) -> Choice:
        """Raises ``Problem`` where no upstream can do what is asked."""
        there = self._available(caller)
        kind = self._pool.type_of(holder) if isinstance(caller, PoolCaller) else ""
        if kind:
            if meant(prompt.model, self._setting) not in ("auto", kind):
                message = f"The file is held by an account of type {kind}, which is not to answer."
                raise Problem(Kind.INVALID_REQUEST, message, step="pool", param="model")
            there = (kind,)
        choice = choose(prompt, setting=self._setting, available=there, catalogs={})
        if choice.prompt.model in ANY_MODEL or not isinstance(caller, PoolCaller):
            return choice
        if len(choice.upstreams) > 1:
            catalogs = await self._listings.known(choice.upstreams)
            choice = choose(prompt, setting=self._setting, available=there, catalogs=catalogs)
        await self._ledger.look(self._pool.keys(choice.upstreams))
        return await self._listings.offering(choice) if self._ledger.models else choice

    async def _open(self, prompt: Prompt, account: Account, hold: Hold) -> Reply:
        answer = await self._upstreams[account.type].open(prompt, account)
        try:
            source = aiter(answer)
            head = await read_head(source)
        except BaseException:
            await answer.aclose()
            raise
        return Reply(
            prompt,
            account,
            head,
            answer,
            source,
            meter=self._meter,
            ledger=self._ledger,
            on_close=hold.release,
        )

    async def _try(
        self,
        caller: Caller,
        ask: Callable[[Account, Hold], Awaitable[_T]],
        *,
        model: str = "",
        thread: str = "",
        plan: str | None = None,
        types: Sequence[str] = (),
        holder: str = "",
        needs: Sequence[str] = (),
        prefer: str = "",
        drop: Callable[[_T], Awaitable[None]] | None = None,
    ) -> tuple[_T, Hold]:
        """Ask until it succeeds: the result, and the hold on the account, to be released. Where it
        is cancelled after that, the result is dropped."""
        attempts = Attempts(
            caller,
            model=model,
            thread=thread,
            plan=plan,
            types=types or tuple(self._upstreams),
            pool=self._pool,
            ledger=self._ledger,
            enable_limit=self._enable_limit,
            holder=holder,
            needs=needs,
            prefer=prefer,
        )
        try:
            hold = await attempts.first()
            for attempt in range(self._retry_times + 1):
                if attempt:
                    hold, again = await attempts.following()
                    if again:
                        await self._sleep(_BACKOFF * 2 ** (attempt - 1))
                try:
                    result = await ask_renewed(self._credentials, hold, ask)
                except Problem as problem:
                    who = f"{hold.account.type} account {hold.account.key}"
                    _log.info("try %d on %s: %s", attempt + 1, who, problem.code)
                    await attempts.failed(hold, problem)
                else:
                    try:
                        await attempts.succeeded(hold)
                    except BaseException:
                        if drop is not None:
                            await drop(result)
                        raise
                    return result, hold
            raise attempts.failure
        finally:
            await attempts.aclose()
