"""The dialect of each route, fed by hand."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from chat2api_core.dialects.base import Head
from chat2api_core.dialects.images import Images, ImagesRequest, Route
from chat2api_core.turn import Delta

Parse = Callable[..., ImagesRequest]
Run = Callable[..., list[Any]]

HEAD = Head("a", 1_787_300_000)
URL = "data:image/png;base64,AAAA"


@pytest.fixture
def parse() -> Parse:
    def read(route: Route = "generations", /, **fields: Any) -> ImagesRequest:
        body = {"prompt": "A moon"} | ({} if route == "generations" else {"image": URL}) | fields
        return Images(route).parse(json.dumps(body).encode())

    return read


@pytest.fixture
def run(parse: Parse) -> Run:
    """The events of a stream, decoded; ``event:`` must say what the data say."""

    def encode(deltas: Sequence[Delta], route: Route = "generations", /, **fields: Any) -> Any:
        encoder = Images(route).encoder(parse(route, stream=True, **fields), HEAD)
        raw = b"".join(encoder.feed([delta]) for delta in deltas).decode()
        return events_of(raw)

    return encode


def events_of(raw: str) -> list[Any]:
    events = []
    for block in raw.split("\n\n")[:-1]:
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events
