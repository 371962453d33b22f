"""What a file is taken for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.media.kind import ending, plain_name, type_of, use_case

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.mark.parametrize(
    ("name", "declared", "head", "expected"),
    [
        ("a.png", "", b"", "image/png"),
        ("a.png", "image/png", b"\xff\xd8\xff\xe0", "image/jpeg"),  # the bytes know best
        ("photo", "image/webp", b"RIFF....WEBPVP8 ", "image/webp"),
        ("a.docx", "application/octet-stream", b"PK\x03\x04", DOCX),
        ("a.xlsx", "", b"PK\x03\x04", XLSX),
        ("a.txt", "", b"PK\x03\x04", "application/zip"),
        ("a", "", b"PK\x03\x04", "application/zip"),
        ("a.bin", "", b"%PDF-1.7", "application/pdf"),
        ("a.py", "text/plain", b"import os", "text/x-python"),
        ("a", "Text/CSV; charset=utf-8", b"a,b", "text/csv"),
        ("a", "text/plain", b"a", "text/plain"),
        ("a", "", b"a", "application/octet-stream"),
        ("a.csv", "\u00ff\u00fe", b"a", "text/csv"),
        ("a.csv", "text", b"a", "text/csv"),
        ("a", "text/a b", b"a", "application/octet-stream"),
    ],
)
def test_bytes_then_declaration_then_name_say_the_type(
    name: str, declared: str, head: bytes, expected: str
) -> None:
    assert type_of(name, declared, head) == expected


@given(st.text(max_size=20), st.text(max_size=20), st.binary(max_size=16))
def test_any_type_is_fit_for_a_header(name: str, declared: str, head: bytes) -> None:
    found = type_of(name, declared, head)
    assert found.isascii()
    assert found.isprintable()
    assert "/" in found


@pytest.mark.parametrize(
    ("mime", "expected"),
    [
        ("image/png", "multimodal"),
        ("image/webp", "multimodal"),
        ("image/svg+xml", "ace_upload"),
        ("application/pdf", "my_files"),
        (DOCX, "my_files"),
        ("text/plain", "my_files"),
        ("text/x-python", "my_files"),
        ("application/json", "my_files"),
        ("text/csv", "ace_upload"),
        (XLSX, "ace_upload"),
        ("application/zip", "ace_upload"),
        ("application/octet-stream", "ace_upload"),
    ],
)
def test_the_use_case_goes_by_the_type(mime: str, expected: str) -> None:
    assert use_case(mime) == expected


@pytest.mark.parametrize(
    ("name", "mime", "expected"),
    [
        ("report.pdf", "application/pdf", "report.pdf"),
        ("/etc/../a\\b\\c.txt", "text/plain", "c.txt"),
        ("a\u202egnp.txt", "text/plain", "agnp.txt"),
        ("a\r\nb.txt", "text/plain", "ab.txt"),
        ("", "image/png", "picture.png"),
        ("", "application/pdf", "file.pdf"),
        ("notes", "text/markdown", "notes.md"),
        (" .. ", "application/x-unheard-of", "file.bin"),
        ("x" * 300 + ".csv", "text/csv", "x" * 196 + ".csv"),
        ("x" * 300, "text/csv", "x" * 200 + ".csv"),
    ],
)
def test_a_name_is_made_fit_to_be_sent(name: str, mime: str, expected: str) -> None:
    assert plain_name(name, mime) == expected


@given(st.text(max_size=400), st.text(max_size=20))
def test_any_name_comes_out_plain(name: str, mime: str) -> None:
    plain = plain_name(name, mime)
    assert 0 < len(plain) <= 216
    assert ending(plain)
    assert "/" not in plain
    assert "\n" not in plain
