"""Canvas calls: JSON read while it is written, and the passages that it becomes."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat2api_core.turn import TextDelta
from chat2api_core.upstreams.chatgpt_web.canvas import Members
from chat2api_core.upstreams.chatgpt_web.manuscript import Manuscript, Passage
from chat2api_core.upstreams.chatgpt_web.textdoc import Edits, Textdoc


@settings(deadline=None)
@given(
    st.dictionaries(st.text(max_size=5), st.text(max_size=8), max_size=4),
    st.booleans(),
    st.sampled_from([None, 1]),
    st.data(),
)
def test_members_come_out_as_they_went_in(
    members: dict[str, str], ascii_only: bool, indent: int | None, data: st.DataObject
) -> None:
    text = json.dumps(members, ensure_ascii=ascii_only, indent=indent)
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    reader = Members()
    read: dict[str, str] = {}
    for start, end in zip([0, *places], [*places, len(text)], strict=True):
        for name, piece in reader.feed(text[start:end]):
            read[name] = read.get(name, "") + piece
    assert reader.done == members
    assert read == {name: value for name, value in members.items() if value}
    assert not reader.broken


@settings(deadline=None)
@given(st.text('{}":,\\u d8abn\n', max_size=30))
def test_garbage_breaks_nothing_but_the_reading(text: str) -> None:
    reader = Members()
    for letter in text:
        reader.feed(letter)


BROKEN = ["[", '{"a":1}', '{"a" 1', '{"a":"x"]', "{}}", '{"a":"\\q           ', '{"a":"\n',
          '{"a":"\\ud800 and no more"', "{,"]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_object_of_texts_is_broken(text: str) -> None:
    reader = Members()
    reader.feed(text)
    assert reader.broken
    assert reader.feed('"b":"c"}') == []


def written(passage_of: type[Textdoc] | type[Edits], *pieces: str) -> str:
    page = Manuscript()
    passage: Passage = passage_of(page)
    for piece in pieces:
        passage.write(piece, 0)
    page.finish()
    return "".join(delta.text for delta in page.out if isinstance(delta, TextDelta))


def test_a_document_is_shown_under_its_name_as_it_is_written() -> None:
    page = Manuscript()
    passage = Textdoc(page)
    passage.write('{"name":"moons","type":"document","content":"Io', 0)
    assert page.out == [TextDelta("**moons**\n\n"), TextDelta("````markdown\nIo")]
    page.out.clear()
    passage.write(" is hot", 0)
    assert page.out == [TextDelta(" is hot")]
    page.out.clear()
    page.finish()
    assert page.out == [TextDelta("\n````")]


def test_a_document_may_hold_blocks_of_code() -> None:
    content = "# Run\n\n```sh\nls\n```\nDone.\n"
    call = json.dumps({"name": "notes", "type": "document", "content": content})
    assert written(Textdoc, *call) == f"**notes**\n\n````markdown\n{content}````"


def test_a_document_that_would_end_its_block_goes_on_in_a_longer_one() -> None:
    call = json.dumps({"name": "", "type": "document", "content": "One\n````\nTwo"})
    blocks = "````markdown\nOne\n````\n\n`````markdown\n````\nTwo\n`````"
    assert written(Textdoc, call) == blocks
    assert written(Textdoc, *call) == blocks


def test_content_waits_for_the_name_and_the_type() -> None:
    call = '{"content":"print(1)","type":"code/python","name":"run"}'
    assert written(Textdoc, *call) == "**run**\n\n```python\nprint(1)\n```"


def test_a_call_that_is_cut_off_shows_what_came() -> None:
    assert written(Textdoc, '{"content":"print(1)') == "```\nprint(1)\n```"
    assert written(Textdoc, '{"name":" ","type":"document","content":"Io') == (
        "````markdown\nIo\n````"
    )
    assert written(Textdoc, '{"name":"moons","type":"docu') == ""


def test_code_that_goes_on_after_something_else_has_a_block_of_its_own() -> None:
    page = Manuscript()
    passage = Textdoc(page)
    passage.write('{"name":"run","type":"code/c","content":"one', 0)
    page.end_passage()
    passage.write("two", 0)
    page.finish()
    text = "".join(delta.text for delta in page.out if isinstance(delta, TextDelta))
    assert text == "**run**\n\n```c\none\n```\n\n```c\ntwo\n```"


def test_changes_are_shown_with_their_place() -> None:
    call = json.dumps(
        {
            "updates": [
                {"pattern": ".*", "multiple": True, "replacement": "```x"},
                {"pattern": "old \n one", "replacement": "new"},
                {"replacement": ""},
            ]
        }
    )
    assert written(Edits, call[:9], call[9:]) == (
        "````\n```x\n````\n\nIn place of “old one”:\n\n```\nnew\n```\n\n(nothing)"
    )


def test_comments_are_a_list() -> None:
    assert written(Edits, '{"comments":[{"pattern":"x","comment":"Say more."}]}') == "- Say more."


@pytest.mark.parametrize("call", ['{"updates":', "[]", "[" * 5000])
def test_a_call_that_is_not_readable_shows_nothing(call: str) -> None:
    assert written(Edits, call) == ""
