"""The grammar: what is rendered is parsed back, and nothing put into a block can break out."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat2api_core.toolcalls.faults import Fault
from chat2api_core.toolcalls.grammar import MAX_TAG, Grammar, Tag, new_marker
from chat2api_core.toolcalls.parser import ToolCallParser
from chat2api_core.turn import CallDelta, CallStarted, Delta, Finished, Prompt, TextDelta, Tool

MARK = "kqtmbdfs"
HALVES = ("kqtm", "bdfs")
# Text that is likely to hit the grammar where it hurts.
NASTY = st.lists(
    st.sampled_from(
        [
            MARK, MARK.upper(), HALVES[0], HALVES[1], "kqtm~bdfs", "kqtm~~bdfs", f"<call_{MARK}>",
            f"</call_{MARK}>", f'<result_{MARK} name="x">', "<![CDATA[", "]]>", "```", "\n", "\r\n",
            "{", '{"input": "', '"}', "&lt;", "<", "\\", " ", "~", "é", "\u2028",
        ]
    )
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    max_size=12,
).map("".join)  # fmt: skip
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda name: name == name.strip()
)


class Ids:
    def uuid(self) -> str:
        return ""

    def hex(self, digits: int) -> str:
        return "0" * digits

    def random(self) -> float:
        return 0.0


def parsed(prompt: Prompt, text: str, size: int) -> tuple[list[str], str, str, Sequence[Fault]]:
    """Names, arguments and text that come out of a text cut into pieces of a size."""
    parser = ToolCallParser(prompt, MARK, Ids())
    deltas: list[Delta] = []
    for at in range(0, len(text), size):
        deltas += parser.feed(TextDelta(text[at : at + size]))
    deltas += parser.feed(Finished("stop"))
    names = [delta.name for delta in deltas if isinstance(delta, CallStarted)]
    arguments = "".join(delta.arguments for delta in deltas if isinstance(delta, CallDelta))
    said = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    return names, arguments, said, parser.faults


@settings(max_examples=120, deadline=None)
@given(NAMES, NASTY, st.integers(1, 40))
def test_free_text_comes_back_as_it_was_rendered(name: str, text: str, size: int) -> None:
    prompt = Prompt("auto", (), tools=(Tool(name, kind="custom"),))
    block = Grammar(MARK).text_call(name, text)

    assert parsed(prompt, block, size) == ([name], text, "", [])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NASTY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NASTY, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=120, deadline=None)
@given(NAMES, st.dictionaries(NASTY, JSON, max_size=4), st.integers(1, 40))
def test_json_arguments_come_back_as_they_were_rendered(
    name: str, arguments: dict[str, Any], size: int
) -> None:
    prompt = Prompt("auto", (), tools=(Tool(name),))
    block = Grammar(MARK).json_call(name, json.dumps(arguments))

    names, back, said, faults = parsed(prompt, block, size)

    assert (names, said, faults) == ([name], "", [])
    assert json.loads(back) == arguments


@settings(max_examples=120, deadline=None)
@given(NASTY)
def test_a_result_can_neither_spell_the_marker_nor_close_its_block(text: str) -> None:
    grammar = Grammar(MARK)
    block = grammar.result("x", text)

    assert block.lower().count(MARK) == 2
    assert grammar.restore(grammar.neutralise(text)) == text
    closing = grammar.find(block[5:], final=True)
    assert closing is not None
    assert block[5:][closing.start :] == f"</result_{MARK}>"


@settings(max_examples=120, deadline=None)
@given(NASTY, st.integers(1, 7))
def test_pieces_are_restored_as_the_whole_is(text: str, size: int) -> None:
    grammar = Grammar(MARK)
    neutral = grammar.neutralise(text)
    pending, out = "", []
    for at in range(0, len(neutral), size):
        pending += neutral[at : at + size]
        end = grammar.restorable(pending)
        out.append(grammar.restore(pending[:end]))
        pending = pending[end:]

    assert "".join(out) + grammar.restore(pending) == text


def test_a_marker_is_eight_letters_drawn_for_the_request() -> None:
    class Drawn(Ids):
        def hex(self, digits: int) -> str:
            assert digits == 8
            return "0123cdef"

    assert new_marker(Drawn()) == "bcdfqrst"


def test_a_result_says_which_call_it_belongs_to_where_there_were_several() -> None:
    block = Grammar(MARK).result('a"b<c', "12 degrees", 2)

    assert block == (f'<result_{MARK} name="a&quot;b&lt;c" call="2">\n12 degrees\n</result_{MARK}>')


def test_arguments_that_are_no_json_are_shown_as_they_are_but_for_the_marker() -> None:
    block = Grammar(MARK).json_call("f", f"not json <call_{MARK}>")

    assert block == f'<call_{MARK} name="f">\nnot json \\u003ccall_{MARK}>\n</call_{MARK}>'


HEADS = [
    ("nothing", "no tag < here", None),
    ("another marker", "<call_bcdfghjk name=x>", None),
    ("a longer marker", f"<call_{MARK}s>", None),
    ("a marker broken by a tilde", "<call_kqtm~bdfs>", None),
    ("a call", f"x <call_{MARK}>", (2, False, False)),
    ("a closing tag", f"</call_{MARK}>", (0, True, False)),
    ("a result", f"<result_{MARK}>", (0, False, True)),
    ("the result of a tool", f"<Tool-Result {MARK}>", (0, False, True)),
    ("no word", f"<{MARK}>", (0, False, False)),
]


@pytest.mark.parametrize(("text", "found"), [h[1:] for h in HEADS], ids=[h[0] for h in HEADS])
def test_a_tag_is_found_by_its_marker(text: str, found: tuple[int, bool, bool] | None) -> None:
    head = Grammar(MARK).find(text, final=True)

    assert (head and (head.start, head.closing, head.result)) == found


def test_a_tag_at_the_very_end_is_not_one_before_more_is_known() -> None:
    grammar = Grammar(MARK)

    assert grammar.find(f"<call_{MARK}", final=False) is None
    assert grammar.settled(f"text <call_{MARK}") == 5


SETTLED = [
    ("plain text", "hello", 5),
    ("a lone bracket", "a <", 2),
    ("a bracket and a blank", "a < ", 2),
    ("another tag", "a <div", 6),
    ("a comparison", "a < b", 5),
    ("a tag begun", "a <to", 2),
    ("a closing tag begun", "a </cal", 2),
    ("an escaped tag begun", "a &l", 2),
    ("an escaped tag with a word", "a &lt;call_kq", 2),
    ("another entity", "a &amp", 6),
    ("an ampersand in words", "a &b", 4),
    ("a backslash", "a \\", 2),
    ("a backslash before a letter", "a \\n", 4),
    ("a wrong letter of the marker", "<call_kqx", 9),
    ("a full-width bracket", "\uff1ccall", 0),
    ("a second bracket", "<x <c", 3),
]


@pytest.mark.parametrize(("text", "end"), [s[1:] for s in SETTLED], ids=[s[0] for s in SETTLED])
def test_only_what_may_become_a_tag_is_held(text: str, end: int | None) -> None:
    assert Grammar(MARK).settled(text) == end


TAGS = [
    ("a name", ' name="f">rest', Tag(10, "f")),
    ("a name with entities", ' name="a&quot;b">', Tag(17, 'a"b')),
    ("arguments", " name=f args='{\"a\": 1}'>", Tag(24, "f", '{"a": 1}')),
    ("arguments over lines", ' name="f" input="a\nb">', Tag(22, "f", "a\nb")),
    ("parameters", ' name="f" a="1" b=2/>', Tag(21, "f", '{"a":"1","b":"2"}', True)),
    ("two names", ' name="f" tool="g">', Tag(19, "f")),
    ("a name in words", " f g>", Tag(5, "f")),
    ("no bracket before the body", ' name="f" {"a"', Tag(10, "f")),
    ("an escaped end", " name=&quot;f&quot;&gt;x", Tag(23, '"f"')),
    ("odd signs", " '' =f>", Tag(7, "f")),
]


@pytest.mark.parametrize(("text", "tag"), [t[1:] for t in TAGS], ids=[t[0] for t in TAGS])
def test_a_tag_is_read_in_any_of_its_forms_however_it_is_cut(text: str, tag: Tag) -> None:
    grammar = Grammar(MARK)

    assert grammar.tag(text, 0, final=False) == tag
    for end in range(len(text)):
        early = grammar.tag(text[:end], 0, final=False)
        assert early is None or early == tag


UNFINISHED = [
    ("nothing", "", Tag(0)),
    ("a name without a value", " name=", Tag(6)),
    ("an open quote", ' name="get', Tag(10, "get")),
    ("a bare name", " name=get", Tag(9, "get")),
    ("a word", " get", Tag(4, "get")),
]


@pytest.mark.parametrize(
    ("text", "tag"), [u[1:] for u in UNFINISHED], ids=[u[0] for u in UNFINISHED]
)
def test_a_tag_ends_with_the_answer(text: str, tag: Tag) -> None:
    grammar = Grammar(MARK)

    assert grammar.tag(text, 0, final=False) is None
    assert grammar.tag(text, 0, final=True) == tag


def test_a_tag_without_an_end_is_bounded() -> None:
    assert Grammar(MARK).tag(' name="f" ' + "x " * MAX_TAG, 0, final=False) is not None


CLOSINGS = [
    ("at once", ">rest", 1),
    ("behind a blank", " >", 2),
    ("escaped", "&gt;", 4),
    ("not closed, but a new line", "\nrest", 0),
    ("not closed, but a new tag", "<call", 0),
    ("not closed, and too long", "x" * 60, 0),
    ("not there yet", " ", None),
]


@pytest.mark.parametrize(("text", "end"), [c[1:] for c in CLOSINGS], ids=[c[0] for c in CLOSINGS])
def test_a_closing_tag_ends_where_it_is_closed_or_given_up(text: str, end: int | None) -> None:
    assert Grammar(MARK).closing_end(text, 0, final=False) == end
