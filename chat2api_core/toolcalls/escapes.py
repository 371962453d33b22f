"""Backslashes in strings, as RFC 8259 says and as models write them.

In: a text, the place of a backslash in it, and whether more may come. Out: the characters meant and
how much text they took; None while that cannot be told. The one rule: a backslash that begins no
escape stands for itself, as in ``C:\\dir`` and ``\\d+``; nothing is ever lost.
"""

import re

_ESCAPES = {
    '"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
    "'": "'", "`": "`", "\n": "\n",
}  # fmt: skip
_CODED = {"u": re.compile(r"\\u([0-9a-fA-F]{4})"), "x": re.compile(r"\\x([0-9a-fA-F]{2})")}
_WIDTH = {"u": 6, "x": 4}
_SURROGATES = range(0xD800, 0xE000)
_LOW_SURROGATES = range(0xDC00, 0xE000)
_REPLACEMENT = "\ufffd"


def unescape(text: str, at: int, final: bool) -> tuple[str, int] | None:
    """The characters that the escape at ``at`` stands for, and its length."""
    char = text[at + 1 : at + 2]
    if not char:
        return ("\\", 1) if final else None
    if char in _ESCAPES:
        return _ESCAPES[char], 2
    if char not in _CODED:
        return "\\", 1
    coded = _CODED[char].match(text, at)
    if coded is None:
        return None if len(text) < at + _WIDTH[char] and not final else ("\\", 1)
    code = int(coded[1], 16)
    if code not in _SURROGATES:
        return chr(code), _WIDTH[char]
    return _pair(code, text[at + 6 : at + 12], final)


def _pair(high: int, ahead: str, final: bool) -> tuple[str, int] | None:
    """A character beyond the first plane takes two escapes; one of them alone means nothing."""
    if high in _LOW_SURROGATES:
        return _REPLACEMENT, 6
    second = _CODED["u"].match(ahead)
    if second is None:
        may_come = len(ahead) < _WIDTH["u"] and "\\u".startswith(ahead[:2])
        return None if may_come and not final else (_REPLACEMENT, 6)
    low = int(second[1], 16)
    if low not in _LOW_SURROGATES:
        return _REPLACEMENT, 6
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)), 12
