"""Calls out of text: the stage between an upstream that knows text only and everything above it.

In: the deltas of an answer to a prompt that ``teach`` has prepared. Out: deltas in which each call
is a call. Text that cannot be part of one leaves at once; a call's arguments leave as they arrive,
checked; what is wrong becomes a ``Fault``. How an engine drives repairs stands at the head of this
package.

The one rule: nothing that was handed out is repeated or taken back, whatever the model writes and
however it is cut. A tag counts only if it has the request's marker; everything else is text.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from chat2api_core.ambient import Ids
from chat2api_core.problem import Kind, Problem
from chat2api_core.toolcalls.calls import Calls, State
from chat2api_core.toolcalls.faults import Fault, problem, unmarked
from chat2api_core.toolcalls.grammar import Grammar, Head, Tag
from chat2api_core.toolcalls.prose import Prose
from chat2api_core.toolcalls.quotes import UNSEEN
from chat2api_core.toolcalls.toolbox import Named, Toolbox
from chat2api_core.toolcalls.unmarked import Unmarked
from chat2api_core.turn import Citation, Delta, Finished, Message, Prompt, Text, TextDelta, ToolCall

# Characters of one answer, which are kept to be shown to the model again.
MAX_ANSWER = 8_000_000
# Characters of an opening tag by which an answer that was cut off there is gone on with.
_TAG_BEGUN = 5
# Behind the end of the JSON, before the closing tag: brackets too many, fences, foreign tags.
_JUNK = re.compile(rf"(?:[\s{UNSEEN})\]}};,>]|`{{3,}}[ \t]*|</[\w.\-]{{1,24}}>)*")
_PART_OF_JUNK = re.compile(r"(?:</?[\w.\-]{0,24}|`{1,2})\Z")
_ONLY_FENCE = re.compile(r"\s*(?:`{3,}\w*\s*)?")


class ToolCallParser:
    """A ``Stage[Delta, Delta]`` for one prompt, as the client asked it.

    While there are ``faults``, the ``Finished`` of the answer is withheld. Raises ``Problem``
    GARBAGE for an answer beyond every bound, and INVALID_REQUEST (param ``tools``) for a schema
    beyond them."""

    def __init__(self, prompt: Prompt, marker: str, ids: Ids) -> None:
        self._grammar = Grammar(marker)
        toolbox = Toolbox(prompt)
        self._calls = Calls(toolbox, self._grammar, ids)
        self._prose = Prose()
        self._said: list[str] = []
        self._length = 0
        self._buffer = ""
        self._state: State = "text"
        self._head = Head(0, 0)
        # After a cut: nothing has come yet that goes on with the call; ``_kept`` characters of the
        # buffer are from before.
        self._fresh = False
        self._kept = 0
        self._reopened = False
        self._unmarked = Unmarked(toolbox)
        # The buffer is all of the answer so far, and up to ``_seen`` it surely holds no tag; the
        # model was asked whether it is a call.
        self._alone = True
        self._seen = 0
        self._asked = False
        self._out: list[Delta] = []
        self._withheld: Finished | None = None
        self._steps: dict[State, Callable[[bool], bool]] = {
            "text": self._text, "tag": self._tag, "body": self._body, "after": self._after,
            "skip": self._skip, "deaf": self._deaf,
        }  # fmt: skip

    @property
    def faults(self) -> Sequence[Fault]:
        """What the last answer got wrong."""
        return self._calls.faults

    @property
    def calls(self) -> Sequence[ToolCall]:
        """The calls that were handed out whole, over all answers."""
        return self._calls.made

    @property
    def said(self) -> Message:
        """The last answer as the model wrote it, for the history that a repair is asked with."""
        return Message("assistant", (Text("".join(self._said)),))

    def feed(self, delta: Delta) -> Sequence[Delta]:
        """The next delta of the upstream."""
        if isinstance(delta, TextDelta):
            return self._feed_text(delta)
        if isinstance(delta, Finished):
            return self._finish(delta)
        if isinstance(delta, Citation):
            self._prose.cite(delta)
            return self._prose.cited()
        return (delta,)

    def close(self) -> Iterable[Delta]:
        """Nothing is left to say: ``Finished`` has flushed everything."""
        return ()

    def resume(self) -> None:
        """The answer to ``repair_message(faults, …)`` follows. Forgets the faults."""
        cut = any(fault.kind == "cut" for fault in self.faults)
        self._asked = any(fault.kind == "unmarked" for fault in self.faults)
        self._alone, self._seen = True, 0
        going_on = self._calls.resume(cut)
        if not cut:
            self._buffer, self._state = "", "text"
        elif going_on:
            self._state = "body"
        self._fresh = going_on
        self._kept = len(self._buffer)
        self._prose.begin_repair()
        self._said = []
        self._length = 0
        self._withheld = None

    def give_up(self) -> Sequence[Delta]:
        """The end of an answer whose faults stay: the withheld ``Finished`` where that is honest
        (the answer was cut off; or there are good calls, and of the bad ones nothing was handed
        out), else ``Problem`` GARBAGE."""
        finished = self._withheld
        if finished is None:
            raise Problem(Kind.INTERNAL, "An answer without faults was given up.")
        if all(fault.kind == "cut" for fault in self.faults):
            return (finished,)
        if all(fault.kind == "unmarked" for fault in self.faults) and not self._calls.outcome():
            self._say(len(self._buffer))
            out, self._out = self._out, []
            return (*out, *self._prose.end_repair(), *self._prose.cited(), self._ended(finished))
        begun = any(fault.goes_on for fault in self.faults)
        if begun or not self.calls or self._calls.outcome():
            raise problem(self.faults)
        return (self._ended(finished),)

    # ------------------------------------------------------------------------- the flow

    def _feed_text(self, delta: TextDelta) -> Sequence[Delta]:
        self._said.append(delta.text)
        self._length += len(delta.text)
        if self._length > MAX_ANSWER:
            raise Problem(Kind.GARBAGE, "The answer is too long.", step="stream")
        if self._state == "text" and not self._buffer and self._prose.passes(delta.text):
            return (delta,)
        self._buffer += delta.text
        return self._run(final=False)

    def _run(self, final: bool) -> Sequence[Delta]:
        while self._steps[self._state](final):
            pass
        self._hand_out()
        out, self._out = self._out, []
        return (*out, *self._prose.cited())

    def _hand_out(self) -> None:
        self._out += self._calls.out
        self._calls.out.clear()

    def _finish(self, finished: Finished) -> Sequence[Delta]:
        if finished.reason == "content_filter":
            return (*self._run(final=True), finished)
        out: Sequence[Delta]
        if finished.reason == "length":
            out = (*self._run(final=False), *self._cut())
        elif called := self._called_unmarked():
            out = self._take(called)
        else:
            out = (*self._run(final=True), *self._complete())
        wrong = None if self.faults else self._calls.outcome()
        if wrong:
            self._calls.faults.append(wrong)
        if self.faults:
            self._withheld = finished
            return out
        # A stage behind this one may find fault with the answer and have it followed by another.
        self._said, self._length = [], 0
        return (*out, *self._prose.end_repair(), *self._prose.cited(), self._ended(finished))

    def _called_unmarked(self) -> Named | None:
        if not self._alone or self._state != "text" or self._asked or self._calls.unfinished:
            return None
        return self._unmarked.tool(self._buffer)

    def _take(self, called: Named) -> Sequence[Delta]:
        """The whole answer is a call without the mark."""
        if self._unmarked.chosen is None:
            self._calls.faults.append(unmarked(called.name))
            return ()
        tag = Tag(0, called.name, self._drop(len(self._buffer)), closed=True)
        self._prose.call()
        self._state = self._calls.open(tag, escaped=False)
        return self._run(final=True)

    def _complete(self) -> Sequence[Delta]:
        """The model says that it is done: a call that it did not close is closed."""
        if self._state == "body":
            self._state = self._calls.close()
            self._prose.call()
        self._calls.still_unfinished()
        return self._run(final=True)

    def _cut(self) -> Sequence[Delta]:
        """The answer was cut off. Inside of a call, or of its tag, it can go on from there."""
        if self._state == "body":
            self._calls.cut()
        elif self._state == "tag" or (self._state == "text" and self._holds_tag()):
            self._calls.cut_tag()
        else:
            return self._run(final=True)
        return ()

    def _holds_tag(self) -> bool:
        return len(self._buffer) - self._grammar.settled(self._buffer) >= _TAG_BEGUN

    def _ended(self, finished: Finished) -> Finished:
        if self.calls and finished.reason == "stop":
            return replace(finished, reason="tool_calls")
        return finished

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
