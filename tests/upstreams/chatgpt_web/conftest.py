"""Goldens of the reader: what every recorded stream must be read as."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[2] / "golden" / "chatgpt_web"

Check = Callable[[str, object], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Check:
    """Compares with ``<name>.json``, or writes it with ``--update-golden``."""

    def check(name: str, actual: object) -> None:
        path = GOLDEN / f"{name}.json"
        actual = json.loads(json.dumps(actual))  # tuples are lists there
        if request.config.getoption("--update-golden", default=False):
            path.write_text(json.dumps(actual, ensure_ascii=False, indent=1) + "\n", "utf-8")
        assert json.loads(path.read_text("utf-8")) == actual

    return check
