"""What a request and its answer are to whoever sends one, whichever library carries them."""

from collections.abc import AsyncIterable, Sequence
from typing import Protocol, TypeAlias

from chat2api_core.problem import Kind, Problem, Step

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]
Content: TypeAlias = bytes | AsyncIterable[bytes]

MAX_CONNECTIONS = 1000
KEEPALIVE_SECONDS = 30.0
# Parsing a URL costs more than the rest of a request's head; few distinct ones occur.
KNOWN_URLS = 256
_MAX_DOCUMENT = 32 * 1024 * 1024


class Reply(Protocol):
    """An answer whose head has arrived. Read it with ``chunk`` or ``read``, then ``aclose`` it."""

    status: int
    step: Step

    @property
    def headers(self) -> dict[str, str]:
        """Names in lower case; of a repeated header the values joined by commas."""
        ...

    def header(self, name: str) -> str:
        """The value of one header, empty where it is missing."""
        ...

    @property
    def cookies(self) -> list[str]:
        """The values of every Set-Cookie header."""
        ...

    async def chunk(self, step: Step = "stream") -> bytes | None:
        """What one read of the network brings of the body; None at its end. Raises ``Problem`` CUT
        or TIMEOUT of that step."""
        ...

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        ...

    async def read(self, limit: int = _MAX_DOCUMENT) -> bytes:
        """The whole body. One larger than ``limit`` bytes raises ``Problem`` GARBAGE."""
        pieces: list[bytes] = []
        size = 0
        while (piece := await self.chunk(self.step)) is not None:
            size += len(piece)
            if size > limit:
                message = f"ChatGPT sent more than {limit} bytes where a short answer was expected."
                raise Problem(Kind.GARBAGE, message, step=self.step)
            pieces.append(piece)
        return b"".join(pieces)


class Route(Protocol):
    """The way to all hosts, direct or through one proxy, with its open connections."""

    async def send(
        self, method: str, url: str, headers: Headers, content: Content, *, step: Step, wait: float
    ) -> Reply:
        """As ``Transport.send``; ``wait`` is the seconds of silence after which it fails."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...
