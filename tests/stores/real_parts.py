"""The real parts that the stores are tested against: Redis, DynamoDB as moto plays it, and a
stand-in for Upstash in front of the real Redis. All on loopback, each on a port of its own.

A part that is missing on this machine skips its tests, visibly; where CI is set it fails them.
"""

import contextlib
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

import httpx
import msgspec
import pytest
import redis
from redis.asyncio import Redis
from starlette.types import ASGIApp, Receive, Scope, Send

from chat2api_core.problem import Kind, Problem

START = 1_800_000_000.0
_DEADLINE = 20.0  # seconds for a part to come up

# One question after the other: moto's own server answers many at the same time, but then its
# writes are not atomic, as those of DynamoDB are (increments were seen to get lost).
_MOTO = """
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
run_simple("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)
"""


class SteppedClock:
    """Both clocks, and they move only when told to."""

    def __init__(self, start: float = START) -> None:
        self.time = start

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time - START

    def step(self, seconds: float) -> None:
        self.time += seconds


def missing(part: str, mend: str) -> None:
    """A part of the machine that these tests need is not there."""
    words = f"{part} is not installed; {mend}"
    if os.environ.get("CI"):
        pytest.fail(words)
    pytest.skip(words)


class RedisServer:
    """A real redis-server on a free port; it can be stopped and started again on the same one.

    With ``lasting`` each write is on the disk before its reply."""

    def __init__(self, folder: Path, *, lasting: bool = False, password: str = "") -> None:
        self._folder = folder
        self._words = ["--save", "", "--appendonly", "yes" if lasting else "no"]
        self._words += ["--appendfsync", "always", "--dir", str(folder)]
        self._words += ["--requirepass", password] if password else []
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        binary = shutil.which("redis-server")
        if binary is None:
            missing("redis-server", "`apt-get install redis-server` or `brew install redis` has it")
        assert binary is not None
        for _ in range(5):  # another process may take the free port before Redis does
            port = self.port or _free_port()
            command = [binary, "--bind", "127.0.0.1", "--port", str(port), *self._words]
            with (self._folder / "redis.log").open("ab") as log:
                self._process = subprocess.Popen(command, stdout=log, stderr=log)
            if self._answers(port):
                self.port = port
                return
            self.stop()
        pytest.fail("redis-server does not come up")

    def stop(self) -> None:
        """Kill it, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self, port: int) -> bool:
        assert self._process is not None
        end = time.monotonic() + _DEADLINE
        while time.monotonic() < end and self._process.poll() is None:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port), 1) as s,
            ):
                s.settimeout(1)
                s.sendall(b"PING\r\n")
                if s.recv(64).startswith((b"+PONG", b"-NOAUTH")):
                    return True
            time.sleep(0.01)
        return False


@contextlib.contextmanager
def redis_server(
    folder: Path, *, lasting: bool = False, password: str = ""
) -> Iterator[RedisServer]:
    server = RedisServer(folder, lasting=lasting, password=password)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def let_time_pass_in_redis(url: str, prefix: str, seconds: float) -> None:
    """Bring the end of every entry nearer, which is all that its own clock would do."""
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(match=prefix + "*", count=1000):
            left = client.pttl(key)
            assert isinstance(left, int)
            if left >= 0:
                client.pexpire(key, max(0, left - int(seconds * 1000)))


@contextlib.contextmanager
def dynamodb_server() -> Iterator[str]:
    """The URL of a moto server, which plays DynamoDB (and does not check signatures)."""
    if any(importlib.util.find_spec(name) is None for name in ("moto", "flask_cors")):
        missing("moto", "`make install` has it")
    # Its log goes to a file: a pipe that nobody reads would fill up and stop it.
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([sys.executable, "-c", _MOTO], stdout=log, stderr=log)
        try:
            yield _announced_url(process, log)
        finally:
            process.kill()
            process.wait()


def make_table(endpoint: str, table: str) -> None:
    """The table as deployments make it: one string key, paid by request."""
    body = {
        "TableName": table,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "DynamoDB_20120810.CreateTable",
        "authorization": "AWS4-HMAC-SHA256 Credential=t/20270101/eu-west-1/dynamodb/aws4_request",
    }
    httpx.post(endpoint, headers=headers, json=body, timeout=20).raise_for_status()


@contextlib.asynccontextmanager
async def upstash_stand_in(redis_url: str, token: str) -> AsyncIterator[ASGIApp]:
    """An ASGI app that answers as Upstash's REST API does: POST / with one command as an array,
    a bearer token, ``{"result": ...}`` or ``{"error": ...}`` with 400; 401 for another token."""
    client = Redis.from_url(redis_url, decode_responses=True)
    client.response_callbacks.clear()  # replies as Redis gives them

    async def answer(authorization: str, body: bytes) -> tuple[int, dict[str, object]]:
        if authorization != f"Bearer {token}":
            return 401, {"error": "Unauthorized"}
        command = msgspec.json.decode(body, type=list[str | int])
        try:
            return 200, {"result": await client.execute_command(*command)}  # type: ignore[no-untyped-call]
        except redis.ResponseError as error:
            return 400, {"error": f"ERR {error}"}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (scope["method"], scope["path"]) == ("POST", "/")
        body, more = b"", True
        while more:
            event = await receive()
            body += event["body"]
            more = event.get("more_body", False)
        authorization = dict(scope["headers"]).get(b"authorization", b"").decode()
        status, document = await answer(authorization, body)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": msgspec.json.encode(document)})

    try:
        yield app
    finally:
        await client.aclose(close_connection_pool=True)


Poster = Callable[[str, Mapping[str, str], bytes], Awaitable[tuple[int, bytes]]]


def poster(client: httpx.AsyncClient) -> Poster:
    """The ``post`` that stores are given, over this client."""

    async def post(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        try:
            reply = await client.post(url, headers=dict(headers), content=body)
        except httpx.HTTPError as error:
            raise Problem(Kind.UNREACHABLE, "no answer", step="request") from error
        return reply.status_code, reply.content

    return post


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _announced_url(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    end = time.monotonic() + _DEADLINE
    while time.monotonic() < end and process.poll() is None:
        # By position, because the process writes where this file handle stands.
        text = os.pread(log.fileno(), 65536, 0)
        found = re.search(rb"Running on (http://127\.0\.0\.1:\d+)\s", text)
        if found:
            return found[1].decode()
        time.sleep(0.02)
    pytest.fail("moto's server does not come up")
