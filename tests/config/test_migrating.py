"""docs/migrating.md names settings that there are, and every foreign one that is told about."""

import re
from pathlib import Path

from chat2api_core.config.foreign import FOREIGN
from chat2api_core.config.table import TABLE

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "migrating.md").read_text()
OURS = {name for row in TABLE for name in row.names}
NAME = r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)(?:=[^`]*)?`"
# What stands in capitals and is no variable.
WORDS = {"FILE"}


def rows() -> list[list[str]]:
    """The cells of the tables, without their heads."""
    lines = [line for line in TEXT.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "There"]


def names(text: str) -> set[str]:
    return set(re.findall(NAME, text)) - WORDS


def test_every_row_has_its_three_cells() -> None:
    assert rows()
    assert all(len(row) == 3 for row in rows())


def test_every_setting_that_is_offered_instead_exists() -> None:
    told = [name for row in rows() for name in names(row[1])]
    assert told
    assert set(told) <= OURS


def test_every_foreign_variable_has_its_row() -> None:
    there = {name for row in rows() for name in names(row[0])}
    assert set(FOREIGN) <= there


def test_no_variable_is_foreign_and_ours() -> None:
    assert not set(FOREIGN) & OURS


def test_what_is_told_at_the_start_is_what_there_is() -> None:
    for instead in FOREIGN.values():
        for name in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b|(?<=set )[A-Z]+\b", instead):
            assert name in OURS


def test_what_keeps_its_name_exists() -> None:
    same = {name for row in rows() if row[1] == "the same" for name in names(row[0])}
    listed = TEXT.partition("is read as it is")[2].partition("\n")[0]
    assert same | names(listed) <= OURS
    assert len(same) > 5
