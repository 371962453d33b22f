"""One WebSocket of the emulated service.

Input: the ASGI messages of a handshake and of the frames after it. Output: replies to commands, and
the messages of the topics that were subscribed to. The rules: the handshake carries a fresh value
of ``celsius/ws/user``, an Origin, a User-Agent and no bearer token; frames are JSON lists of
commands with ids that count up from 1; ``connect`` comes first. Whoever breaks one is shown out.
The service itself is as unkind as the real one: items come before the reply to a subscription,
again after it, and alone or in lists.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal
from urllib.parse import parse_qs

import msgspec
from msgspec import Struct

from chat2api_core.emulator.exchange import Event, Json, Receive, Scope, Send
from chat2api_core.emulator.feeds import TASKS, Item, news_of, stream_done, stream_item
from chat2api_core.emulator.replays import Replay
from chat2api_core.emulator.replies import Cut, Stall, Wait
from chat2api_core.emulator.world import World

PATH = "/p24/ws/user/"
_TOPICS = frozenset({"calpico-chatgpt", TASKS, "app_notifications"})
_TURN = ("conversation-turn-", "conv-turn-")
_POLICY, _TROUBLE = 1008, 1011  # close codes
_REPEATED = 2  # items of the catch-ups that come once more
_DOUBLE_EVERY = 3

Pause = Callable[[float], Awaitable[None]]


class _Presence(Struct, forbid_unknown_fields=True):
    type: Literal["presence"]
    state: Literal["background", "foreground"]


class _Command(Struct, forbid_unknown_fields=True):
    type: Literal["connect", "subscribe", "unsubscribe", "presence"]
    presence: _Presence | None = None
    topic_id: str | None = None
    offset: str | None = None
    state: str | None = None


class _Request(Struct, forbid_unknown_fields=True):
    id: int
    command: _Command


_requests = msgspec.json.Decoder(list[_Request]).decode


class Rude(Exception):
    """The client broke a rule; the text says which."""


class Session:
    """One connection of one account."""

    def __init__(self, world: World, owner: str, send: Send, pause: Pause) -> None:
        self._world = world
        self._owner = owner
        self._send = send
        self._pause = pause
        self._last_id = 0
        self._connected = False
        self._playing: dict[str, asyncio.Task[None]] = {}

    async def run(self, receive: Receive) -> None:
        """Serve until the client leaves or is shown out."""
        try:
            while (event := await receive())["type"] == "websocket.receive":
                await self._frame(event)
        except Rude as rude:
            await self._close(_POLICY, str(rude))
        finally:
            for task in self._playing.values():
                task.cancel()
            await asyncio.gather(*self._playing.values(), return_exceptions=True)

    async def _frame(self, event: Event) -> None:
        text = event.get("text")
        if not isinstance(text, str):
            raise Rude("frames are texts")
        try:
            requests = _requests(text)
        except msgspec.DecodeError as error:
            raise Rude(f"a frame is a list of commands: {error}"[:100]) from error
        replies: list[Json] = []
        for request in requests:
            if request.id != self._last_id + 1:
                raise Rude("ids count up from 1")
            self._last_id = request.id
            if not self._connected and request.command.type != "connect":
                raise Rude("connect comes first")
            reply = await self._obey(request.command)
            replies.append({"id": request.id, "type": "reply", "reply": reply})
        await self._tell(replies)
        for request in requests:
            self._start(request.command)

    async def _obey(self, command: _Command) -> Json:
        if command.type == "connect":
            if command.presence is None or self._connected:
                raise Rude("connect comes once, with a presence")
            self._connected = True
            return {"type": "connect", "subscriptions": {}}
        topic = command.topic_id
        if command.type == "presence":
            return {"type": "presence"}
        if not topic or not (topic in _TOPICS or topic.startswith(_TURN)):
            raise Rude("a topic that is none")
        if command.type == "unsubscribe":
            task = self._playing.pop(topic, None)
            if task is not None:
                task.cancel()
            return {"type": "unsubscribe", "topic_id": topic}
        return await self._subscribed(topic, command.offset)

    async def _subscribed(self, topic: str, offset: str | None) -> Json:
        reply: Json = {"type": "subscribe", "topic_id": topic, "recovered": True, "catchups": []}
        if topic in _TOPICS:
            return {**reply, "last_offset": "0"}
        if offset is None:
            raise Rude("a turn's topic is subscribed to from an offset on")
        replay = self._world.replays.of_topic(topic, self._owner)
        if replay is None:
            return {"type": "error", "topic_id": topic, "error": "topic_not_found"}
        early = replay.begin()
        if early is not None:
            await self._tell(self._item(replay, early))
        past = [item for item in replay.published() if self._offset(replay, item) > offset]
        catchups = [self._item(replay, item) for item in past]
        return {**reply, "last_offset": f"{replay.epoch + replay.sent}-0", "catchups": catchups}

    def _start(self, command: _Command) -> None:
        topic = command.topic_id
        if command.type != "subscribe" or topic is None:
            return
        if topic == TASKS:
            self._playing[topic] = asyncio.create_task(self._play_tasks())
        elif topic.startswith(_TURN):
            replay = self._world.replays.of_topic(topic, self._owner)
            if replay is not None:
                self._playing[topic] = asyncio.create_task(self._play(topic, replay))

    async def _play(self, topic: str, replay: Replay) -> None:
        """What the topic has, from where it was broken off; a few items once more before it."""
        for item in replay.published()[-_REPEATED:]:
            await self._tell(self._item(replay, item))
        while (beat := replay.advance()) is not None:
            if isinstance(beat, Item):
                message = self._item(replay, beat)
                double = beat.place % _DOUBLE_EVERY == 0
                await self._tell([message, message] if double else message)
            elif isinstance(beat, Wait):
                await self._pause(beat.seconds)
            elif isinstance(beat, Stall):
                await asyncio.Event().wait()
            elif isinstance(beat, Cut):
                await self._close(_TROUBLE, "going down")
                return
        await self._tell(stream_done(topic, replay.conversation_id, replay.epoch, replay.sent))

    async def _play_tasks(self) -> None:
        """News of the tasks at work, with noise of other conversations between."""
        for thread in self._world.threads.all_of(self._owner):
            if thread.work is None:
                continue
            epoch = int(self._world.clock.now() * 1000)
            news = news_of(thread.id, epoch, thread.work)
            noise = news_of("another-conversation", epoch, thread.work)
            for one, other in zip(news, noise, strict=True):
                await self._tell([other, one])
            thread.finish_work()

    def _item(self, replay: Replay, item: Item) -> Json:
        return stream_item(replay.topic, replay.conversation_id, replay.epoch, item)

    def _offset(self, replay: Replay, item: Item) -> str:
        return f"{replay.epoch + item.place}-0"

    async def _tell(self, value: object) -> None:
        await self._send({"type": "websocket.send", "text": msgspec.json.encode(value).decode()})

    async def _close(self, code: int, reason: str) -> None:
        await self._send({"type": "websocket.close", "code": code, "reason": reason})


async def serve_socket(
    world: World, scope: Scope, receive: Receive, send: Send, pause: Pause
) -> None:
    """Serve one WebSocket, or refuse its handshake."""
    await receive()  # websocket.connect
    owner = _admit(world, scope)
    if not owner:
        await send({"type": "websocket.close", "code": _POLICY})  # a 403 before the handshake
        return
    await send({"type": "websocket.accept"})
    await Session(world, owner, send, pause).run(receive)


def _admit(world: World, scope: Scope) -> str | None:
    """The owner of the connection, None for a handshake that is refused."""
    path: str = scope["path"]
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    known = headers.get("origin") and headers.get("user-agent")
    if not path.startswith(PATH) or not known or "authorization" in headers:
        return None
    value = parse_qs(scope["query_string"].decode("latin-1")).get("verify", [""])[0]
    return world.sockets.admit(value, path.removeprefix(PATH))
