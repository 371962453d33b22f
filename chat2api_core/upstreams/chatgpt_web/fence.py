"""A fenced block of Markdown around a text that is still growing.

In:   the text, cut anywhere.
Out:  the same text with an opening and a closing fence.

The one rule: nothing in the text closes the block. The fence is longer than any run of backticks
in what was there when it opened, and as long as was asked for. If a line comes later that would
close it, the block is closed before that line and goes on in a second one with a longer fence.
"""

import re

_RUN = re.compile("`+")
# A line that begins with a run of backticks may close a block; four spaces make it harmless.
_CLOSING = re.compile("^ {0,3}(`{3,})", re.MULTILINE)
_UNDECIDED = re.compile("(?:^|(?<=\n)) {0,3}`*\\Z")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.-]{1,32}")


class Fence:
    """``feed`` the text and ``close``; both return what to write. Use one for one block. A fence
    has at least ``shortest`` backticks, never less than three."""

    __slots__ = ("_held", "_language", "_length", "_line_ended", "_opened")

    def __init__(self, language: str, shortest: int = 3) -> None:
        self._language = language if _LANGUAGE.fullmatch(language) else ""
        self._length = shortest
        self._held: list[str] = []  # the beginning of a line that may be a closing fence
        self._opened = False
        self._line_ended = True

    def feed(self, text: str) -> str:
        """More of the text. What may be a closing fence waits for the rest of its line."""
        if not text:
            return ""
        opening = ""
        if not self._opened:
            self._opened = True
            opening = self._open(text)
        elif not self._line_ended and "\n" not in text:
            return text
        if self._held and not text.strip("`"):
            self._held.append(text)
            return ""
        return opening + self._write("".join(self._held) + text)

    def close(self) -> str:
        """The end of the block; nothing if it never began."""
        if not self._opened:
            return ""
        rest = self._put("".join(self._held))
        return rest + ("" if self._line_ended else "\n") + "`" * self._length

    def _open(self, text: str) -> str:
        longest = max((len(run) for run in _RUN.findall(text)), default=0)
        self._length = max(self._length, longest + 1)
        return "`" * self._length + self._language + "\n"

    def _write(self, text: str) -> str:
        self._held.clear()
        undecided = _UNDECIDED.search(text) if self._line_ended or "\n" in text else None
        if undecided is not None:
            self._held.append(undecided[0])
            text = text[: undecided.start()]
        return self._put(text)

    def _put(self, text: str) -> str:
        """Write lines that are decided, leaving the block and entering a longer one if need be."""
        written: list[str] = []
        place = 0
        for line in _CLOSING.finditer(text):
            begins = line.start() > 0 or self._line_ended
            if begins and len(line[1]) >= self._length:
                written += (text[place : line.start()], "`" * self._length, "\n\n")
                place = line.start()
                written.append(self._open(text[place:]))
        written.append(text[place:])
        if text:
            self._line_ended = text.endswith("\n")
        return "".join(written)
