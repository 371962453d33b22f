"""POST /v1/audio/speech: a text read aloud, handed on as it comes.

The one rule: until the first byte any failure is a plain HTTP error; after it, audio that is not
whole is never ended as if it were. As bytes it is left without its end, so that the server hangs
up; as events it ends in an error. Where nobody hears an answer before it is whole, it is gathered
first.
"""

import asyncio
from typing import TYPE_CHECKING

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.caller import Caller
from chat2api_core.dialects.audio.speech import SOUNDS, SaidEncoder, Saying, read_saying
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Message, Prompt, Text
from chat2api_core.web.admission import admit, caller_of
from chat2api_core.web.audio import WEB_ACCOUNTS
from chat2api_core.web.deadline import Deadline, deadline_of
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.login import need_login
from chat2api_core.web.respond import BUFFERED_KEY, WhileConnected

if TYPE_CHECKING:
    from chat2api_core.upstreams.chatgpt_web.speech import Spoken

_EVENTS = b"text/event-stream; charset=utf-8"
_MOST = 64 * 1024 * 1024  # bytes of audio that one text may become


async def speak(exchange: Exchange) -> None:
    """Read a text aloud."""
    caller = caller_of(exchange)
    need_login(caller, "Speech")
    saying = read_saying(await exchange.body())
    exchange.model = saying.model
    exchange.prompt = Prompt(saying.model, (Message("user", (Text(saying.text),)),))
    exchange.mark("parse")
    await admit(exchange, caller, saying.model)
    connected = WhileConnected(exchange)
    async with connected:
        await _speak(exchange, caller, saying, deadline_of(exchange))
    if connected.gone:
        exchange.outcome = "client_gone"


async def _speak(exchange: Exchange, caller: Caller, saying: Saying, deadline: Deadline) -> None:
    gateway = exchange.gateway

    async def ask(account: Account) -> "Spoken":
        return await gateway.speech.say(
            account, saying.text, voice=saying.voice, sound=saying.sound
        )

    async def drop(spoken: "Spoken") -> None:
        await spoken.aclose()

    opening = gateway.engine.on_account(caller, ask, types=WEB_ACCOUNTS, drop=drop)
    spoken, hold = await deadline.opening(opening)
    exchange.account = hold.account.key
    exchange.mark("open")
    try:
        async with asyncio.timeout(deadline.left):
            await _play(exchange, spoken, saying)
    except TimeoutError as error:
        message = "The speech was not whole within the time that this host allows."
        raise Problem(Kind.TIMEOUT, message, step="stream") from error
    finally:
        try:
            await spoken.aclose()
        finally:
            await hold.release()


async def _play(exchange: Exchange, spoken: "Spoken", saying: Saying) -> None:
    said = SaidEncoder() if saying.events else None
    out = _Out(exchange, _EVENTS if said else SOUNDS[saying.sound])
    try:
        while (piece := await spoken.chunk()) is not None:
            await out.put(said.feed(piece) if said else piece)
        tail = said.close(exchange.gateway.meter.count(saying.text)) if said else b""
    except Problem as problem:
        if said is None or not out.begun:
            raise
        exchange.outcome = problem.code
        tail = said.fail(problem)
    await spoken.aclose()  # nothing may be left to do once the answer has ended
    await out.end(tail)


class _Out:
    """The body of the answer. Where nobody hears it before its end, it is held back until then."""

    def __init__(self, exchange: Exchange, kind: bytes) -> None:
        self._exchange = exchange
        self._kind = kind
        self._gathers = bool(exchange.scope.get(BUFFERED_KEY))
        self._held: list[bytes] = []
        self._size = 0

    @property
    def begun(self) -> bool:
        return self._exchange.status != 0

    async def put(self, data: bytes) -> None:
        """Send more of it. Raises ``Problem`` GARBAGE where it has no end."""
        self._size += len(data)
        if self._size > _MOST:
            message = f"ChatGPT sent more than {_MOST} bytes of audio."
            raise Problem(Kind.GARBAGE, message, step="stream")
        if self._gathers:
            self._held.append(data)
        elif data:
            await self._begin()
            await self._exchange.piece(data, more=True)

    async def end(self, data: bytes) -> None:
        await self._begin()
        await self._exchange.piece(b"".join((*self._held, data)), more=False)

    async def _begin(self) -> None:
        if not self.begun:
            self._exchange.mark("first")
            headers = [(b"content-type", self._kind), (b"cache-control", b"no-cache")]
            await self._exchange.start(200, headers)
