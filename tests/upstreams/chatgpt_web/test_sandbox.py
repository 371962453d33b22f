"""Links into the sandbox, found in text that may be cut anywhere."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat2api_core.turn import TextDelta
from chat2api_core.upstreams.chatgpt_web.manuscript import Manuscript, Prose
from chat2api_core.upstreams.chatgpt_web.sandbox import (
    Path,
    Piece,
    SandboxScanner,
    begins_no_path,
)

LONG = "sandbox:/mnt/data/" + "x" * 600


def split(*pieces: str) -> list[Piece]:
    """What comes of these pieces of text, neighbouring texts joined."""
    scanner = SandboxScanner()
    out: list[Piece] = []
    said = ""
    for piece in pieces:
        out += scanner.feed(piece, said)
        said += piece
    out += scanner.close()
    joined: list[Piece] = []
    for one in out:
        if isinstance(one, str) and joined and isinstance(joined[-1], str):
            joined[-1] += one
        else:
            joined.append(one)
    return joined


def paths(text: str) -> list[str]:
    return [piece.path for piece in split(text) if isinstance(piece, Path)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[it](sandbox:/mnt/data/a.csv).", ["/mnt/data/a.csv"]),
        ("![plot](sandbox:/mnt/data/plot.png)", ["/mnt/data/plot.png"]),
        ("[it](sandbox:/mnt/data/a b.csv)", ["/mnt/data/a b.csv"]),
        ("[it](sandbox:/mnt/data/a%20b.csv)", ["/mnt/data/a b.csv"]),
        ("[it](sandbox:/mnt/data/a(1).csv)!", ["/mnt/data/a(1).csv"]),
        ('[it](sandbox:/mnt/data/a.csv "The table")', ["/mnt/data/a.csv"]),
        ("[it](<sandbox:/mnt/data/a (1).csv>)", ["/mnt/data/a (1).csv"]),
        ("[it](sandbox:/mnt/data/a.csv\nand on", ["/mnt/data/a.csv"]),
        ("<sandbox:/mnt/data/a\nand on", ["/mnt/data/a"]),
        ("See sandbox:/mnt/data/a.csv, please.", ["/mnt/data/a.csv"]),
        ("See sandbox:/mnt/data/a.csv.", ["/mnt/data/a.csv"]),
        ("`sandbox:/mnt/data/a.csv`", ["/mnt/data/a.csv"]),
        ("(sandbox:/mnt/data/a.csv)", ["/mnt/data/a.csv"]),
        ("sandbox:/mnt/data/a sandbox:/mnt/data/b", ["/mnt/data/a", "/mnt/data/b"]),
        ("sandbox:/mnt/data/\u00fcml\u00e4ut.csv", ["/mnt/data/\u00fcml\u00e4ut.csv"]),
        ("mysandbox:/mnt/data/a", []),
        ("_sandbox:/mnt/data/a", []),
        ("the sandbox: a place", []),
        ("sandbox:/", []),
        ("[it](sandbox:/mnt/data/)", []),
        ("s sa san sandbo", []),
        (LONG, []),
        (f"[it]({LONG})", []),
        (f"<{LONG}>", []),
        (f"{LONG} sandbox:/mnt/data/a", ["/mnt/data/a"]),
    ],
)
def test_paths_are_found_where_people_write_them(text: str, found: list[str]) -> None:
    assert paths(text) == found
    assert "".join(one if isinstance(one, str) else one.text for one in split(text)) == text


def test_a_path_is_told_apart_from_what_stands_around_it() -> None:
    assert split("See [it](sandbox:/mnt/data/a.csv).") == [
        "See [it](",
        Path("sandbox:/mnt/data/a.csv", "/mnt/data/a.csv"),
        ").",
    ]


def test_what_cannot_be_a_path_leaves_at_once() -> None:
    scanner = SandboxScanner()
    assert scanner.feed("one sand", "") == ["one "]
    assert scanner.feed("wich", "") == ["sandwich"]
    assert scanner.held == ""
    assert scanner.feed("moons", "") == ["moons"]


def test_no_more_than_the_longest_path_is_held_back() -> None:
    scanner = SandboxScanner()
    most = 0
    for sign in LONG * 2:
        scanner.feed(sign, "")
        most = max(most, len(scanner.held))
    assert most < 512
    assert scanner.held == ""


@pytest.mark.parametrize("text", ["", "moon", "boxes", "s: x", "sandwich", "san d"])
def test_ordinary_text_begins_no_path(text: str) -> None:
    assert begins_no_path(text)


@pytest.mark.parametrize("text", ["s", "a s", "x sandbox:", "sandbox:/mnt", "sandbox:/a, more"])
def test_a_beginning_is_noticed(text: str) -> None:
    assert not begins_no_path(text)


PIECES = st.sampled_from(
    [
        "sandbox:/mnt/data/a.csv", "sandbox:/", "sandbox:", "sand", "s", "](", "[x](", ")", "(",
        "<", ">", " ", "\n", '"', ".", ",", "a", "_", "%20", "\u00e4", "x" * 300, "/mnt/data/",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=12).map("".join)


@given(TEXTS, st.lists(st.integers(0, 400), max_size=12))
@example("[x](sandbox:/mnt/data/a.csv)", [1, 5, 6, 9, 20])
def test_it_does_not_matter_where_the_text_is_cut(text: str, cuts: list[int]) -> None:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[a:b] for a, b in pairwise(places)]
    assert split(*pieces) == split(text)
    assert split(*text) == split(text)


@given(TEXTS)
def test_nothing_is_lost(text: str) -> None:
    assert "".join(one if isinstance(one, str) else one.text for one in split(text)) == text


class Addresses:
    """Gives every file an address of its own."""

    def picture(self, asset: str, _: str, /) -> str:
        return f"https://x/{asset}"

    def file(self, path: str, conversation_id: str, message_id: str, /) -> str:
        assert (conversation_id, message_id) == ("conv", "m")
        return f"https://x/{len(path)}"


def written(*pieces: str) -> tuple[str, Manuscript]:
    page = Manuscript(Addresses())
    page.conversation_id = "conv"
    prose = Prose(page, "m")
    end = 0
    for piece in pieces:
        end += len(piece)
        prose.write(piece, end)
    page.finish()
    text = "".join(delta.text for delta in page.out if isinstance(delta, TextDelta))
    assert page.length == len(text)
    return text, page


@given(st.lists(PIECES | st.just("\ue200cite\ue202turn0search1\ue201"), max_size=10))
def test_prose_with_marks_and_paths_is_the_same_however_it_arrives(parts: list[str]) -> None:
    text = "".join(parts)
    whole, _ = written(text)
    assert written(*text)[0] == whole
    assert written(*parts)[0] == whole


def test_a_path_becomes_its_address_and_nothing_else_changes() -> None:
    text, _ = written("See [it](sand", "box:/mnt/data/a.csv) and ", "more s", "ands.")
    assert text == "See [it](https://x/15) and more sands."


def test_a_mark_ends_a_path_that_stands_before_it() -> None:
    text, _ = written("sandbox:/mnt/data/a\ue200cite\ue202turn0search1\ue201.")
    assert text.startswith("https://x/11")


def test_files_without_an_address_are_named_at_the_end_once() -> None:
    page = Manuscript()
    prose = Prose(page, "m")
    prose.write("[it](sandbox:/mnt/data/a.csv), sandbox:/mnt/data/a.csv, sandbox:/mnt/b", 70)
    page.finish()
    text = "".join(delta.text for delta in page.out if isinstance(delta, TextDelta))
    assert text.startswith("[it](sandbox:/mnt/data/a.csv), ")
    assert text.count("[No link can be given to a.csv, b: ") == 1
