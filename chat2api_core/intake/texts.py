"""URLs at the beginning and end of a text. Pure."""

import re

_URL = r"https?://[^\s<>\"']+"
_LEADING = re.compile(rf"\s*({_URL})(?=\s|$)", re.IGNORECASE)
_TRAILING = re.compile(rf"(?:^|\s)({_URL})\s*$", re.IGNORECASE)


def split_urls(text: str) -> tuple[list[str], str, list[str]]:
    """The URLs, parted by blanks, that a text begins with and ends with, and what is between."""
    before: list[str] = []
    after: list[str] = []
    start, end = 0, len(text)
    while leading := _LEADING.match(text, start):
        before.append(leading[1])
        start = leading.end()
    rest = text[start:end]
    while trailing := _TRAILING.search(rest):
        after.insert(0, trailing[1])
        rest = rest[: trailing.start()]
    return before, rest.strip() if before or after else text, after
