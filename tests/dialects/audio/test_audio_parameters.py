"""The tables of parameters of ``/v1/audio``: what docs/parameters.md says beside them."""

from pathlib import Path

from chat2api_core.dialects.audio.parameters import PARAMETERS, markdown
from chat2api_core.dialects.audio.speech import OWN_VOICES, VOICES
from chat2api_core.dialects.parameters import table

PAGE = Path(__file__).parents[3] / "docs" / "parameters.md"


def test_every_route_has_its_table_under_its_name() -> None:
    for route, rows in PARAMETERS.items():
        assert f"### `POST /v1/audio/{route}`\n\n{table(rows)}" in markdown()


def test_the_page_names_every_voice() -> None:
    after = PAGE.read_text(encoding="utf-8").partition("<!-- /audio-parameters -->")[2]
    for voice in (*VOICES, *OWN_VOICES):
        assert f"`{voice}`" in after
