"""The WebSocket that an answer is handed over to: what is said to it, and what it says. Pure.

In:   the texts of the server's frames: one JSON object each, or a list of them.
Out:  the texts of the client's frames, and pieces of the very SSE text that the stream would have
      had. A piece may be any part of that text; news of a long task become events of it.

A topic's messages come twice: those that were there before as ``catchups`` of the reply to the
subscription, and again, some of them, one by one. The one rule: each ``stream_item_id`` is handed
out once, catch-ups first, whatever the order of the frames and over as many connections as it
takes. What is kept is bounded. Source of the frames: seen in the web client.
"""

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from chat2api_core.problem import Kind, Problem
from chat2api_core.wire.sse import encode

TASKS = "conversations"  # the topic with the news of all long tasks

_ITEMS = 200_000  # of one answer
_WAITING = 4096  # messages that came before the reply to the subscription
_NEVER = "0"  # the offset of who has seen nothing
_NEWS = frozenset({"conversation-update", "conversation-turn-complete"})
_NULL = Raw(b"null")
_COMPLETE = (
    encode(b'{"type":"conversation_async_status","async_status":null}')
    + encode(b'{"type":"message_stream_complete"}')
)  # fmt: skip


# --------------------------------------------------------------------------- the client's frames


class _Presence(Struct):
    type: str = "presence"
    state: str = "background"


class _Command(Struct):
    type: str
    presence: _Presence | UnsetType = UNSET
    topic_id: str | UnsetType = UNSET
    offset: str | UnsetType = UNSET


class _Request(Struct):
    id: int
    command: _Command


# --------------------------------------------------------------------------- the server's frames


class _Message(Struct):
    """A message of a topic. What is in it is decoded if it is one of ours."""

    topic_id: str | None = None
    offset: str | None = None
    payload: Raw = _NULL


class _Reply(Struct):
    type: str = ""
    topic_id: str | None = None
    last_offset: str | None = None
    recovered: bool | None = None
    catchups: list[_Message] | None = None


class _Frame(_Message):
    type: str = ""
    reply: _Reply | None = None


class _Content(Struct):
    message: Raw = _NULL


class _News(Struct):
    """What is inside: a piece of a stream, or news of a task."""

    type: str | None = ""
    encoded_item: str = ""
    stream_item_id: str = ""
    conversation_id: str | None = ""
    update_type: str | None = ""
    update_content: Raw = _NULL


class _Payload(Struct):
    type: str = ""
    payload: _News | None = None


_frames = msgspec.json.Decoder(list[_Frame]).decode
_frame = msgspec.json.Decoder(_Frame).decode
_payload = msgspec.json.Decoder(_Payload | None).decode
_news = msgspec.json.Decoder(_News).decode
_content = msgspec.json.Decoder(_Content | None).decode
_encode = msgspec.json.Encoder().encode


class Subscription:
    """One topic, over one connection or several. ``topic`` is that of a turn, or ``TASKS``; of that
    only what concerns ``conversation_id`` is handed out.

    For each connection send ``hello()``, then ``feed`` what it brings; ``done`` tells that no more
    comes. ``feed`` raises ``Problem``: GARBAGE for what is not readable or has no bounds, CUT where
    the server has lost a part of the topic, HANDOFF where it refuses."""

    __slots__ = (
        "_conversation_id", "_kept", "_limit", "_number", "_offset", "_replied", "_seen", "_topic",
        "done",
    )  # fmt: skip

    def __init__(self, topic: str, conversation_id: str, *, limit: int = _ITEMS) -> None:
        self.done = False
        self._limit = limit
        self._topic = topic
        self._conversation_id = conversation_id
        self._number = 0
        self._offset = _NEVER
        self._replied = False
        self._seen: set[str] = set()
        self._kept: list[_Message] = []  # until the catch-ups are there

    def hello(self) -> list[str]:
        """What to say on a new connection: who is there, and from where on to tell."""
        self._number = 0
        self._replied = False
        self._kept.clear()
        first = [_Command("connect", presence=_Presence()), _Command("subscribe", topic_id=TASKS)]
        frames = [self._request(*first)]
        if self._topic != TASKS:
            turn = _Command("subscribe", topic_id=self._topic, offset=self._offset)
            frames.append(self._request(turn))
        return frames

    def farewell(self) -> str:
        """What to say before the connection is closed."""
        return self._request(_Command("unsubscribe", topic_id=self._topic))

    def feed(self, text: str | bytes) -> list[bytes]:
        """Take in one frame; hand out the pieces of SSE text that it brings."""
        try:
            whole = text.encode() if isinstance(text, str) else text
            frames = _frames(whole) if whole.lstrip()[:1] == b"[" else [_frame(whole)]
            pieces: list[bytes] = []
            for frame in frames:
                self._take(frame, pieces)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            message = "ChatGPT sent a WebSocket frame that is not readable."
            raise Problem(Kind.GARBAGE, message, step="stream") from error
        return pieces

    def _request(self, *commands: _Command) -> str:
        start = self._number + 1
        self._number += len(commands)
        requests = [_Request(start + place, one) for place, one in enumerate(commands)]
        return _encode(requests).decode()

    def _take(self, frame: _Frame, pieces: list[bytes]) -> None:
        if frame.type == "reply" and frame.reply is not None:
            self._reply(frame.reply, pieces)
        elif frame.type == "error":
            message = "ChatGPT's WebSocket refused to tell the rest of the answer."
            raise Problem(Kind.HANDOFF, message, step="stream")
        elif frame.type == "message" and frame.topic_id == self._topic:
            if self._replied:
                self._message(frame, pieces)
            elif len(self._kept) < _WAITING:
                self._kept.append(frame)
            else:
                raise _garbage("more than can wait for its catch-ups")
        elif frame.type in _NEWS and self._topic == TASKS:
            self._task(frame.type, _news(frame.payload), pieces)

    def _reply(self, reply: _Reply, pieces: list[bytes]) -> None:
        if reply.type == "error":
            message = "ChatGPT's WebSocket refused to tell the rest of the answer."
            raise Problem(Kind.HANDOFF, message, step="stream")
        if reply.type != "subscribe" or reply.topic_id != self._topic:
            return
        if reply.recovered is False and self._topic != TASKS:
            message = "ChatGPT's WebSocket has lost a part of the answer."
            raise Problem(Kind.CUT, message, step="stream")
        self._replied = True
        kept, self._kept = self._kept, []
        for one in [*(reply.catchups or ()), *kept]:
            self._message(one, pieces)

    def _message(self, message: _Message, pieces: list[bytes]) -> None:
        """A message of our topic."""
        payload = _payload(message.payload)
        news = payload.payload if payload is not None else None
        if payload is None or news is None:
            return
        if self._topic == TASKS:
            self._task(payload.type, news, pieces)
        elif payload.type == "conversation-turn-stream":
            self._item(news, pieces)
        self._offset = message.offset or self._offset

    def _item(self, news: _News, pieces: list[bytes]) -> None:
        if self.done:
            return
        if news.type == "done":
            self.done = True
        elif news.type == "stream-item" and news.encoded_item:
            name = news.stream_item_id
            if name and name in self._seen:
                return
            if len(self._seen) >= self._limit:
                raise _garbage("more pieces than an answer can have")
            if name:
                self._seen.add(name)
            pieces.append(news.encoded_item.encode())

    def _task(self, kind: str, news: _News, pieces: list[bytes]) -> None:
        """News of a long task: its message as a whole, and that it is complete."""
        if self.done or news.conversation_id != self._conversation_id:
            return
        if kind == "conversation-turn-complete":
            self.done = True
        elif kind == "conversation-update":
            content = _content(news.update_content)
            if content is not None and content.message != _NULL:
                about = _encode({"conversation_id": self._conversation_id})[1:]
                pieces.append(encode(b'{"message":' + bytes(content.message) + b"," + about))
            if news.update_type == "async-task-completed":
                self.done = True
        if self.done:
            pieces.append(_COMPLETE)


def _garbage(what: str) -> Problem:
    return Problem(Kind.GARBAGE, f"ChatGPT sent {what}.", step="stream")
