"""The command line as a stranger meets it: what is wrong is said, with what to do about it."""

import ast
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chat2api_core import __version__
from chat2api_core.__main__ import main

ROOT = Path(__file__).parents[1]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # no settings file


def status_of(words: list[str]) -> object:
    try:
        return main(words)
    except SystemExit as ended:  # how argparse refuses
        return ended.code


def refused(words: list[str], capsys: Capture) -> str:
    """What is said where the words or the settings cannot be used."""
    assert status_of(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    return said.err


@contextmanager
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def started(
    *words: str, folder: Path, environ: dict[str, str] | None = None
) -> Iterator[Iterator[str]]:
    """A server as a process of its own; the lines that it prints."""
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-m", "chat2api_core", "--port", "0", *words]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**known, "PYTHONPATH": str(ROOT), **(environ or {})},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield iter(process.stdout)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def greeting(lines: Iterator[str]) -> str:
    """What is printed before the first request, without the example."""
    return "".join(iter(lambda: next(lines), "\n"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "70000"], "--port: expected a whole number from 0 to 65535"),
        (["--port", "many"], "--port: expected a whole number from 0 to 65535"),
        (["--port", "-1"], "--port"),
        (["serve"], "there is no 'serve': without a command the server runs"),
        (["--colour", "red"], "there is no '--colour'"),
        (["login", "--browser", "--port", "70000"], "expected a whole number from 0 to 65535"),
    ],
)
def test_words_that_mean_nothing_are_told(words: list[str], said: str, capsys: Capture) -> None:
    assert said in refused(words, capsys)


def test_a_port_that_is_taken_is_told_with_a_way_out(capsys: Capture) -> None:
    with taken() as port:
        said = refused(["--port", str(port)], capsys)
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use." in said
    assert "--port 0" in said
    assert "while attempting" not in said


def test_an_address_of_another_machine_is_told_with_a_way_out(capsys: Capture) -> None:
    said = refused(["--host", "192.0.2.1", "--port", "0"], capsys)
    assert "cannot listen on 192.0.2.1:0" in said
    assert "0.0.0.0" in said


def test_a_setting_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("RETRY_TIMES", "often")
    said = refused([], capsys)
    assert "RETRY_TIMES: expected a whole number from 0 to 20" in said
    assert "docs/settings.md" in said


@pytest.mark.parametrize(
    ("words", "said"), [(["--help"], "--emulator"), (["--version"], __version__)]
)
def test_help_needs_no_usable_settings(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("PORT", "the usual one")
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    assert said in capsys.readouterr().out


def test_a_python_without_the_packages_is_told(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-S", "-m", "chat2api_core"],  # -S: nothing that was installed
        cwd=ROOT,
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "msgspec is not installed for" in run.stderr
    assert "make run" in run.stderr
    assert "Traceback" not in run.stderr


def test_old_pythons_read_as_far_as_the_words_for_them() -> None:
    for name in ("__init__", "__main__"):
        tree = ast.parse(
            (ROOT / "chat2api_core" / f"{name}.py").read_text(), feature_version=(3, 7)
        )
        first = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        modules = {
            alias.name if isinstance(node, ast.Import) else node.module
            for node in first
            for alias in node.names
        }
        assert modules <= {"__future__", "sys"}


def test_the_readme_shows_what_is_printed(tmp_path: Path) -> None:
    with started(folder=tmp_path) as lines:
        printed = greeting(lines)
    readme = (ROOT / "README.md").read_text()
    (shown,) = re.findall(r"```\n(Upstream: .*?\n)\n", readme, re.DOTALL)

    def plain(text: str) -> str:
        return re.sub(r"sk-[0-9a-f]+(\.\.\.)?", "KEY", re.sub(r":\d+", ":PORT", text))

    assert plain(shown) == plain(printed)


def test_an_emulator_that_was_asked_for_is_not_taken_for_a_missing_account(tmp_path: Path) -> None:
    environ = {"CHATGPT_ACCESS_TOKENS": "eyJh.eyJh.c2ln", "ADMIN_KEY": "open-sesame"}
    with started("--emulator", folder=tmp_path, environ=environ) as lines:
        printed = greeting(lines)
    assert "no account" not in printed
    assert "(as --emulator says)" in printed
    assert "(sign in with ADMIN_KEY)" in printed


def test_a_settings_file_that_cannot_be_edited_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    file = tmp_path / "conf" / "app.dev.yaml"
    file.write_text("auth: {access_tokens: &here []}\n")
    with started(folder=tmp_path) as lines:
        printed = greeting(lines)
    assert re.search(r"API key:  sk-[0-9a-f]{48} \(made for this run", printed)
    assert f"it could not be written to {file}" in printed
    assert file.read_text() == "auth: {access_tokens: &here []}\n"


def test_the_file_beside_the_server_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("""ADMIN_KEY="open-sesame"\nAPI_PREFIX=/below\n""")
    with started(folder=tmp_path, environ={"API_PREFIX": "/above"}) as lines:
        printed = greeting(lines)
    assert "/above/admin (sign in with ADMIN_KEY)" in printed


def test_a_line_of_that_file_that_cannot_be_read_is_told(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / ".env").write_text("ADMIN_KEY\n")
    assert f"{tmp_path}/.env, line 1: expected NAME=value" in refused([], capsys)
