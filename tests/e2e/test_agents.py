"""Agent frameworks that people use, each with its tool loop, through both APIs."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import Call, Emulator, Reply, Say, Turn, make_access_token
from chat2api_core.secret import Secret
from chat2api_core.server import serving
from tests.e2e.agents import run_agents
from tests.e2e.conftest import KEY, Api, Start

_MARK = re.compile(r"<call_(\w+)")


def model(turn: Turn) -> Reply:
    """Asks for the weather first, and tells it when it knows it."""
    found = _MARK.search("\n".join(heard.text for heard in turn.messages))
    if found and "sunny" not in turn.messages[-1].text:
        text = f'<call_{found[1]} name="get_weather">{{"city": "Rome"}}</call_{found[1]}>'
    else:
        text = "It is sunny in Rome."
    return Reply((Say(tuple(text[at : at + 4] for at in range(0, len(text), 4))),))


@pytest.fixture
def agent_api(start: Start) -> Iterator[Api]:
    with serving(Emulator(model=model), "critical") as url:
        yield start(base_urls=(url,), auth_url=url)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", ["responses", "chat"])
def test_openai_agents_runs_its_tool_loop(agent_api: Api, kind: str, streamed: bool) -> None:
    assert run_agents(agent_api, kind, streamed) == ("It is sunny in Rome.", ["Rome"])


def native_model(turn: Turn) -> Reply:
    """The same with tools of its own: it calls, and needs no words for it."""
    if "sunny" not in turn.messages[-1].text:
        return Reply((Call("get_weather", ('{"city": ', '"Rome"}')),))
    return Reply((Say(("It is sunny", " in Rome.")),))


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", ["responses", "chat"])
def test_openai_agents_runs_its_tool_loop_natively(start: Start, kind: str, streamed: bool) -> None:
    emulator = Emulator(model=native_model)
    account = Account(access_token=Secret(make_access_token(jti="codex")), type="codex")
    with serving(emulator, "critical") as url:
        api = start(base_urls=(url,), auth_url=url, accounts=(account,))
        assert run_agents(api, kind, streamed) == ("It is sunny in Rome.", ["Rome"])

    sent: list[Any] = [record.json for record in emulator.log.at("codex")]
    first, second = sent
    assert not emulator.log.at("conversation")
    for body in (first, second):
        (tool,) = body["tools"]
        assert (tool["type"], tool["name"]) == ("function", "get_weather")
        assert tool["parameters"]["required"] == ["city"]
        assert "<call_" not in str(body), "nothing is taught in words"
    called, result = second["input"][-2:]
    assert (called["type"], called["name"]) == ("function_call", "get_weather")
    assert json.loads(called["arguments"]) == {"city": "Rome"}
    assert (result["type"], result["output"]) == ("function_call_output", "sunny")
    assert called["call_id"] == result["call_id"]


@pytest.mark.parametrize("responses", [False, True], ids=["chat", "responses"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_langchain_runs_its_tool_loop(agent_api: Api, responses: bool, streamed: bool) -> None:
    from langchain_core.messages import HumanMessage, ToolMessage
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI

    @tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        return f"sunny in {city}"

    client: Any = ChatOpenAI(
        model="auto",
        base_url=f"{agent_api.url}/v1",
        api_key=KEY,  # type: ignore[arg-type]
        use_responses_api=responses,
        max_retries=0,
    ).bind_tools([get_weather])

    def ask(messages: list[Any]) -> Any:
        if not streamed:
            return client.invoke(messages)
        pieces = list(client.stream(messages))
        whole = pieces[0]
        for piece in pieces[1:]:
            whole += piece
        return whole

    messages: list[Any] = [HumanMessage("Weather in Rome?")]
    answer = ask(messages)
    (call,) = answer.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Rome"})
    result = ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])
    final = ask([*messages, answer, result])

    text = final.text if isinstance(final.text, str) else final.text()
    assert "It is sunny in Rome." in str(text)
