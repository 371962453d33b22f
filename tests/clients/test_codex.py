"""Codex CLI itself: it runs a command and applies a patch, told so by a scripted model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chat2api_core.emulator import Call, Reply, Think, Turn
from tests.clients.conftest import KEY, Serve, ServeCodex, say

pytestmark = [pytest.mark.clients, pytest.mark.timeout(180)]

_CONFIG = """
model = "{model}"
model_provider = "gateway"
check_for_update_on_startup = false
[analytics]
enabled = false
[features]
apps = false
plugins = false
remote_plugin = false
[model_providers.gateway]
name = "gateway"
base_url = "{base_url}"
env_key = "GATEWAY_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""
_PATCH = """*** Begin Patch
*** Add File: patched.txt
+patched by codex
*** End Patch
"""


def model(turn: Turn, mark: str) -> str:
    """A command first, then a patch, then the end."""
    last = turn.messages[-1].text
    if "Success. Updated" in last:
        return "All done."
    if "ran-by-codex" in last:
        return f'Now a patch.\n<call_{mark} name="apply_patch">{_PATCH}</call_{mark}>'
    command = '{"cmd": "echo ran-by-codex > ran.txt && cat ran.txt"}'
    return f'First a command.\n<call_{mark} name="exec_command">{command}</call_{mark}>'


def native(turn: Turn) -> Reply:
    """The same by a model that calls tools by itself."""
    last = turn.messages[-1].text
    if "Success. Updated" in last:
        return Reply((say("All done."),))
    if "ran-by-codex" in last:
        return Reply((say("Now a patch."), Call("apply_patch", pieces(_PATCH), "custom")))
    command = pieces('{"cmd": "echo ran-by-codex > ran.txt && cat ran.txt"}')
    return Reply((Think("Planning", ("A command", " first.")), Call("exec_command", command)))


def pieces(text: str) -> tuple[str, ...]:
    return say(text).pieces


def drive(run: Callable[..., Any], base_url: str, folder: Path) -> None:
    """Let Codex work in a folder of its own, and see what it has done."""
    home, work = folder / "home", folder / "work"
    home.mkdir()
    work.mkdir()
    config = _CONFIG.format(model="gpt-5.5", base_url=base_url)
    (home / "config.toml").write_text(config)
    done = run(
        "codex",
        "exec",
        "--dangerously-bypass-approvals-and-sandbox",
        "--skip-git-repo-check",
        "-C",
        str(work),
        "Run the command, then apply the patch.",
        CODEX_HOME=str(home),
        GATEWAY_KEY=KEY,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip() == "All done."
    assert (work / "ran.txt").read_text() == "ran-by-codex\n"
    assert (work / "patched.txt").read_text() == "patched by codex\n"


def test_it_runs_a_command_and_applies_a_patch(
    serve: Serve, run: Callable[..., Any], tmp_path: Path
) -> None:
    drive(run, serve(model), tmp_path)


def test_it_does_so_through_the_codex_upstream(
    serve_codex: ServeCodex, run: Callable[..., Any], tmp_path: Path
) -> None:
    drive(run, serve_codex(native, ("reasoning", "custom_tool_call")), tmp_path)
