"""POST /v1/responses with the official client, tools and all, against a scripted model."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel

from chat2api_core.emulator import At, Emulator, Interrupt, Named, Reply, Say, Think, Turn
from chat2api_core.server import serving
from tests.e2e.conftest import KEY, Api, Start, Upstream
from tests.e2e.official import sdk

HELLO = Reply((Say(("Hello", ", ", "world", "!")),))
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
_MARK = re.compile(r"<call_(\w+)")


def scripted(write: Callable[[Turn, str], str]) -> Callable[[Turn], Reply]:
    """A model that writes what it is told, given the mark with which it was taught to call."""

    def model(turn: Turn) -> Reply:
        taught = "\n".join(heard.text for heard in turn.messages)
        found = _MARK.search(taught)
        text = write(turn, found[1] if found else "")
        return Reply((Say(tuple(text[at : at + 5] for at in range(0, len(text), 5))),))

    return model


def weather_model(turn: Turn, mark: str) -> str:
    """Calls the tool first, and answers when it has the result."""
    last = turn.messages[-1].text
    if "result_" in last or "sunny" in last:
        return "It is sunny in Rome."
    return f'<call_{mark} name="get_weather">{{"city": "Rome"}}</call_{mark}>'


@pytest.fixture
def with_model(start: Start) -> Any:
    """Serve the gateway in front of an emulator with this model."""
    from contextlib import ExitStack

    stack = ExitStack()

    def begin(write: Callable[[Turn, str], str], **settings: Any) -> Api:
        url = stack.enter_context(serving(Emulator(model=scripted(write)), "critical"))
        return start(base_urls=(url,), auth_url=url, **settings)

    with stack:
        yield begin


class TestAnswers:
    def test_a_whole_answer_passes_strict_validation(self, api: Api, emulator: Upstream) -> None:
        emulator.push(Reply((Think("Plan", ("Hm.",)), Say(("Hello!",)))))
        with sdk(api) as client:
            response = client.responses.create(model="auto", input="Hello?")

        assert response.output_text == "Hello!"
        assert response.status == "completed"
        assert response.usage is not None

    def test_the_events_come_in_order_and_add_up(self, api: Api, emulator: Upstream) -> None:
        emulator.push(HELLO)
        with sdk(api) as client:
            events = list(client.responses.create(model="auto", input="Hello?", stream=True))

        assert events[0].type == "response.created"
        assert events[-1].type == "response.completed"
        assert [event.sequence_number for event in events] == list(range(len(events)))
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        assert "".join(deltas) == "Hello, world!"
        assert events[-1].response.output_text == "Hello, world!"
        assert events[-1].response.id == events[0].response.id

    def test_the_stream_helper_gets_the_same(self, api: Api, emulator: Upstream) -> None:
        emulator.push(HELLO)
        with sdk(api) as client, client.responses.stream(model="auto", input="Hi") as stream:
            for _ in stream:
                pass
            assert stream.get_final_response().output_text == "Hello, world!"

    def test_trouble_in_mid_stream_is_a_failed_response(
        self, start: Start, emulator: Upstream
    ) -> None:
        emulator.push(At("stream", Interrupt("cut", after=9)), At("resume", Named("404")))
        emulator.push(Reply((Say(tuple(f" word{n}" for n in range(50))),)))
        response = start().post(
            {"model": "auto", "input": "Hi", "stream": True}, path="/v1/responses"
        )

        assert '"type":"response.failed"' in response.text
        assert "response.completed" not in response.text
        assert "[DONE]" not in response.text

    def test_trouble_before_the_first_word_is_an_http_error(
        self, start: Start, emulator: Upstream
    ) -> None:
        emulator.push(At("conversation", Named("429 cap")))
        with sdk(start()) as client, pytest.raises(openai.RateLimitError):
            client.responses.create(model="auto", input="Hi", stream=True)

    def test_the_version_may_be_left_out(self, api: Api) -> None:
        assert api.post({"model": "auto", "input": "Hi"}, path="/responses").status_code == 200

    def test_what_was_left_out_is_told_in_a_header(self, api: Api) -> None:
        tools = [{"type": "code_interpreter", "container": {"type": "auto"}}]
        body = {"model": "auto", "input": "Hi", "tools": tools}
        response = api.post(body, path="/v1/responses")

        assert response.status_code == 200
        assert "code_interpreter" in response.headers["x-chat2api-warning"]


class TestTools:
    def test_a_tool_loop_runs(self, with_model: Any) -> None:
        with sdk(with_model(weather_model)) as client:
            first = client.responses.create(model="auto", input="Weather in Rome?", tools=[WEATHER])
            (call,) = [item for item in first.output if item.type == "function_call"]
            assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Rome"})
            history: Any = [
                {"role": "user", "content": "Weather in Rome?"},
                *first.output,
                {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"},
            ]
            second = client.responses.create(model="auto", input=history, tools=[WEATHER])

        assert second.output_text == "It is sunny in Rome."

    def test_arguments_stream_out_as_they_arrive(self, with_model: Any) -> None:
        with sdk(with_model(weather_model)) as client:
            events = list(
                client.responses.create(
                    model="auto", input="Weather in Rome?", tools=[WEATHER], stream=True
                )
            )

        deltas = [e.delta for e in events if e.type == "response.function_call_arguments.delta"]
        assert len(deltas) > 1
        assert json.loads("".join(deltas)) == {"city": "Rome"}

    def test_a_wrong_call_is_mended_unseen(self, with_model: Any) -> None:
        def careless(turn: Turn, mark: str) -> str:
            wrong = "mistake" not in turn.messages[-1].text and "not made" not in (
                turn.messages[-1].text
            )
            arguments = '{"town": "Rome"}' if wrong else '{"city": "Rome"}'
            return f'<call_{mark} name="get_weather">{arguments}</call_{mark}>'

        with sdk(with_model(careless)) as client:
            response = client.responses.create(model="auto", input="Rome?", tools=[WEATHER])

        (call,) = [item for item in response.output if item.type == "function_call"]
        assert json.loads(call.arguments) == {"city": "Rome"}

    def test_a_custom_tool_gets_its_text(self, with_model: Any) -> None:
        def patching(turn: Turn, mark: str) -> str:
            return f'<call_{mark} name="apply_patch">*** Begin\n+hi\n*** End</call_{mark}>'

        tool: Any = {"type": "custom", "name": "apply_patch", "description": "Patch files"}
        with sdk(with_model(patching)) as client:
            response = client.responses.create(model="auto", input="Patch it", tools=[tool])

        (call,) = [item for item in response.output if item.type == "custom_tool_call"]
        assert "+hi" in call.input


class Moon(BaseModel):
    """A moon."""

    name: str
    radius: int


class TestFormats:
    def test_parse_gets_an_object(self, with_model: Any) -> None:
        def moon(turn: Turn, mark: str) -> str:
            return 'Here:\n```json\n{"name": "Io", "radius": 1821}\n```'

        with sdk(with_model(moon)) as client:
            parsed = client.responses.parse(model="auto", input="A moon", text_format=Moon)
            assert parsed.output_parsed == Moon(name="Io", radius=1821)
            chat = client.chat.completions.parse(
                model="auto",
                messages=[{"role": "user", "content": "A moon"}],
                response_format=Moon,
            )
            assert chat.choices[0].message.parsed == Moon(name="Io", radius=1821)

    def test_json_that_stays_wrong_is_an_error(self, with_model: Any) -> None:
        def wrong(turn: Turn, mark: str) -> str:
            return '{"nom": "Io"}'

        with sdk(with_model(wrong)) as client, pytest.raises(openai.APIStatusError) as raised:
            client.responses.parse(model="auto", input="A moon", text_format=Moon)

        assert raised.value.status_code == 502


class TestGoingOn:
    def test_from_what_was_kept(self, start: Start, emulator: Upstream) -> None:
        with sdk(start()) as client:
            first = client.responses.create(model="auto", input="My name is Ada.")
            client.responses.create(model="auto", input="Who am I?", previous_response_id=first.id)

        body: Any = emulator.app.log.at("conversation")[-1].json
        said = [message["content"]["parts"][0] for message in body["messages"]]
        assert said[0] == "My name is Ada."
        assert said[-1] == "Who am I?"
        assert len(said) == 3

    def test_in_the_same_conversation_where_nothing_is_kept(
        self, start: Start, emulator: Upstream
    ) -> None:
        with sdk(start(history_disabled=False)) as client:
            first = client.responses.create(model="auto", input="My name is Ada.")
        # Another instance, which has seen nothing of it.
        with sdk(start(history_disabled=False)) as client:
            client.responses.create(model="auto", input="Who am I?", previous_response_id=first.id)

        bodies: Any = [record.json for record in emulator.app.log.at("conversation")]
        assert "conversation_id" not in bodies[0]
        assert bodies[1]["conversation_id"]
        assert len(bodies[1]["messages"]) == 1

    def test_not_from_an_unknown_id(self, api: Api) -> None:
        with sdk(api) as client, pytest.raises(openai.NotFoundError) as raised:
            client.responses.create(
                model="auto", input="Who am I?", previous_response_id="resp_nothing"
            )

        assert raised.value.code == "response_not_found"
        assert raised.value.param == "previous_response_id"

    def test_a_kept_response_can_be_looked_at_and_deleted(self, api: Api) -> None:
        with sdk(api) as client:
            made = client.responses.create(model="auto", input="Hello?")
            assert client.responses.retrieve(made.id).output_text == made.output_text
            (item,) = client.responses.input_items.list(made.id).data
            assert "Hello?" in str(item)
            with pytest.raises(openai.BadRequestError):
                client.responses.cancel(made.id)
            client.responses.delete(made.id)
            with pytest.raises(openai.NotFoundError):
                client.responses.retrieve(made.id)

    def test_what_is_below_a_response_is_not_deleted_in_its_place(self, api: Api) -> None:
        with sdk(api) as client:
            made = client.responses.create(model="auto", input="Hello?")
            assert api.client.delete(f"/v1/responses/{made.id}/input_items").status_code == 404
            assert client.responses.retrieve(made.id).id == made.id

    def test_a_kept_response_is_not_streamed_again(self, api: Api) -> None:
        with sdk(api) as client:
            made = client.responses.create(model="auto", input="Hello?")
            with pytest.raises(openai.BadRequestError) as raised:
                client.responses.retrieve(made.id, stream=True)
        assert raised.value.param == "stream"

    def test_an_item_that_came_with_no_name_is_listed(self, api: Api) -> None:
        with sdk(api) as client:
            item: Any = {"type": "message", "id": None, "role": "user", "content": "Hello?"}
            made = client.responses.create(model="auto", input=[item])
            (found,) = client.responses.input_items.list(made.id).data
        assert found.id


def test_hundreds_of_warnings_do_not_burst_the_head_of_the_answer(api: Api) -> None:
    past = [{"type": "web_search_call", "id": f"ws_{n}", "status": "completed"} for n in range(300)]
    with sdk(api) as client:
        response = client.responses.with_raw_response.create(
            model="auto",
            input=[*past, {"role": "user", "content": "Hello?"}],  # type: ignore[list-item]
        )
    warnings = response.headers.get_list("x-chat2api-warning")
    assert warnings[0].startswith("input[0]: web_search_call")
    assert warnings[-1] == "and 292 more like these"
    assert sum(map(len, warnings)) < 2000


def test_the_async_client_streams(api: Api, emulator: Upstream) -> None:
    emulator.push(HELLO)

    async def run() -> str:
        async with AsyncOpenAI(base_url=f"{api.url}/v1", api_key=KEY) as client:
            stream = await client.responses.create(model="auto", input="Hi", stream=True)
            return "".join(
                [e.delta async for e in stream if e.type == "response.output_text.delta"]
            )

    assert asyncio.run(run()) == "Hello, world!"


def test_a_web_socket_is_refused_cleanly(api: Api) -> None:
    headers = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    response = api.client.get("/v1/responses", headers=headers)

    assert response.status_code in {404, 405, 426}
    assert "error" in response.json()
