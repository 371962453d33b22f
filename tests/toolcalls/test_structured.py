"""Structured outputs: JSON out of an answer, checked, and refusals told from it."""

from collections.abc import Iterable
from typing import Any

import pytest

from chat2api_core.problem import Kind, Problem
from chat2api_core.toolcalls.faults import repair_message
from chat2api_core.toolcalls.structured import (
    FORMAT_BUDGET,
    FormatStage,
    is_refusal,
    teach_format,
)
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    CallStarted,
    Delta,
    Finished,
    FinishReason,
    Format,
    Message,
    Prompt,
    ReasoningDelta,
    RefusalDelta,
    Text,
    TextDelta,
)

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
STRICT = Format("json_schema", "person", SCHEMA, strict=True)
LOOSE = Format("json_schema", "person", SCHEMA)
OBJECT = Format("json_object")


def feed(
    stage: FormatStage, text: str, size: int = 0, reason: FinishReason = "stop"
) -> list[Delta]:
    out: list[Delta] = []
    size = size or max(len(text), 1)
    for at in range(0, len(text), size):
        out += stage.feed(TextDelta(text[at : at + size]))
    return [*out, *stage.feed(Finished(reason))]


def fold(deltas: Iterable[Delta]) -> Transcript:
    transcript = Transcript()
    for delta in deltas:
        transcript.feed(delta)
    return transcript


GOOD = [
    ("plain", '{"name": "Ann", "age": 5}', '{"name":"Ann","age":5}'),
    ("in a fence", 'Here:\n```json\n{"name": "Ann", "age": 5}\n```\nDone.',
     '{"name":"Ann","age":5}'),
    ("in prose", 'It is {"name": "Ann", "age": 5}, I think.', '{"name":"Ann","age":5}'),
    ("behind braces in prose", 'For {you}: {"name": "Ann", "age": 5}', '{"name":"Ann","age":5}'),
    ("behind another object", '{"x": 1} or {"name": "Ann", "age": 5}', '{"name":"Ann","age":5}'),
    ("behind another fence", '```\n{"x": 1}\n```\n```\n{"name": "Ann", "age": 5}\n```',
     '{"name":"Ann","age":5}'),
    ("nearly JSON", "{name: 'Ann', 'age': \"5\", 'tags': 'x',}",
     '{"name":"Ann","age":5,"tags":["x"]}'),
    ("in a list of one", '[{"name": "Ann", "age": 5}]', '{"name":"Ann","age":5}'),
    ("without its end", '{"name": "Ann", "age": 5', '{"name":"Ann","age":5}'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), [g[1:] for g in GOOD], ids=[g[0] for g in GOOD])
def test_the_json_of_an_answer_comes_out_alone_however_it_is_cut(text: str, expected: Any) -> None:
    for size in (0, 1, 3):
        stage = FormatStage(STRICT)
        transcript = fold(feed(stage, text, size))
        assert (transcript.text, stage.faults) == (expected, [])
        assert transcript.finished == Finished("stop")


def test_json_goes_out_as_it_arrives() -> None:
    stage = FormatStage(STRICT)

    assert list(stage.feed(TextDelta('Sure: {"name": "An'))) == [TextDelta('{"name":"An')]
    assert list(stage.feed(TextDelta("n, "))) == [TextDelta("n, ")]
    assert list(stage.feed(TextDelta('x", "age": 5'))) == [TextDelta('x"')]
    assert list(stage.feed(TextDelta("}"))) == [TextDelta(',"age":5}')]
    assert list(stage.feed(TextDelta(" Bye."))) == []
    assert list(stage.feed(ReasoningDelta("hm"))) == [ReasoningDelta("hm")]
    assert list(stage.feed(Finished("stop"))) == [Finished("stop")]
    assert list(stage.close()) == []


def test_any_object_will_do_for_json_object() -> None:
    assert fold(feed(FormatStage(OBJECT), 'So: {"a": [1, {"b": null}]}', 1)).text == (
        '{"a":[1,{"b":null}]}'
    )


def test_a_schema_of_other_values_is_read_at_the_end() -> None:
    words = Format("json_schema", "word", {"enum": ["red", "blue"]}, strict=True)
    numbers = Format("json_schema", "n", {"type": "array", "items": {"type": "integer"}}, True)

    assert fold(feed(FormatStage(words), '"red"', 1)).text == '"red"'
    assert fold(feed(FormatStage(words), "Blue", 1)).text == '"blue"'
    assert fold(feed(FormatStage(numbers), "They are [1, 2].", 1)).text == "[1,2]"


REFUSALS = [
    "I'm sorry, but I can't help with that.",
    "I\u2019m really sorry, no.",
    "Sorry, I cannot do this.",
    "I cannot assist with that request.",
    "Unfortunately, I can't share this.",
    "I won't do that.",
    "I must apologize, this is not possible.",
    "As an AI, I have no name.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_handed_out_as_one(text: str) -> None:
    stage = FormatStage(STRICT)

    assert feed(stage, text, 4) == [RefusalDelta(text), Finished("stop")]
    assert stage.refusal == text
    assert is_refusal(text)


def test_the_delta_of_a_refusal_is_the_engines_choice() -> None:
    stage = FormatStage(STRICT, refuse=ReasoningDelta)

    assert feed(stage, REFUSALS[0]) == [ReasoningDelta(REFUSALS[0]), Finished("stop")]


def test_a_refusal_with_json_is_an_answer() -> None:
    transcript = fold(feed(FormatStage(STRICT), 'Sorry, here: {"name": "A", "age": 1}'))

    assert transcript.text == '{"name":"A","age":1}'


def test_words_alone_are_a_fault_that_is_repaired_unseen() -> None:
    stage = FormatStage(STRICT)
    out = feed(stage, "Ann is five.")
    assert out == []
    assert [fault.message for fault in stage.faults] == ["There is no JSON in the answer."]
    assert stage.said == Message("assistant", (Text("Ann is five."),))
    assert repair_message(stage.faults, "kqtmbdfs").text == (
        "Your answer is not in the form that was asked for:\n- There is no JSON in the answer.\n"
        "Write it again, corrected: only the JSON, no other text."
    )

    stage.resume()
    out += feed(stage, '{"name": "Ann", "age": 5}')

    assert fold(out).text == '{"name":"Ann","age":5}'
    assert fold(out).finished == Finished("stop")


def test_a_violation_before_anything_went_out_is_repaired_unseen() -> None:
    stage = FormatStage(STRICT)

    out = feed(stage, '{"age": "five", "name": "Ann"}')

    assert out == []
    assert [fault.goes_on for fault in stage.faults] == [False]
    assert stage.faults[0].message == "$.age: 'five' is not of type 'integer'"


@pytest.mark.parametrize("again", ['{"name": "Ann", "age": 5}', 'So:\n```\n{"name":"Ann","age":5}'])
def test_a_violation_behind_what_went_out_is_gone_on_from(again: str) -> None:
    stage = FormatStage(STRICT)
    out = feed(stage, '{"name": "Ann", "age": "five"}', 3)
    assert [(fault.sent, fault.goes_on) for fault in stage.faults] == [('{"name":"Ann"', True)]
    assert '{"name":"Ann"\n' in repair_message(stage.faults, "kqtmbdfs").text

    stage.resume()
    out += feed(stage, again, 3)

    assert fold(out).text == '{"name":"Ann","age":5}'


def test_after_much_went_out_only_the_rest_is_asked_for() -> None:
    stage = FormatStage(STRICT)
    name = "A" * 3000
    out = feed(stage, f'{{"name": "{name}", "age": "five"}}')
    message = repair_message(stage.faults, "kqtmbdfs").text
    assert "Write only what has to follow" in message
    assert len(message) < 1000

    stage.resume()
    out += feed(stage, ', "age": 5}', 3)

    assert fold(out).text == f'{{"name":"{name}","age":5}}'


TEXT = 'So: {"name": "Ann", "age": 55}'


@pytest.mark.parametrize("at", range(len(TEXT) - 1))
def test_an_answer_cut_off_anywhere_goes_on_from_the_cut(at: int) -> None:
    stage = FormatStage(STRICT)
    out = feed(stage, TEXT[:at], reason="length")
    assert [fault.kind for fault in stage.faults] == ["cut"]
    stage.resume()
    out += feed(stage, TEXT[at:])

    assert fold(out).text == '{"name":"Ann","age":55}'
    assert fold(out).finished == Finished("stop")


def test_a_cut_answer_can_be_given_up_as_cut() -> None:
    stage = FormatStage(STRICT)
    feed(stage, TEXT[:20], reason="length")

    assert list(stage.give_up()) == [Finished("length")]


def test_strict_never_ends_in_wrong_json() -> None:
    for form in (STRICT, OBJECT):
        stage = FormatStage(form)
        feed(stage, "[1, 2]")
        with pytest.raises(Problem) as caught:
            stage.give_up()
        assert caught.value.kind is Kind.GARBAGE
        assert "could not be made valid" in caught.value.message


def test_without_strict_json_that_breaks_the_schema_is_handed_out_in_the_end() -> None:
    stage = FormatStage(LOOSE)
    out = feed(stage, '{"name": "Ann", "age": "five"}')

    out += stage.give_up()

    assert fold(out).text == '{"name":"Ann","age":"five"}'
    assert fold(out).finished == Finished("stop")


def test_without_strict_words_are_still_a_problem() -> None:
    stage = FormatStage(LOOSE)
    feed(stage, "Ann is five.")

    with pytest.raises(Problem):
        stage.give_up()


def test_a_good_answer_cannot_be_given_up() -> None:
    stage = FormatStage(STRICT)
    feed(stage, '{"name": "Ann", "age": 5}')

    with pytest.raises(Problem) as caught:
        stage.give_up()

    assert caught.value.kind is Kind.INTERNAL


def test_beside_calls_no_json_is_asked_for() -> None:
    stage = FormatStage(STRICT)
    call = CallStarted(0, "call_1", "f")

    assert list(stage.feed(TextDelta("Let me look."))) == []
    assert list(stage.feed(call)) == [call]
    assert list(stage.feed(Finished("tool_calls"))) == [Finished("tool_calls")]


def test_a_refusal_of_the_upstream_itself_is_an_answer() -> None:
    stage = FormatStage(STRICT)

    assert list(stage.feed(RefusalDelta("No."))) == [RefusalDelta("No.")]
    assert list(stage.feed(Finished("stop"))) == [Finished("stop")]


def test_a_moderated_answer_ends_as_it_is() -> None:
    assert feed(FormatStage(STRICT), '{"na', reason="content_filter") == [
        Finished("content_filter")
    ]


def test_an_answer_beyond_every_bound_is_a_problem() -> None:
    stage = FormatStage(STRICT)
    for _ in range(8):
        stage.feed(TextDelta(" " * 1_000_000))

    with pytest.raises(Problem) as caught:
        stage.feed(TextDelta(" "))

    assert caught.value.kind is Kind.GARBAGE


# ------------------------------------------------------------------------- teaching


def test_the_format_is_said_in_the_system_message() -> None:
    prompt = Prompt("auto", (Message("system", (Text("Be brief."),)),), format=STRICT)

    taught = teach_format(prompt)

    assert taught.format == Format()
    assert taught.messages[0].text == (
        "Be brief.\n\n# Form of the answer\n\nAnswer with one JSON value and nothing else: no "
        "words around it, no code fence. It has to be valid by this JSON Schema:\n"
        '{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"},'
        '"tags":{"type":"array","items":{"type":"string"}}},"required":["name","age"],'
        '"additionalProperties":false}'
    )


def test_a_system_message_is_made_where_there_is_none() -> None:
    prompt = Prompt("auto", (Message("user", (Text("Hi"),)),), format=OBJECT)

    taught = teach_format(prompt)

    assert taught.messages[0].role == "system"
    assert taught.messages[0].text.endswith("It has to be a JSON object.")
    assert taught.messages[1:] == prompt.messages
    assert teach_format(taught) is taught


def long_schema(length: int, members: int = 60) -> dict[str, Any]:
    note = "x" * length
    return {
        "type": "object",
        "properties": {f"m{n}": {"type": "string", "description": note} for n in range(members)},
    }


def test_a_long_schema_is_said_as_a_type_and_one_beyond_the_budget_is_an_error() -> None:
    def taught(schema: Any) -> str:
        prompt = Prompt("auto", (), format=Format("json_schema", "x", schema))
        return teach_format(prompt).messages[0].text

    assert "It has to be of this type:\n{\n  m0?: string,  // xxx" in taught(long_schema(150))
    assert len(taught(long_schema(5_000))) < FORMAT_BUDGET
    with pytest.raises(Problem) as caught:
        taught(long_schema(1, 5_000))
    assert caught.value.param == "response_format"


def test_a_schema_beyond_every_bound_is_an_error_of_the_format() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(100):
        deep = {"type": "array", "items": deep}

    with pytest.raises(Problem) as caught:
        FormatStage(Format("json_schema", "x", deep))

    assert caught.value.param == "response_format"
