"""Upstreams are made when they are first asked, and once."""

import pytest

from chat2api_core.upstreams.base import Upstream
from chat2api_core.upstreams.directory import Directory
from tests.fakes import FakeUpstream


def test_what_is_not_asked_is_not_made() -> None:
    made: list[str] = []

    def maker(name: str) -> Upstream:
        made.append(name)
        return FakeUpstream()

    directory = Directory({"codex": lambda: maker("codex"), "web": lambda: maker("web")})
    assert list(directory) == ["codex", "web"]
    assert len(directory) == 2
    assert "web" in directory
    assert "other" not in directory
    assert made == []

    assert directory["web"] is directory["web"]
    assert made == ["web"]
    with pytest.raises(KeyError):
        directory["other"]
