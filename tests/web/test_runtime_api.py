"""The client of Lambda's Runtime API, where the other side does not do as expected."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Receive, Scope, Send

from chat2api_core.ambient import SystemClock
from chat2api_core.web.lambda_stream import Runtime
from chat2api_core.web.runtime_api import Failure, Invocation, RuntimeApi, RuntimeApiError
from tests.web.test_lambda_stream import echo, event

Scene = Callable[[RuntimeApi], Awaitable[None]]
INVOCATION = Invocation("id-1", None, b"{}")


def against(answers: list[bytes], scene: Scene) -> list[bytes]:
    """Play a scene against a server that says these bytes, one for each connection, and hangs up.

    Returns the first line of each request."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0])
        writer.write(answers.pop(0))
        await writer.drain()
        writer.close()

    async def whole() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            await asyncio.wait_for(scene(RuntimeApi(f"127.0.0.1:{port}")), 20)

    asyncio.run(whole())
    return asked


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
    ids=[
        "nothing",
        "half a head",
        "no HTTP",
        "half a body",
        "a body without bounds",
        "a body of negative size",
        "a chunk without a size",
        "a chunk without bounds",
        "a refusal",
        "a head without bounds",
    ],
)
def test_whatever_is_wrong_is_a_runtime_api_error(answer: bytes) -> None:
    async def scene(api: RuntimeApi) -> None:
        with pytest.raises(RuntimeApiError):
            await api.next()

    against([answer], scene)


def test_an_event_may_come_in_chunks_and_without_a_deadline() -> None:
    async def scene(api: RuntimeApi) -> None:
        assert await api.next() == Invocation("id-2", None, b'{"a":1}')

    head = b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: id-2\r\n"
    body = b'Transfer-Encoding: chunked\r\n\r\n3;x=y\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n'
    asked = against([head + body], scene)

    assert asked == [b"GET /2018-06-01/runtime/invocation/next HTTP/1.1"]


def test_failures_are_reported_where_they_belong() -> None:
    accepted = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"

    async def scene(api: RuntimeApi) -> None:
        await api.fail(INVOCATION, Failure("Type", "message"))
        await api.fail_init(Failure("Type", "message"))

    assert against([accepted, accepted], scene) == [
        b"POST /2018-06-01/runtime/invocation/id-1/error HTTP/1.1",
        b"POST /2018-06-01/runtime/init/error HTTP/1.1",
    ]


def test_a_response_that_is_refused_is_logged_and_the_next_event_is_asked_for(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refused = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"

    async def scene(api: RuntimeApi) -> None:
        runtime = Runtime(echo, api, clock=SystemClock())
        await runtime.answer(Invocation("id-1", None, event()))

    assert len(against([refused], scene)) == 1
    assert "RuntimeApiError" in caplog.text


def test_nobody_to_report_to_ends_the_loop() -> None:
    async def scene(api: RuntimeApi) -> None:
        runtime = Runtime(echo, api, clock=SystemClock())
        with pytest.raises(OSError, match="unreadable"):
            await runtime.serve(asyncio.Event())

    against([b""], scene)


def test_a_reply_that_nobody_takes_is_given_up_with_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        with contextlib.suppress(OSError):
            while True:
                await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        heard.append((await receive())["type"])
        heard.append((await receive())["type"])

    async def scene(api: RuntimeApi) -> None:
        runtime = Runtime(app, api, clock=SystemClock())
        await runtime.answer(Invocation("id-1", None, event()))

    against([b""], scene)
    assert heard == ["http.request", "http.disconnect"]
    assert "the response was not taken" in caplog.text
