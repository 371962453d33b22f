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
from chat2api_core.accounts.caller import AnonymousCaller, Caller, PoolCaller, TokenCaller
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.accounts.pool import Pool
from chat2api_core.limits import Limiter, limiter_for
from chat2api_core.problem import Blame, Kind, Problem
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
    ) -> None:
        self.account = account
        self.transcript = Transcript()
        self._prompt = prompt
        self._head = head
        self._answer = answer
        self._source = source
        self._meter = meter
        self._ledger = ledger
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
        """Close the upstream's stream; harmless when it has ended."""
        await self._answer.aclose()

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
            self._ledger.owns(self.account.key, last.conversation_id)
        if last.usage is None:
            last = structs.replace(
                last, usage=await self._meter.usage(self._prompt, self.transcript)
            )
        self.transcript.feed(last)
        return last


class Engine:
    """Answers prompts. ``retry_times`` bounds the repetitions within one request."""

    def __init__(
        self,
        *,
        pool: Pool,
        ledger: Ledger,
        credentials: Renewing,
        upstreams: Mapping[str, Upstream],
        meter: Metering,
        retry_times: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._pool = pool
        self._ledger = ledger
        self._credentials = credentials
        self._upstreams = upstreams
        self._meter = meter
        self._retry_times = retry_times
        self._sleep = sleep

    async def answer(self, prompt: Prompt, caller: Caller) -> Reply:
        """Ask until an answer commits. Raises ``Problem``: the last one that a try met."""

        async def ask(account: Account) -> Reply:
            return await self._open(prompt, account)

        thread = prompt.thread.conversation_id if prompt.thread else ""
        return await self._try(caller, prompt.model, thread, ask)

    async def models(self, caller: Caller) -> tuple[Model, ...]:
        """What the caller's accounts may use, as one of them sees it. Raises ``Problem``."""

        async def ask(account: Account) -> tuple[Model, ...]:
            return await self._upstreams[account.type].models(account)

        return await self._try(caller, "", "", ask)

    async def _open(self, prompt: Prompt, account: Account) -> Reply:
        answer = await self._upstreams[account.type].open(prompt, account)
        try:
            source = aiter(answer)
            head = await _head(source)
        except BaseException:
            await answer.aclose()
            raise
        return Reply(prompt, account, head, answer, source, meter=self._meter, ledger=self._ledger)

    async def _try(
        self,
        caller: Caller,
        model: str,
        thread: str,
        ask: Callable[[Account], Awaitable[_T]],
    ) -> _T:
        tried: set[str] = set()
        account: Account | None = None
        failure: Problem | None = None
        for attempt in range(self._retry_times + 1):
            account = self._choose(caller, model, thread, tried, account, failure)
            if failure is not None and account.key in tried:
                await self._sleep(_BACKOFF * 2 ** (attempt - 1))
            try:
                result = await self._ask(account, ask)
            except Problem as problem:
                _log.info("try %d on account %s: %s", attempt + 1, account.key, problem.code)
                if problem.blame is Blame.ACCOUNT:
                    self._ledger.blame(account.key, model, problem)
                elif problem.blame is not Blame.UPSTREAM or not problem.again:
                    raise
                tried.add(account.key)
                failure = problem
            else:
                self._ledger.praise(account.key, model)
                return result
        assert failure is not None
        raise failure

    def _choose(
        self,
        caller: Caller,
        model: str,
        thread: str,
        tried: set[str],
        last: Account | None,
        failure: Problem | None,
    ) -> Account:
        """Who is asked next, given who was asked last and how that failed."""
        if last is None or failure is None:
            return self._first(caller, model, thread)
        if failure.blame is Blame.UPSTREAM:
            return last
        if isinstance(caller, PoolCaller):
            try:
                return self._pool.pick(
                    model=model, types=self._upstreams, tried=tried, conversation_id=thread
                )
            except Problem as nobody:
                if not failure.again:
                    raise failure from nobody
        elif not failure.again:
            raise failure
        return last

    def _first(self, caller: Caller, model: str, thread: str) -> Account:
        if isinstance(caller, TokenCaller):
            return caller.account
        if isinstance(caller, AnonymousCaller):
            return Account()
        return self._pool.pick(model=model, types=self._upstreams, tried=(), conversation_id=thread)

    async def _ask(self, account: Account, ask: Callable[[Account], Awaitable[_T]]) -> _T:
        """Ask once; a refused access token is renewed once, where something can renew it."""
        ready = await self._credentials.ready(account)
        try:
            return await ask(ready)
        except Problem as problem:
            if problem.kind is not Kind.UNAUTHORIZED:
                raise
            renewed = await self._credentials.renewed(ready)
            if renewed is None:
                raise
        return await ask(renewed)


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
