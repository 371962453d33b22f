"""The parser: what comes out of which piece, what is held, and what is a fault.

Steps are (piece in, exactly what comes out of it); ``MARK`` stands for the marker.
"""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chat2api_core.ambient import Ids
from chat2api_core.problem import Kind, Problem
from chat2api_core.toolcalls.calls import MAX_CALLS
from chat2api_core.toolcalls.faults import Fault, outcome, repair_message
from chat2api_core.toolcalls.parser import MAX_ANSWER, ToolCallParser
from chat2api_core.toolcalls.toolbox import Toolbox
from chat2api_core.toolcalls.unmarked import Unmarked
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Citation,
    Delta,
    Finished,
    FinishReason,
    Message,
    Picture,
    Prompt,
    ReasoningDelta,
    Started,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolChoice,
)

if TYPE_CHECKING:
    from tests.toolcalls.conftest import Listen

Kinds: TypeAlias = Literal["function", "custom"]
Step: TypeAlias = tuple[str, list[Delta]]
ID1, ID2 = f"call_{1:024x}", f"call_{2:024x}"
T, D = TextDelta, CallDelta


def started(
    index: int, name: str, call_id: str, kind: Kinds = "function", namespace: str = ""
) -> CallStarted:
    return CallStarted(index, call_id, name, kind, namespace)


WEATHER_BEGINS = started(0, "get_weather", ID1)
PATCH_BEGINS = started(0, "apply_patch", ID1, "custom")
MAIL_BEGINS = started(0, "send", ID1, namespace="mail")
PINGED: list[Delta] = [started(0, "ping", ID1), D(0, "{}"), CallEnded(0)]
PINGED_AGAIN: list[Delta] = [started(1, "ping", ID2), D(1, "{}"), CallEnded(1)]

STEPS: dict[str, list[Step]] = {
    "text without tags passes at once": [
        ("Hello", [T("Hello")]),
        (", you", [T(", you")]),
        (" 5 < 6 ", [T(" 5 < 6 ")]),
    ],
    "what may become a tag is held until it cannot": [
        ("a <", [T("a ")]),
        ("cal", []),
        ("endar>", [T("<calendar>")]),
    ],
    "the marker cut in the middle": [
        ("See:\n<call_kqtm", [T("See:\n")]),
        ('bdfs name="get_w', []),
        ('eather">{"ci', []),
        ('ty":"Par', [WEATHER_BEGINS, D(0, '{"city":"Par')]),
        ("is", [D(0, "is")]),
        ('"', []),
        ("}", [D(0, '"}'), CallEnded(0)]),
        ("</call_MARK>", []),
    ],
    "the last closer waits for the whole to be valid": [
        ('<call_MARK name="get_weather">{"city":"P"', [WEATHER_BEGINS, D(0, '{"city":"P')]),
        (',"days":3', [D(0, '"')]),
        ("}", [D(0, ',"days":3}'), CallEnded(0)]),
    ],
    "a bounded value is held until it is whole and valid": [
        (
            '<call_MARK name="get_weather">{"city":"P","days":',
            [WEATHER_BEGINS, D(0, '{"city":"P"')],
        ),
        ("1", []),
        ("0", []),
        ("}", [D(0, ',"days":10}'), CallEnded(0)]),
    ],
    "two calls with text before, between and behind": [
        ("First. ", [T("First. ")]),
        ('<call_MARK name="ping">{}</call_MARK>', PINGED),
        ("\n\n", []),
        ("Then ", [T("Then ")]),
        ('<call_MARK name="ping">{}</call_MARK>', PINGED_AGAIN),
        (" done", [T("done")]),
    ],
    "words that met across a call are kept apart": [
        ("one", [T("one")]),
        ('<call_MARK name="ping"/>', PINGED),
        (" two", [T(" two")]),
    ],
    "free text leaves as it arrives, without the lines beside the tags": [
        ('<call_MARK name="apply_patch">\n', []),
        ("*** Begin\n", [PATCH_BEGINS, D(0, "*** Begin")]),
        ("+a", [D(0, "\n+a")]),
        ("\n</call_MARK>", [CallEnded(0)]),
    ],
    "empty free text is a call too": [
        ('<call_MARK name="apply_patch"></call_MARK>', [PATCH_BEGINS, CallEnded(0)]),
    ],
    "a namespaced tool gets its own name back": [
        ('<call_MARK name="mail.send">{"to":"a', [MAIL_BEGINS, D(0, '{"to":"a')]),
    ],
    "a fence around a call goes with it": [
        ("Look:\n", [T("Look:\n")]),
        ("```", []),
        ("xml\n<call_MARK", []),
        (' name="ping">{}', PINGED),
        ("</call_MARK>\n``", []),
        ("`\n", []),
        ("Done.", [T("Done.")]),
    ],
    "a fence around anything else stays": [
        ("Look:\n", [T("Look:\n")]),
        ("```xml\n", []),
        ("<a>", [T("```xml\n<a>")]),
        ("\n``", [T("\n")]),
        ("`\nDone.", [T("```\nDone.")]),
    ],
    "a fence that follows a fenced call is a new one": [
        ('```\n<call_MARK name="ping"/>', PINGED),
        ("\n", []),
        ("```py", []),
        ("\nx", [T("```py\nx")]),
    ],
    "a closing tag without a call is left out": [
        ("x", [T("x")]),
        ("</call_MARK", []),
        ("> b", [T(" b")]),
    ],
    "a result written without a call loses its tags only": [
        ('It said <result_MARK name="x">rain</result_MARK>!', [T("It said "), T("rain"), T("!")]),
    ],
    "a result invented behind a call, and all that follows, is left out": [
        ('<call_MARK name="ping"/>', PINGED),
        ('<result_MARK name="ping">pong</result_MARK> So it works.', []),
    ],
}  # fmt: skip


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_each_piece_gives_exactly_what_is_certain_by_then(
    prompt: Prompt, marker: str, ids: Ids, steps: list[Step]
) -> None:
    parser = ToolCallParser(prompt, marker, ids)

    for number, (piece, expected) in enumerate(steps):
        out = list(parser.feed(TextDelta(piece.replace("MARK", marker))))
        assert out == expected, f"step {number}: {piece!r}"


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_the_same_comes_out_cut_at_every_byte(listen: "Listen", steps: list[Step]) -> None:
    text = "".join(piece for piece, _ in steps)
    whole = listen(text)

    for size in range(1, 12):
        assert listen(text, size) == whole


PLAIN = st.text(st.characters(exclude_categories=["Cs"])) | st.text('<>/`&\\_ callktqmbdfs\n"=')


@settings(max_examples=120, deadline=None)
@given(st.lists(PLAIN, max_size=8))
def test_text_without_markers_passes_unchanged_and_what_is_held_may_be_a_tag(
    pieces: list[str],
) -> None:
    parser = _plain_parser()
    unmarked = Unmarked(Toolbox(PLAIN_PROMPT))
    fed = said = ""
    for piece in pieces:
        fed += piece
        said += _text(parser.feed(TextDelta(piece)))
        assert fed.startswith(said)
        held = fed[len(said) :]
        may_be_tag = held.lstrip()[:1] in ("", "`", "<", "&", "\\", "\uff1c")
        assert may_be_tag or (said == "" and unmarked.may_be(held))

    assert _text(parser.feed(Finished("stop"))) == fed[len(said) :]


@settings(max_examples=120, deadline=None)
@given(PLAIN, st.integers(1, 5))
def test_text_without_markers_is_the_same_however_it_is_cut(text: str, size: int) -> None:
    parser = _plain_parser()
    out: list[Delta] = []
    for at in range(0, len(text), size):
        out += parser.feed(TextDelta(text[at : at + size]))
    out += parser.feed(Finished("stop"))

    assert _text(out) == text


SCRAPS = st.lists(
    st.sampled_from(
        [
            "<call_kqtmbdfs", ' name="get_weather"', ">", "</call_kqtmbdfs>", "{", "}", '"city"',
            ":", '"Paris"', ",", "```", "\n", "<![CDATA[", "]]>", ' name="apply_patch"', "\\",
            "<result_kqtmbdfs>", "&lt;", "'", "[", "]", "/>", "text ", "3", "null", "<", "days=",
        ]
    ),
    max_size=25,
).map("".join)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(SCRAPS, st.integers(1, 6))
def test_garbage_raises_nothing_and_hands_out_the_same_however_it_is_cut(
    text: str, size: int
) -> None:
    whole, pieces = _heard(text, len(text) or 1), _heard(text, size)

    assert pieces == whole
    for call in whole[1]:
        if call.name == "get_weather" and not whole[3]:
            assert json.loads(call.arguments)["city"]


class _Ids:
    def uuid(self) -> str:
        return ""

    def hex(self, digits: int) -> str:
        return "0" * digits

    def random(self) -> float:
        return 0.0


WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}


PLAIN_TOOLS = (Tool("get_weather", parameters=WEATHER), Tool("apply_patch", kind="custom"))
PLAIN_PROMPT = Prompt("auto", (), tools=PLAIN_TOOLS)


def _plain_parser() -> ToolCallParser:
    return ToolCallParser(PLAIN_PROMPT, "kqtmbdfs", _Ids())


def _text(deltas: Iterable[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def _heard(text: str, size: int) -> tuple[str, tuple[ToolCall, ...], Finished | None, list[Fault]]:
    parser = _plain_parser()
    transcript = Transcript()
    pieces = [TextDelta(text[at : at + size]) for at in range(0, len(text), size)]
    last: list[Delta] = [Finished("stop")]
    for piece in [*pieces, *last]:
        for delta in parser.feed(piece):
            transcript.feed(delta)
    return transcript.text, transcript.calls, transcript.finished, list(parser.faults)


# ------------------------------------------------------------------------- ends


def test_finished_says_tool_calls_when_calls_were_made(listen: "Listen") -> None:
    assert listen('<call_MARK name="ping"/>').finished == Finished("tool_calls")
    assert listen("Hello").finished == Finished("stop")
    assert listen('<call_MARK name="ping"/> and', reason="length").finished == Finished("length")


def test_finished_keeps_what_else_it_says(prompt: Prompt, marker: str, ids: Ids) -> None:
    parser = ToolCallParser(prompt, marker, ids)

    assert list(parser.feed(Finished("stop", "conv", "msg"))) == [Finished("stop", "conv", "msg")]
    assert list(parser.close()) == []


def test_a_moderated_answer_ends_as_it_is(listen: "Listen") -> None:
    heard = listen('<call_MARK name="get_weather">{"city":"P', reason="content_filter")

    assert heard.finished == Finished("content_filter")
    assert heard.faults == ()


def test_other_deltas_pass_at_once(prompt: Prompt, marker: str, ids: Ids) -> None:
    parser = ToolCallParser(prompt, marker, ids)

    others: list[Delta] = [Started("m"), ReasoningDelta("hm"), Picture("sediment://file_1")]
    for delta in others:
        assert list(parser.feed(delta)) == [delta]


def test_blank_lines_at_the_beginning_are_held_for_a_call_only(listen: "Listen") -> None:
    assert listen("\n\n Hello").text == "\n\n Hello"
    assert listen("\n\n").text == "\n\n"
    assert listen('\n\n<call_MARK name="ping"/>\n\n').text == ""


def test_endless_blank_lines_are_not_held_forever(prompt: Prompt, marker: str, ids: Ids) -> None:
    parser = ToolCallParser(prompt, marker, ids)

    assert _text(parser.feed(TextDelta("\n" * 5000))) == "\n" * 5000


def test_an_answer_beyond_every_bound_is_a_problem(prompt: Prompt, marker: str, ids: Ids) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    piece = TextDelta("x" * (MAX_ANSWER // 4))

    for _ in range(4):
        parser.feed(piece)
    with pytest.raises(Problem) as caught:
        parser.feed(piece)

    assert caught.value.kind is Kind.GARBAGE


def test_calls_beyond_the_bound_are_left_out(listen: "Listen") -> None:
    heard = listen('<call_MARK name="ping"/>' * (MAX_CALLS + 2))

    assert len(heard.calls) == MAX_CALLS


# ------------------------------------------------------------------------- citations


def test_citations_move_with_their_text_and_those_in_calls_are_gone(
    prompt: Prompt, marker: str, ids: Ids
) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    before, call, after = (
        "See [1].\n",
        f'<call_{marker} name="ping">{{}}</call_{marker}>',
        "And [2].",
    )
    out = list(parser.feed(TextDelta(before)))
    out += parser.feed(Citation(4, 7, "https://one", "One"))
    out += parser.feed(Citation(12, 14, "https://gone", "Gone"))
    shift = len(before) + len(call)
    out += parser.feed(Citation(shift + 4, shift + 7, "https://two", "Two"))
    out += parser.feed(TextDelta(call + after))

    cited = [delta for delta in out if isinstance(delta, Citation)]
    assert cited == [Citation(4, 7, "https://one", "One"), Citation(13, 16, "https://two", "Two")]
    assert _text(out)[13:16] == "[2]"


# ------------------------------------------------------------------------- tool choice


def test_a_tool_that_may_not_be_called_is_a_fault_and_nothing_of_it_goes_out(
    listen: "Listen", prompt: Prompt
) -> None:
    chosen = replace(prompt, tool_choice=ToolChoice("required", ("ping",)))

    heard = listen('<call_MARK name="get_weather">{"city":"P"}</call_MARK>', of=chosen)

    assert heard.calls == ()
    assert [fault.kind for fault in heard.faults] == ["not_allowed"]
    assert heard.faults[0].message == "The tool 'get_weather' may not be called now; only: ping."
    assert heard.finished is None


def test_a_call_where_none_may_be_made_is_a_fault(listen: "Listen", prompt: Prompt) -> None:
    silent = replace(prompt, tool_choice=ToolChoice("none"))

    heard = listen('<call_MARK name="ping"/>', of=silent)

    assert heard.faults[0].message == "The tool 'ping' may not be called now; none may."


def test_a_required_call_that_is_missing_is_a_fault_and_its_text_stays(
    listen: "Listen", prompt: Prompt
) -> None:
    required = replace(prompt, tool_choice=ToolChoice("required", ("ping",)))

    heard = listen("I would rather talk.", of=required)

    assert heard.text == "I would rather talk."
    assert [fault.message for fault in heard.faults] == ["The answer has to call a tool: ping."]


def test_without_parallel_calls_the_first_one_counts(listen: "Listen", prompt: Prompt) -> None:
    single = replace(prompt, parallel_tool_calls=False)

    heard = listen('<call_MARK name="ping">{}{}</call_MARK><call_MARK name="ping"/> So.', of=single)

    assert len(heard.calls) == 1
    assert heard.faults == ()
    assert heard.finished == Finished("tool_calls")


@pytest.mark.parametrize(
    ("situation", "names", "fault"),
    [
        ("none of the calls that have to be made", (), "not_called"),
        ("the one that has to be made", ("ping",), ""),
        ("more than one", ("ping", "ping"), "too_many"),
        ("one that is not among those named", ("get_weather",), "not_allowed"),
    ],
)
def test_the_calls_of_an_answer_are_held_against_the_choice(
    prompt: Prompt, situation: str, names: tuple[str, ...], fault: str
) -> None:
    single = replace(
        prompt, parallel_tool_calls=False, tool_choice=ToolChoice("required", ("ping",))
    )
    found = outcome(Toolbox(single), [ToolCall(ID1, name, "{}") for name in names])
    assert (found.kind if found else "") == fault, situation


# ------------------------------------------------------------------------- repairs


def answer(
    parser: ToolCallParser, text: str, marker: str, reason: FinishReason = "stop", size: int = 5
) -> list[Delta]:
    """Feed an answer in pieces; what came out."""
    text = text.replace("MARK", marker)
    out: list[Delta] = []
    for at in range(0, len(text), size):
        out += parser.feed(TextDelta(text[at : at + size]))
    return [*out, *parser.feed(Finished(reason))]


def fold(deltas: Iterable[Delta]) -> Transcript:
    transcript = Transcript()
    for delta in deltas:
        transcript.feed(delta)
    return transcript


def test_a_bad_call_is_repaired_unseen_and_good_ones_are_kept(
    prompt: Prompt, marker: str, ids: Ids
) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    first = (
        '<call_MARK name="ping"/><call_MARK name="get_weather">{"days":99,"city":"P"}</call_MARK>'
    )
    out = answer(parser, "Let me see.\n" + first, marker)
    assert [fault.goes_on for fault in parser.faults] == [False]
    assert parser.said == Message(
        "assistant", (Text("Let me see.\n" + first.replace("MARK", marker)),)
    )

    parser.resume()
    out += answer(
        parser, 'Sorry!\n<call_MARK name="get_weather">{"city":"P"}</call_MARK> So.', marker
    )
    transcript = fold(out)

    assert parser.faults == []
    assert transcript.text == "Let me see.\n"
    assert [(call.name, call.arguments) for call in transcript.calls] == [
        ("ping", "{}"),
        ("get_weather", '{"city":"P"}'),
    ]
    assert transcript.finished == Finished("tool_calls")
    assert list(parser.calls) == list(transcript.calls)


def test_a_model_that_thinks_better_of_a_bad_call_is_heard(
    prompt: Prompt, marker: str, ids: Ids
) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    out = answer(parser, '<call_MARK name="get_time"/>', marker)
    parser.resume()

    out += answer(parser, "I have no clock.", marker)

    assert fold(out).text == "I have no clock."
    assert fold(out).finished == Finished("stop")


def test_after_a_good_answer_another_may_follow(prompt: Prompt, marker: str, ids: Ids) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    answer(parser, "Not what was asked for.", marker)

    out = answer(parser, '<call_MARK name="get_time"/>', marker)

    assert out == []
    assert parser.said.text == f'<call_{marker} name="get_time"/>'


def test_a_second_failure_is_a_fault_again(prompt: Prompt, marker: str, ids: Ids) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    answer(parser, '<call_MARK name="get_time"/>', marker)
    parser.resume()

    answer(parser, '<call_MARK name="get_date"/>', marker)

    assert [fault.tool for fault in parser.faults] == ["get_date"]


SENT = [
    ("the whole call again",
     '<call_MARK name="get_weather">{"city": "Paris", "days": 3}</call_MARK>'),
    ("the whole call again, in fences", '```\n<call_MARK name="get_weather">\n```json\n'
     '{"city": "Paris", "days": 3}\n```\n</call_MARK>\n```'),
    ("the rest in a fence", '<call_MARK name="get_weather">\n```json\n, "days": 3}\n```\n'),
    ("the rest only", '<call_MARK name="get_weather">, "days": 3}</call_MARK>'),
    ("the rest without a name", '<call_MARK>, "days": 3}</call_MARK>'),
    ("with words around", 'I am sorry.\n'
     '<call_MARK name="get_weather">{"city":"Paris","days":3}</call_MARK>\nNow.'),
]  # fmt: skip


@pytest.mark.parametrize("again", [s[1] for s in SENT], ids=[s[0] for s in SENT])
def test_a_call_of_which_a_part_went_out_goes_on_from_there(
    prompt: Prompt, marker: str, ids: Ids, again: str
) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    out = answer(
        parser,
        '<call_MARK name="get_weather">{"city": "Paris", "days": "x"}</call_MARK> more',
        marker,
    )
    assert [(fault.sent, fault.index, fault.goes_on) for fault in parser.faults] == [
        ('{"city":"Paris"', 0, True)
    ]

    parser.resume()
    out += answer(parser, again, marker)
    transcript = fold(out)

    assert [call.arguments for call in transcript.calls] == ['{"city":"Paris","days":3}']
    assert transcript.text == ""
    assert sum(isinstance(delta, CallStarted) for delta in out) == 1
    assert sum(isinstance(delta, CallEnded) for delta in out) == 1
    assert transcript.finished == Finished("tool_calls")


UNREPAIRED = [
    ("another beginning", '<call_MARK name="get_weather">{"city": "Paris, France"}</call_MARK>',
     "do not begin as they did"),
    ("less than was sent", '<call_MARK name="get_weather">{"city": "Pa',
     "do not begin as they did"),
    ("nothing", "", "The call was not finished."),
    ("words only", "I am sorry.", "The call was not finished."),
    ("another tool", '<call_MARK name="ping"/>', "The call was not finished."),
    ("the same mistake", '<call_MARK name="get_weather">{"city": "Paris", "days": "x"}', "$.days"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("again", "why"), [u[1:] for u in UNREPAIRED], ids=[u[0] for u in UNREPAIRED]
)
def test_a_call_that_does_not_go_on_as_it_began_stays_a_fault(
    prompt: Prompt, marker: str, ids: Ids, again: str, why: str
) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    out = answer(parser, '<call_MARK name="get_weather">{"city": "Paris", "days": "x"}', marker)
    parser.resume()

    out += answer(parser, again, marker)

    assert fold(out).calls[0].arguments == '{"city":"Paris"'
    assert [why in fault.message for fault in parser.faults] == [True]
    with pytest.raises(Problem) as caught:
        parser.give_up()
    assert caught.value.kind is Kind.GARBAGE


CUT = '<call_MARK name="write_file">{"path": "a.py", "content": "one two three"}</call_MARK>'


@pytest.mark.parametrize("at", range(1, len(CUT) + 4))
def test_an_answer_cut_off_anywhere_in_a_call_goes_on_from_the_cut(
    prompt: Prompt, marker: str, ids: Ids, at: int
) -> None:
    text = CUT.replace("MARK", marker)
    parser = ToolCallParser(prompt, marker, ids)

    out = answer(parser, text[:at], marker, reason="length")
    if not parser.faults:  # the cut came before a tag could be told, or behind the call
        assert fold(out).finished == Finished("length")
        return
    assert [fault.kind for fault in parser.faults] == ["cut"]
    parser.resume()
    out += answer(parser, text[at:], marker)

    assert parser.faults == []
    assert [call.arguments for call in fold(out).calls] == [
        '{"path":"a.py","content":"one two three"}'
    ]
    assert fold(out).text == ""


AGAIN = [
    ("the whole call", CUT),
    ("a tag and the rest", '<call_MARK name="write_file">wo three"}</call_MARK>'),
    (
        "a fence, a tag and the rest",
        '```xml\n<call_MARK name="write_file">\nwo three"}</call_MARK>\n```',
    ),
]


@pytest.mark.parametrize("again", [a[1] for a in AGAIN], ids=[a[0] for a in AGAIN])
def test_a_cut_call_may_be_written_again_in_other_ways(
    prompt: Prompt, marker: str, ids: Ids, again: str
) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    out = answer(parser, CUT[: CUT.index("wo three")], marker, reason="length")
    parser.resume()

    out += answer(parser, again, marker)

    assert parser.faults == []
    assert [call.arguments for call in fold(out).calls] == [
        '{"path":"a.py","content":"one two three"}'
    ]


PATCH = '<call_MARK name="apply_patch">\n*** Begin\n+one\n+two\n*** End\n</call_MARK>'


@pytest.mark.parametrize("at", range(32, len(PATCH), 3))
def test_free_text_cut_off_goes_on_from_the_cut_or_is_written_again(
    prompt: Prompt, marker: str, ids: Ids, at: int
) -> None:
    text = PATCH.replace("MARK", marker)
    for again in (text[at:], text):
        parser = ToolCallParser(prompt, marker, ids)
        out = answer(parser, text[:at], marker, reason="length")
        assert [fault.kind for fault in parser.faults] == ["cut"]
        parser.resume()
        out += answer(parser, again, marker)
        assert [call.arguments for call in fold(out).calls] == ["*** Begin\n+one\n+two\n*** End"]


def test_an_answer_cut_off_twice_goes_on_twice(prompt: Prompt, marker: str, ids: Ids) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    text = CUT.replace("MARK", marker)
    out = answer(parser, text[:50], marker, reason="length")
    parser.resume()
    out += answer(parser, text[50:70], marker, reason="length")
    assert [fault.kind for fault in parser.faults] == ["cut"]
    parser.resume()
    out += answer(parser, text[70:], marker)

    assert [call.arguments for call in fold(out).calls] == [
        '{"path":"a.py","content":"one two three"}'
    ]


def test_a_cut_call_without_a_name_goes_on(prompt: Prompt, marker: str, ids: Ids) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    out = answer(parser, '<call_MARK>{"name": "ping", "argu', marker, reason="length")
    parser.resume()
    out += answer(parser, 'ments": {}}</call_MARK>', marker)

    assert [(call.name, call.arguments) for call in fold(out).calls] == [("ping", "{}")]


def test_a_call_without_a_name_in_its_tag_may_name_a_tool_that_there_is_not(
    listen: "Listen",
) -> None:
    heard = listen('<call_MARK>{"name": "get_time", "arguments": {}}</call_MARK>')

    assert [(fault.kind, fault.tool) for fault in heard.faults] == [("unknown_tool", "get_time")]


# ------------------------------------------------------------------------- giving up


def test_giving_up_a_cut_answer_ends_it_as_cut(prompt: Prompt, marker: str, ids: Ids) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    answer(parser, '<call_MARK name="get_weather">{"city": "P', marker, reason="length")

    assert list(parser.give_up()) == [Finished("length")]


def test_giving_up_keeps_good_calls_beside_bad_ones_that_were_never_seen(
    prompt: Prompt, marker: str, ids: Ids
) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    answer(parser, '<call_MARK name="ping"/><call_MARK name="get_time"/>', marker)

    assert list(parser.give_up()) == [Finished("tool_calls")]


def test_giving_up_without_a_good_call_is_a_problem_that_names_the_trouble(
    prompt: Prompt, marker: str, ids: Ids
) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    answer(parser, '<call_MARK name="get_weather">{}</call_MARK>', marker)

    with pytest.raises(Problem) as caught:
        parser.give_up()

    assert caught.value.code == "stream_unreadable"
    assert caught.value.message == (
        "The model's call of the tool 'get_weather' could not be made valid: "
        "$: 'city' is required but missing"
    )


def test_a_good_answer_cannot_be_given_up(prompt: Prompt, marker: str, ids: Ids) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    answer(parser, "Hello", marker)

    with pytest.raises(Problem) as caught:
        parser.give_up()

    assert caught.value.kind is Kind.INTERNAL


def test_the_repair_message_names_every_fault_and_no_ready_made_call(
    prompt: Prompt, marker: str, ids: Ids
) -> None:
    parser = ToolCallParser(prompt, marker, ids)
    answer(
        parser, '<call_MARK name="get_time"/><call_MARK name="get_weather">{}</call_MARK>', marker
    )

    message = repair_message(parser.faults, marker)

    assert message.role == "user"
    assert message.text == (
        "These calls were not made:\n"
        "- get_time: There is no tool 'get_time'; there are: get_weather, ping, write_file, "
        "search, apply_patch, mail.send.\n"
        "- get_weather: $: 'city' is required but missing\n"
        "Any other call was made: do not repeat it. Write those that failed again, corrected, in "
        'the form <call_kqtmbdfs name="…"> … </call_kqtmbdfs>, and nothing else.'
    )
