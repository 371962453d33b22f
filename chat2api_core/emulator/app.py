"""The emulator as an ASGI application.

Input: HTTP. Output: what the real service would answer, or what the script says instead. The rules:
every call is written into the journal; a fault of the script comes before everything else; an
answer is decided in one go, without waiting, so calls never see each other half done.
"""

import asyncio
from collections.abc import Sequence
from functools import lru_cache

from msgspec.structs import replace

from chat2api_core.ambient import Clock, Ids, SystemClock, SystemIds
from chat2api_core.emulator.accounts import Account, Caller, Registry
from chat2api_core.emulator.asked import Model
from chat2api_core.emulator.beats import damage
from chat2api_core.emulator.codex.plans import Plans
from chat2api_core.emulator.desk import Desk
from chat2api_core.emulator.encodings import make_run
from chat2api_core.emulator.exchange import (
    Answer,
    Call,
    Receive,
    Refused,
    Scope,
    Send,
    read_body,
    read_call,
    refusal,
    send_answer,
)
from chat2api_core.emulator.faults import Fault, Hang, Interrupt, Late, Named, show
from chat2api_core.emulator.journal import Journal, Record
from chat2api_core.emulator.player import Pause, Playback, Player
from chat2api_core.emulator.replays import Replays
from chat2api_core.emulator.routes import CONTROL, Names, Route, Table
from chat2api_core.emulator.scenarios import answer as default_model
from chat2api_core.emulator.script import Demands, Script
from chat2api_core.emulator.shelf import Shelf
from chat2api_core.emulator.signins import Signins
from chat2api_core.emulator.socket import serve_socket
from chat2api_core.emulator.sockets import Sockets
from chat2api_core.emulator.threads import Threads
from chat2api_core.emulator.world import Options, Visit, World

_RUNS = 64


class Emulator:
    """An emulated ChatGPT web backend and auth host, for one event loop.

    ``model`` decides what is answered (default: a friendly echo that knows ``/emulate``).
    ``accounts`` None: every token of ``tokens.make_access_token`` is taken. ``pause`` is how it
    waits; tests give one that does not."""

    def __init__(
        self,
        *,
        model: Model = default_model,
        accounts: Sequence[Account] | None = None,
        demands: Demands | None = None,
        sentinel: bool = True,
        auth_key: str = "",
        delay: float = 0,
        max_characters: int = 1_000_000,
        control: bool = False,
        clock: Clock | None = None,
        ids: Ids | None = None,
        pause: Pause = asyncio.sleep,
        log_size: int = 1000,
        conversations: int = 512,
    ) -> None:
        clock = clock or SystemClock()
        ids = ids or SystemIds()
        options = Options(
            demands=demands or Demands(),
            sentinel=sentinel,
            auth_key=auth_key,
            delay=delay,
            max_characters=max_characters,
            control=control,
        )
        self.script = Script()
        self.log = Journal(log_size)
        self.accounts = Registry(accounts, clock, ids)
        self._pause = pause
        self._table = Table()
        self._world = World(
            options=options,
            clock=clock,
            ids=ids,
            model=model,
            run=lru_cache(maxsize=_RUNS)(make_run),
            registry=self.accounts,
            desk=Desk(clock, ids),
            script=self.script,
            journal=self.log,
            threads=Threads(conversations),
            replays=Replays(),
            plans=Plans(),
            signins=Signins(clock, ids),
            shelf=Shelf(clock, ids),
            sockets=Sockets(clock, ids),
        )

    def reset(self) -> None:
        """Forget the script, the log and all conversations."""
        self._world.reset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            self.log.counts["websocket"] += 1
            try:
                await serve_socket(self._world, scope, receive, send, self._pause)
            finally:
                self.log.counts["websocket over"] += 1

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(receive)
        except Refused as refused:
            await send_answer(refused.answer, send)
            return
        if body is None:
            return
        call = read_call(scope, body)
        try:
            route, names = self._table.find(call)
        except Refused as refused:
            self._end(self._begin(call, scope, "unmatched"), refused.answer)
            await send_answer(refused.answer, send)
            return
        if call.path.startswith(CONTROL):
            await send_answer(self._control(route, call), send)
            return
        record = self._begin(call, scope, route.place)
        player = Player(receive, send, self._world.clock, self._pause)
        await self._serve(call, route, names, record, player, send)

    async def _serve(
        self, call: Call, route: Route, names: Names, record: Record, player: Player, send: Send
    ) -> None:
        fault = self.script.next_fault(route.place)
        if fault is not None:
            record.fault = fault.name if isinstance(fault, Named) else type(fault).__name__.lower()
        if isinstance(fault, Late):
            await self._pause(fault.seconds)
            fault = None
        if isinstance(fault, Hang):
            await player.hang()
            self._end(record, None, closed=True)
            return
        answer = self._answer(call, route, names, record, fault)
        if isinstance(answer, Answer):
            self._end(record, answer)
            await send_answer(answer, send)
            return
        await self._stream(answer, record, player)

    def _answer(
        self, call: Call, route: Route, names: Names, record: Record, fault: Fault | None
    ) -> Answer | Playback:
        """What comes of a call. Nothing is awaited in here."""
        assert not isinstance(fault, Late | Hang | Interrupt)
        if fault is not None:
            return show(fault)
        try:
            caller = self._identify(call, route)
            record.owner = caller.owner
            return route.handler(self._world, Visit(call, caller, *names))
        except Refused as refused:
            return refused.answer

    def _identify(self, call: Call, route: Route) -> Caller:
        key = self._world.options.auth_key
        if key and route.place != "blob" and call.header("auth_key") != key:
            raise Refused(refusal(403, "The gateway's auth_key is missing or wrong."))
        if call.realm != "api" or route.open:
            return Caller(call.device)
        workspace = call.header("chatgpt-account-id")
        return self.accounts.identify(call.header("authorization"), workspace, call.device)

    async def _stream(self, playback: Playback, record: Record, player: Player) -> None:
        fault = self.script.next_fault("stream")
        if isinstance(fault, Interrupt):
            record.fault = f"interrupt {fault.how}"
            beats = damage(playback.beats, fault)
            playback = replace(playback, beats=beats)
        record.status = 200
        self.log.stream_opened()
        closed = True
        try:
            # A broken body is shown by returning without its end: the server then hangs up.
            closed = await player.play(playback) == "closed"
        finally:
            self.log.stream_over(closed=closed)
            self._end(record, None, closed=closed)

    def _control(self, route: Route, call: Call) -> Answer:
        try:
            answer = route.handler(self._world, Visit(call, Caller("")))
        except Refused as refused:
            return refused.answer
        assert isinstance(answer, Answer)
        return answer

    def _begin(self, call: Call, scope: Scope, place: str) -> Record:
        return self.log.begin(call, scope["path"], place, self._world.clock.now())

    def _end(self, record: Record, answer: Answer | None, *, closed: bool = False) -> None:
        if answer is not None:
            record.status = answer.status
        self.log.end(record, self._world.clock.now(), closed=closed)


async def _live(receive: Receive, send: Send) -> None:
    """The lifespan protocol: there is nothing to start or stop."""
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
