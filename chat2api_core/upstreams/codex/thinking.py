"""The thinking of an answer: summaries in sections, or the thoughts themselves, and their seal.

In: pieces of sections, whole items. Out: ``ReasoningDelta``s with their sections numbered through
the answer, and one ``ReasoningSealed`` behind each item that is sealed. The rule: a section that is
shown whole at the end of its item says only what was not said before.
"""

from collections.abc import Sequence
from typing import TypeAlias

from chat2api_core.turn import Delta, ReasoningDelta, ReasoningSealed
from chat2api_core.upstreams.codex.events import Item, Part, Piece

# The item's index in the output, whether it is the thought itself and not its summary, and the
# section's index in the item.
_Place: TypeAlias = tuple[int, bool, int]


class Thinking:
    """The sections so far."""

    __slots__ = ("_said", "_sections")

    def __init__(self) -> None:
        self._sections: dict[_Place, int] = {}
        self._said: dict[_Place, int] = {}  # code points

    def sum_up(self, piece: Piece) -> list[Delta]:
        """More of a section of a summary."""
        return self._add((piece.output_index, False, piece.summary_index), piece.delta)

    def think(self, piece: Piece) -> list[Delta]:
        """More of a thought itself."""
        return self._add((piece.output_index, True, piece.content_index), piece.delta)

    def whole(self, item_index: int, item: Item) -> list[Delta]:
        """An item as it stays: what of it was not said yet, and its seal."""
        deltas = self._rest(item_index, item.summary or (), raw=False)
        deltas += self._rest(item_index, item.content or (), raw=True)
        if item.encrypted_content:
            deltas.append(ReasoningSealed(item.encrypted_content, item.id or ""))
        return deltas

    def _rest(self, item_index: int, parts: Sequence[Part], *, raw: bool) -> list[Delta]:
        deltas: list[Delta] = []
        for index, part in enumerate(parts):
            place = item_index, raw, index
            deltas += self._add(place, (part.text or "")[self._said.get(place, 0) :])
        return deltas

    def _add(self, place: _Place, text: str) -> list[Delta]:
        if not text:
            return []
        section, raw = self._sections.setdefault(place, len(self._sections)), place[1]
        self._said[place] = self._said.get(place, 0) + len(text)
        return [ReasoningDelta(text, section, raw)]
