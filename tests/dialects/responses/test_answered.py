"""An answer as the messages with which a later turn goes on from it."""

import pytest

from chat2api_core.dialects.responses.answered import messages_of
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Citation,
    Delta,
    Finished,
    Image,
    Message,
    MessageBegun,
    Native,
    NativeItem,
    Part,
    Picture,
    Reasoning,
    ReasoningDelta,
    ReasoningSealed,
    RefusalDelta,
    Started,
    Text,
    TextDelta,
    ToolCall,
)

END = Finished("stop")


def folded(*deltas: Delta) -> Transcript:
    transcript = Transcript()
    for delta in deltas:
        transcript.feed(delta)
    return transcript


CASES: list[tuple[str, list[Delta], list[Part]]] = [
    ("nothing at all", [], []),
    ("text", [TextDelta("Hel"), TextDelta("lo")], [Text("Hello")]),
    ("a refusal", [RefusalDelta("No.")], [Text("No.")]),
    (
        "thinking that is sealed comes first, section by section",
        [
            ReasoningDelta("Pl"), ReasoningDelta("an"), ReasoningDelta("Do", 1),
            ReasoningSealed("gA", "rs_1"), TextDelta("Yes."),
        ],
        [Reasoning("rs_1", ("Plan", "Do"), "gA"), Text("Yes.")],
    ),
    (
        "thinking that is not sealed is left out, and not taken for the next one's",
        [ReasoningDelta("Hm."), TextDelta("Yes."), ReasoningDelta("So"), ReasoningSealed("gB")],
        [Text("Yes."), Reasoning("", ("So",), "gB")],
    ),
    (
        "nor is it when a call comes between",
        [ReasoningDelta("Hm."), CallStarted(0, "c", "f"), CallDelta(0, "{}"), CallEnded(0),
         ReasoningSealed("gC")],
        [ToolCall("c", "f", "{}"), Reasoning("", (), "gC")],
    ),
    (
        "what was said stands in its order",
        [
            ReasoningSealed("g1"), TextDelta("Let me look."), ReasoningSealed("g2"),
            CallStarted(0, "c1", "f", namespace="s"), CallDelta(0, "{"), CallDelta(0, "}"),
            CallEnded(0), CallStarted(1, "c2", "p", "custom"), CallDelta(1, "x"), CallEnded(1),
        ],
        [
            Reasoning("", (), "g1"), Text("Let me look."), Reasoning("", (), "g2"),
            ToolCall("c1", "f", "{}", namespace="s"), ToolCall("c2", "p", "x", "custom"),
        ],
    ),
    (
        "a call that was cut off is left out",
        [TextDelta("One"), CallStarted(0, "c1", "f"), CallDelta(0, "{")],
        [Text("One")],
    ),
    (
        "two messages in a row keep the blank line between them",
        [TextDelta("One."), TextDelta("\n\n"), TextDelta("Two.")],
        [Text("One.\n\nTwo.")],
    ),
    (
        "thinking between them that is not handed back changes nothing",
        [TextDelta("One."), ReasoningDelta("Hm."), TextDelta("\n\nTwo.")],
        [Text("One.\n\nTwo.")],
    ),
    (
        "two messages that stand apart need none",
        [TextDelta("One."), ReasoningSealed("g"), TextDelta("\n\n"), TextDelta("Two.")],
        [Text("One."), Reasoning("", (), "g"), Text("Two.")],
    ),
    ("a blank line alone is nothing", [TextDelta("One."), ReasoningSealed("g"), TextDelta("\n\n")],
     [Text("One."), Reasoning("", (), "g")]),
    (
        "a source stays with its words, wherever they stand by then",
        [
            TextDelta("One [a]."), Citation(4, 7, "https://a/", "A"), ReasoningSealed("g"),
            TextDelta("\n\n"), TextDelta("Two [b]."), Citation(14, 17, "https://b/", "B"),
        ],
        [
            Text("One [a].", (Citation(4, 7, "https://a/", "A"),)), Reasoning("", (), "g"),
            Text("Two [b].", (Citation(4, 7, "https://b/", "B"),)),
        ],
    ),
    (
        "words behind a source leave it where it is",
        [TextDelta("[a]"), Citation(0, 3, "u", ""), TextDelta(" and"), TextDelta(" so on.")],
        [Text("[a] and so on.", (Citation(0, 3, "u", ""),))],
    ),
    (
        "a source that comes too late, or before any words, is left out",
        [
            Citation(0, 0, "u", ""), TextDelta("[a]"), ReasoningSealed("g"),
            Citation(0, 3, "u", ""), TextDelta("x"), Citation(0, 3, "u", ""),
        ],
        [Text("[a]"), Reasoning("", (), "g"), Text("x")],
    ),
    ("a first blank line is text", [ReasoningSealed("g"), TextDelta("\nOne")],
     [Reasoning("", (), "g"), Text("\nOne")]),
]  # fmt: skip


@pytest.mark.parametrize(("deltas", "parts"), [case[1:] for case in CASES],
                         ids=[case[0] for case in CASES])  # fmt: skip
def test_what_is_handed_back(deltas: list[Delta], parts: list[Part]) -> None:
    expected = (Message("assistant", tuple(parts)),) if parts else ()
    assert messages_of(folded(Started("m"), *deltas, END)) == expected


def test_a_picture_is_shown_again_by_the_user() -> None:
    drawn = Picture("", data="aGk=", format="webp")
    elsewhere = Picture("sediment://file_1")
    said, shown = messages_of(folded(TextDelta("Here."), drawn, elsewhere, END))

    assert said == Message("assistant", (Text("Here."),))
    assert shown.role == "user"
    assert shown.parts[0] == Image("data:image/webp;base64,aGk=", drawn=True)


def test_messages_that_are_told_apart_stay_apart() -> None:
    native = NativeItem("mcp_call", '{"type":"mcp_call"}')
    transcript = folded(
        ReasoningDelta("Hm", 0, raw=True), ReasoningDelta("So"), ReasoningSealed("g"),
        MessageBegun("commentary"), TextDelta("One."), native,
        MessageBegun("final_answer"), TextDelta("\n\n"), TextDelta("Two."), END,
    )  # fmt: skip
    assert messages_of(transcript) == (
        Message(
            "assistant",
            (
                Reasoning("", ("So",), "g"),
                Text("One."),
                Native("mcp_call", '{"type":"mcp_call"}'),
            ),
            phase="commentary",
        ),
        Message("assistant", (Text("Two."),), phase="final_answer"),
    )
