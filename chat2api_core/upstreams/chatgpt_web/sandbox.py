"""Links into the sandbox, ``sandbox:/mnt/data/a.csv``, found in growing text.

In:   the text of an answer, cut anywhere.
Out:  the text without them, and a ``Path`` for each.

ChatGPT's code writes files into a sandbox, and the answer links to them, mostly in Markdown. In the
parentheses of a Markdown link (or between < and >) a path goes on to their end, elsewhere to the
next blank or closing sign.

The one rule: what is handed out does not hang on where the text was cut. What may be the beginning
of a path is held back, up to a bound; what only looked like one leaves as the text that it is.
"""

import re
from typing import TypeAlias
from urllib.parse import unquote

from msgspec import Struct

_HEAD = "sandbox:/"
_LONGEST = 512  # of a path, in characters
# Where a path ends that stands in running text.
_BARE_END = re.compile(r"[\s<>()\[\]{}\"'`|\\*]")
_TRAILING = ".,;:!?"


class Path(Struct, frozen=True, gc=False):
    """A file of the sandbox: ``text`` as it was written, ``path`` as the sandbox knows it."""

    text: str
    path: str


Piece: TypeAlias = str | Path


def begins_no_path(text: str) -> bool:
    """Whether a text is text all through, with no path and no beginning of one in it."""
    at = text.rfind("s")
    if at < 0:
        return True
    begun = (at == 0 or not text[at - 1].isalnum()) and _HEAD.startswith(text[at:])
    return not begun and _HEAD not in text


class SandboxScanner:
    """Splits growing text into certain text and whole paths; holds back what may be a path."""

    __slots__ = ("_before", "held")

    def __init__(self) -> None:
        self.held = ""
        self._before = ""  # the last two characters before what is held

    def feed(self, text: str, before: str = "") -> list[Piece]:
        """Take in the next text. ``before`` stands in front of it, where nothing is held."""
        if not self.held:
            self._before = before[-2:]
        text = self.held + text
        self.held = ""
        return self._split(text, final=False)

    def close(self) -> list[Piece]:
        """No more text comes: what was held is a path, or text."""
        text, self.held = self.held, ""
        return self._split(text, final=True)

    def _split(self, text: str, *, final: bool) -> list[Piece]:
        pieces: list[Piece] = []
        place = start = 0
        while (start := text.find("s", start)) >= 0:
            if not self._may_begin(text, start, final=final):
                start += 1
                continue
            end = self._end(text, start, final=final)
            if end is None:
                break
            path = _path(text[start:end]) if end > start else None
            if path is not None:
                pieces += (text[place:start], path)
                place = end
            start = max(end, start + 1)
        if start >= 0:
            self._before = (self._before + text[:start])[-2:]
            pieces.append(text[place:start])
            self.held = text[start:]
        else:
            pieces.append(text[place:])
        return [piece for piece in pieces if piece]

    def _may_begin(self, text: str, start: int, *, final: bool) -> bool:
        """Whether a path begins here, as far as there is text to tell."""
        whole = text.startswith(_HEAD, start)
        part = not final and len(text) - start < len(_HEAD) and _HEAD.startswith(text[start:])
        if not whole and not part:
            return False
        before = text[start - 1] if start else self._before[-1:]
        return not (before.isalnum() or before == "_")

    def _end(self, text: str, start: int, *, final: bool) -> int | None:
        """Where the path ends that begins here; None where that is not certain yet."""
        before = text[start - 2 : start] if start > 1 else (self._before + text[:start])[-2:]
        if before == "](":
            end = _closed(text, start)
        elif before[-1:] == "<":
            end = _before_sign(text, start, ">")
        else:
            end = _bare_end(text, start, final=final)
        if end < 0 and len(text) - start >= _LONGEST:
            return start  # nobody waits for longer: it is text
        if end < 0:
            return len(text) if final else None
        return end


def _bare_end(text: str, start: int, *, final: bool) -> int:
    """Where a path in running text ends, without the stop or comma behind it; -1 if not yet."""
    found = _BARE_END.search(text, start + len(_HEAD), start + _LONGEST)
    if found is None and (not final or len(text) - start >= _LONGEST):
        return -1
    end = found.start() if found else len(text)
    while text[end - 1] in _TRAILING:
        end -= 1
    return end


def _closed(text: str, start: int) -> int:
    """Where the parenthesis ends that was opened before ``start``; -1 where it does not."""
    depth = 0
    for place in range(start, min(len(text), start + _LONGEST)):
        sign = text[place]
        if sign == "(":
            depth += 1
        elif sign == ")":
            if depth == 0:
                return place
            depth -= 1
        elif sign == "\n" or (sign == '"' and text[place - 1] == " "):
            return place - (sign == '"')
    return -1


def _before_sign(text: str, start: int, sign: str) -> int:
    """Where ``sign`` or the line's end stands; -1 where neither does."""
    ends = [text.find(one, start, start + _LONGEST) for one in (sign, "\n")]
    return min((end for end in ends if end >= 0), default=-1)


def _path(text: str) -> Path | None:
    """The path that is written so; None where it leads to no file."""
    path = unquote(text.removeprefix("sandbox:"))
    return None if path.endswith("/") else Path(text, path)
