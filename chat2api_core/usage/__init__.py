"""Counting tokens, where the upstream does not say how many there were.

In: a ``Prompt`` and the ``Transcript`` of its answer. Out: a ``Usage``. Counting is exact where the
optional extra is installed (``exact``), else an estimate within 10% on prose, code and Chinese
(``estimate``). It belongs at the end of an answer, never between two deltas.
"""

from collections.abc import Iterable
from typing import Protocol, assert_never

import msgspec

from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    File,
    Image,
    Message,
    Native,
    Part,
    Prompt,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from chat2api_core.usage.estimate import estimate

# Tokens around the text of a prompt, as OpenAI documents them for its chat format: to open and
# close a message and name its role, to give a name with it, to open the answer.
_MESSAGE, _NAME, _ANSWER = 4, 1, 3

# Tokens of a picture, as OpenAI documents them: fixed for low detail, else of a square one.
_LOW_PICTURE, _PICTURE = 85, 765


class Counter(Protocol):
    """Tells the tokens of a text. ``exact`` is False if it estimates."""

    @property
    def exact(self) -> bool: ...

    def count(self, text: str) -> int: ...


class EstimateCounter:
    """Counts without a tokenizer: instantly there, and a few per cent off."""

    exact = False

    def count(self, text: str) -> int:
        return estimate(text)


def load_counter() -> Counter:
    """The best counter that is installed. Takes half a second of computing where the tokenizer is:
    call it once a process, and not on an event loop."""
    from chat2api_core.usage import exact  # noqa: PLC0415 (only counting needs its imports)

    return exact.load() or EstimateCounter()


def usage_of(prompt: Prompt, transcript: Transcript, counter: Counter) -> Usage:
    """What a turn used. Reasoning is part of the output, as OpenAI counts; files are not counted,
    for nobody knows what the upstream makes of them."""
    asked = sum(_message(message, counter) for message in prompt.messages)
    asked += sum(_tool(tool, counter) for tool in prompt.tools)
    reasoning = _texts(transcript.reasoning, counter)
    answer = counter.count(transcript.text) + counter.count(transcript.refusal)
    answer += sum(_texts((call.name, call.arguments), counter) for call in transcript.calls)
    return Usage(
        input_tokens=asked + _ANSWER,
        output_tokens=answer + reasoning,
        reasoning_tokens=reasoning,
        exact=counter.exact,
    )


def _message(message: Message, counter: Counter) -> int:
    tokens = _MESSAGE + sum(_part(part, counter) for part in message.parts)
    return tokens + (_NAME + counter.count(message.name) if message.name else 0)


def _part(part: Part, counter: Counter) -> int:
    match part:
        case Text():
            return counter.count(part.text)
        case Image():
            return _LOW_PICTURE if part.detail == "low" else _PICTURE
        case File() | Native():
            return 0
        case ToolCall():
            return _texts((part.name, part.arguments), counter)
        case ToolResult():
            return sum(_part(inner, counter) for inner in part.parts)
        case Reasoning():
            return _texts(part.summary, counter)
        case _:
            assert_never(part)


def _tool(tool: Tool, counter: Counter) -> int:
    parameters = msgspec.json.encode(tool.parameters).decode() if tool.parameters else tool.grammar
    return _texts((tool.name, tool.description, parameters), counter)


def _texts(texts: Iterable[str], counter: Counter) -> int:
    return sum(map(counter.count, texts))


__all__ = ["Counter", "EstimateCounter", "estimate", "load_counter", "usage_of"]
