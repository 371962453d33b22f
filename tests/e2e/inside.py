"""The whole way within one event loop: the application, the emulator, and no socket between them.

In: an application of ASGI that is asked in the upstream's place. Out: a ``Transport`` that asks it,
a ``Store`` that takes its time, and a gateway over both. Time is the loop's, so nothing waits
(``tests.asgi``). What is opened is written down until it is closed: at any moment it can be told
what somebody has left behind.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import unquote, urlsplit

from chat2api_core.ambient import SystemIds
from chat2api_core.config import Settings
from chat2api_core.emulator import Emulator
from chat2api_core.problem import Step
from chat2api_core.secret import Secret
from chat2api_core.stores.memory import MemoryStore
from chat2api_core.transport import Content, Headers, Reply, Transport
from chat2api_core.wiring import Gateway
from chat2api_core.wiring.ground import Ground
from tests.e2e.steps import ours

KEY = "sk-test-0123456789"
UPSTREAM = "http://upstream.invalid"
T = TypeVar("T")
_SETTLED = 100  # rounds of the loop after which what still works is left behind
_BEGAN = 1_787_300_000.0


class LoopClock:
    """The time of the running loop; ``ahead`` moves it."""

    ahead = 0.0

    def now(self) -> float:
        return _BEGAN + self.monotonic()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() + self.ahead


# ---------------------------------------------------------------------------------- the transport


class Inside(Transport):
    """Asks ``app``. ``open`` has the replies that nobody has closed or read to the end yet."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        super().__init__(backend="httpx", connect_timeout=5, read_timeout=60)
        self._app = app
        self.open: list[_Reply] = []

    async def send(
        self,
        method: str,
        url: str,
        headers: Headers,
        content: Content = b"",
        *,
        step: Step,
        proxy: str = "",
        read_timeout: float | None = None,
    ) -> Reply:
        await asyncio.sleep(0)  # connecting takes its time, too
        body = content if isinstance(content, bytes) else b"".join([one async for one in content])
        reply = _Reply(step, self.open)
        counted = ours.set(False)
        try:
            scope = _scope(method, url, headers)
            reply.serving = asyncio.create_task(reply.serve(self._app, scope, body))
        finally:
            ours.reset(counted)
        self.open.append(reply)
        try:
            await reply.begun()
        except BaseException:
            await reply.aclose()
            raise
        return reply


class _Reply(Reply):
    """One answer of the application."""

    def __init__(self, step: Step, open_ones: "list[_Reply]") -> None:
        self.step: Step = step
        self.status = 0
        self.serving: asyncio.Task[None]
        self._open = open_ones
        self._raw: list[tuple[str, str]] = []
        self._begun = asyncio.Event()
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self._over = False

    async def serve(self, app: Callable[..., Awaitable[None]], scope: Any, body: bytes) -> None:
        """Be the server of one request."""
        asked = False

        async def receive() -> Mapping[str, Any]:
            nonlocal asked
            if asked:
                await asyncio.Event().wait()  # until this task is cancelled
            asked = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                pairs = message.get("headers", [])
                self._raw = [(name.decode().lower(), value.decode()) for name, value in pairs]
                self._begun.set()
            elif message.get("body"):
                await self._pieces.put(message["body"])

        await app(scope, receive, send)
        await asyncio.sleep(0.01)  # the end of a body is seldom in the same packet as its last word
        await self._pieces.put(None)

    async def begun(self) -> None:
        """The head is there."""
        await self._begun.wait()

    @property
    def headers(self) -> dict[str, str]:
        return dict(self._raw)

    def header(self, name: str) -> str:
        return ", ".join(value for known, value in self._raw if known == name)

    @property
    def cookies(self) -> list[str]:
        return [value for known, value in self._raw if known == "set-cookie"]

    async def chunk(self, step: Step = "stream") -> bytes | None:
        if self._over:
            return None
        piece = await self._pieces.get()
        if piece is None:
            self._over = True
        return piece

    async def aclose(self) -> None:
        # As a socket is closed: at once, whatever becomes of who closes it.
        self.serving.cancel()
        if self in self._open:
            self._open.remove(self)


def _scope(method: str, url: str, headers: Headers) -> dict[str, Any]:
    address = urlsplit(url)
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": address.scheme,
        "path": unquote(address.path),
        "raw_path": address.path.encode(),
        "root_path": "",
        "query_string": address.query.encode(),
        "headers": [(name.lower(), value) for name, value in headers],
        "client": ("127.0.0.1", 1),
        "server": (address.hostname, 80),
    }


# -------------------------------------------------------------------------------------- the store


class Afar:
    """A store on another machine: every word of it takes its time, both ways."""

    name: Final = "afar"
    durable: Final = True

    def __init__(self, clock: LoopClock) -> None:
        self.held = MemoryStore(clock)

    async def _told(self, question: Callable[[], Awaitable[T]]) -> T:
        await asyncio.sleep(0)
        answer = await question()
        await asyncio.sleep(0)
        return answer

    async def get(self, key: str) -> bytes | None:
        return await self._told(lambda: self.held.get(key))

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        return await self._told(lambda: self.held.get_many(keys))

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        await self._told(lambda: self.held.put(key, value, ttl))

    async def add(self, key: str, value: bytes, ttl: float | None = None) -> bool:
        return await self._told(lambda: self.held.add(key, value, ttl))

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        return await self._told(lambda: self.held.swap(key, old, new, ttl))

    async def delete(self, key: str) -> None:
        await self._told(lambda: self.held.delete(key))

    async def delete_if(self, key: str, old: bytes) -> bool:
        return await self._told(lambda: self.held.delete_if(key, old))

    async def increment(self, key: str, by: int = 1, ttl: float | None = None) -> int:
        return await self._told(lambda: self.held.increment(key, by, ttl))

    async def increment_many(
        self, amounts: Mapping[str, int], ttl: float | None = None, *, once: str = ""
    ) -> None:
        await self._told(lambda: self.held.increment_many(amounts, ttl, once=once))

    async def keys(self, prefix: str, limit: int = 1000) -> list[str]:
        return await self._told(lambda: self.held.keys(prefix, limit))

    async def aclose(self) -> None:
        return


# ------------------------------------------------------------------------------------ the gateway


class World:
    """A gateway in front of an emulator, and what they may leave behind."""

    def __init__(self, **changes: Any) -> None:
        self.clock = LoopClock()
        self.ids = SystemIds()
        self.emulator = Emulator(clock=self.clock)
        self.transport = Inside(self.emulator)
        self.store = Afar(self.clock)
        known: dict[str, Any] = {
            "auth_tokens": (Secret(KEY),),
            "base_urls": (UPSTREAM,),
            "auth_url": UPSTREAM,
            "secret_key": Secret("a key to seal with, long enough for it"),
            "account_concurrency": 1,
            "random_token": False,
            "usage_counter": "estimate",
            "platform": "lambda",
        }
        settings = Settings(**(known | changes))
        ground = Ground(
            settings,
            clock=self.clock,
            ids=self.ids,
            transport=self.transport,
            store=self.store,
        )
        self.gateway = Gateway(settings, clock=self.clock, ids=self.ids, ground=ground)

    async def left(self, rests: int = 0) -> list[str]:
        """What is held that a request should have let go of, in words. So many ``rests`` of
        accounts are as it should be."""
        left = await self._settled()
        left += [f"a reply of step {one.step} is open" for one in self.transport.open]
        for prefix in ("lease:", "probe:", "lock:"):
            left += await self.store.held.keys(prefix)
        if self.emulator.log.open_streams:
            left.append(f"{self.emulator.log.open_streams} streams of the upstream are open")
        members = self.gateway.office.pool.members
        known = [self.gateway.office.ledger.standing(member.key) for member in members]
        found = [f"a rest: {one.message}" for each in known for one in each.rests.values()]
        if len(found) > rests:
            left += found
        return left + [each.out.message for each in known if each.out is not None]

    async def _settled(self) -> list[str]:
        """What goes on by itself comes to its end; the names of what does not."""
        for _ in range(_SETTLED):
            others = asyncio.all_tasks() - {asyncio.current_task()}
            if not others:
                return []
            await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED, timeout=1)
        return [f"a task is left: {one.get_coro()}" for one in others]
