"""Which message of a stream is the text that was sent to be read aloud."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web.utterance import Utterance, find_said
from chat2api_core.wire.sse import Event

TEXT = "Io, Europa."


def message(name: str, text: str, role: str = "assistant", **more: Any) -> dict[str, Any]:
    content = {"content_type": "text", "parts": [text]}
    return {"id": name, "author": {"role": role}, "content": content} | more


def event(value: object, name: str = "") -> Event:
    return Event(name, json.dumps(value).encode())


def told(*events: Event) -> Utterance:
    utterance = Utterance(TEXT)
    for one in events:
        utterance.feed(one)
    return utterance


def whole(said: dict[str, Any]) -> Event:
    return event({"message": said, "conversation_id": "conv-1", "error": None})


def test_a_whole_message_that_says_it_is_the_one() -> None:
    utterance = told(
        whole(message("m-sys", TEXT, "system")),
        whole(message("m-1", TEXT)),
        whole(message("m-2", "Something else.")),
        Event("", b"[DONE]"),
    )

    assert (utterance.conversation_id, utterance.message_id) == ("conv-1", "m-1")
    assert utterance.over


def test_a_message_that_grows_is_the_one_once_it_says_it() -> None:
    utterance = told(
        Event("delta_encoding", b'"v1"'),
        event({"p": "", "o": "add", "v": {"message": message("m-1", "")}, "c": 0}, "delta"),
        event({"p": "/message/content/parts/0", "o": "append", "v": "Io, "}, "delta"),
    )
    assert utterance.message_id == ""

    utterance.feed(event({"v": "Europa."}, "delta"))
    assert utterance.message_id == "m-1"
    assert not utterance.over


def test_an_echo_of_what_was_sent_is_the_one() -> None:
    echo = {"type": "input_message", "input_message": message("m-in", TEXT)}
    utterance = told(
        event(echo | {"conversation_id": "conv-2"}),
        event({"type": "message_stream_complete", "conversation_id": "conv-2"}),
    )

    assert (utterance.conversation_id, utterance.message_id) == ("conv-2", "m-in")
    assert utterance.over


def test_objects_stuck_together_are_taken_apart() -> None:
    pair = json.dumps({"message": message("m-0", "?")}) + json.dumps(
        {"message": message("m-1", TEXT)}
    )

    assert told(Event("", pair.encode())).message_id == "m-1"


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (event({"message": None, "error": "Something went wrong."}), Kind.UPSTREAM_ERROR),
        (event({"type": "error", "error": {"code": "rate_limit_exceeded"}}), Kind.RATE_LIMITED),
        (event({"error": "token_expired"}, "error"), Kind.UNAUTHORIZED),
        (Event("", b"{oops"), Kind.GARBAGE),
        (event({"message": message("m", "x" * 5_000_000)}), Kind.GARBAGE),
    ],
)
def test_trouble_in_the_stream_is_trouble(bad: Event, kind: Kind) -> None:
    with pytest.raises(Problem) as caught:
        told(bad)

    assert caught.value.kind is kind


def test_what_was_cut_short_is_no_event() -> None:
    assert told(Event("", b'{"mess', whole=False), Event("", b"")).message_id == ""


@given(st.binary(max_size=60), st.sampled_from(["", "delta", "delta_encoding", "error"]))
def test_whatever_comes_is_taken_or_refused(data: bytes, name: str) -> None:
    utterance = Utterance(TEXT)
    try:
        utterance.feed(Event(name, data))
    except Problem as problem:
        assert problem.step == "stream"  # noqa: PT017 (both are right)


def test_a_kept_conversation_is_searched_for_it() -> None:
    nodes = {
        "root": {"id": "root", "message": None},
        "m-1": {"id": "m-1", "message": message("m-1", "Hello?", "user")},
        "m-2": {"id": "m-2", "message": message("m-2", TEXT)},
    }
    kept = json.dumps({"mapping": nodes}).encode()

    assert find_said(kept, TEXT) == "m-2"
    assert find_said(kept, "Titan.") == ""


def test_a_conversation_that_is_not_readable_is_garbage() -> None:
    with pytest.raises(Problem) as caught:
        find_said(b"<html>", TEXT)

    assert caught.value.kind is Kind.GARBAGE
