"""Citation marks of both generations, found in growing text.

In:   the text of an answer, cut anywhere.
Out:  the text without marks, and ``Marker``s, which ``sources`` turns into readable links.

The web client shows two kinds of marks. The new one is built of private-use characters: U+E200, a
kind, parts split by U+E202, U+E201; U+E203 and U+E204 stand around a highlighted span and are
dropped. The old one reads ``【12†source】``.

The one rule: no piece of a mark is ever handed out as text. What only looks like the beginning of
an old mark (【 is an ordinary bracket in Chinese and Japanese) leaves as soon as it cannot be one.
"""

import re
from typing import TypeAlias

from msgspec import Struct

# The longest mark that is waited for, in characters. Groups of pictures and products carry JSON.
_LONGEST = 8192

_SPECIAL = re.compile("[\ue200-\ue206【]")
# Compiled when the first mark is met. One of the new generation begins no title of an old one.
_OLD = r"【(\d{1,4})(?::\d{1,4})?†([^】\n\ue200-\ue206]{0,200})】"
_OLD_BEGUN = r"【(?:\d{1,4}(?::\d{0,4})?(?:†[^】\n\ue200-\ue206]{0,200})?)?"
_KIND = "[a-z_]*"


def begins_no_mark(text: str) -> bool:
    """Whether a text is text all through: no mark begins in it, and it has no delimiters."""
    return _SPECIAL.search(text) is None


class Marker(Struct, frozen=True, gc=False):
    """A whole mark. ``text`` is all of it, ``start`` its offset in the message's text, ``kind`` its
    first word (``old`` for the old generation), ``parts`` what follows, ``body`` that unsplit."""

    text: str
    start: int
    kind: str
    parts: tuple[str, ...]
    body: str


Token: TypeAlias = str | Marker


class Scanner:
    """Splits growing text into certain text and whole marks; holds back what may be a mark."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held = ""

    def feed(self, text: str, end: int) -> list[Token]:
        """Take in the next text, which ends at offset ``end`` of the message."""
        text = self.held + text
        self.held = ""
        base = end - len(text)
        tokens: list[Token] = []
        plain: list[str] = []
        place = 0
        while special := _SPECIAL.search(text, place):
            plain.append(text[place : special.start()])
            place = special.start()
            marker = _marker(text, place, base)
            if marker is not None:
                tokens += ("".join(plain), marker)
                plain.clear()
                place += len(marker.text)
            elif _may_become_marker(text, place):
                self.held = text[place:]
                place = len(text)
            else:
                if text[place] == "【":
                    plain.append("【")
                place += 1
        plain.append(text[place:])
        tokens.append("".join(plain))
        return [token for token in tokens if token]

    def close(self) -> str:
        """No more text comes: what was held is text if it was a bracket, else nothing."""
        held, self.held = self.held, ""
        return held if held.startswith("【") else ""


def _marker(text: str, place: int, base: int) -> Marker | None:
    """The whole mark at ``place``, if there is one."""
    if text[place] == "【":
        old = re.compile(_OLD).match(text, place)
        return old and Marker(old[0], base + place, "old", (old[1],), old[2])
    end = text.find("\ue201", place, place + _LONGEST)
    if text[place] != "\ue200" or end < 0:
        return None
    inner = text[place + 1 : end]
    kind = re.match(_KIND, inner)
    assert kind is not None
    body = inner[kind.end() :].removeprefix("\ue202")
    parts = tuple(part for part in body.split("\ue202") if part)
    return Marker(text[place : end + 1], base + place, kind[0], parts, body)


def _may_become_marker(text: str, place: int) -> bool:
    if text[place] == "【":
        return re.compile(_OLD_BEGUN).fullmatch(text, place) is not None
    return text[place] == "\ue200" and len(text) - place < _LONGEST
