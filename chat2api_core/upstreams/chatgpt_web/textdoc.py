"""Canvas calls as passages of the answer: a new document, changes to one, comments on one.

In:   the JSON text of a ``canmore.*`` call, cut anywhere.
Out:  readable text: the document under its name, as it is written, in a fenced block; changes and
      comments once they are whole.

The one rule: JSON is never shown as it is. A call that is cut off shows what was readable of it.
"""

import msgspec

from chat2api_core.upstreams.chatgpt_web.canvas import Members
from chat2api_core.upstreams.chatgpt_web.delta import list_of, object_of, text_of
from chat2api_core.upstreams.chatgpt_web.fence import Fence
from chat2api_core.upstreams.chatgpt_web.manuscript import Manuscript

_INFO = "markdown"  # what documents of prose are written in
_ROOMY = 4  # backticks around prose: most of it may have blocks of code without ending the block


class Textdoc:
    """A passage: ``canmore.create_textdoc`` with ``{"name","type","content"}``."""

    __slots__ = ("_begun", "_fence", "_members", "_page", "_waiting")

    def __init__(self, page: Manuscript) -> None:
        self._page = page
        self._members = Members()
        self._fence = self._new_fence()
        self._begun = False
        self._waiting: list[str] = []  # content that came before the name or the type

    def write(self, text: str, end: int) -> None:  # noqa: ARG002 (a Passage is told the end)
        if self._page.current is not self:
            self._page.turn_to(self)
        for name, piece in self._members.feed(text):
            if name == "content":
                self._waiting.append(piece)
        if self._members.done.keys() >= {"name", "type"}:
            self._show()

    def end(self) -> None:
        self._show()
        if self._begun:
            self._page.say(self._fence.close())
            self._fence = self._new_fence()

    def _show(self) -> None:
        if not self._begun and self._waiting:
            self._begun = True
            name = self._members.done.get("name", "").strip()
            self._page.say(f"**{name}**\n\n" if name else "")
            self._fence = self._new_fence()
        for piece in self._waiting:
            self._page.say(self._fence.feed(piece))
        self._waiting.clear()

    def _new_fence(self) -> Fence:
        form, _, language = self._members.done.get("type", "").partition("/")
        return Fence(_INFO, _ROOMY) if form == "document" else Fence(language)


class Edits:
    """A passage: ``canmore.update_textdoc`` and ``canmore.comment_textdoc``."""

    __slots__ = ("_page", "_text")

    def __init__(self, page: Manuscript) -> None:
        self._page = page
        self._text: list[str] = []

    def write(self, text: str, end: int) -> None:  # noqa: ARG002 (a Passage is told the end)
        if self._page.current is not self:
            self._page.turn_to(self)
        self._text.append(text)

    def end(self) -> None:
        text = "".join(self._text)
        self._text.clear()
        self._page.say("\n\n".join(_readable(text)))


def _readable(text: str) -> list[str]:
    """The paragraphs of a call; none if it is not whole."""
    try:
        call = msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        return []
    paragraphs: list[str] = []
    for update in map(object_of, list_of(call.get("updates"))):
        paragraphs += _change(update)
    for comment in map(object_of, list_of(call.get("comments"))):
        paragraphs.append(f"- {text_of(comment.get('comment'))}")
    return paragraphs


def _change(update: dict[str, object]) -> list[str]:
    pattern = " ".join(text_of(update.get("pattern")).split())
    place = [] if pattern in {"", ".*"} else [f"In place of “{pattern}”:"]
    fence = Fence("")
    block = fence.feed(text_of(update.get("replacement"))) + fence.close()
    return [*place, block or "(nothing)"]
