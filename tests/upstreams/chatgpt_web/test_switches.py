"""What switches of the web need besides being on."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import HostedTool, Message, Prompt, Text
from chat2api_core.upstreams.chatgpt_web.switches import switched

ASKED = (Message("user", (Text("What is open?"),)),)


def told(options: dict[str, Any]) -> list[str]:
    """What is said besides the question."""
    prompt = switched(Prompt("auto", ASKED, hosted=(HostedTool("web_search", options),)))
    assert prompt.messages[:1] == ASKED
    assert all(message.role == "system" for message in prompt.messages[1:])
    return [message.text for message in prompt.messages[1:]]


DELFT = {"type": "approximate", "city": "Delft", "region": "Zuid-Holland", "country": "NL"}
NEAR = "When you search the web: the user is in or near Delft, Zuid-Holland, NL."
ZONE = "The user's time zone is Europe/Amsterdam."


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, []),
        ({"search_context_size": "high"}, []),
        ({"user_location": None}, []),
        ({"user_location": {"type": "approximate"}}, []),
        ({"user_location": DELFT}, [NEAR]),
        ({"user_location": {"approximate": DELFT}}, [NEAR]),
        ({"user_location": DELFT | {"timezone": "Europe/Amsterdam"}}, [f"{NEAR} {ZONE}"]),
        (
            {"filters": {"allowed_domains": ["a.example", 3, "b.example"]}},
            ["When you search the web, use pages of these sites only: a.example, b.example."],
        ),
        ({"filters": {"allowed_domains": []}}, []),
        ({"user_location": {"city": "De\n\nlft " * 200}}, None),
    ],
)
def test_a_search_is_told_in_words_what_there_are_no_fields_for(
    options: dict[str, Any], words: list[str] | None
) -> None:
    if words is None:  # bounded, and on one line
        (only,) = told(options)
        assert len(only) < 400
        assert "\n" not in only
    else:
        assert told(options) == words


def test_research_is_done_in_a_chat_that_is_kept() -> None:
    asked = Prompt("auto", ASKED, hints=("research",))

    assert switched(asked).temporary is False


def test_research_in_a_temporary_chat_is_a_contradiction() -> None:
    with pytest.raises(Problem) as caught:
        switched(Prompt("auto", ASKED, hints=("research",), temporary=True))

    assert caught.value.kind is Kind.INVALID_REQUEST
    assert caught.value.param == "system_hints"


@pytest.mark.parametrize("hints", [(), ("search",), ("canvas", "reason")])
def test_any_other_prompt_stays_as_it_is(hints: tuple[str, ...]) -> None:
    asked = Prompt("auto", ASKED, hints=hints, hosted=(HostedTool("image_generation"),))

    assert switched(asked) is asked


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["user_location", "filters", "x"]), JSON, max_size=3))
def test_whatever_a_client_declares_is_no_trouble(options: dict[str, Any]) -> None:
    assert len(told(options)) <= 1
