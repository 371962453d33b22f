"""A body of the Responses API at the address of chat completions, as some editors send it."""

import json
from typing import Any

import pytest

from chat2api_core.dialects.chat_completions import ChatCompletions, ChatRequest
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Message, Text, ToolCall, ToolResult
from chat2api_core.web.chat import Chat

PROPER = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
CROSSED: dict[str, Any] = {
    "model": "gpt-5.5",
    "input": [
        {"role": "system", "content": "You are an editor."},
        {"role": "user", "content": [{"type": "input_text", "text": "Read a.py"}]},
        {"type": "function_call", "call_id": "c1", "name": "read_file", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "print(1)"},
    ],
    "tools": [
        {
            "type": "function",
            "name": "read_file",
            "description": "Reads.",
            "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
        }
    ],
    "tool_choice": "auto",
    "reasoning": {"effort": "high", "summary": "auto"},
    "include": ["reasoning.encrypted_content"],
    "store": False,
    "stream": True,
    "stream_options": {"include_usage": True},
    "user": "u1",
}


def parse(body: object) -> ChatRequest:
    return Chat().parse(json.dumps(body).encode())


def test_a_proper_request_is_read_as_ever() -> None:
    assert parse(PROPER) == ChatCompletions().parse(json.dumps(PROPER).encode())


def test_a_request_in_the_words_of_the_other_api_is_understood() -> None:
    request = parse(CROSSED)

    prompt = request.prompt
    assert type(request) is ChatRequest
    assert (request.stream, request.include_usage) == (True, True)
    assert (prompt.model, prompt.effort, prompt.temporary) == ("gpt-5.5", "high", True)
    assert [tool.name for tool in prompt.tools] == ["read_file"]
    assert prompt.messages[:2] == (
        Message("system", (Text("You are an editor."),)),
        Message("user", (Text("Read a.py"),)),
    )
    assert [type(part) for message in prompt.messages[2:] for part in message.parts] == [
        ToolCall,
        ToolResult,
    ]


def test_without_stream_options_no_usage_is_streamed() -> None:
    body = {key: value for key, value in CROSSED.items() if key != "stream_options"}
    assert parse(body).include_usage is False


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "auto"}, "messages"),
        ({"messages": [], "input": "Hi"}, "messages"),
        ({"input": None}, "input"),
        ({"input": "Hi", "temperature": 9}, "temperature"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0]"),
        ({"input": "Hi", "previous_response_id": "resp_1"}, "previous_response_id"),
    ],
)
def test_what_is_wrong_is_named_as_it_was_written(body: object, param: str) -> None:
    with pytest.raises(Problem) as caught:
        parse(body)
    assert caught.value.kind in (Kind.INVALID_REQUEST, Kind.UNSUPPORTED_PARAMETER)
    assert caught.value.param == param


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 100_000, b'{"input": "\xff"}'])
def test_bytes_that_are_no_request_are_refused(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        Chat().parse(body)
    assert caught.value.kind is Kind.INVALID_REQUEST
