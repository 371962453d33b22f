"""The forms in which a sign-in is kept."""

import json
from typing import Any

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.emulator.tokens import DEMO_ACCESS_TOKEN, DEMO_ACCOUNT_ID, DEMO_EMAIL
from chat2api_core.login.authority import Tokens
from chat2api_core.login.forms import of_tokens, read_file, to_object
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret


def read(form: Any) -> Account:
    return read_file(json.dumps(form).encode())


def test_a_file_of_the_codex_client_keeps_its_tokens_in_an_object() -> None:
    account = read({"tokens": {"access_token": "at", "refresh_token": "rt_1", "account_id": "a"}})
    assert account == Account(
        access_token=Secret("at"), refresh_token=Secret("rt_1"), account_id="a", type="codex"
    )


def test_a_file_of_the_proxy_keeps_them_at_the_top() -> None:
    form = {
        "type": "codex",
        "email": "me@example.com",
        "account_id": "a",
        "access_token": "at",
        "refresh_token": "rt_1",
        "id_token": "it",
        "expired": "2026-08-22T00:00:00Z",
        "last_refresh": "2026-08-12T00:00:00Z",
    }
    account = read(form)
    assert (account.email, account.account_id) == ("me@example.com", "a")
    assert account.id_token.reveal() == "it"


def test_what_a_file_does_not_say_the_tokens_say() -> None:
    account = read({"tokens": {"access_token": DEMO_ACCESS_TOKEN}})
    assert (account.account_id, account.email) == (DEMO_ACCOUNT_ID, DEMO_EMAIL)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"\xff", b"{}", b'{"tokens": {"id_token": "x"}}', b'{"access_token": 7}']
)
def test_a_file_without_tokens_is_refused(raw: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_file(raw)
    assert caught.value.kind is Kind.INVALID_REQUEST
    assert caught.value.step == "auth"


def test_the_account_of_a_sign_in_is_read_off_its_tokens() -> None:
    tokens = Tokens(Secret("opaque"), Secret("rt_1"), Secret(DEMO_ACCESS_TOKEN))
    account = of_tokens(tokens)
    assert (account.account_id, account.email, account.type) == (
        DEMO_ACCOUNT_ID,
        DEMO_EMAIL,
        "codex",
    )


def test_an_object_leaves_out_what_there_is_not() -> None:
    assert to_object(Account(refresh_token=Secret("rt_1"), type="codex")) == {
        "type": "codex",
        "refresh_token": "rt_1",
    }
