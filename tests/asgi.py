"""ASGI driven by hand: a strict server's side of one request, and a loop whose time is told.

``Client`` records every message with the time of its sending, refuses messages that come in a wrong
order or into one another (and remembers that, for who looks away), can be slow, and can hang up.
``play`` runs a coroutine on a loop where waiting takes no time: when nothing is left to do, the
clock jumps to the next timer. It fails if a task or a timer is left behind.
"""

import asyncio
import gc
import selectors
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

import msgspec

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _Selector(selectors.DefaultSelector):
    """Does not wait: it moves the clock instead."""

    now = 1000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "everybody waits and nothing will ever happen"
        self.now += max(0.0, timeout)
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own, that knows its timers and what went wrong unseen."""

    def __init__(self) -> None:
        self._told = _Selector()
        super().__init__(self._told)
        self.timers: list[asyncio.TimerHandle] = []
        self.unseen: list[str] = []
        self.set_exception_handler(lambda _, context: self.unseen.append(str(context)))

    def time(self) -> float:
        return self._told.now

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        self.timers.append(super().call_at(when, callback, *args, context=context))
        return self.timers[-1]

    def run_in_executor(
        self, executor: object, work: Callable[[*Ts], T], *args: *Ts
    ) -> "asyncio.Future[T]":
        """In no thread, but a little later: a thread takes a time that nobody tells."""
        done: asyncio.Future[T] = self.create_future()

        def finish() -> None:
            if done.cancelled():
                return
            try:
                done.set_result(work(*args))
            except Exception as error:  # noqa: BLE001 (it is told to who waits for it)
                done.set_exception(error)

        self.call_soon(finish)
        return done


def play(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it to its end, and see that nothing is left of it."""
    loop = Loop()

    async def whole() -> T:
        try:
            return await coroutine
        finally:
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, f"tasks were left behind: {left}"
            running = [one for one in loop.timers if not one.cancelled()]
            assert not [one for one in running if one.when() > loop.time()], "a timer is left"

    gc.freeze()  # what the tests before have left need not be looked through
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            result = runner.run(whole())
            gc.collect()  # forgotten failures of tasks are reported when these are collected
    finally:
        gc.unfreeze()
    assert loop.unseen == []
    return result


class Client:
    """One request. ``receive`` and ``send`` are what an application gets of it.

    ``parts`` are the pieces of its body. ``delays`` are the seconds that the next sends take, one
    after the other; ``breaks`` is raised by sends from the one with that number on."""

    def __init__(
        self,
        method: str = "POST",
        path: str = "/v1/chat/completions",
        *,
        parts: Iterable[bytes] = (b"{}",),
        headers: Mapping[str, str] | None = None,
        delays: Iterable[float] = (),
        breaks: tuple[int, Exception] | None = None,
    ) -> None:
        raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": raw,
        }
        self.sent: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.faults: list[str] = []
        self._parts = list(parts)
        self._delays = list(delays)
        self._breaks = breaks
        self._gone = asyncio.Event()
        self._sending = False

    async def receive(self) -> dict[str, Any]:
        """The next part of the body; then, when there is one, the end of the connection."""
        if not self._parts:
            await self._gone.wait()
        if self._parts:
            part = self._parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(self._parts)}
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Take a message as a strict server does."""
        expected = "http.response.body" if self.sent else "http.response.start"
        self._check(not self._sending, "a message was sent into another one")
        self._check(message["type"] == expected, f"{message['type']} where {expected} was expected")
        self._check(not self.ended, "a message was sent after the last one")
        if self._breaks is not None and len(self.sent) >= self._breaks[0]:
            raise self._breaks[1]
        self._sending = True
        self.sent.append(dict(message))
        self.times.append(asyncio.get_running_loop().time() - 1000.0)
        if len(self.sent) > 1 and not message.get("more_body", False):
            self._gone.set()  # as servers do: the end of the answer reads as a disconnection
        try:
            await asyncio.sleep(self._delays.pop(0) if self._delays else 0)
        finally:
            self._sending = False

    def _check(self, holds: bool, fault: str) -> None:
        if not holds:
            self.faults.append(fault)
            raise RuntimeError(fault)

    def hang_up(self, late: Iterable[bytes] = ()) -> None:
        """Close the connection; ``late`` arrives before that is noticed."""
        self._parts = list(late)
        self._gone.set()

    @property
    def unread(self) -> int:
        """How many pieces of its body nobody has asked for."""
        return len(self._parts)

    @property
    def ended(self) -> bool:
        """Whether the last part of the answer was sent."""
        return len(self.sent) > 1 and not self.sent[-1].get("more_body", False)

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def pieces(self) -> list[bytes]:
        """The body, one item for each send."""
        return [message.get("body", b"") for message in self.sent[1:]]

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def error(self) -> dict[str, str | None]:
        """The inside of an error document."""
        document = msgspec.json.decode(self.body, type=dict[str, dict[str, str | None]])
        assert list(document) == ["error"]
        return document["error"]
