"""The function behind Lambda's buffered doors."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from chat2api_core.ambient import SystemClock
from chat2api_core.web.deadline import SCOPE_KEY
from chat2api_core.web.lambda_buffered import LARGEST, handler
from chat2api_core.web.paths import own_path
from chat2api_core.web.respond import BUFFERED_KEY


class Context:
    """As much of Lambda's context as is read."""

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


def event(path: str = "/v1/models", stage: str = "$default") -> dict[str, Any]:
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": {"host": "h"},
        "requestContext": {
            "stage": stage,
            "domainName": "id.execute-api.us-east-1.amazonaws.com",
            "http": {"method": "GET", "path": path, "sourceIp": "203.0.113.9"},
        },
    }


def answering(body: bytes, seen: list[Scope], media_type: bytes = b"application/json") -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        headers = [(b"content-type", media_type)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """Mangum keeps one event loop for the process, which nobody closes: here is one to take."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


def test_the_app_is_told_where_it_is_mounted_and_about_its_door() -> None:
    seen: list[Scope] = []
    before = SystemClock().now()
    result = handler(answering(b"{}", seen))(event("/prod/v1/models", "prod"), Context())

    assert result["statusCode"] == 200
    assert result["body"] == "{}"
    assert (seen[0]["root_path"], seen[0]["path"]) == ("/prod", "/prod/v1/models")
    assert own_path(seen[0]) == "/v1/models"
    assert before + 29 <= seen[0][SCOPE_KEY] <= SystemClock().now() + 29
    assert seen[0][BUFFERED_KEY] is True


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"x" * LARGEST, b"text/plain"),
        (b"\x00" * (LARGEST // 4), b"text/plain"),
        (b"\xff" * (LARGEST * 4 // 5), b"image/png"),
    ],
    ids=["long text", "text that JSON makes long", "bytes that base64 makes long"],
)
def test_an_answer_that_the_door_would_drop_is_an_error(body: bytes, media_type: bytes) -> None:
    result = handler(answering(body, [], media_type))(event(), Context())

    assert result["statusCode"] == 500
    assert "6 MB" in json.loads(result["body"])["error"]["message"]


def test_a_large_answer_that_fits_is_left_as_it_is() -> None:
    body = b"x" * (LARGEST - 1000)
    result = handler(answering(body, [], b"text/plain"))(event(), Context())

    assert result["statusCode"] == 200
    assert len(result["body"]) == len(body)
