"""What an upstream tells that this API has no words for."""

import pytest

from chat2api_core.dialects.base import Head, Request
from chat2api_core.dialects.chat_completions import ChatCompletions
from chat2api_core.turn import Delta, Finished, Prompt, ReasoningSealed, TextDelta, WebSearch


@pytest.mark.parametrize("delta", [ReasoningSealed("gAAA"), WebSearch("search", "moons")])
def test_sealed_reasoning_and_searches_are_not_shown(delta: Delta) -> None:
    dialect, request, head = ChatCompletions(), Request(Prompt("auto", ())), Head("a", 1)
    plain, more = dialect.encoder(request, head), dialect.encoder(request, head)
    said, end = TextDelta("Hi"), Finished("stop")
    assert more.feed([said, delta, end]) == plain.feed([said, end])
