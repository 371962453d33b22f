"""The streaming runtime for Lambda, against a Runtime API on a real socket."""

import asyncio
import base64
import contextlib
import json
import os
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from chat2api_core.ambient import SystemClock
from chat2api_core.web import runtime_api
from chat2api_core.web.deadline import SCOPE_KEY
from chat2api_core.web.lambda_stream import Runtime
from tests.deploy.runtime_api import Begun, Ended, Failed, Part, RuntimeApi

EVENT: dict[str, Any] = {
    "version": "2.0",
    "rawPath": "/here",
    "requestContext": {"http": {"method": "POST", "path": "/here"}},
    "headers": {"host": "h"},
    "body": "hello",
}
NUL = b"\0" * 8
ROOT = Path(__file__).parent.parent.parent

Play = Callable[[RuntimeApi], Awaitable[None]]


def event(**changes: object) -> bytes:
    return json.dumps(EVENT | changes).encode()


def during(app: ASGIApp, play: Play) -> None:
    """Serve an application in a runtime while a scene is played; nobody may have complained."""

    async def whole() -> None:
        stop = asyncio.Event()
        async with RuntimeApi() as api:
            client = runtime_api.RuntimeApi(api.address)
            runtime = Runtime(app, client, clock=SystemClock())
            serving = asyncio.create_task(runtime.serve(stop))
            await asyncio.wait_for(play(api), 20)
            stop.set()
            await asyncio.wait_for(serving, 20)
            assert api.complaints == []

    asyncio.run(whole())


async def parts_of(api: RuntimeApi, sent: bytes | None = None, seconds: float = 60) -> list[Part]:
    """Everything that comes back for one event."""
    invocation = api.invoke(sent or event(), seconds=seconds)
    return [part async for part in invocation.until_the_end()]


def body_of(parts: list[Part]) -> bytes:
    return b"".join(part for part in parts if isinstance(part, bytes))


async def no_lifespan(scope: Scope) -> None:
    if scope["type"] != "http":
        raise ValueError(scope["type"])


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await no_lifespan(scope)
    message = await receive()
    headers = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1")]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": message["body"]})


def test_a_response_has_the_streamed_wire_form() -> None:
    async def play(api: RuntimeApi) -> None:
        invocation = api.invoke(event())
        begun, *parts = [part async for part in invocation.until_the_end()]

        assert isinstance(begun, Begun)
        assert begun.streamed
        assert begun.headers["transfer-encoding"] == "chunked"
        media_type = "application/vnd.awslambda.http-integration-response"
        assert begun.headers["content-type"] == media_type
        assert begun.headers["trailer"] == (
            "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
        )
        assert begun.headers["lambda-runtime-invocation-id"] == f"run-of-{invocation.id}"
        head, _, body = body_of(parts).partition(NUL)
        assert json.loads(head) == {
            "statusCode": 201,
            "headers": {"content-type": "text/plain"},
            "cookies": ["a=1"],
        }
        assert body == b"hello"
        assert parts[-1] == Ended({})

    during(echo, play)


def test_a_part_arrives_before_the_next_one_is_made() -> None:
    arrived = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await no_lifespan(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await arrived.wait()
        await send({"type": "http.response.body", "body": b"two", "more_body": True})
        await send({"type": "http.response.body"})

    async def play(api: RuntimeApi) -> None:
        invocation = api.invoke(event())
        seen = b""
        async for part in invocation.until_the_end():
            seen += part if isinstance(part, bytes) else b""
            if seen.endswith(b"one"):
                arrived.set()
        assert seen.endswith(NUL + b"onetwo")

    during(app, play)


def test_one_runtime_serves_one_event_after_another_and_starts_and_ends_the_application_once() -> (
    None
):
    told: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            told.append(scope["path"])
            await echo(scope, receive, send)
            return
        while (await receive())["type"] == "lifespan.startup":
            told.append("startup")
            await send({"type": "lifespan.startup.complete"})
        told.append("shutdown")
        await send({"type": "lifespan.shutdown.complete"})

    async def play(api: RuntimeApi) -> None:
        await parts_of(api, event(rawPath="/one"))
        await parts_of(api, event(rawPath="/two"))
        await api.idle.wait()

    during(app, play)
    assert told == ["startup", "/one", "/two", "shutdown"]


def test_the_application_learns_the_deadline() -> None:
    learned: list[float] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await no_lifespan(scope)
        learned.append(scope[SCOPE_KEY])
        await echo(scope, receive, send)

    async def play(api: RuntimeApi) -> None:
        before = SystemClock().now()
        await parts_of(api, seconds=60)
        # Lambda says it in whole milliseconds.
        assert before + 59.9 <= learned[0] <= SystemClock().now() + 60

    during(app, play)


def test_an_application_that_waits_for_the_end_sees_it_after_its_last_part() -> None:
    heard: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await echo(scope, receive, send)
        heard.append((await receive())["type"])

    async def play(api: RuntimeApi) -> None:
        await parts_of(api)
        await api.idle.wait()

    during(app, play)
    assert heard == ["http.disconnect"]


def test_a_failure_before_the_body_is_reported_as_one_without_its_words() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await no_lifespan(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("a secret")

    async def play(api: RuntimeApi) -> None:
        message = "The application failed; its log has the details."
        assert await parts_of(api) == [Failed("ValueError", message)]

    during(app, play)


def test_a_failure_in_the_body_is_reported_in_the_trailers() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await no_lifespan(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ValueError("a secret")

    async def play(api: RuntimeApi) -> None:
        parts = await parts_of(api)
        ended = parts[-1]
        assert isinstance(ended, Ended)
        assert body_of(parts).endswith(b"half")
        assert ended.trailers["lambda-runtime-function-error-type"] == "ValueError"
        body = base64.b64decode(ended.trailers["lambda-runtime-function-error-body"])
        assert json.loads(body) == {
            "errorType": "ValueError",
            "errorMessage": "The application failed; its log has the details.",
        }

    during(app, play)


@pytest.mark.parametrize("begun", [False, True], ids=["before the body", "in the body"])
def test_an_application_that_never_ends_its_answer_is_reported(begun: bool) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await no_lifespan(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if begun:
            await send({"type": "http.response.body", "body": b"half", "more_body": True})

    async def play(api: RuntimeApi) -> None:
        last = (await parts_of(api))[-1]
        if begun:
            assert isinstance(last, Ended)
            assert last.trailers["lambda-runtime-function-error-type"] == "Incomplete"
        else:
            assert last == Failed("Incomplete", "The application did not end its answer.")

    during(app, play)


def test_an_application_that_hangs_is_given_up_before_the_deadline() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await no_lifespan(scope)
        await receive()
        await receive()  # waits for an end that does not come

    async def play(api: RuntimeApi) -> None:
        failed = Failed("Timeout", "The application did not end its answer in time.")
        assert await parts_of(api, seconds=1.05) == [failed]
        assert (await parts_of(api, event(body="x"), seconds=0))[-1] == failed

    during(app, play)


def test_a_time_out_of_the_applications_own_is_a_failure_like_any_other() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await no_lifespan(scope)
        raise TimeoutError

    async def play(api: RuntimeApi) -> None:
        [failed] = await parts_of(api)
        assert isinstance(failed, Failed)
        assert failed.type == "TimeoutError"

    during(app, play)


def test_messages_out_of_order_are_refused() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await no_lifespan(scope)
        with pytest.raises(RuntimeError):
            await send({"type": "http.response.body", "body": b"too early"})
        await send({"type": "http.response.start", "status": 200})
        with pytest.raises(RuntimeError):
            await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})
        with pytest.raises(RuntimeError):
            await send({"type": "http.response.body", "body": b"too late"})

    async def play(api: RuntimeApi) -> None:
        parts = await parts_of(api)
        assert json.loads(body_of(parts).removesuffix(NUL))["statusCode"] == 200
        assert parts[-1] == Ended({})

    during(app, play)


def test_an_event_of_no_front_door_fails_and_the_next_one_is_served() -> None:
    async def play(api: RuntimeApi) -> None:
        [failed] = await parts_of(api, b'{"source": "aws.events"}')
        assert isinstance(failed, Failed)
        assert failed.type == "UnreadableEvent"
        assert body_of(await parts_of(api)).endswith(b"hello")

    during(echo, play)


def test_a_large_event_comes_through_whole() -> None:
    text = "x" * 5_000_000

    async def play(api: RuntimeApi) -> None:
        parts = await parts_of(api, event(body=text))
        assert body_of(parts).partition(NUL)[2] == text.encode()

    during(echo, play)


def started(*arguments: str, play: Callable[[RuntimeApi, Process], Awaitable[None]]) -> int:
    """Run the module as Lambda does while a scene is played; its exit status."""

    async def whole() -> int:
        async with RuntimeApi() as api:
            environment = {**os.environ, "AWS_LAMBDA_RUNTIME_API": api.address}
            command = [sys.executable, "-m", "chat2api_core.web.lambda_stream", *arguments]
            process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
            try:
                await asyncio.wait_for(play(api, process), 20)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                status = await asyncio.wait_for(process.wait(), 20)
            return status

    return asyncio.run(whole())


def test_the_module_serves_the_application_that_it_is_given_until_it_is_told_to_stop() -> None:
    async def play(api: RuntimeApi, process: Process) -> None:
        parts = await parts_of(api, event(rawPath="/nowhere"))
        head = body_of(parts).partition(NUL)[0]
        # Without any setting the application says so, or that there is nothing: it answers.
        assert json.loads(head)["headers"]["content-type"] == "application/json"
        await api.idle.wait()

    assert started("api.index.app", "api.health", play=play) == 0


@pytest.mark.parametrize(
    "arguments",
    [("nowhere.app",), ("api.index.nothing",), ("api.index.app", "api.nowhere")],
    ids=["no module", "no application in it", "no such module to load early"],
)
def test_an_application_that_cannot_be_loaded_is_reported_before_anything_is_asked(
    arguments: tuple[str, ...],
) -> None:
    async def play(api: RuntimeApi, process: Process) -> None:
        await api.ready.wait()
        assert api.init_error is not None
        assert api.init_error.message == "The application cannot be loaded."
        assert await process.wait() == 1

    assert started(*arguments, play=play) == 1


@pytest.mark.parametrize("arguments", [[], ["api.index.app"]], ids=["no name", "not in Lambda"])
def test_the_module_explains_itself_where_it_cannot_run(arguments: list[str]) -> None:
    environment = {n: v for n, v in os.environ.items() if n != "AWS_LAMBDA_RUNTIME_API"}
    command = [sys.executable, "-m", "chat2api_core.web.lambda_stream", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


def test_an_invocation_without_a_deadline_is_served() -> None:
    told: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        told.append(SCOPE_KEY in scope)
        await echo(scope, receive, send)

    async def whole() -> None:
        async with RuntimeApi() as api:
            runtime = Runtime(app, runtime_api.RuntimeApi(api.address), clock=SystemClock())
            invocation = api.invoke(event())
            taken = await runtime_api.RuntimeApi(api.address).next()
            await runtime.answer(taken._replace(deadline=None))
            parts = [part async for part in invocation.until_the_end()]
            assert body_of(parts).endswith(b"hello")

    asyncio.run(whole())
    assert told == [False]
