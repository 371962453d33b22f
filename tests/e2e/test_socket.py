"""The WebSocket as a body, over real sockets: a server that does as it is told, and proxies."""

import asyncio
import contextlib
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web.socket import Dialling, Socket, read_address
from chat2api_core.upstreams.chatgpt_web.topics import Subscription

TOPIC = "conversation-turn-turn-9"
Serving = Callable[[ServerConnection], Awaitable[None]]


def item(number: int) -> dict[str, Any]:
    inner = {
        "type": "stream-item",
        "conversation_id": "conv-3",
        "encoded_item": f"<{number}>",
        "stream_item_id": f"i-{number}",
    }
    payload = {"type": "conversation-turn-stream", "payload": inner}
    return {"type": "message", "topic_id": TOPIC, "offset": f"{number}-0", "payload": payload}


DONE = item(0) | {
    "payload": {
        "type": "conversation-turn-stream",
        "payload": {"type": "done", "conversation_id": "conv-3", "turn_id": "turn-9"},
    }
}


def subscribed(*catchups: object) -> dict[str, Any]:
    reply = {"type": "subscribe", "topic_id": TOPIC, "recovered": True, "catchups": catchups}
    return {"id": 3, "type": "reply", "reply": reply}


class Server:
    """Does with each connection what comes next."""

    def __init__(self, *turns: Serving) -> None:
        self._turns = list(turns)
        self.heads: list[dict[str, str]] = []
        self.heard: list[Any] = []
        self.left = asyncio.Event()
        self.url = ""
        self.refuses = False

    async def handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.heads.append({key.lower(): value for key, value in connection.request.headers.items()})
        for _ in range(2):
            self.heard.append(json.loads(await connection.recv()))
        await self._turns.pop(0)(connection)
        with contextlib.suppress(Exception):
            async for text in connection:
                self.heard.append(json.loads(text))
        self.left.set()

    def check(self, connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(403, "No.") if self.refuses else None


@contextlib.asynccontextmanager
async def running(*turns: Serving) -> AsyncIterator[Server]:
    server = Server(*turns)
    async with serve(
        server.handle, "127.0.0.1", 0, process_request=server.check, close_timeout=0.2
    ) as listening:
        server.url = (
            f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/p24/ws/user/u?verify=1"
        )
        yield server


def says(*frames: object, leaves: bool = False) -> Serving:
    async def turn(connection: ServerConnection) -> None:
        for frame in frames:
            await connection.send(json.dumps(frame))
        if leaves:
            connection.transport.abort()

    return turn


def socket_to(url: str, slept: list[float] | None = None, **changes: Any) -> Socket:
    async def address() -> str:
        return url

    async def sleep(seconds: float) -> None:
        if slept is not None:
            slept.append(seconds)

    dialling: dict[str, Any] = {"origin": "https://chatgpt.com", "agent": "UA/1.0"}
    dialling |= {"tls": ssl.create_default_context, "sleep": sleep, **changes}
    return Socket(Dialling(address=address, **dialling), Subscription(TOPIC, "conv-3"))


async def read(body: Socket) -> str:
    """All of it."""
    pieces = b""
    try:
        while (chunk := await body.chunk()) is not None:
            pieces += chunk
    finally:
        await body.aclose()
    return pieces.decode()


async def trouble(body: Socket) -> Problem:
    with pytest.raises(Problem) as caught:
        await read(body)
    return caught.value


def test_it_is_opened_as_the_web_client_does_and_read_to_its_end() -> None:
    async def run() -> None:
        async with running(says(subscribed(item(1)), item(1), item(2), DONE)) as server:
            assert await read(socket_to(server.url)) == "<1><2>"
            await server.left.wait()
            (head,) = server.heads
            assert (head["origin"], head["user-agent"]) == ("https://chatgpt.com", "UA/1.0")
            assert "authorization" not in head
            assert "cookie" not in head
            assert server.heard[-1][0]["command"] == {"type": "unsubscribe", "topic_id": TOPIC}

    asyncio.run(run())


def test_a_connection_that_breaks_is_replaced_and_nothing_comes_twice() -> None:
    async def run() -> None:
        slept: list[float] = []
        turns = (
            says(subscribed(), item(1), item(2), leaves=True),
            says(leaves=True),
            says(item(4), subscribed(item(2), item(3)), item(4), DONE),
        )
        async with running(*turns) as server:
            assert await read(socket_to(server.url, slept)) == "<1><2><3><4>"
            offsets = [one[0]["command"].get("offset") for one in server.heard[1::2]]
            assert offsets[:3] == ["0", "2-0", "2-0"]
        assert slept == [0.3, 0.3]

    asyncio.run(run())


def test_a_connection_that_keeps_breaking_is_a_cut() -> None:
    async def run() -> None:
        async with running(*[says(subscribed(), item(1), leaves=True)] * 4) as server:
            problem = await trouble(socket_to(server.url))
            assert (problem.kind, problem.step) == (Kind.CUT, "stream")
            assert len(server.heads) == 4

    asyncio.run(run())


def test_a_server_that_falls_silent_is_a_time_out() -> None:
    async def run() -> None:
        async with running(says(subscribed(), item(1))) as server:
            problem = await trouble(socket_to(server.url, silence=0.05))
            assert problem.kind is Kind.TIMEOUT

    asyncio.run(run())


def test_garbage_is_said_to_be_garbage() -> None:
    async def run() -> None:
        async with running(says(["oops"])) as server:
            assert (await trouble(socket_to(server.url))).kind is Kind.GARBAGE

    asyncio.run(run())


def test_who_closes_it_does_not_wait_for_anybody() -> None:
    async def run() -> None:
        async with running(says(subscribed(), item(1))) as server:
            body = socket_to(server.url)
            assert await body.chunk() == b"<1>"
            reading = asyncio.create_task(body.chunk())
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])
            await body.aclose()
            await server.left.wait()
            await body.aclose()

    asyncio.run(run())


def test_a_server_that_does_not_say_good_bye_is_not_waited_for() -> None:
    async def deaf(connection: ServerConnection) -> None:
        await connection.send(json.dumps(subscribed(item(1))))
        connection.transport.pause_reading()

    async def run() -> None:
        async with running(deaf) as server:
            body = socket_to(server.url)
            assert await body.chunk() == b"<1>"
            async with asyncio.timeout(5):
                await body.aclose()

    asyncio.run(run())


def test_a_socket_that_was_never_read_was_never_opened() -> None:
    async def run() -> None:
        async with running() as server:
            await socket_to(server.url).aclose()
            assert server.heads == []

    asyncio.run(run())


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def test_what_cannot_be_opened_says_why() -> None:
    async def run() -> None:
        async with running() as server:
            server.refuses = True
            for body, why in (
                (socket_to(server.url), "InvalidStatus"),
                (socket_to(f"ws://127.0.0.1:{free_port()}/"), "Connection"),
                (socket_to("ws://"), "InvalidURI"),
                (socket_to(server.url, proxy="http://user@127.0.0.1"), "InvalidProxy"),
                (socket_to(server.url.replace("ws:", "wss:")), ""),
            ):
                problem = await trouble(body)
                assert problem.kind is Kind.HANDOFF
                assert why in problem.message
                assert "verify" not in problem.message

    asyncio.run(run())


@contextlib.asynccontextmanager
async def proxying(greet: Callable[..., Awaitable[tuple[str, int]]]) -> AsyncIterator[list[int]]:
    """A proxy. ``greet`` speaks its protocol and says where the client wants to go."""
    ports: list[int] = []
    pumps: set[asyncio.Task[None]] = set()

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    async def serve_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = await greet(reader, writer)
        ports.append(port)
        far_reader, far_writer = await asyncio.open_connection(host, port)
        pumps.add(asyncio.create_task(pump(reader, far_writer)))
        pumps.add(asyncio.create_task(pump(far_reader, writer)))

    async with await asyncio.start_server(serve_client, "127.0.0.1", 0) as listening:
        ports.append(listening.sockets[0].getsockname()[1])
        yield ports
        await asyncio.wait(pumps)


async def connect_proxy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[str, int]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    method, target, _ = head.split(" ", 2)
    assert method == "CONNECT"
    assert "proxy-authorization: basic dXNlcjpwYXNz".lower() in head.lower()
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    host, _, port = target.rpartition(":")
    return host, int(port)


async def socks_proxy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[str, int]:
    """SOCKS 5 with a name and a password."""
    _, count = await reader.readexactly(2)
    assert 2 in await reader.readexactly(count)
    writer.write(b"\x05\x02")
    _, length = await reader.readexactly(2)
    assert await reader.readexactly(length) == b"user"
    (length,) = await reader.readexactly(1)
    assert await reader.readexactly(length) == b"pass"
    writer.write(b"\x01\x00")
    _, _, _, kind = await reader.readexactly(4)
    raw = await reader.readexactly(4 if kind == 1 else (await reader.readexactly(1))[0])
    host = socket.inet_ntoa(raw) if kind == 1 else raw.decode()
    port = int.from_bytes(await reader.readexactly(2), "big")
    writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
    return host, port


@pytest.mark.parametrize(
    ("scheme", "greet"),
    [("http", connect_proxy), ("socks5", socks_proxy), ("socks5h", socks_proxy)],
    ids=["http", "socks5", "socks5h"],
)
def test_it_goes_through_the_proxy_of_its_account(
    scheme: str, greet: Callable[..., Awaitable[tuple[str, int]]]
) -> None:
    async def run() -> None:
        async with (
            running(says(subscribed(item(1)), DONE)) as server,
            proxying(greet) as ports,
        ):
            proxy = f"{scheme}://user:pass@127.0.0.1:{ports[0]}"
            assert await read(socket_to(server.url, proxy=proxy)) == "<1>"
            assert str(ports[1]) in server.url

    asyncio.run(run())


def test_socks_without_its_package_says_what_is_missing() -> None:
    code = (
        "import asyncio, sys; sys.modules['python_socks'] = None\n"
        "from tests.e2e.test_socket import socket_to, trouble\n"
        "body = socket_to('ws://127.0.0.1/', proxy='socks5://127.0.0.1:9')\n"
        "print(asyncio.run(trouble(body)).message)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )

    assert "python-socks" in done.stdout


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with running(says(subscribed(item(1)), DONE)) as server:
            assert await read(socket_to(server.url)) == "<1>"

    for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "no_proxy"):
        monkeypatch.setenv(name, "" if name == "no_proxy" else f"http://127.0.0.1:{free_port()}")
    asyncio.run(run())


class TestAddress:
    def test_it_is_read(self) -> None:
        url = "wss://ws.chatgpt.com/p24/ws/user/user-ABC?verify=1787300000-demo"
        body = json.dumps({"websocket_url": url}).encode()

        assert read_address(body, secure=True) == url

    @pytest.mark.parametrize(
        "body",
        [b"{}", b"[]", b"", b'{"websocket_url":"https://x"}', b'{"websocket_url":"ws://x"}'],
    )
    def test_what_is_none_is_refused(self, body: bytes) -> None:
        with pytest.raises(Problem) as caught:
            read_address(body, secure=True)
        assert caught.value.kind is Kind.HANDOFF

    def test_without_tls_only_where_the_site_is_without(self) -> None:
        assert read_address(b'{"websocket_url":"ws://x"}', secure=False) == "ws://x"
