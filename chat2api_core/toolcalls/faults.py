"""What went wrong with a call, and how the model is told so.

In: a ``Fault``, made by a parser, or the outcome of an answer. Out: the message that asks the model
to put it right, or the ``Problem`` if it did not.

The one rule: a message says exactly what is wrong and what to write, and asks for nothing that was
handed out already. It spells no ready-made call of the request's marker but what the model wrote.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from chat2api_core.problem import Kind, Problem
from chat2api_core.toolcalls.grammar import Grammar
from chat2api_core.toolcalls.toolbox import Toolbox
from chat2api_core.turn import Message, Text, ToolCall

FaultKind: TypeAlias = Literal[
    "unknown_tool", "not_allowed", "invalid", "cut", "not_called", "too_many", "format", "unmarked",
]  # fmt: skip

# Characters of sent arguments that the model is asked to write again; of more, only the end is
# shown and the rest asked for.
REWRITE = 2_000
_TAIL = 400


class Fault(Struct, frozen=True):
    """Something that the model has to put right.

    ``message`` says what, in words for the model; ``tool`` is the name as taught, or as written if
    there is no such tool. ``index`` is the call's index if anything of it was handed out, else -1,
    and ``sent`` what that was."""

    kind: FaultKind
    message: str
    tool: str = ""
    index: int = -1
    sent: str = ""

    @property
    def goes_on(self) -> bool:
        """Whether the next answer has to go on from where this one stopped: it was cut off, or a
        part of what is wrong was handed out already."""
        return self.kind == "cut" or self.index >= 0 or bool(self.sent)


def outcome(toolbox: Toolbox, calls: Sequence[ToolCall]) -> Fault | None:
    """Whether the calls of a whole answer are what the tool choice asks for."""
    names = ", ".join(named.name for named in toolbox.allowed)
    allowed = {(named.tool.name, named.tool.namespace) for named in toolbox.allowed}
    for call in calls:
        if (call.name, call.namespace) not in allowed:
            return Fault("not_allowed", _not_allowed(call.name, names), toolbox.name_of(call))
    if len(calls) > 1 and not toolbox.parallel:
        return Fault("too_many", "Only one call may be made in an answer.")
    if toolbox.required and not calls:
        return Fault("not_called", f"The answer has to call a tool: {names}.")
    return None


def unknown_tool(name: str, toolbox: Toolbox) -> Fault:
    """A call of a tool that does not exist."""
    names = ", ".join(named.name for named in toolbox.allowed)
    message = f"There is no tool {name!r}; there are: {names}." if names else "There are no tools."
    return Fault("unknown_tool", message, name)


def not_allowed(name: str, toolbox: Toolbox) -> Fault:
    """A call of a tool that the tool choice leaves out."""
    names = ", ".join(named.name for named in toolbox.allowed)
    return Fault("not_allowed", _not_allowed(name, names), name)


def unmarked(name: str) -> Fault:
    """An answer that is nothing but a call, without the mark."""
    return Fault("unmarked", "This looks like a call, but it does not have the mark.", name)


def _not_allowed(name: str, names: str) -> str:
    return f"The tool {name!r} may not be called now; {f'only: {names}' if names else 'none may'}."


def repair_message(faults: Sequence[Fault], marker: str) -> Message:
    """What to say to the model after its answer, so that its next answer puts the faults right."""
    grammar = Grammar(marker)
    going_on = [fault for fault in faults if fault.goes_on]
    if going_on:
        text = _go_on(going_on[0], grammar)
    elif any(fault.kind == "format" for fault in faults):
        text = _format(faults)
    else:
        text = _write_again(faults, grammar)
    return Message("user", (Text(text),))


def _go_on(fault: Fault, grammar: Grammar) -> str:
    closer = "" if fault.kind == "format" or not fault.tool else f"</call_{grammar.marker}>"
    what = f"the call of {fault.tool}" if fault.tool else "the JSON"
    if fault.kind == "cut":
        end = f" Then close it with {closer}." if closer else ""
        return (
            f"Your answer was cut off in the middle of {what}. Go on with exactly the characters "
            f"that come next: repeat nothing and write nothing else.{end}"
        )
    why = grammar.neutralise(fault.message)
    opener = f'<call_{grammar.marker} name="{fault.tool}">' if closer else ""
    frame = f" Frame it with {opener} and {closer} as before." if closer else ""
    if len(fault.sent) <= REWRITE:
        return (
            f"There is a mistake in {what}: {why}\nWrite it again as a whole, corrected. This "
            f"beginning is taken already and has to stay exactly as it is:\n"
            f"{grammar.neutralise(fault.sent)}\nWrite nothing else.{frame}"
        )
    return (
        f"There is a mistake in {what}: {why}\nEverything up to this place is taken and cannot "
        f"change:\n…{grammar.neutralise(fault.sent[-_TAIL:])}\nWrite only what has to follow, "
        f"corrected.{frame}"
    )


def _write_again(faults: Sequence[Fault], grammar: Grammar) -> str:
    lines = [
        f"- {fault.tool}: {fault.message}" if fault.tool else f"- {fault.message}"
        for fault in faults
    ]
    listed = grammar.neutralise("\n".join(lines))
    form = f'<call_{grammar.marker} name="…"> … </call_{grammar.marker}>'
    if all(fault.kind == "unmarked" for fault in faults):
        return (
            f"Nothing was called:\n{listed}\nIf you meant to call it, write the call now, in the "
            f"form {form}, and nothing else. If you did not, write your answer once more."
        )
    if all(fault.kind == "not_called" for fault in faults):
        start = f"Something is missing:\n{listed}\nWrite the call now"
    else:
        start = (
            f"These calls were not made:\n{listed}\nAny other call was made: do not repeat it. "
            "Write those that failed again, corrected"
        )
    return f"{start}, in the form {form}, and nothing else."


def _format(faults: Sequence[Fault]) -> str:
    why = "\n".join(f"- {fault.message}" for fault in faults)
    return (
        f"Your answer is not in the form that was asked for:\n{why}\n"
        "Write it again, corrected: only the JSON, no other text."
    )


def problem(faults: Sequence[Fault]) -> Problem:
    """What the client is told when the model did not put it right."""
    first = faults[0]
    what = f"The model's call of the tool {first.tool!r}" if first.tool else "The model's answer"
    message = f"{what} could not be made valid: {first.message}"
    return Problem(Kind.GARBAGE, message, step="stream")
