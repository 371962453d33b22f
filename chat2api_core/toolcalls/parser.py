"""Calls out of text: the stage between an upstream that knows text only and everything above it.

In: the deltas of an answer to a prompt that ``teach`` has prepared. Out: deltas in which each call
is a call. Text that cannot be part of one leaves at once; a call's arguments leave as they arrive,
checked; what is wrong becomes a ``Fault``. How an engine drives repairs stands at the head of this
package.

The one rule: nothing that was handed out is repeated or taken back, whatever the model writes and
however it is cut. A tag counts only if it has the request's marker; everything else is text.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from chat2api_core.ambient import Ids
from chat2api_core.problem import Kind, Problem
from chat2api_core.toolcalls.calls import Calls
from chat2api_core.toolcalls.faults import Fault, problem, unmarked
from chat2api_core.toolcalls.grammar import Grammar
from chat2api_core.toolcalls.prose import Prose
from chat2api_core.toolcalls.scanner import Scanner
from chat2api_core.toolcalls.toolbox import Named, Toolbox
from chat2api_core.toolcalls.unmarked import Unmarked
from chat2api_core.turn import Citation, Delta, Finished, Message, Prompt, Text, TextDelta, ToolCall

# Characters of one answer, which are kept to be shown to the model again.
MAX_ANSWER = 8_000_000


class ToolCallParser:
    """A ``Stage[Delta, Delta]`` for one prompt, as the client asked it.

    While there are ``faults``, the ``Finished`` of the answer is withheld. Raises ``Problem``
    GARBAGE for an answer beyond every bound, and INVALID_REQUEST (param ``tools``) for a schema
    beyond them."""

    def __init__(self, prompt: Prompt, marker: str, ids: Ids) -> None:
        toolbox, grammar = Toolbox(prompt), Grammar(marker)
        self._calls = Calls(toolbox, grammar, ids)
        self._prose = Prose()
        self._unmarked = Unmarked(toolbox)
        self._scanner = Scanner(grammar, self._calls, self._prose, self._unmarked)
        self._said: list[str] = []
        self._length = 0
        self._withheld: Finished | None = None

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
            self._said.append(delta.text)
            self._length += len(delta.text)
            if self._length > MAX_ANSWER:
                raise Problem(Kind.GARBAGE, "The answer is too long.", step="stream")
            return self._scanner.feed(delta)
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
        asked = any(fault.kind == "unmarked" for fault in self.faults)
        going_on = self._calls.resume(cut)
        self._scanner.resume(cut=cut, going_on=going_on, asked=asked)
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
            out = self._scanner.say_all()
            return (*out, *self._prose.end_repair(), *self._prose.cited(), self._ended(finished))
        begun = any(fault.goes_on for fault in self.faults)
        if begun or not self.calls or self._calls.outcome():
            raise problem(self.faults)
        return (self._ended(finished),)

    def _finish(self, finished: Finished) -> Sequence[Delta]:
        if finished.reason == "content_filter":
            return (*self._scanner.end(), finished)
        if finished.reason == "length":
            out = self._scanner.cut()
        elif called := self._scanner.unmarked():
            out = self._take(called)
        else:
            out = self._scanner.complete()
        wrong = None if self.faults else self._calls.outcome()
        if wrong:
            self._calls.faults.append(wrong)
        if self.faults:
            self._withheld = finished
            return out
        # A stage behind this one may find fault with the answer and have it followed by another.
        self._said, self._length = [], 0
        return (*out, *self._prose.end_repair(), *self._prose.cited(), self._ended(finished))

    def _take(self, called: Named) -> Sequence[Delta]:
        """The whole answer is a call without the mark: if it can be nothing else, it is made."""
        if self._unmarked.chosen is None:
            self._calls.faults.append(unmarked(called.name))
            return ()
        return self._scanner.take(called)

    def _ended(self, finished: Finished) -> Finished:
        if self.calls and finished.reason == "stop":
            return replace(finished, reason="tool_calls")
        return finished
