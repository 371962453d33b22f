"""What holds for any body and any answer."""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.dialects.base import Head
from chat2api_core.dialects.responses import Responses
from chat2api_core.dialects.responses.parameters import PARAMETERS
from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Citation,
    Delta,
    Finished,
    NativeBegun,
    NativeItem,
    NativeProgress,
    Picture,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    Usage,
)
from tests.fakes import FakeClock

Json = dict[str, Any]
DIALECT = Responses(FakeClock())
HEAD = Head("f" * 32, 1)
REQUEST = DIALECT.parse(
    b'{"input":"hi","include":["reasoning.encrypted_content"],"tools":[{"type":"shell"}]}'
)

# ---------------------------------------------------------------------------------- requests

WORDS = st.sampled_from([
    "type", "role", "content", "text", "input_text", "output_text", "id", "call_id", "name",
    "arguments", "output", "input", "user", "assistant", "message", "reasoning", "summary",
    "encrypted_content", "tools", "function", "custom", "namespace", "grammar", "format", "syntax",
    "definition", "parameters", "strict", "auto", "none", "required", "allowed_tools", "mode",
    "shell", "action", "commands", "operation", "input_image", "image_url", "input_file", "file_id",
    "json_schema", "schema", "effort", "low", "verbosity", "refusal",
])  # fmt: skip
TYPES = st.sampled_from([
    "message", "reasoning", "function_call", "function_call_output", "custom_tool_call",
    "custom_tool_call_output", "additional_tools", "local_shell_call", "local_shell_call_output",
    "shell_call", "shell_call_output", "apply_patch_call", "apply_patch_call_output",
])  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS | st.text()
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(), inner, max_size=5)
    ),
    max_leaves=25,
)
NAMES = st.sampled_from([row.name for row in PARAMETERS])
BODIES = JSON | st.dictionaries(NAMES, JSON, max_size=6)


def parses(body: bytes) -> None:
    try:
        request = DIALECT.parse(body)
    except Problem as problem:
        kind = problem.kind
    else:
        kind = Kind.INVALID_REQUEST
        assert isinstance(json.loads(request.settings), dict)
    assert kind in {Kind.INVALID_REQUEST, Kind.UNSUPPORTED_PARAMETER}


@given(BODIES)
def test_a_body_is_parsed_or_refused(body: object) -> None:
    parses(json.dumps(body).encode())


@given(st.binary(max_size=200))
def test_garbage_is_refused(body: bytes) -> None:
    parses(body)


@given(TYPES, st.dictionaries(WORDS, JSON, max_size=6))
def test_an_item_of_a_known_type_is_taken_or_refused(kind: str, item: Json) -> None:
    parses(json.dumps({"input": [{**item, "type": kind}]}).encode())


# ----------------------------------------------------------------------------------- answers

TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)
KINDS = st.sampled_from(["function", "custom", "shell"])
USAGES = st.none() | st.builds(Usage, *[st.integers(0, 99)] * 4)
ENDS = st.builds(
    Finished,
    st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
    usage=USAGES,
)


def native(number: int, status: str) -> str:
    """An item that nobody knows; every other one has an id."""
    name = {"id": f"mcp_{number}"} if number > 0 and number % 2 else {}
    return json.dumps({"type": "mcp_call", "status": status, **name})


@st.composite
def answers(draw: st.DrawFn) -> list[Delta]:  # noqa: C901, PLR0915 (one branch a kind of delta)
    """Any answer that an upstream could give: calls may overlap, kinds may alternate."""
    deltas: list[Delta] = [Started(draw(TEXTS))]
    said = calls = natives = 0
    going: list[int] = []
    working: list[int] = []
    for what in draw(st.lists(st.sampled_from("ttrxcdepqngw"), max_size=25)):
        if what == "t":
            text = draw(TEXTS)
            deltas.append(TextDelta(text))
            said += len(text)
        elif what == "r":
            deltas.append(ReasoningDelta(draw(TEXTS), draw(st.integers(0, 2))))
        elif what == "x":
            deltas.append(RefusalDelta(draw(TEXTS)))
        elif what == "c":
            kind = draw(KINDS)
            name = "shell" if kind == "shell" else "f"
            deltas.append(
                CallStarted(calls, f"c{calls}", name, "custom" if kind == "custom" else "function")
            )
            going.append(calls)
            calls += 1
        elif what == "d" and going:
            piece = draw(TEXTS | st.just('{"commands":["ls"]}'))
            deltas.append(CallDelta(draw(st.sampled_from(going)), piece))
        elif what == "e" and going:
            deltas.append(CallEnded(going.pop(draw(st.integers(0, len(going) - 1)))))
        elif what == "p":
            deltas.append(Picture("sediment://file_1", draw(st.integers(0, 1)), 1, draw(TEXTS)))
        elif what == "q":
            start = draw(st.integers(0, said))
            deltas.append(Citation(start, said, "https://example.com/", draw(TEXTS)))
        elif what == "n":
            deltas.append(NativeBegun(natives, "mcp_call", native(natives, "in_progress")))
            working.append(natives)
            natives += 1
        elif what == "g" and working:
            told = '{"type":"response.mcp_call.in_progress","sequence_number":99,"output_index":9}'
            at = draw(st.sampled_from(working))
            deltas.append(NativeProgress(at, "response.mcp_call.in_progress", told))
        elif what == "w":
            place = draw(st.integers(0, len(working)))
            at = working.pop(place) if place < len(working) else -1
            deltas.append(NativeItem("mcp_call", native(at, "completed"), at))
    return [*deltas, draw(ENDS)]


def read(stream: bytes) -> Iterator[Json]:
    for block in stream.decode().removesuffix("\n\n").split("\n\n"):
        yield json.loads(block.partition("\ndata: ")[2])


class Fold:
    """What a client makes of the events, by nothing but the rules of the protocol: an item is what
    was added, then whatever its events added to it."""

    def __init__(self) -> None:
        self.items: dict[int, Json] = {}
        self.done: dict[int, Json] = {}
        self.last: Json = {}

    def feed(self, event: Json) -> None:
        kind = event["type"].removeprefix("response.")
        if "response" in event:
            assert not self.last, "an event after the last one"
            if kind not in {"created", "in_progress"}:
                self.last = event
        elif kind == "output_item.added":
            assert event["output_index"] not in self.items
            self.items[event["output_index"]] = event["item"]
        elif kind == "output_item.done":
            self._finish(event["output_index"], event["item"])
        else:
            item = self.items[event["output_index"]]
            assert event["item_id"] == item["id"]
            assert event["output_index"] not in self.done
            self._change(item, kind, event)

    def _finish(self, index: int, item: Json) -> None:
        whole = dict(self.items[index])
        if "status" in whole:
            whole["status"] = item["status"]
        assert whole == item, "the finished item is not the sum of its events"
        self.done[index] = item

    def _change(self, item: Json, kind: str, event: Json) -> None:
        what, _, verb = kind.rpartition(".")
        if what == "mcp_call":
            return  # it tells how far the item is, and changes nothing of it
        holder, key, field = _place(what, item, event)
        if verb == "added":
            assert key == len(holder), "an index was skipped"
            holder.append(event[field])
        elif verb == "delta":
            holder[key] += event["delta"]
        else:
            assert verb == "done"
            assert event[field] == holder[key], "what is called whole is not the sum of its pieces"
            assert event.get("name") == item.get("name") or what == "custom_tool_call_input"


def _place(  # noqa: PLR0911 (one line a kind of event)
    what: str, item: Json, event: Json
) -> tuple[Any, Any, str]:
    """Where within its item an event changes something, and its field with the whole of it."""
    content, summary = event.get("content_index"), event.get("summary_index")
    if what == "content_part":
        return item["content"], content, "part"
    if what == "output_text":
        return item["content"][content], "text", "text"
    if what == "refusal":
        return item["content"][content], "refusal", "refusal"
    if what == "output_text.annotation":
        notes = item["content"][content]["annotations"]
        return notes, event["annotation_index"], "annotation"
    if what == "reasoning_summary_part":
        return item["summary"], summary, "part"
    if what == "reasoning_summary_text":
        return item["summary"][summary], "text", "text"
    if what == "function_call_arguments":
        return item, "arguments", "arguments"
    assert what == "custom_tool_call_input"
    return item, "input", "input"


@given(answers())
def test_the_last_response_is_the_sum_of_the_events_before_it(deltas: list[Delta]) -> None:
    machine = DIALECT.encoder(REQUEST, HEAD)
    stream = list(read(machine.feed(deltas)))
    assert [event["sequence_number"] for event in stream] == list(range(len(stream)))
    fold = Fold()
    for event in stream:
        fold.feed(event)
    assert fold.items.keys() == fold.done.keys() == set(range(len(fold.done)))
    response = fold.last["response"]
    assert response["output"] == [fold.done[index] for index in sorted(fold.done)]
    assert len({item["id"] for item in response["output"]}) == len(response["output"])
    assert fold.last["type"] == f"response.{response['status']}"
    assert json.loads(machine.document) == response


@given(answers(), st.integers(0, 30))
def test_a_failure_anywhere_ends_the_stream_with_no_half_call(deltas: list[Delta], at: int) -> None:
    machine = DIALECT.encoder(REQUEST, HEAD)
    stream = machine.feed(deltas[: min(at, len(deltas) - 1)])
    stream += machine.fail(Problem(Kind.CUT, "x", step="stream"))
    fold = Fold()
    for event in read(stream):
        fold.feed(event)
    assert fold.last["type"] == "response.failed"
    shown = fold.last["response"]["output"]
    done = list(fold.done.values())
    assert [item for item in shown if item in done] == [
        fold.done[index] for index in sorted(fold.done)
    ]
    assert all(item["type"] in {"message", "reasoning"} for item in shown if item not in done)


@given(answers(), st.lists(st.integers(0, 30)))
def test_the_stream_does_not_depend_on_how_deltas_are_batched(
    deltas: list[Delta], cuts: list[int]
) -> None:
    whole = DIALECT.encoder(REQUEST, HEAD).feed(deltas)
    machine = DIALECT.encoder(REQUEST, HEAD)
    edges = sorted({0, len(deltas), *(min(cut, len(deltas)) for cut in cuts)})
    pieces = [machine.feed(deltas[a:b]) for a, b in pairwise(edges)]
    assert b"".join(pieces) == whole


def document_of(deltas: list[Delta]) -> Json:
    transcript = Transcript()
    for delta in deltas:
        transcript.feed(delta)
    document: Json = json.loads(DIALECT.document(REQUEST, HEAD, transcript))
    return document


@given(answers())
def test_the_document_is_the_last_response_of_the_stream(deltas: list[Delta]) -> None:
    machine = DIALECT.encoder(REQUEST, HEAD)
    machine.feed(deltas)
    assert document_of(deltas) == json.loads(machine.document)
