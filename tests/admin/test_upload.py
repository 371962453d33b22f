"""Accounts as people paste them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.admin.upload import read_upload
from chat2api_core.config.accounts import ACCOUNTS

JWT = "eyJhbGciOi.eyJleHAi.sig"
TEAM = "11111111-aaaa-4bbb-8ccc-222222222222"
CODEX_CLI = {
    "OPENAI_API_KEY": None,
    "tokens": {"id_token": "id", "access_token": JWT, "refresh_token": "rt_1", "account_id": "a-1"},
    "last_refresh": "2026-08-22T00:00:00Z",
}
TOKEN_FILE = {
    "type": "codex",
    "access_token": JWT,
    "refresh_token": "rt_1",
    "email": "ann@example.com",
    "expired": "2026-08-22T00:00:00+08:00",
    "last_refresh": "2026-08-12T00:00:00+08:00",
    "websockets": True,
}
SESSION = {"user": {"email": "ann@example.com"}, "accessToken": JWT, "sessionToken": "eyJ.st"}


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("", []),
        ("# nothing\n\n", []),
        (f"{JWT}\nrt_1 # mine\n", [{"access_token": JWT}, {"refresh_token": "rt_1"}]),
        (f"{JWT},{TEAM}", [{"access_token": JWT, "account_id": TEAM}]),
        ("\ufeffrt_1\r\nrt_2", [{"refresh_token": "rt_1"}, {"refresh_token": "rt_2"}]),
        ('{"session_token": "s", "disabled": true}', [{"session_token": "s", "disabled": "true"}]),
        ('[{"refresh_token": "rt_1", "email": ""}, "rt_2"]',
         [{"refresh_token": "rt_1"}, {"refresh_token": "rt_2"}]),
        ('{"refresh_token": "a"}\n\n{"refresh_token": "b"}',
         [{"refresh_token": "a"}, {"refresh_token": "b"}]),
        ('rt_1\n{"refresh_token": "b"}', [{"refresh_token": "rt_1"}, {"refresh_token": "b"}]),
        (json.dumps(CODEX_CLI),
         [{"type": "codex", "id_token": "id", "access_token": JWT, "refresh_token": "rt_1",
           "account_id": "a-1"}]),
        (json.dumps(TOKEN_FILE, indent=2),
         [{"type": "codex", "access_token": JWT, "refresh_token": "rt_1",
           "email": "ann@example.com"}]),
        (json.dumps(SESSION),
         [{"access_token": JWT, "session_token": "eyJ.st", "email": "ann@example.com"}]),
        (json.dumps({"accessToken": JWT, "user": None}), [{"access_token": JWT}]),
    ],
    ids=["nothing", "comments", "tokens", "a team", "lines of Windows", "an object", "a list",
         "objects by line", "a mixture", "Codex CLI", "token file", "session", "no user"],
)  # fmt: skip
def test_every_form_becomes_entries(text: str, entries: list[dict[str, Any]]) -> None:
    assert read_upload(text) == (entries, [])
    if entries:
        assert len(ACCOUNTS.read(list(entries))) == len(entries)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (f"word\n{JWT}\ntwo words", ["line 1", "line 3"]),
        (TEAM, ["line 1"]),
        ("{", ["the JSON"]),
        ('{"a": 1', ["the JSON"]),
        ('[1, {"email": "x"}, {"refresh_token": "r", "proxy": "ftp://x"}]',
         ["object 1", "object 2", "object 3"]),
        ('{"refresh_token": "a"}\n{', ["line 2"]),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_by_its_place(text: str, wrong: list[str]) -> None:
    assert read_upload(text).wrong == wrong


def test_there_is_an_end_to_how_many_are_taken() -> None:
    found = read_upload("\n".join(f"rt_{number}" for number in range(10_002)))
    assert len(found.entries) == 10_000
    assert found.wrong == ["line 10001", "line 10002"]


@given(st.text())
def test_any_text_gives_entries_that_the_settings_take(text: str) -> None:
    entries = read_upload(text).entries
    assert len(ACCOUNTS.read(list(entries)) if entries else ()) == len(entries)
