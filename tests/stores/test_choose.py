"""Which store the environment names, and that it opens."""

import subprocess
import sys
from collections.abc import Mapping

import pytest

from chat2api_core.secret import Secret
from chat2api_core.stores.choose import (
    DynamoChoice,
    MemoryChoice,
    RedisChoice,
    SqliteChoice,
    StoreChoice,
    UpstashChoice,
    open_store,
    resolve,
)
from chat2api_core.stores.sigv4 import AwsKeys
from tests.fakes import FakeIds
from tests.stores.real_parts import SteppedClock

AWS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}
KEYS = AwsKeys("AKID", Secret("secret"))
ENDPOINT = "https://dynamodb.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, SqliteChoice(".data/chat2api.db"), id="locally, a file"),
        pytest.param({"VERCEL": "1"}, MemoryChoice(), id="on Vercel, memory"),
        pytest.param({"AWS_LAMBDA_FUNCTION_NAME": "f"}, MemoryChoice(), id="on Lambda, memory"),
        pytest.param({"STORE_URL": "memory:"}, MemoryChoice(), id="memory by name"),
        pytest.param({"STORE_URL": " memory: "}, MemoryChoice(), id="blanks around do no harm"),
        pytest.param({"STORE_URL": "  "}, SqliteChoice(".data/chat2api.db"), id="blank is unset"),
        pytest.param({"STORE_URL": "sqlite:x/y.db"}, SqliteChoice("x/y.db"), id="a relative file"),
        pytest.param(
            {"STORE_URL": "sqlite:/x/y.db"}, SqliteChoice("/x/y.db"), id="an absolute file"
        ),
        pytest.param(
            {"STORE_URL": "sqlite:///x/y z#1.db"}, SqliteChoice("/x/y z#1.db"), id="as a URL"
        ),
        pytest.param(
            {"STORE_URL": "redis://h:1/2"}, RedisChoice(Secret("redis://h:1/2")), id="redis"
        ),
        pytest.param(
            {"STORE_URL": "rediss://u:p@h"}, RedisChoice(Secret("rediss://u:p@h")), id="rediss"
        ),
        pytest.param(
            {"STORE_URL": "upstash+https://:a%2Fb@db.test"},
            UpstashChoice("https://db.test", Secret("a/b")),
            id="upstash with the token inside",
        ),
        pytest.param(
            {"STORE_URL": "upstash+http://127.0.0.1:80/", "UPSTASH_REDIS_REST_TOKEN": "t"},
            UpstashChoice("http://127.0.0.1:80/", Secret("t")),
            id="upstash with the token beside",
        ),
        pytest.param(
            {"STORE_URL": "dynamodb://tab?region=eu-west-1", **AWS},
            DynamoChoice("tab", "eu-west-1", ENDPOINT, KEYS),
            id="dynamodb with its region",
        ),
        pytest.param(
            {
                "STORE_URL": "dynamodb://Tab_1?endpoint=http://127.0.0.1:5000",
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_SESSION_TOKEN": "s",
                **AWS,
            },
            DynamoChoice(
                "Tab_1",
                "eu-west-1",
                "http://127.0.0.1:5000",
                AwsKeys("AKID", Secret("secret"), Secret("s")),
            ),
            id="dynamodb somewhere else, table name kept as it is",
        ),
        pytest.param(
            {"KV_REST_API_URL": "https://kv.test", "KV_REST_API_TOKEN": "t", "VERCEL": "1"},
            UpstashChoice("https://kv.test", Secret("t")),
            id="found: Vercel's KV",
        ),
        pytest.param(
            {"UPSTASH_REDIS_REST_URL": "https://up.test", "UPSTASH_REDIS_REST_TOKEN": "t"},
            UpstashChoice("https://up.test", Secret("t")),
            id="found: Upstash",
        ),
        pytest.param(
            {"REDIS_URL": "redis://h"}, RedisChoice(Secret("redis://h")), id="found: Redis"
        ),
        pytest.param(
            {"DYNAMODB_TABLE": "tab", "AWS_REGION": "eu-west-1", **AWS},
            DynamoChoice("tab", "eu-west-1", ENDPOINT, KEYS),
            id="found: DynamoDB",
        ),
        pytest.param(
            {"STORE_URL": "memory:", "REDIS_URL": "redis://h"},
            MemoryChoice(),
            id="STORE_URL goes before what is found",
        ),
    ],
)
def test_the_environment_names_a_store(environ: Mapping[str, str], expected: StoreChoice) -> None:
    assert resolve(environ) == expected


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"STORE_URL": "postgres://h"}, "STORE_URL must start with"),
        ({"STORE_URL": "nonsense"}, "STORE_URL must start with"),
        ({"STORE_URL": "redis://[hidden"}, "STORE_URL is not a URL"),
        ({"STORE_URL": "redis://hidden:99999"}, "STORE_URL is not a URL"),
        ({"STORE_URL": "redis:hidden"}, "STORE_URL must look like"),
        ({"STORE_URL": "sqlite:"}, "STORE_URL names no file"),
        ({"STORE_URL": "sqlite:hidden/"}, "STORE_URL names no file"),
        ({"STORE_URL": "sqlite://hidden/db"}, "STORE_URL: write"),
        ({"STORE_URL": "upstash+https://hidden"}, "STORE_URL needs a token"),
        ({"STORE_URL": "upstash+https://:hidden@"}, "STORE_URL must be the https address"),
        ({"STORE_URL": "dynamodb://?region=r", **AWS}, "STORE_URL names no table"),
        ({"STORE_URL": "dynamodb://hidden", **AWS}, "AWS_REGION"),
        ({"STORE_URL": "dynamodb://hidden?region=r"}, "AWS_ACCESS_KEY_ID"),
        (
            {"DYNAMODB_TABLE": "t", "AWS_REGION": "r", "AWS_ACCESS_KEY_ID": "hidden"},
            "AWS_SECRET_ACCESS_KEY",
        ),
        ({"KV_REST_API_URL": "https://hidden"}, "KV_REST_API_TOKEN is missing"),
        ({"UPSTASH_REDIS_REST_URL": "https://hidden"}, "UPSTASH_REDIS_REST_TOKEN is missing"),
        ({"KV_REST_API_URL": "hidden", "KV_REST_API_TOKEN": "t"}, "KV_REST_API_URL must be"),
        ({"REDIS_URL": "http://hidden"}, "REDIS_URL must look like"),
    ],
)
def test_what_is_wrong_names_the_variable_and_shows_no_value(
    environ: Mapping[str, str], words: str
) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        resolve(environ)
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_choice_does_not_print_its_secrets() -> None:
    shown = [
        repr(RedisChoice(Secret("redis://:hidden@h"))),
        repr(UpstashChoice("https://h", Secret("hidden"))),
        repr(DynamoChoice("t", "r", "e", AwsKeys("AKID", Secret("hidden"), Secret("hidden")))),
    ]
    assert all("hidden" not in text for text in shown)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("choice", "name", "durable"),
    [
        (MemoryChoice(), "memory", False),
        (SqliteChoice("/dev/null/unused.db"), "sqlite", True),
        (RedisChoice(Secret("redis://127.0.0.1:1")), "redis", True),
        (UpstashChoice("https://db.test", Secret("t")), "upstash", True),
        (DynamoChoice("t", "r", "https://e.test", KEYS), "dynamodb", True),
    ],
)
async def test_each_choice_opens_without_touching_anything(
    choice: StoreChoice, name: str, durable: bool
) -> None:
    async def post(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        pytest.fail("nothing is to be asked yet")

    store = open_store(choice, clock=SteppedClock(), ids=FakeIds(), post=post)
    assert (store.name, store.durable) == (name, durable)
    await store.aclose()


def test_only_the_chosen_store_is_imported() -> None:
    code = """if True:
        import sys
        from chat2api_core.stores.choose import open_store, resolve
        from chat2api_core.ambient import SystemClock, SystemIds
        choice = resolve({"STORE_URL": "memory:"})
        open_store(choice, clock=SystemClock(), ids=SystemIds(), post=None)
        print(" ".join(m for m in ("redis", "sqlite3", "httpcore", "asyncio") if m in sys.modules))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.split() == []
