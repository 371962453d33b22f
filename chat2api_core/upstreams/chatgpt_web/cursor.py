"""How far a text has been read that grows, and sometimes changes, somewhere else.

In:   the text as it stands now, a ``str`` or a ``Rope``.
Out:  what is new of it.

The one rule: nothing is read twice. When a text is replaced by one that begins the same (a stream
that is played again, a whole message after its pieces), only what goes beyond the text already read
is new. When it says something else, all of it is new and ``Read.afresh`` is set.
"""

from typing import NamedTuple

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web.delta import text_of
from chat2api_core.upstreams.chatgpt_web.rope import Rope

# A text may be written anew so often. More would turn small changes into endless output.
_REWRITES = 8


class Read(NamedTuple):
    """What a look at a text brought: new text, and whether it replaces what was read before."""

    text: str = ""
    afresh: bool = False


_NOTHING = Read()


class Cursor:
    """A place in one text. ``seen`` is the length of what the text had when last looked at."""

    __slots__ = ("_leaf", "_past", "_rewrites", "seen")

    def __init__(self) -> None:
        self._leaf: str | Rope = ""
        self._past: str | None = None  # what was read, while the text has not come so far again
        self._rewrites = 0
        self.seen = 0

    @property
    def caught_up(self) -> bool:
        """Whether all that was ever read stands in the text as it is."""
        return self._past is None

    def advance(self, leaf: object) -> Read:
        """Look at the text; anything but a text is one that has gone, and brings nothing.

        Raises ``Problem(GARBAGE)`` if the text is written anew over and over."""
        if not isinstance(leaf, str | Rope):
            return _NOTHING
        if leaf is self._leaf:
            return self._grown(leaf) if isinstance(leaf, Rope) else _NOTHING
        past = self._past if self._past is not None else text_of(self._leaf)[: self.seen]
        return self._compare(past, leaf)

    def _grown(self, rope: Rope) -> Read:
        fresh = rope.tail(self.seen)
        if self._past is None:
            self.seen = rope.length
            return Read(fresh)
        if rope.length < len(self._past) and self._past.startswith(fresh, self.seen):
            self.seen = rope.length
            return _NOTHING
        return self._compare(self._past, rope)

    def _compare(self, past: str, leaf: str | Rope) -> Read:
        text = str(leaf)
        self._leaf = leaf
        self._past = None
        self.seen = len(text)
        if text.startswith(past):
            return Read(text[len(past) :])
        if past.startswith(text):
            self._past = past
            return _NOTHING
        self._rewrites += 1
        if self._rewrites > _REWRITES:
            raise Problem(
                Kind.GARBAGE, "ChatGPT kept writing the same message anew.", step="stream"
            )
        return Read(text, afresh=True)
