"""What stands between the values of JSON as models write it: space, comments, dots for what was
left out, colons and commas of other scripts.

In: a text, a place in it, and whether more may come. Out: the next character that counts, and where
a colon ends. The one rule: what may turn out to be more of the same is waited for.
"""

import re

from chat2api_core.toolcalls.quotes import COLONS, COMMAS, UNSEEN

SEPARATORS = f"{COMMAS};"
_SPACE = re.compile(rf"[\s{UNSEEN}]*")
_BEGINNINGS = frozenset("#/.\u2026")
_COMMENTS = {"#": "\n", "//": "\n", "/*": "*/"}


def skip(text: str, at: int, final: bool) -> tuple[str, int]:
    """The next character that counts, or nothing while it has not come; and where to go on."""
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        char = text[at : at + 1]
        if char not in _BEGINNINGS:
            return char, at
        end = _comment(text, at, final) if char in "#/" else _dots(text, at, final)
        if end is None:
            return "", at
        if end == at:
            return char, at
        at = end


def _comment(text: str, at: int, final: bool) -> int | None:
    """Where the comment ends; ``at`` if there is none, None while that cannot be told."""
    opener = "#" if text[at] == "#" else text[at : at + 2]
    if opener not in _COMMENTS:
        return None if opener == "/" and not final else at
    closer = _COMMENTS[opener]
    end = text.find(closer, at + len(opener))
    if end >= 0:
        return end + len(closer)
    return len(text) if final else None


def _dots(text: str, at: int, final: bool) -> int | None:
    """The same for dots: three of them, or one character that is three."""
    if text[at] == "\u2026":
        return at + 1
    dots = text[at : at + 3]
    if dots == "...":
        return at + 3
    return None if dots in (".", "..") and not final else at


def colon_end(text: str, at: int, final: bool) -> int | None:
    """Where the colon ends, which may be written as an arrow; ``at`` if there is none, None while
    that cannot be told."""
    if text[at] not in COLONS:
        return at
    if text[at:] == "=" and not final:
        return None
    return at + (2 if text.startswith("=>", at) else 1)
