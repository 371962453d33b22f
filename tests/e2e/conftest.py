"""The whole way: a client, the application of ``api/`` under a real server, the emulator, and real
sockets between them."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.ambient import SystemClock, SystemIds
from chat2api_core.config import Settings
from chat2api_core.emulator import DEMO_ACCESS_TOKEN, Emulator
from chat2api_core.secret import Secret
from chat2api_core.server import application, serving
from chat2api_core.wiring import Gateway

KEY = "sk-test-0123456789"
ASK: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "Hello?"}]}


class Upstream:
    """The emulator and where it listens. ``servers`` is closed some time after the test."""

    def __init__(self, app: Emulator, url: str, servers: ExitStack) -> None:
        self.app = app
        self.url = url
        self.servers = servers
        self.push = app.script.push

    def eventually(self, condition: Callable[[], bool], seconds: float = 5.0) -> bool:
        """Whether the condition comes true in time."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True


class Api:
    """A client of the gateway that sees the bytes."""

    def __init__(self, url: str, client: httpx.Client) -> None:
        self.url = url
        self.client = client

    def post(self, body: object, path: str = "/v1/chat/completions", **headers: str) -> Any:
        """A response of httpx, whatever its status."""
        return self.client.post(path, json=body, headers=headers)

    def ask(self, **fields: object) -> Any:
        """The document of an answer."""
        response = self.post(ASK | fields)
        assert response.status_code == 200, response.text
        return response.json()

    def stream(self, **fields: object) -> "Streamed":
        """All of a streamed answer."""
        response = self.post(ASK | {"stream": True} | fields)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith("text/event-stream")
        return Streamed(response.text)


class Streamed:
    """The events of a stream, and what they add up to."""

    def __init__(self, raw: str) -> None:
        self.raw = raw
        blocks = [block for block in raw.split("\n\n") if block and not block.startswith(":")]
        data = [block.removeprefix("data: ") for block in blocks]
        self.done = data[-1:] == ["[DONE]"]
        self.events: list[Any] = [json.loads(item) for item in data if item != "[DONE]"]

    def _joined(self, field: str) -> str:
        return "".join(
            choice["delta"].get(field) or ""
            for event in self.events
            for choice in event.get("choices", [])
        )

    @property
    def text(self) -> str:
        return self._joined("content")

    @property
    def reasoning(self) -> str:
        return self._joined("reasoning_content")

    @property
    def finish_reason(self) -> str | None:
        reasons = [choice["finish_reason"] for e in self.events for choice in e.get("choices", [])]
        return next((reason for reason in reasons if reason), None)

    @property
    def error(self) -> Any:
        return next((event["error"] for event in self.events if "error" in event), None)


@pytest.fixture(scope="session")
def close_later() -> Iterator[Callable[[ExitStack], None]]:
    """Closes what a test leaves. A server takes a third of a second to stop, most of it asleep: no
    test waits for that. What goes wrong is told at the end."""
    closings: list[Future[None]] = []
    with ThreadPoolExecutor(8) as threads:
        yield lambda stack: closings.append(threads.submit(stack.close))
    for closing in closings:
        closing.result()


@pytest.fixture
def emulator(close_later: Callable[[ExitStack], None]) -> Iterator[Upstream]:
    app = Emulator()
    servers = ExitStack()
    url = servers.enter_context(serving(app, "critical"))  # it breaks connections off on purpose
    yield Upstream(app, url, servers)
    close_later(servers)


Start = Callable[..., Api]


@pytest.fixture
def start(emulator: Upstream) -> Start:
    """Serve the application with these settings, in front of the emulator."""

    def begin(**changes: Any) -> Api:
        known: dict[str, Any] = {
            "auth_tokens": (Secret(KEY),),
            "accounts": (Account(access_token=Secret(DEMO_ACCESS_TOKEN)),),
            "base_urls": (emulator.url,),
            "auth_url": emulator.url,
            "random_token": False,
            "usage_counter": "estimate",
            "connect_timeout": 5.0,
            "read_timeout": 5.0,
            # After a heartbeat a refusal has no status: no test shall hang on how busy we are.
            "heartbeat": 0.0,
        }
        settings = Settings(**(known | changes))
        gateway = Gateway(settings, clock=SystemClock(), ids=SystemIds())
        url = emulator.servers.enter_context(serving(application(gateway)))
        headers = {"authorization": f"Bearer {KEY}"}
        client = httpx.Client(base_url=url, headers=headers, timeout=20)
        return Api(url, emulator.servers.enter_context(client))

    return begin


@pytest.fixture
def api(start: Start) -> Api:
    return start()
