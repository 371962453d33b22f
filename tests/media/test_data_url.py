"""Data URLs, read and written."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.media.data_url import Inline, is_data_url, read, read_base64, write
from chat2api_core.problem import Kind, Problem

LIMIT = 1000


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("data:image/png;base64,aGVsbG8=", Inline("image/png", b"hello")),
        ("DATA:Image/PNG;Base64,aGVsbG8=", Inline("image/png", b"hello")),
        ("data:text/plain;charset=utf-8;base64,aGVsbG8", Inline("text/plain", b"hello")),
        ("data:;base64,aGVs\n bG8=", Inline("", b"hello")),
        ("data:image/png;base64,-_8=", Inline("image/png", b"\xfb\xff")),
        ("data:image/png;base64,aGVsbG8%3D", Inline("image/png", b"hello")),
        ("data:text/plain,hello%20there", Inline("text/plain", b"hello there")),
        ("data:,", Inline("", b"")),
    ],
)
def test_what_clients_write_is_read(url: str, expected: Inline) -> None:
    assert is_data_url(url)
    assert read(url, limit=LIMIT)[:2] == expected[:2]


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("data:image/png;base64,aGVsbG8=", True),
        ("data:image/PNG;base64,aGVsbG8=", False),
        ("data:image/png;x=y;base64,aGVsbG8=", False),
        ("data:image/png;base64,aGVsbG8", False),
        ("data:image/png;base64,-_8=", False),
        ("data:image/png;base64,aGVsbG8%3D", False),
        ("data:text/plain,hello", False),
    ],
)
def test_it_is_told_whether_a_url_is_as_plain_as_it_could_be(url: str, plain: bool) -> None:
    assert read(url, limit=LIMIT).plain is plain


@pytest.mark.parametrize(
    "url",
    [
        "",
        "data:",
        "https://a.example/b.png,",
        "data:image/png;base64",
        "data:not a type;base64,aGVsbG8=",
        "data:image/png;base64,a",
        "data:image/png;base64,hä",
        "data:image/png;base64,aGV$bG8=",
        "data:" + "x" * 600 + ",",
    ],
)
def test_what_is_no_data_url_is_the_callers_fault(url: str) -> None:
    with pytest.raises(Problem) as caught:
        read(url, limit=LIMIT, param="messages[0]")
    assert caught.value.kind is Kind.INVALID_REQUEST
    assert caught.value.param == "messages[0]"
    assert caught.value.message.startswith("messages[0] is ")


@pytest.mark.parametrize(
    "url",
    [
        write("image/png", bytes(LIMIT + 1)),
        write("image/png", bytes(10 * LIMIT)),
        "data:text/plain," + "a" * (LIMIT + 1),
        "data:text/plain," + "a" * (4 * LIMIT),
    ],
)
def test_what_is_too_large_is_refused_with_the_limit(url: str) -> None:
    with pytest.raises(Problem) as caught:
        read(url, limit=LIMIT, param="here")
    assert caught.value.kind is Kind.TOO_LARGE
    assert caught.value.message == (
        "here is larger than 1000 bytes, the most that a file may have here."
    )


def test_a_file_of_exactly_the_limit_is_taken() -> None:
    assert read(write("image/png", bytes(LIMIT)), limit=LIMIT).data == bytes(LIMIT)


@given(st.binary(max_size=300))
def test_what_is_written_is_read_again(data: bytes) -> None:
    assert read(write("application/pdf", data), limit=LIMIT) == Inline(
        "application/pdf", data, plain=True
    )
    bare = base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert read_base64(bare, limit=LIMIT) == data


@given(st.text(max_size=60))
def test_garbage_gives_our_error_only(text: str) -> None:
    for url in (text, f"data:{text}", f"data:image/png;base64,{text}"):
        try:
            read(url, limit=LIMIT)
        except Problem as problem:
            assert problem.kind is Kind.INVALID_REQUEST  # noqa: PT017 (it may also succeed)
