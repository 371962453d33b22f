"""Events of Lambda's front doors, and the prelude of a streamed response."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.web.deadline import SCOPE_KEY
from chat2api_core.web.lambda_event import Unreadable, prelude, read_event
from chat2api_core.web.paths import own_path

# As the developer guide of API Gateway shows payload 1.0, shortened.
REST: dict[str, Any] = {
    "resource": "/{proxy+}",
    "path": "/v1/models/gpt%2F5",
    "httpMethod": "GET",
    "headers": {"Host": "id.execute-api.us-east-1.amazonaws.com", "Accept": "b"},
    "multiValueHeaders": {
        "Host": ["id.execute-api.us-east-1.amazonaws.com"],
        "Accept": ["a", "b"],
        "X-Forwarded-Proto": ["https"],
    },
    "queryStringParameters": {"q": "b c"},
    "multiValueQueryStringParameters": {"q": ["a&", "b c"]},
    "requestContext": {"stage": "prod", "identity": {"sourceIp": "203.0.113.9", "userAgent": None}},
    "body": None,
    "isBase64Encoded": False,
}
# As the developer guide of Lambda shows the event of a function URL, shortened.
URL: dict[str, Any] = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": "/v1/chat/completions",
    "rawQueryString": "a=1&a=2%20",
    "cookies": ["one=1", "two=2"],
    "headers": {"host": "id.lambda-url.us-east-1.on.aws", "x-forwarded-proto": "https"},
    "requestContext": {
        "domainName": "id.lambda-url.us-east-1.on.aws",
        "stage": "$default",
        "http": {"method": "POST", "path": "/v1/chat/completions", "sourceIp": "203.0.113.9"},
    },
    "body": "eyJhIjoiw6QifQ==",
    "isBase64Encoded": True,
}


def read(event: object, deadline: float | None = None) -> Any:
    return read_event(json.dumps(event).encode(), deadline=deadline)


def test_a_rest_event_keeps_repeated_headers_and_the_raw_path() -> None:
    request = read(REST)

    assert request.door == "rest"
    assert request.body == b""
    assert request.scope["method"] == "GET"
    assert request.scope["path"] == "/v1/models/gpt/5"
    assert request.scope["raw_path"] == b"/v1/models/gpt%2F5"
    assert request.scope["query_string"] == b"q=a%26&q=b+c"
    assert request.scope["client"] == ("203.0.113.9", 0)
    assert request.scope["server"] == ("id.execute-api.us-east-1.amazonaws.com", 443)
    assert request.scope["scheme"] == "https"
    assert request.scope["headers"] == [
        (b"host", b"id.execute-api.us-east-1.amazonaws.com"),
        (b"accept", b"a"),
        (b"accept", b"b"),
        (b"x-forwarded-proto", b"https"),
    ]


def test_an_event_of_a_function_url_keeps_the_query_cookies_and_bytes() -> None:
    request = read(URL, 12.5)

    assert request.door == "url"
    assert request.body == '{"a":"ä"}'.encode()
    assert request.scope["method"] == "POST"
    assert request.scope["query_string"] == b"a=1&a=2%20"
    assert (b"cookie", b"one=1; two=2") in request.scope["headers"]
    assert request.scope["client"] == ("203.0.113.9", 0)
    assert request.scope[SCOPE_KEY] == 12.5


def test_a_text_body_arrives_as_utf_8() -> None:
    assert read(URL | {"body": "ä", "isBase64Encoded": False}).body == "ä".encode()


def test_what_an_event_leaves_out_has_a_default() -> None:
    request = read({"httpMethod": "GET", "path": "", "headers": {"A": "b"}, "requestContext": {}})

    assert request.scope["path"] == "/"
    assert request.scope["query_string"] == b""
    assert request.scope["client"] == ("", 0)
    assert request.scope["headers"] == [(b"a", b"b")]
    assert request.scope["scheme"] == "https"
    assert SCOPE_KEY not in request.scope


HTTP_API = "id.execute-api.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("path", "stage", "domain", "mount", "own"),
    [
        ("/prod/v1/models", "prod", HTTP_API, "/prod", "/v1/models"),
        ("/prod", "prod", HTTP_API, "/prod", "/"),
        ("/production", "prod", HTTP_API, "/prod", "/production"),
        ("/v1/models", "v1", "api.example", "", "/v1/models"),
        ("/v1/models", "$default", HTTP_API, "", "/v1/models"),
        ("", "", "", "", "/"),
    ],
    ids=[
        "an HTTP API's own domain names the stage",
        "the root of a stage",
        "a path that only begins like the stage",
        "a domain of one's own names no stage",
        "the default stage has no name",
        "no path at all",
    ],
)
def test_an_http_api_names_its_stage_in_the_path(
    path: str, stage: str, domain: str, mount: str, own: str
) -> None:
    context = {"stage": stage, "domainName": domain, "http": {"method": "GET", "path": path}}
    scope = read({"version": "2.0", "rawPath": path, "requestContext": context}).scope

    assert scope["root_path"] == mount
    assert own_path(scope) == own


@pytest.mark.parametrize(
    ("path", "stage", "domain", "mount"),
    [
        ("/v1/models", "prod", HTTP_API, "/prod"),
        ("/v1/models", "v1", HTTP_API, "/v1"),
        ("/", "prod", HTTP_API, "/prod"),
        ("/v1/models", "prod", "api.example", ""),
    ],
    ids=["a stage", "one that is called like a route", "the root", "a domain of one's own"],
)
def test_a_rest_api_keeps_its_stage_for_itself_but_its_urls_have_it(
    path: str, stage: str, domain: str, mount: str
) -> None:
    context = {"stage": stage, "domainName": domain}
    scope = read({"httpMethod": "GET", "path": path, "requestContext": context}).scope

    assert scope["root_path"] == mount
    assert scope["path"] == mount + path
    assert own_path(scope) == path


@pytest.mark.parametrize(
    "event",
    [
        b"",
        b"[]",
        b'{"source": "aws.events", "detail": {}}',
        b'{"requestContext": {"stage": "prod"}}',
        b'{"httpMethod": 3, "requestContext": {}}',
        json.dumps(URL | {"body": "%%%"}).encode(),
        b'{"httpMethod": "GET", "requestContext": {}, "path": "\xff"}',
    ],
    ids=["nothing", "a list", "a schedule", "no method", "a wrong type", "no base64", "no utf-8"],
)
def test_an_event_of_no_front_door_is_refused(event: bytes) -> None:
    with pytest.raises(Unreadable):
        read_event(event, deadline=None)


@given(st.binary(max_size=200))
def test_garbage_gives_only_our_error(event: bytes) -> None:
    with pytest.raises(Unreadable):
        read_event(event, deadline=None)


@given(st.binary(max_size=200))
def test_any_body_comes_through(body: bytes) -> None:
    assert read(URL | {"body": base64.b64encode(body).decode()}).body == body


HEADERS = [
    (b"Content-Type", b"text/event-stream"),
    (b"content-length", b"12"),
    (b"Transfer-Encoding", b"chunked"),
    (b"set-cookie", b"a=1"),
    (b"set-cookie", b"b=2"),
    (b"vary", b"origin"),
    (b"vary", b"accept"),
]


def test_the_prelude_for_a_function_url_joins_headers_and_lists_cookies() -> None:
    head, end, rest = prelude(201, HEADERS, "url").partition(b"\0" * 8)

    assert (end, rest) == (b"\0" * 8, b"")
    assert json.loads(head) == {
        "statusCode": 201,
        "headers": {"content-type": "text/event-stream", "vary": "origin, accept"},
        "cookies": ["a=1", "b=2"],
    }


def test_the_prelude_for_a_rest_api_lists_every_header() -> None:
    head, _, _ = prelude(200, HEADERS, "rest").partition(b"\0" * 8)

    assert json.loads(head) == {
        "statusCode": 200,
        "multiValueHeaders": {
            "content-type": ["text/event-stream"],
            "set-cookie": ["a=1", "b=2"],
            "vary": ["origin", "accept"],
        },
    }


def test_a_header_cannot_forge_the_end_of_the_prelude() -> None:
    made = prelude(200, [(b"x", b"\0" * 8)], "url")

    assert made.index(b"\0" * 8) == len(made) - 8
