"""The items of an answer in their places, and the places of those that are still to come.

In: finished items. Out: places, and all items in order. The rule: an item has the place that it was
given when it began, and none begins after the end.
"""

from chat2api_core.dialects.responses.answer import Item
from chat2api_core.problem import Kind, Problem


class Place:
    """Where an item stands: its index in the output and the name of the answer, of which its own
    id is made."""

    __slots__ = ("answer", "index")

    def __init__(self, answer: str, index: int) -> None:
        self.answer = answer
        self.index = index

    def id(self, prefix: str) -> str:
        """Such as ``msg_<answer>00``."""
        return f"{prefix}_{self.answer}{self.index:02x}"


class Output:
    """The items so far. ``ended`` is set with the last event."""

    __slots__ = ("_answer", "_items", "ended")

    def __init__(self, answer: str) -> None:
        self._answer = answer
        self._items: list[Item | None] = []
        self.ended = False

    def place(self) -> Place:
        """The place of the next item. Raises ``Problem`` INTERNAL after the end."""
        if self.ended:
            raise Problem(Kind.INTERNAL, "An answer went on after its end.")
        self._items.append(None)
        return Place(self._answer, len(self._items) - 1)

    def put(self, index: int, item: Item) -> None:
        """An item is as it will stay, or as far as it came."""
        self._items[index] = item

    @property
    def items(self) -> list[Item]:
        """Those that are there."""
        return [item for item in self._items if item is not None]
