"""The file ``.env`` beside a local server: one ``NAME=value`` a line, as ``docker compose`` and
systemd read it.

Blank lines and lines that begin with ``#`` say nothing, ``export`` may stand in front, a value may
stand in quotes; nothing else is cut off or put in, so that JSON stays JSON. The one rule: what the
environment has wins, and what says on which platform this runs is taken from there alone.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from chat2api_core.config.error import SettingsError

_FILE = ".env"
_LINE = r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*"
_QUOTED = r"(['\"])(.*)\1"
_LARGEST = 1_000_000  # bytes
# A tool that fetches the variables of a deployment writes these as well.
_PLATFORM = frozenset({"VERCEL", "VERCEL_ENV", "AWS_LAMBDA_FUNCTION_NAME"})


def environment(
    environ: Mapping[str, str],
    folder: Path,
    read_file: Callable[[Path], bytes] = Path.read_bytes,
) -> dict[str, str]:
    """The environment over what the file in this folder says, if there is one. Raises
    ``SettingsError``, which names a line but quotes nothing."""
    path = folder / _FILE
    try:
        raw = read_file(path)
    except (FileNotFoundError, IsADirectoryError):  # some call their virtual environment so
        return dict(environ)
    except OSError as error:
        raise SettingsError(str(path), "a file that can be read") from error
    if len(raw) > _LARGEST:
        raise SettingsError(str(path), f"a file of at most {_LARGEST} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(str(path), "UTF-8 text") from None  # the cause holds the file
    return {**dict(_pairs(text, path)), **environ}


def _pairs(text: str, path: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = re.fullmatch(_LINE, line)
        if found is None:
            raise SettingsError(f"{path}, line {number}", "NAME=value")
        name, value = found[1], found[2]
        quoted = re.fullmatch(_QUOTED, value)
        if name not in _PLATFORM:
            yield name, quoted[2] if quoted else value
