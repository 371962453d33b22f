"""What the tests of the settings share: ``load`` over an environment and files made by hand."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest

from chat2api_core.config import Settings, load


class Loader(Protocol):
    def __call__(
        self, environ: Mapping[str, str] = ..., files: Mapping[str, str | bytes] = ...
    ) -> Settings: ...


@pytest.fixture(scope="session")
def load_from() -> Loader:
    """``load`` in the folder /app, whose files are given as path -> content."""

    def load_settings(
        environ: Mapping[str, str] = {},
        files: Mapping[str, str | bytes] = {},
    ) -> Settings:
        def read_file(path: Path) -> bytes:
            try:
                content = files[str(path)]
            except KeyError:
                raise FileNotFoundError(path) from None
            return content.encode() if isinstance(content, str) else content

        return load(environ, cwd=Path("/app"), read_file=read_file)

    return load_settings
