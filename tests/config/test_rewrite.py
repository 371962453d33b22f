"""Sections of a settings file written anew, and the rest left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.config.error import Mismatch
from chat2api_core.config.rewrite import rewrite
from chat2api_core.config.tree import Tree, read_tree

FILE = """\
# at the top
bind: 0.0.0.0  # beside

# about auth
auth:
  access_tokens: [sk-1]  # inside

# about the proxy
proxy: http://old:1
# at the end
"""


@pytest.mark.parametrize(
    ("sections", "before", "after"),
    [
        ({"proxy": ["http://new:2"]}, "proxy: http://old:1\n", "proxy:\n- http://new:2\n"),
        ({"proxy": ""}, "proxy: http://old:1\n", ""),
        (
            {"auth": {"access_tokens": ["sk-2"]}},
            "auth:\n  access_tokens: [sk-1]  # inside\n",
            "auth:\n  access_tokens:\n  - sk-2\n",
        ),
        ({"proxy": "http://old:1"}, "", ""),
        (
            {"chatgpts": [{"email": "a: b", "disabled": "true"}]},
            "# at the end\n",
            "# at the end\nchatgpts:\n- email: 'a: b'\n  disabled: true\n",
        ),
    ],
    ids=["changed", "taken out", "nested", "the same", "new"],
)
def test_only_the_lines_of_a_changed_section_change(
    sections: dict[str, Tree], before: str, after: str
) -> None:
    assert rewrite(FILE, sections) == FILE.replace(before, after)


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", "proxy: x\n"),
        ("# nothing but this\n", "# nothing but this\nproxy: x\n"),
        ("bind: y", "bind: y\nproxy: x\n"),
        ("{bind: y}", "bind: y\nproxy: x\n"),
        ('{"bind": "y", "proxy": "z"}', "bind: y\nproxy: x\n"),
        ("bind: y\r\nproxy: z\r\n", "bind: y\r\nproxy: x\n"),
    ],
    ids=["empty", "a comment", "no last line end", "flow style", "JSON", "lines of Windows"],
)
def test_files_of_any_form_are_written(text: str, after: str) -> None:
    assert rewrite(text, {"proxy": "x"}) == after


def test_the_last_section_leaves_an_empty_file() -> None:
    assert rewrite("{proxy: z}", {"proxy": ""}) == ""


@pytest.mark.parametrize("text", ["- a list", "word", "a: [", "a: 1\na: 2"])
def test_what_is_no_settings_file_is_refused(text: str) -> None:
    with pytest.raises(Mismatch):
        rewrite(text, {"proxy": "x"})


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20) | st.sampled_from(
    ["yes", "~", "null", "0x1", "1e3", "- x", "a: b", "#x", " x ", "'", '"', "*x", "&x", "!x", "@"]
)
SECTIONS = st.recursive(
    TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["auth", "proxy", "new"]), SECTIONS, max_size=3))
def test_whatever_is_written_reads_back_the_same(sections: dict[str, Tree]) -> None:
    after = read_tree(rewrite(FILE, sections))
    assert isinstance(after, dict)
    assert after["bind"] == "0.0.0.0"
    for name, value in sections.items():
        if value not in ("", [], {}):
            assert after[name] == value
        else:
            assert name not in after
