"""An answer on its way to the client, once it has committed.

In: the batches of an upstream's answer. Out: the same within the prompt's limits, ending in one
``Finished`` with its usage, and their fold. The one rule: whatever happens, the upstream's stream
is closed and the account let go of.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from msgspec import structs

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.kept import thoughts
from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import Delta, Finished, Prompt, Sampling, Started, Usage
from chat2api_core.upstreams.base import Answer, Batch

if TYPE_CHECKING:
    from chat2api_core.limits import Limiter


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
        self._limiter = _limiter(prompt.sampling, meter)

    @property
    def started(self) -> Started:
        """Who answers, and in which conversation, as far as the upstream has said by now."""
        ahead = [one for batch in self._head for one in batch if isinstance(one, Started)]
        return ahead[-1] if ahead else self.transcript.started or Started()

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
        begun = self.started
        last = Finished("length", begun.conversation_id, begun.message_id)
        return [*held, await self._finished(last)]

    async def _next(self) -> Batch:
        try:
            return await anext(self._source)
        except StopAsyncIteration:
            message = "ChatGPT's answer ended without saying that it was complete."
            self._failure = Problem(Kind.CUT, message, step="stream")
        except Problem as problem:
            self._failure = problem
        if self.transcript.drawing:
            # At a limit nothing was drawn, except where it is one on loading what was.
            limited = self._failure.kind is Kind.RATE_LIMITED and self._failure.step != "download"
            self._failure.spent = self._failure.spent or not limited
        # What the limiter held back was said, and is shown before the failure is.
        held = [*self._limiter.close()] if self._limiter else []
        if not held:
            raise self._failure
        self._limiter = None
        return held

    def _limited(self, batch: Batch, limiter: "Limiter") -> list[Delta]:
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
        elif self.account.type == "codex":
            sealed = thoughts.given(self.transcript.deltas)
            if sealed:
                self._ledger.owns(self.account.key, sealed)
        if last.usage is None:
            last = structs.replace(
                last, usage=await self._meter.usage(self._prompt, self.transcript)
            )
        self.transcript.feed(last)
        return last


async def read_head(source: AsyncIterator[Batch]) -> list[Batch]:
    """The batches up to the first one that commits. Raises ``Problem``, CUT where none does."""
    head: list[Batch] = []
    async for batch in source:
        head.append(batch)
        if any(type(delta) is not Started for delta in batch):
            return head
    message = "ChatGPT closed the stream without an answer."
    raise Problem(Kind.CUT, message, step="stream")


def _limiter(sampling: Sampling, meter: Metering) -> "Limiter | None":
    if not sampling.stop and sampling.max_tokens is None:
        return None
    from chat2api_core.limits import limiter_for  # noqa: PLC0415 (few answers are limited)

    return limiter_for(sampling, meter.count)
