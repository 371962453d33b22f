"""The official Python client against what the dialect sends: calls, forms and refusals.

The client is real; only its connection is replaced by one that answers out of the dialect."""

from collections.abc import Callable, Sequence
from typing import Any

import httpx2
import openai
import pydantic
import pytest

from chat2api_core.dialects.base import Head, error_document
from chat2api_core.dialects.chat_completions import ChatCompletions
from chat2api_core.problem import Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Delta,
    Finished,
    Message,
    RefusalDelta,
    Started,
    Text,
    TextDelta,
    ToolCall,
    ToolChoice,
    ToolResult,
    Usage,
)

Json = dict[str, Any]
NewClient = Callable[[Sequence[Delta]], openai.OpenAI]

HEAD = Head(id="0123456789abcdef", created=1_790_000_000)
ASK: Json = {"model": "auto", "messages": [{"role": "user", "content": "Weather in Paris?"}]}
DONE = Finished("stop", "conv-1", "msg-1", Usage(9, 8))
CALLED = Finished("tool_calls", "conv-1", "msg-1", Usage(9, 8))


class GetWeather(pydantic.BaseModel):
    """The weather of a city."""

    city: str
    days: int


class GetTime(pydantic.BaseModel):
    zone: str


TWO_TOOLS = [openai.pydantic_function_tool(GetWeather), openai.pydantic_function_tool(GetTime)]
TWO_CALLS: list[Delta] = [
    Started("gpt-5-5", "conv-1"),
    TextDelta("One moment."),
    CallStarted(0, "call_a", "GetWeather"),
    CallDelta(0, '{"city":'),
    CallDelta(0, '"Paris","days":2}'),
    CallEnded(0),
    CallStarted(1, "call_b", "GetTime"),
    CallDelta(1, '{"zone":"CET"}'),
    CallEnded(1),
    CALLED,
]
JSON_SAID: list[Delta] = [TextDelta('{"city":"Pa'), TextDelta('ris","days":2}'), DONE]
DECLINED: list[Delta] = [RefusalDelta("I "), RefusalDelta("won't."), DONE]


@pytest.fixture
def asked() -> list[bytes]:
    """The bodies that the client sent."""
    return []


@pytest.fixture
def client(asked: list[bytes]) -> NewClient:
    """A strict client of a gateway whose model always says the same."""

    def of(deltas: Sequence[Delta]) -> openai.OpenAI:
        dialect = ChatCompletions()

        def answer(request: httpx2.Request) -> httpx2.Response:
            asked.append(request.content)
            parsed = dialect.parse(request.content)
            if parsed.stream:
                machine = dialect.encoder(parsed, HEAD)
                stream = b": keep-alive\n\n".join(machine.feed([delta]) for delta in deltas)
                kind = {"content-type": "text/event-stream"}
                return httpx2.Response(200, headers=kind, content=stream)
            transcript = Transcript()
            for delta in deltas:
                transcript.feed(delta)
            kind = {"content-type": "application/json"}
            document = dialect.document(parsed, HEAD, transcript)
            return httpx2.Response(200, headers=kind, content=document)

        return openai.OpenAI(
            api_key="sk-test",
            base_url="http://gateway.test/v1",
            http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
            _strict_response_validation=True,
        )

    return of


# ------------------------------------------------------------------------------------------ calls


def test_calls_are_parsed_into_the_types_of_their_tools(client: NewClient) -> None:
    answer = client(TWO_CALLS).chat.completions.parse(**ASK, tools=TWO_TOOLS)
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "One moment."
    assert [
        (call.id, call.function.parsed_arguments) for call in choice.message.tool_calls or ()
    ] == [("call_a", GetWeather(city="Paris", days=2)), ("call_b", GetTime(zone="CET"))]


def test_the_stream_helper_adds_calls_up_to_the_document(client: NewClient) -> None:
    ours = client(TWO_CALLS)
    with ours.chat.completions.stream(
        **ASK, tools=TWO_TOOLS, stream_options={"include_usage": True}
    ) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    whole = [e for e in events if e.type == "tool_calls.function.arguments.done"]
    assert [(e.index, e.name, e.arguments) for e in whole] == [
        (0, "GetWeather", '{"city":"Paris","days":2}'),
        (1, "GetTime", '{"zone":"CET"}'),
    ]
    calls = final.choices[0].message.tool_calls or []
    assert [call.function.parsed_arguments for call in calls] == [
        GetWeather(city="Paris", days=2),
        GetTime(zone="CET"),
    ]
    document = ours.chat.completions.create(**ASK, tools=TWO_TOOLS)
    said = document.choices[0].message
    assert [(c.id, c.function.name, c.function.arguments) for c in calls] == [
        (c.id, c.function.name, c.function.arguments)
        for c in said.tool_calls or ()
        if c.type == "function"
    ]
    assert final.choices[0].message.content == said.content
    assert final.choices[0].finish_reason == document.choices[0].finish_reason == "tool_calls"
    assert final.usage is not None
    assert final.usage == document.usage


def test_the_pieces_of_a_call_name_it_once(client: NewClient) -> None:
    stream = client(TWO_CALLS).chat.completions.create(**ASK, tools=TWO_TOOLS, stream=True)
    pieces = [
        piece.to_dict()
        for chunk in stream
        for piece in (chunk.choices[0].delta.tool_calls or () if chunk.choices else ())
    ]
    assert pieces == [
        {
            "index": 0,
            "id": "call_a",
            "type": "function",
            "function": {"name": "GetWeather", "arguments": ""},
        },
        {"index": 0, "function": {"arguments": '{"city":'}},
        {"index": 0, "function": {"arguments": '"Paris","days":2}'}},
        {
            "index": 1,
            "id": "call_b",
            "type": "function",
            "function": {"name": "GetTime", "arguments": ""},
        },
        {"index": 1, "function": {"arguments": '{"zone":"CET"}'}},
    ]


def test_what_the_client_makes_of_types_is_understood(
    client: NewClient, asked: list[bytes]
) -> None:
    choice: Any = {"type": "function", "function": {"name": "GetTime"}}
    client(JSON_SAID).chat.completions.parse(
        **ASK,
        tools=TWO_TOOLS,
        tool_choice=choice,
        parallel_tool_calls=False,
        response_format=GetWeather,
    )
    prompt = ChatCompletions().parse(asked[0]).prompt
    assert [(tool.name, tool.strict) for tool in prompt.tools] == [
        ("GetWeather", True),
        ("GetTime", True),
    ]
    assert prompt.tools[0].description == "The weather of a city."
    assert prompt.tools[0].parameters is not None
    assert list(prompt.tools[0].parameters["properties"]) == ["city", "days"]
    assert prompt.tool_choice == ToolChoice("required", ("GetTime",))
    assert prompt.parallel_tool_calls is False
    assert (prompt.format.kind, prompt.format.name, prompt.format.strict) == (
        "json_schema",
        "GetWeather",
        True,
    )


def test_a_tool_loop_takes_its_own_messages_back(client: NewClient, asked: list[bytes]) -> None:
    ours = client(TWO_CALLS)
    said = ours.chat.completions.create(**ASK, tools=TWO_TOOLS).choices[0].message
    results: list[Json] = [
        {"role": "tool", "tool_call_id": call.id, "content": "7"} for call in said.tool_calls or ()
    ]
    history: Any = [*ASK["messages"], said, *results]
    ours.chat.completions.create(model="auto", messages=history, tools=TWO_TOOLS)
    assert ChatCompletions().parse(asked[1]).prompt.messages[1:] == (
        Message(
            "assistant",
            (
                Text("One moment."),
                ToolCall("call_a", "GetWeather", '{"city":"Paris","days":2}'),
                ToolCall("call_b", "GetTime", '{"zone":"CET"}'),
            ),
        ),
        Message("tool", (ToolResult("call_a", (Text("7"),)),)),
        Message("tool", (ToolResult("call_b", (Text("7"),)),)),
    )


def test_a_custom_tool_is_called_and_answered(client: NewClient, asked: list[bytes]) -> None:
    deltas: list[Delta] = [CallStarted(0, "c", "sql", "custom"), CallDelta(0, "SELECT 1"), CALLED]
    tool: Any = {"type": "custom", "custom": {"name": "sql"}}
    ours = client(deltas)
    said = ours.chat.completions.create(**ASK, tools=[tool]).choices[0].message
    assert said.tool_calls is not None
    assert [call.to_dict() for call in said.tool_calls] == [
        {"id": "c", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}
    ]
    result = {"role": "tool", "tool_call_id": "c", "content": "1"}
    history: Any = [*ASK["messages"], said, result]
    ours.chat.completions.create(model="auto", messages=history, tools=[tool])
    assert ChatCompletions().parse(asked[1]).prompt.messages[1:] == (
        Message("assistant", (ToolCall("c", "sql", "SELECT 1", "custom"),)),
        Message("tool", (ToolResult("c", (Text("1"),), "custom"),)),
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the client's, for the older form
def test_the_older_form_of_a_call_goes_round(client: NewClient, asked: list[bytes]) -> None:
    deltas: list[Delta] = [
        CallStarted(0, "c", "f"),
        CallDelta(0, '{"a"'),
        CallDelta(0, ":1}"),
        CALLED,
    ]
    functions: Any = [{"name": "f", "parameters": {"type": "object"}}]
    ours = client(deltas)
    choice = ours.chat.completions.create(**ASK, functions=functions).choices[0]
    assert choice.finish_reason == "function_call"
    assert choice.message.tool_calls is None
    assert choice.message.function_call is not None
    assert choice.message.function_call.arguments == '{"a":1}'

    chunks = list(ours.chat.completions.create(**ASK, functions=functions, stream=True))
    pieces = [chunk.choices[0].delta.function_call for chunk in chunks]
    assert [(piece.name, piece.arguments) for piece in pieces if piece] == [
        ("f", ""),
        (None, '{"a"'),
        (None, ":1}"),
    ]
    assert chunks[-1].choices[0].finish_reason == "function_call"

    result = {"role": "function", "name": "f", "content": "7"}
    history: Any = [*ASK["messages"], choice.message, result]
    ours.chat.completions.create(model="auto", messages=history, functions=functions)
    call, answer = ChatCompletions().parse(asked[-1]).prompt.messages[1:]
    assert call.parts == (ToolCall("call_function_0", "f", '{"a":1}'),)
    assert answer.parts == (ToolResult("call_function_0", (Text("7"),)),)


# ------------------------------------------------------------------------------------------ forms


def test_an_answer_is_parsed_into_the_type_that_was_asked_for(client: NewClient) -> None:
    answer = client(JSON_SAID).chat.completions.parse(**ASK, response_format=GetWeather)
    assert answer.choices[0].message.parsed == GetWeather(city="Paris", days=2)
    assert answer.choices[0].message.refusal is None


def test_the_stream_helper_parses_an_answer_as_it_grows(client: NewClient) -> None:
    ours = client(JSON_SAID)
    with ours.chat.completions.stream(**ASK, response_format=GetWeather) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    seen = [e.parsed for e in events if e.type == "content.delta"]
    assert seen[-1] == {"city": "Paris", "days": 2}
    assert final.choices[0].message.parsed == GetWeather(city="Paris", days=2)


def test_a_refusal_is_no_answer_of_that_type(client: NewClient) -> None:
    answer = client(DECLINED).chat.completions.parse(**ASK, response_format=GetWeather)
    message = answer.choices[0].message
    assert (message.parsed, message.content, message.refusal) == (None, None, "I won't.")


def test_the_stream_helper_hears_a_refusal(client: NewClient) -> None:
    with client(DECLINED).chat.completions.stream(**ASK, response_format=GetWeather) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    assert [e.delta for e in events if e.type == "refusal.delta"] == ["I ", "won't."]
    assert [e.refusal for e in events if e.type == "refusal.done"] == ["I won't."]
    assert final.choices[0].message.parsed is None


def test_a_wrong_request_is_an_error_of_the_client_with_its_param() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        with pytest.raises(Problem) as caught:
            ChatCompletions().parse(request.content)
        return httpx2.Response(caught.value.status, content=error_document(caught.value))

    ours = openai.OpenAI(
        api_key="sk-test",
        base_url="http://gateway.test/v1",
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
    )
    with pytest.raises(openai.BadRequestError) as caught:
        ours.chat.completions.create(**ASK, tool_choice="required")
    assert caught.value.param == "tool_choice"
