"""One more key into a settings file: the smallest edit, all or nothing."""

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.config import SettingsError, load, write_auth_token
from chat2api_core.config.error import Mismatch
from chat2api_core.config.tree import Tree, read_tree
from chat2api_core.config.yaml_edit import add_auth_token
from chat2api_core.secret import Secret

# What stands in the file, and what stands there after sk-new came in.
EDITS = {
    "an empty file": ("", 'auth:\n  access_tokens:\n    - "sk-new"\n'),
    "comments only": ("# mine\n", '# mine\nauth:\n  access_tokens:\n    - "sk-new"\n'),
    "no auth": ("port: 1 # p\n", 'port: 1 # p\nauth:\n  access_tokens:\n    - "sk-new"\n'),
    "no auth and no line end": ("port: 1", 'port: 1\nauth:\n  access_tokens:\n    - "sk-new"\n'),
    "no auth and a document end": (
        "port: 1\n...\n", 'port: 1\nauth:\n  access_tokens:\n    - "sk-new"\n...\n'),
    "all in braces": ("{port: 1}\n", '{auth: {access_tokens: ["sk-new"]}, port: 1}\n'),
    "empty braces": ("{}", '{auth: {access_tokens: ["sk-new"]}}'),
    "an empty auth": (
        "auth: # keys\nport: 1\n", 'auth: {access_tokens: ["sk-new"]} # keys\nport: 1\n'),
    "auth is null": ("auth: ~\n", 'auth: {access_tokens: ["sk-new"]}\n'),
    "auth in braces": (
        "auth: {access_token_prefix: p}\n",
        'auth: {access_tokens: ["sk-new"], access_token_prefix: p}\n'),
    "auth in empty braces": ("auth: {}\n", 'auth: {access_tokens: ["sk-new"]}\n'),
    "another key in auth": (
        "auth:\n    # mine\n    access_token_prefix: p\n",
        'auth:\n    # mine\n    access_tokens:\n      - "sk-new"\n    access_token_prefix: p\n'),
    "an empty list": (
        "auth:\n  access_tokens: [] # none\n", 'auth:\n  access_tokens: ["sk-new"] # none\n'),
    "no list": ("auth:\n  access_tokens:\n", 'auth:\n  access_tokens: ["sk-new"]\n'),
    "an empty text": ("auth:\n  access_tokens: ''\n", 'auth:\n  access_tokens: ["sk-new"]\n'),
    "a null": ("auth:\n  access_tokens: null\n", 'auth:\n  access_tokens: ["sk-new"]\n'),
    "a list in brackets": (
        "auth: {access_tokens: [a, 'b,c']}\n", 'auth: {access_tokens: ["sk-new", a, \'b,c\']}\n'),
    "a list in lines": (
        "auth:\n  access_tokens: # keys\n    - a # one\n    - b\n",
        'auth:\n  access_tokens: # keys\n    - "sk-new"\n    - a # one\n    - b\n'),
    "a list without indent": (
        "auth:\n  access_tokens:\n  - a\nport: 1\n",
        'auth:\n  access_tokens:\n  - "sk-new"\n  - a\nport: 1\n'),
    "a text of keys": (
        "auth:\n  access_tokens: a, b # two\n",
        'auth:\n  access_tokens: ["sk-new", "a", "b"] # two\n'),
    "a text in lines": (
        "auth:\n  access_tokens: |\n    a\n    b\nport: 1\n",
        'auth:\n  access_tokens: ["sk-new", "a", "b"]\nport: 1\n'),
    "windows line ends": (
        "port: 1\r\n", 'port: 1\r\nauth:\r\n  access_tokens:\r\n    - "sk-new"\r\n'),
    "a byte order mark": (
        "\ufeffport: 1\n", '\ufeffport: 1\nauth:\n  access_tokens:\n    - "sk-new"\n'),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), EDITS.values(), ids=EDITS.keys())
def test_the_key_comes_first_and_the_rest_stays(before: str, after: str) -> None:
    assert add_auth_token(before, "sk-new") == after


@pytest.mark.parametrize(
    "text",
    [
        "- a list\n",
        "just text\n",
        "auth: text\n",
        "auth: [a]\n",
        "auth: {access_tokens: {a: b}}\n",
        "auth: {access_tokens: &a []}\n",
        "auth: &a {access_tokens: []}\nproxy: *a\n",
        "port: [1\n",
        "~\n",
        "auth:\n  access_tokens: ä\n",
    ],
)
def test_a_file_that_cannot_be_edited_safely_is_left_alone(text: str) -> None:
    with pytest.raises(Mismatch):
        add_auth_token(text, "sk-new")


KEYS = st.text("abc-_,: #'\"[]{}", min_size=1, max_size=12)


@given(
    rest=st.dictionaries(st.sampled_from(["port", "bind", "proxy"]), st.text("ab1"), max_size=3),
    keys=st.none() | st.lists(KEYS, max_size=3),
    token=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
    indent=st.sampled_from([None, 1, 2, 4]),
)
def test_what_is_read_back_is_the_file_and_the_key(
    rest: dict[str, str], keys: list[str] | None, token: str, indent: int | None
) -> None:
    before: dict[str, Tree] = {**rest}
    if keys is not None:
        before["auth"] = {"access_tokens": [*keys]}
    after = read_tree(add_auth_token(json.dumps(before, indent=indent), token))
    assert after == {**before, "auth": {"access_tokens": [token, *(keys or [])]}}


def test_the_file_keeps_its_permissions_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "app.dev.yaml"
    path.write_text("port: 1\n")
    path.chmod(0o640)
    write_auth_token(path, Secret("sk-new"))
    assert path.read_text() == EDITS["no auth"][1].replace(" # p", "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["app.dev.yaml"]


def test_a_written_key_is_a_local_key_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    path = tmp_path / "conf" / "app.dev.yaml"
    path.write_text((Path(__file__).parents[2] / "conf" / "app.demo.yaml").read_text())
    write_auth_token(path, Secret("sk-one"))
    write_auth_token(path, Secret("sk-two"))
    settings = load({}, cwd=tmp_path)
    assert settings.auth_tokens == (Secret("sk-two"), Secret("sk-one"))
    assert not settings.allow_upstream_tokens


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    real.write_text("")
    link = tmp_path / "app.dev.yaml"
    link.symlink_to(real)
    write_auth_token(link, Secret("sk-new"))
    assert link.is_symlink()
    assert "sk-new" in real.read_text()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"auth: text", "a YAML file that a local key can be added to"),
        (b"\xff", "a YAML file that a local key can be added to"),
        (None, "a file that can be read and written"),
    ],
)
def test_what_went_wrong_is_told_and_the_file_is_untouched(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    path = tmp_path / "app.dev.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        write_auth_token(path, Secret("sk-new"))
    assert (caught.value.variable, caught.value.expected) == (str(path), expected)
    assert content is None or path.read_bytes() == content
    assert "sk-new" not in str(caught.value)
