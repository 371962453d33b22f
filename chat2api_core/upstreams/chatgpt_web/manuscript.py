"""The answer's text as it is written down: passages of prose, code and canvas, one after the other.

In:   pieces of text for a passage, and links.
Out:  ``TextDelta``s and ``Citation``s in ``out``, which the reader empties after every event.

The one rule: every character of the answer goes through ``say``, so ``length`` is the offset, in
code points, of whatever comes next. Passages are separated by a blank line; one ends (its fence is
closed, its held marks are settled) before another begins.
"""

from typing import Protocol

from chat2api_core.turn import Citation, Delta, TextDelta
from chat2api_core.upstreams.chatgpt_web.citations import (
    Marker,
    Scanner,
    Token,
    begins_no_mark,
)
from chat2api_core.upstreams.chatgpt_web.handout import Handout, NoHandout
from chat2api_core.upstreams.chatgpt_web.sandbox import (
    Path,
    Piece,
    SandboxScanner,
    begins_no_path,
)
from chat2api_core.upstreams.chatgpt_web.sources import (
    Link,
    Rendering,
    Source,
    Sources,
    listed,
    without_source,
)

# So much text waits behind a mark whose reference is not known yet, in characters. References that
# come after the text come soon after it or at the very end.
_PATIENCE = 160


_UNLINKED = (
    "[No link can be given to {}: ChatGPT's sandbox keeps files only for chats in the account's "
    "history.]"
)
# A link that follows one of these needs no blank before it.
_OPENERS = " \n\t([{*_\"'"


class Passage(Protocol):
    """A part of the answer with a form of its own."""

    def write(self, text: str, end: int) -> None:
        """More of its source, which now is ``end`` characters long."""
        ...

    def end(self) -> None:
        """Another passage begins, or the answer ends."""
        ...


class Manuscript:
    """What has been handed out, and which passage is being written."""

    __slots__ = (
        "_cited",
        "_gap",
        "_owed",
        "_tail",
        "_unlinked",
        "conversation_id",
        "current",
        "goes_on",
        "handout",
        "length",
        "out",
        "sources",
    )  # fmt: skip

    def __init__(self, handout: Handout | None = None) -> None:
        self.out: list[Delta] = []
        self.length = 0
        self.handout = handout or NoHandout()
        self.conversation_id = ""
        self.current: Passage | None = None
        self.sources = Sources()
        self._tail = ""  # what was said last: two characters at least, if there are so many
        self._gap = False  # a blank line is due before the next character
        self.goes_on = False  # the next prose continues the sentence that is being written
        self._owed: list[tuple[str, Marker]] = []  # marks that were passed over
        self._cited: set[str] = set()
        self._unlinked: dict[str, None] = {}  # names of files that there is no link to

    def say(self, text: str) -> None:
        """Hand out text as it is. Empty text is nothing."""
        if text:
            if self._gap:
                self._gap = False
                self.say(_separator(self._tail))
            self.out.append(TextDelta(text))
            self.length += len(text)
            self._tail = text if len(text) > 1 else self._tail[-1:] + text

    @property
    def before(self) -> str:
        """What stands in front of the next character, its last two characters at least."""
        return "" if self._gap else self._tail

    def link(self, path: Path, message_id: str) -> None:
        """Hand out the address of a file in the sandbox; as it was written where it has none."""
        address = self.handout.file(path.path, self.conversation_id, message_id)
        if not address:
            self._unlinked[path.path.rpartition("/")[2]] = None
        self.say(address or path.text)

    def show(self, rendering: Rendering) -> None:
        """Hand out what a mark reads as, each link with its ``Citation``."""
        for piece in rendering:
            if isinstance(piece, Link):
                if self.length and not self._gap and self._tail[-1] not in _OPENERS:
                    self.say(" ")
                start = self.length + (len(_separator(self._tail)) if self._gap else 0)
                self.say(piece.text)
                source = piece.source
                self._cited.add(source.url)
                self.out.append(Citation(start, self.length, source.url, source.title))
            else:
                self.say(piece)

    def turn_to(self, passage: Passage) -> None:
        """End the passage that was being written and begin this one.

        Prose that goes on after a stop for length takes over from the prose before it."""
        before = self.current
        goes_on, self.goes_on = self.goes_on, False
        self.current = passage
        if goes_on and isinstance(before, Prose) and isinstance(passage, Prose):
            passage.inherit(before)
            return
        self.current = before
        self.end_passage()
        self.current = passage

    def end_passage(self) -> None:
        """End the passage that is being written. What comes next begins a new one."""
        before, self.current = self.current, None
        if before is not None:
            before.end()
        self._gap = self.length > 0

    def owe(self, message_id: str, marker: Marker) -> None:
        """Remember a mark that was passed over because its reference was not known."""
        self._owed.append((message_id, marker))

    def settle(self) -> None:
        """New references are known: what waited for them may go on."""
        if isinstance(self.current, Prose):
            self.current.drain()

    def finish(self) -> None:
        """The answer is over: end the passage, say which files stay behind, and list the sources of
        marks passed over."""
        self.end_passage()
        if self._unlinked:
            self.say(_UNLINKED.format(", ".join(self._unlinked)))
            self._gap = True
        sources: dict[str, Source] = {}
        for message_id, marker in self._owed:
            for piece in self.sources.render(message_id, marker) or ():
                if isinstance(piece, Link) and piece.source.url not in self._cited:
                    sources[piece.source.url] = piece.source
        self._owed.clear()
        if sources:
            self.say("Sources:\n")
            for source in sources.values():
                self.say("\n- ")
                self.show((listed(source),))


def _separator(tail: str) -> str:
    """What makes a blank line after ``tail``."""
    if tail.endswith("\n\n"):
        return ""
    return "\n" if tail.endswith("\n") else "\n\n"


class Prose:
    """A passage of ordinary text: marks are taken out and shown as links."""

    __slots__ = ("_holds", "_message_id", "_page", "_paths", "_queue", "_scanner", "_waiting")

    def __init__(self, page: Manuscript, message_id: str) -> None:
        self._page = page
        self._message_id = message_id
        self._scanner = Scanner()
        self._paths = SandboxScanner()
        self._queue: list[Token] = []  # a mark that waits for its reference, and all behind it
        self._waiting = 0
        self._holds = False  # whether anything is held back

    def write(self, text: str, end: int) -> None:
        page = self._page
        if page.current is not self:
            page.turn_to(self)
        if self._holds or not (text.isascii() or begins_no_mark(text)):
            for token in self._scanner.feed(text, end):
                self._take(token)
            self._holds = bool(self._queue or self._scanner.held)
        elif self._paths.held or not begins_no_path(text):
            self._say(text)
        else:
            page.say(text)

    def end(self) -> None:
        held = self._scanner.close()
        if held:
            self._take(held)
        self.drain(final=True)
        self._settle_path()
        self._holds = False

    def drain(self, *, final: bool = False) -> None:
        """Hand out the queue up to the first mark that still has reason to wait."""
        queue, self._queue = self._queue, []
        waited, self._waiting = self._waiting, 0
        for place, token in enumerate(queue):
            if isinstance(token, str):
                waited -= len(token)
                self._say(token)
            elif not self._show(token, patient=not final and waited < _PATIENCE):
                self._queue, self._waiting = queue[place:], waited
                return

    def inherit(self, before: "Prose") -> None:
        """Take over what the prose before this one still held."""
        self._scanner, self._queue, self._waiting = before._scanner, before._queue, before._waiting
        self._holds = before._holds
        self._paths = before._paths

    def _say(self, text: str) -> None:
        """Hand out text, with the paths in it as links."""
        self._write_down(self._paths.feed(text, self._page.before))

    def _settle_path(self) -> None:
        """What looked like the beginning of a path is one, or is text."""
        if self._paths.held:
            self._write_down(self._paths.close())

    def _write_down(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            if isinstance(piece, Path):
                self._page.link(piece, self._message_id)
            else:
                self._page.say(piece)

    def _take(self, token: Token) -> None:
        if self._queue:
            self._queue.append(token)
            if isinstance(token, str):
                self._waiting += len(token)
                if self._waiting >= _PATIENCE:
                    self.drain()
        elif isinstance(token, str):
            self._say(token)
        elif not self._show(token, patient=True):
            self._queue.append(token)

    def _show(self, marker: Marker, *, patient: bool) -> bool:
        """Show a mark, or pass over it if it has waited long enough. False: it waits."""
        rendering = self._page.sources.render(self._message_id, marker)
        if rendering is None and patient:
            return False
        self._settle_path()
        if rendering is None:
            self._page.owe(self._message_id, marker)
            rendering = (without_source(marker),)
        self._page.show(rendering)
        return True
