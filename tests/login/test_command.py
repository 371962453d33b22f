"""The command, whole: every way to sign in, against the emulator."""

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from chat2api_core.config import load
from chat2api_core.emulator import At, Named, Respond
from chat2api_core.emulator.tokens import DEMO_ACCESS_TOKEN, DEMO_ACCOUNT_ID, DEMO_EMAIL
from chat2api_core.login import main
from tests.login.terminal import Terminal, browse, printed

Capture = pytest.CaptureFixture[str]


def free_port() -> str:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        return str(listening.getsockname()[1])


async def enter_code(line: str) -> None:
    """Open the page that the line names and enter its code."""
    found = re.fullmatch(r"Open (\S+) and enter the code (\S+)", line)
    if found:
        await browse(f"{found[1]}?user_code={found[2]}")


async def sign_in(line: str) -> None:
    """Open the page that the line names and go where it sends."""
    found = re.search(r"http://\S+", line)
    if found:
        _, location, _ = await browse(found[0])
        status, _, page = await browse(location)
        assert (status, "Signed in" in page) == (200, True)


def test_a_code_on_any_device_signs_in(terminal: Terminal, capsys: Capture) -> None:
    terminal.act = enter_code
    assert terminal.run() == 0
    account = printed(capsys.readouterr().out)
    assert account["type"] == "codex"
    assert account["account_id"] == DEMO_ACCOUNT_ID
    assert account["email"] == DEMO_EMAIL
    assert account["refresh_token"].startswith("rt_")
    assert terminal.waits == [5.0], "as long as the server asked to wait"


def test_a_code_that_nobody_enters_is_given_up(terminal: Terminal, capsys: Capture) -> None:
    assert terminal.run("--device") == 1
    assert "within 15 minutes" in terminal.lines[-1]
    assert sum(terminal.waits) <= 905
    assert capsys.readouterr().out == ""


def test_a_browser_on_this_machine_signs_in(terminal: Terminal, capsys: Capture) -> None:
    terminal.act = sign_in
    assert terminal.run("--browser", "--port", free_port()) == 0
    assert printed(capsys.readouterr().out)["account_id"] == DEMO_ACCOUNT_ID


def test_a_strange_call_does_not_sign_in(terminal: Terminal, capsys: Capture) -> None:
    port = free_port()

    async def intrude(line: str) -> None:
        if "http://" in line:
            assert (await browse(f"http://localhost:{port}/favicon.ico"))[0] == 404
            back = f"http://localhost:{port}/auth/callback?code=stolen&state=wrong"
            assert (await browse(back))[0] == 400

    terminal.act = intrude
    assert terminal.run("--browser", "--port", port) == 1
    assert "another sign-in" in terminal.lines[-1]


def test_a_port_that_is_taken_is_said(terminal: Terminal) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert terminal.run("--browser", "--port", str(listening.getsockname()[1])) == 1
    assert "in use" in terminal.lines[-1]


def test_a_file_of_the_codex_client_is_taken_over(
    terminal: Terminal, capsys: Capture, tmp_path: Path
) -> None:
    file = tmp_path / "auth.json"
    tokens = {
        "id_token": DEMO_ACCESS_TOKEN,
        "access_token": DEMO_ACCESS_TOKEN,
        "refresh_token": "rt_1",
        "account_id": "acc-1",
    }
    file.write_text(json.dumps({"OPENAI_API_KEY": None, "tokens": tokens, "last_refresh": "x"}))
    assert terminal.run("--import", str(file)) == 0
    account = printed(capsys.readouterr().out)
    assert account == {**tokens, "type": "codex", "email": DEMO_EMAIL}


def test_what_is_printed_is_what_the_settings_take(
    terminal: Terminal, capsys: Capture, tmp_path: Path
) -> None:
    terminal.act = enter_code
    assert terminal.run() == 0
    line = capsys.readouterr().out
    settings = load({"CHATGPT_ACCOUNTS": f"[{line}]"}, cwd=tmp_path)
    (account,) = settings.accounts
    assert account.type == "codex"
    assert account.refresh_token.reveal() == printed(line)["refresh_token"]


def test_an_account_is_stored_on_request(
    terminal: Terminal, capsys: Capture, tmp_path: Path
) -> None:
    shelf = tmp_path / "accounts.json"
    terminal.act = enter_code
    assert terminal.run("--store", str(shelf)) == 0
    first = printed(capsys.readouterr().out)
    assert json.loads(shelf.read_text()) == [first]
    assert stat.S_IMODE(shelf.stat().st_mode) == 0o600
    assert "holds 1 account" in terminal.lines[-1]
    assert terminal.run("--store", str(shelf)) == 0
    assert json.loads(shelf.read_text()) == [printed(capsys.readouterr().out)]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Named("500"), "refused with HTTP 500"),
        (Named("401"), "refused with HTTP 401"),
        (Named("garbage json"), "could not be understood"),
        (Respond(200, '{"device_auth_id": "d"}'), "could not be understood"),
    ],
)
def test_a_server_that_refuses_is_said(
    terminal: Terminal, capsys: Capture, fault: Any, words: str
) -> None:
    terminal.emulator.script.push(At("signin", fault))
    assert terminal.run() == 1
    assert words in terminal.lines[-1]
    assert capsys.readouterr().out == ""


def test_tokens_that_are_refused_are_said(terminal: Terminal) -> None:
    terminal.act = enter_code
    terminal.emulator.script.push(At("refresh", Named("invalid_grant")))
    assert terminal.run() == 1
    assert "refused with HTTP 400" in terminal.lines[-1]


@pytest.mark.parametrize("content", [None, b"{oops", b"{}", b'{"tokens": {}}'])
def test_a_file_without_an_account_is_said(
    terminal: Terminal, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "auth.json"
    if content is not None:
        file.write_bytes(content)
    assert terminal.run("--import", str(file)) == 1
    assert terminal.lines[-1].startswith("chat2api: ")


def test_no_way_shows_a_secret_to_the_reader(terminal: Terminal, capsys: Capture) -> None:
    terminal.act = enter_code
    terminal.run()
    account = printed(capsys.readouterr().out)
    told = "\n".join(terminal.lines)
    assert not any(account[name] in told for name in ("access_token", "refresh_token"))


def test_settings_that_cannot_be_used_are_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT", "none")
    assert main(["--import", "x"]) == 2
    assert "PORT" in capsys.readouterr().err


@pytest.mark.parametrize(("given", "waited"), [("0.5", 0.5), ("soon", 5.0), ("0", 5.0), (90, 5.0)])
def test_an_interval_that_makes_no_sense_is_the_usual_one(
    terminal: Terminal, given: object, waited: float
) -> None:
    begun = {"device_auth_id": "d", "usercode": "ABCD-1234", "interval": given}
    begin = At("signin", Respond(200, json.dumps(begun)))
    pending, refused = At("signin", Respond(403)), At("signin", Named("500"))
    terminal.emulator.script.push(begin, pending, refused)
    assert terminal.run() == 1
    assert "enter the code ABCD-1234" in terminal.lines[0]
    assert terminal.waits == [waited]
