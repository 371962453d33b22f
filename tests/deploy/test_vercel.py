"""Vercel: what ``vercel build`` makes of a clean clone, under its own runtime; ``vercel dev``."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chat2api_core.emulator import Reply, Say, Stall
from tests.deploy.conftest import Upstream, copy_project
from tests.deploy.install import ROOT, RUNTIME, Tools
from tests.deploy.probe import Client
from tests.deploy.vercel_host import VercelHost
from tests.deploy.wire import in_background

pytestmark = pytest.mark.deploy

SECRETS = (".env", ".env.production", ".data/state.db", "conf/app.yaml")


class Project:
    """A clone in which the Vercel CLI runs, without an account."""

    def __init__(self, folder: Path, tools: Tools) -> None:
        self.folder = folder
        settings: dict[str, Any] = json.loads((folder / "vercel.json").read_text())
        self.environment = {
            **tools.environment,
            # The platform reads these itself; `vercel build` on a machine of one's own does not.
            **settings["build"]["env"],
            "VERCEL_TELEMETRY_DISABLED": "1",
            # uv is to take the Python that is here and not to fetch one.
            "UV_PYTHON": RUNTIME,
            "UV_PYTHON_PREFERENCE": "only-system",
        }

    def link(self) -> None:
        """Say which project it is, so that building asks nobody."""
        (self.folder / ".vercel").mkdir()
        link = {"projectId": "prj_x", "orgId": "team_x", "settings": {}}
        (self.folder / ".vercel" / "project.json").write_text(json.dumps(link))

    def run(self, *command: str) -> None:
        subprocess.run(command, cwd=self.folder, env=self.environment, check=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, installed: Tools) -> Path:
    folder = tmp_path_factory.mktemp("vercel") / "project"
    copy_project(folder)
    for name in SECRETS:  # what stands in a folder in which the server has been run
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("AUTH_TOKENS=secret")
    project = Project(folder, installed)
    project.link()
    project.run("vercel", "build", "--yes")
    return folder


@pytest.fixture
def host(
    built: Path, tmp_path: Path, installed: Tools, upstream: Upstream
) -> Iterator[tuple[Client, VercelHost]]:
    host = VercelHost(built, python=installed.python, work=tmp_path, environment=upstream.settings)
    with in_background(host.open()) as url:
        yield Client(url), host


def test_one_function_is_built_and_ships_what_it_needs_only(built: Path) -> None:
    [function] = (built / ".vercel" / "output" / "functions").rglob("*.func")
    config: dict[str, Any] = json.loads((function / ".vc-config.json").read_text())
    shipped = set(config["filePathMap"])

    assert config["runtime"] == f"python{RUNTIME}"
    assert config["maxDuration"] == 300
    assert config["supportsResponseStreaming"]
    assert config["supportsCancellation"]
    assert "chat2api_core/engine.py" in shipped
    assert any(name.startswith("_vendor/msgspec/_core") for name in shipped)
    surplus = (
        "tests/", "conf/", "deploy/", "build/", "chat2api.egg-info/", ".venv/", ".tools/",
        "chat2api_core/emulator/", "_vendor/chat2api_core/",
    )  # fmt: skip
    assert not [name for name in shipped if name.startswith(surplus)]
    assert shipped.isdisjoint(SECRETS)


def test_what_is_pinned_is_what_is_shipped(built: Path) -> None:
    [function] = (built / ".vercel" / "output" / "functions").rglob("*.func")
    shipped = json.loads((function / ".vc-config.json").read_text())["filePathMap"]
    installed = {
        (match[1].lower().replace("_", "-"), match[2])
        for name in shipped
        if (match := re.fullmatch(r"_vendor/([\w.]+)-([\w.]+)\.dist-info/METADATA", name))
    }
    lines = (ROOT / "requirements.txt").read_text()
    wanted = set(re.findall(r"^([\w.-]+)(?:\[\w+\])?==(.+)$", lines, re.M))

    assert wanted
    assert wanted <= installed


def test_every_module_is_shipped_with_its_bytecode(built: Path) -> None:
    [function] = (built / ".vercel" / "output" / "functions").rglob("*.func")
    shipped = set(json.loads((function / ".vc-config.json").read_text())["filePathMap"])
    sources = [
        Path(name)
        for name in shipped
        if name.endswith(".py") and name.startswith(("api/", "chat2api_core/", "_vendor/httpcore/"))
    ]
    tag = f"cpython-{RUNTIME.replace('.', '')}"
    missing = [
        one
        for one in sources
        if str(one.parent / "__pycache__" / f"{one.stem}.{tag}.pyc") not in shipped
    ]

    assert len(sources) > 100
    assert not missing


def test_a_chat_streams(host: tuple[Client, VercelHost]) -> None:
    client, _ = host
    answer = client.chat(stream=True)

    assert answer.status == 200
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert answer.spread > 0.5
    assert len(answer.parts) > 5


def test_the_function_serves_every_route(host: tuple[Client, VercelHost]) -> None:
    client, _ = host

    assert client.get("/health").document["platform"] == "vercel"
    assert client.get("/v1/models").document["object"] == "list"
    assert client.get("/v1/models/auto").document["id"] == "auto"
    assert client.chat().document["choices"][0]["finish_reason"] == "stop"
    assert client.get("/nowhere").document["error"]["code"] == "not_found"
    assert client.get("/v1/chat/completions").header("allow") == ["POST"]
    assert client.request("GET", "/v1/models", headers={"Authorization": "Bearer no"}).status == 401


def test_upstream_is_left_at_once_when_the_client_leaves(
    host: tuple[Client, VercelHost], upstream: Upstream
) -> None:
    client, _ = host
    client.leave_early()

    end = time.monotonic() + 10
    while not upstream.app.log.closed_streams:
        assert time.monotonic() < end, "the stream goes on with nobody listening"
        time.sleep(0.01)


def test_an_answer_is_ended_cleanly_before_vercel_ends_the_function(
    built: Path, tmp_path: Path, installed: Tools, upstream: Upstream
) -> None:
    upstream.app.script.push(Reply((Say(("Once", " upon")), Stall())))
    host = VercelHost(
        built, python=installed.python, work=tmp_path, environment=upstream.settings, seconds=6.0
    )
    with in_background(host.open()) as url:
        answer = Client(url).chat(stream=True)

    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert "length" in {choice["finish_reason"] for e in answer.events for choice in e["choices"]}


def test_a_request_that_is_too_large_is_refused(
    built: Path, tmp_path: Path, installed: Tools, upstream: Upstream
) -> None:
    settings = {**upstream.settings, "MAX_BODY": "1000000"}
    host = VercelHost(built, python=installed.python, work=tmp_path, environment=settings)
    with in_background(host.open()) as url:
        ours = Client(url).post("/v1/chat/completions", b" " * 1_000_001)
        theirs = Client(url).post("/v1/chat/completions", b" " * 4_600_000)

    assert ours.status == 413
    assert ours.document["error"]["code"] == "request_too_large"
    assert theirs.status == 413
    assert b"FUNCTION_PAYLOAD_TOO_LARGE" in theirs.body


def test_a_file_goes_up_as_a_form_and_comes_down_the_same(host: tuple[Client, VercelHost]) -> None:
    client, _ = host
    data = bytes(range(256)) * 5000
    made = client.upload(data)

    assert made.status == 200, made.body
    assert client.get(f"/v1/files/{made.document['id']}/content").body == data


def test_a_file_that_is_too_large_is_refused(
    built: Path, tmp_path: Path, installed: Tools, upstream: Upstream
) -> None:
    settings = {**upstream.settings, "MAX_FILE": "1000000"}
    host = VercelHost(built, python=installed.python, work=tmp_path, environment=settings)
    with in_background(host.open()) as url:
        ours = Client(url).upload(bytes(1_100_000))
        theirs = Client(url).upload(bytes(4_600_000))

    assert ours.status == 413
    assert "MAX_FILE" in ours.document["error"]["message"]
    assert theirs.status == 413
    assert b"FUNCTION_PAYLOAD_TOO_LARGE" in theirs.body


def test_nothing_of_lambda_or_of_the_settings_file_is_loaded_for_a_chat(
    host: tuple[Client, VercelHost], tmp_path: Path, installed: Tools
) -> None:
    client, _ = host
    assert client.chat().status == 200
    program = (
        "import sys; sys.path.insert(0, '_vendor')\n"
        "import api.index, api.v1.chat.completions, chat2api_core.wiring\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}\n"
        "  & {'yaml', 'mangum', 'redis', 'boto3', 'aiohttp', 'uvicorn'}))"
    )
    done = subprocess.run(
        [installed.python, "-c", program],
        cwd=tmp_path / "function", capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.strip() == ""


def test_the_deadline_is_that_of_vercels_runtime(
    host: tuple[Client, VercelHost], tmp_path: Path, installed: Tools
) -> None:
    program = (
        "import sys, datetime; sys.path.insert(0, '_vendor')\n"
        "from vercel_runtime.deadline import set_deadline\n"
        "from chat2api_core.ambient import SystemClock\n"
        "from chat2api_core.web.deadline import Deadline\n"
        "end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=60)\n"
        "set_deadline(end.isoformat())\n"
        "print(Deadline({}, platform='vercel', limit=0, clock=SystemClock()).left)"
    )
    done = subprocess.run(
        [installed.python, "-c", program],
        cwd=tmp_path / "function", capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert 50 < float(done.stdout) < 60


@pytest.fixture
def dev(tmp_path: Path, installed: Tools, upstream: Upstream, unused_port: int) -> Iterator[Client]:
    """``vercel dev`` in a clone with a virtual environment of its own."""
    folder = tmp_path / "project"
    copy_project(folder)
    project = Project(folder, installed)
    project.run("uv", "venv", "--quiet", ".venv")
    project.run("uv", "pip", "install", "--quiet", "--python", ".venv", "-r", "requirements.txt")
    command = ["vercel", "dev", "--local", "--yes", "--listen", f"127.0.0.1:{unused_port}"]
    environment = {**project.environment, **upstream.settings}
    log = tmp_path / "dev.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, process_group=0
        )
    try:
        client = Client(f"http://127.0.0.1:{unused_port}")
        _until_it_answers(client, process, log)
        yield client
    finally:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself, which has failed above
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def _until_it_answers(client: Client, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + 90
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        try:
            if client.get("/health").status == 200:
                return
        except OSError:
            time.sleep(0.2)


def test_vercel_dev_serves_every_route_and_streams(dev: Client, upstream: Upstream) -> None:
    answer = dev.chat(stream=True)

    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert answer.spread > 0.5
    assert dev.get("/v1/models").status == 200
    assert dev.get("/nowhere").document["error"]["code"] == "not_found"
    dev.leave_early()
    end = time.monotonic() + 10
    while not upstream.app.log.closed_streams:
        assert time.monotonic() < end, "the stream goes on with nobody listening"
        time.sleep(0.01)
