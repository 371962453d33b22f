"""The streams, against the worked examples of the protocol and a second reading of its rules."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.emulator import (
    Aside,
    Code,
    Emulator,
    Hidden,
    Moderated,
    Ping,
    Reply,
    Say,
    Think,
    Wait,
    Wire,
)
from chat2api_core.emulator.beats import shape
from chat2api_core.emulator.encodings import DONE, cursor
from chat2api_core.emulator.scenarios import SCENARIOS
from tests.emulator.browser import (
    Browser,
    events_of,
    first_id,
    kinds_of,
    messages_of,
    said_by,
    turn_body,
    user_message,
)

FIXTURES = Path(__file__).parent / "fixtures"


def stand_still(stream: bytes) -> str:
    """A stream with its fresh names numbered in the order in which they appear."""
    names: dict[str, str] = {}

    def number(match: "re.Match[str]") -> str:
        return names.setdefault(match[0], f"<{len(names)}>")

    text = re.sub(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "<token>", stream.decode())
    return re.sub(r"[0-9a-f]{8}-0000-4000-8000-[0-9a-f]{12}", number, text)


@pytest.mark.parametrize("form", ["v1", "whole"])
def test_a_plain_answer_is_written_as_in_the_worked_example(
    emulator: Emulator, browser: Browser, form: str
) -> None:
    emulator.script.push(Reply((Say(("Io, ", "Europa", ", Titan", ".")),), title="Three moons"))
    answer = browser.ask("Name three moons.", v1=form == "v1")

    assert answer.header("content-type") == "text/event-stream; charset=utf-8"
    assert answer.complete
    expected = (FIXTURES / f"plain_{form}.sse").read_bytes().decode()
    assert stand_still(answer.body) == expected


def test_the_frames_of_the_worked_example_stand_in_their_order(
    emulator: Emulator, browser: Browser
) -> None:
    emulator.script.push(Reply((Say(("Io, ", "Europa", ", Titan", ".")),), title="Three moons"))
    stream = browser.ask("Name three moons.").body

    assert stream.startswith(b'event: delta_encoding\ndata: "v1"\n\n')
    assert stream.endswith(b"\n\ndata: [DONE]\n\n")
    assert kinds_of(stream) == [
        "resume_conversation_token", "input_message", "message_marker", "message_marker",
        "title_generation", "server_ste_metadata", "message_stream_complete",
        "conversation_detail_metadata",
    ]  # fmt: skip
    deltas = [event for event in events_of(stream) if "v" in event and event != "v1"]
    assert [delta.get("c") for delta in deltas] == [0, 1, None, None, None, None, None]
    assert deltas[0]["p"] == ""
    assert deltas[0]["o"] == "add"
    assert set(deltas[1]) == {"v", "c"}
    assert deltas[2] == {"p": "/message/content/parts/0", "o": "append", "v": "Io, "}
    assert deltas[3:5] == [{"v": "Europa"}, {"v": ", Titan"}]
    assert deltas[5] == {
        "p": "",
        "o": "patch",
        "v": [
            {"p": "/message/content/parts/0", "o": "append", "v": "."},
            {"p": "/message/status", "o": "replace", "v": "finished_successfully"},
            {"p": "/message/end_turn", "o": "replace", "v": True},
            {
                "p": "/message/metadata",
                "o": "append",
                "v": {
                    "is_complete": True,
                    "finish_details": {"type": "stop", "stop_tokens": [200002]},
                },
            },
        ],
    }
    assert deltas[6]["p"] == "/message/metadata/conversation_followup_suggestions_eligible"
    assert all(
        block.startswith(b"event: delta\n") == (b'"v":' in block)
        for block in stream.split(b"\n\n")[1:]
    )


def test_the_documents_are_counted_with_gaps() -> None:
    assert [cursor(n) for n in range(8)] == [0, 1, 5, 8, 9, 13, 16, 17]


def test_a_new_document_says_p_and_o_unless_the_last_delta_did(
    emulator: Emulator, browser: Browser
) -> None:
    emulator.script.push(
        Reply((Hidden("one"), Hidden("two"), Think("A", ("b",)), Think("C", ("d", "e"))))
    )
    deltas = [event for event in events_of(browser.ask().body) if "v" in event and event != "v1"]
    keys = ["".join(key for key in "poc" if key in delta) for delta in deltas]
    # system, hidden, hidden, thoughts, section, text, section, text, text, finish
    assert keys == ["poc", "c", "c", "c", "po", "po", "po", "po", "", "po"]


def test_patches_in_a_row_leave_out_what_they_share(emulator: Emulator, browser: Browser) -> None:
    emulator.script.push(Reply((Say(("a", "b"), patched=True), Say(("c", "d")))))
    stream = browser.ask().body
    deltas = [event for event in events_of(stream) if "v" in event and event != "v1"]
    piece = {"p": "/message/content/parts/0", "o": "append"}
    assert deltas[2:6] == [
        {"p": "", "o": "patch", "v": [{**piece, "v": "a"}]},
        {"v": [{**piece, "v": "b"}]},
        {**piece, "v": "c"},
        {"p": "", "o": "patch", "v": [{**piece, "v": "d"}, *deltas[5]["v"][1:]]},
    ]
    assert said_by(stream) == "abcd"


SAME = sorted(
    name
    for name in SCENARIOS
    if name not in {"error", "garbage", "handoff", "handoff-socket", "cut", "stall", "nonsense"}
)


@pytest.mark.parametrize("name", SAME)
def test_both_forms_tell_the_same_messages(make: Callable[..., Emulator], name: str) -> None:
    def tell(v1: bool) -> list[Any]:
        stream = Browser(make()).ask(f"/emulate {name}", v1=v1).body
        stream = (
            re.sub(rb"\}\{", b"}\n\nevent: delta\ndata: {", stream) if name == "glued" else stream
        )
        messages = list(messages_of(stream).values())
        for message in messages:
            message["metadata"].pop("conversation_followup_suggestions_eligible", None)
            # The names come from one count, which runs on differently.
            for key in ("id", "source_analysis_msg_id"):
                message.pop(key, None)
        return [
            (
                message["author"],
                re.sub(r"0{4,}[\w-]+", "<id>", repr(message["content"])),
                message["status"],
                message["end_turn"],
                message["recipient"],
                message["channel"],
            )
            for message in messages
        ]

    assert tell(v1=True) == tell(v1=False)


@pytest.mark.parametrize("v1", [True, False])
@pytest.mark.parametrize("name", sorted(set(SAME) - {"end"}))
def test_what_was_streamed_is_what_the_conversation_keeps(
    browser: Browser, name: str, v1: bool
) -> None:
    stream = browser.ask(f"/emulate {name}", v1=v1).body
    stream = stream.replace(b"}{", b"}\n\nevent: delta\ndata: {") if name == "glued" else stream
    streamed = messages_of(stream)
    kept = browser.get(f"/conversation/{first_id(stream)}").json["mapping"]
    for message in streamed.values():
        message["metadata"].pop("pad", None)
        if message["author"]["role"] == "system":
            continue
        there = kept[message["id"]]["message"]
        there["metadata"].pop("conversation_followup_suggestions_eligible", None)
        message["metadata"].pop("conversation_followup_suggestions_eligible", None)
        assert there == message


pieces = st.lists(st.text(min_size=1), min_size=1, max_size=6).map(tuple)


steps = st.lists(
    st.builds(Say, pieces, st.booleans())
    | st.builds(Think, st.text(), pieces, st.integers(0, 3))
    | st.builds(Aside, pieces)
    | st.builds(Code, pieces, st.none() | st.text())
    | st.builds(Hidden, st.text())
    | st.just(Ping())
    | st.builds(Moderated, st.just(value=False)),
    max_size=8,
).map(tuple)


@given(steps, st.booleans())
def test_any_steps_make_a_stream_that_says_them(told: tuple[Any, ...], v1: bool) -> None:
    emulator = Emulator(sentinel=False)
    emulator.script.push(Reply(told))
    browser = Browser(emulator)
    answer = browser.post("/f/conversation", turn_body(v1=v1))
    said = "".join("".join(step.pieces) for step in told if isinstance(step, Say))
    assert said_by(answer.body) == said
    assert answer.body.endswith(b"data: [DONE]\n\n")


def test_sent_history_is_echoed_before_the_answer(browser: Browser) -> None:
    messages = [
        user_message("Be brief.", "m-0", "system"),
        user_message("One?", "m-1"),
        user_message("Two.", "m-2", "assistant"),
        user_message("Three?", "m-3"),
    ]
    for v1 in (True, False):
        told = messages_of(browser.ask(messages=messages, v1=v1).body)
        names = list(told)
        assert names[1:5] == ["m-0", "m-1", "m-2", "m-3"]
        assert told[names[0]]["metadata"] == {"is_visually_hidden_from_conversation": True}
        assert told[names[0]]["weight"] == 0.0
        assert told["m-2"]["author"]["role"] == "assistant"


beats = st.lists(
    st.sampled_from([b"event: delta\ndata: {}\n\n", b"data: {}\n\n", b": ping\n\n", Wait(1.0)])
)


@given(beats)
def test_glued_events_are_the_same_events(told: list[Any]) -> None:
    glued = shape([*told, DONE], Wire(glued=True))
    data = b"".join(beat for beat in glued if isinstance(beat, bytes))
    assert data.count(b"{}") == sum(b"{}" in one for one in told if isinstance(one, bytes))
    assert [beat for beat in glued if isinstance(beat, Wait)] == [
        beat for beat in told if isinstance(beat, Wait)
    ]
    assert b"{}{}{}" not in data
    assert shape([*glued], Wire()) == glued
    assert shape([], Wire(glued=True, ragged=True)) == []
