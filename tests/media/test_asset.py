"""Uploaded files as URLs within a prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.media.asset import Asset, read, write

NUMBERS = st.integers(min_value=0, max_value=10**9)


@given(st.text(max_size=40), NUMBERS, st.text(max_size=20), NUMBERS, NUMBERS, NUMBERS)
def test_what_is_written_is_read_again(
    name: str, size: int, mime: str, width: int, height: int, tokens: int
) -> None:
    name, mime = (text.encode("utf-8", "replace").decode() for text in (name, mime))
    asset = Asset("file-Ab12", name, size, mime, width, height, tokens)
    assert read(write(asset)) == asset


def test_a_message_points_to_the_bare_id() -> None:
    assert Asset("file-Ab12", "a.png", 3, "image/png").pointer == "file-service://file-Ab12"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://a.example/?name=a",
        "file-service://file-Ab12",
        "file-service://?size=1",
        "file-service://file-Ab12?size=x&width=1&height=1&tokens=1",
        "file-service://file-Ab12?size=\u0663&width=1&height=1&tokens=1",
        "data:image/png;base64,AAAA",
    ],
)
def test_other_texts_are_no_assets(url: str) -> None:
    assert read(url) is None
