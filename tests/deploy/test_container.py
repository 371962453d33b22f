"""The container: the Dockerfile's very steps in an empty folder, and the server that comes of it.

No image is built here and no engine is needed; what is not proved is the base image itself."""

import contextlib
import http.client
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import dockerfile
from tests.deploy.conftest import Upstream, copy_project
from tests.deploy.install import ROOT, Tools
from tests.deploy.probe import ASK, KEY, Client

pytestmark = pytest.mark.deploy


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, installed: Tools) -> dockerfile.Stage:
    work = tmp_path_factory.mktemp("image")
    project, context = work / "project", work / "context"
    copy_project(project)
    context.mkdir()
    dockerfile.context(project, context)
    environment = dockerfile.clean_environment(installed.path)
    builder = dockerfile.Builder(context, work, environment)
    return builder.build(dockerfile.read(project / "Dockerfile"))


def test_the_linters_of_both_files_have_nothing_to_say(installed: Tools) -> None:
    commands = (
        ["hadolint", "Dockerfile"],
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"],
    )
    for command in commands:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=installed.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


class Container:
    """A process that runs the image's command."""

    def __init__(self, image: dockerfile.Stage, settings: dict[str, str], port: int) -> None:
        self.client = Client(f"http://127.0.0.1:{port}")
        self._image = image
        self._environment = {
            "PATH": "/usr/bin:/bin", "PORT": str(port), **image.environment, **settings,
        }  # fmt: skip
        command = image.shown(image.command)
        folder = image.inside(image.folder)
        self.process = subprocess.Popen(command, cwd=folder, env=self._environment)

    def healthy(self) -> bool:
        command = self._image.shown(self._image.health)
        done = subprocess.run(command, env=self._environment, capture_output=True, check=False)
        return done.returncode == 0

    def until_healthy(self) -> None:
        end = time.monotonic() + 30
        while not self.healthy():
            assert self.process.poll() is None, "the server has ended"
            assert time.monotonic() < end, "the server is not healthy"


@pytest.fixture
def container(image: dockerfile.Stage, upstream: Upstream, unused_port: int) -> Iterator[Container]:
    container = Container(image, dict(upstream.settings), unused_port)
    try:
        container.until_healthy()
        yield container
    finally:
        container.process.terminate()
        container.process.wait(30)


def test_the_image_holds_the_server_and_no_sources_of_ours_beside_it(
    image: dockerfile.Stage,
) -> None:
    assert {path.name for path in image.inside("/app").iterdir()} == {"venv", ".data"}


def test_the_image_has_what_every_store_needs(image: dockerfile.Stage) -> None:
    command = image.shown(["/app/venv/bin/python", "-c", "import redis.asyncio, sqlite3"])

    subprocess.run(command, cwd=image.inside(image.folder), check=True)


def test_the_container_is_not_root_and_has_a_health_check(image: dockerfile.Stage) -> None:
    user, _, group = image.user.partition(":")

    assert int(user) > 0
    assert int(group) > 0
    assert image.health
    assert image.base == "python:3.12-slim"


def test_the_server_answers_everybody_who_reaches_the_container(image: dockerfile.Stage) -> None:
    assert image.command[-2:] == ["--host", "0.0.0.0"]


def test_a_chat_streams(container: Container) -> None:
    answer = container.client.chat(stream=True)

    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert answer.spread > 0.5
    assert container.client.get("/health").document["platform"] == "local"


def test_a_stream_under_way_is_finished_when_the_container_is_stopped(
    container: Container, unused_port: int
) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    body = json.dumps(ASK | {"stream": True})
    connection = http.client.HTTPConnection("127.0.0.1", unused_port, timeout=30)
    with contextlib.closing(connection):
        connection.request("POST", "/v1/chat/completions", body, headers)
        with connection.getresponse() as response:
            first = response.read1(1)
            container.process.terminate()
            rest = response.read()
    container.process.wait(30)

    assert (first + rest).endswith(b"data: [DONE]\n\n")
    assert not container.healthy()


def test_without_an_account_the_emulator_answers(image: dockerfile.Stage, unused_port: int) -> None:
    container = Container(image, {"AUTH_TOKENS": KEY}, unused_port)
    try:
        container.until_healthy()
        assert container.client.chat().status == 200
    finally:
        container.process.terminate()
        container.process.wait(30)


def test_nothing_that_may_hold_a_secret_gets_into_the_build(tmp_path: Path) -> None:
    project, context = tmp_path / "project", tmp_path / "context"
    copy_project(project)
    (project / ".env").write_text("AUTH_TOKENS=secret")
    context.mkdir()
    dockerfile.context(project, context)

    names = {path.name for path in context.iterdir()}
    assert names == {"requirements.txt", "pyproject.toml", "README.md", "api", "chat2api_core"}
