"""Names of models that stand for others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.aliases import resolved

ALIASES = (
    ("gpt-4*", "any-4"),
    ("gpt-4o*", "any-4o"),
    ("gpt-4o", "the-4o"),
    ("a", "b"),
    ("b", "c"),
)
CASES = [
    ("a whole name", "a", "b"),
    ("a target is not looked up again", "b", "c"),
    ("a whole name wins over a beginning", "gpt-4o", "the-4o"),
    ("the longest beginning wins", "gpt-4o-mini", "any-4o"),
    ("a shorter one takes the rest", "gpt-4.1", "any-4"),
    ("a beginning may be all of a name", "gpt-4", "any-4"),
    ("a name that stands for nothing", "gpt-5.5", "gpt-5.5"),
    ("only a beginning counts", "my-gpt-4o", "my-gpt-4o"),
    ("no name at all", "", ""),
]


@pytest.mark.parametrize(
    ("model", "meant"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_names_are_read_by_the_pairs(model: str, meant: str) -> None:
    assert resolved(model, ALIASES) == meant


def test_a_star_alone_stands_for_all_the_others() -> None:
    aliases = (("*", "auto"), ("gpt-5.5", "gpt-5.5"))
    assert resolved("whatever", aliases) == "auto"
    assert resolved("gpt-5.5", aliases) == "gpt-5.5"


@given(st.text(), st.lists(st.tuples(st.text(), st.text())))
def test_the_answer_is_a_target_or_the_name_itself(
    model: str, aliases: list[tuple[str, str]]
) -> None:
    assert resolved(model, aliases) in {model, *(target for _, target in aliases)}
