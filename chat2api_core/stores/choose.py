"""Which store it is to be, and opening it.

In: the environment, as a mapping. Out: a choice, and from a choice a ``Store``. The one rule: what
is named but incomplete is an error that names the variable; it never quietly becomes memory.

STORE_URL decides where it is set:

    memory:                                   this process only
    sqlite:PATH                               one file
    redis://... rediss://...                  Redis, over TLS with two s
    upstash+https://:TOKEN@HOST               Redis over REST; the token may stand in its variable
    dynamodb://TABLE?region=...&endpoint=...  DynamoDB, with the usual AWS_ variables

Else the variables that the platforms set (``_FOUND``, in their order), else a file locally and
memory on a serverless host.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias, assert_never
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit, urlunsplit

from msgspec import Struct

from chat2api_core.ambient import Clock, Ids
from chat2api_core.secret import Secret
from chat2api_core.stores.base import Post, Store
from chat2api_core.stores.sigv4 import AwsKeys

Environ: TypeAlias = Mapping[str, str]

LOCAL_FILE = ".data/chat2api.db"

_SERVERLESS = ("VERCEL", "AWS_LAMBDA_FUNCTION_NAME")
_TOKENS = ("KV_REST_API_TOKEN", "UPSTASH_REDIS_REST_TOKEN")


class MemoryChoice(Struct, frozen=True):
    """Nothing is kept."""


class SqliteChoice(Struct, frozen=True):
    """A file, relative to the working directory unless it starts with a slash."""

    path: str


class RedisChoice(Struct, frozen=True):
    """The address, which may hold a password."""

    url: Secret


class UpstashChoice(Struct, frozen=True):
    """The REST address and its token."""

    url: str
    token: Secret


class DynamoChoice(Struct, frozen=True):
    """The table, where it is, and who asks."""

    table: str
    region: str
    endpoint: str
    keys: AwsKeys


StoreChoice: TypeAlias = MemoryChoice | SqliteChoice | RedisChoice | UpstashChoice | DynamoChoice


def resolve(environ: Environ) -> StoreChoice:
    """The store that these variables name. Raises ValueError, which names the wrong variable."""
    url = environ.get("STORE_URL", "").strip()
    if url:
        return _from_url(url, environ)
    for variable, choose in _FOUND:
        value = environ.get(variable, "").strip()
        if value:
            return choose(value, environ)
    if any(environ.get(variable) for variable in _SERVERLESS):
        return MemoryChoice()
    return SqliteChoice(LOCAL_FILE)


def open_store(choice: StoreChoice, *, clock: Clock, ids: Ids, post: Post) -> Store:
    """The store. Nothing is connected yet; that happens at the first question."""
    # Each is imported only where it is chosen: redis-py alone would double a cold start.
    match choice:
        case MemoryChoice():
            from chat2api_core.stores.memory import MemoryStore  # noqa: PLC0415 (see above)

            return MemoryStore(clock)
        case SqliteChoice(path):
            from chat2api_core.stores.sqlite import SqliteStore  # noqa: PLC0415 (see above)

            return SqliteStore(Path(path), clock)
        case RedisChoice(url):
            from chat2api_core.stores.redis import redis_store  # noqa: PLC0415 (see above)

            return redis_store(url)
        case UpstashChoice(address, token):
            from chat2api_core.stores.upstash import upstash_store  # noqa: PLC0415 (see above)

            return upstash_store(address, token, post)
        case DynamoChoice(table, region, endpoint, keys):
            from chat2api_core.stores.dynamodb import DynamoStore  # noqa: PLC0415 (see above)

            return DynamoStore(
                table,
                endpoint=endpoint,
                region=region,
                keys=keys,
                clock=clock,
                ids=ids,
                post=post,
            )
        case _:
            assert_never(choice)


def _from_url(text: str, environ: Environ) -> StoreChoice:
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        raise ValueError("STORE_URL is not a URL.") from None  # its message would show the URL
    match url.scheme:
        case "memory":
            return MemoryChoice()
        case "sqlite":
            return _sqlite(text)
        case "redis" | "rediss":
            return _redis("STORE_URL", text)
        case "upstash+https" | "upstash+http":
            return _upstash(url, environ)
        case "dynamodb":
            return _dynamodb(url, environ)
        case _:
            raise ValueError(
                "STORE_URL must start with memory:, sqlite:, redis://, rediss://, "
                "upstash+https:// or dynamodb://."
            )


def _sqlite(text: str) -> SqliteChoice:
    path = text.removeprefix("sqlite:")
    if path.startswith("//"):
        path = path.removeprefix("//")
        if not path.startswith("/"):
            raise ValueError("STORE_URL: write sqlite:PATH, or sqlite:///PATH for an absolute one.")
    if not path or path.endswith("/"):
        raise ValueError("STORE_URL names no file: write sqlite:PATH.")
    return SqliteChoice(path)


def _redis(variable: str, text: str) -> RedisChoice:
    url = urlsplit(text)
    if url.scheme not in {"redis", "rediss"} or not url.hostname:
        raise ValueError(f"{variable} must look like redis://HOST:PORT or rediss://HOST:PORT.")
    return RedisChoice(Secret(text))


def _upstash(url: SplitResult, environ: Environ) -> UpstashChoice:
    token = unquote(url.password or "") or next(filter(None, map(environ.get, _TOKENS)), "")
    if not token:
        raise ValueError(
            "STORE_URL needs a token: upstash+https://:TOKEN@HOST, or UPSTASH_REDIS_REST_TOKEN."
        )
    scheme = url.scheme.removeprefix("upstash+")
    address = urlunsplit((scheme, url.netloc.rpartition("@")[2], url.path, "", ""))
    return UpstashChoice(_rest("STORE_URL", address), Secret(token))


def _rest(variable: str, address: str) -> str:
    url = urlsplit(address)
    if url.scheme not in {"https", "http"} or not url.hostname:
        raise ValueError(f"{variable} must be the https address of the database.")
    return address


def _dynamodb(url: SplitResult, environ: Environ) -> DynamoChoice:
    if not url.netloc:
        raise ValueError("STORE_URL names no table: write dynamodb://TABLE?region=REGION.")
    query = parse_qs(url.query)
    region = query.get("region", [""])[-1]
    endpoint = query.get("endpoint", [""])[-1]
    return _table(url.netloc, environ, region=region, endpoint=endpoint)


def _table(table: str, environ: Environ, *, region: str = "", endpoint: str = "") -> DynamoChoice:
    region = region or environ.get("AWS_REGION", "") or environ.get("AWS_DEFAULT_REGION", "")
    if not region:
        raise ValueError("AWS_REGION must say where the DynamoDB table is.")
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        if not environ.get(variable):
            raise ValueError(f"{variable} is needed for DynamoDB; Lambda sets it by itself.")
    keys = AwsKeys(
        environ["AWS_ACCESS_KEY_ID"],
        Secret(environ["AWS_SECRET_ACCESS_KEY"]),
        Secret(environ.get("AWS_SESSION_TOKEN", "")),
    )
    return DynamoChoice(table, region, endpoint or f"https://dynamodb.{region}.amazonaws.com", keys)


def _rest_pair(url_variable: str, token_variable: str) -> Callable[[str, Environ], StoreChoice]:
    def choose(value: str, environ: Environ) -> StoreChoice:
        token = environ.get(token_variable, "").strip()
        if not token:
            raise ValueError(f"{token_variable} is missing, while {url_variable} is set.")
        return UpstashChoice(_rest(url_variable, value), Secret(token))

    return choose


_FOUND: tuple[tuple[str, Callable[[str, Environ], StoreChoice]], ...] = (
    ("KV_REST_API_URL", _rest_pair("KV_REST_API_URL", "KV_REST_API_TOKEN")),
    (
        "UPSTASH_REDIS_REST_URL",
        _rest_pair("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"),
    ),
    ("REDIS_URL", lambda value, _: _redis("REDIS_URL", value)),
    ("DYNAMODB_TABLE", _table),
)
