"""The tool calls of an answer.

In: items that begin, pieces of arguments, items that are whole. Out: deltas that begin, go on with
and end each call, numbered from 0. The rules: a call begins once and ends once, with whole
arguments; names are the client's again.
"""

import msgspec
from msgspec import Raw, Struct

from chat2api_core.turn import CallDelta, CallEnded, CallStarted, Delta
from chat2api_core.upstreams.codex.events import Argued, Item, Piece, decode
from chat2api_core.upstreams.codex.names import Names

KINDS = frozenset({"function_call", "custom_tool_call"})
# The call of a tool that the backend knows by a type of its own; it shows all of it at once.
SHELL, LOCAL_SHELL = "local_shell_call", "local_shell"
_CUT = "incomplete"
# Calls of one answer; more is no answer but a fault.
MAX_CALLS = 1_000


class _Open(Struct):
    index: int
    said: int = 0  # code points of its arguments
    ended: bool = False


class Calls:
    """The calls so far, known by the index of their item in the output."""

    __slots__ = ("_calls", "_names")

    def __init__(self, names: Names) -> None:
        self._names = names
        self._calls: dict[int, _Open] = {}

    @property
    def any_begun(self) -> bool:
        return bool(self._calls)

    def begin(self, place: int, item: Item) -> list[Delta]:
        """An item that is a call begins."""
        if place in self._calls or not item.name or len(self._calls) >= MAX_CALLS:
            return []
        call = self._calls[place] = _Open(len(self._calls))
        space = item.namespace or ""
        return [
            CallStarted(
                call.index,
                item.call_id or item.id or f"call_{place}",
                self._names.restore(item.name, space),
                "custom" if item.type == "custom_tool_call" else "function",
                space,
            )
        ]

    def add(self, piece: Piece) -> list[Delta]:
        """More arguments."""
        call = self._calls.get(piece.output_index)
        if call is None or call.ended or not piece.delta:
            return []
        call.said += len(piece.delta)
        return [CallDelta(call.index, piece.delta)]

    def complete(self, argued: Argued) -> list[Delta]:
        """The arguments are whole: what of them was not said yet."""
        call = self._calls.get(argued.output_index)
        whole = argued.arguments or argued.input or ""
        return self.add(Piece(whole[call.said :], argued.output_index)) if call else []

    def end(self, place: int, item: Item) -> list[Delta]:
        """An item that is a call is whole: what of it was not said yet, and its end. One that was
        cut off has none."""
        deltas = self.begin(place, item)
        call = self._calls.get(place)
        if call is None or call.ended:
            return deltas
        deltas += self.complete(Argued(place, item.arguments, item.input))
        if item.status == _CUT:
            return deltas
        call.ended = True
        return [*deltas, CallEnded(call.index)]

    def close(self) -> list[Delta]:
        """The whole answer is there, and with it all of its calls."""
        unfinished = [call for call in self._calls.values() if not call.ended]
        for call in unfinished:
            call.ended = True
        return [CallEnded(call.index) for call in unfinished]


class _Shell(Struct):
    action: dict[str, object] = {}


def read_shell(item: Item, raw: Raw) -> Item:
    """A call of ``local_shell`` as one of a function of that name."""
    action = decode(raw, _Shell).action
    said = {name: value for name, value in action.items() if name != "type" and value is not None}
    arguments = msgspec.json.encode(said).decode()
    return Item("function_call", item.id, item.call_id, LOCAL_SHELL, arguments=arguments)
