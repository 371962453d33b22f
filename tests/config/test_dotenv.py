"""The file ``.env`` beside a local server."""

from pathlib import Path

import pytest

from chat2api_core.config import SettingsError
from chat2api_core.config.dotenv import environment

FOLDER = Path("/app")


def read(content: bytes | str, environ: dict[str, str] | None = None) -> dict[str, str]:
    raw = content.encode() if isinstance(content, str) else content

    def read_file(path: Path) -> bytes:
        assert path == Path("/app/.env")
        return raw

    return environment(environ or {}, FOLDER, read_file)


LINES = [
    ("a plain value", "A=b", {"A": "b"}),
    ("blanks around it", "  A = b c  ", {"A": "b c"}),
    ("a comment and a blank line", "# A=b\n\n  # C=d\nE=f", {"E": "f"}),
    ("an export in front", "export A=b", {"A": "b"}),
    ("single quotes", "A='b c '", {"A": "b c "}),
    ("double quotes", 'A="b"', {"A": "b"}),
    ("a quote on one side only", "A='b", {"A": "'b"}),
    ("no value", "A=", {"A": ""}),
    ("an equals sign within", "A=b=c", {"A": "b=c"}),
    ("a hash within", "A=b#c", {"A": "b#c"}),
    ("JSON", 'A=[{"refresh_token": "rt_x"}]', {"A": '[{"refresh_token": "rt_x"}]'}),
    ("lines of another system", "A=b\r\nC=d\r\n", {"A": "b", "C": "d"}),
    ("a mark of the encoding", "\ufeffA=b", {"A": "b"}),
    ("the last of two", "A=b\nA=c", {"A": "c"}),
    ("what says where this runs", "VERCEL=1\nVERCEL_ENV=production\nA=b", {"A": "b"}),
    ("nothing", "", {}),
]


@pytest.mark.parametrize(
    ("text", "values"), [line[1:] for line in LINES], ids=[line[0] for line in LINES]
)
def test_lines_become_variables(text: str, values: dict[str, str]) -> None:
    assert read(text) == values


def test_the_environment_wins_also_with_an_empty_value() -> None:
    assert read("A=b\nC=d\nE=f", {"A": "mine", "C": ""}) == {"A": "mine", "C": "", "E": "f"}


@pytest.mark.parametrize("error", [FileNotFoundError, IsADirectoryError])
def test_without_a_file_the_environment_is_all(error: type[OSError]) -> None:
    def read_file(_: Path) -> bytes:
        raise error

    assert environment({"A": "b"}, FOLDER, read_file) == {"A": "b"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("A=b\nsk-secret", "/app/.env, line 2: expected NAME=value"),
        ("1A=sk-secret", "/app/.env, line 1: expected NAME=value"),
        (b"A=\xff", "/app/.env: expected UTF-8 text"),
        (b"A=" + b"b" * 1_000_000, "/app/.env: expected a file of at most 1000000 bytes"),
    ],
)
def test_what_cannot_be_read_is_told_and_not_quoted(content: bytes | str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(content)
    assert str(caught.value) == said
    assert "secret" not in repr(caught.value.__cause__)


def test_a_file_that_must_not_be_read_is_told() -> None:
    def read_file(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    with pytest.raises(SettingsError, match="a file that can be read"):
        environment({}, FOLDER, read_file)
