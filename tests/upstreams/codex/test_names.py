"""Names of tools, fit for the wire and back."""

import re

from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.upstreams.codex.names import LONGEST, Names

LONG = "mcp__" + "a_long_server_name" * 4 + "__get_time"


def wires(*names: str) -> list[str]:
    known = Names([("", name) for name in names])
    return [known.wire(name) for name in names]


def test_a_fit_name_stays_as_it_is() -> None:
    assert wires("get_time", "a-b", "x" * 64) == ["get_time", "a-b", "x" * 64]


def test_of_a_long_name_the_tool_is_kept() -> None:
    assert wires(LONG) == ["mcp__get_time"]


def test_a_long_name_of_another_kind_is_cut() -> None:
    assert wires("x" * 70) == ["x" * 64]


def test_a_long_tool_of_a_server_is_cut_as_well() -> None:
    assert wires("mcp__s__" + "y" * 80) == ["mcp__" + "y" * 59]


def test_odd_letters_become_dashes_below() -> None:
    assert wires("files.read", "größe") == ["files_read", "gr__e"]


def test_a_name_of_nothing_is_still_a_name() -> None:
    assert wires("") == ["tool"]


def test_a_shortened_name_gives_way_to_one_that_is_there() -> None:
    assert wires("mcp__get_time", LONG) == ["mcp__get_time", "mcp__get_time_1"]
    assert wires("x" * 65, "x" * 66) == ["x" * 64, "x" * 62 + "_1"]


def test_namespaces_do_not_mind_each_other() -> None:
    names = Names([("a", LONG), ("b", LONG), ("b", "mcp__get_time")])
    assert names.wire(LONG, "a") == "mcp__get_time"
    assert names.wire(LONG, "b") == "mcp__get_time_1"
    assert names.restore("mcp__get_time", "a") == LONG
    assert names.restore("mcp__get_time", "b") == "mcp__get_time"


def test_a_name_that_was_never_sent_stays_as_it_is() -> None:
    assert Names([]).restore("anything") == "anything"


@given(st.lists(st.text(max_size=90), unique=True, max_size=20))
def test_every_name_comes_back_and_fits(names: list[str]) -> None:
    known = Names([("", name) for name in names])
    sent = [known.wire(name) for name in names]
    assert len(set(sent)) == len(sent)
    assert all(len(wire) <= LONGEST and re.fullmatch(r"[\w-]+", wire, re.ASCII) for wire in sent)
    assert [known.restore(wire) for wire in sent] == names
