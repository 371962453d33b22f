"""Pictures that are really there: PNG files of one colour and a frame, drawn from a name. Pure.

Input: a name and a size in pixels. Output: the bytes of a PNG. The rule: the same name and size
always give the same bytes, and another name another colour.
"""

import hashlib
import struct
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BIT_DEPTH, _PALETTE = 1, 3
_LARGEST = 8192


def draw(name: str, width: int, height: int) -> bytes:
    """A picture of ``width`` by ``height`` pixels, 1 to 8192 each."""
    width, height = (min(max(side, 1), _LARGEST) for side in (width, height))
    colour = hashlib.sha256(name.encode()).digest()[:3]
    row = (width + 7) // 8
    frame = b"\0" + b"\xff" * row
    inside = b"\0" + b"\x80" + b"\0" * (row - 1)
    pixels = frame + inside * max(height - 2, 0) + (frame if height > 1 else b"")
    head = struct.pack(">IIBBBBB", width, height, _BIT_DEPTH, _PALETTE, 0, 0, 0)
    chunks = (
        (b"IHDR", head),
        (b"PLTE", colour + b"\xff\xff\xff"),
        (b"IDAT", zlib.compress(pixels)),
        (b"IEND", b""),
    )
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG or GIF in pixels; (0, 0) of another picture, None of no picture."""
    if data.startswith(_SIGNATURE) and data[12:16] == b"IHDR":
        width, height = struct.unpack(">II", data[16:24])
        return int(width), int(height)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        width, height = struct.unpack("<HH", data[6:10])
        return int(width), int(height)
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return (0, 0) if webp or data.startswith(b"\xff\xd8\xff") else None


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
