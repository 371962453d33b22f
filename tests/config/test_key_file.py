"""The key that a local server makes for itself."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chat2api_core.ambient import SystemIds
from chat2api_core.config.key_file import read_or_make


def test_it_is_made_once_and_read_ever_after(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret.key"
    key = read_or_make(path, SystemIds())

    assert len(key.reveal()) == 64
    assert read_or_make(path, SystemIds()) == key
    assert [one.name for one in path.parent.iterdir()] == ["secret.key"]


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret.key"
    read_or_make(path, SystemIds())

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_all_who_start_at_the_same_time_get_the_same_one(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: read_or_make(path, SystemIds()), range(64)))

    assert len(keys) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["secret.key"]


@pytest.mark.parametrize("text", ["", "\n", "too-short\n"])
def test_a_file_that_holds_no_key_is_not_written_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret.key"
    path.write_text(text)

    with pytest.raises(OSError, match="holds no key"):
        read_or_make(path, SystemIds())
    assert path.read_text() == text


def test_a_place_that_cannot_be_written_to_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OSError, match="file"):
        read_or_make(tmp_path / "file" / "secret.key", SystemIds())
