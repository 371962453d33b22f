"""Hosted tools and the highest effort, where the upstream is the web."""

import json

import pytest

from chat2api_core.turn import HostedTool, Message, Prompt, Text
from chat2api_core.upstreams.chatgpt_web.request import conversation_body
from chat2api_core.upstreams.chatgpt_web.target import thinking
from tests.fakes import FakeIds

SEARCH = HostedTool("web_search", {"external_web_access": True})
DRAW = HostedTool("image_generation")


@pytest.mark.parametrize(
    ("hosted", "hints", "sent"),
    [
        ((), (), []),
        ((SEARCH,), (), ["search"]),
        ((SEARCH,), ("search",), ["search"]),
        ((SEARCH,), ("reason",), ["reason", "search"]),
        ((DRAW,), (), []),
    ],
)
def test_a_search_tool_is_a_switch_and_others_are_not_there(
    hosted: tuple[HostedTool, ...], hints: tuple[str, ...], sent: list[str]
) -> None:
    prompt = Prompt("auto", (Message("user", (Text("hi"),)),), hosted=hosted, hints=hints)
    outgoing = conversation_body(prompt, ids=FakeIds(), now=0.0, history_disabled=True)
    assert json.loads(outgoing.body)["system_hints"] == sent


def test_the_highest_effort_is_the_webs_highest() -> None:
    assert thinking("ultra") == "max"
