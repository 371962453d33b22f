"""What sealed thinking is remembered by."""

from chat2api_core.kept.thoughts import brought, given
from chat2api_core.turn import (
    Delta,
    Message,
    Prompt,
    Reasoning,
    ReasoningDelta,
    ReasoningSealed,
    Text,
    TextDelta,
)


def prompt(*thoughts: str) -> Prompt:
    parts = tuple(Reasoning("rs_1", ("Hm.",), one) for one in thoughts)
    return Prompt("m", (Message("assistant", (*parts, Text("Yes."))), Message("user", ())))


def test_what_was_given_is_known_when_it_is_brought_back() -> None:
    answer: list[Delta] = [ReasoningDelta("Hm."), ReasoningSealed("first"), ReasoningSealed("last")]

    assert given(answer) == brought(prompt("first", "last"))
    assert given(answer) != brought(prompt("first"))


def test_the_seal_itself_is_not_in_its_name() -> None:
    assert "secret" not in given([ReasoningSealed("secret")])


def test_where_nothing_is_sealed_there_is_no_name() -> None:
    assert given([TextDelta("Hi")]) == ""
    assert brought(prompt()) == brought(prompt("")) == ""


def test_no_text_is_too_odd_for_a_name() -> None:
    assert given([ReasoningSealed("\ud800")]).isascii()
