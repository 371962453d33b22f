"""Answers whose bodies come out of an iterator, piece by piece, as httpx and its engine give them.

In: what the library has of the answer. Out: a ``Reply``. The rule that must hold: however reading
ends, the connection is given back once.
"""

import logging
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import ClassVar

from chat2api_core.problem import Step
from chat2api_core.transport.base import Reply
from chat2api_core.transport.unpack import unpacked

_log = logging.getLogger("chat2api.transport")


class PulledReply(Reply):
    """What does not depend on the library. ``errors`` is what is raised when an answer breaks
    off, ``late`` what of these is raised when time has run out."""

    __slots__ = ("_chunks", "status", "step")

    errors: ClassVar[tuple[type[Exception], ...]]
    late: ClassVar[tuple[type[Exception], ...]]

    def __init__(self, status: int, step: Step) -> None:
        self.status = status
        self.step: Step = step
        self._chunks: AsyncIterator[bytes] | None = None

    async def chunk(self, step: Step = "stream") -> bytes | None:
        """See ``Reply``."""
        chunks = self._chunks
        if chunks is None:
            packing = self.header("content-encoding")
            body = self._body()
            chunks = self._chunks = unpacked(body, packing) if packing else aiter(body)
        try:
            return await anext(chunks)
        except StopAsyncIteration:
            return None
        except self.errors as error:
            from chat2api_core.transport import faults  # noqa: PLC0415 (mostly all goes well)

            raise faults.cut(step, late=isinstance(error, self.late)) from error

    async def aclose(self) -> None:
        """See ``Reply``."""
        try:
            try:
                if isinstance(self._chunks, AsyncGenerator):
                    await self._chunks.aclose()
            finally:
                await self._release()
        except self.errors as error:
            _log.debug("closing an upstream connection failed: %s", type(error).__name__)

    @abstractmethod
    def _body(self) -> AsyncIterable[bytes]:
        """The pieces as they come from the network. Asked for once."""

    @abstractmethod
    async def _release(self) -> None:
        """Give the connection back."""
