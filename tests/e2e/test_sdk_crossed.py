"""Requests as real clients send them where they leave the documented path, and what comes back."""

import json
from typing import Any

import pytest

from chat2api_core.emulator import Emulator, Reply, Say, Turn
from chat2api_core.server import serving
from tests.e2e.agents import run_agents
from tests.e2e.conftest import Api, Start, Streamed, Upstream
from tests.e2e.test_agents import _MARK, model

CROSSED: Any = {
    "model": "auto",
    "stream": True,
    "stream_options": {"include_usage": True},
    "input": [
        {"role": "system", "content": "You are an editor."},
        {"role": "user", "content": [{"type": "input_text", "text": "Weather in Rome?"}]},
    ],
    "tools": [
        {
            "type": "function",
            "name": "get_weather",
            "strict": False,
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        }
    ],
    "reasoning": {"effort": "medium", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "store": False,
}


def test_a_responses_body_sent_to_chat_completions_gets_chunks(start: Start) -> None:
    with serving(Emulator(model=model), "critical") as url:
        api = start(base_urls=(url,), auth_url=url)
        streamed = Streamed(api.post(CROSSED).text)
        whole = api.post(CROSSED | {"stream": False}).json()

    calls = [
        call
        for event in streamed.events
        for choice in event["choices"]
        for call in choice["delta"].get("tool_calls", ())
    ]
    assert {event["object"] for event in streamed.events} == {"chat.completion.chunk"}
    assert calls[0]["function"]["name"] == "get_weather"
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"city": "Rome"}
    assert streamed.finish_reason == "tool_calls"
    assert streamed.events[-1]["usage"]["total_tokens"] > 0
    assert streamed.done
    (call,) = whole["choices"][0]["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"city": "Rome"}


def test_instructions_alone_are_answered(api: Api, emulator: Upstream) -> None:
    emulator.push(Reply((Say(("Ready.",)),)))
    messages = [{"role": "system", "content": "Say that you are ready."}]

    assert api.ask(messages=messages)["choices"][0]["message"]["content"] == "Ready."


def forgetful(turn: Turn) -> Reply:
    """As ``model``, but it writes calls without their mark until it is asked what it meant."""
    if "If you meant to call it" in turn.messages[-1].text or "sunny" in turn.messages[-1].text:
        return model(turn)
    call = {"name": "get_weather", "arguments": {"city": "Rome"}}
    return Reply((Say(("```json\n", json.dumps(call), "\n```")),))


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", ["responses", "chat"])
def test_a_model_that_forgets_the_mark_is_asked_and_calls(
    start: Start, kind: str, streamed: bool
) -> None:
    with serving(Emulator(model=forgetful), "critical") as url:
        api = start(base_urls=(url,), auth_url=url)
        assert run_agents(api, kind, streamed) == ("It is sunny in Rome.", ["Rome"])


def bare(turn: Turn) -> Reply:
    """A model that answers a forced call with nothing but its arguments."""
    assert _MARK.search("\n".join(heard.text for heard in turn.messages))
    return Reply((Say(('{"name": "Io", ', '"radius": 1821}')),))


def test_a_forced_call_answered_with_bare_json_takes_one_turn(start: Start) -> None:
    emulator = Emulator(model=bare)
    moon = {
        "name": "json",
        "parameters": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "radius": {"type": "number"}},
            "required": ["name", "radius"],
            "additionalProperties": False,
        },
    }
    with serving(emulator, "critical") as url:
        api = start(base_urls=(url,), auth_url=url)
        document = api.ask(
            tools=[{"type": "function", "function": moon}],
            tool_choice={"type": "function", "function": {"name": "json"}},
        )

    message = document["choices"][0]["message"]
    (call,) = message["tool_calls"]
    assert message["content"] is None
    assert json.loads(call["function"]["arguments"]) == {"name": "Io", "radius": 1821}
    assert len(emulator.log.at("conversation")) == 1
