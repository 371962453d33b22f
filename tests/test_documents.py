"""The pages for people: their links lead somewhere, their examples can be read, and what they name
is there."""

import ast
import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from api.index import ROUTES
from chat2api_core.config.table import TABLE

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TEXTS = {page: page.read_text() for page in PAGES}
README = TEXTS[ROOT / "README.md"]
SETTINGS = {name for row in TABLE for name in row.names}
# Variables of others that the pages name: where stores are, what clients read, what is made up.
OTHERS = {
    "KV_REST_API_URL", "UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN", "REDIS_URL",
    "DYNAMODB_TABLE", "OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_BASE_URL",
    "OPENAI_API_KEY", "CHAT2API_KEY",
}  # fmt: skip


def ids(page: Path) -> str:
    return page.name


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def anchors(text: str) -> set[str]:
    """What a page's headings can be linked by."""
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_between_the_pages_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", TEXTS[page]):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text()), link


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_a_heading_is_no_more_than_one_below_the_one_before(page: Path) -> None:
    text = re.sub(r"```.*?```", "", TEXTS[page], flags=re.DOTALL)
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text, re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_examples_can_be_read(page: Path) -> None:
    for block in blocks(TEXTS[page], "python"):
        ast.parse(block)
    for block in blocks(TEXTS[page], "toml"):
        (provider,) = tomllib.loads(block)["model_providers"].values()
        assert provider["base_url"].endswith("/v1")
        assert provider["wire_api"] == "responses"


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_variable_that_a_page_names_exists(page: Path) -> None:
    if page.name == "migrating.md":
        return  # it names those of others, and has a test of its own
    named = set(re.findall(r"`\$?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", TEXTS[page]))
    assert named <= SETTINGS | OTHERS


def test_every_route_of_the_api_is_in_the_readme() -> None:
    table = README.partition("| Route | What it does |")[2].partition("\n\n")[0]
    operations = TEXTS[ROOT / "docs" / "operations.md"]
    for route in ROUTES:
        if route in {"/", "/api/cron/refresh"} or route.count("/") > 1 + route.startswith("/v1"):
            continue  # parts of what the table names, and doors that no client uses
        plain = route.partition("{")[0].rstrip("/")
        assert plain in table or plain in operations, route


def test_every_dependency_is_argued_for() -> None:
    argued = README.partition("## Dependencies")[2]
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        name = re.split(r"[=\[<>~; #]", line)[0]
        assert not name or re.search(rf"^\|.*\b{name}\b.*\|.*\|$", argued, re.MULTILINE), name


def test_every_part_of_the_core_is_in_the_tree() -> None:
    text = TEXTS[ROOT / "ARCHITECTURE.md"]
    tree = text.partition("## The tree")[2].partition("```\n\n")[0]
    core = ROOT / "chat2api_core"
    parts = [path.name for path in core.glob("*.py") if path.name != "__init__.py"]
    parts += [f"{path.parent.name}/" for path in core.glob("*/__init__.py")]
    assert [part for part in sorted(parts) if part not in tree] == []
    named = set(re.findall(r"\b([a-z_0-9]+(?:\.py|/))", tree))
    there = {*parts, "index.py", "api/", "chat2api_core/", "tests/", "docs/", "e2e/", "bench/"}
    assert named <= there


def test_every_file_that_the_architecture_names_exists() -> None:
    text = TEXTS[ROOT / "ARCHITECTURE.md"].partition("## The tree")
    for name in set(re.findall(r"`([a-z_0-9/]+\.py)`", text[0] + text[2].partition("```\n\n")[2])):
        found = [*ROOT.glob(name), *(ROOT / "chat2api_core").rglob(name)]
        assert found, name
