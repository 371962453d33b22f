"""What each step of a reply becomes in the stream."""

from typing import Any

import pytest

from chat2api_core.emulator import (
    Aside,
    Canvas,
    Cite,
    Code,
    Emulator,
    Fail,
    Frame,
    Hidden,
    Image,
    Moderated,
    OldThought,
    Ping,
    Quote,
    Reply,
    Say,
    Search,
    Source,
    Stop,
    Think,
    ToolError,
    Typed,
)
from tests.emulator.browser import (
    Browser,
    events_of,
    first_id,
    kinds_of,
    messages_of,
    said_by,
    told_of,
)

MOON = Source("https://moons.example/titan", "Titan", "A big moon.")


def test_the_steps_of_the_rich_example_make_its_messages(
    emulator: Emulator, browser: Browser
) -> None:
    emulator.script.push(
        Reply(
            (
                Think("Planning", ("First I compute, ", "then I search.")),
                Code(("print(6*", "7)"), "42\n"),
                Search("moons of saturn", (MOON,)),
                Say(("Titan is the largest ",)),
                Cite(),
                Say((".",)),
                Canvas("moons", "# Moons"),
                Image("sediment://file_0000abcd", "A moon"),
            )
        )
    )
    stream = browser.ask().body
    made = list(messages_of(stream).values())[2:]

    thoughts, call, output, search, text, draft, canvas, image = made
    assert thoughts["content"]["thoughts"] == [
        {"summary": "Planning", "content": "First I compute, then I search."}
    ]
    assert (thoughts["channel"], thoughts["status"]) == ("analysis", "finished_successfully")
    assert (call["recipient"], call["content"]["text"]) == ("python", "print(6*7)")
    assert call["end_turn"] is False
    assert output["author"]["name"] == "python"
    assert output["content"] == {"content_type": "execution_output", "text": "42\n"}
    run = output["metadata"]["aggregate_result"]
    assert run["code"] == "print(6*7)"
    assert run["messages"] == [{"message_type": "stream", "stream_name": "stdout", "text": "42\n"}]
    assert search["recipient"] == "web.run"
    assert search["content"]["text"] == '{"search_query":[{"q":"moons of saturn"}]}'
    check_citation(text)
    assert draft["recipient"] == "canmore.create_textdoc"
    assert draft["content"]["text"] == '{"name":"moons","type":"document","content":"# Moons"}'
    assert canvas["metadata"]["canvas"]["title"] == "moons"
    assert canvas["recipient"] == "assistant"
    (pointer,) = image["content"]["parts"]
    assert pointer["asset_pointer"] == "sediment://file_0000abcd"
    assert image["metadata"]["async_task_type"] == "image_gen"
    ste = told_of(stream, "server_ste_metadata")["metadata"]
    assert (ste["tool_invoked"], ste["tool_name"]) == (True, "python")


def check_citation(text: Any) -> None:
    """The worked citation, at its worked place."""
    mark = "\ue200cite\ue202turn0search0\ue201"
    assert text["content"]["parts"] == [f"Titan is the largest {mark}."]
    (reference,) = text["metadata"]["content_references"]
    assert (reference["start_idx"], reference["end_idx"]) == (21, 40)
    assert reference["matched_text"] == mark
    assert reference["alt"] == "([moons.example](https://moons.example/titan))"
    entry = text["metadata"]["search_result_groups"][0]["entries"][0]
    assert entry["ref_id"] == {"turn_index": 0, "ref_type": "search", "ref_index": 0}


def test_old_citations_carry_their_places(emulator: Emulator, browser: Browser) -> None:
    emulator.script.push(
        Reply((Search("m", (MOON, MOON)), Say(("Ab",)), Cite((0, 1), "old"), Say((".",))))
    )
    told = list(messages_of(browser.ask().body).values())[-1]
    text = told["content"]["parts"][0]
    assert text == "Ab\u30100\u2020source\u3011\u30101\u2020source\u3011."
    citations = told["metadata"]["citations"]
    marks = [text[one["start_ix"] : one["end_ix"]] for one in citations]
    assert marks == ["\u30100\u2020source\u3011", "\u30101\u2020source\u3011"]
    assert citations[0]["metadata"] == {
        "type": "webpage",
        "url": MOON.url,
        "title": "Titan",
        "text": "A big moon.",
    }


def test_new_citations_count_code_points_and_may_be_cut(
    emulator: Emulator, browser: Browser
) -> None:
    emulator.script.push(
        Reply((Search("m", (MOON, MOON)), Say(("\U0001f600\u00fc ",)), Cite((0, 1), cut=True)))
    )
    stream = browser.ask().body
    told = list(messages_of(stream).values())[-1]
    text = told["content"]["parts"][0]
    (reference,) = told["metadata"]["content_references"]
    assert reference["start_idx"] == 3
    assert text[reference["start_idx"] : reference["end_idx"]] == reference["matched_text"]
    assert len(reference["items"]) == 2
    assert [
        e["v"] for e in events_of(stream) if isinstance(e, dict) and isinstance(e.get("v"), str)
    ][1].startswith("\ue200cite")


@pytest.mark.parametrize(
    ("reason", "details"),
    [
        ("stop", {"type": "stop", "stop_tokens": [200002]}),
        ("interrupted", {"type": "interrupted"}),
        ("content_filter", {"type": "content_filter"}),
        ("max_tokens", {"type": "max_tokens"}),
    ],
)
def test_a_stop_tells_its_reason(
    emulator: Emulator, browser: Browser, reason: Any, details: Any
) -> None:
    emulator.script.push(Reply((Say(("Half",)), Stop(reason))))
    stream = browser.ask().body
    told = list(messages_of(stream).values())[-1]
    assert told["metadata"]["finish_details"] == details
    assert "message_stream_complete" in kinds_of(stream)


def test_a_moderation_verdict_names_the_message(emulator: Emulator, browser: Browser) -> None:
    emulator.script.push(Reply((Say(("Bad",)), Moderated())))
    stream = browser.ask(v1=False).body
    verdict = told_of(stream, "moderation")
    assert verdict["moderation_response"]["blocked"] is True
    assert verdict["is_completion"] is True
    assert verdict["message_id"] == list(messages_of(stream))[-1]


SORRY = "Something went wrong while generating the response."


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (Fail(), {"message": None, "error": SORRY}),
        (
            Fail("No", "rate_limited", "object"),
            {"message": None, "error": {"message": "No", "code": "rate_limited"}},
        ),
        (Fail("No", form="typed"), {"type": "error", "error": "No"}),
        (
            Fail("No", "bad", "typed"),
            {"type": "error", "error": {"message": "No", "code": "bad"}},
        ),
    ],
)
@pytest.mark.parametrize("v1", [True, False])
def test_an_error_in_the_stream_ends_it_without_a_good_end(
    emulator: Emulator, browser: Browser, step: Fail, told: Any, v1: bool
) -> None:
    emulator.script.push(Reply((Say(("Half", "way")), step, Say(("never",)))))
    stream = browser.ask(v1=v1).body
    events = events_of(stream)
    assert events[-2] == {**told, "conversation_id": first_id(stream)}
    assert events[-1] == "[DONE]"
    assert "message_stream_complete" not in kinds_of(stream)
    assert said_by(stream) == "Halfway"


@pytest.mark.parametrize("v1", [True, False])
def test_an_error_may_come_as_a_document(emulator: Emulator, browser: Browser, v1: bool) -> None:
    emulator.script.push(Reply((Fail("No", "overloaded", "snapshot"),)))
    event = events_of(browser.ask(v1=v1).body)[-2]
    document = event["v"] if v1 else event
    assert (document["message"], document["error"]) == (None, "No")
    assert document["error_code"] == "overloaded"


def test_special_messages_have_their_forms(emulator: Emulator, browser: Browser) -> None:
    emulator.script.push(
        Reply(
            (
                OldThought(("Adding",)),
                Aside(("Look",), preamble=True),
                Aside(("old",), ""),
                Quote(MOON, "Big."),
                ToolError("No luck."),
                Hidden("me", "user", "user_editable_context"),
                Hidden("you", "assistant", "model_editable_context"),
                Code((), "", "file-service://file-plot"),
            )
        )
    )
    told = list(messages_of(browser.ask().body).values())[2:]
    thought, note, plain, quote, error, profile, memory, _, output = told
    assert thought["author"]["role"] == "tool"
    assert thought["metadata"]["initial_text"] == "Thinking"
    assert thought["metadata"]["finished_text"] == "Thought for 5 seconds"
    assert note["channel"] == "commentary"
    assert note["metadata"]["is_thinking_preamble_message"] is True
    assert plain["channel"] is None
    assert quote["content"]["domain"] == "moons.example"
    assert error["content"]["content_type"] == "system_error"
    assert profile["content"]["user_profile"] == "me"
    assert memory["content"]["model_set_context"] == "you"
    (picture,) = output["metadata"]["aggregate_result"]["messages"]
    assert picture["image_url"] == "file-service://file-plot"


def test_thinking_may_end_with_a_recap(emulator: Emulator, browser: Browser) -> None:
    emulator.script.push(Reply((Think("A", recap=7), Say(("Done.",)))))
    _, _, thoughts, recap, _ = messages_of(browser.ask().body).values()
    assert thoughts["content"]["thoughts"] == [{"summary": "A", "content": ""}]
    assert recap["content"] == {"content_type": "reasoning_recap", "content": "Thought for 7s"}
    assert recap["metadata"]["finished_duration_sec"] == 7


def test_anything_may_be_put_into_a_stream(emulator: Emulator, browser: Browser) -> None:
    status = {"type": "conversation_async_status", "async_status": 2}
    emulator.script.push(
        Reply((Say(("a", "b")), Typed(status), Frame("retry: 5\n\n"), Ping(), Say(("c",))))
    )
    stream = browser.ask().body
    assert "conversation_async_status" in kinds_of(stream)
    assert b"\n\nretry: 5\n\n" in stream
    assert b"\n\n: ping - 1787300000\n\n" in stream
    assert said_by(stream) == "abc"


def test_another_model_may_answer_and_says_so(emulator: Emulator, browser: Browser) -> None:
    emulator.script.push(Reply((Say(("Hi",)),), model="gpt-5-6-t-mini"))
    stream = browser.ask(model="gpt-5-6").body
    ste = told_of(stream, "server_ste_metadata")
    assert ste["metadata"]["model_slug"] == "gpt-5-6-t-mini"
    assert list(messages_of(stream).values())[-1]["metadata"]["model_slug"] == "gpt-5-6-t-mini"


@pytest.mark.parametrize(
    ("wanted", "answering"),
    [("auto", "gpt-5-5"), ("gpt-5-6-pro", "gpt-5-6-pro"), ("gpt-99", "gpt-5-5")],
)
def test_an_unknown_model_is_replaced(browser: Browser, wanted: str, answering: str) -> None:
    told = list(messages_of(browser.ask(model=wanted).body).values())[-1]
    assert told["metadata"]["model_slug"] == answering
