"""What an upstream with tools and thinking of its own tells: sealed reasoning, searches, pictures,
several messages, the effort in force; and what it is told."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from chat2api_core.dialects.base import Head
from chat2api_core.dialects.responses import Responses, ResponsesRequest
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    Citation,
    Delta,
    Finished,
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
        reasoning={"summary": "detailed"},
        prompt_cache_key="k",
        service_tier="priority",
    ).prompt
    said = prompt.verbosity, prompt.summary, prompt.cache_key, prompt.service_tier
    assert said == ("low", "detailed", "k", "priority")
