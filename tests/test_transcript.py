"""The fold of an answer."""

from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Citation,
    Delta,
    Finished,
    MessageBegun,
    NativeItem,
    Picture,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCall,
)

ANSWER: list[Delta] = [
    Started("m", "c"),
    ReasoningDelta("Hm", 0),
    ReasoningDelta("m.", 0),
    ReasoningDelta("So", 1),
    TextDelta("He"),
    TextDelta("llo"),
    Citation(0, 5, "https://a.example", "A"),
    CallStarted(0, "call_1", "f"),
    CallDelta(0, "{"),
    CallStarted(1, "call_2", "g"),
    CallDelta(0, "}"),
    CallDelta(1, "[]"),
    CallEnded(0),
    CallEnded(1),
    Picture("sediment://file_1"),
    TextDelta("!"),
    RefusalDelta("But "),
    RefusalDelta("no."),
    TextDelta("?"),
    RefusalDelta("No."),
    Finished("tool_calls"),
]


def fold(deltas: list[Delta]) -> Transcript:
    transcript = Transcript()
    for delta in deltas:
        transcript.feed(delta)
    return transcript


def test_everything_is_found_again() -> None:
    transcript = fold(ANSWER)

    assert transcript.text == "Hello!?"
    assert transcript.refusal == "But no.No."
    assert transcript.reasoning == ("Hmm.", "So")
    assert transcript.calls == (ToolCall("call_1", "f", "{}"), ToolCall("call_2", "g", "[]"))
    assert transcript.citations == [Citation(0, 5, "https://a.example", "A")]
    assert transcript.pictures == [Picture("sediment://file_1")]
    assert transcript.started == Started("m", "c")
    assert transcript.finished == Finished("tool_calls")


def test_an_empty_one_has_nothing() -> None:
    transcript = Transcript()

    assert (transcript.text, transcript.reasoning, transcript.calls) == ("", (), ())
    assert transcript.refusal == ""
    assert list(transcript.deltas) == []


def test_what_is_learned_of_the_beginning_later_parts_nothing() -> None:
    begun = Started("m", "c", message_id="m-1")
    transcript = fold([Started("m", "c"), TextDelta("Hel"), begun, TextDelta("lo")])

    assert transcript.started == begun
    assert list(transcript.deltas) == [Started("m", "c"), TextDelta("Hello")]


def test_neighbours_are_joined_and_the_order_is_kept() -> None:
    assert list(fold(ANSWER).deltas) == [
        Started("m", "c"),
        ReasoningDelta("Hmm.", 0),
        ReasoningDelta("So", 1),
        TextDelta("Hello"),
        Citation(0, 5, "https://a.example", "A"),
        CallStarted(0, "call_1", "f"),
        CallDelta(0, "{"),
        CallStarted(1, "call_2", "g"),
        CallDelta(0, "}"),
        CallDelta(1, "[]"),
        CallEnded(0),
        CallEnded(1),
        Picture("sediment://file_1"),
        TextDelta("!"),
        RefusalDelta("But no."),
        TextDelta("?"),
        RefusalDelta("No."),
        Finished("tool_calls"),
    ]


@given(st.lists(st.sampled_from(ANSWER)))
def test_folding_the_fold_changes_nothing(deltas: list[Delta]) -> None:
    known: list[Delta] = [CallStarted(0, "call_1", "f"), CallStarted(1, "call_2", "g"), *deltas]
    once = fold(known)
    twice = fold(list(once.deltas))

    assert list(twice.deltas) == list(once.deltas)
    assert twice.text == once.text
    assert twice.refusal == once.refusal
    assert twice.reasoning == once.reasoning
    assert twice.calls == once.calls


def test_messages_thoughts_and_items_of_their_own_stay_apart() -> None:
    deltas: list[Delta] = [
        ReasoningDelta("Hm", 0),
        ReasoningDelta("Hm", 0, raw=True),
        MessageBegun("commentary"),
        TextDelta("One."),
        NativeItem("novelty", "{}"),
        MessageBegun("final_answer"),
        TextDelta("Two."),
    ]
    transcript = Transcript()
    for delta in deltas:
        transcript.feed(delta)
    assert list(transcript.deltas) == deltas
    assert transcript.text == "One.Two."
