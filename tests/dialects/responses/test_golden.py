"""Whole streams, event by event, against recordings of the official service.

The recordings had their random ids, the padding and the sealed thinking replaced by what stands
still here; nothing else was touched.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chat2api_core.dialects.base import Head
from chat2api_core.dialects.responses import Responses
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Delta,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    Usage,
)

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
    "strict": True,
    "description": None,
}
PATCH = ["*** Beg", "in Patc", "h\n*** A", "dd File", ": a\n+b\n", "*** End", " Patch\n"]

SITUATIONS: dict[str, tuple[dict[str, Any], list[Delta]]] = {
    "text": (
        {"model": "gpt-4.1-mini"},
        [
            Started("gpt-4.1-mini-2025-04-14"),
            TextDelta("hi"),
            Finished("stop", usage=Usage(15, 50)),
        ],
    ),
    "custom_tool": (
        {
            "model": "gpt-4.1-mini-2025-04-14",
            "tools": [{"type": "custom", "name": "apply_patch"}],
        },
        [
            Started(),
            CallStarted(0, "call_0", "apply_patch", "custom"),
            *(CallDelta(0, piece) for piece in PATCH),
            CallEnded(0),
            Finished("tool_calls", usage=Usage(12, 59)),
        ],
    ),
    "reasoning_and_function": (
        {
            "model": "gpt-5.1",
            "reasoning": {"summary": "auto"},
            "store": False,
            "include": ["reasoning.encrypted_content"],
            "tools": [WEATHER],
        },
        [
            Started(),
            ReasoningDelta("**Thinking**"),
            ReasoningDelta("\n\nThe user w"),
            ReasoningDelta("ants an answ"),
            ReasoningDelta("er."),
            CallStarted(0, "call_1", "get_weather"),
            CallDelta(0, '{"city"'),
            CallDelta(0, ':"Paris'),
            CallDelta(0, '"}'),
            CallEnded(0),
            Finished("tool_calls", usage=Usage(16, 123, reasoning_tokens=16)),
        ],
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_stream_is_the_recorded_one_event_by_event(
    situation: str,
    run: Callable[..., list[dict[str, Any]]],
    events: Callable[[bytes], list[dict[str, Any]]],
    golden: Path,
) -> None:
    body, deltas = SITUATIONS[situation]
    assert run(deltas, **body) == events((golden / f"{situation}.sse").read_bytes())


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_document_is_the_response_of_the_last_recorded_event(
    situation: str,
    dialect: Responses,
    head: Head,
    parse: Callable[..., Any],
    events: Callable[[bytes], list[dict[str, Any]]],
    golden: Path,
) -> None:
    body, deltas = SITUATIONS[situation]
    transcript = Transcript()
    for delta in deltas:
        transcript.feed(delta)
    document = dialect.document(parse(**body), head, transcript)
    last = events((golden / f"{situation}.sse").read_bytes())[-1]
    assert json.loads(document) == last["response"]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_stream_does_not_depend_on_how_deltas_are_batched(
    situation: str, dialect: Responses, head: Head, parse: Callable[..., Any]
) -> None:
    body, deltas = SITUATIONS[situation]
    request = parse(**body)
    whole = dialect.encoder(request, head).feed(deltas)
    for cut in range(len(deltas) + 1):
        machine = dialect.encoder(request, head)
        assert machine.feed(deltas[:cut]) + machine.feed(deltas[cut:]) == whole
