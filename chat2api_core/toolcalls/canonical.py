"""JSON as text: the one spelling that is handed out, and the many of numbers and literals.

In: words as models write them, or values. Out: canonical JSON: no space outside of strings, no
escape that is not needed. The one rule: equal values have equal text, so pieces written one by one
join to what encoding the whole would give.
"""

import json
import re
from json.encoder import encode_basestring as quote
from math import isfinite

_LITERALS = {
    "true": "true", "false": "false", "null": "null", "none": "null", "nil": "null",
    "undefined": "null", "nan": "null", "infinity": "null",
}  # fmt: skip
_INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,400})")
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,5})?")
_HEXADECIMAL = re.compile(r"[+-]?0[xX][0-9a-fA-F]{1,300}")


def canonical_scalar(word: str) -> str:
    """Canonical JSON of a number or a literal in any common spelling; "" if it is neither."""
    literal = _LITERALS.get(word.lower().lstrip("+-"))
    if literal is not None:
        return literal
    if _INTEGER.fullmatch(word):
        return str(int(word))
    if _HEXADECIMAL.fullmatch(word):
        return str(int(word, 16))
    digits = word.lstrip("+-")
    if _DECIMAL.fullmatch(word) and not (digits[:1] == "0" and digits[1:2].isdigit()):
        value = float(word)
        return json.dumps(value) if isfinite(value) else ""
    return ""


def encode(value: object) -> str:
    """Canonical JSON: what the events of a ``Reader`` add up to."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def encode_chars(text: str) -> str:
    """A piece of a string as it stands between the quotes of canonical JSON."""
    return quote(text)[1:-1]
