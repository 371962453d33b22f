"""Data URLs: bytes written into a text (RFC 2397).

In: the URL, and the largest size that is taken. Out: its type and its bytes, or the way round.
The rule: whatever the text is, only ``Problem`` comes out, and nothing above the limit is decoded.
"""

import binascii
import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from chat2api_core.problem import Kind, Problem

_LONGEST_HEAD = 512
_SHOWN = 1_000_000
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,96}")
_BLANKS = re.compile(r"[ \t\r\n\f]+")


class Inline(NamedTuple):
    """What a data URL holds. ``mime`` is in lower case and without parameters, empty where the URL
    names none. ``plain``: the URL is written just as ``write`` would."""

    mime: str
    data: bytes
    plain: bool = False


def is_data_url(url: str) -> bool:
    """Whether this claims to be a data URL."""
    return url[:5].lower() == "data:"


def read(url: str, *, limit: int, param: str | None = None) -> Inline:
    """Read a data URL. Raises ``Problem``: INVALID_REQUEST where it is none, TOO_LARGE above
    ``limit`` bytes; both name ``param``."""
    comma = url.find(",", 5, _LONGEST_HEAD)
    if not is_data_url(url) or comma < 0:
        raise _wrong("is not a data URL: it would be written data:<type>;base64,<data>", param)
    mime, *parameters = (word.strip().lower() for word in url[5:comma].split(";"))
    if mime and not _TYPE.fullmatch(mime):
        raise _wrong("is a data URL without a proper type, such as image/png", param)
    if "base64" in parameters:
        data, plain = _read(url[comma + 1 :], limit, param)
        return Inline(mime, data, plain and url[:comma] == f"data:{mime};base64")
    if len(url) - comma > 3 * limit:  # each byte may be written in three characters
        raise too_large(limit, param)
    data = unquote_to_bytes(url[comma + 1 :])
    if len(data) > limit:
        raise too_large(limit, param)
    return Inline(mime, data)


def type_of(url: str) -> str:
    """The type that a data URL names, empty for none and for any other text."""
    mime = url[5:_LONGEST_HEAD].partition(",")[0].partition(";")[0].strip().lower()
    return mime if is_data_url(url) and _TYPE.fullmatch(mime) else ""


def read_base64(text: str, *, limit: int, param: str | None = None) -> bytes:
    """Bytes in base64, of either alphabet, with or without padding and blanks. Raises as ``read``
    does."""
    return _read(text, limit, param)[0]


def _read(text: str, limit: int, param: str | None) -> tuple[bytes, bool]:
    """The bytes, and whether the text was in the strict form."""
    escaped = "%" in text[-6:] or "%" in text[:_SHOWN]
    if escaped:
        text = unquote_to_bytes(text).decode("ascii", "replace")
    try:
        return _strictly(text, limit, param), not escaped
    except (binascii.Error, ValueError):
        plain = _BLANKS.sub("", text).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _strictly(plain + "=" * (-len(plain) % 4), limit, param), False
    except (binascii.Error, ValueError) as error:
        raise _wrong("is not valid base64", param) from error


def write(mime: str, data: bytes) -> str:
    """The bytes as a data URL."""
    encoded = binascii.b2a_base64(data, newline=False).decode()
    return f"data:{mime};base64,{encoded}"


def too_large(limit: int, param: str | None) -> Problem:
    """A file or a picture that has more bytes than is taken."""
    words = f"{param or 'A file'} is larger than {limit} bytes, the most that a file may have here."
    return Problem(Kind.TOO_LARGE, words, step="request", param=param)


def _strictly(text: str, limit: int, param: str | None) -> bytes:
    if len(text) // 4 * 3 > limit + 2:
        raise too_large(limit, param)
    data = binascii.a2b_base64(text, strict_mode=True)
    if len(data) > limit:
        raise too_large(limit, param)
    return data


def _wrong(words: str, param: str | None) -> Problem:
    return Problem(
        Kind.INVALID_REQUEST, f"{param or 'A URL'} {words}.", step="request", param=param
    )
