"""Accounts as users write them."""

from typing import Any

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.config import SettingsError
from chat2api_core.config.accounts import KEYS
from chat2api_core.secret import Secret

TEAM = "11111111-aaaa-4bbb-8ccc-222222222222"
JWT = "eyJhbGciOi.eyJleHAi.sig-1"
SESSION = "eyJhbGciOiJkaXIi..aXY.Y2lwaGVy.dGFn"
IOS = "a" * 44 + "_"


def access(token: str, account_id: str = "") -> Account:
    return Account(access_token=Secret(token), account_id=account_id)


@pytest.mark.parametrize(
    ("text", "accounts"),
    [
        (JWT, (access(JWT),)),
        (f"{JWT},{TEAM}", (access(JWT, TEAM),)),
        (f" {JWT} , {TEAM.upper()} ", (access(JWT, TEAM.upper()),)),
        (f"{JWT},{JWT}x,{TEAM},fk-2", (access(JWT), access(f"{JWT}x", TEAM), access("fk-2"))),
        (f"{JWT};fk-2\nfk-3,{TEAM}", (access(JWT), access("fk-2"), access("fk-3", TEAM))),
        (f"rt_demo.x,{TEAM}", (Account(refresh_token=Secret("rt_demo.x"), account_id=TEAM),)),
        (f"{IOS}\r\n{SESSION}",
         (Account(refresh_token=Secret(IOS)), Account(session_token=Secret(SESSION)))),
        (f",;{JWT},,", (access(JWT),)),
    ],
    ids=["one token", "a team", "blanks around", "commas part tokens and teams", "lines",
         "a refresh token of a team", "45 characters and a session cookie", "empty entries"],
)  # fmt: skip
def test_bare_tokens_become_accounts_by_their_form(
    load_from: Any, text: str, accounts: tuple[Account, ...]
) -> None:
    assert load_from({"CHATGPT_ACCESS_TOKENS": text}).accounts == accounts


@pytest.mark.parametrize("text", [TEAM, f"{JWT}\n{TEAM}", f"{JWT},{TEAM},{TEAM}"])
def test_an_account_id_without_its_token_is_refused(load_from: Any, text: str) -> None:
    with pytest.raises(SettingsError, match="CHATGPT_ACCESS_TOKENS: expected a token before each"):
        load_from({"CHATGPT_ACCESS_TOKENS": text})


FULL = """\
- access_token: at
  refresh_token: rt_1
  session_token: st
  id_token: it
  account_id: team-1
  email: jürgen@example.com
  type: ChatGPT
  proxy: socks5h://u:p@127.0.0.1:1080
  disabled: on
  last_refresh: 2026-08-22T00:00:00.123456789+08:00
  expired: 2026-09-01T00:00:00Z
"""


def test_an_object_may_hold_every_key(load_from: Any) -> None:
    (account,) = load_from({"CHATGPT_ACCOUNTS": FULL}).accounts
    assert account == Account(
        access_token=Secret("at"),
        refresh_token=Secret("rt_1"),
        session_token=Secret("st"),
        id_token=Secret("it"),
        account_id="team-1",
        email="jürgen@example.com",
        type="web",
        proxy=Secret("socks5h://u:p@127.0.0.1:1080"),
        disabled=True,
    )
    assert all(f"{key.name}:" in FULL for key in KEYS)


@pytest.mark.parametrize(
    "text",
    [
        '[{"access_token": "at", "type": "codex", "disabled": false, "expired": null}]',
        "[{access_token: at, type: codex, disabled: no, email: ~, last_refresh: 1787000000}]",
        "- access_token: at\n  type: Codex\n  last_refresh: 2026-08-22\n",
    ],
    ids=["JSON", "YAML in brackets", "YAML in lines"],
)
def test_json_and_yaml_say_the_same(load_from: Any, text: str) -> None:
    accounts = load_from({"CHATGPT_ACCOUNTS": text}).accounts
    assert accounts == (Account(access_token=Secret("at"), type="codex"),)


@pytest.mark.parametrize("text", ["[]", "~", "# none"])
def test_an_empty_list_holds_nobody(load_from: Any, text: str) -> None:
    assert load_from({"CHATGPT_ACCOUNTS": text}).accounts == ()


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ('[{"access_token": "a", "disable": true}]', "[0].disable", "a known key (access_token, "),
        (
            '[{"access_token": "a"}, {"email": "x"}]',
            "[1]",
            "access_token, refresh_token or session",
        ),
        ('[{"access_token": ""}]', "[0]", "access_token, refresh_token or session_token"),
        ('["eyJ.at.sig"]', "[0]", "an account object"),
        ('[{"access_token": "a,b"}]', "[0].access_token", "one token"),
        ('[{"access_token": "a b"}]', "[0].access_token", "one token"),
        ('[{"access_token": "a", "account_id": "a/b"}]', "[0].account_id", "an account id"),
        ('[{"access_token": "a", "type": "api"}]', "[0].type", "one of web, codex"),
        ('[{"access_token": "a", "proxy": "ftp://h"}]', "[0].proxy", "a proxy URL"),
        ('[{"access_token": "a", "disabled": "perhaps"}]', "[0].disabled", "true or false"),
        ('[{"access_token": "a", "email": "a\\nb"}]', "[0].email", "one line of text"),
        ('[{"access_token": "a", "expired": "soon"}]', "[0].expired", "a date and time"),
        ('[{"access_token": ["a"]}]', "[0].access_token", "one token"),
        ('{"access_token": "a"}', "", "a JSON or YAML list of account objects"),
        ("just text", "", "a JSON or YAML list of account objects"),
    ],
)
def test_a_bad_object_is_named_with_its_place(
    load_from: Any, text: str, place: str, expected: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_from({"CHATGPT_ACCOUNTS": text})
    assert caught.value.variable == f"CHATGPT_ACCOUNTS{place}"
    assert caught.value.expected.startswith(expected)


def test_the_file_of_the_codex_cli_is_taken_as_it_is(load_from: Any) -> None:
    text = """[{"OPENAI_API_KEY": null, "auth_mode": "chatgpt", "tokens": {"id_token": "it",
        "access_token": "at", "refresh_token": "rt_x", "account_id": "team"},
        "last_refresh": "2026-08-22T00:00:00Z"}]"""
    (account,) = load_from({"CHATGPT_ACCOUNTS": text}).accounts

    assert account == Account(
        access_token=Secret("at"),
        refresh_token=Secret("rt_x"),
        id_token=Secret("it"),
        account_id="team",
        type="codex",
    )


def test_tokens_beside_other_keys_are_not(load_from: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        load_from({"CHATGPT_ACCOUNTS": '[{"tokens": {"access_token": "at"}, "email": "x"}]'})
    assert caught.value.variable == "CHATGPT_ACCOUNTS[0].tokens"
