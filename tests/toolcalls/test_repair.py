"""The tolerant reader: JSON is read as JSON, and what nearly is comes out as meant."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat2api_core.toolcalls.canonical import encode, encode_chars
from chat2api_core.toolcalls.events import Event
from chat2api_core.toolcalls.repair import MAX_DEPTH, Reader


def written(events: list[Event]) -> str:
    """The events as canonical JSON."""
    out: list[str] = []
    counts: list[int] = []
    after_key = False
    for kind, text in events:
        if kind in ("open", "key", "string", "scalar") and counts and not after_key:
            out.append("," if counts[-1] else "")
            counts[-1] += 1
        after_key = kind == "key"
        if kind == "open":
            counts.append(0)
        if kind == "close":
            counts.pop()
        out.append(
            {
                "string": '"',
                "quoted": '"',
                "chars": encode_chars(text),
                "key": encode(text) + ":",
            }.get(kind, text)
        )
    return "".join(out)


def read(text: str, size: int = 0) -> tuple[str, str, str]:
    reader = Reader()
    events = []
    size = size or max(len(text), 1)
    for at in range(0, len(text), size):
        events += reader.feed(text[at : at + size])
    events += reader.close()
    return written(events), reader.error, reader.rest


def joined(events: list[Event]) -> list[Event]:
    """Neighbouring pieces of text as one: how it was cut does not count."""
    out: list[Event] = []
    for event in events:
        if event.kind == "chars" and out and out[-1].kind == "chars":
            out[-1] = Event("chars", out[-1].text + event.text)
        else:
            out.append(event)
    return out


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=120, deadline=None)
@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans(), st.integers(1, 9))
def test_json_is_read_as_json_however_it_is_written_and_cut(
    value: Any, indent: int | str | None, ascii_only: bool, size: int
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)

    out, error, _ = read(text, size)

    assert error == ""
    assert out == encode(value)


@settings(max_examples=120, deadline=None)
@given(st.text("{}[]\"'`:=,;\\/*-+.0159eEunxtrfalsTN \n\u201c\u2019\u00e9ab<>", max_size=60))
def test_garbage_never_raises_and_reads_the_same_however_it_is_cut(text: str) -> None:
    whole = read(text)

    for size in (1, 2, 5):
        assert read(text, size) == whole


@settings(max_examples=120, deadline=None)
@given(st.text("{}[]\"':,\\a1 \n", max_size=40))
def test_what_is_read_is_json_or_an_error_is_named(text: str) -> None:
    out, error, _ = read(text)

    if not error:
        json.loads(out)


REPAIRS = [
    ("strict JSON is untouched", '{"a": [1, -2.5e3, "x\\n\\u00e9", true, null]}',
     '{"a":[1,-2500.0,"x\\né",true,null]}'),
    ("single quotes", "{'a': 'it\\'s'}", '{"a":"it\'s"}'),
    ("an apostrophe in single quotes", "{'a': 'it's'}", '{"a":"it\'s"}'),
    ("smart quotes", "{\u201ca\u201d: \u2018b\u2019}", '{"a":"b"}'),
    ("low smart quotes", "{\u201ea\u201c: \u201eb\u201c}", '{"a":"b"}'),
    ("three quotes", '{"a": """x "y" z"""}', '{"a":"x \\"y\\" z"}'),
    ("three single quotes", "{'a': '''x'''}", '{"a":"x"}'),
    ("an empty text", '{"a": "", \'b\': \'\'}', '{"a":"","b":""}'),
    ("bare keys and values", "{a: b c, d-e: f}", '{"a":"b c","d-e":"f"}'),
    ("a bare value that begins like a number", "{a: 5 apples}", '{"a":"5 apples"}'),
    ("a bare value with a colon", "{a: 12:30}", '{"a":"12:30"}'),
    ("Python literals", "[True, False, None]", "[true,false,null]"),
    ("JavaScript literals", "[undefined, NaN, -Infinity]", "[null,null,null]"),
    ("numbers in other spellings", "[+1, .5, 5., 0x1F, 1E2]", "[1,0.5,5.0,31,100.0]"),
    ("a number with a zero in front is a text", "[007]", '["007"]'),
    ("a number beyond every double is a text", "[1e999]", '["1e999"]'),
    ("trailing and doubled commas", '{"a": [1,,2,],}', '{"a":[1,2]}'),
    ("a comma in front", "[,1]", "[1]"),
    ("forgotten commas", '{"a": 1 "b": 2\n"c": "x" "d": "y"}', '{"a":1,"b":2,"c":"x","d":"y"}'),
    ("forgotten commas in a list", '["a" "b"\n"c"]', '["a","b","c"]'),
    ("semicolons", '{"a": 1; "b": 2}', '{"a":1,"b":2}'),
    ("equals signs and arrows", '{"a" = 1, "b" => 2}', '{"a":1,"b":2}'),
    ("comments", '{"a": 1, // one\n /* two */ "b": 2}', '{"a":1,"b":2}'),
    ("a comment without words", '{"a": 1, #\n "b": 2,\n "c": 3}', '{"a":1,"b":2,"c":3}'),
    ("a comment behind a text", '{"a": "x" // one\n}', '{"a":"x"}'),
    ("a comment that does not end", '{"a": 1} /* no', '{"a":1}'),
    ("an ellipsis", "[1, 2, ...]", "[1,2]"),
    ("an ellipsis as one character", '{"a": 1, \u2026}', '{"a":1}'),
    ("missing closers", '{"a": [1, {"b": "c', '{"a":[1,{"b":"c"}]}'),
    ("a missing quote before closers", '{"a": ["b]}', '{"a":["b"]}'),
    ("closers of the wrong kind", '{"a": [1, 2}', '{"a":[1,2]}'),
    ("a closer that closes nothing", '{"a": 1]}', '{"a":1}'),
    ("quotes inside a text", '{"a": "say "hi", ok?", "b": 1}', '{"a":"say \\"hi\\", ok?","b":1}'),
    ("quotes inside a text of a list", '["say "hi" now", "x"]', '["say \\"hi\\" now","x"]'),
    ("a bracket behind a quote inside a text", '{"a": "x["k"] = 1"}', '{"a":"x[\\"k\\"] = 1"}'),
    ("raw newlines and tabs", '{"a": "x\ny\tz"}', '{"a":"x\\ny\\tz"}'),
    ("lone backslashes", '{"a": "C:\\dir \\d+ \\"}', '{"a":"C:\\\\dir \\\\d+ \\""}'),
    ("hexadecimal escapes", '{"a": "\\x1b[0m \\xZZ"}', '{"a":"\\u001b[0m \\\\xZZ"}'),
    ("an escape cut short", '{"a": "\\u12"}', '{"a":"\\\\u12"}'),
    ("an escape of a newline", '{"a": "x\\\ny"}', '{"a":"x\\ny"}'),
    ("a surrogate pair", '["\\ud83d\\ude00"]', '["😀"]'),
    ("a high surrogate alone", '["\\ud83d\\u0041"]', '["\ufffdA"]'),
    ("a low surrogate alone", '["\\ude00"]', '["\ufffd"]'),
    ("a byte order mark", '\ufeff{"a": 1}', '{"a":1}'),
    ("a backslash at the very end", '["a\\', '["a\\\\"]'),
    ("a number at the very end", "[12", "[12]"),
    ("a bare word at the very end", "[abc", '["abc"]'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"), [r[1:] for r in REPAIRS], ids=[r[0] for r in REPAIRS]
)
def test_a_repair_comes_out_as_meant_however_it_is_cut(text: str, expected: str) -> None:
    for size in (0, 1, 2, 3):
        out, error, _ = read(text, size)
        assert (out, error) == (expected, "")


ERRORS = [
    ("nothing", "", "not valid JSON at character 0: there is no JSON"),
    ("a value missing", '{"a": }', "at character 6: a value is missing after the colon"),
    ("a value missing at the end", '{"a":', "at character 5: it ends where a value is missing"),
    ("a key that does not end", '{"a', "at character 3: it ends where a value is missing"),
    ("a key alone", '{"a"', "at character 4: it ends where a value is missing"),
    ("a bare key alone", "{a ", "at character 3: it ends where a value is missing"),
    ("no colon", '{"a" 1}', "at character 5: a colon is missing after the key"),
    ("a key that is none", '{{"a": 1}}', "at character 1: a key is expected, not '{'"),
    ("words", "hello world", "at character 0: a value is expected"),
    ("too deep", "[" * (MAX_DEPTH + 1), f"nested deeper than {MAX_DEPTH} levels"),
    ("an endless bare word", "[" + "a" * 5000, "a value is not in quotes"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), [e[1:] for e in ERRORS], ids=[e[0] for e in ERRORS])
def test_what_cannot_be_meant_is_an_error_that_says_where(text: str, message: str) -> None:
    for size in (0, 1):
        assert message in read(text, size)[1]


def test_what_stands_behind_the_value_is_left_as_rest() -> None:
    reader = Reader()

    reader.feed('{"a": 1} and more')

    assert reader.done
    assert reader.rest == " and more"


def test_text_of_a_string_is_handed_out_as_it_arrives() -> None:
    reader = Reader()
    reader.feed('{"a": "')

    assert reader.feed("one ") == [Event("string"), Event("chars", "one ")]
    assert reader.feed("two") == [Event("chars", "two")]
    assert reader.feed('"') == []
    assert reader.feed("}") == [Event("quoted"), Event("close", "}")]
    assert joined([Event("chars", "a"), Event("chars", "b")]) == [Event("chars", "ab")]
