"""The emulator as a process of its own, over real sockets."""

import contextlib
import http.client
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chat2api_core.emulator import DEMO_ACCESS_TOKEN
from chat2api_core.emulator.__main__ import build, parser
from tests.emulator.browser import Browser, turn_body

TURN = "/backend-api/f/conversation"
Start = Callable[..., int]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts emulators with these options; the port they listen on."""
    running: list[subprocess.Popen[str]] = []

    def begin(*options: str) -> int:
        command = [sys.executable, "-m", "chat2api_core.emulator", "--port", "0", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+) \(demo access token: (\S+)\)", line)
        assert found is not None, line
        assert found[2] == DEMO_ACCESS_TOKEN
        return int(found[1])

    yield begin
    for process in running:
        process.terminate()
        process.communicate(timeout=10)


def send(
    connection: http.client.HTTPConnection, method: str, path: str, body: object = None
) -> http.client.HTTPResponse:
    headers = {
        "Authorization": f"Bearer {DEMO_ACCESS_TOKEN}",
        "Content-Type": "application/json",
    }
    raw = None if body is None else json.dumps(body)
    connection.request(method, path, raw, headers)
    return connection.getresponse()


def ask(port: int, method: str, path: str, body: object = None) -> tuple[int, bytes]:
    """Status and body of a call. Raises ``IncompleteRead`` for a body that breaks off."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        response = send(connection, method, path, body)
        return response.status, response.read()


def test_it_serves_and_breaks_off_over_a_real_socket(start: Start) -> None:
    port = start("--no-sentinel", "--control", "--delay-ms", "1")

    status, body = ask(port, "POST", TURN, turn_body("/emulate tokens 5"))
    assert status == 200
    assert body.endswith(b"data: [DONE]\n\n")

    with pytest.raises(http.client.IncompleteRead):
        ask(port, "POST", TURN, turn_body("/emulate cut"))

    _, body = ask(port, "POST", TURN, turn_body("/emulate end"))
    assert b"[DONE]" not in body

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        response = send(connection, "POST", TURN, turn_body("/emulate stall"))
        with contextlib.closing(response):
            assert response.readline()
            assert json.loads(ask(port, "GET", "/__emulator__/log")[1])["open_streams"] == 1
    # Every answer of the log is a turn of the server's loop, in which it can see who has left.
    for _ in range(1000):
        log = json.loads(ask(port, "GET", "/__emulator__/log")[1])
        if log["closed_streams"]:
            break
    assert (log["open_streams"], log["closed_streams"]) == (0, 1)


def test_its_options_reach_the_emulator(start: Start, tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.json"
    accounts.write_text('[{"account_id": "acc", "access_tokens": ["secret"]}]')
    port = start("--accounts", str(accounts), "--auth-key", "sesame")
    assert ask(port, "GET", "/backend-api/models")[0] == 403
    assert ask(port, "GET", "/__emulator__/log")[0] == 403


def test_options_become_an_emulator(tmp_path: Path) -> None:
    usual = build(parser().parse_args([]))
    assert Browser(usual).ask().status == 200

    accounts = tmp_path / "accounts.json"
    accounts.write_text('[{"account_id": "acc", "access_tokens": ["secret"]}]')
    options = ["--accounts", str(accounts), "--difficulty", "", "--arkose", "enforced"]
    own = build(parser().parse_args(options))
    assert Browser(own).get("/models").status == 401
    browser = Browser(own, token="secret")
    headers = browser.two_steps()
    assert headers.pop("openai-sentinel-proof-token") == ""
    assert b"arkose" in browser.post("/f/conversation", turn_body(), headers).body

    accounts.write_text("nonsense")
    with pytest.raises(ValueError, match="malformed"):
        build(parser().parse_args(options))


def test_its_help_explains_itself() -> None:
    command = [sys.executable, "-m", "chat2api_core.emulator", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for option in ("--host", "--port", "--delay-ms", "--difficulty", "--control", "--accounts"):
        assert option in done.stdout
