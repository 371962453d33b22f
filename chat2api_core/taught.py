"""An upstream that takes tools and formats, made of one that takes only text.

In: a prompt with tools, past calls or a response format. Down, it is taught (``toolcalls``): said
in words. Up, calls and JSON are read out of the text, checked, and where the model got them wrong
it is asked again, at most ``retries`` times and not after ``seconds`` from the turn's beginning.
The one rule: nothing that was handed out is repeated or taken back; the client sees one answer.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from msgspec import structs

from chat2api_core.accounts.account import Account
from chat2api_core.ambient import Clock, Ids
from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    Delta,
    Finished,
    Prompt,
    ReasoningDelta,
    RefusalDelta,
    Started,
    Thread,
    ToolCall,
    ToolResult,
    Usage,
)
from chat2api_core.upstreams.base import Answer, Batch, Model, Upstream

if TYPE_CHECKING:
    from chat2api_core.toolcalls.parser import ToolCallParser
    from chat2api_core.toolcalls.structured import FormatStage

_Stage: TypeAlias = "ToolCallParser | FormatStage"

_log = logging.getLogger("chat2api.taught")


class Metering(Protocol):
    """Tells what a turn used."""

    async def usage(self, prompt: Prompt, transcript: Transcript) -> Usage: ...


class Taught:
    """The upstream around ``inner``. A prompt that needs no teaching goes through untouched."""

    native_tools = True

    def __init__(
        self,
        inner: Upstream,
        *,
        retries: int,
        seconds: float,
        meter: Metering,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self.retries = retries
        self.seconds = seconds
        self.inner = inner
        self.meter = meter
        self.clock = clock
        self._ids = ids

    @property
    def name(self) -> str:
        return self.inner.name

    async def models(self, account: Account) -> tuple[Model, ...]:
        """What the inner upstream offers."""
        return await self.inner.models(account)

    async def open(self, prompt: Prompt, account: Account) -> Answer:
        """Ask. Raises ``Problem``: INVALID_REQUEST for tools or schemas beyond all bounds, else
        what the inner upstream raises."""
        if not (_has_tools(prompt) or prompt.format.kind != "text"):
            return await self.inner.open(prompt, account)
        # Only now: a plain chat on a fresh serverless instance does not pay for importing it.
        from chat2api_core.toolcalls import grammar, parser, structured, teach  # noqa: PLC0415

        stages: list[_Stage] = []
        marker = grammar.new_marker(self._ids)
        asked = prompt
        if _has_tools(prompt):
            asked = teach.teach(prompt, marker)
            stages.append(parser.ToolCallParser(prompt, marker, self._ids))
        if prompt.format.kind != "text":
            asked = structured.teach_format(asked)
            stages.append(structured.FormatStage(prompt.format, RefusalDelta))
        answer = await self.inner.open(asked, account)
        return TaughtAnswer(self, asked, account, answer, stages, marker)


class TaughtAnswer:
    """One answer to the client, of one or several of the model."""

    def __init__(
        self,
        upstream: Taught,
        asked: Prompt,
        account: Account,
        answer: Answer,
        stages: Sequence[_Stage],
        marker: str,
    ) -> None:
        self._upstream = upstream
        self._asked = asked
        self._account = account
        self._answer = answer
        self._source: AsyncIterator[Batch] = aiter(answer)
        self._stages = stages
        self._marker = marker
        self._left = upstream.retries
        self._end = upstream.clock.monotonic() + upstream.seconds
        self._raw = Transcript()
        self._rounds: list[tuple[Prompt, Transcript]] = []
        self._failure: Problem | None = None
        self._over = False

    def __aiter__(self) -> "TaughtAnswer":
        return self

    async def __anext__(self) -> Batch:
        while not self._over:
            if self._failure is not None:
                raise self._failure
            batch = await anext(self._source)
            out: list[Delta] = []
            try:
                for delta in batch:
                    out += self._feed(delta)
                if self._raw.finished is not None:
                    out += await self._round_over(self._raw.finished)
            except Problem as problem:
                # What came before it is good, and goes first.
                if not out:
                    raise
                self._failure = problem
            if out:
                return await self._counted(out)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the model's answer."""
        await self._answer.aclose()

    def _feed(self, delta: Delta) -> Sequence[Delta]:
        self._raw.feed(delta)
        if self._rounds and isinstance(delta, Started | ReasoningDelta):
            return ()  # the client knows of one answer only
        return self._through([delta], self._stages)

    def _through(self, deltas: Sequence[Delta], stages: Sequence[_Stage]) -> Sequence[Delta]:
        for stage in stages:
            deltas = [out for delta in deltas for out in stage.feed(delta)]
        return deltas

    async def _round_over(self, finished: Finished) -> Sequence[Delta]:
        """The model has ended an answer: it was right, or it is asked again, or given up."""
        place = next((n for n, stage in enumerate(self._stages) if stage.faults), None)
        if place is None:
            self._over = True
            return ()
        if self._left > 0 and self._upstream.clock.monotonic() < self._end:
            await self._ask_again(self._stages[place], finished)
            return ()
        out = self._give_up(place)
        self._over = True
        return out

    def _give_up(self, place: int) -> Sequence[Delta]:
        """The end of an answer that stays wrong, where there is an honest one. Raises
        ``Problem`` where there is none."""
        out = [*self._through(self._stages[place].give_up(), self._stages[place + 1 :])]
        for after in range(place + 1, len(self._stages)):
            if self._stages[after].faults:
                out += self._give_up(after)
        return out

    async def _ask_again(self, stage: _Stage, finished: Finished) -> None:
        from chat2api_core.toolcalls.faults import repair_message  # noqa: PLC0415 (see ``open``)

        self._left -= 1
        _log.info("asking the model again: %s", ", ".join(fault.kind for fault in stage.faults))
        said, request = stage.said, repair_message(stage.faults, self._marker)
        self._rounds.append((self._asked, self._raw))
        self._raw = Transcript()
        self._asked = structs.replace(
            self._asked, messages=(*self._asked.messages, said, request), thread=_thread(finished)
        )
        await self._answer.aclose()
        self._answer = await self._open()
        self._source = aiter(self._answer)
        stage.resume()

    async def _open(self) -> Answer:
        """In the same conversation, where it is kept; else with the whole history."""
        inner = self._upstream.inner
        try:
            return await inner.open(self._asked, self._account)
        except Problem as problem:
            if problem.kind is not Kind.CONVERSATION_NOT_FOUND or self._asked.thread is None:
                raise
        self._asked = structs.replace(self._asked, thread=None)
        return await inner.open(self._asked, self._account)

    async def _counted(self, out: list[Delta]) -> list[Delta]:
        """With the usage of every round, if there was more than one."""
        last = out[-1]
        if not self._rounds or not isinstance(last, Finished) or last.usage is not None:
            return out
        total = Usage(0, 0)
        for prompt, transcript in (*self._rounds, (self._asked, self._raw)):
            total = _sum(total, await self._upstream.meter.usage(prompt, transcript))
        return [*out[:-1], structs.replace(last, usage=total)]


def _has_tools(prompt: Prompt) -> bool:
    """Whether there are tools, or calls and results in the history."""
    return bool(prompt.tools) or any(
        isinstance(part, ToolCall | ToolResult)
        for message in prompt.messages
        for part in message.parts
    )


def _thread(finished: Finished) -> Thread | None:
    if not (finished.conversation_id and finished.message_id):
        return None
    return Thread(finished.conversation_id, finished.message_id)


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_tokens + other.cached_tokens,
        one.reasoning_tokens + other.reasoning_tokens,
        exact=other.exact,
    )
