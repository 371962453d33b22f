"""What a kept conversation says of its last turn."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web.conversation import (
    Conversation,
    read_conversation,
    read_streaming,
)

Json = dict[str, Any]


def message(name: str, role: str = "assistant", **more: object) -> Json:
    content = {"content_type": "text", "parts": [name]}
    return {"id": name, "author": {"role": role}, "content": content, "metadata": {}, **more}


def document(*messages: Json | None, **more: object) -> Json:
    """A conversation without branches, its root first."""
    mapping: dict[str, Json] = {"root": {"id": "root", "message": None, "parent": None}}
    parent = "root"
    for number, one in enumerate(messages):
        name = str(one["id"]) if one else f"n{number}"
        mapping[name] = {"id": name, "message": one, "parent": parent, "children": []}
        parent = name
    return {"mapping": mapping, "current_node": parent, "async_status": None, **more}


def read(*messages: Json | None, **more: object) -> Conversation:
    return read_conversation(json.dumps(document(*messages, **more)).encode(), "conv-1")


ENDED: Json = {"end_turn": True, "status": "finished_successfully", "recipient": "all"}
PICTURE: Json = {
    "status": "finished_successfully",
    "metadata": {"async_task_type": "image_gen", "async_task_id": "imagegen_1"},
}


def test_the_turn_is_what_came_since_the_user_spoke() -> None:
    found = read(
        message("m-0", "user"),
        message("m-1", **ENDED),
        message("m-2", "user"),
        None,
        message("m-3", recipient="web.run"),
        message("m-4", **ENDED),
    )

    assert [(entry.id, entry.role) for entry in found.turn] == [
        ("m-3", "assistant"),
        ("m-4", "assistant"),
    ]
    assert found.turn[1].message() == message("m-4", **ENDED)
    assert found.over


def test_other_branches_do_not_count() -> None:
    tree = document(message("m-0", "user"), message("m-1", **ENDED))
    tree["mapping"]["m-x"] = {"id": "m-x", "message": message("m-x"), "parent": "m-0"}
    found = read_conversation(json.dumps(tree).encode(), "conv-1")

    assert [entry.id for entry in found.turn] == ["m-1"]


@pytest.mark.parametrize(
    ("last", "over"),
    [
        (message("m-1", **ENDED), True),
        (message("m-1", **ENDED | {"recipient": None}), True),
        (message("m-1", end_turn=None), False),
        (message("m-1", **ENDED | {"end_turn": False}), False),
        (message("m-1", **ENDED | {"recipient": "python"}), False),
        (message("m-1", "tool", **ENDED), False),
        (message("m-1", "tool", **PICTURE), True),
        (message("m-1", "tool", **PICTURE | {"status": "in_progress"}), False),
        (message("m-1", "tool", **PICTURE | {"metadata": None}), False),
        (message("m-1", "system", **ENDED), False),
    ],
    ids=[
        "the assistant ends its turn", "to nobody in particular", "it does not say", "it goes on",
        "it calls a tool", "a tool answers", "a picture is there", "a picture is coming",
        "a tool without a task", "the system speaks",
    ],
)  # fmt: skip
def test_a_turn_is_over_when_its_last_message_says_so(last: Json, over: bool) -> None:
    assert read(message("m-0", "user"), last).over is over
    assert not read(message("m-0", "user"), last, async_status=3).over


def test_a_turn_without_an_answer_is_not_over() -> None:
    found = read(message("m-0", "user"))

    assert found.turn == ()
    assert not found.over


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"mapping":{}, "current_node":"lost"}',
        '{"mapping":{"a":{"parent":"b"},"b":{"parent":"a","message":{"id":"b"}}},"current_node":"a"}',
        '{"mapping":{"a":{"message":[]}},"current_node":"a"}',
    ],
    ids=["empty", "a list", "no tree", "a lost node", "a circle", "a message that is none"],
)
def test_what_is_not_readable_is_garbage(body: str) -> None:
    with pytest.raises(Problem) as caught:
        read_conversation(body.encode(), "conv-1")
    assert caught.value.kind is Kind.GARBAGE


def test_a_root_of_its_own_ends_the_branch() -> None:
    body = b'{"mapping":{"a":{"parent":"a","message":{"id":"a","author":{}}}},"current_node":"a"}'

    assert [entry.id for entry in read_conversation(body, "conv-1").turn] == ["a"]


def test_an_empty_conversation_has_no_turn() -> None:
    assert read_conversation(b'{"mapping":{}}', "conv-1") == Conversation("conv-1", (), busy=False)


def test_the_state_of_a_stream() -> None:
    assert read_streaming(b'{"status":"IS_STREAMING"}')
    assert not read_streaming(b'{"status":"NOT_STREAMING"}')
    assert not read_streaming(b"{}")
    with pytest.raises(Problem):
        read_streaming(b"IS_STREAMING")


@given(st.binary(max_size=80))
def test_garbage_gives_our_problem_only(body: bytes) -> None:
    with contextlib.suppress(Problem):
        read_conversation(body, "conv-1")
    with contextlib.suppress(Problem):
        read_streaming(body)
