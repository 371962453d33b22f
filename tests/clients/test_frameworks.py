"""Frameworks for Python that have an environment of their own."""

import json
import os
import subprocess

import pytest

from chat2api_core.emulator import Turn
from tests.clients.conftest import HERE, KEY, TOOLS, Serve

pytestmark = [pytest.mark.clients, pytest.mark.timeout(180)]

SUNNY = "It is sunny in Rome."
MOON = '{"name": "Io", "radius": 1821}'


def model(turn: Turn, mark: str) -> str:
    """Calls what it is offered first, and says in the end what it has heard."""
    last, offered = turn.messages[-1].text, "\n".join(heard.text for heard in turn.messages)
    if not mark:
        return MOON if "JSON" in last else "Hello, world!"
    name, body = "get_weather", '{"city": "Rome"}'
    if "sunny in Rome" in offered:
        if "final_answer" not in offered:
            return SUNNY
        name, body = "final_answer", json.dumps({"answer": SUNNY})
    elif "final_result" in offered:
        name, body = "final_result", MOON
    return f'Let me see. <call_{mark} name="{name}">{body}</call_{mark}>'


def test_the_frameworks_get_answers_tools_and_forms(serve: Serve) -> None:
    done = subprocess.run(
        [str(TOOLS / "frameworks" / "bin" / "python"), str(HERE / "frameworks.py")],
        check=False,
        env={
            **os.environ,
            "BASE_URL": serve(model),
            "API_KEY": KEY,
            "HAYSTACK_TELEMETRY_ENABLED": "False",
        },
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    made = json.loads(done.stdout)

    moon = {"name": "Io", "radius": 1821}
    for api in ("chat", "responses"):
        assert made["pydantic_ai"][api] == {
            "streamed": "Hello, world!",
            "tool": SUNNY,
            "shaped": moon,
            "shaped by a tool": moon,
        }
    assert made["haystack"] == {"whole": SUNNY, "streamed": SUNNY}
    assert made["smolagents"] == {"tool": SUNNY}
