"""Server-sent events: bytes of a body in, events out; and events to bytes for the way back.

In:   the pieces of a ``text/event-stream`` body, cut anywhere, also inside a character.
Out:  ``Event``s, each as soon as its blank line is there.

The one rule: a line ends in CR, LF or CRLF and in nothing else. U+2028 and its kin are characters
of JSON texts like any other.

Line ends are made LF on the way in (two scans in C), so that everything below knows one line end
only, and the usual body, which has no CR, pays for a look and nothing more.
"""

from msgspec import Struct

from chat2api_core.problem import Kind, Problem

# The longest event that is accepted, in bytes. Whole-message streams repeat the answer in every
# event, and a picture inside an event takes megabytes.
LIMIT = 16 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
_DELTA = b"event: delta\ndata: "
_DATA = b"data: "
_NAMED = b"event: "
_THEN_DATA = b"\ndata: "
_MAX_NAMES, _LONGEST_NAME = 64, 128  # the names that are remembered


class Event(Struct, frozen=True, gc=False):
    """One event. ``event`` is its name, empty if it has none; ``data`` the joined data lines.

    ``whole`` is False only for a last event whose line the end of the body may have cut short."""

    event: str
    data: bytes
    whole: bool = True


class SseDecoder:
    """Stage: bytes -> ``Event``s. Work is linear in the bytes, whatever the size of the pieces.

    Raises ``Problem(GARBAGE)`` when an event grows beyond ``limit`` bytes."""

    __slots__ = ("_after_cr", "_first", "_limit", "_names", "_rest", "_seen")

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._names: dict[bytes, str] = {}  # lines that do nothing but name an event
        self._rest = bytearray()
        self._seen = 0  # so many bytes of the rest hold no end of an event
        self._after_cr = False
        self._first = True

    def feed(self, chunk: bytes, /) -> list[Event]:
        """Take in the next bytes of the body; hand out the events that they complete."""
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk.startswith(b"\n"):
                chunk = chunk[1:]
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        rest = self._rest
        if rest:
            rest += chunk
            if rest.find(b"\n\n", self._seen) < 0:
                return self._wait()
            chunk = bytes(rest)
            rest.clear()
        blocks = chunk.split(b"\n\n")
        rest += blocks.pop()
        self._wait()
        if len(chunk) > self._limit and max(map(len, blocks), default=0) > self._limit:
            raise _too_long()
        return self._events(blocks) if blocks else []

    def close(self) -> list[Event]:
        """The body has ended. Hands out the last event, even if its blank line is missing."""
        last = bytes(self._rest)
        self._rest.clear()
        events = self._events([last])
        if events and not last.endswith(b"\n"):
            events[-1] = Event(events[-1].event, events[-1].data, whole=False)
        return events

    def _wait(self) -> list[Event]:
        size = len(self._rest)
        # An event of just the limit may already have the first of its two line ends here.
        if size > self._limit and (size > self._limit + 1 or not self._rest.endswith(b"\n")):
            raise _too_long()
        self._seen = max(size - 1, 0)
        return []

    def _events(self, blocks: list[bytes]) -> list[Event]:
        if self._first:
            self._first = False
            blocks[0] = blocks[0].removeprefix(_BOM)
        events: list[Event] = []
        for block in blocks:
            # Nearly all events are one of these three; a further line end means it is none.
            if block.startswith(_DELTA) and block.find(b"\n", 19) < 0:
                events.append(Event("delta", block[19:]))
            elif block.startswith(_DATA) and block.find(b"\n", 6) < 0:
                events.append(Event("", block[6:]))
            else:
                head, _, data = block.partition(_THEN_DATA)
                name = self._names.get(head)
                if name is not None and data and data.find(b"\n") < 0:
                    events.append(Event(name, data))
                    continue
                event = _parse(block)
                if event is not None:
                    events.append(event)
                    self._learn(head, event)
        return events

    def _learn(self, head: bytes, event: Event) -> None:
        """A stream has few names, each many times: a line that says one is read once."""
        if len(head) > _LONGEST_NAME or len(self._names) >= _MAX_NAMES:
            return
        if head == _NAMED + event.event.encode():
            self._names[head] = event.event


def _parse(block: bytes) -> Event | None:
    """Read the lines of one event. Comments, ``id``, ``retry`` and unknown fields are skipped."""
    name = ""
    data: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ").decode("utf-8", "replace")
    return Event(name, b"\n".join(data)) if data else None


def _too_long() -> Problem:
    return Problem(Kind.GARBAGE, "ChatGPT sent an event that is too long to read.", step="stream")


def encode(data: bytes, event: str = "") -> bytes:
    """One event as bytes, LF only, with its blank line. ``data`` may have several lines (LF)."""
    head = b"event: " + event.encode() + b"\n" if event else b""
    return head + b"data: " + data.replace(b"\n", b"\ndata: ") + b"\n\n"
