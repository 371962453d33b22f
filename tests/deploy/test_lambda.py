"""The zip for Lambda under its own runtimes, behind every front door.

``awslambdaric`` is Lambda's own runtime client for Python; the streaming functions start through
the wrapper script, exactly as AWS_LAMBDA_EXEC_WRAPPER has it.
"""

import json
import os
import re
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from chat2api_core.emulator import Image, Reply, Say, Stall
from tests.deploy.conftest import ARCH, Upstream
from tests.deploy.doors import Door, Kind, OpenDoor
from tests.deploy.install import Tools
from tests.deploy.lambda_function import LambdaFunction
from tests.deploy.probe import ASK, KEY, Client
from tests.deploy.wire import in_background
from tests.stores.real_parts import dynamodb_server, make_table

pytestmark = pytest.mark.deploy

STREAMED: list[Kind] = ["rest-stream", "url-stream"]
BUFFERED: list[Kind] = ["http-api", "rest", "url"]
KINDS: list[Kind] = [*STREAMED, *BUFFERED]

Open = Callable[..., tuple[Client, OpenDoor]]


class Runtimes:
    """The commands that Lambda would run."""

    def __init__(self, tools: Tools, task_root: Path) -> None:
        self.environment = {
            "LAMBDA_RUNTIME_DIR": str(tools.runtime),
            "PYTHONPATH": f"{task_root}{os.pathsep}{tools.runtime}",
        }
        self.own = [tools.python, "-m", "awslambdaric"]
        self.stream = [str(task_root / "deploy" / "lambda-stream"), *self.own]
        self.streamed_mirror = [
            tools.python, "-m", "chat2api_core.web.lambda_stream", "mirror.app",
        ]  # fmt: skip
        self.api = [*self.own, "api.index.lambda_handler"]
        self.mirror = [*self.own, "mirror.handler"]


@pytest.fixture
def runtimes(installed: Tools, task_root: Path) -> Runtimes:
    return Runtimes(installed, task_root)


@pytest.fixture
def open_door(runtimes: Runtimes, task_root: Path) -> Iterator[Open]:
    with ExitStack() as stack:

        def begin(
            kind: Kind,
            command: list[str],
            settings: Mapping[str, str] | None = None,
            stage: str = "$default",
            seconds: float = 60.0,
        ) -> tuple[Client, OpenDoor]:
            environment = {**runtimes.environment, **(settings or {})}
            function = LambdaFunction(
                command, task_root=task_root, environment=environment, seconds=seconds
            )
            opened = stack.enter_context(in_background(Door(kind, function, stage).open()))
            return Client(opened.url), opened

        yield begin


@pytest.mark.parametrize("kind", STREAMED)
def test_a_chat_streams_through_a_streaming_door(
    open_door: Open, runtimes: Runtimes, upstream: Upstream, kind: Kind
) -> None:
    client, _ = open_door(kind, runtimes.stream, upstream.settings)
    answer = client.chat(stream=True)

    assert answer.status == 200
    assert answer.header("content-type") == ["text/event-stream; charset=utf-8"]
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert answer.spread > 0.5
    assert len(answer.parts) > 5


@pytest.mark.parametrize("kind", STREAMED)
def test_a_streaming_door_serves_every_route(
    open_door: Open, runtimes: Runtimes, upstream: Upstream, kind: Kind
) -> None:
    client, _ = open_door(kind, runtimes.stream, upstream.settings)

    assert client.get("/health").document["platform"] == "lambda"
    assert client.get("/v1/models").document["object"] == "list"
    assert client.chat().document["choices"][0]["finish_reason"] == "stop"
    assert client.get("/nowhere").status == 404
    assert client.get("/v1/chat/completions").header("allow") == ["POST"]
    assert client.request("GET", "/v1/models", headers={"Authorization": "Bearer no"}).status == 401


def test_a_stream_that_nobody_hears_any_more_does_not_disturb_the_next_one(
    open_door: Open, runtimes: Runtimes, upstream: Upstream
) -> None:
    client, _ = open_door("url-stream", runtimes.stream, upstream.settings)
    client.leave_early()

    assert client.chat(stream=True).body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(("kind", "which"), [("url-stream", "stream"), ("http-api", "api")])
def test_an_answer_is_ended_cleanly_before_lambda_ends_the_function(
    open_door: Open, runtimes: Runtimes, upstream: Upstream, kind: Kind, which: str
) -> None:
    upstream.app.script.push(Reply((Say(("Once", " upon")), Stall())))
    client, _ = open_door(kind, getattr(runtimes, which), upstream.settings, seconds=6.0)
    answer = client.chat(stream=True)

    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert "length" in {choice["finish_reason"] for e in answer.events for choice in e["choices"]}
    assert client.get("/health").status == 200


@pytest.mark.parametrize("kind", BUFFERED)
def test_a_chat_arrives_whole_through_a_buffering_door(
    open_door: Open, runtimes: Runtimes, upstream: Upstream, kind: Kind
) -> None:
    client, _ = open_door(kind, runtimes.api, upstream.settings)
    answer = client.chat(stream=True)

    assert answer.status == 200
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert client.chat().document["choices"][0]["finish_reason"] == "stop"
    assert client.get("/health").document["platform"] == "lambda"


@pytest.mark.parametrize(("kind", "stage"), [("http-api", "prod"), ("http-api", "$default")])
def test_a_named_stage_is_no_part_of_the_path(
    open_door: Open, runtimes: Runtimes, upstream: Upstream, kind: Kind, stage: str
) -> None:
    client, _ = open_door(kind, runtimes.api, upstream.settings, stage)

    assert client.get("/v1/models").status == 200


@pytest.mark.parametrize(
    ("kind", "which", "stage"),
    [
        ("rest-stream", "stream", "$default"),
        ("rest", "api", "$default"),
        ("http-api", "api", "prod"),
        ("http-api", "api", "$default"),
        ("url-stream", "stream", "$default"),
    ],
)
def test_a_link_to_a_picture_leads_through_the_same_door(
    open_door: Open, runtimes: Runtimes, upstream: Upstream, kind: Kind, which: str, stage: str
) -> None:
    upstream.app.script.push(Reply((Image("sediment://file_0001", "A moon"),)))
    settings = {**upstream.settings, "HISTORY_DISABLED": "false"}
    client, opened = open_door(kind, getattr(runtimes, which), settings, stage)
    text = client.chat().document["choices"][0]["message"]["content"]
    [link] = re.findall(r"\((http[^)]+)\)", text)
    base = opened.url.removeprefix("http")
    shown = link.replace("https", "http", 1).removeprefix(opened.url)

    assert link.startswith((f"https{base}/media/", f"http{base}/media/"))
    answer = client.get(shown)
    assert (answer.status, answer.header("content-type")) == (200, ["image/png"])
    assert answer.body.startswith(b"\x89PNG")


def test_a_session_of_the_pages_is_kept_within_its_stage(
    open_door: Open, runtimes: Runtimes, upstream: Upstream
) -> None:
    settings = {**upstream.settings, "ADMIN_KEY": "an-admins-own-key", "API_PREFIX": "/chat"}
    client, _ = open_door("rest-stream", runtimes.stream, settings)
    answer = client.post("/chat/admin/login", {"key": "an-admins-own-key"})
    [cookie] = answer.header("set-cookie")

    assert "; Path=/prod/chat; " in cookie
    assert client.get("/chat/admin").status == 200
    session = client.request(
        "GET", "/chat/admin/api/session", headers={"Cookie": cookie, "Authorization": ""}
    )
    assert session.document["open"] is True


@pytest.mark.parametrize(("kind", "which"), [("rest-stream", "stream"), ("http-api", "api")])
def test_a_base_path_is_a_setting(
    open_door: Open, runtimes: Runtimes, upstream: Upstream, kind: Kind, which: str
) -> None:
    settings = {**upstream.settings, "API_PREFIX": "/chat"}
    client, _ = open_door(kind, getattr(runtimes, which), settings)

    assert client.get("/chat/v1/models").status == 200
    assert client.get("/v1/models").status == 404


@pytest.mark.parametrize("kind", [*STREAMED, *BUFFERED])
def test_bytes_cookies_and_the_query_come_through(
    open_door: Open, runtimes: Runtimes, kind: Kind
) -> None:
    streamed = kind in STREAMED
    client, _ = open_door(kind, runtimes.streamed_mirror if streamed else runtimes.mirror)
    body = bytes(range(256)) * 4
    headers = {"Cookie": "one=1; two=2", "Content-Type": "application/octet-stream"}
    answer = client.request("POST", "/a%20b?x=1&x=%C3%A4", body, headers)

    assert answer.status == 207
    assert answer.body == body
    assert answer.header("set-cookie") == ["a=1; Path=/", "b=2"]
    assert answer.header("x-path") == ["/a b"]
    assert answer.header("x-query") == ["x=1&x=%C3%A4"]
    assert answer.header("x-cookie") == ["one=1; two=2"]
    assert answer.header("x-client") == ["127.0.0.1"]
    assert answer.header("x-deadline") == ["yes"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_goes_up_as_a_form_and_comes_down_the_same(
    open_door: Open, runtimes: Runtimes, upstream: Upstream, kind: Kind
) -> None:
    command = runtimes.stream if kind in STREAMED else runtimes.api
    client, _ = open_door(kind, command, upstream.settings)
    data = bytes(range(256)) * 5000  # more than is kept in memory
    made = client.upload(data)

    assert made.status == 200, made.body
    assert made.document["bytes"] == len(data)
    answer = client.get(f"/v1/files/{made.document['id']}/content")
    assert answer.body == data
    [disposition] = answer.header("content-disposition")
    assert disposition.startswith('attachment; filename="some.bin"')


@pytest.mark.parametrize(("kind", "which"), [("url-stream", "stream"), ("http-api", "api")])
def test_a_file_that_is_too_large_is_refused(
    open_door: Open, runtimes: Runtimes, upstream: Upstream, kind: Kind, which: str
) -> None:
    settings = {**upstream.settings, "MAX_FILE": "1000000"}
    client, _ = open_door(kind, getattr(runtimes, which), settings)
    ours = client.upload(bytes(1_100_000))

    assert ours.status == 413
    assert "MAX_FILE" in ours.document["error"]["message"]
    assert client.upload(bytes(5_000_000)).status == 413, "the door's own: base64 makes it 6.7 MB"


@pytest.mark.parametrize("kind", STREAMED)
def test_a_failure_in_the_middle_cuts_the_answer_off_visibly(
    open_door: Open, runtimes: Runtimes, kind: Kind
) -> None:
    client, opened = open_door(kind, runtimes.streamed_mirror)
    answer = client.post("/half", b"what was said")

    assert answer.cut
    assert answer.body == b"what was said"
    assert "ValueError" in opened.log[0]


def test_a_large_answer_streams_whole(open_door: Open, runtimes: Runtimes) -> None:
    client, _ = open_door("url-stream", runtimes.streamed_mirror)

    assert len(client.post("/large", b"").body) == 7_000_000


@pytest.mark.parametrize("kind", BUFFERED)
def test_an_answer_that_is_too_large_for_its_door_is_an_error_that_says_so(
    open_door: Open, runtimes: Runtimes, kind: Kind
) -> None:
    client, _ = open_door(kind, runtimes.mirror)
    answer = client.post("/large", b"")

    assert answer.status == 500
    assert "6 MB" in answer.document["error"]["message"]


@pytest.mark.parametrize(("kind", "which"), [("url-stream", "stream"), ("http-api", "api")])
def test_a_request_that_is_too_large_is_refused(
    open_door: Open, runtimes: Runtimes, upstream: Upstream, kind: Kind, which: str
) -> None:
    settings = {**upstream.settings, "MAX_BODY": "1000000"}
    client, _ = open_door(kind, getattr(runtimes, which), settings)
    ours = client.post("/v1/chat/completions", b" " * 1_000_001)

    assert ours.status == 413
    assert ours.document["error"]["code"] == "request_too_large"
    assert client.post("/v1/chat/completions", b" " * 6_500_000).status == 413


def test_a_streaming_runtime_behind_a_buffering_door_is_a_502(
    open_door: Open, runtimes: Runtimes, upstream: Upstream
) -> None:
    client, _ = open_door("http-api", runtimes.stream, upstream.settings)

    assert client.get("/health").status == 502


def test_an_application_that_cannot_be_loaded_is_reported(
    open_door: Open, runtimes: Runtimes, installed: Tools
) -> None:
    command = [installed.python, "-m", "chat2api_core.web.lambda_stream", "nowhere.app"]
    client, opened = open_door("url-stream", command)

    assert client.get("/health").status == 502
    assert "ModuleNotFoundError" in opened.log[0]


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[str]:
    """Where something listens that plays DynamoDB."""
    with dynamodb_server() as url:
        yield url


@pytest.fixture
def table(dynamodb: str) -> dict[str, str]:
    """A table as serverless.yml makes it, and the settings with which a function finds it."""
    name = f"chat2api-{uuid.uuid4().hex}"
    make_table(dynamodb, name)
    return {
        "STORE_URL": f"dynamodb://{name}?region=eu-west-1&endpoint={dynamodb}",
        "SECRET_KEY": "a-key-that-all-instances-have",
        # what Lambda puts there for the function's role
        "AWS_ACCESS_KEY_ID": "ASIAEMULATED",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "session",
    }


@pytest.mark.parametrize(
    ("first", "then"), [("url-stream", "http-api"), ("http-api", "rest-stream")]
)
def test_both_functions_share_what_they_keep_in_dynamodb(
    open_door: Open,
    runtimes: Runtimes,
    upstream: Upstream,
    table: dict[str, str],
    first: Kind,
    then: Kind,
) -> None:
    settings = {**upstream.settings, **table}
    commands = {kind: runtimes.stream if kind in STREAMED else runtimes.api for kind in KINDS}
    one, _ = open_door(first, commands[first], settings)
    other, _ = open_door(then, commands[then], settings)
    made = one.post("/v1/responses", {"model": "auto", "input": "My name is Ada."}).document
    body = {"model": "auto", "input": "Who am I?", "previous_response_id": made["id"]}

    assert one.get("/health").document["store"]["keeps_tokens"] is True
    assert other.get(f"/v1/responses/{made['id']}").document == made
    assert other.post("/v1/responses", body).status == 200
    said: Any = upstream.app.log.at("conversation")[-1].json
    assert "My name is Ada." in json.dumps(said["messages"])
    assert one.request("DELETE", f"/v1/responses/{made['id']}").status == 200
    assert other.get(f"/v1/responses/{made['id']}").status == 404


@pytest.mark.parametrize("kind", ["url-stream", "http-api"])
def test_an_answer_that_was_ended_in_time_is_gone_on_from_by_another_instance(
    open_door: Open, runtimes: Runtimes, upstream: Upstream, table: dict[str, str], kind: Kind
) -> None:
    upstream.app.script.push(Reply((Say(("Once", " upon")), Stall())))
    command = runtimes.stream if kind in STREAMED else runtimes.api
    settings = {**upstream.settings, **table}
    client, _ = open_door(kind, command, settings, seconds=6.0)
    cut = client.post("/v1/responses", {"model": "auto", "input": "A tale!"}).document
    other, _ = open_door(kind, command, settings)
    body = {"model": "auto", "input": "Go on.", "previous_response_id": cut["id"]}

    assert cut["status"] == "incomplete"
    assert other.post("/v1/responses", body).status == 200
    said: Any = upstream.app.log.at("conversation")[-1].json
    assert "Once upon" in json.dumps(said["messages"])


@pytest.mark.parametrize("which", ["stream", "api"])
def test_each_function_runs_under_awss_own_runtime_interface_emulator(
    runtimes: Runtimes,
    installed: Tools,
    task_root: Path,
    upstream: Upstream,
    table: dict[str, str],
    open_door: Open,
    which: str,
) -> None:
    asked, runtime = _free_port(), _free_port()
    command = [
        str(installed.emulator(ARCH)),
        "--runtime-interface-emulator-address", f"127.0.0.1:{asked}",
        "--runtime-api-address", f"127.0.0.1:{runtime}",
        *getattr(runtimes, which),
    ]  # fmt: skip
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_FUNCTION_NAME": "chat2api",
        "LAMBDA_TASK_ROOT": str(task_root),
        **runtimes.environment,
        **upstream.settings,
        **table,
    }
    process = subprocess.Popen(command, cwd=task_root, env=environment)
    try:
        raw = _invoke(asked, "/v1/chat/completions", ASK | {"stream": True})
        kept = _invoke(asked, "/v1/responses", {"model": "auto", "input": "Hello"})
    finally:
        process.terminate()
        process.wait(20)
    status, body = _answer(raw)
    assert status == 200
    assert body.endswith(b"data: [DONE]\n\n")
    status, body = _answer(kept)
    assert status == 200
    # What was said under the emulator is there for an instance of the other function.
    response = json.loads(body)
    other = "api" if which == "stream" else "stream"
    kind: Kind = "http-api" if other == "api" else "url-stream"
    client, _ = open_door(kind, getattr(runtimes, other), {**upstream.settings, **table})
    assert client.get(f"/v1/responses/{response['id']}").document == response


def _answer(raw: bytes) -> tuple[int, bytes]:
    """The status and the body in what a function answers, streamed or not."""
    head, streamed, body = raw.partition(b"\0" * 8)
    if streamed:
        return json.loads(head)["statusCode"], body
    document = json.loads(raw)
    return document["statusCode"], document["body"].encode()


def _invoke(port: int, path: str, body: object) -> bytes:
    """Hand the emulator an event of a function URL; its answer, once it listens."""
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"authorization": f"Bearer {KEY}", "content-type": "application/json"},
        "requestContext": {
            "stage": "$default",
            "http": {"method": "POST", "path": path, "sourceIp": "127.0.0.1"},
        },
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
    client = Client(f"http://127.0.0.1:{port}")
    end = time.monotonic() + 20
    while True:
        try:
            return client.post("/2015-03-31/functions/function/invocations", event).body
        except ConnectionRefusedError:
            assert time.monotonic() < end, "the emulator does not listen"
            time.sleep(0.05)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
