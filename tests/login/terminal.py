"""Runs the command as a person at a terminal would, against an emulated auth host."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from chat2api_core.config import Settings
from chat2api_core.emulator import Emulator
from chat2api_core.login import main
from tests.fakes import FakeClock, FakeIds

Act = Callable[[str], Awaitable[None]]


async def nothing(_line: str) -> None:
    """A person who only reads."""


class Terminal:
    """``act`` is what the person does about a line; each wait lets it happen."""

    def __init__(self, emulator: Emulator, url: str) -> None:
        self.emulator = emulator
        self.url = url
        self.lines: list[str] = []
        self.waits: list[float] = []
        self.clock = FakeClock()
        self.act: Act = nothing
        self._doing: list[asyncio.Task[None]] = []

    def run(self, *argv: str) -> int:
        """The exit status."""
        settings = Settings(auth_url=self.url, connect_timeout=5, read_timeout=5)
        return main(
            list(argv),
            settings=settings,
            clock=self.clock,
            ids=FakeIds(),
            sleep=self._sleep,
            show=self._show,
        )

    def _show(self, line: str) -> None:
        self.lines.append(line)
        if _in_a_loop():
            self._doing.append(asyncio.ensure_future(self.act(line)))

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.advance(seconds)
        doing, self._doing = self._doing, []
        await asyncio.gather(*doing)


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def browse(url: str) -> tuple[int, str, str]:
    """GET a page: status, location and text."""
    host, _, path = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    reader, writer = await asyncio.open_connection(
        "127.0.0.1" if name == "localhost" else name, int(port)
    )
    writer.write(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    raw = (await reader.read()).decode()
    writer.close()
    head, _, text = raw.partition("\r\n\r\n")
    lines = head.split("\r\n")
    found = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines[1:]}
    return int(lines[0].split(" ")[1]), found.get("location", ""), text


def printed(text: str) -> Any:
    """The object on standard output, which is all there is."""
    return json.loads(text)
