"""The reader over several bodies, on odd messages, and against garbage."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import (
    Citation,
    Delta,
    Finished,
    Picture,
    ReasoningDelta,
    Started,
    TextDelta,
)
from chat2api_core.upstreams.chatgpt_web.content import Form, form_of
from chat2api_core.upstreams.chatgpt_web.notice import Handoff
from chat2api_core.upstreams.chatgpt_web.reader import Reader
from chat2api_core.wire.sse import Event

DONE = Event("", b"[DONE]")
Json = dict[str, object]


def event(frame: object, name: str = "") -> Event:
    return Event(name, json.dumps(frame).encode())


def change(**frame: object) -> Event:
    return event(frame, "delta")


def message(
    message_id: str = "m-a", text: str = "", role: str = "assistant", **more: object
) -> Json:
    """A whole message of text, as the upstream has it."""
    return {
        "message": {
            "id": message_id,
            "author": {"role": role},
            "content": {"content_type": "text", "parts": [text]},
            "status": "in_progress",
            "recipient": "all",
            "metadata": {},
            **more,
        },
        "conversation_id": "conv-1",
    }


def opened(document: Json, cursor: int = 0) -> Event:
    return change(p="", o="add", v=document, c=cursor)


def append(text: str) -> Event:
    return change(p="/message/content/parts/0", o="append", v=text)


def more(text: str) -> Event:
    return change(v=text)


def stopped(kind: str) -> Event:
    return change(p="/message/metadata", o="append", v={"finish_details": {"type": kind}})


def read(reader: Reader, *events: Event) -> list[Delta]:
    return [delta for one in events for delta in reader.feed(one)]


def text(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def thinking(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, ReasoningDelta))


def answer(*events: Event, **options: Any) -> list[Delta]:
    """All deltas of an answer in one body; options are those of a reader."""
    reader = Reader(**options)
    return [*read(reader, *events), *reader.close()]


def failure(*events: Event) -> Problem:
    with pytest.raises(Problem) as caught:
        answer(*events)
    return caught.value


# ------------------------------------------------------------------------------- several bodies

HANDOFF = event(
    {
        "type": "stream_handoff",
        "conversation_id": "conv-3",
        "turn_exchange_id": "turn-9",
        "options": [{"type": "resume_sse_endpoint", "topic_id": "topic-9"}],
    }
)


def test_a_handed_off_stream_goes_on_in_a_new_body() -> None:
    reader = Reader()
    token = event({"type": "resume_conversation_token", "token": "demo", "kind": "topic"})
    begun = read(reader, token, opened(message()), append("Io, "), more("Eu"), HANDOFF, DONE)
    assert text(begun) == "Io, Eu"
    assert reader.handoff == Handoff("conv-3", "turn-9", "topic-9", resume=True)
    assert (reader.resume_token, reader.events_seen, reader.finished) == ("demo", 5, None)
    assert reader.close() == []
    reader.resume()
    rest = read(reader, more("ropa"), DONE)
    assert text(rest) == "ropa"
    assert rest[-1] == Finished("stop", "conv-3", "m-a")
    assert reader.close() == []


def test_a_stream_that_is_played_from_its_beginning_repeats_nothing() -> None:
    reader = Reader()
    begun = read(reader, opened(message()), append("Io, "), more("Eu"))
    with pytest.raises(Problem) as caught:
        reader.close()
    assert caught.value.kind is Kind.CUT
    reader.resume()
    rest = read(
        reader, opened(message()), append("Io, "), more("Eu"), more("ropa"), more("."), DONE
    )
    assert text(begun + rest) == "Io, Europa."


def test_a_hand_off_without_the_option_to_resume_says_so() -> None:
    reader = Reader()
    options = [{"type": "subscribe_ws_topic", "topic_id": "topic-1"}]
    read(reader, event({"type": "stream_handoff", "options": options}))
    assert reader.handoff == Handoff("", "", "topic-1", resume=False)
    read(reader, event({"type": "stream_handoff", "turn_exchange_id": "turn-2", "options": None}))
    assert reader.handoff == Handoff("", "turn-2", "conversation-turn-turn-2", resume=False)


def test_an_answer_that_is_whole_in_spite_of_a_hand_off_is_finished() -> None:
    over = change(p="/message/end_turn", o="replace", v=True)
    deltas = answer(HANDOFF, opened(message()), append("Io"), over, DONE)
    assert deltas[-1] == Finished("stop", "conv-1", "m-a")
    complete = event({"type": "message_stream_complete"})
    assert text(answer(HANDOFF, opened(message()), append("Io"), complete)) == "Io"
    reader = Reader()
    assert read(reader, HANDOFF, complete) == []
    assert reader.finished is None


def test_an_answer_that_stopped_for_length_waits_for_the_decision() -> None:
    reader = Reader()
    deltas = read(reader, opened(message()), append("Io"), stopped("max_tokens"), DONE)
    assert not any(isinstance(delta, Finished) for delta in deltas)
    assert reader.finished == Finished("length", "conv-1", "m-a")
    assert read(reader, more("ignored"), DONE) == []
    assert reader.close() == [Finished("length", "conv-1", "m-a")]
    assert reader.close() == []


def test_a_continued_answer_goes_on_without_a_break() -> None:
    reader = Reader()
    begun = read(
        reader,
        opened(message()),
        append("Io is \ue200cite\ue202turn0se"),
        stopped("max_tokens"),
        DONE,
    )
    reader.extend()
    assert reader.events_seen == 0
    groups = [
        {
            "entries": [
                {
                    "url": "https://io.example/",
                    "title": "Io",
                    "ref_id": {"turn_index": 0, "ref_type": "search", "ref_index": 1},
                }
            ]
        }
    ]
    rest = read(
        reader,
        opened(message("m-b", metadata={"search_result_groups": groups})),
        append("arch1\ue201 hot"),
        more("."),
        opened(message("m-c"), 1),
        append("Another."),
        DONE,
    )
    assert text(begun + rest) == "Io is ([io.example](https://io.example/)) hot.\n\nAnother."
    assert Citation(6, 41, "https://io.example/", "Io") in rest
    assert rest[-1] == Finished("stop", "conv-1", "m-c")


def test_a_continuation_under_the_same_message_goes_on_as_well() -> None:
    reader = Reader()
    begun = read(reader, opened(message()), append("Io is"), stopped("max_tokens"), DONE)
    reader.extend()
    # The whole text so far once more, then its rest, then an unrelated message.
    rest = read(reader, opened(message(text="Io is")), append(" hot."), opened(message("m-b"), 1))
    rest += read(reader, append("Really."), DONE)
    assert text(begun + rest) == "Io is hot.\n\nReally."


def test_a_continuation_that_begins_anew_under_the_same_message_goes_on_too() -> None:
    reader = Reader()
    begun = read(reader, event(message(text="Io is", metadata={"finish_details": {
        "type": "max_tokens"}})), DONE)  # fmt: skip
    reader.extend()
    rest = read(reader, event(message(text=" hot.")), DONE)
    assert text(begun + rest) == "Io is hot."


def test_code_that_was_cut_for_length_is_closed_before_the_continuation() -> None:
    reader = Reader()
    call = message("m-1", "print(", recipient="python")
    begun = read(reader, opened(call), stopped("max_tokens"), DONE)
    reader.extend()
    rest = read(reader, opened(message("m-2", "1)", recipient="python")), DONE)
    assert text(begun + rest) == "```python\nprint(\n```\n\n```python\n1)\n```"


# ------------------------------------------------------------------------------ odd but harmless


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("stop", "stop"), ("interrupted", "stop"), ("unknown", "stop"), ("max_tokens", "length"),
     ("content_filter", "content_filter")],
)  # fmt: skip
def test_a_turn_ends_for_a_reason(kind: str, reason: str) -> None:
    last = answer(opened(message(text="Io")), stopped(kind), DONE)[-1]
    assert isinstance(last, Finished)
    assert last.reason == reason


def test_only_the_last_message_says_why_the_turn_ended() -> None:
    deltas = answer(
        opened(message("m-1", "Io"), 0),
        opened(message("m-2", "Titan"), 1),
        change(c=0, p="/message/metadata/finish_details", o="add", v={"type": "max_tokens"}),
        DONE,
    )
    assert deltas[-1] == Finished("stop", "conv-1", "m-2")


def test_the_model_is_known_from_the_notice_or_a_hidden_message() -> None:
    notice = event({"type": "server_ste_metadata", "metadata": {"model_slug": "gpt-5-5"}})
    said = event(message(text="Io"))
    assert answer(notice, said, DONE)[0] == Started("gpt-5-5", "conv-1", message_id="m-a")
    hidden = event(message("h", weight=0, metadata={"model_slug": "gpt-5-mini"}))
    assert answer(hidden, said, DONE)[0] == Started("gpt-5-mini", "conv-1", message_id="m-a")


def test_the_message_of_an_answer_is_told_once_more_where_thinking_came_first() -> None:
    thought = event(message("m-t", "Hm.", channel="analysis"))
    texts = [event(message(name, "Io")) for name in ("m-a", "m-b")]
    out = answer(thought, *texts, DONE)
    told = [delta.message_id for delta in out if isinstance(delta, Started)]
    assert told == ["m-t", "m-a"]
    assert out[-1] == Finished("stop", "conv-1", "m-b")


def test_a_question_that_is_blocked_at_once_is_filtered() -> None:
    blocked = event({"type": "moderation", "moderation_response": {"blocked": True}})
    flagged = event({"type": "moderation", "moderation_response": {"flagged": True}})
    assert answer(flagged, blocked) == [Started(), Finished("content_filter")]


SENT = frozenset({"Yes."})


def test_an_answer_that_repeats_the_history_at_once_is_not_lost() -> None:
    done = "finished_successfully"
    echo = event(message("h", "Yes.", status=done))
    real = event(message("m-a", "Yes.", status=done))
    assert text(answer(echo, real, DONE, sent_texts=SENT)) == "Yes."
    # Updates of an echo are echoes; the answer that comes in pieces is not.
    live = [event(message("m-a", part)) for part in ("Y", "Yes.")]
    assert text(answer(echo, echo, *live, DONE, sent_texts=SENT)) == "Yes."
    assert text(answer(echo, event(message("m-a", "No.", status=done)), DONE, sent_texts=SENT)) == (
        "No."
    )


def test_an_empty_answer_is_an_answer() -> None:
    assert answer(opened(message()), DONE) == [
        Started("", "conv-1", message_id="m-a"),
        Finished("stop", "conv-1", "m-a"),
    ]


def test_words_with_all_their_keys_are_read_like_bare_ones() -> None:
    path = "/message/content/parts/0"
    spelled = [change(c=0, p=path, o="append", v=word) for word in ("Io", ", ", "Titan")]
    elsewhere = change(c=0, p="/message/metadata/x", o="append", v="no")
    assert text(answer(opened(message()), *spelled, elsewhere, more("no"), append("."), DONE)) == (
        "Io, Titan."
    )


def test_a_notice_with_a_value_is_no_word() -> None:
    notice = event({"type": "experiment", "v": "no"})
    assert text(answer(opened(message()), append("Io"), notice, more("!"), DONE)) == "Io!"


def test_a_message_that_changes_its_form_goes_on_in_the_other() -> None:
    deltas = answer(
        opened(message()),
        append("Hm, "),
        change(p="/message/channel", o="replace", v="analysis"),
        append("let me see"),
        DONE,
    )
    assert text(deltas) == "Hm, "
    assert thinking(deltas) == "let me see"


def test_parts_of_a_message_are_paragraphs_and_pictures() -> None:
    part = {
        "content_type": "image_asset_pointer",
        "asset_pointer": "file-service://file-1",
        "width": True,
        "height": "tall",
    }
    parts = ["One.", part, "Two.\n", "Three.", {"content_type": "audio"}, 7, ""]
    content = {"content_type": "multimodal_text", "parts": parts}
    deltas = answer(event(message(content=content, status="done")), DONE)
    assert text(deltas) == "One.\n\nTwo.\n\nThree."
    assert Picture("file-service://file-1", 1, 0) in deltas


def test_a_picture_that_is_never_said_to_be_finished_comes_at_the_end() -> None:
    part = {"content_type": "image_asset_pointer", "asset_pointer": "sediment://file_1"}
    content = {"content_type": "multimodal_text", "parts": [part, {**part, "asset_pointer": "x"}]}
    drawn = event(message("im", role="tool", content=content))
    empty = event(message("im2", role="tool", content={"content_type": "multimodal_text"}))
    assert answer(drawn, empty, DONE)[1:] == [
        Picture("sediment://file_1"),
        Finished("stop", "conv-1", "im2"),
    ]


def test_a_failure_without_words_shows_its_name() -> None:
    content = {"content_type": "system_error", "name": "ToolError", "text": ""}
    assert text(answer(event(message(role="tool", content=content)), DONE)) == "ToolError"


def test_thoughts_without_a_heading_or_out_of_order_keep_their_sections() -> None:
    def thoughts(*entries: Json) -> Event:
        return event(message("t", content={"content_type": "thoughts", "thoughts": [*entries]}))

    deltas = answer(
        thoughts({"content": "one 【1†a】\ue200x\ue201"}),
        thoughts({"content": "one 【1†a】\ue200x\ue201"}, {"summary": "Two", "content": "【2"}),
        event(message(text="Io")),
        DONE,
    )
    assert [(d.text, d.part) for d in deltas if isinstance(d, ReasoningDelta)] == [
        ("one ", 0),
        ("Two", 1),
        ("\n\n【2", 1),
    ]


def test_code_to_everybody_has_its_own_language() -> None:
    content = {"content_type": "code", "language": "rust", "text": "fn main() {}"}
    assert text(answer(event(message(content=content)), DONE)) == "```rust\nfn main() {}\n```"
    content = {"content_type": "code", "language": "unknown", "text": "x"}
    assert text(answer(event(message(content=content)), DONE)) == "```\nx\n```"


def test_a_message_of_somebody_else_is_hidden() -> None:
    asked = message(role="user", text="Io?")["message"]
    assert isinstance(asked, dict)
    assert form_of(asked) is Form.HIDDEN


@pytest.mark.parametrize(
    ("recipient", "content_type"),
    [("python", "execution_output"), ("web.run", "code"), ("all", "super_widget")],
)
def test_talk_among_tools_is_hidden(recipient: str, content_type: str) -> None:
    content = {"content_type": content_type, "text": "no"}
    hidden = event(message("h", recipient=recipient, content=content))
    assert text(answer(hidden, event(message(text="Io")), DONE)) == "Io"


def test_code_that_goes_on_after_its_end_has_another_block() -> None:
    def call(code: str, status: str) -> Event:
        content = {"content_type": "code", "text": code}
        return event(message("py", content=content, recipient="python", status=status))

    deltas = answer(call("a", "finished_successfully"), call("ab", "finished_successfully"), DONE)
    assert text(deltas) == "```python\na\n```\n\n```python\nb\n```"


def test_a_late_change_of_finished_code_closes_nothing() -> None:
    call = message("py", "1+1", recipient="python", status="finished_successfully")
    deltas = answer(
        opened(call, 0),
        opened(message(), 1),
        append("Tw"),
        change(c=0, p="/message/metadata/x", o="replace", v=1),
        change(c=1, p="/message/content/parts/0", o="append", v="o"),
        DONE,
    )
    assert text(deltas) == "```python\n1+1\n```\n\nTwo"


def test_code_that_is_written_anew_has_another_block() -> None:
    def call(code: str) -> Event:
        return event(
            message("py", content={"content_type": "code", "text": code}, recipient="python")
        )

    assert text(answer(call("ab"), call("cd"), DONE)) == "```python\nab\n```\n\n```python\ncd\n```"


def test_several_marks_wait_one_after_the_other() -> None:
    def cite(number: int) -> str:
        return f"\ue200cite\ue202turn0search{number}\ue201"

    reader = Reader()
    begun = read(reader, opened(message()), append("A" + cite(1)), more("b" * 150), more(cite(2)))
    assert text(begun) == "A"
    begun += read(reader, more("c" * 20))
    assert text(begun) == "A" + "b" * 150
    begun += read(reader, more("【9" + "d" * 10), more("【9†"), DONE)
    assert text(begun) == "A" + "b" * 150 + "c" * 20 + "【9" + "d" * 10 + "【9†"


def test_one_source_is_listed_once_and_not_if_it_was_cited() -> None:
    def cite(number: int) -> str:
        return f"\ue200cite\ue202turn0search{number}\ue201"

    def reference(number: int, url: str) -> Json:
        return {"matched_text": cite(number), "items": [{"url": url}]}

    known = message(metadata={"content_references": [reference(1, "https://a.example/")]})
    deltas = answer(
        opened(known),
        append("One" + cite(1) + " two" + cite(2) + cite(3) + cite(4) + "x" * 200),
        change(
            p="/message/metadata/content_references",
            o="append",
            v=[
                reference(2, "https://a.example/"),
                reference(3, "https://b.example/"),
                reference(4, "https://b.example/"),
            ],
        ),
        DONE,
    )
    assert text(deltas) == (
        "One ([a.example](https://a.example/)) two"
        + "x" * 200
        + "\n\nSources:\n\n- [b.example](https://b.example/)"
    )


def test_a_mark_may_open_a_message() -> None:
    cite = "\ue200cite\ue202turn0search1\ue201"
    known = message(
        "m-b",
        cite + "!",
        metadata={
            "content_references": [{"matched_text": cite, "items": [{"url": "https://a.example/"}]}]
        },
    )
    deltas = answer(event(message(text="Io\n\n")), event(known), DONE)
    assert text(deltas) == "Io\n\n([a.example](https://a.example/))!"
    assert Citation(4, 37, "https://a.example/", "a.example") in deltas


def test_unknown_events_and_empty_ones_say_nothing() -> None:
    odd = [
        Event("ping", b"12"),
        Event("", b""),
        Event("", b'"v1"'),
        event({}),
        event({"type": "title_generation"}),
        Event("", b'{"v": "cut', whole=False),
    ]
    reader = Reader()
    assert read(reader, *odd) == []
    assert reader.events_seen == 4


# --------------------------------------------------------------------------------- hard to like


@pytest.mark.parametrize(
    "bad",
    [
        Event("", b"{"),
        Event("", b"[1]"),
        Event("", b"\xff"),
        # It once went through as an error of the decoder's own.
        Event("", b'{"message":"\xff"}'),
        Event("", b"{} nonsense"),
        Event("", b'{"a":' * 100_000),
        Event("", b"{}" + b'{"a":' * 100_000),
        Event("delta_encoding", b'"v2"'),
        event({"p": 5, "v": 1}, "delta"),
    ],
)
def test_what_is_not_readable_is_garbage(bad: Event) -> None:
    assert failure(bad).kind is Kind.GARBAGE


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("You've reached our limit of messages per hour. Please try again later.",
         Kind.RATE_LIMITED),
        ({"detail": "Too many requests in 1 hour."}, Kind.RATE_LIMITED),
        ({"error": {"message": "no", "code": "token_expired"}}, Kind.UNAUTHORIZED),
        ({"message": "Our systems have detected unusual activity."}, Kind.UNUSUAL_ACTIVITY),
        ({"code": "conversation_not_found"}, Kind.CONVERSATION_NOT_FOUND),
        ({"code": "model_not_found"}, Kind.MODEL_NOT_FOUND),
        ("Only one message at a time.", Kind.BUSY),
        ({"type": "content_policy_error", "message": ""}, Kind.CONTENT_POLICY),
        (["odd"], Kind.UPSTREAM_ERROR),
        (True, Kind.UPSTREAM_ERROR),
    ],
)  # fmt: skip
def test_an_error_in_the_stream_is_a_problem_of_its_kind(error: object, kind: Kind) -> None:
    for bad in (event({"message": None, "error": error}), event({"type": "error", "error": error})):
        raised = failure(bad)
        assert raised.kind is kind
        assert raised.step == "stream"


def test_an_error_may_stand_in_detail_and_shows_no_secret() -> None:
    raised = failure(event({"detail": "Bearer eyJhbGciOi.demo.sig is too long"}))
    assert raised.kind is Kind.CONTEXT_LENGTH
    assert "eyJ" not in raised.message


@pytest.mark.parametrize("wait", [-1, 10**12, "soon", None])
def test_a_wait_that_makes_no_sense_is_none(wait: object) -> None:
    raised = failure(event({"error": {"code": "model_cap_exceeded", "clears_in": wait}}))
    assert raised.retry_after is None


def test_an_answer_of_too_many_messages_is_garbage() -> None:
    def flood() -> Iterator[Event]:
        for number in range(5000):
            yield event(message(str(number)))

    assert failure(*flood()).kind is Kind.GARBAGE


@pytest.mark.parametrize("path", ["/message/content/parts/0", "/message/metadata/x"])
def test_an_answer_of_too_many_bytes_is_garbage(path: str) -> None:
    word = change(p=path, o="append", v="x" * 2**20)
    assert failure(opened(message()), *[word] * 70).kind is Kind.GARBAGE


# ----------------------------------------------------------------------------------- properties

KINDS = ["text", "code", "thoughts", "execution_output", "multimodal_text", "system_error"]
TEXTS = st.text("ab \n`【1†】\ue200\ue201\ue202c", max_size=6)
LEAVES = st.none() | st.booleans() | st.integers(-2, 3) | TEXTS
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "author", "role", "content", "content_type", "parts", "text",
                             "thoughts", "summary", "metadata", "citations", "items", "url",
                             "content_references", "search_result_groups", "entries",
                             "asset_pointer", "error", "message", "aggregate_result", "messages"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)  # fmt: skip
MESSAGES = st.builds(
    message,
    st.sampled_from(["m-a", "m-b", ""]),
    TEXTS,
    st.sampled_from(["assistant", "tool", "user"]),
    recipient=st.sampled_from(["all", "python", "canmore.create_textdoc", "canmore.x", "web"]),
    content=TREES
    | st.fixed_dictionaries({"content_type": st.sampled_from(KINDS), "parts": st.lists(TEXTS)})
    | st.fixed_dictionaries({"content_type": st.sampled_from(KINDS), "text": TEXTS})
    | st.fixed_dictionaries({"content_type": st.just("thoughts"), "thoughts": st.lists(TREES)}),
    metadata=TREES,
    status=st.sampled_from(["in_progress", "finished_successfully"]),
    channel=st.sampled_from([None, "final", "analysis"]),
)
PATHS = st.sampled_from(
    ["", "/message/content/parts/0", "/message/content/text", "/message/status",
     "/message/metadata/content_references", "/message/content/thoughts/0/content"]
)  # fmt: skip
FRAMES = (
    MESSAGES
    | st.fixed_dictionaries({"v": MESSAGES}, optional={"c": st.integers(0, 2)})
    | st.fixed_dictionaries({"v": TEXTS})
    | st.fixed_dictionaries(
        {"p": PATHS, "o": st.sampled_from(["add", "append", "replace"]), "v": TEXTS | TREES}
    )
    | st.fixed_dictionaries(
        {"type": st.sampled_from(["moderation", "stream_handoff", "server_ste_metadata", "error"])},
        optional={"metadata": TREES, "options": TREES, "error": TREES},
    )
    | TREES
)


@settings(deadline=None)
@given(st.lists(FRAMES, max_size=10))
def test_no_stream_gives_anything_but_deltas_and_problems(frames: list[object]) -> None:
    reader = Reader(sent_texts=SENT)
    deltas: list[Delta] = []
    raised: Problem | None = None
    try:
        for frame in [*frames, {"type": "message_stream_complete"}]:
            deltas += reader.feed(event(frame, "delta"))
        deltas += reader.close()
    except Problem as problem:
        raised = problem
    assert raised is None or raised.step == "stream"
    ends = [delta for delta in deltas if isinstance(delta, Finished)]
    assert ends in ([], deltas[-1:])
    starts = [delta for delta in deltas if isinstance(delta, Started)]
    assert starts[:1] in ([], deltas[:1])
    assert len(starts) <= 2
    shown = text(deltas)
    for delta in deltas:
        if isinstance(delta, Citation):
            assert "](" in shown[delta.start : delta.end]
    parts = [delta.part for delta in deltas if isinstance(delta, ReasoningDelta)]
    assert set(parts) == set(range(len(set(parts))))


@settings(deadline=None)
@given(st.lists(st.binary(max_size=30)), st.sampled_from(["", "delta", "delta_encoding"]))
def test_no_bytes_give_anything_but_deltas_and_problems(pieces: list[bytes], name: str) -> None:
    reader = Reader()
    raised: Problem | None = None
    try:
        for piece in pieces:
            reader.feed(Event(name, piece))
    except Problem as problem:
        raised = problem
    assert raised is None or raised.step == "stream"


@settings(deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=12))
def test_both_encodings_say_the_same(pieces: list[str]) -> None:
    """The text as words appended one by one, and as the whole message again and again."""
    by_words = answer(opened(message()), *map(append, pieces), DONE)
    so_far = ["".join(pieces[: count + 1]) for count in range(len(pieces))]
    by_wholes = answer(event(message()), *(event(message(text=one)) for one in so_far), DONE)
    assert text(by_words) == text(by_wholes)
    assert not set(text(by_words)) & set("\ue200\ue201\ue202")
    assert by_words[-1] == by_wholes[-1]


def test_deltas_are_values_that_can_be_written_down() -> None:
    deltas = answer(opened(message(text="Io")), DONE)
    assert msgspec.json.decode(msgspec.json.encode(deltas)) == [
        {"model": "", "conversation_id": "conv-1", "effort": None, "message_id": "m-a"},
        {"text": "Io"},
        {"reason": "stop", "conversation_id": "conv-1", "message_id": "m-a", "usage": None},
    ]
