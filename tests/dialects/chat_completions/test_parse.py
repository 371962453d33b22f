"""Reading requests: what clients send is understood, what is wrong is named by its path."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.dialects.chat_completions import ChatCompletions, ChatRequest
from chat2api_core.dialects.chat_completions.body import MAX_MESSAGES
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import (
    File,
    HostedTool,
    Image,
    Message,
    Prompt,
    Sampling,
    Text,
    Thread,
    ToolCall,
    ToolResult,
)

HELLO = {"role": "user", "content": "hello"}
REQUESTS = sorted((Path(__file__).parent / "requests").glob("*.json"))
PICTURE = "data:image/png;base64,iVBORw0KGgo="


def parse(**body: object) -> ChatRequest:
    return ChatCompletions().parse(json.dumps({"messages": [HELLO], **body}).encode())


def parse_messages(*messages: object) -> tuple[Message, ...]:
    return parse(messages=messages).prompt.messages


def problem_of(body: bytes) -> Problem:
    with pytest.raises(Problem) as caught:
        ChatCompletions().parse(body)
    return caught.value


def problem_with(**body: object) -> Problem:
    return problem_of(json.dumps({"messages": [HELLO], **body}).encode())


# ----------------------------------------------------------------------------- what is understood


def test_the_smallest_request_asks_the_default_model_for_a_document() -> None:
    assert parse() == ChatRequest(
        prompt=Prompt(model="auto", messages=(Message("user", (Text("hello"),)),)),
        stream=False,
        include_usage=False,
    )


def test_every_used_parameter_reaches_the_prompt() -> None:
    request = parse(
        model="gpt-5-5",
        stream=True,
        stream_options={"include_usage": True, "include_obfuscation": False},
        stop=["END", "\n\n"],
        max_tokens=7,
        temperature=0.5,
        top_p=1,
        reasoning_effort="xhigh",
        conversation_id="conv-1",
        parent_message_id="msg-1",
        system_hints=["search", "reason", "search"],
        history_disabled=True,
        verbosity="low",
        prompt_cache_key="talk-1",
        service_tier="priority",
    )
    assert request == ChatRequest(
        prompt=Prompt(
            model="gpt-5-5",
            messages=(Message("user", (Text("hello"),)),),
            sampling=Sampling(max_tokens=7, stop=("END", "\n\n"), temperature=0.5, top_p=1.0),
            effort="xhigh",
            thread=Thread("conv-1", "msg-1"),
            hints=("search", "reason"),
            temporary=True,
            verbosity="low",
            cache_key="talk-1",
            service_tier="priority",
        ),
        stream=True,
        include_usage=True,
    )


LOCATION = {
    "type": "approximate",
    "approximate": {"city": "Delft", "country": "NL", "region": None},
}
DELFT = {"type": "approximate", "city": "Delft", "country": "NL"}
GET_TIME = {"type": "function", "function": {"name": "get_time"}}


@pytest.mark.parametrize(
    ("fields", "options", "hints"),
    [
        ({"web_search_options": {}}, {}, ("search",)),
        ({"web_search_options": {}, "system_hints": ["search"]}, {}, ("search",)),
        (
            {"web_search_options": {"search_context_size": "low"}},
            {"search_context_size": "low"},
            (),
        ),
        ({"web_search_options": {"user_location": LOCATION}}, {"user_location": DELFT}, ()),
        (
            {"web_search_options": {"user_location": LOCATION}, "tools": [GET_TIME]},
            {"user_location": DELFT},
            ("search",),
        ),
    ],
)
def test_a_wish_for_a_search_is_a_hosted_tool(
    fields: dict[str, object], options: dict[str, object], hints: tuple[str, ...]
) -> None:
    prompt = parse(**fields).prompt
    assert prompt.hosted == (HostedTool("web_search", options),)
    assert prompt.hints == hints


@pytest.mark.parametrize("effort", ["none", "minimal", "low", "medium", "high", "xhigh", "max"])
def test_every_official_effort_is_taken(effort: str) -> None:
    assert parse(reasoning_effort=effort).prompt.effort == effort


def test_the_newer_name_of_max_tokens_wins() -> None:
    assert parse(max_tokens=7, max_completion_tokens=9).prompt.sampling.max_tokens == 9


def test_a_single_stop_sequence_may_be_a_string() -> None:
    assert parse(stop="END").prompt.sampling.stop == ("END",)
    assert parse(stop=[]).prompt.sampling.stop == ()


def test_null_is_the_same_as_leaving_a_parameter_out() -> None:
    everything = dict.fromkeys(
        (
            "model", "stream", "stream_options", "stop", "max_tokens", "max_completion_tokens",
            "temperature", "top_p", "reasoning_effort", "conversation_id", "parent_message_id",
            "system_hints", "history_disabled", "n", "tools", "tool_choice", "response_format",
            "parallel_tool_calls", "functions", "function_call", "audio", "modalities", "logprobs",
            "verbosity", "prompt_cache_key", "service_tier", "web_search_options",
        )
    )  # fmt: skip
    assert parse(**everything) == parse()


def test_an_empty_model_or_conversation_is_none() -> None:
    assert parse(model="", conversation_id="", parent_message_id="") == parse()


def test_a_conversation_may_be_continued_without_naming_the_message() -> None:
    assert parse(conversation_id="c").prompt.thread == Thread("c", "")


def test_the_values_that_hold_anyway_change_nothing() -> None:
    spelled_out = {
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "functions": [],
        "function_call": "auto",
        "response_format": {"type": "text"},
    }
    assert parse(**spelled_out) == parse()


def test_neutral_values_of_refused_parameters_change_nothing() -> None:
    neutral = {
        "n": 1,
        "logprobs": False,
        "top_logprobs": 0,
        "modalities": ["text"],
    }
    assert parse(**neutral) == parse()


def test_unknown_and_ignored_fields_are_skipped_whatever_they_hold() -> None:
    assert parse(metadata="?", logit_bias=[1], new_in_2027={"x": [{}]}) == parse()


def test_ignored_fields_of_the_right_type_change_nothing() -> None:
    ignored = {
        "frequency_penalty": -2,
        "presence_penalty": 0.5,
        "seed": -1,
        "store": True,
        "user": "",
        "safety_identifier": "somebody",
    }
    assert parse(**ignored) == parse(**dict.fromkeys(ignored)) == parse()


def test_roles_and_names_are_kept() -> None:
    assert parse_messages(
        {"content": "be brief", "role": "system", "name": "boss"},
        {"role": "developer", "content": [{"type": "text", "text": "b"}]},
        {"role": "user", "content": "hi", "name": None},
        {"role": "assistant", "content": "ho", "name": "bot"},
        {"role": "user", "content": "go on"},
    ) == (
        Message("system", (Text("be brief"),), "boss"),
        Message("developer", (Text("b"),)),
        Message("user", (Text("hi"),)),
        Message("assistant", (Text("ho"),), "bot"),
        Message("user", (Text("go on"),)),
    )


def test_pictures_and_files_become_parts_in_their_order() -> None:
    (message,) = parse_messages(
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "see", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
                {"type": "image_url", "image_url": "HTTPS://example.com/a.png"},
                {"type": "image_url", "image_url": {"url": "http://example.com/b", "detail": None}},
                {"type": "file", "file": {"file_data": "data:text/plain;base64,aGk=",
                                          "filename": "hi.txt"}},
                {"type": "file", "file": {"file_id": "file-1"}},
            ],
        }
    )  # fmt: skip
    assert message.parts == (
        Text("see"),
        Image(url=PICTURE, detail="low"),
        Image(url="HTTPS://example.com/a.png"),
        Image(url="http://example.com/b"),
        File(name="hi.txt", data="data:text/plain;base64,aGk="),
        File(file_id="file-1"),
    )


def test_pictures_and_files_are_named_as_the_client_wrote_them() -> None:
    image = {"type": "image_url", "image_url": {"url": PICTURE}}
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "See"}, image]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": [image]},
        {"role": "user", "content": [
            {"type": "file", "file": {"file_data": "YQ=="}},
            {"type": "file", "file": {"file_id": "file-1"}},
        ]},
    ]  # fmt: skip
    assert parse(messages=messages).places == (
        "messages[1].content[1].image_url.url",
        "messages[3].content[0].image_url.url",
        "messages[4].content[0].file.file_data",
        "messages[4].content[1].file.file_id",
    )


def test_an_answer_of_the_assistant_may_be_a_refusal() -> None:
    _, in_parts, in_field, empty, _ = parse_messages(
        HELLO,
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"role": "assistant", "content": None, "refusal": "never"},
        {"role": "assistant", "content": ""},
        HELLO,
    )
    assert in_parts.parts == (Text("no"),)
    assert in_field.parts == (Text("never"),)
    assert empty.parts == ()


def test_calls_in_the_history_and_their_results_are_kept() -> None:
    assert parse_messages(
        HELLO,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "raw"}},
            ],
        },
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "two"}]},
        {"role": "tool", "tool_call_id": "c1", "content": "one", "name": "f"},
    )[1:] == (
        Message("assistant", (ToolCall("c1", "f", "{}"), ToolCall("c2", "g", "raw", "custom"))),
        Message("tool", (ToolResult("c2", (Text("two"),), "custom"),)),
        Message("tool", (ToolResult("c1", (Text("one"),)),)),
    )


def test_the_older_form_of_calls_gets_ids_that_fit_together() -> None:
    call = {"role": "assistant", "content": "so:", "function_call": {"name": "f", "arguments": ""}}
    messages = parse_messages(
        HELLO,
        call,
        {"role": "function", "name": "f", "content": "one"},
        call,
        {"role": "function", "name": "f", "content": None},
    )
    first, second = "call_function_0", "call_function_1"
    assert messages[1] == Message("assistant", (Text("so:"), ToolCall(first, "f", "")))
    assert messages[2] == Message("tool", (ToolResult(first, (Text("one"),)),), "f")
    assert messages[3] == Message("assistant", (Text("so:"), ToolCall(second, "f", "")))
    assert messages[4] == Message("tool", (ToolResult(second, ()),), "f")


def test_a_request_that_only_holds_the_results_of_calls_is_complete() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = parse_messages(
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "done"},
    )
    assert [message.role for message in messages] == ["assistant", "tool"]


@pytest.mark.parametrize("content", ["", [], None])
def test_a_tool_may_have_nothing_to_say(content: object) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    _, _, result = parse_messages(
        HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": content},
    )
    assert result == Message("tool", (ToolResult("c", (Text(""),)),))


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_requests_of_real_clients_are_taken(path: Path) -> None:
    for body in json.loads(path.read_bytes()):
        request = ChatCompletions().parse(json.dumps(body).encode())
        prompt = request.prompt
        assert request.stream is body.get("stream", False)
        assert [message.role for message in prompt.messages] == [
            message["role"] for message in body["messages"]
        ]
        assert [tool.name for tool in prompt.tools] == [
            tool["function"]["name"] for tool in body.get("tools", ())
        ]
        asked = body.get("response_format", {"type": "text"})
        assert prompt.format.kind == asked["type"]
        assert prompt.parallel_tool_calls is body.get("parallel_tool_calls", True)
        chosen = body.get("tool_choice", "auto")
        required = chosen == "required" or isinstance(chosen, dict)
        assert prompt.tool_choice.mode == ("required" if required else "auto")


# ------------------------------------------------------------------------------- what is refused

REFUSALS: list[tuple[str, object]] = [
    ("n", 2),
    ("n", True),
    ("logprobs", True),
    ("top_logprobs", 3),
    ("modalities", ["text", "audio"]),
    ("audio", {"voice": "alloy", "format": "wav"}),
    ("moderation", {"model": "omni"}),
    ("gizmo_id", "g-1"),
]


@pytest.mark.parametrize(("name", "value"), REFUSALS)
def test_what_cannot_be_done_is_refused_by_name(name: str, value: object) -> None:
    problem = problem_with(**{name: value})
    assert problem.kind is Kind.UNSUPPORTED_PARAMETER
    assert problem.param == name
    assert problem.message.startswith(f"{name} is not supported here: ")
    assert problem.status == 400


def test_sound_is_refused_where_it_stands() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}
    problem = problem_with(messages=[HELLO, {"role": "user", "content": [sound]}])
    assert problem.kind is Kind.UNSUPPORTED_PARAMETER
    assert problem.param == "messages[1].content[0].type"


# --------------------------------------------------------------------------------- what is wrong


def user(*parts: object) -> list[object]:
    return [HELLO, {"role": "user", "content": list(parts)}]


def assistant(**fields: object) -> list[object]:
    return [HELLO, {"role": "assistant", **fields}]


ROLES = "system, developer, user, assistant, tool or function"
WRONG: list[tuple[str, object, str, str]] = [
    ("messages", 3, "messages", "messages must be an array, not an integer."),
    ("messages", [], "messages", "messages must be an array of length >= 1."),
    ("messages", ["x"], "messages[0]", "messages[0] must be an object, not a string."),
    ("messages", [{"content": "x"}], "messages[0].role", "messages[0].role is missing."),
    ("messages", [{"role": "robot", "content": "x"}], "messages[0].role",
     f"messages[0].role cannot be 'robot'; it is one of: {ROLES}."),
    ("messages", [{"role": "user"}], "messages[0].content", "messages[0].content is missing."),
    ("messages", [{"role": "user", "content": None}], "messages[0].content",
     "messages[0].content must be a string or an array, not null."),
    ("messages", [{"role": "user", "content": []}], "messages[0].content",
     "messages[0].content must be an array of length >= 1."),
    ("messages", user({"text": "x"}), "messages[1].content[0].type",
     "messages[1].content[0].type is missing."),
    ("messages", user({"type": "text", "text": "a"}, {"type": "text", "text": 1}),
     "messages[1].content[1].text",
     "messages[1].content[1].text must be a string, not an integer."),
    ("messages", user({"type": "image_url", "image_url": {"url": "ftp://x"}}),
     "messages[1].content[0].image_url.url",
     "messages[1].content[0].image_url.url must be an http, https or data URL."),
    ("messages", user({"type": "image_url", "image_url": "x.png"}),
     "messages[1].content[0].image_url",
     "messages[1].content[0].image_url must be an http, https or data URL."),
    ("messages", user({"type": "image_url", "image_url": {"url": PICTURE, "detail": "huge"}}),
     "messages[1].content[0].image_url.detail",
     "messages[1].content[0].image_url.detail cannot be 'huge'; "
     "it is one of: auto, low, high or original."),
    ("messages", user({"type": "file", "file": {"filename": "x"}}),
     "messages[1].content[0].file",
     "messages[1].content[0].file must hold file_data or file_id."),
    ("messages", assistant(content=None), "messages[1].content",
     "messages[1].content may only be null next to tool_calls."),
    ("messages", assistant(tool_calls=[{"id": "c", "type": "function"}]),
     "messages[1].tool_calls[0].function", "messages[1].tool_calls[0].function is missing."),
    ("messages", assistant(tool_calls=[{"id": "c", "type": "custom"}]),
     "messages[1].tool_calls[0].custom", "messages[1].tool_calls[0].custom is missing."),
    ("messages", assistant(tool_calls=[{"id": "c", "type": "magic"}]),
     "messages[1].tool_calls[0].type",
     "messages[1].tool_calls[0].type cannot be 'magic'; it is one of: function or custom."),
    ("messages", [HELLO, {"role": "tool", "content": "x"}], "messages[1].tool_call_id",
     "messages[1].tool_call_id is missing."),
    ("messages", [HELLO, {"role": "tool", "content": "x", "tool_call_id": "c9"}],
     "messages[1].tool_call_id",
     "messages[1].tool_call_id must be the id of a call in an assistant message before it."),
    ("messages", [HELLO, {"role": "function", "content": "x", "name": "f"}], "messages[1].name",
     "messages[1].name must be the function that an assistant message before it called in "
     "function_call."),
    ("model", 5, "model", "model must be a string or null, not an integer."),
    ("stream", "yes", "stream", "stream must be a boolean or null, not a string."),
    ("stream_options", {}, "stream_options",
     "stream_options is only allowed together with stream."),
    ("temperature", 2.5, "temperature", "temperature must be a number <= 2.0."),
    ("temperature", True, "temperature", "temperature must be a number or null, not a boolean."),
    ("top_p", -0.1, "top_p", "top_p must be a number >= 0.0."),
    ("frequency_penalty", 2.5, "frequency_penalty", "frequency_penalty must be a number <= 2.0."),
    ("presence_penalty", "much", "presence_penalty",
     "presence_penalty must be a number or null, not a string."),
    ("seed", "7", "seed", "seed must be an integer or null, not a string."),
    ("store", 1, "store", "store must be a boolean or null, not an integer."),
    ("user", {"id": 1}, "user", "user must be a string or null, not an object."),
    ("safety_identifier", 7, "safety_identifier",
     "safety_identifier must be a string or null, not an integer."),
    ("max_tokens", 0, "max_tokens", "max_tokens must be an integer >= 1."),
    ("max_completion_tokens", 1.5, "max_completion_tokens",
     "max_completion_tokens must be an integer or null, not a number."),
    ("stop", "", "stop", "stop must be a string of length >= 1."),
    ("stop", ["a", ""], "stop[1]", "stop[1] must be a string of length >= 1."),
    ("stop", list("abcde"), "stop", "stop must be an array of length <= 4."),
    ("stop", "x" * 1001, "stop", "stop must be a string of length <= 1000."),
    ("stop", 3, "stop", "stop must be a string or an array or null, not an integer."),
    ("reasoning_effort", "huge", "reasoning_effort",
     "reasoning_effort cannot be 'huge'; "
     "it is one of: none, minimal, low, medium, high, xhigh, max or ultra."),
    ("parent_message_id", "m", "parent_message_id",
     "parent_message_id needs conversation_id as well."),
    ("system_hints", "search", "system_hints",
     "system_hints must be an array or null, not a string."),
    ("system_hints", ["search", "telepathy"], "system_hints[1]",
     "system_hints[1] cannot be 'telepathy'; it is one of: search, reason, canvas or research."),
    ("verbosity", "huge", "verbosity",
     "verbosity cannot be 'huge'; it is one of: low, medium or high."),
    ("web_search_options", {"search_context_size": "huge"},
     "web_search_options.search_context_size",
     "web_search_options.search_context_size cannot be 'huge'; it is one of: low, medium or high."),
    ("web_search_options", {"user_location": {"type": "exact", "approximate": {}}},
     "web_search_options.user_location.type",
     "web_search_options.user_location.type cannot be 'exact'; it is one of: approximate."),
    ("web_search_options", {"user_location": {"type": "approximate"}},
     "web_search_options.user_location.approximate",
     "web_search_options.user_location.approximate is missing."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "param", "message"), WRONG)
def test_what_is_wrong_is_said_in_words(name: str, value: object, param: str, message: str) -> None:
    problem = problem_with(**{name: value})
    assert problem.kind is Kind.INVALID_REQUEST
    assert problem.param == param
    assert problem.message == message


def test_an_unknown_part_is_refused_with_what_would_be_known() -> None:
    problem = problem_with(messages=user({"type": "video"}))
    assert problem.param == "messages[1].content[0].type"
    assert "cannot be 'video'; it is one of: text, image_url or file" in problem.message


def test_pictures_are_for_the_user_and_for_tools() -> None:
    part = {"type": "image_url", "image_url": PICTURE}
    problem = problem_with(messages=[HELLO, {"role": "system", "content": [part]}])
    assert problem.param == "messages[1].content[0].type"


def test_an_id_that_could_not_be_one_is_refused() -> None:
    problem = problem_with(conversation_id="../me")
    assert problem.param == "conversation_id"


def test_there_is_a_limit_to_the_number_of_messages() -> None:
    assert len(parse_messages(*[HELLO] * MAX_MESSAGES)) == MAX_MESSAGES
    problem = problem_with(messages=[HELLO] * (MAX_MESSAGES + 1))
    assert problem.param == "messages"
    assert problem.message == "messages must be an array of length <= 10000."


def test_what_is_repeated_of_a_body_is_short() -> None:
    problem = problem_with(reasoning_effort="secret " * 1000)
    assert len(problem.message) < 200


BODIES: list[tuple[bytes, str]] = [
    (b"", "The body is not valid JSON (Input data was truncated)."),
    (b"{", "The body is not valid JSON (Input data was truncated)."),
    (b"hello", "The body is not valid JSON (JSON is malformed: invalid character (byte 0))."),
    (b"[]", "The body must be an object, not an array."),
    (b"null", "The body must be an object, not null."),
    (b'{"messages":[{"role":"user","content":"\xff"}]}', "The body is not valid UTF-8."),
    (b'{"x":' + b"[" * 100_000, "The body is nested too deeply."),
    (b'{"audio":' + b"[" * 400 + b"]" * 400 + b"}", "messages is missing."),
    (b"{}", "messages is missing."),
]


@pytest.mark.parametrize(("body", "message"), BODIES, ids=[message for _, message in BODIES])
def test_a_body_that_is_no_request_is_refused(body: bytes, message: str) -> None:
    problem = problem_of(body)
    assert problem.kind is Kind.INVALID_REQUEST
    assert problem.message == message


def test_a_number_beyond_all_bounds_is_refused() -> None:
    problem = problem_of(b'{"messages":[{"role":"user","content":""}],"temperature":1e999}')
    assert problem.param == "temperature"
    assert problem.message == "temperature is wrong: number out of range."


def outcome(body: bytes) -> Problem | None:
    try:
        ChatCompletions().parse(body)
    except Problem as problem:
        return problem
    return None


@given(st.binary(max_size=200))
def test_bytes_give_a_request_or_a_problem(body: bytes) -> None:
    problem = outcome(body)
    assert problem is None or problem.status == 400


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = (
    "messages", "model", "stream", "stream_options", "stop", "max_tokens", "temperature", "tools",
    "reasoning_effort", "conversation_id", "system_hints", "history_disabled", "n", "audio",
    "tool_choice", "functions", "function_call", "response_format", "parallel_tool_calls",
)  # fmt: skip
MESSAGE_FIELDS = (
    "role",
    "content",
    "name",
    "tool_calls",
    "tool_call_id",
    "function_call",
    "refusal",
)
roles = st.sampled_from(["system", "developer", "user", "assistant", "tool", "function"])
messages = st.builds(
    lambda role, rest: {**rest, "role": role},
    roles,
    st.dictionaries(st.sampled_from(MESSAGE_FIELDS), json_values),
)


@given(st.dictionaries(st.sampled_from(FIELDS), json_values), st.lists(messages | json_values))
def test_json_of_any_shape_gives_a_request_or_a_problem(
    body: dict[str, object], said: list[object]
) -> None:
    problem = outcome(json.dumps({"messages": said, **body}).encode())
    if problem is not None:
        assert problem.status == 400
        assert problem.param is None or problem.message.startswith(problem.param)
