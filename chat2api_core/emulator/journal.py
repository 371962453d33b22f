"""What was asked of the emulator and how it went: the latest calls, counts, streams open now.

Input: ``begin`` and ``end`` of every call. Output: records to read. The rules: it holds no secret
(names of headers, never their values), and the latest calls only.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable

import msgspec
from msgspec import Struct

from chat2api_core.emulator.exchange import Call

_MAX_BODY = 64 * 1024


class Record(Struct):
    """One call. ``status`` is 0 while there is no answer yet; times are of the emulator's clock.

    ``closed`` tells that the client left before the answer was complete."""

    number: int
    method: str
    path: str
    place: str
    headers: tuple[str, ...]
    cookies: tuple[str, ...]
    device: str
    started: float
    body: bytes = b""
    owner: str = ""
    status: int = 0
    fault: str = ""
    ended: float | None = None
    closed: bool = False

    @property
    def json(self) -> object:
        """The body as JSON, None if it is none (or longer than what is kept)."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None

    def as_dict(self) -> dict[str, object]:
        """The record as it goes out to another process."""
        fields: dict[str, object] = msgspec.structs.asdict(self)
        fields["body"] = self.json
        return fields


class Journal:
    """The records of one emulator."""

    def __init__(self, size: int) -> None:
        self.records: deque[Record] = deque(maxlen=size)
        self.counts: Counter[str] = Counter()
        self.open_streams = 0
        self.closed_streams = 0
        self._number = 0
        self._watchers: list[tuple[Callable[[Journal], bool], asyncio.Future[None]]] = []

    def begin(self, call: Call, path: str, place: str, now: float) -> Record:
        """A call has come in. ``place`` is the name of its route."""
        self._number += 1
        self.counts[place] += 1
        cookies = call.header("cookie")
        record = Record(
            number=self._number,
            method=call.method,
            path=path,
            place=place,
            headers=tuple(call.headers),
            cookies=tuple(call.cookies) if cookies else (),
            device=call.device,
            started=now,
            body=call.body[:_MAX_BODY],
        )
        self.records.append(record)
        self._tell()
        return record

    def end(self, record: Record, now: float, *, closed: bool = False) -> None:
        """The call is over."""
        record.ended = now
        record.closed = closed
        self._tell()

    def stream_opened(self) -> None:
        self.open_streams += 1
        self._tell()

    def stream_over(self, *, closed: bool) -> None:
        self.open_streams -= 1
        self.closed_streams += closed
        self._tell()

    def at(self, place: str) -> list[Record]:
        """The kept records of one place, oldest first."""
        return [record for record in self.records if record.place == place]

    async def until(self, condition: "Callable[[Journal], bool]") -> None:
        """Return as soon as the condition holds. Put a time limit around it; call it from the
        emulator's own event loop."""
        if condition(self):
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        watcher = (condition, future)
        self._watchers.append(watcher)
        try:
            await future
        finally:
            if watcher in self._watchers:
                self._watchers.remove(watcher)

    def clear(self) -> None:
        """Forget the past; streams that are open stay counted."""
        self.records.clear()
        self.counts.clear()
        self.closed_streams = 0

    def _tell(self) -> None:
        if not self._watchers:
            return
        for watcher in list(self._watchers):
            condition, future = watcher
            if condition(self):
                self._watchers.remove(watcher)
                if not future.done():
                    future.set_result(None)
