"""An answer that brings pictures to a client who counts on them.

In: the answer as it is read, and what to do with a picture (to fetch it, or nothing). Out: the same
answer. Where a picture was ordered, everything else is held back until it is there: the account's
limit may be what the answer is about, and then another account can still be asked. Once a picture
is drawn nobody is: drawing it anew would cost the account another one, so only its download is
repeated. The one rule: an order ends with a picture, or with a ``Problem`` that says why there is
none, and within its time.
"""

import asyncio
import logging
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeAlias

from msgspec.structs import replace

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import (
    Delta,
    Finished,
    Picture,
    PictureBegun,
    PicturePreview,
    Started,
    TextDelta,
)
from chat2api_core.upstreams.base import Answer, Batch
from chat2api_core.upstreams.chatgpt_web.decline import undrawn

Fetch: TypeAlias = Callable[[Picture], Awaitable[tuple[str, bytes]]]
"""The type (``image/png``) and the bytes of a picture. Raises ``Problem``."""

_log = logging.getLogger("chat2api.chatgpt_web")

_TRIES, _PAUSE = 3, 1.0  # seconds: a picture may be shown before it can be fetched
# What stays as it is, however often the picture is asked for.
_LASTING = frozenset({Kind.UNAUTHORIZED, Kind.FILE_GONE, Kind.TOO_LARGE, Kind.MISCONFIGURED})
_FORMATS = {"image/jpeg": "jpeg", "image/webp": "webp", "image/gif": "gif"}


class Bytes(Protocol):
    """A body that is read once."""

    async def read(self, limit: int = ...) -> bytes: ...

    async def aclose(self) -> None: ...


class Found(Protocol):
    """A picture that is about to be read."""

    @property
    def mime(self) -> str: ...

    @property
    def reply(self) -> Bytes: ...


def fetching(
    find: Callable[[Picture], Awaitable[Found]],
    *,
    limit: int,
    sleep: Callable[[float], Awaitable[None]],
) -> Fetch:
    """A way to fetch pictures of at most ``limit`` bytes, which tries more than once."""

    async def once(picture: Picture) -> tuple[str, bytes]:
        found = await find(picture)
        try:
            return found.mime, await found.reply.read(limit)
        finally:
            await found.reply.aclose()

    async def fetch(picture: Picture) -> tuple[str, bytes]:
        for _ in range(_TRIES - 1):
            try:
                return await once(picture)
            except Problem as problem:
                if problem.kind in _LASTING:
                    raise
                _log.info("a picture could not be fetched yet: %s", problem.code)
            await sleep(_PAUSE)
        return await once(picture)

    return fetch


class PictureAnswer:
    """An answer under way. ``fetch`` None: pictures go out as they are. An order (``ordered``) has
    to be over after so many ``seconds`` from now on."""

    def __init__(
        self, inner: Answer, *, ordered: bool, fetch: Fetch | None, seconds: float
    ) -> None:
        self._inner = inner
        self._source: AsyncIterator[Batch] = aiter(inner)
        self._ordered = ordered
        self._fetch = fetch
        self._seconds = seconds
        self._end = asyncio.get_running_loop().time() + seconds if ordered else None
        self._held: list[Delta] = []
        self._begun = Started()
        self._drawn = False  # a picture is there
        self._shown = False  # the client has it
        self._committed = False  # what was handed out keeps others from being asked
        self._failure: Problem | None = None
        self._over = False

    def __aiter__(self) -> "PictureAnswer":
        return self

    async def __anext__(self) -> Batch:
        while not self._over:
            if self._failure is not None:
                raise self._failure
            try:
                async with asyncio.timeout_at(self._end) as limit:
                    out = await self._next()
            except TimeoutError:
                if not limit.expired():
                    raise
                if self._shown:
                    return self._cut()
                raise self._late() from None
            if out:
                self._committed = self._committed or any(type(one) is not Started for one in out)
                return out
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the answer that is read."""
        await self._inner.aclose()

    async def _next(self) -> list[Delta]:
        """What is to be handed out of the next batch, good until where it failed."""
        out: list[Delta] = []
        try:
            for delta in await anext(self._source):
                await self._take(delta, out)
        except Problem as problem:
            if not out:
                raise
            self._failure = problem
        return out

    def _late(self) -> Problem:
        """Its time is over, and nobody has the picture."""
        if self._drawn:
            message = f"The picture was drawn, but not loaded within {self._seconds:g} s"
            message = f"{message} (IMAGE_TIMEOUT)."
            return Problem(Kind.TIMEOUT, message, step="download", spent=True)
        message = f"The picture was not there after {self._seconds:g} s (IMAGE_TIMEOUT)."
        return Problem(Kind.TIMEOUT, message, step="picture", spent=True)

    def _cut(self) -> list[Delta]:
        """The end of an answer that has its picture, and whose last words do not come."""
        self._over = True
        begun = self._begun
        return [*self._held, Finished("length", begun.conversation_id, begun.message_id)]

    async def _take(self, delta: Delta, out: list[Delta]) -> None:
        if isinstance(delta, Started):
            self._begun = delta
        if isinstance(delta, Picture):
            self._drawn = True
            await self._bring(delta, out)
        elif isinstance(delta, Finished):
            if self._ordered:
                self._check(delta)
            out += [*self._held, delta]
            self._over = True
        elif self._ordered and not isinstance(delta, Started | PictureBegun | PicturePreview):
            self._held.append(delta)
        else:
            out.append(delta)

    def _check(self, end: Finished) -> None:
        """Raises ``Problem`` where the order was not met."""
        if self._drawn:
            return
        if end.reason == "content_filter":
            message = "ChatGPT's moderation has stopped the picture."
            raise Problem(Kind.CONTENT_POLICY, message, step="picture", param="prompt")
        said = "".join(delta.text for delta in self._held if isinstance(delta, TextDelta))
        raise undrawn(said)

    async def _bring(self, picture: Picture, out: list[Delta]) -> None:
        """Hand out a picture. One that is drawn and not to be had is told of as begun, which
        commits, before it fails."""
        try:
            out.append(await self._fetched(picture))
        except Problem:
            if not (self._committed or any(type(one) is not Started for one in out)):
                out.append(PictureBegun())
            raise
        self._shown = True

    async def _fetched(self, picture: Picture) -> Picture:
        if self._fetch is None or picture.data:
            return picture
        mime, data = await self._fetch(picture)
        encoded = b64encode(data).decode()
        return replace(picture, data=encoded, format=_FORMATS.get(mime, "png"))
