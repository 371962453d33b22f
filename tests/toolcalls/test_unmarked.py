"""Answers that are nothing but a call without the mark: held, asked about, never made by
themselves; and the one case in which they are taken: the client has chosen the tool."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chat2api_core.toolcalls.faults import repair_message
from chat2api_core.toolcalls.parser import ToolCallParser
from chat2api_core.toolcalls.toolbox import Toolbox
from chat2api_core.toolcalls.unmarked import MAX_HELD, Unmarked
from chat2api_core.turn import Delta, Finished, Prompt, Text, TextDelta, Tool, ToolChoice
from tests.toolcalls.conftest import MARK, TOOLS, CountingIds, fold, pieces

if TYPE_CHECKING:
    from tests.toolcalls.conftest import Heard, Listen

CALL = '{"name": "get_weather", "arguments": {"city": "Rome"}}'
CALLS = {
    "an envelope": CALL,
    "an envelope in a fence": f"```json\n{CALL}\n```",
    "an envelope in backticks": f"`{CALL}`",
    "a list of envelopes": f"[{CALL}]",
    "tool calls as the API has them": json.dumps(
        {"tool_calls": [{"type": "function", "function": {"name": "ping", "arguments": "{}"}}]}
    ),
    "parallel calls as ChatGPT has them": json.dumps(
        {"tool_uses": [{"recipient_name": "functions.ping", "parameters": {}}]}
    ),
    "a tool_call element": f"<tool_call>\n{CALL}\n</tool_call>",
    "a function element": "<tool_call>\n<function=ping>\n</function>\n</tool_call>",
    "an invoke element": '<function_calls><invoke name="ping"></invoke></function_calls>',
    "the tool as the element": "<get_weather>\n<city>Rome</city>\n</get_weather>",
    "our form without the mark": '<call name="ping">{}</call>',
    "our form with another mark": '<call_bcdfghjk name="ping">{}</call_bcdfghjk>',
    "a call as in a program": 'functions.get_weather({"city": "Rome"})',
    "a call in a fence of code": '```tool_code\nget_weather(city="Rome")\n```',
}
# What is no call, and how much of it is known when it is let go.
TEXTS = {
    "another object": ('{"name": "Io", "radius": 1}', 11),
    "an object without a name": ('{"city": "Rome"}', 4),
    "code": ("```python\nprint(1)\n```", 12),
    "a link": ("[link](http://x)", 2),
    "an element": ("<div>x</div>", 2),
    "a sentence": ("The weather is fine.", 1),
    "a sentence that begins with a tool's name": ("ping me later", 5),
    "a name in backticks": ("`ping` is a tool", 6),
    "a call of no tool": ('{"name": "get_news", "arguments": {}}', 15),
}


@pytest.fixture
def unmarked(prompt: Prompt) -> Unmarked:
    return Unmarked(Toolbox(prompt))


@pytest.mark.parametrize("text", CALLS.values(), ids=CALLS)
def test_a_call_without_the_mark_is_held_and_asked_about(listen: "Listen", text: str) -> None:
    for size in (0, 1, 2, 3, 7):
        heard = listen(text, size)
        assert (heard.text, heard.calls, heard.finished) == ("", (), None)
        assert [fault.kind for fault in heard.faults] == ["unmarked"]


@pytest.mark.parametrize(("text", "known"), TEXTS.values(), ids=TEXTS)
def test_what_is_no_call_is_let_go_as_soon_as_that_is_known(
    unmarked: Unmarked, listen: "Listen", text: str, known: int
) -> None:
    held = [end for end in range(1, len(text) + 1) if unmarked.may_be(text[:end])]

    assert held == list(range(1, known))
    for size in (0, 1, 3):
        assert listen(text, size).text == text
        assert not listen(text, size).faults


@pytest.mark.parametrize("text", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("form", ["Sure: {}", "{} is how it is written."], ids=["before", "behind"])
def test_a_call_without_the_mark_among_words_is_text(
    listen: "Listen", text: str, form: str
) -> None:
    heard = listen(form.format(text))

    assert heard.text == form.format(text)
    assert (heard.calls, heard.faults) == ((), ())


def test_a_call_with_the_mark_behind_one_without_is_made(listen: "Listen") -> None:
    for size in (0, 1, 5):
        heard = listen(f'{CALL}\n<call_MARK name="ping">{{}}</call_MARK>', size)
        assert heard.text == f"{CALL}\n"
        assert [call.name for call in heard.calls] == ["ping"]
        assert not heard.faults


def test_what_is_longer_than_any_call_is_text(listen: "Listen") -> None:
    text = '{"name": "ping", "arguments": {"x": "' + "a" * MAX_HELD + '"}}'

    assert listen(text, 1000).text == text


def test_an_answer_that_was_cut_off_is_text(listen: "Listen") -> None:
    heard = listen(CALL, 3, "length")

    assert (heard.text, heard.faults) == (CALL, ())


def test_where_no_tool_may_be_called_everything_is_text(listen: "Listen", prompt: Prompt) -> None:
    heard = listen(CALL, 3, of=replace(prompt, tool_choice=ToolChoice("none")))

    assert (heard.text, heard.faults) == (CALL, ())


# ------------------------------------------------------------------------------- what is asked


def answers(prompt: Prompt, texts: Sequence[str], size: int = 4) -> tuple[ToolCallParser, "Heard"]:
    """Each text is the answer to the question about the one before."""
    from tests.toolcalls.conftest import Heard

    parser = ToolCallParser(prompt, MARK, CountingIds())
    out: list[Delta] = []
    for number, text in enumerate(texts):
        if number:
            parser.resume()
        for piece in pieces(text.replace("MARK", MARK), size):
            out += parser.feed(TextDelta(piece))
        out += parser.feed(Finished("stop"))
    made = fold(out)
    return parser, Heard(made.text, made.calls, made.finished, tuple(parser.faults))


def test_the_model_is_asked_what_it_meant(prompt: Prompt) -> None:
    parser, _ = answers(prompt, [CALL])
    (said,) = repair_message(parser.faults, MARK).parts

    assert isinstance(said, Text)
    assert "get_weather" in said.text
    assert f"<call_{MARK}" in said.text
    assert "If you did not, write your answer once more." in said.text
    assert parser.said.parts == (Text(CALL),)


def test_a_call_that_was_meant_is_made_from_its_second_writing(prompt: Prompt) -> None:
    call = '<call_MARK name="get_weather">{"city": "Rome"}</call_MARK>'
    _, heard = answers(prompt, [CALL, call])

    assert heard.text == ""
    assert [call.arguments for call in heard.calls] == ['{"city":"Rome"}']
    assert heard.finished == Finished("tool_calls")


@pytest.mark.parametrize("second", [CALL, "I only showed how it looks."])
def test_what_was_not_meant_as_a_call_is_the_answer(prompt: Prompt, second: str) -> None:
    _, heard = answers(prompt, [CALL, second])

    assert heard.text == second
    assert (heard.calls, heard.faults) == ((), ())
    assert heard.finished == Finished("stop")


def test_without_another_question_the_text_is_the_answer(prompt: Prompt) -> None:
    parser, heard = answers(prompt, [CALL])
    assert heard.text == ""

    made = fold(parser.give_up())

    assert (made.text, made.finished) == (CALL, Finished("stop"))


def test_a_failed_call_that_is_written_again_without_the_mark_is_asked_about(
    prompt: Prompt,
) -> None:
    call = '<call_MARK name="get_weather">{}</call_MARK>'
    good = '<call_MARK name="get_weather">{"city": "Rome"}</call_MARK>'
    parser, _ = answers(prompt, [call, CALL])
    assert [fault.kind for fault in parser.faults] == ["unmarked"]

    _, heard = answers(prompt, [call, CALL, good])
    assert [call.name for call in heard.calls] == ["get_weather"]
    assert heard.text == ""


# --------------------------------------------------------------------- the tool that was chosen


@pytest.fixture
def chosen(prompt: Prompt) -> Callable[..., Prompt]:
    def choose(*names: str) -> Prompt:
        return replace(prompt, tool_choice=ToolChoice("required", names))

    return choose


@pytest.mark.parametrize(
    "text",
    [
        '{"city": "Rome"}',
        '```json\n{"city": "Rome"}\n```',
        "{\n  \"City\": 'Rome',\n}",
        CALL,
    ],
)
def test_json_alone_is_the_arguments_of_the_tool_that_was_chosen(
    listen: "Listen", chosen: Callable[..., Prompt], text: str
) -> None:
    for size in (0, 1, 5):
        heard = listen(text, size, of=chosen("get_weather"))
        assert heard.text == ""
        assert [(call.name, call.arguments) for call in heard.calls] == [
            ("get_weather", '{"city":"Rome"}')
        ]
        assert heard.finished == Finished("tool_calls")


def test_arguments_that_are_wrong_are_asked_for_again(
    listen: "Listen", chosen: Callable[..., Prompt]
) -> None:
    heard = listen('{"days": 3}', 2, of=chosen("get_weather"))

    assert heard.text == ""
    (fault,) = heard.faults
    assert (fault.kind, fault.tool, fault.sent) == ("invalid", "get_weather", '{"days":3')


def test_of_several_tools_none_was_chosen(listen: "Listen", chosen: Callable[..., Prompt]) -> None:
    heard = listen('{"city": "Rome"}', 2, of=chosen("get_weather", "ping"))
    assert [fault.kind for fault in heard.faults] == ["not_called"]

    heard = listen(CALL, 2, of=chosen("get_weather", "ping"))
    assert [fault.kind for fault in heard.faults] == ["unmarked"]


def test_free_text_is_never_taken_for_a_call(
    listen: "Listen", chosen: Callable[..., Prompt]
) -> None:
    heard = listen('{"input": "x"}', 2, of=chosen("apply_patch"))

    assert [fault.kind for fault in heard.faults] == ["not_called"]


# ------------------------------------------------------------------------------- whatever comes


SCRAPS = st.lists(
    st.sampled_from(
        [
            '{"name"', ": ", '"ping"', '"arguments"', "{", "}", "[", "]", "<tool_call>", "ping",
            "</tool_call>", "```", "json\n", "(", ")", "functions.", "\n", " ", "words", "<call_",
            '<call_kqtmbdfs name="ping">', "</call_kqtmbdfs>", "\u200b",
        ]
    ),
    max_size=20,
).map("".join)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(SCRAPS, st.integers(1, 7), st.booleans())
def test_the_same_comes_of_it_however_it_is_cut(text: str, size: int, must: bool) -> None:
    choice = ToolChoice("required", ("ping",)) if must else ToolChoice()
    prompt = Prompt("auto", (), tools=(*TOOLS, Tool("pong")), tool_choice=choice)

    assert answers(prompt, [text], size)[1] == answers(prompt, [text], len(text) or 1)[1]
