"""What the tests of this dialect share: a request in short, and the problem with a wrong one."""

import json
from collections.abc import Callable
from typing import TypeAlias

import pytest

from chat2api_core.dialects.chat_completions import ChatCompletions, ChatRequest
from chat2api_core.problem import Problem

Parse: TypeAlias = Callable[..., ChatRequest]
Refuse: TypeAlias = Callable[..., Problem]


@pytest.fixture
def parse() -> Parse:
    """The request of a body whose members are given by name; one message if none are given."""

    def of(**body: object) -> ChatRequest:
        messages = [{"role": "user", "content": "hello"}]
        return ChatCompletions().parse(json.dumps({"messages": messages, **body}).encode())

    return of


@pytest.fixture
def refuse(parse: Parse) -> Refuse:
    """What is said of such a body."""

    def of(**body: object) -> Problem:
        with pytest.raises(Problem) as caught:
            parse(**body)
        return caught.value

    return of
