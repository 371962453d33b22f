"""Writing answers: the stream as clients demand it, the document as its sum."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from chat2api_core.dialects.base import Dialect, Encoder, Head, Request
from chat2api_core.dialects.chat_completions import ChatCompletions, ChatRequest
from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Citation,
    Delta,
    Finished,
    Message,
    Picture,
    Prompt,
    ReasoningDelta,
    RefusalDelta,
    Started,
    Text,
    TextDelta,
    Usage,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "chat_completions"
HEAD = Head(id="0123456789abcdef", created=1_790_000_000)
ASKED = Request(Prompt("auto", (Message("user", (Text("hello"),)),)), stream=True)
WITH_USAGE = msgspec.structs.replace(ASKED, include_usage=True)
OLDER_WITH_USAGE = ChatRequest(ASKED.prompt, stream=True, include_usage=True, older_calls=True)
OLDER = ChatRequest(ASKED.prompt, stream=True, older_calls=True)
USAGE = Usage(input_tokens=11, output_tokens=7, cached_tokens=3, reasoning_tokens=2)

# Whole answers, each with a golden stream and a golden document of its name.
ANSWERS: dict[str, tuple[Request, list[Delta]]] = {
    "plain_text": (
        ASKED,
        [
            Started("gpt-5-5", "conv-1"),
            TextDelta("Io, "),
            TextDelta("Europa,\n\"Titan\" \u2028 木星"),
            Finished("stop", "conv-1", "msg-1", USAGE),
        ],
    ),
    "with_usage": (
        WITH_USAGE,
        [Started(), TextDelta("Hi"), Finished("length", usage=USAGE)],
    ),
    "reasoning_and_citation": (
        ASKED,
        [
            Started("gpt-5-5-thinking", "conv-2"),
            ReasoningDelta("First "),
            ReasoningDelta("this."),
            ReasoningDelta("Then that.", 1),
            TextDelta("Saturn has moons [1]."),
            Citation(17, 20, "https://moons.example/saturn", "Moons of Saturn"),
            Finished("stop", "conv-2", "msg-2"),
        ],
    ),
    "two_calls": (
        WITH_USAGE,
        [
            Started("gpt-5-5", "conv-3"),
            CallStarted(0, "call_1", "get_weather"),
            CallDelta(0, '{"city"'),
            CallDelta(0, ':"Paris"}'),
            CallEnded(0),
            CallStarted(1, "call_2", "get_time"),
            CallDelta(1, "{}"),
            CallEnded(1),
            Finished("tool_calls", "conv-3", "msg-3", USAGE),
        ],
    ),
    "older_call": (
        OLDER,
        [
            Started("gpt-5-5", "conv-5"),
            CallStarted(0, "call_1", "get_weather"),
            CallDelta(0, '{"city"'),
            CallDelta(0, ':"Paris"}'),
            CallEnded(0),
            Finished("tool_calls", "conv-5", "msg-5"),
        ],
    ),
    "refusal": (
        ASKED,
        [
            Started("gpt-5-5", "conv-6"),
            RefusalDelta("I'm sorry, "),
            RefusalDelta("I can't help with that."),
            Finished("stop", "conv-6", "msg-6"),
        ],
    ),
    "picture": (
        ASKED,
        [
            Started("gpt-5-5", "conv-4"),
            Picture("sediment://file_1", 1024, 768, "a cat"),
            TextDelta("Here it is."),
            Picture("sediment://file_2"),
            Finished("stop", "conv-4", "msg-4"),
        ],
    ),
    "nothing_said": (ASKED, [Started("gpt-5-5"), Finished("content_filter")]),
}  # fmt: skip


def encode(request: Request, deltas: Sequence[Delta]) -> bytes:
    return ChatCompletions().encoder(request, HEAD).feed(deltas)


def document(request: Request, deltas: Sequence[Delta]) -> bytes:
    transcript = Transcript()
    for delta in deltas:
        transcript.feed(delta)
    return ChatCompletions().document(request, HEAD, transcript)


def chunks_of(stream: bytes) -> list[bytes]:
    """The data of every event; the form of the events is checked on the way."""
    assert stream.endswith(b"\n\n")
    events = stream[:-2].split(b"\n\n")
    assert all(event.startswith(b"data: ") and b"\n" not in event for event in events)
    return [event.removeprefix(b"data: ") for event in events]


# ---------------------------------------------------------------------------- known whole answers


@pytest.mark.parametrize("name", ANSWERS)
def test_the_stream_is_the_golden_one(name: str) -> None:
    assert encode(*ANSWERS[name]) == (GOLDEN / f"{name}.sse").read_bytes()


@pytest.mark.parametrize("name", ANSWERS)
def test_the_document_is_the_golden_one(name: str) -> None:
    assert document(*ANSWERS[name]) == (GOLDEN / f"{name}.json").read_bytes().rstrip(b"\n")


@pytest.mark.parametrize("name", ANSWERS)
def test_the_official_client_accepts_every_chunk_and_the_document(name: str) -> None:
    *chunks, done = chunks_of(encode(*ANSWERS[name]))
    assert done == b"[DONE]"
    for chunk in chunks:
        ChatCompletionChunk.model_validate_json(chunk, strict=True)
    ChatCompletion.model_validate_json(document(*ANSWERS[name]), strict=True)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_stream_is_the_same_however_the_deltas_are_batched(name: str) -> None:
    request, deltas = ANSWERS[name]
    encoder = ChatCompletions().encoder(request, HEAD)
    assert b"".join(encoder.feed([delta]) for delta in deltas) == encode(request, deltas)


# --------------------------------------------------------------------------------- order and rules


def test_the_class_is_a_dialect() -> None:
    dialect: Dialect = ChatCompletions()
    encoder: Encoder = dialect.encoder(ASKED, HEAD)
    assert dialect.name == "chat.completions"
    assert encoder.feed([]) == b""


def test_started_alone_sends_nothing_and_the_last_one_counts() -> None:
    encoder = ChatCompletions().encoder(ASKED, HEAD)
    assert encoder.feed([Started("first", "c1")]) == b""
    stream = encoder.feed([Started("second", "c2"), TextDelta("x"), Finished("stop")])
    assert b"first" not in stream
    assert b'"model":"second"' in stream
    assert b'"conversation_id":"c2"' in stream


def test_the_model_asked_for_is_named_where_the_upstream_does_not_say_its_own() -> None:
    deltas: list[Delta] = [Started(), TextDelta("x"), Finished("stop")]
    assert json.loads(chunks_of(encode(ASKED, deltas))[0])["model"] == "auto"
    assert json.loads(document(ASKED, deltas))["model"] == "auto"


def test_deltas_without_text_make_no_chunks() -> None:
    deltas: list[Delta] = [
        TextDelta(""),
        ReasoningDelta(""),
        RefusalDelta(""),
        TextDelta(""),
        CallEnded(0),
    ]
    assert len(chunks_of(encode(ASKED, deltas))) == 1  # the one with the role


def test_a_late_started_changes_nothing_that_was_sent() -> None:
    encoder = ChatCompletions().encoder(ASKED, HEAD)
    encoder.feed([TextDelta("x")])
    assert encoder.feed([Started("late")]) == b""
    assert b"late" not in encoder.feed([Finished("stop")])


def test_usage_is_null_in_every_chunk_but_the_last_and_only_if_asked_for() -> None:
    deltas: list[Delta] = [TextDelta("x"), ReasoningDelta("y"), Finished("stop", usage=USAGE)]
    *chunks, last, _ = map(bytes.decode, chunks_of(encode(WITH_USAGE, deltas)))
    assert [json.loads(chunk)["usage"] for chunk in chunks] == [None] * 4
    assert json.loads(last)["choices"] == []
    assert json.loads(last)["usage"]["total_tokens"] == 18
    assert b"usage" not in encode(ASKED, deltas)


def test_without_known_usage_there_is_no_chunk_without_choices() -> None:
    *chunks, _ = chunks_of(encode(WITH_USAGE, [TextDelta("x"), Finished("stop")]))
    assert all(json.loads(chunk)["choices"] for chunk in chunks)
    assert json.loads(document(WITH_USAGE, [Finished("stop")]))["usage"] is None


def test_a_call_of_a_custom_tool_has_the_official_shape() -> None:
    deltas: list[Delta] = [
        CallStarted(0, "call_1", "run", "custom"),
        CallDelta(0, "raw"),
        Finished("tool_calls"),
    ]
    _, start, piece, _, _ = chunks_of(encode(ASKED, deltas))
    assert json.loads(start)["choices"][0]["delta"] == {
        "tool_calls": [
            {"index": 0, "id": "call_1", "type": "custom", "custom": {"name": "run", "input": ""}}
        ]
    }
    assert json.loads(piece)["choices"][0]["delta"] == {
        "tool_calls": [{"index": 0, "custom": {"input": "raw"}}]
    }
    message = ChatCompletion.model_validate_json(document(ASKED, deltas)).choices[0].message
    assert message.content is None
    assert message.to_dict()["tool_calls"] == [
        {"id": "call_1", "type": "custom", "custom": {"name": "run", "input": "raw"}}
    ]


def test_a_refusal_behind_words_leaves_the_words() -> None:
    deltas: list[Delta] = [TextDelta("Hm."), RefusalDelta("No."), Finished("stop")]
    message = json.loads(document(ASKED, deltas))["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == ("Hm.", "No.")


def test_a_call_of_the_older_form_has_one_reason_to_end_of_its_own() -> None:
    assert json.loads(document(OLDER, [Finished("stop")]))["choices"][0]["finish_reason"] == "stop"
    called: list[Delta] = [CallStarted(0, "c", "f"), Finished("tool_calls")]
    for request, reason in ((OLDER, "function_call"), (ASKED, "tool_calls")):
        assert json.loads(document(request, called))["choices"][0]["finish_reason"] == reason


def test_a_call_that_was_not_begun_cannot_go_on() -> None:
    encoder = ChatCompletions().encoder(ASKED, HEAD)
    with pytest.raises(Problem, match="had not begun") as caught:
        encoder.feed([CallStarted(0, "c", "f"), CallDelta(1, "{}")])
    assert caught.value.kind is Kind.INTERNAL


def test_the_older_form_shows_the_first_call_only() -> None:
    deltas: list[Delta] = [
        CallStarted(3, "c3", "f"),
        CallStarted(4, "c4", "g"),
        CallDelta(4, "[]"),
        CallDelta(3, "{}"),
        Finished("tool_calls"),
    ]
    pieces = [json.loads(chunk)["choices"][0] for chunk in chunks_of(encode(OLDER, deltas))[:-1]]
    assert [piece["delta"] for piece in pieces] == [
        {"role": "assistant", "content": ""},
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": "{}"}},
        {},
    ]
    message = json.loads(document(OLDER, deltas))["choices"][0]["message"]
    assert message["function_call"] == {"name": "f", "arguments": "{}"}
    assert "tool_calls" not in message


@pytest.mark.parametrize("end", ["\u0085", "\u2028", "\u2029"])
def test_no_event_holds_a_character_that_clients_split_lines_at(end: str) -> None:
    deltas: list[Delta] = [
        Started(f"m{end}"),
        TextDelta("a"),
        TextDelta(f"b{end}c"),
        ReasoningDelta(end),
        RefusalDelta(end),
        Citation(0, 1, f"https://x/{end}", end),
        CallStarted(0, end, end),
        CallDelta(0, end),
        Finished("stop", end, end),
    ]
    stream = encode(ASKED, deltas)
    assert stream.decode().splitlines() == stream.decode().split("\n")[:-1]
    assert json.loads(chunks_of(stream)[2])["choices"][0]["delta"]["content"] == f"b{end}c"


# ---------------------------------------------------------------------------------------- the end


def test_a_failure_is_an_event_with_the_error_and_no_success_marker() -> None:
    encoder = ChatCompletions().encoder(ASKED, HEAD)
    encoder.feed([TextDelta("x")])
    problem = Problem(Kind.CUT, "The upstream broke off.\u2028", step="stream")
    (event,) = chunks_of(encoder.fail(problem))
    assert json.loads(event) == {
        "error": {
            "message": "The upstream broke off.\u2028",
            "type": "server_error",
            "param": None,
            "code": "stream_cut",
            "stage": "stream",
        }
    }


@pytest.mark.parametrize("delta", [TextDelta("y"), Started(), Finished("stop"), CallEnded(0)])
def test_nothing_may_follow_a_failure(delta: Delta) -> None:
    encoder = ChatCompletions().encoder(ASKED, HEAD)
    encoder.feed([TextDelta("x")])
    encoder.fail(Problem(Kind.CUT, "cut"))
    with pytest.raises(Problem, match="after its end") as caught:
        encoder.feed([delta])
    assert caught.value.kind is Kind.INTERNAL


def test_nothing_may_follow_the_end() -> None:
    encoder = ChatCompletions().encoder(ASKED, HEAD)
    with pytest.raises(Problem, match="after its end"):
        encoder.feed([Finished("stop"), TextDelta("x")])


def test_a_failure_after_the_end_is_not_shown() -> None:
    encoder = ChatCompletions().encoder(ASKED, HEAD)
    encoder.feed([Finished("stop")])
    assert encoder.fail(Problem(Kind.CUT, "cut")) == b""


def test_a_failure_at_the_very_start_is_the_only_event() -> None:
    encoder = ChatCompletions().encoder(ASKED, HEAD)
    assert len(chunks_of(encoder.fail(Problem(Kind.TIMEOUT, "slow", step="stream")))) == 1


def test_there_is_no_document_of_an_answer_without_an_end() -> None:
    with pytest.raises(Problem) as caught:
        document(ASKED, [TextDelta("x")])
    assert caught.value.kind is Kind.CUT


# ------------------------------------------------------------------------------------ the property

texts = st.text(max_size=8)
said = st.lists(
    st.one_of(
        st.builds(TextDelta, texts),
        st.builds(ReasoningDelta, texts, st.just(0)),
        st.builds(RefusalDelta, texts),
        st.builds(Citation, st.integers(0, 9), st.integers(0, 9), texts, texts),
        st.builds(Picture, texts, st.integers(0, 2), st.integers(0, 2), texts),
    ),
    max_size=8,
)
more_thoughts = st.lists(st.builds(ReasoningDelta, texts, st.just(2)), max_size=3)
called = st.lists(st.tuples(texts, texts, st.lists(texts, max_size=3)), max_size=3)
ends = st.builds(
    Finished,
    st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    texts,
    texts,
    st.none() | st.just(USAGE),
)


def sum_of(chunks: list[bytes]) -> dict[str, object]:
    """What a client that adds up the chunks has in the end."""
    whole: dict[str, object] = {}
    message: dict[str, Any] = {"refusal": None, "annotations": []}
    finish_reason = None
    for chunk in map(json.loads, chunks):
        whole |= {key: value for key, value in chunk.items() if key != "choices"}
        for choice in chunk["choices"]:
            finish_reason = choice["finish_reason"]
            add_up(message, choice["delta"])
    if {"tool_calls", "function_call"} & set(message) or message["refusal"]:
        message["content"] = message["content"] or None
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
    return {**whole, "object": "chat.completion", "choices": [choice]}


def add_up(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for name in {"role", "content", "reasoning_content", "refusal"} & set(delta):
        message[name] = f"{message.get(name) or ''}{delta[name]}"
    message["annotations"] += delta.get("annotations", [])
    if "function_call" in delta:
        call = message.setdefault("function_call", {"arguments": ""})
        call["arguments"] += delta["function_call"].pop("arguments")
        call |= delta["function_call"]
    for call in delta.get("tool_calls", []):
        calls = message.setdefault("tool_calls", [])
        if len(calls) == call["index"]:
            calls.append({key: call[key] for key in ("id", "type", "function")})
        else:
            calls[call["index"]]["function"]["arguments"] += call["function"]["arguments"]


@given(st.sampled_from([WITH_USAGE, OLDER_WITH_USAGE]), said, more_thoughts, called, ends)
def test_the_document_is_the_sum_of_the_stream(
    request: Request,
    said: list[Delta],
    thoughts: list[Delta],
    called: list[tuple[str, str, list[str]]],
    end: Finished,
) -> None:
    deltas: list[Delta] = [Started("m", "c"), *said, *thoughts]
    for index, (call_id, name, arguments) in enumerate(called):
        deltas.append(CallStarted(index, call_id, name))
        deltas += [CallDelta(index, piece) for piece in arguments]
    deltas.append(end)
    *chunks, done = chunks_of(encode(request, deltas))
    assert done == b"[DONE]"
    assert sum_of(chunks) == json.loads(document(request, deltas))
