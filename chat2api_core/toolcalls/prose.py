"""The text of an answer around its calls.

In: what turned out to be text, what turned out not to be, and citations of both. Out: text deltas
that join to what a reader expects: no fence that stood around a call only, no blank lines where a
call was, citations at their new places.

The one rule: text that has nothing to do with a call goes out unchanged. In the answer to a repair,
which the client knows nothing of, text goes out only if no call came after all.
"""

import re

from chat2api_core.toolcalls.offsets import Offsets
from chat2api_core.turn import Citation, Delta, TextDelta

# The end of a text that may turn out to wrap calls: a fence with its language, backticks, or an
# element that is there for calls only.
_WRAPPER = re.compile(
    r"(?:(?<=\n)[ \t]*(`{3,})[ \t]*[\w+.\-]{0,16}[ \t]*(?:\n\s*)?|(?<!`)(`+)"
    r"|<(function_calls|tool_calls)>\s*)\Z"
)
_SPECIAL = re.compile(r"[<&`\\\uff1c]")
_OPENERS = ("<", "&", "\\", "\uff1c")
# Blank characters held back at the beginning of an answer, or behind a call.
_MAX_BLANK = 4096


class Prose:
    """The text of one turn, over all its answers."""

    def __init__(self) -> None:
        self._offsets = Offsets()
        self._citations: list[Citation] = []
        self._quiet = True
        self._behind_call = False
        self._owed = ""
        self._last = ""
        self._aside: list[str] | None = None
        self._called = False

    def passes(self, text: str) -> bool:
        """Whether a delta may go out as it is: nothing is held and nothing in it is special."""
        if self._quiet or self._owed or self._aside is not None or not text:
            return False
        if _SPECIAL.search(text):
            return False
        self._offsets.keep(len(text))
        self._last = text[-1]
        return True

    def speakable(self, text: str) -> int:
        """Up to where text without a tag may be said before more is known."""
        wrapper = self._wrapper(text)
        end = wrapper[0] if wrapper else len(text)
        return 0 if self._quiet and text[:end].isspace() and end < _MAX_BLANK else end

    def before_call(self, text: str) -> int:
        """Up to where the text right before a call is to be said. What wrapped the call is owed an
        end behind it."""
        wrapper = self._wrapper(text)
        if wrapper:
            end, self._owed = wrapper
            text = text[:end]
        return 0 if self._quiet and (not text or text.isspace()) else len(text)

    def _wrapper(self, text: str) -> tuple[int, str] | None:
        """Where at the end of a text something begins that may wrap a call, and what ends it."""
        line = "\n" if self._last in ("", "\n") else self._last
        match = _WRAPPER.search(line + text)
        if match is None:
            return None
        return max(match.start() - 1, 0), match[1] or match[2] or f"</{match[3]}>"

    def owed(self, text: str, final: bool) -> int | None:
        """How much at the beginning of a text closes the wrapping of the last call; None while
        that cannot be told."""
        if not self._owed:
            return 0
        bare = text.lstrip()
        ahead = bare.removeprefix(self._owed)
        if not final and (self._owed.startswith(bare) or ahead == ""):
            return None
        if bare[:1] in _OPENERS and not bare.startswith(self._owed):
            return 0  # another call may follow within the same wrapping
        wrapped, self._owed = self._owed, ""
        if not bare.startswith(wrapped) or ahead[:1].isalnum():
            return 0
        return len(text) - len(ahead)

    def go_on(self, text: str) -> None:
        """The answer goes on with this text: what wrapped the last call ended before it."""
        if text.strip():
            self._owed = ""

    def say(self, text: str) -> list[Delta]:
        """This is text of the answer."""
        if not text:
            return []
        if self._aside is not None:
            self._aside += [] if self._called else [text]
            self._offsets.drop(len(text))
            return []
        said = self._trimmed(text) if self._quiet else text
        self._offsets.drop(len(text) - len(said))
        if not said:
            return []
        self._quiet = False
        self._offsets.keep(len(said))
        self._last = said[-1]
        return [TextDelta(said)]

    def _trimmed(self, text: str) -> str:
        """Blank lines behind a call are left out, unless two words would meet."""
        bare = text.lstrip()
        if not self._behind_call:
            return text
        if not bare or not self._last or self._last.isspace():
            return bare
        return text

    def drop(self, length: int) -> None:
        """So many characters were not text; if negative, so many of them may be after all."""
        self._offsets.drop(length)

    def call(self) -> None:
        """A call stood here."""
        self._quiet = True
        self._behind_call = True
        if self._aside is not None:
            self._aside = []
            self._called = True

    def begin_repair(self) -> None:
        """The answer to a repair follows."""
        self._offsets = Offsets(self._offsets.handed)
        self._citations = []
        self._aside = []
        self._called = False
        self._owed = ""
        self._quiet = True

    def end_repair(self) -> list[Delta]:
        """The answer is over. Without a call, its text was meant for the client."""
        aside, self._aside = self._aside, None
        return self.say("".join(aside or ()))

    def cite(self, citation: Citation) -> None:
        """A citation of the upstream's text."""
        self._citations.append(citation)

    def cited(self) -> list[Delta]:
        """The citations whose text has been handed out by now, at their places there. Those of
        text that was not handed out are gone."""
        if not self._citations:
            return []
        due = [each for each in self._citations if each.end <= self._offsets.seen]
        self._citations = [each for each in self._citations if each.end > self._offsets.seen]
        moved = [(each, self._offsets.move(each.start, each.end)) for each in due]
        return [Citation(at[0], at[1], each.url, each.title) for each, at in moved if at]
