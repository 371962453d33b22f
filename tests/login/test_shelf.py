"""The file of accounts."""

import json
from pathlib import Path

import pytest

from chat2api_core.login.shelf import store
from chat2api_core.problem import Problem

MINE = {"type": "codex", "account_id": "a", "email": "me@x.example", "refresh_token": "rt_1"}
OTHER = {"type": "codex", "account_id": "b", "email": "me@x.example", "refresh_token": "rt_2"}


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    return tmp_path / "accounts.json"


def held(shelf: Path) -> object:
    return json.loads(shelf.read_text())


def test_accounts_are_put_behind_each_other(shelf: Path) -> None:
    assert [store(shelf, MINE), store(shelf, OTHER)] == [1, 2]
    assert held(shelf) == [MINE, OTHER]


def test_new_tokens_of_an_account_go_into_its_old_place(shelf: Path) -> None:
    shelf.write_text(json.dumps([{**MINE, "proxy": "http://p.example"}, OTHER]))
    assert store(shelf, {**MINE, "refresh_token": "rt_new"}) == 2
    assert held(shelf) == [
        {**MINE, "proxy": "http://p.example", "refresh_token": "rt_new"},
        OTHER,
    ]


def test_an_account_without_a_name_is_never_taken_for_another(shelf: Path) -> None:
    nameless = {"type": "codex", "refresh_token": "rt_1"}
    assert [store(shelf, nameless), store(shelf, nameless)] == [1, 2]


def test_a_web_account_of_the_same_login_is_another_one(shelf: Path) -> None:
    store(shelf, {**MINE, "type": "web"})
    assert store(shelf, MINE) == 2


@pytest.mark.parametrize("content", ["{}", "accounts: []", "[7]"])
def test_a_file_of_another_kind_is_left_alone(shelf: Path, content: str) -> None:
    shelf.write_text(content)
    with pytest.raises(Problem, match="nothing was written"):
        store(shelf, MINE)
    assert shelf.read_text() == content
    assert list(shelf.parent.iterdir()) == [shelf]
