"""A gateway whose engine answers by a script, and a dialect that is plain to read."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

import msgspec

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.caller import Caller
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.config import Settings
from chat2api_core.dialects.base import Encoder, Head, Request
from chat2api_core.metering.quota import Quota
from chat2api_core.metering.tally import Tally
from chat2api_core.problem import Kind, Problem
from chat2api_core.reply import Reply
from chat2api_core.secret import Secret
from chat2api_core.stores.guard import GuardedStore
from chat2api_core.stores.memory import MemoryStore
from chat2api_core.transcript import Transcript
from chat2api_core.turn import Delta, Finished, Message, Prompt, Text, TextDelta, Usage
from chat2api_core.upstreams.base import Batch, Model
from chat2api_core.web.endpoints import converse
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.routing import attend
from tests.asgi import Client
from tests.fakes import FakeClock, FakeIds, WordMeter

if TYPE_CHECKING:
    from chat2api_core.wiring import Gateway

KEY = "sk-local"
AUTHORIZED = {"authorization": f"Bearer {KEY}"}
ACCOUNT = Account(access_token=Secret("token"), handle="account-1")
DONE = Finished("stop", usage=Usage(1, 1))

# What happens next: seconds pass, something is raised, or deltas arrive.
Step: TypeAlias = float | Exception | Batch


class ScriptedAnswer:
    """An upstream's answer. ``closing`` is what happens when it is closed."""

    def __init__(self, steps: Sequence[Step], closing: Sequence[Step] = ()) -> None:
        self._steps = list(steps)
        self._closing = list(closing)
        self.closed = False

    def __aiter__(self) -> "ScriptedAnswer":
        return self

    async def __anext__(self) -> Batch:
        batch = await _play(self._steps)
        if batch is None:
            raise StopAsyncIteration
        return batch

    async def aclose(self) -> None:
        await _play(self._closing)
        self.closed = True


async def _play(steps: list[Step]) -> Batch | None:
    while steps:
        step = steps.pop(0)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, int | float):
            await asyncio.sleep(step)
        else:
            return step
    return None


class ScriptedEngine:
    """``opening`` happens before an answer commits, ``steps`` are the answer."""

    def __init__(
        self,
        steps: Sequence[Step] = (),
        *,
        opening: Sequence[Step] = (),
        closing: Sequence[Step] = (),
        models: Sequence[Model] = (),
    ) -> None:
        self._opening = list(opening)
        self._models = tuple(models)
        self.reply = ScriptedAnswer(steps, closing)
        self.callers: list[Caller] = []
        self.prompts: list[Prompt] = []
        self.cancelled = False

    async def answer(self, prompt: Prompt, caller: Caller, *, holder: str = "") -> Reply:
        self.callers.append(caller)
        self.prompts.append(prompt)
        try:
            await _play(self._opening)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        source = aiter(self.reply)
        ledger = Ledger(FakeClock())
        return Reply(prompt, ACCOUNT, [], self.reply, source, meter=NoMeter(), ledger=ledger)

    async def models(self, caller: Caller) -> tuple[Model, ...]:
        self.callers.append(caller)
        return self._models


class NoMeter:
    """For answers that bring their usage along."""

    def count(self, text: str) -> int:
        raise AssertionError(text)

    async def usage(self, prompt: Prompt, transcript: Transcript) -> Usage:
        raise AssertionError(prompt)


class FakeGateway:
    """What handlers work with."""

    def __init__(self, engine: ScriptedEngine, settings: Settings) -> None:
        self.engine = self.catalog = engine
        self.settings = settings
        self.clock = FakeClock()
        self.ids = FakeIds()
        self.meter = WordMeter()
        self.store = GuardedStore(MemoryStore(self.clock), self.clock)
        self.keeps_tokens = False
        self.tokens_owed = 0
        self.tally = Tally(self.store, self.clock, linger=0)
        self.quota = Quota(self.store, self.tally, self.clock)
        self.closed = False

    async def renewed(self) -> None:
        return None

    async def aclose(self) -> None:
        self.closed = True


def gateway_of(fake: FakeGateway) -> "Gateway":
    """The fake, where the real one is expected."""
    return cast("Gateway", fake)


class PlainDialect:
    """Streams are wanted by a body ``stream``; deltas are sent as bare text. ``end`` is what a good
    end looks like."""

    name = "plain"

    def __init__(self, end: str = "DONE;") -> None:
        self._end = end

    def parse(self, body: bytes) -> Request:
        if body == b"wrong":
            raise Problem(Kind.INVALID_REQUEST, "That is wrong.", param="body")
        prompt = Prompt("some-model", (Message("user", (Text(body.decode()),)),))
        return Request(prompt, stream=body.startswith(b"stream"))

    def encoder(self, request: Request, head: Head) -> Encoder:
        return PlainEncoder(self._end)

    def document(self, request: Request, head: Head, transcript: Transcript) -> bytes:
        return msgspec.json.encode({"id": head.id, "text": transcript.text})


class PlainEncoder:
    """``word;`` for text, ``DONE;`` at a good end, ``FAILED code;`` at a bad one. After the end it
    has nothing to say."""

    def __init__(self, end: str) -> None:
        self._end = end
        self._ended = False

    def feed(self, deltas: Sequence[Delta], /) -> bytes:
        words = [f"{delta.text};" for delta in deltas if isinstance(delta, TextDelta)]
        ends = [self._end for delta in deltas if isinstance(delta, Finished)]
        self._ended = bool(ends)
        return "".join(words + ends).encode()

    def fail(self, problem: Problem, /) -> bytes:
        return b"" if self._ended else f"FAILED {problem.code};".encode()


def settings_with(*, heartbeat: float = 10.0, max_body: int = 1_000_000) -> Settings:
    return Settings(auth_tokens=(Secret(KEY),), heartbeat=heartbeat, max_body=max_body)


def exchange_of(client: Client, fake: FakeGateway | None = None) -> Exchange:
    fake = fake or FakeGateway(ScriptedEngine(), settings_with())
    return Exchange(client.scope, client.receive, client.send, gateway_of(fake))


def conversation(
    engine: ScriptedEngine,
    *,
    stream: bool = True,
    heartbeat: float = 10.0,
    delays: Sequence[float] = (),
    breaks: tuple[int, Exception] | None = None,
) -> tuple[Client, Exchange]:
    """A client of a chat route, and its exchange."""
    body = b"stream, please" if stream else b"hello"
    client = Client(parts=[body], headers=AUTHORIZED, delays=delays, breaks=breaks)
    fake = FakeGateway(engine, settings_with(heartbeat=heartbeat))
    return client, exchange_of(client, fake)


async def converse_on(exchange: Exchange, *, end: str = "DONE;") -> None:
    """What the router does with an exchange of a chat route."""
    await attend(exchange, converse(PlainDialect(end)))
