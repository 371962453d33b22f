"""Cold starts: ``python -m tests.deploy.cold``. What a fresh process pays until the first byte of
an answer, in CPU milliseconds, for each route, with and without compiled files.

In: the sources, and the zip's own dependencies. Out: a table. Each figure is the median of several
fresh interpreters that answer one request by hand, without a server around them; the bare
application beside it is starlette and httpx with one route.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from chat2api_core.emulator import DEMO_ACCESS_TOKEN, Emulator
from chat2api_core.server import serving
from tests.deploy.install import ROOT, Tools, tools

_TIMES = 9
ROUTES = {
    "GET /health": ("GET", "/health", ""),
    "GET /v1/models": ("GET", "/v1/models", ""),
    "POST /v1/chat/completions": (
        "POST",
        "/v1/chat/completions",
        '{"stream": true, "messages": [{"role": "user", "content": "Hello"}]}',
    ),
}
_BARE = """
import httpx
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

async def answer(request):
    async with httpx.AsyncClient() as client:
        await client.get("UPSTREAM/")
    return JSONResponse({})

app = Starlette(routes=[Route("/", answer)])
"""
_OURS = "from api.index import app\n"
# Asks the application by hand and tells the CPU time at its first byte.
_ASK = """
import asyncio, os, sys, time
METHOD, PATH, BODY = {request!r}

async def ask():
    sent = [{{"type": "http.request", "body": BODY.encode(), "more_body": False}}]

    async def receive():
        return sent.pop() if sent else await asyncio.Event().wait()

    async def send(message):
        if message["type"] == "http.response.body" and message.get("body"):
            print(time.process_time() * 1000, flush=True)
            os._exit(0)

    headers = [(b"authorization", b"Bearer sk-cold"), (b"host", b"cold")]
    scope = {{"type": "http", "asgi": {{"version": "3.0"}}, "http_version": "1.1",
             "method": METHOD, "path": PATH, "raw_path": PATH.encode(), "query_string": b"",
             "root_path": "", "scheme": "https", "headers": headers, "client": ("::1", 1),
             "server": ("cold", 443)}}
    await app(scope, receive, send)

asyncio.run(ask())
"""


class Bench:
    """One folder with the sources and the dependencies, compiled or not."""

    def __init__(self, folder: Path, python: str, upstream: str, *, compiled: bool) -> None:
        self._folder = folder
        self._python = python
        self._upstream = upstream
        if compiled:
            command = [python, "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", "."]
            subprocess.run(command, cwd=folder, check=True)

    def milliseconds(self, load: str, request: tuple[str, str, str]) -> float:
        """CPU until the first byte, over that of an interpreter that does nothing."""
        program = load.replace("UPSTREAM", self._upstream) + _ASK.format(request=request)
        empty = "import time; print(time.process_time() * 1000)"
        return self._median(program) - self._median(empty)

    def _median(self, program: str) -> float:
        return statistics.median(self._once(program) for _ in range(_TIMES))

    def _once(self, program: str) -> float:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "VERCEL": "1",  # a function, not the plain server
            "AUTH_TOKENS": "sk-cold",
            "CHATGPT_ACCESS_TOKENS": DEMO_ACCESS_TOKEN,
            "CHATGPT_BASE_URL": self._upstream,
            "LOG_LEVEL": "error",
        }
        command = [self._python, "-c", program]
        done = subprocess.run(
            command, cwd=self._folder, env=environment, capture_output=True, text=True, check=True
        )
        return float(done.stdout)


def prepare(folder: Path, found: Tools) -> None:
    """The sources, and the dependencies as the runtime's Python takes them, not compiled."""
    for package in ("api", "chat2api_core"):
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=leave)
    uv = [str(found.folder / "py" / "bin" / "uv"), "pip", "install", "--quiet"]
    where = ["--python", found.python, "--target", str(folder), "--no-build"]
    subprocess.run([*uv, *where, "-r", str(ROOT / "requirements.txt")], check=True)


def main() -> None:
    """Measure and print."""
    found = tools()
    rows: dict[str, list[float]] = {name: [] for name in ("a bare application", *ROUTES)}
    with tempfile.TemporaryDirectory() as name, serving(Emulator()) as upstream:
        folder = Path(name)
        prepare(folder, found)
        for compiled in (False, True):
            bench = Bench(folder, found.python, upstream, compiled=compiled)
            rows["a bare application"].append(bench.milliseconds(_BARE, ("GET", "/", "")))
            for route, request in ROUTES.items():
                rows[route].append(bench.milliseconds(_OURS, request))
    lines = ["| CPU ms to the first byte | without bytecode | with bytecode |", "|---|---|---|"]
    for label, (without, with_it) in rows.items():
        lines.append(f"| {label} | {without:.0f} | {with_it:.0f} |")
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
