"""What the tests of tool calls share: a marker, fresh names that stand still, tools, a listener."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import pytest
from msgspec import Struct

from chat2api_core.toolcalls.faults import Fault
from chat2api_core.toolcalls.parser import ToolCallParser
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    Delta,
    Finished,
    FinishReason,
    Message,
    Prompt,
    Text,
    TextDelta,
    Tool,
    ToolCall,
)

MARK = "kqtmbdfs"
WEATHER = Tool(
    "get_weather",
    "The weather of the next days in a city.",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "The city's name"},
            "days": {"type": "integer", "minimum": 1, "maximum": 10},
            "unit": {"enum": ["c", "f"]},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
)
TOOLS = (
    WEATHER,
    Tool("ping"),
    Tool(
        "write_file",
        parameters={
            "type": "object",
            "properties": {"path": {"type": "string"}, "content": {"type": "string"}},
            "required": ["path", "content"],
        },
    ),
    Tool(
        "search",
        parameters={
            "type": "object",
            "properties": {
                "query": {"type": "string"},
                "exact": {"type": "boolean"},
                "filters": {
                    "type": "object",
                    "properties": {
                        "tags": {"type": "array", "items": {"type": "string"}},
                        "limit": {"type": "integer"},
                    },
                    "additionalProperties": False,
                },
            },
            "required": ["query"],
        },
    ),
    Tool("apply_patch", "Change files.", kind="custom"),
    Tool(
        "send",
        parameters={"type": "object", "properties": {"to": {"type": "string"}}},
        namespace="mail",
    ),
)


class CountingIds:
    """Names in the order in which they are drawn."""

    def __init__(self) -> None:
        self._drawn = 0

    def uuid(self) -> str:
        return "00000000-0000-4000-8000-000000000000"

    def hex(self, digits: int) -> str:
        self._drawn += 1
        return f"{self._drawn:0{digits}x}"

    def random(self) -> float:
        return 0.5


class Heard(Struct, frozen=True):
    """What came out of an answer, however it was cut."""

    text: str
    calls: tuple[ToolCall, ...]
    finished: Finished | None
    faults: tuple[Fault, ...]


def pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def fold(deltas: Iterable[Delta]) -> Transcript:
    transcript = Transcript()
    for delta in deltas:
        transcript.feed(delta)
    return transcript


Listen: TypeAlias = Callable[..., Heard]


@pytest.fixture
def marker() -> str:
    return MARK


@pytest.fixture
def ids() -> CountingIds:
    return CountingIds()


@pytest.fixture
def tools() -> tuple[Tool, ...]:
    return TOOLS


@pytest.fixture
def prompt() -> Prompt:
    return Prompt("auto", (Message("user", (Text("Hello."),)),), tools=TOOLS)


@pytest.fixture
def listen(prompt: Prompt) -> Listen:
    """Feeds a text in pieces of a size to a new parser and folds what comes out. ``MARK`` in the
    text stands for the marker."""

    def hear(text: str, size: int = 0, reason: FinishReason = "stop", of: Prompt = prompt) -> Heard:
        parser = ToolCallParser(of, MARK, CountingIds())
        text = text.replace("MARK", MARK)
        out: list[Delta] = []
        for piece in pieces(text, size or max(len(text), 1)):
            out += parser.feed(TextDelta(piece))
        out += parser.feed(Finished(reason))
        transcript = fold(out)
        return Heard(transcript.text, transcript.calls, transcript.finished, tuple(parser.faults))

    return hear


@pytest.fixture
def feed_all() -> Callable[[ToolCallParser, Sequence[str]], list[Delta]]:
    """Feeds texts one after the other; what came out."""

    def feed(parser: ToolCallParser, texts: Sequence[str]) -> list[Delta]:
        out: list[Delta] = []
        for text in texts:
            out += parser.feed(TextDelta(text.replace("MARK", MARK)))
        return out

    return feed
