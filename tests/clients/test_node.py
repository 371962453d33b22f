"""The JavaScript clients: openai-node's helpers and the AI SDK."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chat2api_core.emulator import Call, Reply, Turn
from tests.clients.conftest import HERE, KEY, TOOLS, Serve, ServeCodex, say

pytestmark = [pytest.mark.clients, pytest.mark.timeout(180)]


def model(turn: Turn, mark: str) -> str:
    last = turn.messages[-1].text
    if "sunny in Rome" in last:
        return "It is sunny in Rome."
    if mark:
        return f'Let me look. <call_{mark} name="get_weather">{{"city": "Rome"}}</call_{mark}>'
    if "JSON" in last:
        return 'Here: {"name": "Io", "radius": 1821}'
    return "Hello, world!"


def native(turn: Turn) -> Reply:
    """The same by a model of Codex."""
    last = turn.messages[-1]
    if last.role != "tool" and turn.heading.tools:
        return Reply((say("Let me look. "), Call("get_weather", ('{"city": ', '"Rome"}'))))
    return Reply((say(model(turn, "").removeprefix("Here: ")),))


def script(run: Callable[..., Any], base_url: str, name: str) -> Any:
    # Beside its packages, where Node looks for them.
    copied = Path(TOOLS / "clients" / name)
    copied.write_text((HERE / name).read_text())
    done = run("node", str(copied), BASE_URL=base_url, API_KEY=KEY)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def see_openai_node(made: Any) -> None:
    assert made["runTools"] == "It is sunny in Rome."
    assert made["chatStream"] == made["responsesStream"] == "Hello, world!"
    assert made["chatPieces"] > 1
    assert made["lastEvent"] == "response.completed"
    assert json.loads(made["responsesCall"]) == {"city": "Rome"}
    assert made["chatParsed"] == made["responsesParsed"] == {"name": "Io", "radius": 1821}


def see_ai_sdk(made: Any) -> None:
    for api in ("responses", "chat"):
        assert made[api]["whole"] == "It is sunny in Rome."
        assert made[api]["streamed"].endswith("It is sunny in Rome.")
        assert made[api]["reason"] == "stop"


def test_the_helpers_of_openai_node(serve: Serve, run: Callable[..., Any]) -> None:
    see_openai_node(script(run, serve(model), "openai.mjs"))


def test_the_same_through_the_codex_upstream(
    serve_codex: ServeCodex, run: Callable[..., Any]
) -> None:
    see_openai_node(script(run, serve_codex(native), "openai.mjs"))


def test_the_ai_sdk_runs_its_tool_loop(serve: Serve, run: Callable[..., Any]) -> None:
    see_ai_sdk(script(run, serve(model), "ai-sdk.mjs"))


def test_the_ai_sdk_does_so_through_the_codex_upstream(
    serve_codex: ServeCodex, run: Callable[..., Any]
) -> None:
    see_ai_sdk(script(run, serve_codex(native), "ai-sdk.mjs"))
