"""The heads of real pictures, made by hand from the formats' specifications."""

import struct
import zlib
from collections.abc import Callable

import pytest


def png(width: int, height: int, filling: int = 0) -> bytes:
    """A whole PNG of one colour, with ``filling`` bytes of text in it to make it heavier."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x40\x80\xc0" * width) * height)
    text = chunk(b"tEXt", b"Comment\0" + b"x" * filling) if filling else b""
    body = chunk(b"IHDR", head) + text + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.fixture(name="png")
def make_png() -> Callable[..., bytes]:
    return png
