"""The parts of a settings document: what is shown of them, and how edits change them."""

from typing import Any

import msgspec
import pytest

from chat2api_core.admin.sections import (
    AccountEdit,
    Edit,
    KeyEdit,
    TextEdit,
    account_entries,
    changed,
    id_of,
    kept,
    mask,
    mask_proxy,
    shown,
)
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret

ANN: dict[str, Any] = {
    "refresh_token": "rt_secret_of_ann",
    "email": "ann@example.com",
    "proxy": "socks5h://user:hush@host:1",
    "account_id": "team-1",
}
BOB: dict[str, Any] = {"access_token": "secret-of-bob", "disabled": "true", "type": "codex"}
DOCUMENT: dict[str, Any] = {
    "bind": "0.0.0.0",
    "auth": {
        "admin_key": "adm-secret",
        "access_tokens": ["sk-plain-0123456789"],
        "api_keys": [
            {"key": "sk-eve-0123456789ab", "name": "Eve", "models": "a, b", "tokens_per_day": "9"}
        ],
        "access_token_prefix": "px-secret-0123456789,short",
    },
    "proxy": "http://one:1, http://u:hush@two:2",
    "chatgpts": [ANN, BOB],
}
ANN_ID, BOB_ID = id_of(ANN), id_of(BOB)


def id_(text: str) -> str:
    return Secret(text).fingerprint()


def test_what_is_shown_tells_entries_apart_and_holds_no_secret() -> None:
    document = shown(DOCUMENT)
    assert document["keys"] == [
        {"id": id_("sk-plain-0123456789"), "shown": "sk-…6789", "name": "", "expires": "",
         "models": [], "requests_per_minute": 0, "tokens_per_day": 0},
        {"id": id_("sk-eve-0123456789ab"), "shown": "sk-…89ab", "name": "Eve", "expires": "",
         "models": ["a", "b"], "requests_per_minute": 0, "tokens_per_day": 9},
    ]  # fmt: skip
    assert document["prefixes"] == [
        {"id": id_("px-secret-0123456789"), "shown": "px-…6789"},
        {"id": id_("short"), "shown": "…"},
    ]
    assert document["proxies"] == [
        {"id": id_("http://one:1"), "shown": "http://one:1"},
        {"id": id_("http://u:hush@two:2"), "shown": "http://…@two:2"},
    ]
    assert document["accounts"] == [
        {"id": ANN_ID, "email": "ann@example.com", "type": "web", "account_id": "team-1",
         "disabled": False, "proxy": "socks5h://…@host:1", "credentials": ["refresh_token"]},
        {"id": BOB_ID, "email": "", "type": "codex", "account_id": "", "disabled": True,
         "proxy": "", "credentials": ["access_token"]},
    ]  # fmt: skip
    said = msgspec.json.encode(document).decode()
    assert "secret" not in said
    assert "hush" not in said


def test_an_empty_document_shows_empty_sections() -> None:
    empty: dict[str, object] = {"keys": [], "prefixes": [], "proxies": [], "accounts": []}
    assert shown({}) == shown({"auth": "", "chatgpts": "", "proxy": {}}) == empty


def test_a_mask_gives_nothing_away_that_could_be_used() -> None:
    assert mask("sk-0123456789abc") == "sk-…9abc"
    assert mask("sk-0123456789ab") == "…"
    assert mask_proxy("http://@host:1") == "http://host:1"


def test_sections_that_an_edit_does_not_name_stay() -> None:
    assert changed(DOCUMENT, Edit("v")) == {}
    assert set(changed(DOCUMENT, Edit("v", prefixes=()))) == {"auth"}
    auth = changed(DOCUMENT, Edit("v", prefixes=()))["auth"]
    assert auth == {
        name: value for name, value in DOCUMENT["auth"].items() if name != "access_token_prefix"
    }


def test_keys_keep_their_text_and_change_the_rest() -> None:
    edit = Edit(
        "v",
        keys=(
            KeyEdit(id=id_("sk-plain-0123456789"), name=" Now named "),
            KeyEdit(id=id_("sk-eve-0123456789ab")),
            KeyEdit(key="sk-new", models=("a",), requests_per_minute=5, expires="2031-01-01"),
        ),
    )
    auth = changed(DOCUMENT, edit)["auth"]
    assert isinstance(auth, dict)
    assert auth["admin_key"] == "adm-secret"
    assert auth["access_tokens"] == ["sk-eve-0123456789ab"]
    assert auth["api_keys"] == [
        {"key": "sk-plain-0123456789", "name": "Now named"},
        {"key": "sk-new", "expires": "2031-01-01", "models": ["a"], "requests_per_minute": "5"},
    ]
    replaced = Edit(
        "v", keys=(KeyEdit(id=id_("sk-plain-0123456789"), key="sk-2", tokens_per_day=3),)
    )
    assert changed(DOCUMENT, replaced)["auth"] == {
        "admin_key": "adm-secret",
        "api_keys": [{"key": "sk-2", "tokens_per_day": "3"}],
        "access_token_prefix": "px-secret-0123456789,short",
    }


def test_proxies_are_kept_by_their_id_added_and_left_out() -> None:
    edit = Edit("v", proxies=(TextEdit(id_("http://u:hush@two:2")), TextEdit(value=" http://3 ")))
    assert changed(DOCUMENT, edit) == {"proxy": ["http://u:hush@two:2", "http://3"]}


def test_a_blank_token_keeps_and_a_new_one_replaces() -> None:
    edit = Edit(
        "v",
        accounts=(
            AccountEdit(id=ANN_ID, email="new@example.com", disabled=True),
            AccountEdit(id=BOB_ID, access_token=" other ", proxy=" http://p:1 "),
            AccountEdit(session_token="fresh"),
        ),
    )
    assert changed(DOCUMENT, edit)["chatgpts"] == [
        {"refresh_token": "rt_secret_of_ann", "email": "new@example.com", "type": "web",
         "proxy": "socks5h://user:hush@host:1", "disabled": "true"},
        {"access_token": "other", "proxy": "http://p:1", "type": "web"},
        {"session_token": "fresh", "type": "web"},
    ]  # fmt: skip


def test_a_proxy_is_taken_away_by_saying_so() -> None:
    edit = Edit("v", accounts=(AccountEdit(id=ANN_ID, proxy=None),))
    assert changed(DOCUMENT, edit)["chatgpts"] == [
        {"refresh_token": "rt_secret_of_ann", "type": "web"}
    ]


@pytest.mark.parametrize(
    ("edit", "param"),
    [
        (Edit("v", keys=(KeyEdit(),)), "keys[0].key"),
        (Edit("v", keys=(KeyEdit(key="k"), KeyEdit(id="gone"))), "keys[1].id"),
        (Edit("v", prefixes=(TextEdit(),)), "prefixes[0].value"),
        (Edit("v", proxies=(TextEdit(id="gone"),)), "proxies[0].id"),
        (Edit("v", accounts=(AccountEdit(id="gone"),)), "accounts[0].id"),
        (Edit("v", accounts=(AccountEdit(email="only"),)), "accounts[0]"),
    ],
)
def test_what_cannot_be_is_refused_by_its_place(edit: Edit, param: str) -> None:
    with pytest.raises(Problem) as raised:
        changed(DOCUMENT, edit)
    assert (raised.value.kind, raised.value.param) == (Kind.INVALID_REQUEST, param)


PLAIN, EVE = KeyEdit(id=id_("sk-plain-0123456789")), KeyEdit(id=id_("sk-eve-0123456789ab"))


@pytest.mark.parametrize(
    ("sections", "param"),
    [
        ({"keys": (PLAIN, EVE, KeyEdit(key="sk-plain-0123456789", name="twin"))}, "keys[2].key"),
        ({"keys": (KeyEdit(key="sk-new"), KeyEdit(key=" sk-new "))}, "keys[0].key"),
        ({"prefixes": (TextEdit(id=id_("short")), TextEdit(value="short"))}, "prefixes[1].value"),
        (
            {"proxies": (TextEdit(id=id_("http://one:1")), TextEdit(value="http://one:1"))},
            "proxies[1].value",
        ),
        (
            {
                "accounts": (
                    AccountEdit(id=ANN_ID, account_id="team-1"),
                    AccountEdit(refresh_token="rt_secret_of_ann", account_id="team-1"),
                )
            },
            "accounts[1]",
        ),
    ],
    ids=["a key", "two new keys", "a prefix", "a proxy", "an account"],
)
def test_what_is_there_already_is_not_added_again(sections: dict[str, Any], param: str) -> None:
    with pytest.raises(Problem) as caught:
        changed(DOCUMENT, Edit("v", **sections))
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_REQUEST, param)


def test_the_same_login_in_another_workspace_is_another_account() -> None:
    edits = (
        AccountEdit(id=ANN_ID, account_id="team-1"),
        AccountEdit(refresh_token="rt_secret_of_ann", account_id="team-2"),
    )
    accounts = changed(DOCUMENT, Edit("v", accounts=edits))["chatgpts"]
    assert isinstance(accounts, list)
    assert len(accounts) == 2


def test_what_stands_twice_already_keeps_nobody_from_changing_the_rest() -> None:
    twice: dict[str, Any] = {"auth": {"access_tokens": ["sk-a", "sk-a"]}}
    edits = (KeyEdit(id=id_("sk-a")), KeyEdit(id=id_("sk-a")), KeyEdit(key="sk-b"))
    auth = changed(twice, Edit("v", keys=edits))["auth"]
    assert isinstance(auth, dict)
    assert auth["access_tokens"] == ["sk-a", "sk-a", "sk-b"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"version":"v","key":[]}',
        b'{"version":"v","keys":[{"key":"sk-a","token_per_day":5}]}',
        b'{"version":"v","proxies":[{"url":"http://one:1"}]}',
        b'{"version":"v","accounts":[{"token":"x"}]}',
    ],
)
def test_a_name_that_means_nothing_is_refused_and_not_passed_over(body: bytes) -> None:
    """A limit with a misspelled name would be none."""
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(body, type=Edit)


def test_accounts_are_kept_and_added_once() -> None:
    more = [dict(ANN), {"access_token": "new"}]
    assert kept(DOCUMENT, lambda _: True, more) == {"chatgpts": [ANN, BOB, {"access_token": "new"}]}
    assert kept(DOCUMENT, lambda key: key == BOB_ID) == {"chatgpts": [BOB]}
    assert account_entries({"chatgpts": ["word"]}) == []
