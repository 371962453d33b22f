"""Fenced passages of an answer: code that was run, or what it printed.

In:   pieces of text.
Out:  the same between fences, in the manuscript.

The one rule: a passage that is gone back to has fences of its own.
"""

from chat2api_core.upstreams.chatgpt_web.fence import Fence
from chat2api_core.upstreams.chatgpt_web.manuscript import Manuscript


class Code:
    """A passage. ``language`` is what stands behind its first fence, empty for nothing."""

    __slots__ = ("_fence", "_language", "_page")

    def __init__(self, page: Manuscript, language: str) -> None:
        self._page = page
        self._language = language
        self._fence = Fence(language)

    def write(self, text: str, end: int) -> None:  # noqa: ARG002 (a Passage is told the end)
        if self._page.current is not self:
            self._page.turn_to(self)
            self._fence = Fence(self._language)
        self._page.say(self._fence.feed(text))

    def end(self) -> None:
        self._page.say(self._fence.close())
