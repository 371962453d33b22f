"""The items of an answer of the Codex backend, one after the other. Pure.

Input: items that begin, and the same when they are whole. Output: their events. The rule: an item
that is open is ended before another one begins.
"""

from collections.abc import Callable

from chat2api_core.ambient import Ids
from chat2api_core.emulator.codex.stream import Stream
from chat2api_core.emulator.exchange import Json


class Items:
    """``index`` is the place of the last one. ``ending`` tells the end of the one that is open."""

    def __init__(self, stream: Stream, ids: Ids) -> None:
        self.index = -1
        self.ending: Callable[[], None] | None = None
        self._stream = stream
        self._ids = ids

    def begin(self, item: Json) -> None:
        """An item begins; the one before is over."""
        self.finish()
        self.index += 1
        self._stream.tell("response.output_item.added", output_index=self.index, item=item)

    def done(self, item: Json) -> None:
        """The same item, whole."""
        self._stream.tell("response.output_item.done", output_index=self.index, item=item)

    def finish(self) -> None:
        """Finish the item that is open, if any."""
        if self.ending is not None:
            end, self.ending = self.ending, None
            end()

    def id(self, prefix: str) -> str:
        """A fresh name."""
        return f"{prefix}_{self._ids.hex(24)}"
