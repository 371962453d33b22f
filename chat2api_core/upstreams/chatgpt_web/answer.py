"""An answer of the ChatGPT web backend: batches of deltas, over as many bodies as it takes.

In: the body that a turn began with. Out: the deltas of one network read at a time. A body may hand
the answer off, which the resume endpoint follows, or stop at the model's limit, which a continuing
turn follows. The one rule: what a body brought is handed out before what went wrong with it is
said.
"""

import asyncio
import logging
from typing import Protocol

from msgspec import Struct

from chat2api_core.problem import Kind, Problem
from chat2api_core.transport import Reply
from chat2api_core.turn import Delta, Prompt
from chat2api_core.upstreams.base import Batch
from chat2api_core.upstreams.chatgpt_web.reader import Reader
from chat2api_core.upstreams.chatgpt_web.sentinel import Form
from chat2api_core.upstreams.chatgpt_web.site import Site
from chat2api_core.wire.sse import SseDecoder

_MAX_RESUMES = 3
_DRAIN = 0.25  # seconds that the end of a body may take, for the sake of its connection

_log = logging.getLogger("chat2api.chatgpt_web")


class Turn(Struct, frozen=True):
    """What a turn needs to open its first body and the ones that may follow."""

    site: Site
    form: Form
    prompt: Prompt
    trace_id: str


class Following(Protocol):
    """Where the bodies come from with which an answer goes on."""

    async def resume(self, turn: Turn, reader: Reader) -> Reply:
        """The rest of a stream that was handed off. Raises ``Problem``."""
        ...

    async def extend(self, turn: Turn, reader: Reader) -> Reply | None:
        """More of an answer that stopped at the model's limit. Raises ``Problem``."""
        ...


class WebAnswer:
    """An answer under way: batches of deltas, one for each network read that brought any."""

    def __init__(
        self, web: Following, turn: Turn, reader: Reader, reply: Reply, *, continues: int
    ) -> None:
        self._web = web
        self._turn = turn
        self._reader = reader
        self._reply = reply
        self._decoder = SseDecoder()
        self._continues = continues
        self._resumes = _MAX_RESUMES
        self._failure: Problem | None = None
        self._over = False

    def __aiter__(self) -> "WebAnswer":
        return self

    async def __anext__(self) -> Batch:
        while not self._over:
            if self._failure is not None:
                raise self._failure
            chunk = await self._reply.chunk()
            deltas = self._read(chunk)
            if self._body_over(chunk):
                await self._turn_over(deltas)
            if deltas:
                return deltas
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection, or keep it for the next turn if its body is about to end."""
        if self._over:
            try:
                async with asyncio.timeout(_DRAIN):
                    while await self._reply.chunk() is not None:
                        pass
            except (Problem, TimeoutError):
                _log.debug("an answer was whole, but its connection could not be kept")
        await self._reply.aclose()

    def _read(self, chunk: bytes | None) -> list[Delta]:
        """The deltas of a chunk. A failure waits until the deltas before it are handed out."""
        deltas: list[Delta] = []
        try:
            events = self._decoder.close() if chunk is None else self._decoder.feed(chunk)
            for event in events:
                deltas += self._reader.feed(event)
        except Problem as problem:
            if not deltas:
                raise
            self._failure = problem
        return deltas

    def _body_over(self, chunk: bytes | None) -> bool:
        return self._failure is None and (chunk is None or self._reader.finished is not None)

    async def _turn_over(self, deltas: list[Delta]) -> None:
        """The body has ended: go on with another one, or end the answer."""
        following = await self._following()
        if following is not None:
            await self._reply.aclose()
            self._reply = following
            self._decoder = SseDecoder()
            return
        try:
            deltas += self._reader.close()
        except Problem as problem:
            if not deltas:
                raise
            self._failure = problem
        else:
            self._over = True

    async def _following(self) -> Reply | None:
        """The body with which the answer goes on, if it does."""
        finished = self._reader.finished
        if finished is not None:
            return await self._extended() if finished.reason == "length" else None
        handoff = self._reader.handoff
        if handoff is None:
            return None
        if not handoff.resume or self._resumes == 0:
            message = "ChatGPT handed the answer over to a WebSocket, which is not followed."
            raise Problem(Kind.HANDOFF, message, step="stream")
        self._resumes -= 1
        following = await self._web.resume(self._turn, self._reader)
        self._reader.resume()
        return following

    async def _extended(self) -> Reply | None:
        if self._continues == 0:
            return None
        self._continues -= 1
        try:
            extended = await self._web.extend(self._turn, self._reader)
        except Problem as problem:
            # What came so far is good and says itself that it was cut at the limit.
            _log.warning("a cut answer could not be continued: %s", problem.code)
            return None
        if extended is not None:
            self._reader.extend()
        return extended
