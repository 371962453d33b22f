"""What an upstream with tools and thinking of its own tells: sealed reasoning, searches, pictures,
several messages, the effort in force; and what it is told."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from chat2api_core.dialects.base import Head
from chat2api_core.dialects.responses import Responses, ResponsesRequest
from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    Citation,
    Delta,
    Finished,
    MessageBegun,
    NativeBegun,
    NativeItem,
    NativeProgress,
    Picture,
    ReasoningDelta,
    ReasoningSealed,
    Started,
    TextDelta,
    WebSearch,
)

Json = dict[str, Any]
Parse = Callable[..., ResponsesRequest]
Run = Callable[..., list[Json]]

SEALED = {"include": ["reasoning.encrypted_content"]}
END = Finished("stop")


def items(events: Sequence[Json]) -> list[Json]:
    return [event["item"] for event in events if event["type"] == "response.output_item.done"]


def types(events: Sequence[Json]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def document(dialect: Responses, request: ResponsesRequest, deltas: Sequence[Delta]) -> Json:
    transcript = Transcript()
    for delta in deltas:
        transcript.feed(delta)
    whole: Json = msgspec.json.decode(dialect.document(request, Head("a", 1), transcript))
    return whole


def test_sealed_reasoning_goes_out_with_the_summary_it_seals(run: Run) -> None:
    deltas = [ReasoningDelta("Hm."), ReasoningSealed("gAAA1", "rs_1"), TextDelta("Yes."), END]
    reasoning, message = items(run(deltas, **SEALED))
    assert reasoning["encrypted_content"] == "gAAA1"
    assert reasoning["summary"] == [{"type": "summary_text", "text": "Hm."}]
    assert message["content"][0]["text"] == "Yes."


def test_sealed_reasoning_without_a_summary_is_an_item_as_well(run: Run) -> None:
    (reasoning, _) = items(run([ReasoningSealed("gAAA1"), TextDelta("Yes."), END], **SEALED))
    assert reasoning["encrypted_content"] == "gAAA1"
    assert reasoning["summary"] == []


def test_sealed_reasoning_stays_here_unless_it_was_asked_for(run: Run) -> None:
    deltas = [ReasoningDelta("Hm."), ReasoningSealed("gAAA1"), ReasoningSealed("gAAA2"), END]
    reasoning, _ = items(run(deltas))
    assert "encrypted_content" not in reasoning


def test_two_seals_are_two_items(run: Run) -> None:
    deltas = [ReasoningDelta("A"), ReasoningSealed("s1"), ReasoningDelta("B", 1)]
    first, second, _ = items(run([*deltas, ReasoningSealed("s2"), END], **SEALED))
    assert [first["encrypted_content"], second["encrypted_content"]] == ["s1", "s2"]
    assert second["summary"] == [{"type": "summary_text", "text": "B"}]


def test_a_search_has_the_official_events(run: Run) -> None:
    events = run([WebSearch("search", "moons"), TextDelta("Many."), END])
    assert types(events)[2:7] == [
        "output_item.added",
        "web_search_call.in_progress",
        "web_search_call.searching",
        "web_search_call.completed",
        "output_item.done",
    ]
    assert items(events)[0] == {
        "type": "web_search_call",
        "id": events[2]["item"]["id"],
        "status": "completed",
        "action": {"type": "search", "query": "moons"},
    }
    assert events[2]["item"]["status"] == "in_progress"


def test_a_search_that_failed_is_no_success(run: Run) -> None:
    events = run([WebSearch("search", "a, b", queries=("a", "b"), failed=True), END])
    assert "web_search_call.completed" not in types(events)
    search = events[-1]["response"]["output"][0]
    assert search["status"] == "failed"
    assert search["action"] == {"type": "search", "query": "a, b", "queries": ["a", "b"]}


def test_a_page_that_was_opened_is_told_with_its_address(run: Run) -> None:
    (search, _) = items(run([WebSearch("open_page", url="https://m.example"), END]))
    assert search["action"] == {"type": "open_page", "url": "https://m.example"}


def test_a_picture_that_came_itself_is_an_item_with_its_data(run: Run) -> None:
    picture = Picture("", 1024, 512, "A moon", "aGk=", "webp")
    events = run([picture, END])
    assert types(events)[2:7] == [
        "output_item.added",
        "image_generation_call.in_progress",
        "image_generation_call.generating",
        "image_generation_call.completed",
        "output_item.done",
    ]
    assert items(events)[0] == {
        "type": "image_generation_call",
        "id": events[2]["item"]["id"],
        "status": "completed",
        "result": "aGk=",
        "output_format": "webp",
        "revised_prompt": "A moon",
        "size": "1024x512",
    }
    assert events[2]["item"]["result"] is None


def test_what_a_picture_does_not_say_is_left_out(run: Run) -> None:
    (drawn,) = items(run([Picture("", data="aGk="), END]))
    assert set(drawn) == {"type", "id", "status", "result", "output_format"}


def test_the_blank_line_between_two_messages_is_the_border_of_their_items(run: Run) -> None:
    deltas = [TextDelta("One."), ReasoningDelta("Hm."), TextDelta("\n\n"), TextDelta("Two.")]
    said = items(run([*deltas, Citation(6, 9, "https://u.example", "U"), END]))
    assert [item["content"][0]["text"] for item in said if item["type"] == "message"] == [
        "One.",
        "Two.",
    ]
    note = said[-1]["content"][0]["annotations"][0]
    assert (note["start_index"], note["end_index"]) == (0, 3)


def test_the_document_has_the_same_items_as_the_stream(
    run: Run, dialect: Responses, parse: Parse
) -> None:
    deltas: list[Delta] = [
        Started("gpt-5.5"),
        ReasoningDelta("Hm."),
        ReasoningSealed("s1"),
        TextDelta("One."),
        WebSearch("search", "moons"),
        TextDelta("\n"),
        TextDelta("\nTwo."),
        Picture("", data="aGk="),
        END,
    ]
    streamed = items(run(deltas, **SEALED))
    whole = document(dialect, parse(**SEALED), deltas)["output"]
    nameless = [[{**item, "id": ""} for item in output] for output in (streamed, whole)]
    assert nameless[0] == nameless[1]
    assert len(streamed) == 5


def test_the_effort_in_force_is_echoed(run: Run) -> None:
    events = run(
        [Started("gpt-5.5", effort="xhigh"), TextDelta("Hi"), END], reasoning={"effort": "max"}
    )
    assert events[0]["response"]["reasoning"]["effort"] == "xhigh"
    assert events[-1]["response"]["reasoning"]["effort"] == "xhigh"


def test_the_effort_asked_for_is_echoed_where_the_upstream_is_silent(run: Run) -> None:
    events = run([Started("m"), END], reasoning={"effort": "max", "summary": "auto"})
    assert events[0]["response"]["reasoning"] == {"effort": "max", "summary": "auto"}


def test_words_for_an_upstream_are_passed_on(parse: Parse) -> None:
    prompt = parse(
        text={"verbosity": "low"},
        reasoning={"summary": "detailed", "context": "all_turns"},
        prompt_cache_key="k",
        service_tier="priority",
    ).prompt
    said = prompt.verbosity, prompt.summary, prompt.recall, prompt.cache_key, prompt.service_tier
    assert said == ("low", "detailed", "all_turns", "k", "priority")


def test_thoughts_themselves_have_events_and_a_place_of_their_own(run: Run) -> None:
    deltas = [
        ReasoningDelta("Plan"), ReasoningDelta("H", 1, raw=True), ReasoningDelta("m", 1, raw=True),
        ReasoningDelta("So", 2, raw=True), ReasoningSealed("gA"), TextDelta("Yes."), END,
    ]  # fmt: skip
    events = run(deltas, **SEALED)
    place = {"output_index": 0, "item_id": items(events)[0]["id"]}
    assert [
        {name: event[name] for name in event if name not in {"sequence_number", *place}}
        for event in events
        if event.get("item_id") == place["item_id"]
    ][4:] == [
        {"type": "response.content_part.added", "content_index": 0,
         "part": {"type": "reasoning_text", "text": ""}},
        {"type": "response.reasoning_text.delta", "content_index": 0, "delta": "H"},
        {"type": "response.reasoning_text.delta", "content_index": 0, "delta": "m"},
        {"type": "response.reasoning_text.done", "content_index": 0, "text": "Hm"},
        {"type": "response.content_part.done", "content_index": 0,
         "part": {"type": "reasoning_text", "text": "Hm"}},
        {"type": "response.content_part.added", "content_index": 1,
         "part": {"type": "reasoning_text", "text": ""}},
        {"type": "response.reasoning_text.delta", "content_index": 1, "delta": "So"},
        {"type": "response.reasoning_text.done", "content_index": 1, "text": "So"},
        {"type": "response.content_part.done", "content_index": 1,
         "part": {"type": "reasoning_text", "text": "So"}},
    ]  # fmt: skip
    reasoning = items(events)[0]
    assert reasoning["summary"] == [{"type": "summary_text", "text": "Plan"}]
    assert [part["text"] for part in reasoning["content"]] == ["Hm", "So"]


def test_a_message_says_what_it_is_for(run: Run) -> None:
    events = run([
        MessageBegun("commentary"), TextDelta("One."),
        MessageBegun("final_answer"), TextDelta("\n\n"), TextDelta("Two."), END,
    ])  # fmt: skip
    said = [(item["phase"], item["content"][0]["text"]) for item in items(events)]
    assert said == [("commentary", "One."), ("final_answer", "Two.")]
    added = [event["item"] for event in events if event["type"] == "response.output_item.added"]
    assert [item["phase"] for item in added] == ["commentary", "final_answer"]


def test_of_a_message_that_nobody_told_of_no_phase_is_shown(run: Run) -> None:
    assert all("phase" not in item for item in items(run([TextDelta("One."), END])))


def test_an_item_that_nobody_knows_is_handed_on(run: Run) -> None:
    deltas = [
        TextDelta("One."),
        NativeItem("novelty", '{"type":"novelty","id":"n_1","deep":{"x":[1]}}'),
        NativeItem("novelty", '{"type":"novelty"}'),
        NativeItem("novelty", '{"type":"novelty","id":7}'),
        END,
    ]
    events = run(deltas)
    output = events[-1]["response"]["output"]
    assert output[1] == {"type": "novelty", "id": "n_1", "deep": {"x": [1]}}
    assert [(one["type"], one["id"][:5]) for one in output[2:]] == [("novelty", "item_")] * 2
    assert output[2]["id"] != output[3]["id"]
    assert items(events) == output


def test_an_item_that_nobody_knows_is_told_from_its_beginning_on(run: Run) -> None:
    kind = "response.mcp_call.in_progress"
    told = {"type": kind, "sequence_number": 90, "item_id": "mcp_9", "output_index": 7, "x": [1]}
    events = run(
        [
            TextDelta("One."),
            NativeBegun(0, "mcp_call", '{"type":"mcp_call","id":"mcp_9","status":"in_progress"}'),
            NativeProgress(0, kind, json.dumps(told)),
            NativeProgress(5, kind, json.dumps(told)),
            TextDelta("Two."),
            NativeItem("mcp_call", '{"type":"mcp_call","id":"mcp_9","status":"completed"}', 0),
            NativeProgress(0, kind, json.dumps(told)),
            TextDelta(" Three."),
            END,
        ]
    )
    (progress,) = [event for event in events if event["type"] == kind]
    number = events.index(progress)
    assert progress == told | {"sequence_number": number, "output_index": 1}
    assert types(events)[number - 1] == "output_item.added"
    said = [item["content"][0]["text"] for item in items(events) if item["type"] == "message"]
    assert said == ["One.", "Two. Three."], "what is said meanwhile stays one message"
    output = events[-1]["response"]["output"]
    assert [one["id"] for one in output][1] == "mcp_9"
    assert output[1]["status"] == "completed"


def test_an_item_keeps_the_name_that_it_began_with(run: Run) -> None:
    kind = "response.mcp_call.in_progress"
    events = run(
        [
            NativeBegun(0, "mcp_call", '{"type":"mcp_call"}'),
            NativeProgress(0, kind, json.dumps({"type": "other", "output_index": 3})),
            NativeItem("mcp_call", '{"type":"mcp_call","id":"mcp_late"}', 0),
            END,
        ]
    )
    (name,) = {one["id"] for one in items(events)}
    assert name.startswith("item_")
    assert [event["item_id"] for event in events if event["type"] == kind] == [name]


def test_one_that_never_ends_is_incomplete_and_of_a_failed_answer_left_out(
    run: Run, encoder: Callable[..., Any], events: Callable[[bytes], list[Json]]
) -> None:
    begun = [
        NativeBegun(0, "mcp_call", '{"type":"mcp_call","id":"a","status":"in_progress"}'),
        NativeBegun(1, "novelty", '{"type":"novelty","id":"b"}'),
    ]
    first, second = run([*begun, END])[-1]["response"]["output"]
    assert (first["status"], "status" in second) == ("incomplete", False)
    broken = encoder()
    broken.feed([Started("m"), *begun])
    last = events(broken.fail(Problem(Kind.CUT, "It broke off.", step="stream")))[-1]
    assert last["response"]["output"] == []


def test_the_document_has_it_as_well(dialect: Responses, parse: Parse) -> None:
    deltas: list[Delta] = [
        ReasoningDelta("Hm", raw=True),
        MessageBegun("final_answer"),
        TextDelta("One."),
        NativeItem("novelty", '{"type":"novelty","id":"n_1"}'),
        END,
    ]
    reasoning, message, novelty = document(dialect, parse(), deltas)["output"]
    assert reasoning["content"] == [{"type": "reasoning_text", "text": "Hm"}]
    assert (message["phase"], novelty["id"]) == ("final_answer", "n_1")


def test_thoughts_that_break_off_are_shown_as_far_as_they_came(
    encoder: Callable[..., Any], events: Callable[[bytes], list[Json]]
) -> None:
    broken = encoder()
    broken.feed([Started("m"), ReasoningDelta("Hm", raw=True)])
    last = events(broken.fail(Problem(Kind.CUT, "It broke off.", step="stream")))[-1]
    (reasoning,) = last["response"]["output"]
    assert reasoning["content"] == [{"type": "reasoning_text", "text": "Hm"}]
