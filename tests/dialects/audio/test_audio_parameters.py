"""The table of parameters: consistent, and the one of docs/parameters.md."""

import subprocess
import sys
from pathlib import Path

from chat2api_core.dialects.audio.parameters import PARAMETERS, markdown
from chat2api_core.dialects.audio.speech import OWN_VOICES, VOICES

PAGE = Path(__file__).parents[3] / "docs" / "parameters.md"


def test_every_row_stands_in_its_table_once() -> None:
    for route, rows in PARAMETERS.items():
        names = [row.name for row in rows]
        assert len(set(names)) == len(names)
        assert f"`POST /v1/audio/{route}`" in markdown()
        for row in rows:
            assert f"| `{row.name}` | {row.treatment} | {row.why}" in markdown()


def test_it_prints_itself() -> None:
    command = [sys.executable, "-m", "chat2api_core.dialects.audio.parameters"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True)

    assert printed.stdout == markdown()


def test_the_page_shows_the_tables_as_they_are() -> None:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- audio-parameters -->")
    shown, found, after = rest.partition("<!-- /audio-parameters -->")
    assert found
    assert shown.strip() == markdown().strip()
    for voice in (*VOICES, *OWN_VOICES):
        assert f"`{voice}`" in after, "every voice is named"
