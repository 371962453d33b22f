"""Bodies that a server packed although nobody asked it to.

In: the pieces of a body, and what its Content-Encoding says. Out: the same body unpacked, in pieces
of a bounded size however small it was packed. What is packed in a way that is not known here goes
through as it came. Pure but for waiting on its source.
"""

import zlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator

_KNOWN = frozenset({"gzip", "x-gzip", "deflate"})
_EITHER = zlib.MAX_WBITS | 32  # with the head of gzip or of zlib
_PIECE = 256 * 1024  # bytes


class NotPacked(Exception):
    """A body is not packed as it says, or is cut short."""


async def unpacked(source: AsyncIterable[bytes], packing: str) -> AsyncIterator[bytes]:
    """Raises ``NotPacked``."""
    if packing.strip().lower() not in _KNOWN:
        async for piece in source:
            yield piece
        return
    unpacker = _Unpacker()
    async for piece in source:
        for part in unpacker.feed(piece):
            yield part
    unpacker.close()


class _Unpacker:
    """One packed body; gzip allows several, one behind the other."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(_EITHER)
        self._begun = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        full = False  # more may come out although nothing is left to put in
        while piece or full:
            if self._inner.eof:
                self._inner = zlib.decompressobj(_EITHER)
            self._begun = True
            try:
                part = self._inner.decompress(piece, _PIECE)
            except zlib.error as error:
                raise NotPacked("the body is not packed as it says") from error
            if part:
                yield part
            full = len(part) == _PIECE and not self._inner.eof
            piece = self._inner.unused_data or self._inner.unconsumed_tail

    def close(self) -> None:
        if self._begun and not self._inner.eof:
            raise NotPacked("the packed body is cut short")
