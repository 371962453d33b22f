"""A history made short by the Codex backend: what is sent, what is read."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.compaction import compaction
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Message, Prompt, Reasoning, Text, ToolCall, ToolResult, Usage
from chat2api_core.upstreams.codex.compaction import compact_body, read_compacted
from chat2api_core.upstreams.codex.request import Target

TARGET = Target("gpt-5.5")


def test_instructions_stay_apart_from_the_history() -> None:
    prompt = Prompt("m", (Message("system", (Text("Be brief."),)), Message("user", (Text("Hi"),))))
    outgoing = compact_body(prompt, TARGET, sealed=True)

    assert msgspec.json.decode(outgoing.body) == {
        "model": "gpt-5.5",
        "instructions": "Be brief.",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
        ],
    }
    assert not outgoing.sealed


def test_the_history_is_the_same_as_in_a_turn() -> None:
    prompt = Prompt(
        "m",
        (
            Message("assistant", (compaction("old"),)),
            Message("assistant", (Reasoning("rs_1", (), "new"), ToolCall("c", "a b", "{}"))),
            Message("tool", (ToolResult("c", (Text("ok"),)),)),
        ),
    )
    with_seals = compact_body(prompt, TARGET, sealed=True)
    without = compact_body(prompt, TARGET, sealed=False)

    assert [item["type"] for item in msgspec.json.decode(with_seals.body)["input"]] == [
        "compaction", "reasoning", "function_call", "function_call_output",
    ]  # fmt: skip
    assert with_seals.sealed
    assert [item["type"] for item in msgspec.json.decode(without.body)["input"]] == [
        "compaction", "function_call", "function_call_output",
    ]  # fmt: skip
    assert not without.sealed


def test_what_comes_back_is_handed_on_as_it_is() -> None:
    item = b'{"type":"compaction","encrypted_content":"AA","created_by":"x"}'
    counts = b'{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":2}'
    short = read_compacted(b'{"output":[' + item + b'],"usage":' + counts + b"}")

    assert [bytes(one) for one in short.items] == [item]
    assert short.usage == Usage(9, 2, 4, 0, exact=True)
    assert read_compacted(b'{"output":[]}').usage is None


@given(st.one_of(st.binary(), st.just(b'{"output":{}}'), st.just(b"[]")))
def test_anything_else_is_a_problem(body: bytes) -> None:
    with pytest.raises(Problem) as raised:
        read_compacted(body)
    assert raised.value.kind is Kind.GARBAGE
