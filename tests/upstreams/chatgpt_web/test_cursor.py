"""Texts that grow and change: nothing of them is read twice, nothing is lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web.cursor import Cursor, Read
from chat2api_core.upstreams.chatgpt_web.rope import Rope


@settings(deadline=None)
@given(st.lists(st.text(max_size=3), max_size=40), st.integers(0, 130))
def test_a_rope_is_the_text_of_its_pieces(pieces: list[str], start: int) -> None:
    rope = Rope("ab")
    for count, piece in enumerate(pieces):
        rope.append(piece)
        if count % 7 == 3:
            assert len(str(rope)) == rope.length
    text = "ab" + "".join(pieces)
    assert rope.tail(start) == text[start:]
    assert (len(rope), str(rope)) == (len(text), text)


def test_a_rope_of_many_words_keeps_few_of_them_apart() -> None:
    rope = Rope()
    for number in range(5000):
        rope.append(f"{number} ")
    assert str(rope) == "".join(f"{number} " for number in range(5000))
    assert rope.tail(rope.length) == ""


def test_whole_texts_are_read_by_difference() -> None:
    cursor = Cursor()
    texts = ["Io", "Io", "Io, Europa", "Io, Europa."]
    assert [cursor.advance(text).text for text in texts] == ["Io", "", ", Europa", "."]
    assert cursor.seen == 11


def test_a_rope_is_read_by_its_tail() -> None:
    cursor = Cursor()
    rope = Rope("Io")
    assert cursor.advance(rope) == Read("Io")
    rope.append(", ")
    rope.append("Titan")
    assert cursor.advance(rope) == Read(", Titan")
    assert cursor.advance(rope) == Read()


def test_a_text_that_has_gone_brings_nothing_and_may_come_back() -> None:
    cursor = Cursor()
    assert cursor.advance("Io") == Read("Io")
    assert cursor.advance(None) == Read()
    assert cursor.advance({"a": 1}) == Read()
    assert cursor.advance("Io!") == Read("!")


def test_a_stream_that_is_played_again_is_read_from_where_it_was() -> None:
    cursor = Cursor()
    assert cursor.advance("Io, Europa") == Read("Io, Europa")
    again = Rope("")
    assert cursor.advance(again) == Read()
    for piece, caught_up in (("Io", False), (", Eur", False), ("opa, Ti", True), ("tan", True)):
        again.append(piece)
        fresh = cursor.advance(again)
        assert cursor.caught_up is caught_up
        assert fresh == Read({"opa, Ti": ", Ti", "tan": "tan"}.get(piece, ""))


def test_a_text_that_says_something_else_is_read_afresh() -> None:
    cursor = Cursor()
    assert cursor.advance("Io is cold") == Read("Io is cold")
    assert cursor.advance("Io is") == Read()
    assert not cursor.caught_up
    assert cursor.advance("Io is hot") == Read("Io is hot", afresh=True)
    assert cursor.advance("Io is hot.") == Read(".")
    again = Rope("")
    assert cursor.advance(again) == Read()
    again.append("Ganymede")
    assert cursor.advance(again) == Read("Ganymede", afresh=True)


def test_a_text_may_not_be_written_anew_without_end() -> None:
    cursor = Cursor()
    for number in range(9):
        cursor.advance(f"{number} is the number")
    with pytest.raises(Problem) as caught:
        cursor.advance("10 is the number")
    assert caught.value.kind is Kind.GARBAGE
