"""The reader, event by event, on streams that are legal but odd, and on some that are neither."""

import json
from typing import Any

import pytest

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Delta,
    Finished,
    MessageBegun,
    NativeBegun,
    NativeItem,
    NativeProgress,
    ReasoningDelta,
    ReasoningSealed,
    RefusalDelta,
    Started,
    TextDelta,
)
from chat2api_core.upstreams.codex.names import Names
from chat2api_core.upstreams.codex.reader import Reader
from chat2api_core.wire.sse import Event
from tests.fakes import FakeClock

R = "response."
ADDED, DONE, TEXT = f"{R}output_item.added", f"{R}output_item.done", f"{R}output_text.delta"
ARGS, ARGUED = f"{R}function_call_arguments.delta", f"{R}function_call_arguments.done"

Told = tuple[str, dict[str, Any], list[Delta]]


def told(kind: str, said: dict[str, Any], *deltas: Delta) -> Told:
    """An event, and exactly what must come of it."""
    return kind, said, list(deltas)


def message(text: str, **fields: Any) -> dict[str, Any]:
    return {"type": "message", "content": [{"type": "output_text", "text": text}], **fields}


def call(arguments: str = "", **fields: Any) -> dict[str, Any]:
    item = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": arguments}
    return item | fields


def completed(*output: dict[str, Any]) -> dict[str, Any]:
    return {"response": {"output": list(output)}}


A: dict[str, Any] = {"type": "a"}
A_BEGUN, B_BEGUN = NativeBegun(0, "a", '{"type":"a"}'), NativeBegun(1, "b", '{"type":"b"}')
MCP = {"type": "mcp_call", "id": "mcp_1", "name": "n"}
STOP, CALLED = Finished("stop"), Finished("tool_calls")

CASES: dict[str, list[Told]] = {
    "an answer without any output is an empty one": [
        told(f"{R}created", {"response": {"model": "m"}}, Started("m")),
        told(f"{R}completed", completed(), STOP),
    ],
    "a beginning that says nothing is one, too": [
        told(f"{R}created", {"response": None}, Started()),
        told(f"{R}completed", {"response": None}, STOP),
    ],
    "an item is whole only once, however often it is told": [
        told(DONE, {"output_index": 0, "item": message("Hi", id="msg_1")}, TextDelta("Hi")),
        told(DONE, {"output_index": 0, "item": message("Hi", id="msg_1")}),
        told(f"{R}completed", completed(message("Hi", id="msg_1")), STOP),
    ],
    "an item of the last list is known by its id, wherever it stands in it": [
        told(DONE, {"output_index": 3, "item": message("Hi", id="msg_1")}, TextDelta("Hi")),
        told(DONE, {"output_index": 7, "item": call("{}", id="fc_1")},
             CallStarted(0, "call_1", "f"), CallDelta(0, "{}"), CallEnded(0)),
        told(f"{R}completed", completed(message("Hi", id="msg_1"), call("{}", id="fc_1")), CALLED),
    ],
    "what is begun and never ended is ended by the last list": [
        told(ADDED, {"output_index": 4, "item": message("", id="msg_1")}),
        told(TEXT, {"output_index": 4, "delta": "Hel"}, TextDelta("Hel")),
        told(f"{R}completed", completed(message("Hello", id="msg_1")), TextDelta("lo"), STOP),
    ],
    "items may come in any order": [
        told(ADDED, {"output_index": 1, "item": message("", id="msg_1")}),
        told(TEXT, {"output_index": 1, "delta": "B"}, TextDelta("B")),
        told(DONE, {"output_index": 0, "item": message("A", id="msg_0")},
             MessageBegun(), TextDelta("\n\n"), TextDelta("A")),
        told(DONE, {"output_index": 1, "item": message("B", id="msg_1")}),
        told(f"{R}completed", completed(), STOP),
    ],
    "a call that begins late is whole all the same": [
        told(ARGS, {"output_index": 0, "delta": "{"}),
        told(ADDED, {"output_index": 0, "item": call()}, CallStarted(0, "call_1", "f")),
        told(DONE, {"output_index": 0, "item": call("{}")}, CallDelta(0, "{}"), CallEnded(0)),
    ],
    "a call without its item's end is ended by that of the answer": [
        told(ADDED, {"output_index": 0, "item": call()}, CallStarted(0, "call_1", "f")),
        told(ARGS, {"output_index": 0, "delta": "{"}, CallDelta(0, "{")),
        told(ARGUED, {"output_index": 0, "arguments": "{}"}, CallDelta(0, "}")),
        told(ARGUED, {"output_index": 0, "arguments": "{}"}),
        told(f"{R}completed", completed(), CallEnded(0), CALLED),
    ],
    "but not by an end that cuts it": [
        told(ADDED, {"output_index": 0, "item": call()}, CallStarted(0, "call_1", "f")),
        told(ARGS, {"output_index": 0, "delta": "{"}, CallDelta(0, "{")),
        told(f"{R}incomplete", {"response": {}}, Finished("length")),
    ],
    "a call that was cut off is told as far as it came, and has no end": [
        told(ADDED, {"output_index": 0, "item": call()}, CallStarted(0, "call_1", "f")),
        told(DONE, {"output_index": 0, "item": call('{"a', status="incomplete")},
             CallDelta(0, '{"a')),
        told(f"{R}incomplete", {"response": {}}, Finished("length")),
    ],
    "the end of arguments of no call is nothing": [
        told(ARGUED, {"output_index": 0, "arguments": "{}"}),
        told(f"{R}custom_tool_call_input.done", {"output_index": 9, "input": "x"}),
    ],
    "two thoughts are two, each with its seal": [
        told(f"{R}reasoning_summary_text.delta", {"output_index": 0, "delta": "A"},
             ReasoningDelta("A", 0)),
        told(DONE, {"output_index": 0, "item": {"type": "reasoning", "encrypted_content": "gA"}},
             ReasoningSealed("gA")),
        told(f"{R}reasoning_summary_text.delta", {"output_index": 1, "delta": "B"},
             ReasoningDelta("B", 1)),
        told(DONE, {"output_index": 1, "item": {"type": "reasoning", "encrypted_content": "gB"}},
             ReasoningSealed("gB")),
    ],
    "parts of an unknown kind say nothing, those beside them do": [
        told(DONE, {"output_index": 0, "item": {"type": "message", "content": [
            {"type": "hologram", "data": {"x": 1}}, {"type": "output_text", "text": "Hi"},
            {"type": "refusal", "refusal": "No."}]}},
            TextDelta("Hi"), RefusalDelta("No.")),
    ],
    "after the end nothing is said": [
        told(f"{R}completed", completed(), STOP),
        told(TEXT, {"output_index": 0, "delta": "Hi"}),
        told(f"{R}failed", {"response": {"error": {"code": "server_error"}}}),
    ],
    "an item that nobody knows is told from its beginning on": [
        told(ADDED, {"output_index": 0, "item": MCP},
             NativeBegun(0, "mcp_call", '{"type":"mcp_call","id":"mcp_1","name":"n"}')),
        told(f"{R}mcp_call.in_progress", {"output_index": 0, "item_id": "mcp_1"},
             NativeProgress(0, f"{R}mcp_call.in_progress",
                            '{"output_index":0,"item_id":"mcp_1"}')),
        told(f"{R}mcp_call.in_progress", {"output_index": 1, "item_id": "mcp_1"}),
        told(f"{R}mcp_call.in_progress", {"item_id": "mcp_1"}),
        told(DONE, {"output_index": 0, "item": MCP},
             NativeItem("mcp_call", '{"type":"mcp_call","id":"mcp_1","name":"n"}', 0)),
        told(f"{R}mcp_call.completed", {"output_index": 0, "item_id": "mcp_1"}),
        told(ADDED, {"output_index": 0, "item": MCP}),
    ],
    "several of them are told apart": [
        told(ADDED, {"output_index": 5, "item": A}, A_BEGUN),
        told(ADDED, {"output_index": 6, "item": {"type": "b"}}, B_BEGUN),
        told(DONE, {"output_index": 6, "item": {"type": "b"}}, NativeItem("b", '{"type":"b"}', 1)),
        told(DONE, {"output_index": 5, "item": {"type": "a"}}, NativeItem("a", '{"type":"a"}', 0)),
    ],
    "the name of an event that is no name is none": [
        told(ADDED, {"output_index": 0, "item": A}, A_BEGUN),
        told("", {"type": "response.x\ndata: [DONE]", "output_index": 0}),
        told("other.x", {"output_index": 0}),
    ],
    "an item without a type is none, from its beginning on": [
        told(ADDED, {"output_index": 0, "item": {"id": "x"}}),
        told(ADDED, {"output_index": 1, "item": {"id": "y", "type": None}}),
        told(DONE, {"output_index": 1, "item": {"id": "y", "type": None}}),
    ],
    "an event with the name that the standard gives is known by its type": [
        told("message", {"type": TEXT, "output_index": 0, "delta": "Hi"}, TextDelta("Hi")),
    ],
}  # fmt: skip


def feed(reader: Reader, kind: str, said: dict[str, Any]) -> list[Delta]:
    return reader.feed(Event(kind, json.dumps(said).encode()))


@pytest.mark.parametrize("steps", CASES.values(), ids=CASES)
def test_each_event_says_what_it_says_at_once(steps: list[Told]) -> None:
    reader = Reader(Names([]), FakeClock())
    for number, (kind, said, deltas) in enumerate(steps):
        assert feed(reader, kind, said) == deltas, number


def test_only_so_many_items_that_nobody_knows_are_told_from_their_beginning_on() -> None:
    reader = Reader(Names([]), FakeClock())
    begun = [
        feed(reader, ADDED, {"output_index": place, "item": {"type": "a"}})
        for place in range(1_001)
    ]
    assert sum(map(bool, begun)) == 1_000
    item = {"output_index": 1_000, "item": {"type": "a"}}
    assert feed(reader, DONE, item) == [NativeItem("a", '{"type":"a"}')], "but it comes whole"


def test_arguments_of_any_length_come_whole_and_in_their_pieces() -> None:
    reader = Reader(Names([]), FakeClock())
    feed(reader, ADDED, {"output_index": 0, "item": call()})
    piece = "x" * 50_000
    said: list[Delta] = []
    for _ in range(40):
        said += feed(reader, ARGS, {"output_index": 0, "delta": piece})
    said += feed(reader, DONE, {"output_index": 0, "item": call(piece * 40 + "!")})
    assert said == [*[CallDelta(0, piece)] * 40, CallDelta(0, "!"), CallEnded(0)]


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        (f"{R}failed", {"response": {"error": {"code": "rate_limit_exceeded"}}}, Kind.RATE_LIMITED),
        (f"{R}failed", {"response": None}, Kind.UPSTREAM_ERROR),
        (f"{R}failed", {"response": {"error": "boom"}}, Kind.UPSTREAM_ERROR),
        (f"{R}failed", {"response": {"id": "resp_1", "status": "failed"}}, Kind.UPSTREAM_ERROR),
        (f"{R}failed", {}, Kind.UPSTREAM_ERROR),
        ("error", {"type": "error", "error": None, "message": None}, Kind.UPSTREAM_ERROR),
        ("error", {"type": "error", "error": {"type": "usage_limit_reached"}}, Kind.RATE_LIMITED),
        ("error", {"type": "error", "code": "slow_down"}, Kind.UNAVAILABLE),
        ("error", {"error": {"code": "invalid_prompt", "message": "No."}}, Kind.INVALID_REQUEST),
        ("message", {"type": "error", "code": "server_is_overloaded"}, Kind.UNAVAILABLE),
    ],
)
def test_a_failure_in_the_middle_of_an_item_is_that_failure(
    kind: str, said: dict[str, Any], expected: Kind
) -> None:
    reader = Reader(Names([]), FakeClock())
    feed(reader, ADDED, {"output_index": 0, "item": call()})
    feed(reader, TEXT, {"output_index": 1, "delta": "Hel"})
    with pytest.raises(Problem) as caught:
        feed(reader, kind, said)
    assert (caught.value.kind, caught.value.step) == (expected, "stream")
    assert reader.finished is None
