"""The tool calls that are still being written.

In: how a call begins, then pieces of its arguments. Out: events on the tape, and finished items in
the output. The rule: the events that say "whole" go out only for a call that is whole.
"""

from collections.abc import Set as AbstractSet
from typing import Protocol

from msgspec import UNSET

from chat2api_core.dialects.responses import native
from chat2api_core.dialects.responses.answer import CustomToolCall, FunctionCall, Item, Status
from chat2api_core.dialects.responses.events import (
    ArgumentsDone,
    InputDone,
    ItemAdded,
    ItemDone,
    Tape,
    piece_template,
)
from chat2api_core.dialects.responses.output import Output, Place
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import CallStarted


class OpenCalls:
    """The calls that are open, by their number in the answer. ``built_in`` names the tools whose
    calls are items of types of their own."""

    __slots__ = ("_built_in", "_calls", "_output", "_tape")

    def __init__(self, tape: Tape, output: Output, built_in: AbstractSet[str]) -> None:
        self._tape = tape
        self._output = output
        self._built_in = built_in
        self._calls: dict[int, OpenCall] = {}

    def start(self, begun: CallStarted) -> None:
        """A call begins."""
        place = self._output.place()
        call: OpenCall
        if begun.name in self._built_in and not begun.namespace:
            call = OpenNativeCall(self._tape, place, begun)
        elif begun.kind == "custom":
            call = OpenCustomCall(self._tape, place, begun)
        else:
            call = OpenFunctionCall(self._tape, place, begun)
        self._calls[begun.index] = call

    def add(self, number: int, arguments: str) -> None:
        """More arguments. Raises ``Problem`` INTERNAL where there is no such call."""
        if arguments:
            self._open(number).add(arguments)

    def end(self, number: int, status: Status) -> None:
        """A call is over. Raises ``Problem`` INTERNAL where there is no such call."""
        call = self._open(number)
        del self._calls[number]
        self._output.put(call.index, call.close(status))

    def close(self, status: Status) -> None:
        """So are all of them."""
        for number in list(self._calls):
            self.end(number, status)

    def _open(self, number: int) -> "OpenCall":
        call = self._calls.get(number)
        if call is None:
            raise Problem(Kind.INTERNAL, "A tool call went on that is not open.")
        return call


class OpenCall(Protocol):
    """A call of a tool."""

    @property
    def index(self) -> int:
        """Its place in the output."""
        ...

    def add(self, arguments: str) -> None:
        """More of its arguments."""
        ...

    def close(self, status: Status) -> Item:
        """No more arguments come; only with the status ``completed`` are they whole."""
        ...


class OpenFunctionCall:
    """A call with JSON arguments."""

    __slots__ = ("_begun", "_id", "_pieces", "_tape", "_template", "index")

    def __init__(self, tape: Tape, place: Place, begun: CallStarted) -> None:
        self.index = place.index
        self._tape = tape
        self._id = place.id("fc")
        self._begun = begun
        self._pieces: list[str] = []
        self._template = piece_template(
            "response.function_call_arguments.delta",
            {"item_id": self._id, "output_index": place.index},
        )
        tape.write(ItemAdded(output_index=place.index, item=self._item("in_progress", "")))

    def add(self, arguments: str) -> None:
        self._pieces.append(arguments)
        self._tape.write_piece(self._template, arguments)

    def close(self, status: Status) -> FunctionCall:
        item = self._item(status, "".join(self._pieces))
        if status == "completed":
            self._tape.write(
                ArgumentsDone(
                    output_index=self.index,
                    item_id=self._id,
                    name=item.name,
                    arguments=item.arguments,
                )
            )
        self._tape.write(ItemDone(output_index=self.index, item=item))
        return item

    def _item(self, status: Status, arguments: str) -> FunctionCall:
        begun = self._begun
        space = begun.namespace or UNSET
        return FunctionCall(self._id, status, begun.id, begun.name, arguments, space)


class OpenCustomCall:
    """A call with free text."""

    __slots__ = ("_begun", "_id", "_pieces", "_tape", "_template", "index")

    def __init__(self, tape: Tape, place: Place, begun: CallStarted) -> None:
        self.index = place.index
        self._tape = tape
        self._id = place.id("ctc")
        self._begun = begun
        self._pieces: list[str] = []
        self._template = piece_template(
            "response.custom_tool_call_input.delta",
            {"item_id": self._id, "output_index": place.index},
        )
        tape.write(ItemAdded(output_index=place.index, item=self._item("in_progress", "")))

    def add(self, arguments: str) -> None:
        self._pieces.append(arguments)
        self._tape.write_piece(self._template, arguments)

    def close(self, status: Status) -> CustomToolCall:
        item = self._item(status, "".join(self._pieces))
        if status == "completed":
            self._tape.write(InputDone(output_index=self.index, item_id=self._id, input=item.input))
        self._tape.write(ItemDone(output_index=self.index, item=item))
        return item

    def _item(self, status: Status, text: str) -> CustomToolCall:
        begun = self._begun
        space = begun.namespace or UNSET
        return CustomToolCall(self._id, status, begun.id, begun.name, text, space)


class OpenNativeCall:
    """A call whose item has a type of its own, which can be shown only when it is whole."""

    __slots__ = ("_begun", "_pieces", "_place", "_tape", "index")

    def __init__(self, tape: Tape, place: Place, begun: CallStarted) -> None:
        self.index = place.index
        self._tape = tape
        self._place = place
        self._begun = begun
        self._pieces: list[str] = []

    def add(self, arguments: str) -> None:
        self._pieces.append(arguments)

    def close(self, status: Status) -> Item:
        arguments = "".join(self._pieces)
        begun = self._begun
        item = native.finished_item(begun.name, self._place.id("sh"), begun.id, arguments)
        if item is None or status != "completed":
            plain = OpenFunctionCall(self._tape, self._place, begun)
            plain.add(arguments)
            return plain.close(status)
        item.status = "in_progress"
        self._tape.write(ItemAdded(output_index=self.index, item=item))
        item.status = "completed"
        self._tape.write(ItemDone(output_index=self.index, item=item))
        return item
