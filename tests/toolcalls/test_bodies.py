"""Bodies of calls: arguments and free text beside the parser, and what they are read from."""

from typing import Any

import pytest

from chat2api_core.toolcalls.arguments import Arguments
from chat2api_core.toolcalls.checked import MAX_LENGTH, CheckedJson
from chat2api_core.toolcalls.envelope import open_envelope
from chat2api_core.toolcalls.faults import Fault, repair_message
from chat2api_core.toolcalls.freetext import FreeText
from chat2api_core.toolcalls.grammar import Grammar
from chat2api_core.toolcalls.loose import loosen
from chat2api_core.toolcalls.offsets import Offsets
from chat2api_core.toolcalls.schema import Node, Schema
from chat2api_core.toolcalls.schema_reader import read
from chat2api_core.toolcalls.toolbox import Toolbox
from chat2api_core.turn import Prompt, Tool, ToolCall, ToolChoice

OPEN = read({"type": "object"})
ROWS = read(
    {
        "type": "object",
        "properties": {
            "rows": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"n": {"type": "integer"}, "u": {"type": ["string", "null"]}},
                    "required": ["n", "u"],
                },
            },
            "map": {"type": "object", "additionalProperties": {"type": "boolean"}},
            "any": {},
            "kind": {"const": "x"},
        },
        "additionalProperties": False,
    }
)


def checked(schema: Any, text: str, size: int = 0) -> tuple[str, str]:
    reading = CheckedJson(schema)
    size = size or max(len(text), 1)
    out = "".join(reading.feed(text[at : at + size]) for at in range(0, len(text), size))
    return out + reading.close(), reading.trouble


CHECKED = [
    ("nested values", '{"rows": [{"n": 1, "u": "a"}, {"n": 2, "u": null}]}',
     '{"rows":[{"n":1,"u":"a"},{"n":2,"u":null}]}', ""),
    ("a null filled in", '{"rows": [{"n": 1}]}', '{"rows":[{"n":1,"u":null}]}', ""),
    ("empty ones", '{"rows": [], "map": {}}', '{"rows":[],"map":{}}', ""),
    ("free members", '{"map": {"a": true, "b": "false"}}', '{"map":{"a":true,"b":false}}', ""),
    ("anything", '{"any": [{"a": [1, "x"]}, {}]}', '{"any":[{"a":[1,"x"]},{}]}', ""),
    ("a wrong item", '{"rows": [{"n": 1, "u": "a"}, 5]}', '{"rows":[{"n":1,"u":"a"}',
     "$.rows[1]: 5 is not of type 'object'"),
    ("a wrong member of an item", '{"rows": [{"n": 1, "u": "a"}, {"n": "x"}]}',
     '{"rows":[{"n":1,"u":"a"},', "$.rows[1].n: 'x' is not of type 'integer'"),
    ("a member missing in an item", '{"rows": [{"u": "a"}]}', '{"rows":[{"u":"a"',
     "$.rows[0]: 'n' is required but missing"),
    ("a member that there is not", '{"kind": "X", "what": [1]}', '{"kind":"x"',
     "$.what: there is no such parameter; there are: rows, map, any, kind"),
    ("a member twice", '{"any": 1, "any": 2}', '{"any":1', "$.any: given twice"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "out", "trouble"), [c[1:] for c in CHECKED], ids=[c[0] for c in CHECKED]
)
def test_what_goes_out_is_right_as_far_as_it_goes(text: str, out: str, trouble: str) -> None:
    for size in (0, 1, 4):
        assert checked(ROWS, text, size) == (out, trouble)


def test_after_the_end_or_a_trouble_nothing_more_goes_out() -> None:
    done, wrong = CheckedJson(OPEN), CheckedJson(OPEN)
    done.feed("{}")
    wrong.feed("[1]")

    assert (done.feed("{}"), done.close(), done.done) == ("", "", True)
    assert (wrong.feed("{}"), wrong.close(), wrong.done) == ("", "", False)


def test_a_whole_that_breaks_a_rule_of_its_members_is_held_to_the_end() -> None:
    schema = read({"type": "object", "properties": {"a": {}}, "minProperties": 2})

    assert checked(schema, '{"a": 1}') == ("", "$: {'a': 1} does not have enough properties")


def test_a_whole_of_another_type_than_object() -> None:
    assert checked(read({"type": "array", "items": {"type": "integer"}}), "[1, 2]") == ("[1,2]", "")
    assert checked(read({"type": "string"}), '"a"') == ('"a"', "")
    assert checked(read({"allOf": [{"type": "object"}], "title": "x"}), '{"a": 1}') == (
        '{"a":1}',
        "",
    )


def test_the_validator_has_the_last_word_over_the_whole() -> None:
    schema = read({"$ref": "#/$defs/x", "$defs": {"x": {"properties": {"a": {"not": {}}}}}})

    assert checked(schema, '{"b": 1}') == ('{"b":1}', "")
    assert checked(schema, '{"a": 1}')[0] == ""
    contradictory = Schema(Node(source={"not": {}}, types=frozenset({"object"})), {})
    out, trouble = checked(contradictory, '{"a": 1}')
    assert (out, "should not be valid" in trouble) == ('{"a":1', True)


@pytest.mark.parametrize(
    "body", [CheckedJson(OPEN), Arguments(OPEN), FreeText(Grammar("kqtmbdfs"))]
)
def test_a_body_is_bounded(body: Any) -> None:
    body.feed("{" + " " * MAX_LENGTH)

    assert body.trouble == f"longer than {MAX_LENGTH} characters"
    assert body.feed("x") == ""
    assert body.close() == ""


def test_arguments_say_what_was_written_and_sent() -> None:
    body = Arguments(OPEN)

    assert body.feed('{"a": 1, ') == '{"a":1'
    assert body.feed('"b": 2} more') == ',"b":2}'
    assert (body.sent, body.raw, body.rest) == ('{"a":1,"b":2}', '{"a": 1, "b": 2} more', " more")
    assert body.close() == ""


def test_a_body_that_begins_twice_the_same_way_can_be_cut_early() -> None:
    body = Arguments(OPEN)
    body.feed('{"a": "')
    body.resume(cut=True)

    assert body.feed("  ") == ""
    assert body.feed('x"}') == '{"a":"  x"}'
    assert body.done


def test_a_second_body_may_end_before_it_is_known_which_it_is() -> None:
    body = Arguments(OPEN)
    body.feed('{"a": "xyz"')
    body.resume(cut=True)
    body.feed("")

    assert body.close() == '"}'
    assert body.sent == '{"a":"xyz"}'
    assert body.done


def free(text: str, size: int = 0) -> str:
    body = FreeText(Grammar("kqtmbdfs"))
    size = size or max(len(text), 1)
    out = "".join(body.feed(text[at : at + size]) for at in range(0, len(text), size))
    out += body.close()
    assert out == body.sent
    return out


FREE = [
    ("plain", "\na\nb\n", "a\nb"),
    ("no lines beside the tags", "a", "a"),
    ("lines with carriage returns", "\r\na\r\n", "a"),
    ("blank lines of its own", "\n\n a \n\n", "\n a \n"),
    ("nothing", "", ""),
    ("only blanks", "\n  \n", "  "),
    ("CDATA", "\n<![CDATA[a]]>\n", "a"),
    ("CDATA that does not end", "<![CDATA[a", "a"),
    ("CDATA with brackets", "<![cdata[a]] b]]>]]>", "a]] b]]>"),
    ("what is not CDATA", "<![C", "<![C"),
    ("a fence", "```diff\na\n```", "a"),
    ("a fence that does not end", "```\na", "```\na"),
    ("one backtick", "`a`", "`a`"),
    ("JSON of one member", '{"input": "a\\nb"}', "a\nb"),
    ("JSON of another member", '{"x": "a"}\n', '{"x": "a"}'),
    ("JSON of a number", '{"input": 5}', '{"input": 5}'),
    ("no JSON", "{a}\n", "{a}"),
    ("a broken marker", "kqtm~bdfs kqtm~~bdfs", "kqtmbdfs kqtm~bdfs"),
]


@pytest.mark.parametrize(("text", "out"), [f[1:] for f in FREE], ids=[f[0] for f in FREE])
def test_free_text_is_what_stands_between_the_tags_however_it_is_cut(text: str, out: str) -> None:
    for size in (0, 1, 2, 5):
        assert free(text, size) == out


def test_free_text_written_again_has_to_begin_the_same() -> None:
    body = FreeText(Grammar("kqtmbdfs"))
    body.feed("\nabcdef, a text as long as it takes to be told by its beginning; and more")
    body.resume(cut=True)
    body.feed("\nabcdef, a text as long as it takes to be told by its beginning, NOT")

    assert body.trouble == "the text does not begin as it did before"
    assert body.close() == ""


LOOSE = [
    ("", "{}"),
    (" None ", "{}"),
    ("```\n```json\n{}\n```\n```", "{}"),
    ("{{a: 1}}", "{a: 1}"),
    ('[\\"a\\"]', '["a"]'),
    ('{\\"a\\": "b" \\q}', '{"a": "b" \\q}'),
    ("f(a=1, b='x=1')", '{"a": 1, "b": \'x=1\'}'),
    ("f({a: 1});", "{a: 1}"),
    ("<b>", "<b>"),
    ("<a>1 &lt; 2</a>", '{"a":"1 < 2"}'),
    ("<param key='x'><![CDATA[<y>]]></param>", '{"x":"<y>"}'),
    ("Call f with this:\n{a: 1}", "{a: 1}"),
    ("words", "words"),
    ("{{{{{{a}}}}}}", "{{a}}"),
]


@pytest.mark.parametrize(("body", "json"), LOOSE)
def test_a_loose_body_is_unwrapped_and_no_more(body: Any, json: str) -> None:
    assert loosen(body) == json


ENVELOPES = [
    ("nothing", ("", "nothing")),
    ('{"a": 1}', ("", '{"a": 1}')),
    ('{"tool": "f", "a": 1, "id": "x"}', ("f", '{"a":1}')),
    ('{"name": "f", "input": "{}"}', ("f", "{}")),
    ("f(1)", ("f", "f(1)")),
    ("`f`: {}", ("", "`f`: {}")),
    ("f: {}", ("f", "{}")),
    ("<tool_name>f</tool_name>{}", ("f", "{}")),
]


@pytest.mark.parametrize(("body", "opened"), ENVELOPES)
def test_the_name_is_found_in_the_body(body: Any, opened: tuple[str, str]) -> None:
    assert open_envelope(body) == opened


# ------------------------------------------------------------------------- toolbox

BOX = Toolbox(
    Prompt(
        "auto",
        (),
        tools=(
            Tool("send", namespace="mail"),
            Tool("send", namespace="chat"),
            Tool("now", namespace="clock"),
            Tool("getWeather"),
            Tool("get_weather"),
            Tool("now", namespace="clock"),
        ),
        tool_choice=ToolChoice("auto", ("send", "getWeather")),
    )
)


FOUND = [
    ("mail.send", "mail.send"),
    ("mail__send", "mail.send"),
    ("Mail-Send", "mail.send"),
    ("send", None),
    ("getWeather", "getWeather"),
    ("GETWEATHER", None),
    ("functions.get_weather", None),
    ("clock.now_2", "clock.now_2"),
    ("", None),
    ("...", None),
]


@pytest.mark.parametrize(("written", "name"), FOUND)
def test_a_name_stands_for_one_tool_or_for_none(written: str, name: str) -> None:
    found = BOX.find(written)

    assert (found.name if found else None) == name


def test_the_choice_narrows_the_tools_by_either_name() -> None:
    assert [named.name for named in BOX.allowed] == ["mail.send", "chat.send", "getWeather"]


def test_a_call_of_the_past_keeps_a_name_though_its_tool_is_gone() -> None:
    assert BOX.name_of(ToolCall("c", "send", "", namespace="chat")) == "chat.send"
    assert BOX.name_of(ToolCall("c", "old", "", namespace="gone")) == "gone.old"


# ------------------------------------------------------------------------- the rest


def test_offsets_tell_what_was_kept_from_what_was_dropped() -> None:
    offsets = Offsets()
    offsets.keep(0)
    offsets.keep(5)
    offsets.keep(2)
    offsets.drop(10)
    offsets.drop(-2)
    offsets.keep(3)

    assert offsets.move(1, 7) == (1, 7)
    assert offsets.move(5, 9) is None
    assert offsets.move(9, 10) is None
    assert offsets.move(15, 18) == (7, 10)
    assert offsets.move(16, 15) is None
    assert Offsets(4).move(0, 1) is None


MESSAGES = [
    (
        "a call cut off",
        Fault("cut", "Cut.", "f", 0, "x"),
        "Your answer was cut off in the middle of the call of f. Go on with exactly the "
        "characters that come next: repeat nothing and write nothing else. Then close it with "
        "</call_kqtmbdfs>.",
    ),
    (
        "JSON cut off",
        Fault("cut", "Cut."),
        "Your answer was cut off in the middle of the JSON. Go on with exactly the characters "
        "that come next: repeat nothing and write nothing else.",
    ),
    (
        "a call of which a part went out",
        Fault("invalid", "kqtmbdfs is wrong.", "f", 0, '{"a":1'),
        "There is a mistake in the call of f: kqtm~bdfs is wrong.\nWrite it again as a whole, "
        "corrected. This beginning is taken already and has to stay exactly as it is:\n"
        '{"a":1\nWrite nothing else. Frame it with <call_kqtmbdfs name="f"> and '
        "</call_kqtmbdfs> as before.",
    ),
    (
        "a call that is missing",
        Fault("not_called", "The answer has to call a tool: f."),
        "Something is missing:\n- The answer has to call a tool: f.\nWrite the call now, in the "
        'form <call_kqtmbdfs name="…"> … </call_kqtmbdfs>, and nothing else.',
    ),
]


@pytest.mark.parametrize(("fault", "text"), [m[1:] for m in MESSAGES], ids=[m[0] for m in MESSAGES])
def test_a_repair_is_asked_for_in_exact_words(fault: Fault, text: str) -> None:
    assert repair_message([fault], "kqtmbdfs").text == text
