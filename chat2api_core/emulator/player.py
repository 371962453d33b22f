"""Plays a stream to a client: sends, waits, breaks off, and notices when the client leaves.

Input: beats, ready shaped. Output: ASGI messages, and how it ended. The rules: without a delay
everything that is ready goes out in one message; nothing waits for a client that has left.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from chat2api_core.ambient import Clock
from chat2api_core.emulator.encodings import Beat, Run
from chat2api_core.emulator.exchange import Event, Headers, Receive, Send, start_event
from chat2api_core.emulator.replies import Cut, Handoff, Stall, Task, Wait

Pause: TypeAlias = Callable[[float], Awaitable[None]]
Ending: TypeAlias = Literal["whole", "cut", "closed"]

_EVENT_STREAM = "text/event-stream; charset=utf-8"
# Shorter pauses are slept through; the client's absence is noticed after them.
_SHORT_PAUSE = 0.25
_MAX_SEND = 256 * 1024


class Playback(Struct, frozen=True):
    """A stream as an answer. ``delay`` in seconds per event of a run, ``chunk`` in bytes."""

    beats: Sequence[Beat]
    delay: float = 0
    chunk: int = 0
    headers: Headers = ()
    content_type: str = _EVENT_STREAM


class Gone(Exception):
    """The client has left."""


class Player:
    """Plays one stream."""

    def __init__(self, receive: Receive, send: Send, clock: Clock, pause: Pause) -> None:
        self._receive = receive
        self._send = send
        self._clock = clock
        self._pause = pause
        self._ready: list[bytes] = []
        self._size = 0
        self._chunk = 0
        self._watch: asyncio.Task[None] | None = None

    async def play(self, playback: Playback) -> Ending:
        """Play it all. ``cut`` means that the body was broken off in a way the server must show."""
        self._chunk = playback.chunk
        try:
            await self._put(start_event(200, playback.content_type, playback.headers))
            for beat in playback.beats:
                if isinstance(beat, Cut):
                    await self._flush()
                    if not beat.clean:
                        return "cut"
                    break
                await self._play(beat, playback.delay)
            await self._finish()
        except (Gone, OSError):  # servers may answer a send to nobody with an OSError
            return "closed"
        finally:
            if self._watch is not None:
                self._watch.cancel()
        return "whole"

    async def hang(self) -> None:
        """Wait until the client has left."""
        await _until_gone(self._receive)

    async def _play(self, beat: bytes | Run | Wait | Stall | Handoff | Task, delay: float) -> None:
        if isinstance(beat, bytes):
            self._add(beat)
        elif isinstance(beat, Run):
            await self._run(beat, delay)
        elif isinstance(beat, Wait):
            await self._flush()
            await self._wait(beat.seconds)
        elif isinstance(beat, Stall):
            await self._flush()
            await self._wait_forever()
        if self._size > _MAX_SEND:
            await self._flush()

    async def _run(self, run: Run, delay: float) -> None:
        if delay <= 0:
            self._add(run.joined)
            return
        due = self._clock.monotonic()
        for event in run.events:
            due += delay
            early = due - self._clock.monotonic()
            # A busy emulator that is behind its time sends what is due together.
            if early > 0:
                await self._flush()
                await self._wait(early)
            self._add(event)
        await self._flush()

    def _add(self, data: bytes) -> None:
        self._ready.append(data)
        self._size += len(data)

    async def _flush(self) -> None:
        if not self._ready:
            return
        data = self._take()
        if not self._chunk:
            await self._body(data, more=True)
            return
        for start in range(0, len(data), self._chunk):
            await self._body(data[start : start + self._chunk], more=True)
            # Let the loop write this chunk before the next one joins it.
            await asyncio.sleep(0)

    async def _finish(self) -> None:
        if self._chunk:
            await self._flush()
        await self._body(self._take(), more=False)

    def _take(self) -> bytes:
        data = self._ready[0] if len(self._ready) == 1 else b"".join(self._ready)
        self._ready = []
        self._size = 0
        return data

    async def _body(self, data: bytes, *, more: bool) -> None:
        await self._put({"type": "http.response.body", "body": data, "more_body": more})

    async def _put(self, event: Event) -> None:
        if self._watch is not None and self._watch.done():
            raise Gone
        await self._send(event)

    def _watching(self) -> "asyncio.Task[None]":
        if self._watch is None:
            self._watch = asyncio.create_task(_until_gone(self._receive))
        return self._watch

    async def _wait(self, seconds: float) -> None:
        watch = self._watching()
        if seconds <= _SHORT_PAUSE:
            await self._pause(seconds)
        else:
            pause = asyncio.ensure_future(self._pause(seconds))
            try:
                await asyncio.wait({watch, pause}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                pause.cancel()
        if watch.done():
            raise Gone

    async def _wait_forever(self) -> None:
        await asyncio.wait({self._watching()})
        raise Gone


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
