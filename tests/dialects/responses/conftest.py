"""What all tests of the Responses dialect share: a dialect with a standing clock, a request, and
readers of the events that it sends."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from chat2api_core.dialects.base import Head
from chat2api_core.dialects.responses import Responses, ResponsesEncoder, ResponsesRequest
from chat2api_core.turn import Delta
from tests.fakes import FakeClock

Json: TypeAlias = dict[str, Any]
Parse: TypeAlias = Callable[..., ResponsesRequest]
Run: TypeAlias = Callable[..., list[Json]]

CREATED = 1795295116
HEAD = Head("0123456789abcdef0123456789abcdef", CREATED)


def read_events(stream: bytes) -> list[Json]:
    """The data of each event of a stream; its name must be that of its type."""
    text = stream.decode()
    assert text.endswith("\n\n") or not text
    events = []
    for block in text.removesuffix("\n\n").split("\n\n") if text else []:
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


@pytest.fixture
def head() -> Head:
    return HEAD


@pytest.fixture
def dialect() -> Responses:
    return Responses(FakeClock(CREATED + 0.75))


@pytest.fixture
def parse(dialect: Responses) -> Parse:
    """The request of a body whose members are given by name; ``input`` is ``hi`` if not given."""

    def of(**body: Any) -> ResponsesRequest:
        return dialect.parse(json.dumps({"input": "hi", **body}).encode())

    return of


@pytest.fixture
def encoder(dialect: Responses, parse: Parse) -> Callable[..., ResponsesEncoder]:
    """A new encoder for a request as for ``parse``."""
    return lambda **body: dialect.encoder(parse(**body), HEAD)


@pytest.fixture
def run(encoder: Callable[..., ResponsesEncoder]) -> Run:
    """The events of an answer that is fed delta by delta."""

    def of(deltas: Sequence[Delta], **body: Any) -> list[Json]:
        machine = encoder(**body)
        return read_events(b"".join(machine.feed([delta]) for delta in deltas))

    return of


@pytest.fixture
def events() -> Callable[[bytes], list[Json]]:
    return read_events


@pytest.fixture
def golden() -> Path:
    return Path(__file__).parents[2] / "golden" / "responses"
