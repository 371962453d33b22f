"""Writing the same body a second time without handing anything out twice.

In: what was handed out and written before, and what is written now. Out: the text to read the body
from, and of what comes out of it only what is new.

The one rule: what was handed out stays; a second writing that says anything else there is refused.
"""

import re

# Characters without space by which a second writing is known to begin at the beginning again.
_SAME = 32
_CDATA = "<![CDATA["
_LEAD = re.compile(r"\A\s*(?:`{3,}\w*\n\s*)?(?:<!\[CDATA\[)?", re.IGNORECASE)


class Handed:
    """What was handed out of a body. ``give`` lets through what is new."""

    def __init__(self) -> None:
        self.differs = False
        self._pieces: list[str] = []
        self._skip = ""

    @property
    def text(self) -> str:
        """All that was handed out."""
        return "".join(self._pieces)

    def again(self) -> None:
        """The body is read from its beginning once more."""
        self._skip = self.text
        self.differs = False

    def give(self, text: str) -> str:
        """The part of the text that was not handed out before; "" from where it differs on."""
        if self._skip and text:
            same = min(len(self._skip), len(text))
            self.differs = self.differs or text[:same] != self._skip[:same]
            self._skip, text = self._skip[same:], text[same:]
        if self.differs:
            return ""
        if text:
            self._pieces.append(text)
        return text

    @property
    def short(self) -> bool:
        """Whether a second writing has not yet come to where the first one stood."""
        return bool(self._skip)


class Resumption:
    """Tells whether a second writing starts over or goes on behind ``base``."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._start = _squash(base)[:_SAME]
        self._pending = ""

    def feed(self, text: str) -> str | None:
        """All of the body so far, or None while it cannot be told which it is."""
        self._pending += text
        written = _squash(self._pending)
        may_wrap = len(written) < _SAME and (_CDATA.startswith(written) or written[0] == "`")
        if may_wrap or (len(written) < len(self._start) and self._start.startswith(written)):
            return None
        return self._pending if self._start and written.startswith(self._start) else self.close()

    def close(self) -> str:
        """No more comes: what is written goes on behind the base."""
        lead = _LEAD.match(self._pending)
        wrapped = lead is not None and bool(lead[0].strip())
        return self._base + (self._pending[lead.end() :] if lead and wrapped else self._pending)


def _squash(text: str) -> str:
    """The text without space, and without the fence or CDATA that may stand in front of it."""
    return re.sub(r"\s", "", _LEAD.sub("", text[:4096], count=1))
