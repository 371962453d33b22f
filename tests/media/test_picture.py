"""The sizes of pictures, by the layouts of the formats' specifications."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.media.picture import Size, measure

APP0 = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)
# A preview inside a comment, with a frame of its own that must not be taken for the picture's.
EXIF = b"\xff\xe1" + struct.pack(">H", 12) + b"\xff\xc0" + struct.pack(">HBHH", 11, 8, 1, 1) + b"\0"


def frame(width: int, height: int, marker: int = 0xC0) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)


def webp(chunk: bytes, body: bytes) -> bytes:
    return b"RIFF" + bytes(4) + b"WEBP" + chunk + struct.pack("<I", len(body)) + body + bytes(16)


GIF = b"GIF89a" + struct.pack("<HH", 640, 480) + bytes(10)
JPEG = b"\xff\xd8" + APP0 + frame(1024, 768) + b"\xff\xd9"
VP8X = webp(b"VP8X", bytes(4) + (1919).to_bytes(3, "little") + (1079).to_bytes(3, "little"))
VP8L = webp(b"VP8L", b"\x2f" + (99 | 49 << 14).to_bytes(4, "little"))
VP8 = webp(b"VP8 ", bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", 320 | 1 << 14, 200))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (GIF, Size(640, 480, "image/gif")),
        (b"GIF87a" + GIF[6:], Size(640, 480, "image/gif")),
        (JPEG, Size(1024, 768, "image/jpeg")),
        (b"\xff\xd8" + EXIF + frame(30, 20, 0xC2), Size(30, 20, "image/jpeg")),
        (b"\xff\xd8\xff\xff\xff" + frame(3, 2)[1:], Size(3, 2, "image/jpeg")),
        (b"\xff\xd8\xff\x01\xff\xd0" + frame(3, 2), Size(3, 2, "image/jpeg")),
        (b"\xff\xd8\xff\xc4" + struct.pack(">H", 2) + frame(3, 2), Size(3, 2, "image/jpeg")),
        (VP8X, Size(1920, 1080, "image/webp")),
        (VP8L, Size(100, 50, "image/webp")),
        (VP8, Size(320, 200, "image/webp")),
    ],
)
def test_the_size_is_read_off_the_head(data: bytes, expected: Size) -> None:
    assert measure(data) == expected


def test_a_whole_png_is_measured(png: Callable[..., bytes]) -> None:
    assert measure(png(3, 2)) == Size(3, 2, "image/png")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html>not found</html>",
        b"%PDF-1.7",
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n" + bytes(16),
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(8),  # no width, no height
        b"GIF89a\0",
        b"GIF89a" + bytes(10),
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xda" + frame(3, 2),
        b"\xff\xd8\xff\xe0\0\x01" + frame(3, 2),
        b"\xff\xd8\xff\xc0\0\x11\x08",
        b"\xff\xd8" + APP0 + b"junk" + frame(3, 2),
        b"\xff\xd8" + b"\xff\x01" * 5000 + frame(3, 2),
        b"RIFF" + bytes(4) + b"WEBPVP8X",
        b"RIFF" + bytes(4) + b"WAVEfmt " + bytes(30),
        webp(b"ALPH", bytes(20)),
        webp(b"VP8L", bytes(20)),
        webp(b"VP8 ", bytes(20)),
    ],
)
def test_what_is_no_picture_has_no_size(data: bytes) -> None:
    assert measure(data) is None


@given(st.binary(max_size=80), st.sampled_from([b"", GIF, JPEG, VP8X, VP8L, VP8]))
def test_any_bytes_are_an_answer(junk: bytes, start: bytes) -> None:
    for cut in range(0, len(start) + 1, 7):
        measured = measure(start[:cut] + junk)
        assert measured is None or measured.width > 0
