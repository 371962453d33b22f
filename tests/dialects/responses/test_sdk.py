"""The official Python client, in its strictest mode, against what the dialect sends.

The client is real; only its connection is replaced by one that answers out of the dialect."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import httpx2
import openai
import pydantic
import pytest
from openai import BaseModel
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from chat2api_core.dialects.base import Head
from chat2api_core.dialects.responses import Responses
from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Citation,
    Delta,
    Finished,
    Picture,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    Usage,
)

Json = dict[str, Any]
EVENT: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)

# Members that the official service sends although the client's types do not declare them.
UNDECLARED = {
    ("Response", "frequency_penalty"),
    ("Response", "presence_penalty"),
    ("Response", "store"),
    ("ResponseFunctionCallArgumentsDoneEvent", "name"),
    ("ResponseCustomToolCall", "status"),
}

TOOLS: list[Json] = [
    {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False},
    {
        "type": "custom",
        "name": "g",
        "format": {"type": "grammar", "syntax": "lark", "definition": "start: /a+/"},
    },
    {
        "type": "namespace",
        "name": "n",
        "description": "",
        "tools": [{"type": "function", "name": "h", "parameters": {}, "strict": False}],
    },
    {"type": "local_shell"},
    {"type": "shell"},
    {"type": "apply_patch"},
]
BODY: Json = {
    "model": "gpt-5.5",
    "input": "hi",
    "instructions": "Be brief.",
    "tools": TOOLS,
    "tool_choice": {"type": "function", "name": "f"},
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "text": {
        "format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}},
        "verbosity": "low",
    },
    "metadata": {"a": "b"},
    "user": "me",
    "truncation": "auto",
    "max_output_tokens": 100,
    "prompt_cache_retention": "24h",
    "previous_response_id": "resp_before",
}

ALL: list[Delta] = [
    Started("gpt-5-5"),
    ReasoningDelta("Think"),
    ReasoningDelta("ing"),
    ReasoningDelta("More", 1),
    TextDelta("See "),
    TextDelta("[1]."),
    Citation(4, 7, "https://example.com/", "Example"),
    Picture("sediment://file_1", 8, 8, "A moon"),
    CallStarted(0, "c0", "f"),
    CallDelta(0, '{"a":'),
    CallDelta(0, "1}"),
    CallEnded(0),
    CallStarted(1, "c1", "g", "custom"),
    CallDelta(1, "aaa"),
    CallEnded(1),
    CallStarted(2, "c2", "h", namespace="n"),
    CallDelta(2, "{}"),
    CallEnded(2),
    CallStarted(3, "c3", "local_shell"),
    CallDelta(3, '{"command":["ls"]}'),
    CallEnded(3),
    CallStarted(4, "c4", "shell"),
    CallDelta(4, '{"commands":["ls"]}'),
    CallEnded(4),
    CallStarted(5, "c5", "apply_patch"),
    CallDelta(5, '{"type":"update_file","path":"a","diff":"@@"}'),
    CallEnded(5),
]
WHOLE = [*ALL, Finished("tool_calls", usage=Usage(9, 8, 7, 6, exact=True))]
DECLINED: list[Delta] = [
    TextDelta("Hm. "),
    RefusalDelta("I "),
    RefusalDelta("won't."),
    Finished("stop", usage=Usage(9, 8)),
]
CUT = [*ALL, TextDelta("half"), Finished("length", usage=Usage(9, 8))]


class Person(pydantic.BaseModel):
    """Somebody."""

    name: str


def undeclared(value: object) -> set[tuple[str, str]]:
    """The members within a parsed value that its type does not declare. What the client sent itself
    (its tools, its settings) is its own affair."""
    found: set[tuple[str, str]] = set()
    if isinstance(value, BaseModel):
        found |= {(type(value).__name__, name) for name in value.model_extra or {}}
        for name in type(value).model_fields:
            if name not in {"tools", "tool_choice", "text", "reasoning"}:
                found |= undeclared(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            found |= undeclared(item)
    return found


@pytest.fixture
def client(dialect: Responses, head: Head) -> Callable[[Sequence[Delta]], openai.OpenAI]:
    """A strict client of a gateway whose model always says the same."""

    def of(deltas: Sequence[Delta]) -> openai.OpenAI:
        def answer(request: httpx2.Request) -> httpx2.Response:
            parsed = dialect.parse(request.content)
            if parsed.stream:
                machine = dialect.encoder(parsed, head)
                stream = b": keep-alive\n\n".join(machine.feed([delta]) for delta in deltas)
                kind = {"content-type": "text/event-stream"}
                return httpx2.Response(200, headers=kind, content=stream)
            transcript = Transcript()
            for delta in deltas:
                transcript.feed(delta)
            kind = {"content-type": "application/json"}
            document = dialect.document(parsed, head, transcript)
            return httpx2.Response(200, headers=kind, content=document)

        return openai.OpenAI(
            api_key="sk-test",
            base_url="http://gateway.test/v1",
            http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
            _strict_response_validation=True,
        )

    return of


@pytest.mark.parametrize("deltas", [WHOLE, CUT], ids=["whole", "cut"])
def test_every_event_is_what_the_clients_types_declare(
    deltas: list[Delta], run: Callable[..., list[Json]]
) -> None:
    found: set[tuple[str, str]] = set()
    for event in run(deltas, **BODY):
        parsed = EVENT.validate_python(event)
        assert parsed.type == event["type"]
        found |= undeclared(parsed)
    assert found == UNDECLARED


@pytest.mark.parametrize("kind", [Kind.CUT, Kind.RATE_LIMITED, Kind.REFUSED])
def test_a_failed_response_is_what_the_clients_types_declare(
    kind: Kind, dialect: Responses, head: Head, events: Callable[[bytes], list[Json]]
) -> None:
    machine = dialect.encoder(dialect.parse(json.dumps(BODY).encode()), head)
    machine.feed(ALL)
    (event,) = events(machine.fail(Problem(kind, "x", step="stream", retry_after=5)))
    assert undeclared(EVENT.validate_python(event)) <= UNDECLARED


def test_a_strict_client_takes_the_document(
    client: Callable[[Sequence[Delta]], openai.OpenAI], run: Callable[..., list[Json]]
) -> None:
    response = client(WHOLE).responses.create(**BODY)
    assert response.status == "completed"
    assert response.output_text == "See [1].\n[Picture: A moon, 8 x 8 pixels]\n"
    assert [item.type for item in response.output] == [
        "reasoning",
        "message",
        "message",
        "function_call",
        "custom_tool_call",
        "function_call",
        "local_shell_call",
        "shell_call",
        "apply_patch_call",
    ]
    last = run(WHOLE, **BODY)[-1]["response"]
    assert response.to_dict() == Response.model_validate(last).to_dict()


def test_a_strict_client_takes_the_stream(
    client: Callable[[Sequence[Delta]], openai.OpenAI], run: Callable[..., list[Json]]
) -> None:
    stream = client(WHOLE).responses.create(**BODY, stream=True)
    assert [event.type for event in stream] == [e["type"] for e in run(WHOLE, **BODY)]


def test_the_clients_own_sum_of_the_stream_is_our_document(
    client: Callable[[Sequence[Delta]], openai.OpenAI],
) -> None:
    ours = client(WHOLE)
    document = ours.responses.create(**{**BODY, "text": {}})
    with ours.responses.stream(**{**BODY, "text": {}}) as stream:
        text = "".join(e.delta for e in stream if e.type == "response.output_text.delta")
        final = stream.get_final_response()
    assert text == document.output_text
    known = document.to_dict()
    # The helper adds what it parsed by itself, null where it parsed nothing.
    assert _without_parsed(final.to_dict()) == known


def _without_parsed(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            k: _without_parsed(v)
            for k, v in value.items()
            if k not in {"parsed", "parsed_arguments"}
        }
    if isinstance(value, list):
        return [_without_parsed(item) for item in value]
    return value


def test_the_client_parses_an_answer_into_a_type(
    client: Callable[[Sequence[Delta]], openai.OpenAI],
) -> None:
    said: list[Delta] = [TextDelta('{"name":'), TextDelta('"Alice"}'), Finished("stop")]
    response = client(said).responses.parse(model="m", input="Who?", text_format=Person)
    assert response.output_parsed == Person(name="Alice")


def test_the_stream_helper_parses_an_answer_into_a_type(
    client: Callable[[Sequence[Delta]], openai.OpenAI],
) -> None:
    said: list[Delta] = [TextDelta('{"name":'), TextDelta('"Alice"}'), Finished("stop")]
    with client(said).responses.stream(model="m", input="Who?", text_format=Person) as stream:
        done = [event for event in stream if event.type == "response.output_text.done"]
        final = stream.get_final_response()
    assert [event.parsed for event in done] == [Person(name="Alice")]
    assert final.output_parsed == Person(name="Alice")


def test_the_client_parses_calls_into_the_types_of_their_tools(
    client: Callable[[Sequence[Delta]], openai.OpenAI],
) -> None:
    called: list[Delta] = [
        CallStarted(0, "c", "Person"),
        CallDelta(0, '{"name":'),
        CallDelta(0, '"Alice"}'),
        CallEnded(0),
        Finished("tool_calls"),
    ]
    ours, tools = client(called), [openai.pydantic_function_tool(Person)]
    flat: Any = [{"type": "function", **tool["function"]} for tool in tools]
    parsed = ours.responses.parse(model="m", input="Who?", tools=flat).output[0]
    assert parsed.type == "function_call"
    assert parsed.parsed_arguments == {"name": "Alice"}
    with ours.responses.stream(model="m", input="Who?", tools=flat) as stream:
        grown = [
            event.snapshot
            for event in stream
            if event.type == "response.function_call_arguments.delta"
        ]
        (final,) = stream.get_final_response().output
    assert grown == ['{"name":', '{"name":"Alice"}']
    assert final.type == "function_call"
    assert (final.call_id, final.arguments) == ("c", '{"name":"Alice"}')


def test_a_refusal_is_what_the_clients_types_declare(run: Callable[..., list[Json]]) -> None:
    for event in run(DECLINED, **BODY):
        assert undeclared(EVENT.validate_python(event)) <= UNDECLARED


def test_the_client_finds_a_refusal_where_it_asked_for_a_type(
    client: Callable[[Sequence[Delta]], openai.OpenAI],
) -> None:
    response = client(DECLINED[1:]).responses.parse(model="m", input="Who?", text_format=Person)
    assert response.output_parsed is None
    (message,) = [item.to_dict() for item in response.output]
    assert message["content"] == [{"type": "refusal", "refusal": "I won't."}]


def test_a_tool_loop_takes_its_own_items_back(
    client: Callable[[Sequence[Delta]], openai.OpenAI], dialect: Responses
) -> None:
    response = client(WHOLE).responses.create(**BODY)
    items = [item.to_dict() for item in response.output]
    outputs = [
        {"type": "function_call_output", "call_id": "c0", "output": "1"},
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "2"},
        {"type": "function_call_output", "call_id": "c2", "output": "3"},
        {"type": "local_shell_call_output", "id": "c3", "output": "4"},
        {"type": "shell_call_output", "call_id": "c4", "output": []},
        {"type": "apply_patch_call_output", "call_id": "c5", "status": "completed"},
    ]
    body = {"input": [{"role": "user", "content": "hi"}, *items, *outputs]}
    prompt = dialect.parse(json.dumps(body).encode()).prompt
    assert [m.role for m in prompt.messages] == ["user", *["assistant"] * 2, *["tool"] * 6]
    assert [type(part).__name__ for m in prompt.messages[1:3] for part in m.parts] == [
        "Reasoning",
        "Text",
        "Text",
        *["ToolCall"] * 6,
    ]
