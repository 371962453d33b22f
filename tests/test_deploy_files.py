"""The files that deploy agree with the code and with one another."""

import ast
import importlib
import json
import re
import stat
import subprocess
import sys
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from api.index import ROUTES
from chat2api_core.config.table import TABLE
from chat2api_core.stores.dynamodb_api import Verb
from chat2api_core.web.lambda_event import read_event
from deploy.package import PYTHON, sources

ROOT = Path(__file__).parent.parent
PROJECT: Any = tomllib.loads((ROOT / "pyproject.toml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
VERCEL: Any = json.loads((ROOT / "vercel.json").read_text())
FUNCTION: Any = VERCEL["functions"]["api/index.py"]
# Set by the platform's own files or by stores, which read them by themselves.
OTHER_VARIABLES = {"STORE_URL", "AWS_LAMBDA_EXEC_WRAPPER"}
# Longer than `excludeFiles` may be, and Vercel refuses the project.
LONGEST_GLOB = 256


class _Loader(yaml.SafeLoader):
    """Knows CloudFormation's short tags, as plain values."""

    def tagged(self, _: str, node: yaml.ScalarNode) -> str:
        value: str = node.value
        return value


_Loader.add_multi_constructor("!", _Loader.tagged)
SERVERLESS: Any = yaml.load((ROOT / "serverless.yml").read_text(), Loader=_Loader)  # noqa: S506 (safe)
COMPOSE: Any = yaml.safe_load((ROOT / "compose.yaml").read_text())


def pins(text: str) -> dict[str, str]:
    """Names and versions of a file of requirements."""
    return dict(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s\\;]+)", text, re.M))


def test_vercel_finds_the_application_and_no_handler_of_another_kind() -> None:
    tree = ast.parse((ROOT / "api" / "index.py").read_text())
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    assert "app" in assigned
    # Vercel takes a root app.py or main.py for the entry point, and `handler` for a class.
    assert not [name for name in ("app.py", "main.py", "index.py") if (ROOT / name).exists()]
    for file in (ROOT / "api").rglob("*.py"):
        defined = {getattr(node, "name", "") for node in ast.parse(file.read_text()).body}
        assert "handler" not in defined | assigned


def test_every_route_has_its_file_and_every_file_its_route() -> None:
    files = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in (ROOT / "api").rglob("*.py")
    }

    assert set(ROUTES.values()) == files - {"api.index"}


def test_vercel_installs_what_is_pinned_and_compiles_it() -> None:
    assert VERCEL["framework"] == "python"
    # It takes pyproject.toml, whose dependencies are those of requirements.txt. With a command of
    # our own it would compile nothing, and every cold start would.
    assert "installCommand" not in VERCEL
    # The sources run where they are: installed as well they would be there twice.
    assert VERCEL["build"]["env"] == {
        "VERCEL_PYTHON_COMPILEALL": "1",
        "UV_NO_INSTALL_PROJECT": "1",
    }
    assert PROJECT["tool"]["setuptools"]["dynamic"]["dependencies"] == {
        "file": ["requirements.txt"]
    }
    assert "rewrites" not in VERCEL
    assert "memory" not in FUNCTION


def test_vercel_leaves_out_what_no_request_needs() -> None:
    excluded = FUNCTION["excludeFiles"]

    assert len(excluded) <= LONGEST_GLOB
    folders = set(excluded.strip("{}").split(","))
    assert {"tests/**", "conf/**", "deploy/**", ".*", ".*/**"} <= folders, "no .env, .data, .venv"


def test_streams_may_last_as_long_on_both_platforms() -> None:
    stream = SERVERLESS["functions"]["stream"]

    assert FUNCTION["maxDuration"] == stream["timeout"]
    for event in stream["events"]:
        assert event["http"]["timeoutInMillis"] == stream["timeout"] * 1000
        assert event["http"]["response"] == {"transferMode": "STREAM"}
    assert [event["http"]["path"] for event in stream["events"]] == ["/", "/{proxy+}"]


def test_the_functions_of_serverless_yml_are_there() -> None:
    for function in SERVERLESS["functions"].values():
        module, _, name = function["handler"].rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))
    assert SERVERLESS["provider"]["runtime"] == f"python{PYTHON}"
    assert SERVERLESS["functions"]["api"]["timeout"] < 30  # the HTTP API's own


def test_every_variable_that_serverless_yml_passes_on_is_a_setting() -> None:
    known = {name for setting in TABLE for name in setting.names} | OTHER_VARIABLES
    passed = set(SERVERLESS["provider"]["environment"])
    for function in SERVERLESS["functions"].values():
        passed |= set(function.get("environment", {}))

    assert passed <= known


def test_the_functions_may_do_with_their_table_what_the_store_does_and_no_more() -> None:
    [statement] = SERVERLESS["provider"]["iam"]["role"]["statements"]
    # A transaction needs the permissions of what it is made of, and none of its own.
    asked = {f"dynamodb:{verb}" for verb in get_args(Verb)} - {"dynamodb:TransactWriteItems"}

    assert set(statement["Action"]) == asked


def test_logins_are_renewed_every_day_by_a_route_that_is_there() -> None:
    [cron] = VERCEL["crons"]
    [schedule] = [
        e["schedule"] for e in SERVERLESS["functions"]["api"]["events"] if "schedule" in e
    ]
    asked = read_event(json.dumps(schedule["input"]).encode(), deadline=None)

    assert cron["path"] == asked.scope["path"]
    assert cron["path"] in ROUTES
    assert callable(
        getattr(importlib.import_module(ROUTES[cron["path"]]), str(asked.scope["method"]))
    )
    # The free plan of Vercel runs a job once a day at most.
    assert re.fullmatch(r"\d+ \d+ \* \* \*", cron["schedule"])
    assert schedule["rate"] == "rate(1 day)"


def test_the_wrapper_is_in_the_zip_and_names_what_exists() -> None:
    place = SERVERLESS["functions"]["stream"]["environment"]["AWS_LAMBDA_EXEC_WRAPPER"]
    wrapper = Path(place).relative_to("/var/task")
    text = (ROOT / wrapper).read_text()

    assert wrapper in set(sources())
    assert (ROOT / wrapper).stat().st_mode & stat.S_IXUSR
    command = text.partition('exec "$1" -m ')[2].replace("\\\n", " ").split()
    runtime, application, *early = command
    module, _, name = application.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))
    for other in (runtime, *early):
        importlib.import_module(other)


def test_the_lock_pins_what_requirements_txt_pins() -> None:
    wanted = pins((ROOT / "requirements.txt").read_text())
    locked = pins((ROOT / "deploy" / "lambda.lock").read_text())

    assert wanted.items() <= locked.items()


def test_the_image_installs_extras_that_exist_and_starts_the_server() -> None:
    text = (ROOT / "Dockerfile").read_text()
    [extras] = re.findall(r"'\.\[([a-z,]+)\]'", text)

    assert set(extras.split(",")) <= set(PROJECT["project"]["optional-dependencies"])
    assert f"EXPOSE {next(s for s in TABLE if s.field == 'port').form.read('3040')}" in text
    assert all(line.startswith("FROM python:3.") for line in text.splitlines() if "FROM " in line)
    assert "ADD " not in text


def test_compose_gives_streams_the_time_to_finish_and_opens_no_port_to_the_network() -> None:
    service = COMPOSE["services"]["chat2api"]
    server = ast.parse((ROOT / "chat2api_core" / "server.py").read_text())
    [grace] = [
        node.value
        for node in ast.walk(server)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_GRACE"
    ]

    assert isinstance(grace, ast.Constant)
    assert int(service["stop_grace_period"].rstrip("s")) > int(str(grace.value))
    assert service["ports"] == ["127.0.0.1:3040:3040"]
    assert "ports" not in COMPOSE["services"]["redis"]
    assert service["environment"] == {"STORE_URL": "redis://redis:6379/0"}
    assert service["read_only"]
    [aside] = service["tmpfs"]
    assert aside.startswith("/tmp:"), "uploads are put aside there"  # noqa: S108 (compared only)
    assert set(service["depends_on"]) <= set(COMPOSE["services"])
    for one in COMPOSE["services"].values():
        assert not one.get("image", "x:1").endswith(":latest")


class _Doorkeeper(BaseHTTPRequestHandler):
    """Answers at the paths that begin with /below alone."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/below/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.mark.parametrize("prefix", ["/below", "below", "/below/"])
def test_the_container_is_healthy_however_its_prefix_is_written(prefix: str) -> None:
    (check,) = re.findall(r"^HEALTHCHECK .*?CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    with HTTPServer(("127.0.0.1", 0), _Doorkeeper) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        environ = {"PORT": str(server.server_port), "API_PREFIX": prefix}
        command = [sys.executable, *json.loads(check)[1:]]
        assert subprocess.run(command, env=environ, check=False, timeout=30).returncode == 0


@pytest.mark.parametrize("name", [".vercelignore", ".dockerignore", ".gitignore"])
def test_settings_and_tools_are_never_uploaded(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()

    assert "*" in lines or {"conf/*.yaml/", ".env/", ".env.*/", ".data/", ".tools/", ".venv/"} <= {
        f"{line.rstrip('/')}/" for line in lines
    }


def test_the_tools_are_pinned() -> None:
    folder = ROOT / "tests" / "deploy"
    packages: Any = json.loads((folder / "package.json").read_text())

    for version in [*packages["dependencies"].values(), *packages["overrides"].values()]:
        assert re.fullmatch(r"[\d.]+", version)
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert all("==" in line for line in lines if not line.startswith("#"))
