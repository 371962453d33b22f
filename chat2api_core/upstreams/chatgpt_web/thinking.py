"""The thinking that the upstream shows, in numbered sections.

In:   pieces of text for a section.
Out:  ``ReasoningDelta``s in the manuscript's ``out``.

The one rule: a section gets its number when its first text comes, so numbers have no gaps. Marks of
citations mean nothing here and are dropped.
"""

from chat2api_core.turn import ReasoningDelta
from chat2api_core.upstreams.chatgpt_web.citations import Scanner
from chat2api_core.upstreams.chatgpt_web.manuscript import Manuscript


class Thinking:
    """Where sections are numbered and written."""

    __slots__ = ("page", "sections")

    def __init__(self, page: Manuscript) -> None:
        self.page = page
        self.sections = 0


class Section:
    """A section, or the text under the ``heading`` of one. Written to like a passage."""

    __slots__ = ("_heading", "_scanner", "_thinking", "part")

    def __init__(self, thinking: Thinking, heading: "Section | None" = None) -> None:
        self._thinking = thinking
        self._heading = heading
        self._scanner = Scanner()
        self.part = -1

    def write(self, text: str, end: int) -> None:
        """More of the section. A blank line stands between heading and text."""
        if not text.isascii() or self._scanner.held:
            tokens = self._scanner.feed(text, end)
            text = "".join(token for token in tokens if isinstance(token, str))
        self._put(text)

    def end(self) -> None:
        """No more comes: what was held back as the beginning of a mark is text after all."""
        self._put(self._scanner.close())

    def _put(self, text: str) -> None:
        if not text:
            return
        if self.part < 0:
            heading = self._heading
            if heading is not None and heading.part >= 0:
                self.part = heading.part
                text = "\n\n" + text
            else:
                self.part = self._thinking.sections
                self._thinking.sections += 1
        self._thinking.page.out.append(ReasoningDelta(text, self.part))
