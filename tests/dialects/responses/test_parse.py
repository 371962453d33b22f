"""What a request becomes, and what is said of one that is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chat2api_core.dialects.responses import Responses, ResponsesRequest
from chat2api_core.dialects.responses.body import MAX_ITEMS
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Format, Message, Prompt, Sampling, Text

Parse = Callable[..., ResponsesRequest]
REQUESTS = sorted((Path(__file__).parent / "requests").glob("*.json"))


def settings(request: ResponsesRequest) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(request.settings)
    return value


def test_a_string_is_one_message_of_the_user(parse: Parse) -> None:
    request = parse(model="gpt-5.5", input="Hello")
    assert request.prompt == Prompt("gpt-5.5", (Message("user", (Text("Hello"),)),))
    assert request.stream is False
    assert request.include_usage is True
    assert request.store is True
    assert request.previous_response_id == ""
    assert request.has_instructions is False
    assert request.warnings == ()


def test_a_request_without_a_model_asks_for_auto(parse: Parse) -> None:
    assert parse().prompt.model == "auto"


def test_instructions_are_the_first_system_message(parse: Parse) -> None:
    request = parse(instructions="Be brief.")
    assert [(m.role, m.text) for m in request.prompt.messages] == [
        ("system", "Be brief."),
        ("user", "hi"),
    ]
    assert request.has_instructions is True
    assert settings(request)["instructions"] == "Be brief."


def test_empty_instructions_are_no_message(parse: Parse) -> None:
    request = parse(instructions="")
    assert [m.role for m in request.prompt.messages] == ["user"]
    assert request.has_instructions is False


def test_settings_of_the_prompt_come_from_the_body(parse: Parse) -> None:
    request = parse(
        stream=True,
        store=False,
        parallel_tool_calls=False,
        max_output_tokens=100,
        temperature=0,
        top_p=0.5,
        reasoning={"effort": "xhigh", "summary": "auto", "context": "all_turns"},
        include=["reasoning.encrypted_content"],
        previous_response_id="resp_before",
    )
    prompt = request.prompt
    assert request.stream is True
    assert request.store is False
    assert request.wants_encrypted_reasoning is True
    assert request.previous_response_id == "resp_before"
    assert prompt.temporary is True
    assert prompt.parallel_tool_calls is False
    assert prompt.sampling == Sampling(100, (), 0.0, 0.5)
    assert prompt.effort == "xhigh"


def test_what_is_echoed_is_what_was_asked(parse: Parse) -> None:
    asked = {
        "max_output_tokens": 100,
        "max_tool_calls": 3,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "previous_response_id": "resp_before",
        "prompt_cache_key": "key",
        "prompt_cache_retention": "24h",
        "reasoning": {"effort": "low", "summary": "concise", "context": "all_turns"},
        "safety_identifier": "me",
        "store": False,
        "temperature": 0.25,
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "tool_choice": "none",
        "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": False}],
        "top_p": 0.5,
        "truncation": "auto",
        "user": "somebody",
    }
    assert settings(parse(**asked)) == {
        **asked,
        "background": False,
        "frequency_penalty": 0.0,
        "instructions": None,
        "presence_penalty": 0.0,
        "service_tier": "default",
        "top_logprobs": 0,
    }


def test_what_was_left_out_is_echoed_as_the_value_that_holds(parse: Parse) -> None:
    # As in recordings of the official service.
    assert settings(parse()) == {
        "background": False,
        "frequency_penalty": 0.0,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "prompt_cache_retention": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
    }


def test_a_schema_for_the_answer_is_its_format(parse: Parse) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    form = {"type": "json_schema", "name": "answer", "schema": schema, "strict": True}
    request = parse(text={"format": form})
    assert request.prompt.format == Format("json_schema", "answer", schema, strict=True)
    assert settings(request)["text"]["format"] == {**form, "description": None}


def test_any_json_object_is_a_format_too(parse: Parse) -> None:
    assert parse(text={"format": {"type": "json_object"}}).prompt.format == Format("json_object")


def test_null_is_the_same_as_leaving_out(parse: Parse) -> None:
    names = (
        "model instructions previous_response_id stream store tools tool_choice text reasoning "
        "parallel_tool_calls max_output_tokens include temperature top_p truncation metadata "
        "max_tool_calls prompt_cache_key user background conversation prompt top_logprobs"
    )
    assert parse(**dict.fromkeys(names.split())) == parse()


def test_after_an_earlier_response_the_input_may_be_empty(parse: Parse) -> None:
    assert parse(input=[], previous_response_id="resp_1").prompt.messages == ()


def test_fields_that_nobody_knows_are_ignored(parse: Parse) -> None:
    assert parse(client_metadata={"a": [1]}, whatever=None, generate=True) == parse()


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_requests_of_real_clients_are_taken(path: Path, dialect: Responses) -> None:
    for body in json.loads(path.read_bytes()):
        request = dialect.parse(json.dumps(body).encode())
        assert request.prompt.model == body["model"]
        assert request.stream is body.get("stream", False)
        assert request.prompt.messages


WRONG: list[tuple[str, bytes, str | None, str]] = [
    ("no JSON", b"{", None, "The body is not valid JSON (Input data was truncated)."),
    ("nothing at all", b"", None, "The body is not valid JSON (Input data was truncated)."),
    ("no UTF-8", b'{"input":"\xff"}', None, "The body is not valid UTF-8."),
    (
        "half a surrogate pair",
        b'{"input":"\\ud800x123456"}',
        None,
        "The body is not valid JSON (JSON is malformed: unexpected end of escaped utf-16 "
        "surrogate pair (byte 16)).",
    ),
    ("no object", b"[]", None, "The body must be an object, not an array."),
    (
        "a schema nested without end",
        b'{"input":"x","tools":[{"type":"function","name":"f","parameters":%b1%b}]}'
        % (b'{"a":' * 100_000, b"}" * 100_000),
        None,
        "The body is nested too deeply.",
    ),
    (
        "input that is neither string nor list",
        b'{"input":5}',
        "input",
        "input must be a string or an array or null, not an integer.",
    ),
    (
        "no input",
        b"{}",
        "input",
        "input has no message with any content: there is nothing to answer.",
    ),
    (
        "an empty string",
        b'{"input":""}',
        "input",
        "input has no message with any content: there is nothing to answer.",
    ),
    (
        "a number out of range",
        b'{"input":"x","temperature":3}',
        "temperature",
        "temperature must be a number <= 2.0.",
    ),
    (
        "a number that is none",
        b'{"input":"x","top_p":1e999}',
        "top_p",
        "top_p is wrong: number out of range.",
    ),
    (
        "no tokens at all",
        b'{"input":"x","max_output_tokens":0}',
        "max_output_tokens",
        "max_output_tokens must be an integer >= 1.",
    ),
    (
        "an effort that does not exist",
        b'{"input":"x","reasoning":{"effort":"huge"}}',
        "reasoning.effort",
        "reasoning.effort cannot be 'huge'; "
        "it is one of: none, minimal, low, medium, high, xhigh, max or ultra.",
    ),
    (
        "a truncation that does not exist",
        b'{"input":"x","truncation":"end"}',
        "truncation",
        "truncation cannot be 'end'; it is one of: auto or disabled.",
    ),
    (
        "a format that does not exist",
        b'{"input":"x","text":{"format":{"type":"xml"}}}',
        "text.format.type",
        "text.format.type cannot be 'xml'; it is one of: text, json_object or json_schema.",
    ),
    (
        "a schema without a name",
        b'{"input":"x","text":{"format":{"type":"json_schema","schema":{}}}}',
        "text.format.name",
        "text.format.name is missing.",
    ),
    (
        "a schema that is not there",
        b'{"input":"x","text":{"format":{"type":"json_schema","name":"a"}}}',
        "text.format.schema",
        "text.format.schema is missing.",
    ),
    (
        "metadata with a long key",
        b'{"input":"x","metadata":{"%b":"1"}}' % (b"k" * 65),
        "metadata",
        "metadata has a key that must be a string of length <= 64.",
    ),
    (
        "too many items",
        b'{"input":[%b{}]}' % (b"{}," * MAX_ITEMS),
        "input",
        f"input must be an array of length <= {MAX_ITEMS}.",
    ),
]


@pytest.mark.parametrize(
    ("body", "param", "message"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_a_wrong_body_is_answered_with_its_place_and_words(
    body: bytes, param: str | None, message: str, dialect: Responses
) -> None:
    with pytest.raises(Problem) as caught:
        dialect.parse(body)
    assert caught.value.kind is Kind.INVALID_REQUEST
    assert caught.value.param == param
    assert caught.value.message == message


def test_probabilities_are_refused_wherever_they_are_asked_for(parse: Parse) -> None:
    with pytest.raises(Problem) as caught:
        parse(include=["reasoning.encrypted_content", "message.output_text.logprobs"])
    assert caught.value.kind is Kind.UNSUPPORTED_PARAMETER
    assert caught.value.param == "include[1]"
