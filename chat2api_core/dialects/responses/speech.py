"""What the model is saying: words, a refusal or thinking, one of them at a time.

In: pieces of text, and marks on them. Out: events on the tape, and finished items in the output.
The rule: whatever else begins, the item that is open is closed first.
"""

from typing import TYPE_CHECKING

from msgspec import UNSET

from chat2api_core.dialects.responses.answer import Status
from chat2api_core.dialects.responses.events import Tape
from chat2api_core.dialects.responses.open_items import OpenMessage, OpenRefusal
from chat2api_core.dialects.responses.output import Output
from chat2api_core.turn import Citation, ReasoningDelta

if TYPE_CHECKING:
    from chat2api_core.dialects.responses.open_thinking import OpenReasoning


class Speech:
    """``message`` is the one that is open, if any: who has more text for it may say it there.
    ``sealed``: the sealed original of thinking is shown."""

    __slots__ = (
        "_output", "_phase", "_reasoning", "_refusal", "_said", "_sealed", "_tape", "message",
    )  # fmt: skip

    def __init__(self, tape: Tape, output: Output, *, sealed: bool) -> None:
        self.message: OpenMessage | None = None
        self._refusal: OpenRefusal | None = None
        self._reasoning: OpenReasoning | None = None
        self._tape = tape
        self._output = output
        self._sealed = sealed
        self._said = 0  # code points of all messages that are closed
        self._phase = ""  # of the text to come

    def begin(self, phase: str) -> None:
        """The text to come is a message of its own, said in this phase."""
        self.settle("completed")
        self._phase = phase

    def say(self, text: str) -> None:
        """More text."""
        if self.message is not None:
            self.message.say(text)
            return
        if self._said:
            # Another message than the first: the border between the items says the same as the
            # blank line between their texts.
            rest = text.lstrip("\n")
            self._said += len(text) - len(rest)
            text = rest
        if text:
            self.settle("completed")
            place = self._output.place()
            self.message = OpenMessage(self._tape, place, self._said, self._phase)
            self.message.say(text)

    def cite(self, source: Citation) -> None:
        """A source of what was said."""
        # A source of a message that is closed comes too late to be shown; its readable link stands
        # in the text anyway.
        if self.message is not None and source.start >= self.message.start:
            self.message.cite(source)

    def note(self, words: str, status: Status = "completed") -> None:
        """A message that is none of the model's words and does not move the sources behind it."""
        self.settle("completed")
        note = OpenMessage(self._tape, self._output.place(), self._said)
        note.say(words)
        self._output.put(note.index, note.close(status))

    def decline(self, text: str) -> None:
        """More of a refusal."""
        if not text:
            return
        if self._refusal is None:
            self.settle("completed")
            self._refusal = OpenRefusal(self._tape, self._output.place())
        self._refusal.say(text)

    def think(self, delta: ReasoningDelta) -> None:
        """More thinking."""
        if delta.text:
            self._thinking().think(delta)

    def seal(self, encrypted: str) -> None:
        """The thinking so far is sealed, and over."""
        if self._sealed:
            self._thinking().seal(encrypted)
        self.settle("completed")

    def _thinking(self) -> "OpenReasoning":
        """The reasoning that is open; if there is none, it begins."""
        if self._reasoning is None:
            from chat2api_core.dialects.responses.open_thinking import OpenReasoning  # noqa: PLC0415 (few think)

            self.settle("completed")
            encrypted = None if self._sealed else UNSET
            self._reasoning = OpenReasoning(self._tape, self._output.place(), encrypted)
        return self._reasoning

    def settle(self, status: Status) -> None:
        """Close what is being said, declined or thought."""
        if self.message is not None:
            self._output.put(self.message.index, self.message.close(status))
            self._said = self.message.end
            self.message = None
        if self._refusal is not None:
            self._output.put(self._refusal.index, self._refusal.close(status))
            self._refusal = None
        if self._reasoning is not None:
            self._output.put(self._reasoning.index, self._reasoning.close())
            self._reasoning = None

    def break_off(self) -> None:
        """Leave what is open as far as it came, without the events that say it is whole."""
        if self.message is not None:
            self._output.put(self.message.index, self.message.so_far("incomplete"))
        if self._refusal is not None:
            self._output.put(self._refusal.index, self._refusal.so_far("incomplete"))
        if self._reasoning is not None:
            self._output.put(self._reasoning.index, self._reasoning.so_far())
