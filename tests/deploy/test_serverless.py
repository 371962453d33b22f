"""serverless.yml: the template that osls (the open Serverless Framework) makes of it, and the two
functions under serverless-offline, which buffers everything."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.conftest import ARCH, Upstream
from tests.deploy.install import Tools
from tests.deploy.probe import Client

pytestmark = pytest.mark.deploy

QUIET = {"SLS_TELEMETRY_DISABLED": "1", "SLS_NOTIFICATIONS_MODE": "off", "ARCH": ARCH}
REFERENCE = "{{resolve:ssm:/chat2api/AUTH_TOKENS}}"


@pytest.fixture(scope="module")
def service(clone: Path, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what ``serverless deploy`` needs, and nothing else."""
    folder = tmp_path_factory.mktemp("service")
    shutil.copy(clone / "serverless.yml", folder)
    (folder / "dist").mkdir()
    shutil.copy(package, folder / "dist")
    return folder


@pytest.fixture(scope="module")
def template(service: Path, installed: Tools) -> Path:
    environment = {**installed.environment, **QUIET, "AUTH_TOKENS": REFERENCE}
    subprocess.run(["osls", "package"], cwd=service, env=environment, check=True)
    return service / ".serverless" / "cloudformation-template-update-stack.json"


@pytest.fixture(scope="module")
def resources(template: Path) -> Any:
    return json.loads(template.read_text())["Resources"]


def of_type(resources: Any, kind: str) -> dict[str, Any]:
    """The properties of every resource of a type, by name."""
    return {n: r.get("Properties") for n, r in resources.items() if r["Type"] == f"AWS::{kind}"}


def test_the_template_has_no_errors(template: Path, installed: Tools) -> None:
    # W3005: osls names a dependency twice; that is not ours to change.
    command = ["cfn-lint", "--ignore-checks", "W3005", "--", str(template)]
    done = subprocess.run(
        command, env=installed.environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


def test_two_functions_are_made_of_one_zip(resources: Any) -> None:
    functions = of_type(resources, "Lambda::Function")
    keys = {function["Code"]["S3Key"] for function in functions.values()}

    assert {function["FunctionName"] for function in functions.values()} == {
        "chat2api-prod-api",
        "chat2api-prod-stream",
    }
    assert len(keys) == 1
    assert keys.pop().endswith(f"/lambda-{ARCH}.zip")


def test_the_streaming_function_has_the_wrapper_and_two_streaming_doors(resources: Any) -> None:
    functions = of_type(resources, "Lambda::Function")
    wrapper = "AWS_LAMBDA_EXEC_WRAPPER"
    stream = functions["StreamLambdaFunction"]["Environment"]["Variables"]
    [url] = of_type(resources, "Lambda::Url").values()
    methods = of_type(resources, "ApiGateway::Method").values()

    assert stream[wrapper] == "/var/task/deploy/lambda-stream"
    assert wrapper not in functions["ApiLambdaFunction"]["Environment"]["Variables"]
    assert url["InvokeMode"] == "RESPONSE_STREAM"
    assert len(methods) == 2
    for method in methods:
        assert method["Integration"]["ResponseTransferMode"] == "STREAM"
        assert method["Integration"]["TimeoutInMillis"] == 300_000
    [api] = of_type(resources, "ApiGateway::RestApi").values()
    assert api["EndpointConfiguration"]["Types"] == ["REGIONAL"]
    assert api["BinaryMediaTypes"] == ["*/*"]


def test_everybody_may_call_the_function_url_and_nothing_but_the_url(resources: Any) -> None:
    public = [
        one for one in of_type(resources, "Lambda::Permission").values() if one["Principal"] == "*"
    ]
    doors = {
        one["Action"]: one.get("FunctionUrlAuthType") or one.get("InvokedViaFunctionUrl")
        for one in public
    }

    # Lambda asks for both since October 2025; keys of ours are asked for behind it.
    assert doors == {"lambda:InvokeFunctionUrl": "NONE", "lambda:InvokeFunction": True}
    for one in public:
        assert one["FunctionName"] == {"Fn::GetAtt": ["StreamLambdaFunction", "Arn"]}


def test_logs_are_not_kept_for_ever(resources: Any) -> None:
    groups = of_type(resources, "Logs::LogGroup").values()

    assert {one["LogGroupName"] for one in groups} == {
        "/aws/lambda/chat2api-prod-api",
        "/aws/lambda/chat2api-prod-stream",
    }
    assert {one["RetentionInDays"] for one in groups} == {14}


def test_no_function_is_ended_before_its_door_gives_up_nor_long_after(resources: Any) -> None:
    functions = of_type(resources, "Lambda::Function")

    assert functions["StreamLambdaFunction"]["Timeout"] == 300
    assert functions["ApiLambdaFunction"]["Timeout"] == 29
    assert {one["MemorySize"] for one in functions.values()} == {512}


def test_the_functions_may_touch_their_own_table_and_log_and_nothing_else(resources: Any) -> None:
    [role] = of_type(resources, "IAM::Role").values()
    [policy] = role["Policies"]
    allowed = {
        action: json.dumps(statement["Resource"])
        for statement in policy["PolicyDocument"]["Statement"]
        for action in statement["Action"]
    }

    assert "ManagedPolicyArns" not in role
    assert {action for action in allowed if action.startswith("dynamodb:")} == {
        "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:UpdateItem",
        "dynamodb:DeleteItem", "dynamodb:Scan",
    }  # fmt: skip
    for action, resource in allowed.items():
        if action.startswith("dynamodb:"):
            assert json.loads(resource) == {"Fn::GetAtt": ["State", "Arn"]}
        else:
            assert action.startswith("logs:")
            assert ":log-group:/aws/lambda/chat2api-prod" in resource


def test_the_table_is_what_the_store_expects_and_the_functions_know_its_name(
    resources: Any,
) -> None:
    [table] = of_type(resources, "DynamoDB::Table").values()

    assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert table["AttributeDefinitions"] == [{"AttributeName": "pk", "AttributeType": "S"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    for function in of_type(resources, "Lambda::Function").values():
        told = function["Environment"]["Variables"]["STORE_URL"]
        assert told == f"dynamodb://{table['TableName']}"


def test_logins_are_renewed_on_a_schedule(resources: Any) -> None:
    [rule] = of_type(resources, "Events::Rule").values()
    [target] = rule["Targets"]

    assert rule["ScheduleExpression"] == "rate(1 day)"
    assert json.loads(target["Input"])["rawPath"] == "/api/cron/refresh"
    assert target["Arn"] == {"Fn::GetAtt": ["ApiLambdaFunction", "Arn"]}


def test_a_variable_may_refer_to_a_secret(resources: Any) -> None:
    for function in of_type(resources, "Lambda::Function").values():
        assert function["Environment"]["Variables"]["AUTH_TOKENS"] == REFERENCE


@pytest.fixture
def offline(
    service: Path,
    task_root: Path,
    installed: Tools,
    upstream: Upstream,
    tmp_path: Path,
    unused_port: int,
) -> Iterator[Client]:
    """Both functions under serverless-offline."""
    folder = tmp_path / "service"
    shutil.copytree(service, folder, ignore=shutil.ignore_patterns(".serverless"))
    shutil.copytree(task_root, folder, dirs_exist_ok=True)  # its Python runner opens no zip
    text = (folder / "serverless.yml").read_text()
    # There is no table here: what the store does is proved in its own tests.
    text = re.sub(r"STORE_URL: .*", 'STORE_URL: "memory:"', text)
    (folder / "serverless.yml").write_text(f"{text}plugins: [serverless-offline]\n")
    (folder / "node_modules").symlink_to(installed.npm_modules)
    command = ["osls", "offline", "--host", "127.0.0.1", "--httpPort", str(unused_port)]
    environment = {**installed.environment, **QUIET, **upstream.settings}
    log = tmp_path / "offline.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--lambdaPort", "0"], cwd=folder, env=environment, stdout=output,
            stderr=output, process_group=0,
        )  # fmt: skip
    try:
        client = Client(f"http://127.0.0.1:{unused_port}")
        end = time.monotonic() + 60
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            try:
                assert client.get("/health").status == 200, log.read_text()
                break
            except OSError:
                time.sleep(0.2)
        yield client
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


@pytest.mark.parametrize("stage", ["", "/prod"], ids=["the HTTP API", "the REST API"])
def test_serverless_offline_serves_both_functions_whole(offline: Client, stage: str) -> None:
    answer = offline.post(f"{stage}/v1/chat/completions", {"stream": True, "messages": [
        {"role": "user", "content": "Hello"},
    ]})  # fmt: skip

    assert answer.status == 200
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert offline.get(f"{stage}/health").document["platform"] == "lambda"
    assert offline.get(f"{stage}/v1/models").status == 200
    assert offline.get(f"{stage}/nowhere").document["error"]["code"] == "not_found"
