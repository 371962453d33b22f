"""Asking for a conversation again and again until its turn is complete: the last resort where its
stream is lost, and the way in which long tasks (pictures, research) come to their end.

In:   the account's site, the conversation's id, a time limit in seconds.
Out:  ``Conversation``s as they stand, the last one complete if the turn ever got there.

The one rule: it ends. The time is limited, failures in a row are counted, and a turn that ChatGPT
itself no longer works on is not waited for. Source of paths and order: seen in the web client.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Protocol
from urllib.parse import quote

import msgspec

from chat2api_core.ambient import Clock
from chat2api_core.problem import Kind, Problem, Step
from chat2api_core.upstreams.chatgpt_web.conversation import (
    Conversation,
    read_conversation,
    read_streaming,
)
from chat2api_core.wire.sse import encode

Sleep = Callable[[float], Awaitable[None]]

_COMPLETE = (
    encode(b'{"type":"conversation_async_status","async_status":null}')
    + encode(b'{"type":"message_stream_complete"}')
)  # fmt: skip

_FIRST, _GROWTH, _LONGEST = 1.0, 1.3, 5.0  # seconds between two looks
_FAILURES = 5  # in a row
_IDLE = 3  # looks at a turn that nobody works on and that is not complete: it may be saved late
_LIMIT = 64 * 1024 * 1024  # bytes of a conversation

# What may pass: the network, an edge in trouble, a limit on asking.
PASSING = frozenset(
    {
        Kind.UNREACHABLE, Kind.TIMEOUT, Kind.CUT, Kind.UNAVAILABLE, Kind.UPSTREAM_ERROR,
        Kind.RATE_LIMITED, Kind.BUSY,
    }
)  # fmt: skip


class Asking(Protocol):
    """What is needed of a ``Site``."""

    async def get(self, path: str, *, step: Step, limit: int = ...) -> bytes: ...


async def watch(
    site: Asking,
    conversation_id: str,
    *,
    sleep: Sleep,
    clock: Clock,
    timeout: float,  # noqa: ASYNC109 (seconds of the given clock, not of the loop)
) -> AsyncGenerator[Conversation, None]:
    """Every state of the conversation that was seen, at once the first one; the last is complete
    (``over``), or ChatGPT has stopped working on it. Raises ``Problem``: TIMEOUT,
    CONVERSATION_NOT_FOUND, or what kept failing."""
    end = clock.monotonic() + timeout
    path = f"/conversation/{quote(conversation_id, safe='')}"
    pause, failures, idle = _FIRST, 0, 0
    while True:
        try:
            body = await site.get(path, step="conversation", limit=_LIMIT)
            found = read_conversation(body, conversation_id)
            working = found.busy or found.over or await _streaming(site, path)
        except Problem as problem:
            failures += 1
            if problem.kind not in PASSING or failures >= _FAILURES:
                raise
            pause = max(pause, min(problem.retry_after or 0.0, _LONGEST))
        else:
            failures = 0
            yield found
            idle = 0 if working else idle + 1
            if found.over or idle >= _IDLE:
                return
        if clock.monotonic() + pause > end:
            message = f"ChatGPT was still at work on the answer after {timeout:.0f} seconds."
            raise Problem(Kind.TIMEOUT, message, step="stream")
        await sleep(pause)
        pause = min(pause * _GROWTH, _LONGEST)


class Polled:
    """What a conversation comes to, as the body of a stream: its messages, each whole and as often
    as it changes, then the end marker.

    ``leaf`` is the message that was read last, empty for none: what was kept goes on from it, or
    ``chunk`` raises ``Problem`` CUT. ``task``: the turn's stream was over, a task was at work."""

    def __init__(
        self, watching: AsyncGenerator[Conversation, None], *, leaf: str, task: bool
    ) -> None:
        self._watching = watching
        self._leaf = leaf
        self._task = task
        self._told: dict[str, bytes] = {}
        self._last: Conversation | None = None

    async def chunk(self) -> bytes | None:
        """What is new in the next look; None when there is nothing more to look for."""
        if self._last is not None and self._last.over:
            return None
        found = await anext(self._watching, None)
        if found is None:
            # Nobody works on the turn. A task that was given up has left what it has made.
            left = self._last if self._task else None
            self._task = False
            return _COMPLETE if left is not None and not left.busy else None
        self._last = found
        pieces = self._changes(found)
        if found.over:
            pieces.append(_COMPLETE)
        return b"".join(pieces)

    async def aclose(self) -> None:
        await self._watching.aclose()

    def _changes(self, found: Conversation) -> list[bytes]:
        places = [place for place, entry in enumerate(found.turn) if entry.id == self._leaf]
        if self._leaf and not places:
            if found.over:
                message = "ChatGPT's answer broke off, and it was not kept."
                raise Problem(Kind.CUT, message, step="stream")
            return []
        tail = b',"conversation_id":' + msgspec.json.encode(found.id) + b"}"
        pieces: list[bytes] = []
        for entry in found.turn[places[0] if places else 0 :]:
            if self._told.get(entry.id) != entry.data:
                self._told[entry.id] = entry.data
                pieces.append(encode(b'{"message":' + entry.data + tail))
        return pieces


async def _streaming(site: Asking, path: str) -> bool:
    """Whether somebody is still writing; a site that does not tell is taken to say no."""
    try:
        return read_streaming(await site.get(f"{path}/stream_status", step="conversation"))
    except Problem as problem:
        if problem.kind in {Kind.CONVERSATION_NOT_FOUND, Kind.UPSTREAM_ERROR}:
            return False
        raise
