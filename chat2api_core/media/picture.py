"""How large a picture is, read off its head: nothing of it is decoded.

In: the bytes of a file. Out: its size and type, or None where it is no picture that ChatGPT takes:
PNG, JPEG, GIF and WebP. The rule: any bytes are an answer, never an exception. Layouts are those of
the formats' own specifications.
"""

from typing import NamedTuple

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_GIFS = (b"GIF87a", b"GIF89a")
_MOST_MARKERS = 4096
# Frame headers among JPEG's markers: these four hold something else.
_NO_FRAME = frozenset({0xC4, 0xC8, 0xCC})
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_IMAGE_ENDS = frozenset({0xD9, 0xDA})


class Size(NamedTuple):
    """Pixels, and the type by the bytes themselves, whatever a name or a header says."""

    width: int
    height: int
    mime: str


def measure(data: bytes) -> Size | None:
    """The size of a picture, None where the bytes are none."""
    if data.startswith(_PNG):
        size = _png(data)
    elif data.startswith(_JPEG):
        size = _jpeg(data)
    elif data.startswith(_GIFS):
        size = _gif(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        size = _webp(data)
    else:
        return None
    return size if size is not None and size.width > 0 and size.height > 0 else None


def _png(data: bytes) -> Size | None:
    if data[12:16] != b"IHDR" or len(data) < 24:  # noqa: PLR2004 (the end of the two sizes)
        return None
    return Size(int.from_bytes(data[16:20]), int.from_bytes(data[20:24]), "image/png")


def _gif(data: bytes) -> Size | None:
    if len(data) < 10:  # noqa: PLR2004 (the end of the two sizes)
        return None
    width, height = int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    return Size(width, height, "image/gif")


def _webp(data: bytes) -> Size | None:
    """The first chunk is the old lossy one, the lossless one, or a head for all that came later."""
    if len(data) < 30:  # noqa: PLR2004 (the end of the longest of the three heads)
        return None
    chunk = data[12:16]
    if chunk == b"VP8X":
        width, height = _little(data[24:27]) + 1, _little(data[27:30]) + 1
    elif chunk == b"VP8L" and data[20] == 0x2F:  # noqa: PLR2004 (its signature)
        bits = _little(data[21:25])
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
    else:
        return None
    return Size(width, height, "image/webp")


def _jpeg(data: bytes) -> Size | None:
    """Go from marker to marker, up to the frame's own; there may be whole previews before it."""
    at = 2
    for _ in range(_MOST_MARKERS):
        if data[at : at + 1] != b"\xff":
            return None
        while data[at : at + 1] == b"\xff":  # markers may be padded
            at += 1
        marker = data[at : at + 1]
        at += 1
        if not marker or marker[0] in _IMAGE_ENDS:
            return None
        if marker[0] in _ALONE:
            continue
        if 0xC0 <= marker[0] <= 0xCF and marker[0] not in _NO_FRAME:  # noqa: PLR2004 (SOF0 to 15)
            return _frame(data[at : at + 7])
        length = int.from_bytes(data[at : at + 2])
        if length < 2:  # noqa: PLR2004 (the length counts itself)
            return None
        at += length
    return None


def _frame(head: bytes) -> Size | None:
    if len(head) < 7:  # noqa: PLR2004 (length, precision, height, width)
        return None
    return Size(int.from_bytes(head[5:7]), int.from_bytes(head[3:5]), "image/jpeg")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
