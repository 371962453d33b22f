"""The calls of one turn: those made, the one under way, and what is wrong with the others.

In: opening tags and pieces of bodies, in order. Out: the deltas that hand calls out, collected in
``out``, and the state that the parser goes on in. The one rule: one call is open at a time, and a
call of which a part was handed out stays open until it is whole.
"""

from typing import Literal, TypeAlias

from chat2api_core.ambient import Ids
from chat2api_core.toolcalls.arguments import Arguments
from chat2api_core.toolcalls.call import Body, Nameless, OpenCall
from chat2api_core.toolcalls.envelope import open_envelopes
from chat2api_core.toolcalls.faults import Fault, FaultKind, not_allowed, outcome, unknown_tool
from chat2api_core.toolcalls.freetext import FreeText
from chat2api_core.toolcalls.grammar import Grammar, Tag
from chat2api_core.toolcalls.toolbox import Named, Toolbox
from chat2api_core.turn import Delta, ToolCall

# Calls of one answer.
MAX_CALLS = 128

# text: between calls. tag: in an opening tag. body: in a call. after: behind whole JSON, before the
# closing tag. skip: in a call that is not made. deaf: nothing more of the answer counts.
State: TypeAlias = Literal["text", "tag", "body", "after", "skip", "deaf"]


class Calls:
    """``faults`` are of the answer that is being read, ``made`` of all answers."""

    def __init__(self, toolbox: Toolbox, grammar: Grammar, ids: Ids) -> None:
        self.faults: list[Fault] = []
        self.made: list[ToolCall] = []
        self.out: list[Delta] = []
        self.rest = ""
        self.unfinished = False
        self._toolbox = toolbox
        self._grammar = grammar
        self._ids = ids
        self._call: OpenCall | None = None
        self._begun = 0
        self._same: Named | None = None

    def any_begun(self) -> bool:
        """Whether a call was begun in this turn, well or badly."""
        return self._begun > 0 or bool(self.faults)

    def outcome(self) -> Fault | None:
        """Whether the calls made are what the tool choice asks for."""
        return outcome(self._toolbox, self.made)

    # ------------------------------------------------------------------------- beginning

    def open(self, tag: Tag, escaped: bool) -> State:
        """An opening tag: the call begins, if there is such a tool and it may be called."""
        if self._call is not None and self.unfinished:
            return self._reopen(tag, self._call)
        named = self._toolbox.find(tag.name) if tag.name else None
        if not self._may_begin() or (tag.name and not self._is_callable(tag.name, named)):
            return "skip"
        return self._begin(named, tag, escaped and not tag.closed)

    def open_same(self) -> State | None:
        """More JSON in the same block: another call of the same tool, if that may be."""
        if self._same is None or not self._may_begin():
            return None
        return self._begin(self._same, Tag(0), escaped=False)

    def _may_begin(self) -> bool:
        return self._begun < (MAX_CALLS if self._toolbox.parallel else 1)

    def _is_callable(self, written: str, named: Named | None) -> bool:
        if named is None:
            self.faults.append(unknown_tool(written, self._toolbox))
        elif named not in self._toolbox.allowed:
            self.faults.append(not_allowed(named.name, self._toolbox))
        return named in self._toolbox.allowed

    def _begin(self, named: Named | None, tag: Tag, escaped: bool) -> State:
        self._call = OpenCall(self._begun, self._ids, named, self._new_body(named), escaped)
        self._same = named if named and named.tool.kind == "function" else None
        return self._feed_tag(tag)

    def _new_body(self, named: Named | None) -> Body:
        if named is None:
            return Nameless()
        if named.tool.kind == "custom":
            return FreeText(self._grammar)
        return Arguments(self._toolbox.schema(named))

    def _feed_tag(self, tag: Tag) -> State:
        """A body may stand in the tag itself."""
        state = self.feed(tag.body) if tag.body is not None else "body"
        if state == "body" and tag.closed:
            return self.close()
        return "text" if tag.closed and state != "deaf" else state

    def _reopen(self, tag: Tag, call: OpenCall) -> State:
        """The call that was begun in the last answer goes on, or is written again."""
        if tag.name and call.named and self._toolbox.find(tag.name) is not call.named:
            return "skip"
        return self._feed_tag(tag)

    # ------------------------------------------------------------------------- going on

    def feed(self, text: str) -> State:
        """More of the open call's body. Behind whole JSON, ``rest`` is what was too much."""
        call = self._call
        assert call is not None
        self.out += call.feed(text)
        self._begun = max(self._begun, call.index + call.started)
        if call.body.trouble:
            self._fault(call, call.body.trouble)
            return "deaf" if call.started else "skip"
        if not call.body.done:
            return "body"
        self.rest = call.body.rest
        self._end(call)
        return "after"

    def close(self, *, anew: bool = False) -> State:
        """The body has ended: the call is made, or it is a fault. If it ended because a call began
        ``anew``, an empty one was only announced."""
        call = self._call
        assert call is not None
        self.out += call.close()
        if call.named is None:
            return self._name(call)
        self._begun = max(self._begun, call.index + call.started)
        if call.body.done:
            self._end(call)
            return "text"
        if anew and not call.started and not call.body.raw.strip():
            self._call = None
            return "text"
        self._fault(call, call.body.trouble)
        return "deaf" if call.started else "text"

    def _name(self, call: OpenCall) -> State:
        """A call without a name in its tag: the name may stand in the body."""
        self._call = None
        self.unfinished = False
        if self.made and not call.body.raw.strip():
            return "text"  # a closing tag that lost its slash
        for name, body in open_envelopes(call.body.raw):
            named = self._toolbox.find(name)
            if not name:
                why = "A call does not say which tool it calls."
                self.faults.append(Fault("unknown_tool", why))
            elif self._may_begin() and self._is_callable(name, named):
                self._begin(named, Tag(0, body=body, closed=True), escaped=False)
        return "text"

    def _end(self, call: OpenCall) -> None:
        self.out += call.end()
        self._begun = call.index + 1
        self.made.append(call.made)
        self._call = None
        self.unfinished = False

    # ------------------------------------------------------------------------- going wrong

    def cut(self) -> None:
        """The answer was cut off inside of a call."""
        assert self._call is not None
        self._fault(self._call, "The answer was cut off in the middle of this call.", "cut")

    def cut_tag(self) -> None:
        """The answer was cut off inside of an opening tag."""
        self.faults.append(Fault("cut", "The answer was cut off at the beginning of a call."))

    def still_unfinished(self) -> None:
        """The answer that had to finish the open call did not."""
        if self._call is not None and self.unfinished and not self.faults:
            self._fault(self._call, "The call was not finished.")

    def resume(self, cut: bool) -> bool:
        """Another answer follows. Whether a call is open, to be gone on with."""
        going_on = any(fault.goes_on for fault in self.faults)
        self.faults = []
        if not going_on:
            self._call = None
        if self._call is not None:
            self._call.body.resume(cut)
        self.unfinished = self._call is not None
        return self.unfinished

    def _fault(self, call: OpenCall, why: str, kind: FaultKind = "invalid") -> None:
        name = call.named.name if call.named else ""
        index = call.index if call.started else -1
        self.faults.append(Fault(kind, why, name, index, call.body.sent))
        if not call.started and kind != "cut":
            self._call = None
