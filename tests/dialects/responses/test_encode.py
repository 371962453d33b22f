"""The encoder step by step: what each delta sends, and how an answer ends."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chat2api_core.dialects.base import Head
from chat2api_core.dialects.responses import Responses, ResponsesEncoder, ResponsesHead
from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Citation,
    Delta,
    Finished,
    NativeItem,
    Picture,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    Usage,
)

Json = dict[str, Any]
NewEncoder = Callable[..., ResponsesEncoder]
Read = Callable[[bytes], list[Json]]
Run = Callable[..., list[Json]]

NAME = "0123456789abcdef0123456789abcdef"
SHELL = {"type": "shell"}


def brief(event: Json) -> str:
    """What matters of an event, without the parts that the golden streams show."""
    kind = event["type"].removeprefix("response.")
    for key in ("delta", "text", "refusal", "arguments", "input"):
        if key in event:
            return f"{kind} {event[key]!r} @{event['output_index']}"
    if "item" in event:
        return f"{kind} {event['item']['type']} @{event['output_index']}"
    return f"{kind} @{event['output_index']}" if "output_index" in event else kind


OPENED = ["created", "in_progress"]

STEPS: list[tuple[str, Json, list[tuple[Delta, list[str]]]]] = [
    (
        "the first delta opens the stream, whatever it is",
        {},
        [
            (
                TextDelta("a"),
                [
                    *OPENED,
                    "output_item.added message @0",
                    "content_part.added @0",
                    "output_text.delta 'a' @0",
                ],
            ),
        ],
    ),
    (
        "an answer that begins twice is opened once",
        {},
        [(Started("m"), OPENED), (Started("n"), [])],
    ),
    (
        "nothing said sends nothing",
        {},
        [
            (Started(), OPENED),
            (TextDelta(""), []),
            (ReasoningDelta(""), []),
            (CallStarted(0, "c", "f"), ["output_item.added function_call @0"]),
            (CallDelta(0, ""), []),
        ],
    ),
    (
        "nothing said in a message sends nothing",
        {},
        [
            (Started(), OPENED),
            (
                TextDelta("a"),
                [
                    "output_item.added message @0",
                    "content_part.added @0",
                    "output_text.delta 'a' @0",
                ],
            ),
            (TextDelta(""), []),
        ],
    ),
    (
        "thinking ends when words begin, words end when thinking begins",
        {},
        [
            (
                ReasoningDelta("a"),
                [
                    *OPENED,
                    "output_item.added reasoning @0",
                    "reasoning_summary_part.added @0",
                    "reasoning_summary_text.delta 'a' @0",
                ],
            ),
            (
                TextDelta("b"),
                [
                    "reasoning_summary_text.done 'a' @0",
                    "reasoning_summary_part.done @0",
                    "output_item.done reasoning @0",
                    "output_item.added message @1",
                    "content_part.added @1",
                    "output_text.delta 'b' @1",
                ],
            ),
            (
                ReasoningDelta("c", 7),
                [
                    "output_text.done 'b' @1",
                    "content_part.done @1",
                    "output_item.done message @1",
                    "output_item.added reasoning @2",
                    "reasoning_summary_part.added @2",
                    "reasoning_summary_text.delta 'c' @2",
                ],
            ),
        ],
    ),
    (
        "a refusal is a message of its own, whatever was said before or is said after",
        {},
        [
            (
                TextDelta("a"),
                [
                    *OPENED,
                    "output_item.added message @0",
                    "content_part.added @0",
                    "output_text.delta 'a' @0",
                ],
            ),
            (RefusalDelta(""), []),
            (
                RefusalDelta("I "),
                [
                    "output_text.done 'a' @0",
                    "content_part.done @0",
                    "output_item.done message @0",
                    "output_item.added message @1",
                    "content_part.added @1",
                    "refusal.delta 'I ' @1",
                ],
            ),
            (RefusalDelta("won't."), ['refusal.delta "won\'t." @1']),
            (
                TextDelta("b"),
                [
                    'refusal.done "I won\'t." @1',
                    "content_part.done @1",
                    "output_item.done message @1",
                    "output_item.added message @2",
                    "content_part.added @2",
                    "output_text.delta 'b' @2",
                ],
            ),
        ],
    ),
    (
        "a refusal alone is the whole answer",
        {},
        [
            (
                RefusalDelta("No."),
                [
                    *OPENED,
                    "output_item.added message @0",
                    "content_part.added @0",
                    "refusal.delta 'No.' @0",
                ],
            ),
            (
                Finished("stop"),
                [
                    "refusal.done 'No.' @0",
                    "content_part.done @0",
                    "output_item.done message @0",
                    "completed",
                ],
            ),
        ],
    ),
    (
        "a new section of thinking stays in its item",
        {},
        [
            (
                ReasoningDelta("a"),
                [
                    *OPENED,
                    "output_item.added reasoning @0",
                    "reasoning_summary_part.added @0",
                    "reasoning_summary_text.delta 'a' @0",
                ],
            ),
            (
                ReasoningDelta("b", 1),
                [
                    "reasoning_summary_text.done 'a' @0",
                    "reasoning_summary_part.done @0",
                    "reasoning_summary_part.added @0",
                    "reasoning_summary_text.delta 'b' @0",
                ],
            ),
        ],
    ),
    (
        "two calls may be under way at once",
        {},
        [
            (CallStarted(0, "c", "f"), [*OPENED, "output_item.added function_call @0"]),
            (CallStarted(1, "d", "g", "custom"), ["output_item.added custom_tool_call @1"]),
            (CallDelta(0, "{"), ["function_call_arguments.delta '{' @0"]),
            (CallDelta(1, "x"), ["custom_tool_call_input.delta 'x' @1"]),
            (CallDelta(0, "}"), ["function_call_arguments.delta '}' @0"]),
            (
                CallEnded(1),
                ["custom_tool_call_input.done 'x' @1", "output_item.done custom_tool_call @1"],
            ),
            (
                CallEnded(0),
                ["function_call_arguments.done '{}' @0", "output_item.done function_call @0"],
            ),
        ],
    ),
    (
        "a call that nobody ended is whole when the answer is",
        {},
        [
            (CallStarted(0, "c", "f"), [*OPENED, "output_item.added function_call @0"]),
            (CallDelta(0, "{}"), ["function_call_arguments.delta '{}' @0"]),
            (
                Finished("tool_calls"),
                [
                    "function_call_arguments.done '{}' @0",
                    "output_item.done function_call @0",
                    "completed",
                ],
            ),
        ],
    ),
    (
        "a call that was cut off never says that it is whole",
        {},
        [
            (CallStarted(0, "c", "f"), [*OPENED, "output_item.added function_call @0"]),
            (CallDelta(0, "{"), ["function_call_arguments.delta '{' @0"]),
            (Finished("length"), ["output_item.done function_call @0", "incomplete"]),
        ],
    ),
    (
        "free text that was cut off never says that it is whole",
        {},
        [
            (
                CallStarted(0, "c", "f", "custom"),
                [*OPENED, "output_item.added custom_tool_call @0"],
            ),
            (Finished("length"), ["output_item.done custom_tool_call @0", "incomplete"]),
        ],
    ),
    (
        "a call with an item of its own type is shown when it is whole",
        {"tools": [SHELL]},
        [
            (CallStarted(0, "c", "shell"), OPENED),
            (CallDelta(0, '{"commands":["ls"]}'), []),
            (CallEnded(0), ["output_item.added shell_call @0", "output_item.done shell_call @0"]),
        ],
    ),
    (
        "a call that does not fit its type is a plain one",
        {"tools": [SHELL]},
        [
            (CallStarted(0, "c", "shell"), OPENED),
            (CallDelta(0, "ls"), []),
            (
                CallEnded(0),
                [
                    "output_item.added function_call @0",
                    "function_call_arguments.delta 'ls' @0",
                    "function_call_arguments.done 'ls' @0",
                    "output_item.done function_call @0",
                ],
            ),
        ],
    ),
    (
        "a cut-off call with an item of its own type is a plain one",
        {"tools": [SHELL]},
        [
            (CallStarted(0, "c", "shell"), OPENED),
            (CallDelta(0, '{"commands":["ls"]}'), []),
            (
                Finished("length"),
                [
                    "output_item.added function_call @0",
                    """function_call_arguments.delta '{"commands":["ls"]}' @0""",
                    "output_item.done function_call @0",
                    "incomplete",
                ],
            ),
        ],
    ),
    (
        "a function of that name in a namespace is a plain one",
        {"tools": [SHELL]},
        [
            (
                CallStarted(0, "c", "shell", namespace="n"),
                [*OPENED, "output_item.added function_call @0"],
            ),
        ],
    ),
    (
        "an answer of nothing has an empty message",
        {},
        [
            (
                Finished("stop"),
                [
                    *OPENED,
                    "output_item.added message @0",
                    "content_part.added @0",
                    "output_text.done '' @0",
                    "content_part.done @0",
                    "output_item.done message @0",
                    "completed",
                ],
            ),
        ],
    ),
    (
        "an answer of thinking alone has an empty message",
        {},
        [
            (Started(), OPENED),
            (
                ReasoningDelta("a"),
                [
                    "output_item.added reasoning @0",
                    "reasoning_summary_part.added @0",
                    "reasoning_summary_text.delta 'a' @0",
                ],
            ),
            (
                Finished("length"),
                [
                    "reasoning_summary_text.done 'a' @0",
                    "reasoning_summary_part.done @0",
                    "output_item.done reasoning @0",
                    "output_item.added message @1",
                    "content_part.added @1",
                    "output_text.done '' @1",
                    "content_part.done @1",
                    "output_item.done message @1",
                    "incomplete",
                ],
            ),
        ],
    ),
    (
        "a picture is a note in a message of its own",
        {},
        [
            (
                Picture("sediment://file_1", 1024, 768, "A moon"),
                [
                    *OPENED,
                    "output_item.added message @0",
                    "content_part.added @0",
                    "output_text.delta '\\n[Picture: A moon, 1024 x 768 pixels]\\n' @0",
                    "output_text.done '\\n[Picture: A moon, 1024 x 768 pixels]\\n' @0",
                    "content_part.done @0",
                    "output_item.done message @0",
                ],
            ),
        ],
    ),
]


@pytest.mark.parametrize(
    ("body", "steps"), [row[1:] for row in STEPS], ids=[row[0] for row in STEPS]
)
def test_each_delta_sends_its_events_at_once(
    body: Json, steps: list[tuple[Delta, list[str]]], encoder: NewEncoder, events: Read
) -> None:
    machine = encoder(**body)
    for delta, expected in steps:
        assert [brief(event) for event in events(machine.feed([delta]))] == expected


def test_events_are_numbered_from_zero_without_gaps(run: Run) -> None:
    stream = run([Started(), ReasoningDelta("a"), TextDelta("b"), Finished("stop")])
    assert [event["sequence_number"] for event in stream] == list(range(len(stream)))
    assert len(stream) == 15


def test_the_dialect_has_a_name(dialect: Responses) -> None:
    assert dialect.name == "responses"


def test_no_deltas_send_nothing(encoder: NewEncoder) -> None:
    assert encoder().feed([]) == b""


def test_text_of_any_kind_comes_through(run: Run) -> None:
    text = 'a "quoted" \\ back\nslash \u2028 % %d %b 雪 🌙 \x00'
    stream = run([TextDelta(text), Finished("stop")])
    assert stream[4]["delta"] == text
    assert stream[-1]["response"]["output"][0]["content"][0]["text"] == text


def test_no_line_of_the_stream_holds_what_clients_take_for_a_line_end(
    encoder: NewEncoder, events: Read
) -> None:
    text = "a\u2028b\u2029c\x85d 雪"
    machine = encoder()
    stream = b"".join(
        machine.feed([delta])
        for delta in (
            TextDelta(text),
            CallStarted(0, "c", "f"),
            CallDelta(0, text),
            CallEnded(0),
            NativeItem("novelty", json.dumps({"type": "novelty", "x": text}, ensure_ascii=False)),
            Finished("stop"),
        )
    )
    assert stream.decode().splitlines() == stream.decode().split("\n")[:-1]
    output = events(stream)[-1]["response"]["output"]
    assert output[0]["content"][0]["text"] == output[1]["arguments"] == output[2]["x"] == text


def test_a_name_with_a_percent_sign_is_just_a_name(
    dialect: Responses, parse: Callable[..., Any], events: Read
) -> None:
    machine = dialect.encoder(parse(), Head("50%d", 1))
    stream = events(machine.feed([TextDelta("a")]))
    assert [event.get("item_id") for event in stream[3:]] == ["msg_50%d00"] * 2


def test_the_model_is_the_one_that_answers(run: Run) -> None:
    answered = run([Started("gpt-5-5"), Finished("stop")], model="auto")
    assert {e["response"]["model"] for e in answered if "response" in e} == {"gpt-5-5"}


def test_the_model_is_the_one_asked_for_where_the_upstream_is_silent(run: Run) -> None:
    answered = run([Started(), Finished("stop")], model="gpt-5.5")
    assert {e["response"]["model"] for e in answered if "response" in e} == {"gpt-5.5"}


def test_a_response_may_have_a_name_of_its_own(
    dialect: Responses, parse: Callable[..., Any], events: Read
) -> None:
    machine = dialect.encoder(parse(), ResponsesHead(NAME, 1, "resp_sealed"))
    stream = events(machine.feed([TextDelta("a"), Finished("stop")]))
    assert {e["response"]["id"] for e in stream if "response" in e} == {"resp_sealed"}
    assert stream[2]["item"]["id"] == f"msg_{NAME}00"


def test_a_head_of_that_kind_need_not_name_it(
    dialect: Responses, parse: Callable[..., Any], events: Read
) -> None:
    machine = dialect.encoder(parse(), ResponsesHead(NAME, 1))
    assert events(machine.feed([Started()]))[0]["response"]["id"] == f"resp_{NAME}"


def test_a_refusal_has_the_official_events(run: Run) -> None:
    place = {"item_id": f"msg_{NAME}00", "output_index": 0, "content_index": 0}
    part = {"type": "refusal", "refusal": "No."}
    item = {
        "type": "message",
        "id": f"msg_{NAME}00",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }
    stream = run([Started(), RefusalDelta("N"), RefusalDelta("o."), Finished("stop")])
    events = [{k: v for k, v in e.items() if k != "sequence_number"} for e in stream]
    empty = {**part, "refusal": ""}
    assert events[2:-1] == [
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "status": "in_progress", "content": []},
        },
        {"type": "response.content_part.added", **place, "part": empty},
        {"type": "response.refusal.delta", **place, "delta": "N"},
        {"type": "response.refusal.delta", **place, "delta": "o."},
        {"type": "response.refusal.done", **place, "refusal": "No."},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
    ]
    assert stream[-1]["response"]["status"] == "completed"
    assert stream[-1]["response"]["output"] == [item]


def test_the_words_of_a_refusal_do_not_move_the_sources_behind_it(run: Run) -> None:
    stream = run(
        [
            TextDelta("ab"),
            RefusalDelta("No."),
            TextDelta("[1]"),
            Citation(2, 5, "https://example.com/", ""),
            Finished("stop"),
        ]
    )
    (source,) = stream[-1]["response"]["output"][-1]["content"][0]["annotations"]
    assert (source["start_index"], source["end_index"]) == (0, 3)


def test_sources_are_annotations_with_offsets_in_their_message(run: Run) -> None:
    source = Citation(6, 9, "https://example.com/", "Example")
    stream = run(
        [
            TextDelta("First."),
            ReasoningDelta("Hm."),
            TextDelta("[1] says so."),
            Citation(0, 6, "https://example.org/", "too late: its message is closed"),
            source,
            Finished("stop"),
        ]
    )
    note = {
        "type": "url_citation",
        "start_index": 0,
        "end_index": 3,
        "url": "https://example.com/",
        "title": "Example",
    }
    (added,) = [e for e in stream if e["type"] == "response.output_text.annotation.added"]
    assert added == {
        "type": "response.output_text.annotation.added",
        "sequence_number": added["sequence_number"],
        "item_id": f"msg_{NAME}02",
        "output_index": 2,
        "content_index": 0,
        "annotation_index": 0,
        "annotation": note,
    }
    first, _, second = stream[-1]["response"]["output"]
    assert first["content"][0]["annotations"] == []
    assert second["content"][0]["annotations"] == [note]


def test_a_source_before_any_words_is_not_shown(run: Run) -> None:
    stream = run([Citation(0, 1, "https://example.com/", ""), Finished("stop")])
    assert "annotation" not in json.dumps([e["type"] for e in stream])


def test_the_note_of_a_picture_does_not_move_the_sources_of_the_words_behind_it(run: Run) -> None:
    stream = run(
        [
            TextDelta("ab"),
            Picture("sediment://file_1"),
            TextDelta("[1]"),
            Citation(2, 5, "https://example.com/", ""),
            Finished("stop"),
        ]
    )
    *_, note, words = stream[-1]["response"]["output"]
    assert note["content"][0]["text"] == "\n[Picture: untitled]\n"
    (source,) = words["content"][0]["annotations"]
    assert (source["start_index"], source["end_index"]) == (0, 3)


def test_thinking_shows_a_missing_original_only_where_it_was_asked_for(run: Run) -> None:
    deltas = [ReasoningDelta("a"), Finished("stop")]
    plain = run(deltas)[-1]["response"]["output"][0]
    assert plain == {
        "type": "reasoning",
        "id": f"rs_{NAME}00",
        "summary": [{"type": "summary_text", "text": "a"}],
    }
    asked = run(deltas, include=["reasoning.encrypted_content"])[-1]["response"]["output"][0]
    assert asked == {**plain, "encrypted_content": None}


def test_calls_keep_their_namespace(run: Run) -> None:
    output = run(
        [
            CallStarted(0, "c", "exec", "custom", "functions"),
            CallStarted(1, "d", "wait", namespace="functions"),
            Finished("tool_calls"),
        ]
    )[-1]["response"]["output"]
    assert output == [
        {
            "type": "custom_tool_call",
            "id": f"ctc_{NAME}00",
            "status": "completed",
            "call_id": "c",
            "name": "exec",
            "input": "",
            "namespace": "functions",
        },
        {
            "type": "function_call",
            "id": f"fc_{NAME}01",
            "status": "completed",
            "call_id": "d",
            "name": "wait",
            "arguments": "",
            "namespace": "functions",
        },
    ]


NATIVE: list[tuple[str, str, Json]] = [
    (
        "local_shell",
        '{"command":["ls","-l"],"timeout_ms":5}',
        {
            "type": "local_shell_call",
            "action": {
                "type": "exec",
                "command": ["ls", "-l"],
                "env": {},
                "timeout_ms": 5,
                "user": None,
                "working_directory": None,
            },
        },
    ),
    (
        "shell",
        '{"commands":["ls"]}',
        {
            "type": "shell_call",
            "action": {"commands": ["ls"], "timeout_ms": None, "max_output_length": None},
            "environment": None,
        },
    ),
    (
        "apply_patch",
        '{"type":"create_file","path":"a","diff":"+b\\n"}',
        {
            "type": "apply_patch_call",
            "operation": {"type": "create_file", "path": "a", "diff": "+b\n"},
        },
    ),
    (
        "apply_patch",
        '{"type":"delete_file","path":"a"}',
        {"type": "apply_patch_call", "operation": {"type": "delete_file", "path": "a"}},
    ),
]


@pytest.mark.parametrize(("name", "arguments", "item"), NATIVE)
def test_a_call_goes_back_as_the_item_that_its_tool_has(
    name: str, arguments: str, item: Json, run: Run
) -> None:
    deltas = [CallStarted(0, "c", name), CallDelta(0, arguments), Finished("tool_calls")]
    *_, added, done, completed = run(deltas, tools=[{"type": name}])
    whole = {**item, "id": f"sh_{NAME}00", "call_id": "c", "status": "completed"}
    assert added["item"] == {**whole, "status": "in_progress"}
    assert done["item"] == whole
    assert completed["response"]["output"] == [whole]


def test_usage_has_all_its_parts(run: Run) -> None:
    usage = Usage(100, 20, cached_tokens=64, reasoning_tokens=12)
    assert run([Finished("stop", usage=usage)])[-1]["response"]["usage"] == {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 0},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 12},
        "total_tokens": 120,
    }


@pytest.mark.parametrize(
    ("reason", "said"),
    [("length", "max_output_tokens"), ("content_filter", "content_filter")],
)
def test_an_answer_cut_short_is_incomplete(reason: Any, said: str, run: Run) -> None:
    stream = run([CallStarted(0, "c", "f"), CallEnded(0), TextDelta("a"), Finished(reason)])
    last = stream[-1]
    assert last["type"] == "response.incomplete"
    response = last["response"]
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": said}
    assert response["completed_at"] is None
    assert response["error"] is None
    assert [item["status"] for item in response["output"]] == ["completed", "incomplete"]


def test_a_failure_is_the_last_event_and_keeps_what_was_said(
    encoder: NewEncoder, events: Read
) -> None:
    machine = encoder()
    said: list[Delta] = [
        ReasoningDelta("a"),
        TextDelta("b"),
        CallStarted(0, "c", "f"),
        CallEnded(0),
        CallStarted(1, "d", "g"),
        TextDelta("half"),
    ]
    machine.feed(said)
    (event,) = events(machine.fail(Problem(Kind.CUT, "The stream broke off.", step="stream")))
    assert event["type"] == "response.failed"
    response = event["response"]
    assert response["status"] == "failed"
    assert response["error"] == {
        "code": "server_error",
        "message": "The stream broke off.",
        "param": None,
        "type": "stream_cut",
    }
    assert [(item["type"], item.get("status")) for item in response["output"]] == [
        ("reasoning", None),
        ("message", "completed"),
        ("function_call", "completed"),
        ("message", "incomplete"),
    ]
    assert json.loads(machine.document) == response


def test_a_failure_while_thinking_keeps_the_thoughts(encoder: NewEncoder, events: Read) -> None:
    machine = encoder()
    machine.feed([ReasoningDelta("a"), ReasoningDelta("b", 1)])
    (event,) = events(machine.fail(Problem(Kind.CUT, "Broken.", step="stream")))
    (item,) = event["response"]["output"]
    assert [part["text"] for part in item["summary"]] == ["a", "b"]


def test_a_failure_in_a_refusal_keeps_its_words(encoder: NewEncoder, events: Read) -> None:
    machine = encoder()
    machine.feed([RefusalDelta("I c")])
    (event,) = events(machine.fail(Problem(Kind.CUT, "Broken.", step="stream")))
    (item,) = event["response"]["output"]
    assert (item["status"], item["content"]) == (
        "incomplete",
        [{"type": "refusal", "refusal": "I c"}],
    )


def test_there_is_no_document_of_an_answer_without_an_end(
    dialect: Responses, parse: Callable[..., Any], head: Head
) -> None:
    with pytest.raises(Problem) as caught:
        dialect.document(parse(), head, Transcript())
    assert caught.value.kind is Kind.CUT


def test_a_failure_before_anything_was_sent_is_a_whole_stream(
    encoder: NewEncoder, events: Read
) -> None:
    stream = events(encoder().fail(Problem(Kind.TIMEOUT, "Too slow.", step="conversation")))
    assert [brief(event) for event in stream] == [*OPENED, "failed"]


def test_after_the_end_a_failure_sends_nothing(encoder: NewEncoder) -> None:
    machine = encoder()
    machine.feed([Finished("stop")])
    before = machine.document
    assert machine.fail(Problem(Kind.INTERNAL, "x")) == b""
    assert machine.document == before


def test_the_document_is_there_once_the_answer_has_ended(encoder: NewEncoder, events: Read) -> None:
    machine = encoder()
    machine.feed([TextDelta("a")])
    assert machine.document == b""
    (*_, last) = events(machine.feed([Finished("stop")]))
    assert json.loads(machine.document) == last["response"]
    assert last["response"]["completed_at"] == 1795295116


@pytest.mark.parametrize(
    "delta",
    [
        TextDelta("a"),
        ReasoningDelta("a"),
        RefusalDelta("a"),
        CallStarted(0, "c", "f"),
        Picture("sediment://file_1"),
        Finished("stop"),
    ],
    ids=repr,
)
def test_nothing_goes_on_after_the_end(delta: Delta, encoder: NewEncoder) -> None:
    machine = encoder()
    machine.feed([TextDelta("a"), Finished("stop")])
    with pytest.raises(Problem) as caught:
        machine.feed([delta])
    assert caught.value.kind is Kind.INTERNAL


@pytest.mark.parametrize("delta", [CallDelta(0, "x"), CallEnded(0)], ids=repr)
def test_a_call_that_was_not_begun_cannot_go_on(delta: Delta, encoder: NewEncoder) -> None:
    with pytest.raises(Problem) as caught:
        encoder().feed([delta])
    assert caught.value.kind is Kind.INTERNAL
