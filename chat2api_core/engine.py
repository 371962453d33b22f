"""Joins a prompt with an upstream and decides which account answers.

The commit point is the first delta that is not ``Started``: before it a failure may be mended by
another account or by fresh tokens, unseen by the client; after it nothing is asked again, and a
failure ends the answer as failed. What happens is decided by the problem's blame, not its status.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from msgspec import structs

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.attempts import Attempts
from chat2api_core.accounts.caller import Caller, PoolCaller
from chat2api_core.accounts.hold import Hold
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.accounts.pool import Pool
from chat2api_core.limits import Limiter, limiter_for
from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import Delta, Finished, Prompt, Started, Usage
from chat2api_core.upstreams.base import Answer, Batch, Model, Upstream

_BACKOFF = 0.25  # seconds before the first repetition after an upstream's failure; then doubled

_T = TypeVar("_T")

_log = logging.getLogger("chat2api.engine")


class Renewing(Protocol):
    """What the engine needs of ``accounts.credentials.Credentials``."""

    async def ready(self, account: Account) -> Account: ...

    async def renewed(self, account: Account) -> Account | None: ...


class Metering(Protocol):
    """Counts tokens: exactly or by estimate."""

    def count(self, text: str) -> int: ...

    async def usage(self, prompt: Prompt, transcript: Transcript) -> Usage: ...


class Reply:
    """An answer that has committed: batches of deltas, and their fold so far.

    Iterate it once; call ``aclose`` in any case, which closes the upstream's stream at once.
    """

    def __init__(
        self,
        prompt: Prompt,
        account: Account,
        head: list[Batch],
        answer: Answer,
        source: AsyncIterator[Batch],
        *,
        meter: Metering,
        ledger: Ledger,
        on_close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.account = account
        self.transcript = Transcript()
        self._prompt = prompt
        self._head = head
        self._answer = answer
        self._source = source
        self._meter = meter
        self._ledger = ledger
        self._on_close = on_close
        self._over = False
        self._failure: Problem | None = None
        self._limiter = limiter_for(prompt.sampling, meter.count)

    @property
    def started(self) -> Started:
        """Who answers, and in which conversation, as far as the upstream has said by now."""
        deltas = [delta for batch in self._head for delta in batch]
        first = self.transcript.started or next(
            (delta for delta in deltas if isinstance(delta, Started)), None
        )
        return first or Started()

    def __aiter__(self) -> "Reply":
        return self

    async def __anext__(self) -> Batch:
        while not self._over:
            if self._failure is not None:
                raise self._failure
            batch = self._head.pop(0) if self._head else await self._next()
            deltas = self._limited(batch, self._limiter) if self._limiter else batch
            if not deltas:
                continue
            last = deltas[-1]
            if not isinstance(last, Finished):
                for delta in deltas:
                    self.transcript.feed(delta)
                return deltas
            self._over = True
            for delta in deltas[:-1]:
                self.transcript.feed(delta)
            return [*deltas[:-1], await self._finished(last)]
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the upstream's stream and let go of the account; harmless when it has ended."""
        try:
            await self._answer.aclose()
        finally:
            if self._on_close is not None:
                await self._on_close()

    async def cut_short(self) -> Batch:
        """End the answer here, because its time is over: what was said so far stands."""
        self._over = True
        held = [*self._limiter.close()] if self._limiter else []
        for delta in held:
            self.transcript.feed(delta)
        last = Finished("length", conversation_id=self.started.conversation_id)
        return [*held, await self._finished(last)]

    async def _next(self) -> Batch:
        try:
            return await anext(self._source)
        except StopAsyncIteration:
            message = "ChatGPT's answer ended without saying that it was complete."
            self._failure = Problem(Kind.CUT, message, step="stream")
        except Problem as problem:
            self._failure = problem
        # What the limiter held back was said, and is shown before the failure is.
        held = [*self._limiter.close()] if self._limiter else []
        if not held:
            raise self._failure
        self._limiter = None
        return held

    def _limited(self, batch: Batch, limiter: Limiter) -> list[Delta]:
        out: list[Delta] = []
        for delta in batch:
            out.extend(limiter.feed(delta))
            if limiter.done:
                break
        return out

    async def _finished(self, last: Finished) -> Finished:
        if last.conversation_id:
            temporary = self._prompt.temporary
            self._ledger.owns(self.account.key, last.conversation_id, temporary)
        if last.usage is None:
            last = structs.replace(
                last, usage=await self._meter.usage(self._prompt, self.transcript)
            )
        self.transcript.feed(last)
        return last


class Engine:
    """Answers prompts. ``retry_times`` bounds the repetitions within one request; with
    ``enable_limit`` a token that a caller brought is not asked while its limit is known to last."""

    def __init__(
        self,
        *,
        pool: Pool,
        ledger: Ledger,
        credentials: Renewing,
        upstreams: Mapping[str, Upstream],
        meter: Metering,
        retry_times: int,
        enable_limit: bool = False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._pool = pool
        self._ledger = ledger
        self._credentials = credentials
        self._upstreams = upstreams
        self._meter = meter
        self._retry_times = retry_times
        self._enable_limit = enable_limit
        self._sleep = sleep

    async def answer(self, prompt: Prompt, caller: Caller) -> Reply:
        """Ask until an answer commits. Raises ``Problem``: the last one that a try met."""

        async def ask(account: Account, hold: Hold) -> Reply:
            return await self._open(prompt, account, hold)

        thread = prompt.thread.conversation_id if prompt.thread else ""
        reply, _ = await self._try(caller, ask, model=prompt.model, thread=thread)
        return reply

    def adopt(self, account: str, conversation_id: str) -> None:
        """Learn from a caller's sealed handle which account holds the conversation."""
        self._ledger.owns(account, conversation_id)

    async def models(self, caller: Caller) -> tuple[Model, ...]:
        """What the caller's accounts may use: of the pool's, one of each plan is asked. Raises
        ``Problem`` where none of them tells."""
        found: dict[str, Model] = {}
        failure: Problem | None = None
        plans = self._pool.plans if isinstance(caller, PoolCaller) else ()
        for plan in plans or (None,):
            try:
                models = await self._models(caller, plan)
            except Problem as problem:
                failure = failure or problem
                continue
            for model in models:
                found.setdefault(model.id, model)
            if plan:
                await self._ledger.offers(plan, [model.id for model in models])
        if failure is not None and not found:
            raise failure
        return tuple(found.values())

    async def _models(self, caller: Caller, plan: str | None) -> tuple[Model, ...]:
        async def ask(account: Account, _: Hold) -> tuple[Model, ...]:
            return await self._upstreams[account.type].models(account)

        models, hold = await self._try(caller, ask, plan=plan)
        await hold.release()
        return models

    async def _open(self, prompt: Prompt, account: Account, hold: Hold) -> Reply:
        answer = await self._upstreams[account.type].open(prompt, account)
        try:
            source = aiter(answer)
            head = await _head(source)
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
    ) -> tuple[_T, Hold]:
        """Ask until it succeeds: the result, and the hold on the account, to be released."""
        attempts = Attempts(
            caller,
            model=model,
            thread=thread,
            plan=plan,
            types=self._upstreams,
            pool=self._pool,
            ledger=self._ledger,
            enable_limit=self._enable_limit,
        )
        try:
            hold = await attempts.first()
            for attempt in range(self._retry_times + 1):
                if attempt:
                    hold, again = await attempts.following()
                    if again:
                        await self._sleep(_BACKOFF * 2 ** (attempt - 1))
                try:
                    result = await self._ask(hold, ask)
                except Problem as problem:
                    key = hold.account.key
                    _log.info("try %d on account %s: %s", attempt + 1, key, problem.code)
                    await attempts.failed(hold, problem)
                else:
                    await attempts.succeeded(hold)
                    return result, hold
            raise attempts.failure
        finally:
            await attempts.aclose()

    async def _ask(self, hold: Hold, ask: Callable[[Account, Hold], Awaitable[_T]]) -> _T:
        """Ask once; a refused access token is renewed once, where something can renew it."""
        ready = await self._credentials.ready(hold.account)
        try:
            return await ask(ready, hold)
        except Problem as problem:
            if problem.kind is not Kind.UNAUTHORIZED:
                raise
            renewed = await self._credentials.renewed(ready)
            if renewed is None:
                raise
        return await ask(renewed, hold)


async def _head(source: AsyncIterator[Batch]) -> list[Batch]:
    """The batches up to the first one that commits."""
    head: list[Batch] = []
    async for batch in source:
        head.append(batch)
        if _commits(batch):
            return head
    message = "ChatGPT closed the stream without an answer."
    raise Problem(Kind.CUT, message, step="stream")


def _commits(batch: Batch) -> bool:
    return any(type(delta) is not Started for delta in batch)
