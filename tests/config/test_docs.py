"""The documents say what the code does."""

import runpy
from pathlib import Path
from typing import Any

import pytest

from chat2api_core.config.accounts import KEYS
from chat2api_core.config.document import markdown
from chat2api_core.config.table import TABLE
from chat2api_core.config.tree import Tree, read_tree

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "conf" / "app.demo.yaml"
START, END = "<!-- settings -->", "<!-- /settings -->"


def test_the_readme_holds_what_the_code_prints(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_module("chat2api_core.config", run_name="__main__")
    text = (ROOT / "docs" / "settings.md").read_text()
    assert text.count(START) == 1
    assert text.count(END) == 1
    block = text.partition(START)[2].partition(END)[0]
    assert block.strip() == capsys.readouterr().out.strip()


def test_every_row_of_the_table_is_a_row_of_markdown() -> None:
    lines = markdown().splitlines()
    for row in TABLE:
        (line,) = [line for line in lines if line.startswith(f"| `{row.names[0]}`")]
        assert line.count("|") == 5
        assert all(f"`{name}`" in line for name in (*row.names, *filter(None, [row.yaml])))


def test_defaults_are_shown_as_they_would_be_written() -> None:
    text = markdown()
    for line in (
        "| `RETRY_TIMES` |  | `3` |",
        "| `CONNECT_TIMEOUT` |  | `10` |",
        "| `HISTORY_DISABLED` |  | `true` |",
        "| `ANONYMOUS` |  | `false` |",
        "| `CHATGPT_BASE_URL` | `chatgpt_base_url` | `https://chatgpt.com` |",
        "| `AUTH_KEY` |  |  |",
        "| `VERCEL_CONFIG_FILE` |  |  |",
        "| `LOG_PATH` | `log_path` | `logs` |",
    ):
        assert line in text


def test_the_demo_file_is_readable_and_changes_nothing_but_the_names(load_from: Any) -> None:
    demo = load_from({"ENV": "demo"}, {"/app/conf/app.demo.yaml": DEMO.read_text()})
    plain = load_from({"ENV": "demo"})
    assert demo.config_file == Path("/app/conf/app.demo.yaml")
    for field in plain.__struct_fields__:
        if field != "config_file":
            assert getattr(demo, field) == getattr(plain, field), field


def test_the_demo_file_shows_every_key(load_from: Any) -> None:
    assert set(paths(read_tree(DEMO.read_text()))) == {row.yaml for row in TABLE if row.yaml}
    head, _, example = DEMO.read_text().partition("chatgpts: []\n")
    shown = example.replace("\n# ", "\n").removeprefix("# ")
    tree = read_tree(shown)
    assert isinstance(tree, dict)
    accounts = tree["chatgpts"]
    assert isinstance(accounts, list)
    (account,) = accounts
    assert isinstance(account, dict)
    assert list(account) == [key.name for key in KEYS]
    file = {"/app/conf/app.dev.yaml": head + shown}
    assert len(load_from(files=file).accounts) == 1


def paths(tree: Tree, above: str = "") -> list[str]:
    """The dotted paths of all leaves."""
    if not isinstance(tree, dict):
        return [above]
    return [
        path
        for key, value in tree.items()
        for path in paths(value, f"{above}.{key}" if above else key)
    ]
