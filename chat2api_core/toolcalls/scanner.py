"""The text of an answer, taken apart into text, tags and the bodies of calls.

In: text deltas in order, and how the answer ended. Out: deltas of text, and of the calls that
``Calls`` makes of what stands between the tags. The one rule: a tag counts only if it has the
request's marker; everything else is text, and leaves as soon as it can be nothing else.
"""

import re
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from chat2api_core.toolcalls.calls import Calls, State
from chat2api_core.toolcalls.grammar import Grammar, Head, Tag
from chat2api_core.toolcalls.prose import Prose
from chat2api_core.toolcalls.quotes import UNSEEN
from chat2api_core.toolcalls.toolbox import Named
from chat2api_core.toolcalls.unmarked import Unmarked
from chat2api_core.turn import Delta, TextDelta

# Characters of an opening tag by which an answer that was cut off there is gone on with.
_TAG_BEGUN = 5
# Behind the end of the JSON, before the closing tag: brackets too many, fences, foreign tags.
_JUNK = re.compile(rf"(?:[\s{UNSEEN})\]}};,>]|`{{3,}}[ \t]*|</[\w.\-]{{1,24}}>)*")
_PART_OF_JUNK = re.compile(r"(?:</?[\w.\-]{0,24}|`{1,2})\Z")
_ONLY_FENCE = re.compile(r"\s*(?:`{3,}\w*\s*)?")


class Scanner:
    """Reads the answers of one turn, one after the other."""

    def __init__(self, grammar: Grammar, calls: Calls, prose: Prose, unmarked: Unmarked) -> None:
        self._grammar = grammar
        self._calls = calls
        self._prose = prose
        self._buffer = ""
        self._state: State = "text"
        self._head = Head(0, 0)
        # After a cut: nothing has come yet that goes on with the call; ``_kept`` characters of the
        # buffer are from before.
        self._fresh = False
        self._kept = 0
        self._reopened = False
        self._unmarked = unmarked
        # The buffer is all of the answer so far, and up to ``_seen`` it surely holds no tag; the
        # model was asked whether it is a call.
        self._alone = True
        self._seen = 0
        self._asked = False
        self._out: list[Delta] = []
        self._steps: dict[State, Callable[[bool], bool]] = {
            "text": self._text, "tag": self._tag, "body": self._body, "after": self._after,
            "skip": self._skip, "deaf": self._deaf,
        }  # fmt: skip

    def feed(self, delta: TextDelta) -> Sequence[Delta]:
        """More of the answer."""
        if self._state == "text" and not self._buffer and self._prose.passes(delta.text):
            return (delta,)
        self._buffer += delta.text
        return self._run(final=False)

    def end(self) -> Sequence[Delta]:
        """The answer has ended, for whatever reason: what was held is what it is."""
        return self._run(final=True)

    def complete(self) -> Sequence[Delta]:
        """The model says that it is done: what was held is what it is, and a call that it did not
        close is closed."""
        out = self._run(final=True)
        if self._state == "body":
            self._state = self._calls.close()
            self._prose.call()
        self._calls.still_unfinished()
        return (*out, *self._run(final=True))

    def cut(self) -> Sequence[Delta]:
        """The answer was cut off. Inside of a call, or of its tag, it can go on from there."""
        out = self._run(final=False)
        if self._state == "body":
            self._calls.cut()
        elif self._state == "tag" or (self._state == "text" and self._holds_tag()):
            self._calls.cut_tag()
        else:
            return (*out, *self._run(final=True))
        return out

    def unmarked(self) -> Named | None:
        """The tool that the whole answer calls without the mark, unless the model was asked."""
        if not self._alone or self._state != "text" or self._asked or self._calls.unfinished:
            return None
        return self._unmarked.tool(self._buffer)

    def take(self, called: Named) -> Sequence[Delta]:
        """The whole answer is a call of this tool."""
        tag = Tag(0, called.name, self._drop(len(self._buffer)), closed=True)
        self._prose.call()
        self._state = self._calls.open(tag, escaped=False)
        return self._run(final=True)

    def say_all(self) -> Sequence[Delta]:
        """What is held is text after all."""
        self._say(len(self._buffer))
        out, self._out = self._out, []
        return out

    def resume(self, *, cut: bool, going_on: bool, asked: bool) -> None:
        """Another answer follows: the last one was ``cut``, a call is ``going_on``, the model was
        ``asked`` whether it meant a call."""
        self._asked = asked
        self._alone, self._seen = True, 0
        if not cut:
            self._buffer, self._state = "", "text"
        elif going_on:
            self._state = "body"
        self._fresh = going_on
        self._kept = len(self._buffer)

    # ------------------------------------------------------------------------- the buffer

    def _run(self, final: bool) -> Sequence[Delta]:
        while self._steps[self._state](final):
            pass
        self._hand_out()
        out, self._out = self._out, []
        return (*out, *self._prose.cited())

    def _hand_out(self) -> None:
        self._out += self._calls.out
        self._calls.out.clear()

    def _drop(self, end: int) -> str:
        """Take so much off the buffer that is not text of the answer."""
        taken, self._buffer = self._buffer[:end], self._buffer[end:]
        self._seen = max(0, self._seen - end)
        self._prose.drop(end)
        return taken

    def _say(self, end: int) -> None:
        text, self._buffer = self._buffer[:end], self._buffer[end:]
        self._alone, self._seen = self._alone and not text, 0
        self._hand_out()
        self._out += self._prose.say(text)

    def _holds_tag(self) -> bool:
        return len(self._buffer) - self._grammar.settled(self._buffer) >= _TAG_BEGUN

    def _look(self, final: bool) -> tuple[Head | None, int]:
        """The next tag, and up to where the buffer surely holds none."""
        head = self._grammar.find(self._buffer, final, self._seen)
        if head:
            return head, head.start
        return None, len(self._buffer) if final else self._grammar.settled(self._buffer)

    # ------------------------------------------------------------------------- states

    def _text(self, final: bool) -> bool:
        owed = self._prose.owed(self._buffer, final)
        if owed is None:
            return False
        self._drop(owed)
        head, end = self._look(final)
        if head is None:
            if self._alone and not final and self._unmarked.may_be(self._buffer):
                self._seen = end
            else:
                end = end if final else self._prose.speakable(self._buffer[:end])
                self._prose.go_on(self._buffer[:end])
                self._say(end)
            return False
        self._alone = False
        said = self._prose.before_call(self._buffer[:end])
        self._say(said)
        self._drop(end - said)
        if head.closing:
            return self._closing(head, final)
        self._head, self._state = head, "tag"
        return True

    def _closing(self, head: Head, final: bool) -> bool:
        """A closing tag at the beginning of the buffer is taken off; text follows."""
        end = self._grammar.closing_end(self._buffer, head.end - head.start, final)
        if end is None:
            return False
        self._drop(end)
        self._state = "text"
        return True

    def _tag(self, final: bool) -> bool:
        start = self._head.end - self._head.start
        tag = self._grammar.tag(self._buffer, start, final)
        inner = self._grammar.find(self._buffer[start:], final)
        if inner and (tag is None or tag.end > start + inner.start):
            # The model began anew: what it left unfinished is no tag.
            self._drop(start + inner.start)
            self._head, self._state = inner, "skip" if inner.closing else "tag"
            return True
        if tag is None:
            return False
        self._drop(tag.end)
        if self._head.result:
            # The model plays the tools: what follows a call would rest on an invented result.
            self._state = "deaf" if self._calls.any_begun() else "text"
            return True
        self._reopened = self._calls.unfinished
        self._fresh = False
        self._prose.call()
        self._go_on(self._calls.open(tag, self._head.escaped))
        return True

    def _body(self, final: bool) -> bool:
        if self._reopened and self._buffer:
            self._drop(self._buffer[0] == "\n")
            self._reopened = False
        head, end = self._look(final)
        if self._fresh and _ONLY_FENCE.fullmatch(self._buffer, self._kept, end):
            if head is None and not final:
                return False
            if head and not head.closing:
                self._drop(end)
                self._head, self._state = head, "tag"
                return True
        self._fresh = False
        self._go_on(self._calls.feed(self._drop(end)))
        if self._state != "body" or head is None:
            return self._state != "body"
        if head.closing and not self._closing(head, final):
            return False
        self._state = self._calls.close(anew=not head.closing)
        self._prose.call()
        return True

    def _go_on(self, state: State) -> None:
        """What the calls say comes next; what they had too much of comes back."""
        self._state = state
        if state == "after":
            self._buffer = self._calls.rest + self._buffer
            self._prose.drop(-len(self._calls.rest))
            self._prose.call()

    def _after(self, final: bool) -> bool:
        """What models put behind the JSON of a call is not text; what else stands there is, as if
        the call had been closed."""
        head, end = self._look(final)
        junk = _JUNK.match(self._buffer, 0, end)
        dropped = junk.end() if junk else 0
        self._drop(dropped)
        if head and dropped == end:
            if head.closing:
                return self._closing(replace(head, start=0, end=head.end - end), final)
        elif not self._buffer or self._may_be_junk():
            self._drop(len(self._buffer) if final else 0)
            return False
        elif self._buffer[0] == "{" and (state := self._calls.open_same()):
            self._state = state
            return True
        self._state = "text"
        return True

    def _may_be_junk(self) -> bool:
        part = _PART_OF_JUNK.fullmatch(self._buffer)
        return self._grammar.settled(self._buffer) == 0 or part is not None

    def _skip(self, final: bool) -> bool:
        head, end = self._look(final)
        self._drop(end)
        if head is None:
            return False
        if head.closing:
            return self._closing(head, final)
        self._state = "text"
        return True

    def _deaf(self, _final: bool) -> bool:
        self._drop(len(self._buffer))
        return False
