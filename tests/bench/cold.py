"""Cold starts: what a fresh process pays, from its start to the first byte of its first answer.

In: the sources, the packages of requirements.txt, an upstream that answers. Out: CPU seconds of one
request for each route, asked by hand without a server, as the process tells them itself. What is
measured stands in a folder of its own, as a function has it: nothing else can be imported, and
there is bytecode beside the sources or there is none. The standard library has its own either way.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from msgspec import Struct

from chat2api_core.emulator import DEMO_ACCESS_TOKEN
from tests.bench.door import Site
from tests.bench.process import ROOT

TIMES = 7
_KEY = "sk-cold"
_OURS = ("api", "chat2api_core")
_NAME = re.compile(r"[\w.-]+")


class Request(Struct, frozen=True):
    """What is asked first. ``app`` is where the application is, as ``module.name``."""

    method: str
    path: str
    body: str = ""
    app: str = "api.index.app"


BARE = Request("GET", "/", app="bare.app")
ROUTES = {
    "GET /health": Request("GET", "/health"),
    "GET /v1/models": Request("GET", "/v1/models"),
    "POST /v1/chat/completions": Request(
        "POST",
        "/v1/chat/completions",
        '{"stream": true, "messages": [{"role": "user", "content": "Hello"}]}',
    ),
    "POST /v1/responses": Request(
        "POST", "/v1/responses", '{"model": "auto", "stream": true, "input": "Hello"}'
    ),
    "GET /admin": Request("GET", "/admin"),
}
# Asks an application by hand, and tells the CPU seconds at its first byte and what is imported.
_ASK = """
import asyncio, importlib, os, sys, time
sys.path.insert(0, os.getcwd())
app, method, path, body = sys.argv[1:]
module, _, name = app.rpartition(".")
app = getattr(importlib.import_module(module), name)

async def ask():
    sent = [{"type": "http.request", "body": body.encode(), "more_body": False}]

    async def receive():
        return sent.pop() if sent else await asyncio.Event().wait()

    async def send(message):
        if message["type"] == "http.response.start":
            assert message["status"] == 200, message
        elif message.get("body"):
            print(time.process_time(), *sys.modules, flush=True)
            os._exit(0)

    headers = [(b"authorization", b"Bearer sk-cold"), (b"host", b"cold")]
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
             "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
             "scheme": "https", "headers": headers, "client": ("::1", 1), "server": ("cold", 443)}
    await app(scope, receive, send)

asyncio.run(ask())
sys.exit("the answer ended before its first byte")
"""


class FirstByte(Struct, frozen=True):
    """A first answer has begun: CPU seconds since the process began, and all that it imported."""

    seconds: float
    modules: frozenset[str]


def install(folder: Path) -> None:
    """Put the sources and what they require into the folder, without bytecode."""
    for package in _OURS:
        leave = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=leave)
    shutil.copy(Path(__file__).with_name("bare.py"), folder)
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    found: dict[str, Distribution] = {}
    for line in lines:
        if not line.startswith("#"):
            _gather(line, found)
    for package_found in found.values():
        _copy(package_found, folder)


def compile_all(folder: Path) -> None:
    """Put bytecode beside all sources, as the zip for Lambda has it."""
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", "."]
    subprocess.run(command, cwd=folder, check=True, timeout=120)


def first_byte(folder: Path, upstream: Site, request: Request) -> FirstByte:
    """Start a process, ask it once. Raises ``RuntimeError`` with its last words where it fails."""
    asked = [request.app, request.method, request.path, request.body]
    # Neither this environment's packages nor its bytecode: -S leaves site-packages out.
    command = [sys.executable, "-S", "-B", "-c", _ASK, *asked]
    done = subprocess.run(
        command,
        cwd=folder,
        env=_environment(upstream),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{request.path} was not answered: {done.stderr[:4000]}")
    seconds, *modules = done.stdout.split()
    return FirstByte(float(seconds), frozenset(modules))


def medians(folder: Path, upstream: Site, requests: Sequence[Request]) -> list[float]:
    """CPU seconds to the first byte of each request. They take turns, so that a busy moment of the
    machine meets all of them."""
    rounds = [
        [first_byte(folder, upstream, request).seconds for request in requests]
        for _ in range(TIMES)
    ]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def _environment(upstream: Site) -> Mapping[str, str]:
    trust = {"SSL_CERT_FILE": upstream.trust} if upstream.trust else {}
    return {
        **trust,
        "PATH": os.environ["PATH"],
        "UPSTREAM_URL": upstream.url,  # what the bare application asks
        "VERCEL": "1",  # a function, not the plain server
        "AUTH_TOKENS": _KEY,
        "CHATGPT_ACCESS_TOKENS": DEMO_ACCESS_TOKEN,
        "CHATGPT_BASE_URL": upstream.url,
        "HEARTBEAT": "0",  # the first byte is to be one of the answer
        "LOG_LEVEL": "error",
    }


def _gather(line: str, found: dict[str, Distribution]) -> None:
    """Find a requirement and what it requires, as far as it is here: what is not is for others."""
    if "extra ==" in line:
        return
    name = _NAME.findall(line)[0]
    key = name.lower().replace("_", "-")
    if key in found:
        return
    try:
        found[key] = distribution(name)
    except PackageNotFoundError:
        return
    for required in found[key].requires or ():
        _gather(required, found)


def _copy(package: Distribution, folder: Path) -> None:
    for file in package.files or ():
        if file.suffix == ".pyc" or ".." in file.parts or file.parts[0].endswith("-info"):
            continue
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(file.locate()), target)
