"""Accounts of the Codex client: both APIs through the Codex upstream, with the official client."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import (
    At,
    Call,
    Emulator,
    Named,
    Reply,
    Say,
    Think,
    Turn,
    make_access_token,
)
from chat2api_core.secret import Secret
from chat2api_core.server import serving
from tests.e2e.agents import run_agents
from tests.e2e.conftest import Api, Start, Upstream
from tests.e2e.official import sdk

CODEX = Account(access_token=Secret(make_access_token(jti="codex")), type="codex")
HELLO = Reply((Say(("Hello", ", ", "world", "!")),))
TIME: Any = {
    "type": "function",
    "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}},
}
SCHEMA: Any = {
    "type": "object",
    "properties": {"moon": {"type": "string"}},
    "required": ["moon"],
    "additionalProperties": False,
}


@pytest.fixture
def api(start: Start) -> Api:
    return start(accounts=(CODEX,))


def sent(emulator: Upstream) -> Any:
    """The body of the last turn that came to the Codex backend."""
    return emulator.app.log.at("codex")[-1].json


class TestChat:
    def test_a_whole_answer_has_exact_usage(self, api: Api, emulator: Upstream) -> None:
        emulator.push(HELLO)
        with sdk(api) as client:
            answer = client.chat.completions.create(
                model="gpt-5.5", messages=[{"role": "user", "content": "Hello?"}]
            )

        assert answer.choices[0].message.content == "Hello, world!"
        assert answer.model == "gpt-5.5"
        assert answer.usage is not None
        assert answer.usage.completion_tokens == 4, "the emulator counts the pieces that it said"
        assert emulator.app.log.counts["conversation"] == 0
        assert emulator.app.log.counts["bootstrap"] == 0

    def test_a_stream_shows_thinking_and_text(self, api: Api, emulator: Upstream) -> None:
        emulator.push(Reply((Think("Plan", ("Hm.",)), Say(("Hel", "lo")))))
        streamed = api.stream()

        assert streamed.done
        assert (streamed.text, streamed.finish_reason) == ("Hello", "stop")
        assert streamed.reasoning == "**Plan**\n\nHm."

    def test_a_tool_loop_runs_natively(self, api: Api, emulator: Upstream) -> None:
        emulator.push(Reply((Call("get_time", ('{"zone":', ' "UTC"}')),)))
        history: list[Any] = [{"role": "user", "content": "What time is it?"}]
        with sdk(api) as client:
            first = client.chat.completions.create(model="auto", messages=history, tools=[TIME])
            calls: Any = first.choices[0].message.tool_calls
            (call,) = calls
            assert first.choices[0].finish_reason == "tool_calls"
            assert (call.function.name, call.function.arguments) == ("get_time", '{"zone": "UTC"}')
            history += [
                first.choices[0].message.model_dump(exclude_none=True),
                {"role": "tool", "tool_call_id": call.id, "content": "12:00"},
            ]
            second = client.chat.completions.create(model="auto", messages=history, tools=[TIME])

        assert second.choices[0].message.content == "The tool says: 12:00"
        assert [item["type"] for item in sent(emulator)["input"]] == [
            "message",
            "function_call",
            "function_call_output",
        ]
        assert [tool["name"] for tool in sent(emulator)["tools"]] == ["get_time"]

    def test_a_schema_is_passed_on(self, api: Api, emulator: Upstream) -> None:
        emulator.push(Reply((Say(('{"moon":', ' "Io"}')),)))
        schema = {"name": "moon", "strict": True, "schema": SCHEMA}
        answer = api.ask(response_format={"type": "json_schema", "json_schema": schema})

        assert json.loads(answer["choices"][0]["message"]["content"]) == {"moon": "Io"}
        assert sent(emulator)["text"]["format"] == {
            "type": "json_schema",
            "name": "moon",
            "schema": SCHEMA,
            "strict": True,
        }

    def test_stop_is_kept_by_the_gateway(self, api: Api, emulator: Upstream) -> None:
        emulator.push(Reply((Say(("one ", "two", " three")),)))
        answer = api.ask(stop=["two"])

        assert answer["choices"][0]["message"]["content"] == "one "
        assert answer["choices"][0]["finish_reason"] == "stop"
        assert "stop" not in sent(emulator)

    def test_a_limit_of_tokens_is_kept_by_the_gateway(self, api: Api, emulator: Upstream) -> None:
        emulator.push(Reply((Say((" word",) * 50),)))
        streamed = api.stream(max_tokens=3, temperature=0.5)

        assert streamed.finish_reason == "length"
        assert 0 < len(streamed.text.split()) <= 3
        assert not {"max_output_tokens", "max_tokens", "temperature"} & set(sent(emulator))

    @pytest.mark.parametrize("model", ["gpt-5.5", "gpt-5-5", "codex/gpt-5.5", "codex/gpt-5-5"])
    def test_every_spelling_of_a_model_is_understood(
        self, api: Api, emulator: Upstream, model: str
    ) -> None:
        api.ask(model=model)
        assert sent(emulator)["model"] == "gpt-5.5"


class TestEffort:
    @pytest.mark.parametrize(
        "body",
        [
            {"model": "gpt-5.5", "reasoning_effort": "high"},
            {"model": "gpt-5.5-high"},
            {"model": "gpt-5.5(high)"},
            {"model": "codex/gpt-5-5:high"},
        ],
        ids=str,
    )
    def test_it_can_be_said_in_many_ways(
        self, api: Api, emulator: Upstream, body: dict[str, str]
    ) -> None:
        response = api.post({**body, "messages": [{"role": "user", "content": "Hi"}]})

        assert response.status_code == 200, response.text
        assert sent(emulator)["reasoning"]["effort"] == "high"
        assert sent(emulator)["model"] == "gpt-5.5"
        assert "x-chat2api-warning" not in response.headers

    @pytest.mark.parametrize("wanted", ["max", "ultra"])
    @pytest.mark.parametrize("stream", [False, True])
    def test_one_that_the_model_has_not_is_told_of(
        self, api: Api, emulator: Upstream, wanted: str, stream: bool
    ) -> None:
        chat = {"messages": [{"role": "user", "content": "Hi"}], "reasoning_effort": wanted}
        responses = {"input": "Hi", "reasoning": {"effort": wanted}}
        for path, body in (("chat/completions", chat), ("responses", responses)):
            asked = {"model": "gpt-5.5", "stream": stream, **body}
            response = api.post(asked, path=f"/v1/{path}")

            assert response.status_code == 200, response.text
            assert sent(emulator)["reasoning"]["effort"] == "xhigh"
            warning = response.headers["x-chat2api-warning"]
            assert wanted in warning
            assert "xhigh" in warning

    def test_the_responses_api_echoes_the_one_in_force(self, api: Api) -> None:
        with sdk(api) as client:
            whole = client.responses.create(model="gpt-5.5-high", input="Hi")
            assert whole.reasoning is not None
            assert whole.reasoning.effort == "high"

    def test_a_model_that_goes_further_is_taken_further(self, api: Api, emulator: Upstream) -> None:
        response = api.post(
            {
                "model": "gpt-5.6-sol",
                "messages": [{"role": "user", "content": "Hi"}],
                "reasoning_effort": "ultra",
            }
        )
        assert sent(emulator)["reasoning"]["effort"] == "ultra"
        assert "x-chat2api-warning" not in response.headers


class TestResponses:
    def test_the_events_come_in_order_and_add_up(self, api: Api, emulator: Upstream) -> None:
        emulator.push(Reply((Think("Plan", ("Hm.",)), Say(("Hello", "!")))))
        with sdk(api) as client:
            events = list(client.responses.create(model="gpt-5.5", input="Hello?", stream=True))

        assert events[0].type == "response.created"
        assert events[-1].type == "response.completed"
        assert [event.sequence_number for event in events] == list(range(len(events)))
        assert events[-1].response.output_text == "Hello!"
        usage = events[-1].response.usage
        assert usage is not None
        assert usage.output_tokens == 5, "the emulator counts the pieces"

    def test_sealed_reasoning_goes_round(self, api: Api, emulator: Upstream) -> None:
        emulator.push(Reply((Think("Plan", ("Hm.",)), Say(("Yes.",)))))
        include: Any = ["reasoning.encrypted_content"]
        with sdk(api) as client:
            first = client.responses.create(
                model="gpt-5.5", input="Is it?", include=include, store=False
            )
            thought = next(item for item in first.output if item.type == "reasoning")
            assert thought.encrypted_content
            history: Any = [
                {"role": "user", "content": "Is it?"},
                *[item.model_dump(exclude_none=True) for item in first.output],
                {"role": "user", "content": "/emulate say Sure."},
            ]
            second = client.responses.create(
                model="gpt-5.5", input=history, include=include, store=False
            )

        assert second.output_text == "Sure."
        assert emulator.app.log.counts["codex"] == 2, "the seal was good: nothing was asked twice"
        assert sent(emulator)["input"][1]["type"] == "reasoning"
        assert sent(emulator)["input"][1]["encrypted_content"] == thought.encrypted_content

    def test_of_several_accounts_the_one_that_sealed_it_goes_on(
        self, start: Start, emulator: Upstream
    ) -> None:
        owners = [
            make_access_token(user_id=f"user-{n}", account_id=f"account-{n}") for n in range(4)
        ]
        accounts = tuple(Account(access_token=Secret(one), type="codex") for one in owners)
        history: list[Any] = []
        with sdk(start(accounts=accounts)) as client:
            for turn in range(4):
                emulator.push(Reply((Think("Plan", (f"{turn}",)), Say((f"Answer {turn}",)))))
                history.append({"role": "user", "content": f"Question {turn}"})
                answer = client.responses.create(
                    model="gpt-5.5",
                    input=history,
                    include=["reasoning.encrypted_content"],
                    store=False,
                )
                history += [item.model_dump(exclude_none=True) for item in answer.output]

        assert emulator.app.log.counts["codex"] == 4, "no seal was refused"
        items = [item["type"] for item in sent(emulator)["input"]]
        assert items.count("reasoning") == 3

    def test_it_goes_on_from_a_response_that_was_kept(self, api: Api, emulator: Upstream) -> None:
        with sdk(api) as client:
            first = client.responses.create(model="gpt-5.5", input="/emulate say One.")
            second = client.responses.create(
                model="gpt-5.5",
                input="/emulate say Two.",
                previous_response_id=first.id,
            )

        assert second.output_text == "Two."
        said = [item["content"][0]["text"] for item in sent(emulator)["input"]]
        assert said == ["/emulate say One.", "One.", "/emulate say Two."]


class TestRefusals:
    def test_a_usage_limit_says_when_it_ends(self, start: Start, emulator: Upstream) -> None:
        api = start(accounts=(CODEX,))
        emulator.push(At("codex", Named("codex 429 soon")))
        first, second = api.post(ASK_CODEX), api.post(ASK_CODEX)

        assert first.status_code == second.status_code == 429
        assert first.headers["retry-after"] == "900"
        assert 880 <= int(second.headers["retry-after"]) <= 900
        assert second.json()["error"]["code"] == "rate_limit_exceeded"
        assert emulator.app.log.counts["codex"] == 1, "it is not asked while it rests"

    def test_a_model_that_nobody_has_is_not_found(self, api: Api) -> None:
        with sdk(api) as client, pytest.raises(openai.NotFoundError) as raised:
            client.responses.create(model="gpt-2", input="Hi")
        assert raised.value.code == "model_not_found"

    def test_without_an_account_of_the_type_it_says_so(self, start: Start) -> None:
        response = start(upstream="codex").post(ASK_CODEX)

        assert response.status_code == 503
        error = response.json()["error"]
        assert error["code"] == "no_account"
        assert "of type codex" in error["message"]

    def test_nor_is_there_a_list_of_models_then(self, start: Start) -> None:
        response = start(upstream="codex").client.get("/v1/models")
        assert (response.status_code, response.json()["error"]["code"]) == (503, "no_account")

    @pytest.mark.parametrize(
        ("fields", "param"),
        [
            ({"conversation_id": "c-1"}, "conversation_id"),
            ({"model": "g-abc"}, "model"),
            ({"system_hints": ["canvas"]}, "system_hints"),
        ],
    )
    def test_what_codex_has_not_is_refused_by_name(
        self, api: Api, fields: dict[str, Any], param: str
    ) -> None:
        response = api.post(ASK_CODEX | fields)
        assert response.status_code == 400
        assert response.json()["error"]["param"] == param


ASK_CODEX: dict[str, Any] = {
    "model": "gpt-5.5",
    "messages": [{"role": "user", "content": "Hello?"}],
}


class TestTokensOfCallers:
    CODEX_TOKEN = make_access_token(jti="mine", client_id="app_EMoamEEZ73f0CkXaXp7hrann")
    WEB_TOKEN = make_access_token(jti="mine")

    def ask(self, start: Start, token: str, model: str) -> None:
        api = start(accounts=(), allow_upstream_tokens=True)
        response = api.post(ASK_CODEX | {"model": model}, authorization=f"Bearer {token}")
        assert response.status_code == 200, response.text

    def test_one_of_the_codex_client_is_for_codex(self, start: Start, emulator: Upstream) -> None:
        self.ask(start, self.CODEX_TOKEN, "auto")
        assert emulator.app.log.counts["codex"] == 1

    def test_any_other_is_for_the_web(self, start: Start, emulator: Upstream) -> None:
        self.ask(start, self.WEB_TOKEN, "auto")
        assert emulator.app.log.counts["codex"] == 0
        assert emulator.app.log.counts["conversation"] == 1

    def test_a_prefix_decides(self, start: Start, emulator: Upstream) -> None:
        self.ask(start, self.WEB_TOKEN, "codex/auto")
        self.ask(start, self.CODEX_TOKEN, "web/auto")
        assert emulator.app.log.counts["codex"] == 1
        assert emulator.app.log.counts["conversation"] == 1

    def test_its_list_is_that_of_its_upstream(self, start: Start) -> None:
        api = start(accounts=(), allow_upstream_tokens=True)
        headers = {"authorization": f"Bearer {self.CODEX_TOKEN}"}
        listed = api.client.get("/v1/models", headers=headers).json()["data"]
        assert {tuple(model["upstream"]) for model in listed} == {("codex",)}


def model(turn: Turn) -> Reply:
    """Asks for the weather first, and tells it when it knows it."""
    if turn.messages[-1].role == "tool":
        return Reply((Say(("It is ", f"{turn.messages[-1].text} in Rome.")),))
    return Reply((Think("Looking", ("it up",)), Call("get_weather", ('{"city": ', '"Rome"}'))))


@pytest.fixture
def agent_api(start: Start) -> Iterator[Api]:
    with serving(Emulator(model=model), "critical") as url:
        yield start(accounts=(CODEX,), base_urls=(url,), auth_url=url)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("kind", ["responses", "chat"])
def test_openai_agents_runs_its_tool_loop(agent_api: Api, kind: str, streamed: bool) -> None:
    said = run_agents(agent_api, kind, streamed, model="gpt-5.5")
    assert said == ("It is sunny in Rome.", ["Rome"])
