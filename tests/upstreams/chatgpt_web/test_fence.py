"""Fenced blocks: nothing in the text closes them, and what is certain leaves at once."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat2api_core.upstreams.chatgpt_web.fence import Fence

STEPS: list[tuple[str, str, list[tuple[str, str]], str]] = [
    ("a block around one piece", "python", [("x = 1", "```python\nx = 1")], "\n```"),
    ("a line end is not doubled", "", [("x\n", "```\nx\n")], "```"),
    ("pieces leave as they come", "", [("a", "```\na"), ("b", "b"), ("\nc", "\nc")], "\n```"),
    ("a block without text is none", "python", [("", "")], ""),
    ("the fence is longer than any run in the first piece", "",
     [("a `b` ```c```` d", "`````\na `b` ```c```` d")], "\n`````"),
    ("a later run within a line does no harm", "", [("a", "```\na"), (" ```` b", " ```` b")],
     "\n```"),
    ("a later line of backticks ends the block for a longer one", "md",
     [("a\n", "```md\na\n"), ("```\nb", "```\n\n````md\n```\nb")], "\n````"),
    ("a run waits for its end", "", [("a\n", "```\na\n"), ("  ``", ""), ("`", ""), ("`", ""),
                                     ("x", "```\n\n`````\n  ````x")], "\n`````"),
    ("a run that is too short is text", "", [("a\n", "```\na\n"), ("``", ""), (" b", "`` b")],
     "\n```"),
    ("a run at the very end is decided at the end", "", [("a\n", "```\na\n"), ("```", "")],
     "```\n\n````\n```\n````"),
    ("four blanks make a run harmless", "", [("a\n", "```\na\n"), ("    ```", "    ```")],
     "\n```"),
    ("a strange language is left out", "c`c\n", [("x", "```\nx")], "\n```"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "steps", "end"), [step[1:] for step in STEPS], ids=[step[0] for step in STEPS]
)
def test_a_block_is_written_step_by_step(
    language: str, steps: list[tuple[str, str]], end: str
) -> None:
    fence = Fence(language)
    for piece, expected in steps:
        assert expected == fence.feed(piece)
    assert end == fence.close()


def blocks(markdown: str) -> list[str]:
    """The contents of fenced blocks, read as Markdown says. All else must be blank."""
    found: list[str] = []
    length = 0
    for line in markdown.split("\n"):
        run = re.fullmatch(r" {0,3}(`{3,})(x?) *", line)
        if not length and run is not None:
            length = len(run[1])
            found.append("")
        elif length and run is not None and len(run[1]) >= length and not run[2]:
            length = 0
        elif length:
            found[-1] += line + "\n"
        else:
            assert line == ""
    assert length == 0
    return found


@settings(deadline=None)
@given(st.lists(st.text("`\n ax", min_size=1, max_size=6), min_size=1, max_size=12))
def test_a_reader_of_markdown_gets_the_text_back(pieces: list[str]) -> None:
    fence = Fence("x")
    markdown = "".join(map(fence.feed, pieces)) + fence.close()
    text = "".join(pieces)
    assert "".join(blocks(markdown)) == text + ("" if text.endswith("\n") else "\n")
