"""Runs what ``vercel build`` made: the router and the host of its one function.

The function runs as it was built, in a folder of its own, under the runtime that was built into it.
What stands in for the platform: routing, the limit of a request's size, the deadline, and hanging
up on the function when the client hangs up.
"""

import asyncio
import contextlib
import datetime
import json
import re
import shutil
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import h11

from tests.deploy.wire import Pairs, Wire, listening

LARGEST = 4_500_000  # bytes of a request's body
_START = 30.0  # seconds
_HOP = {b"connection", b"content-length", b"transfer-encoding", b"expect"}


class VercelHost:
    """``async with VercelHost(...).open() as url``. ``project`` is the folder that was built."""

    def __init__(
        self,
        project: Path,
        *,
        python: str,
        work: Path,
        environment: Mapping[str, str],
        seconds: float | None = None,
    ) -> None:
        output = project / ".vercel" / "output"
        self._routes = json.loads((output / "config.json").read_text())["routes"]
        folders = output / "functions"
        self.functions = sorted(folders.rglob("*.func"))
        [self._built] = self.functions  # one function serves every route
        self._name = f"/{self._built.relative_to(folders).with_suffix('').as_posix()}"
        self.config: dict[str, Any] = json.loads((self._built / ".vc-config.json").read_text())
        self._project = project
        self._python = python
        self._work = work
        self._environment = environment
        self._seconds = seconds or self.config["maxDuration"]
        self._port = 0
        self.log: list[dict[str, Any]] = []  # what the runtime told its host

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Start the function and listen; the address."""
        folder = self._assemble()
        socket = self._work / "ipc.sock"
        started: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

        async def told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError):
                while True:
                    message = json.loads((await reader.readuntil(b"\0"))[:-1])
                    self.log.append(message)
                    if message["type"] == "server-started" and not started.done():
                        started.set_result(message["payload"])
            writer.close()

        server = await asyncio.start_unix_server(told, socket, limit=1 << 24)
        process = await self._start(folder, socket)
        try:
            self._port = (await asyncio.wait_for(started, _START))["httpPort"]
            async with listening(self._serve) as port:
                yield f"http://127.0.0.1:{port}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await asyncio.wait_for(process.wait(), 10)
            server.close()

    def _assemble(self) -> Path:
        """The function's folder, as it would be unpacked: nothing else of the project is in it."""
        folder = self._work / "function"
        shutil.copytree(self._built, folder)
        for place, source in self.config.get("filePathMap", {}).items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._project / source, folder / place)
        return folder

    async def _start(self, folder: Path, socket: Path) -> asyncio.subprocess.Process:
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._work),
            "LANG": "C.UTF-8",
            "VERCEL": "1",
            "VERCEL_ENV": "production",
            "VERCEL_REGION": "dev1",
            "LAMBDA_TASK_ROOT": str(folder),
            "VERCEL_IPC_PATH": str(socket),
            **self.config.get("environment", {}),
            **self._environment,
        }
        module = self.config["handler"].rpartition(".")[0]
        return await asyncio.create_subprocess_exec(
            self._python, "-c", f"import {module}", cwd=folder, env=environment
        )

    def _leads_to_the_function(self, path: str) -> bool:
        """Whether the routes that rewrite send a path to the function, unchanged."""
        phase = ""
        for route in self._routes:
            phase = route.get("handle", phase)
            if phase != "rewrite" or not (match := re.match(route.get("src", "$^"), path)):
                continue
            [change] = route["transforms"]
            asked = change["args"].replace("$1", match.group(1))
            return bool(route["dest"] == self._name and asked == path)
        return False

    async def _serve(self, wire: Wire, request: h11.Request) -> None:
        body = await wire.whole_body()
        if len(body) > LARGEST:
            await wire.answer(413, b"Request Entity Too Large\n\nFUNCTION_PAYLOAD_TOO_LARGE\n")
            return
        if not self._leads_to_the_function(request.target.decode().partition("?")[0]):
            await wire.answer(404, b"The page could not be found\n\nNOT_FOUND\n")
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        inner = Wire(reader, writer, h11.CLIENT)
        relaying = asyncio.create_task(self._relay(wire, inner, request, body))
        leaving = asyncio.create_task(wire.hung_up())
        try:
            await asyncio.wait((relaying, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (relaying, leaving):
                task.cancel()
            await asyncio.gather(relaying, leaving, return_exceptions=True)
            writer.close()

    async def _relay(self, wire: Wire, inner: Wire, request: h11.Request, body: bytes) -> None:
        sent = [*self._headers(wire, request), (b"content-length", str(len(body)).encode())]
        head = h11.Request(method=request.method, target=request.target, headers=sent)
        await inner.send(head, h11.Data(data=body), h11.EndOfMessage())
        response = await inner.next()
        assert isinstance(response, h11.Response)
        kept = [(name, value) for name, value in response.headers if name not in _HOP]
        answer = [*kept, (b"transfer-encoding", b"chunked")]
        await wire.send(h11.Response(status_code=response.status_code, headers=answer))
        async for part in inner.body():
            await wire.send(h11.Data(data=part))
        await wire.send(h11.EndOfMessage())

    def _headers(self, wire: Wire, request: h11.Request) -> Pairs:
        now = datetime.datetime.now(datetime.UTC)
        told = {
            "connection": "close",
            "x-forwarded-proto": "https",
            "x-forwarded-for": wire.peer,
            "x-vercel-internal-invocation-id": str(uuid.uuid4()),
            "x-vercel-internal-request-id": "1",
            "x-vercel-internal-deadline": (
                now + datetime.timedelta(seconds=self._seconds)
            ).isoformat(),
        }
        kept = [(name, value) for name, value in request.headers if name not in _HOP]
        return [*kept, *((name.encode(), value.encode()) for name, value in told.items())]
