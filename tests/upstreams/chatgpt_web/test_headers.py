"""The headers of every kind of call: exactly what the web backend takes, and nothing besides."""

import pytest

from chat2api_core.secret import Secret
from chat2api_core.upstreams.chatgpt_web.headers import (
    Identity,
    SentinelTokens,
    base_headers,
    blob_headers,
    conversation_headers,
    page_headers,
)

BASE = "https://chatgpt.com"
WHO = Identity(
    device_id="d-1",
    session_id="s-1",
    user_agent="UA/1.0",
    access_token=Secret("at-1"),
    account_id="acc-1",
    client_version="prod-1",
    build_number="42",
    auth_key=Secret("key-1"),
)
NOBODY = Identity(device_id="d-1", session_id="s-1", user_agent="UA/1.0")


def test_an_account_shows_all_it_has() -> None:
    headers = base_headers(WHO, BASE, "/backend-api/models?history_and_training_disabled=false")
    assert dict(headers) == {
        b"accept": b"*/*",
        b"accept-encoding": b"identity",
        b"accept-language": b"en-US",
        b"content-type": b"application/json",
        b"user-agent": b"UA/1.0",
        b"origin": b"https://chatgpt.com",
        b"referer": b"https://chatgpt.com/",
        b"authorization": b"Bearer at-1",
        b"chatgpt-account-id": b"acc-1",
        b"oai-device-id": b"d-1",
        b"oai-language": b"en-US",
        b"oai-session-id": b"s-1",
        b"oai-client-version": b"prod-1",
        b"oai-client-build-number": b"42",
        b"x-openai-target-path": b"/backend-api/models",
        b"x-openai-target-route": b"/backend-api/models",
        b"auth_key": b"key-1",
        b"authkey": b"key-1",
    }
    assert len(headers) == 18


def test_nobody_shows_no_account() -> None:
    names = {name for name, _ in base_headers(NOBODY, BASE, "/backend-anon/f/conversation")}
    assert names.isdisjoint(
        {
            b"authorization",
            b"chatgpt-account-id",
            b"oai-client-version",
            b"oai-client-build-number",
            b"auth_key",
            b"authkey",
        }
    )
    assert b"oai-device-id" in names


def test_accept_and_content_type_are_the_callers() -> None:
    headers = dict(base_headers(NOBODY, BASE, "/x", accept="text/event-stream", content_type=""))
    assert headers[b"accept"] == b"text/event-stream"
    assert b"content-type" not in headers


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://chatgpt.com", b"https://chatgpt.com"),
        ("https://gateway.example/some/path", b"https://gateway.example"),
        ("http://127.0.0.1:9000/", b"http://127.0.0.1:9000"),
    ],
)
def test_the_origin_is_scheme_and_host(base_url: str, origin: bytes) -> None:
    headers = dict(base_headers(NOBODY, base_url, "/x"))
    assert headers[b"origin"] == origin
    assert headers[b"referer"] == origin + b"/"


def test_a_value_never_becomes_two_headers() -> None:
    evil = Identity(
        device_id="d\r\nx: y",
        session_id="s",
        user_agent="caf\xe9\0",
        access_token=Secret("a\nb: c"),
    )
    headers = dict(base_headers(evil, BASE, "/x"))
    assert headers[b"oai-device-id"] == b"dx: y"
    assert headers[b"user-agent"] == b"caf"
    assert headers[b"authorization"] == b"Bearer ab: c"


def test_the_home_page_is_asked_for_as_a_document_and_without_the_account() -> None:
    headers = dict(page_headers(WHO))
    assert headers[b"accept"].startswith(b"text/html,")
    assert headers[b"sec-fetch-dest"] == b"document"
    assert headers[b"sec-fetch-mode"] == b"navigate"
    assert headers[b"sec-fetch-site"] == b"none"
    assert headers[b"sec-fetch-user"] == b"?1"
    assert headers[b"upgrade-insecure-requests"] == b"1"
    assert headers[b"user-agent"] == b"UA/1.0"
    assert headers[b"auth_key"] == headers[b"authkey"] == b"key-1"
    assert b"authorization" not in headers


def test_a_turn_carries_every_token_in_the_header_made_for_it() -> None:
    tokens = SentinelTokens("R", "P", "W", "T", "S")
    assert conversation_headers(tokens, conduit="C", trace_id="X") == [
        (b"openai-sentinel-chat-requirements-token", b"R"),
        (b"openai-sentinel-chat-requirements-prepare-token", b"P"),
        (b"openai-sentinel-proof-token", b"W"),
        (b"openai-sentinel-turnstile-token", b"T"),
        (b"openai-sentinel-so-token", b"S"),
        (b"x-conduit-token", b"C"),
        (b"x-oai-turn-trace-id", b"X"),
    ]


def test_tokens_that_are_not_there_are_not_sent() -> None:
    assert conversation_headers(SentinelTokens("R")) == [
        (b"openai-sentinel-chat-requirements-token", b"R")
    ]


def test_tokens_do_not_print() -> None:
    assert "secret" not in repr(SentinelTokens("secret", "secret", "secret"))


def test_the_storage_is_told_nothing_of_the_account() -> None:
    headers = blob_headers(WHO, BASE, length=3, mime="image/png")
    assert dict(headers) == {
        b"content-type": b"image/png", b"content-length": b"3", b"x-ms-blob-type": b"BlockBlob",
        b"x-ms-version": b"2020-04-08", b"accept": b"application/json, text/plain, */*",
        b"accept-language": b"en-US", b"user-agent": b"UA/1.0",
        b"origin": b"https://chatgpt.com", b"referer": b"https://chatgpt.com/",
    }  # fmt: skip
