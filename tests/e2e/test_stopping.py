"""The plain server is told to stop: what is under way is answered to its end, and nothing is wrong.

The server is a process of its own, which is sent the signal.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from chat2api_core.emulator import DEMO_ACCESS_TOKEN
from tests.e2e.conftest import ASK, KEY, Streamed, Upstream

ROOT = Path(__file__).parents[2]
SLOW = {"messages": [{"role": "user", "content": "/emulate slow 0.2"}]}
# The server with another grace: nobody wants to wait for the real one.
HURRIED = """
import os
from pathlib import Path
from chat2api_core.config import load
from chat2api_core.server import serve
settings = load({**os.environ, "PORT": "0"}, cwd=Path.cwd())
serve(settings, emulate=False, key_origin="configured", environ=os.environ, grace=4)
"""


@contextlib.contextmanager
def running(
    words: Sequence[str], url: str, folder: Path
) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A server as a process of its own, and a client of it."""
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "AUTH_TOKENS": KEY,
        "CHATGPT_ACCESS_TOKENS": DEMO_ACCESS_TOKEN,
        "CHATGPT_BASE_URL": url,
        "USAGE_COUNTER": "estimate",
    }
    process = subprocess.Popen(
        [sys.executable, *words, "--port", "0"],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = (re.search(r"Base URL: (\S+)", line) for line in process.stdout)
        base_url = next(match[1] for match in found if match is not None)
        headers = {"authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=base_url, headers=headers, timeout=30) as client:
            yield process, client
    finally:
        process.kill()
        process.communicate()


def stopped(
    words: Sequence[str], upstream: Upstream, folder: Path, asked: Sequence[dict[str, Any]]
) -> tuple[list[httpx.Response], int, list[str]]:
    """The answers to these requests, during which the server is told to stop; its exit status, and
    what it logged that is worse than a warning or no line of its log."""
    with running(words, upstream.url, folder) as (process, client), ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(client.post, "/chat/completions", json=ASK | one) for one in asked]
        open_streams = upstream.app.log
        assert upstream.eventually(lambda: open_streams.open_streams == len(asked), 20)
        process.send_signal(signal.SIGTERM)
        responses = [answer.result() for answer in answers]
        _, logged = process.communicate(timeout=30)
        return responses, process.returncode, [line for line in logged.splitlines() if _bad(line)]


def _bad(line: str) -> bool:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])["level"] in {"error", "critical"}
    except msgspec.DecodeError:
        return True


def test_answers_under_way_finish(emulator: Upstream, tmp_path: Path) -> None:
    asked = [SLOW | {"stream": stream} for stream in (True, True, False)]
    (one, other, document), status, bad = stopped(
        ["-m", "chat2api_core"], emulator, tmp_path, asked
    )

    for streamed in (Streamed(one.text), Streamed(other.text)):
        assert streamed.text == "I take my time for every word."
        assert streamed.done
    assert document.json()["choices"][0]["finish_reason"] == "stop"
    assert status == 0
    assert bad == []


@pytest.mark.timeout(90)
def test_answers_that_need_longer_are_ended_and_say_so(emulator: Upstream, tmp_path: Path) -> None:
    slower = {"messages": [{"role": "user", "content": "/emulate slow 3"}]}
    asked = [slower | {"stream": stream} for stream in (True, True, False)]
    (one, other, document), status, bad = stopped(["-c", HURRIED], emulator, tmp_path, asked)

    for streamed in (Streamed(one.text), Streamed(other.text)):
        assert streamed.finish_reason == "length"
        assert streamed.done
    assert document.json()["choices"][0]["finish_reason"] == "length"
    assert status == 0
    assert bad == []
