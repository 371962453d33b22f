"""The visible text of an answer: the parts of its messages, one after the other, and the words with
which the model declines.

In: pieces of parts, whole parts, marks on them. Out: deltas. The rules: between two messages there
is a blank line, sent as a delta of its own; where it is told what a message is for, or another one
came before it, its beginning is a delta, too, but not before its first text; a part that is shown
whole at its end says only what was not said before; offsets of citations count within all text
handed out so far.
"""

from typing import TypeAlias

from chat2api_core.turn import Citation, Delta, MessageBegun, RefusalDelta, TextDelta
from chat2api_core.upstreams.codex.events import Annotation, Part, Piece

BREAK = "\n\n"

Place: TypeAlias = tuple[int, int]
"""A part: the index of its item in the output, and its own in the item."""


class Text:
    """The text so far. All lengths and offsets are code points."""

    __slots__ = (
        "_declined", "_item", "_length", "_marks", "_part", "_phases", "_said", "_starts",
    )  # fmt: skip

    def __init__(self) -> None:
        self._length = 0  # of all text handed out
        self._item = self._part = -1  # the part that is being said
        self._starts: dict[Place, int] = {}  # where each part begins
        self._said: dict[Place, int] = {}  # how much was said of parts that are over
        self._marks: dict[Place, int] = {}  # how many marks were seen on each part
        self._declined: dict[Place, int] = {}  # how much was said of each refusal
        self._phases: dict[int, str] = {}  # what each message is for, by the index of its item

    def begin(self, item: int, phase: str) -> None:
        """A message begins, and it is told what for."""
        self._phases[item] = phase

    def say(self, piece: Piece) -> list[Delta]:
        """More of a part."""
        text = piece.delta
        if not text:
            return []
        if piece.content_index == self._part and piece.output_index == self._item:
            self._length += len(text)
            return [TextDelta(text)]  # as nearly always
        moved = self._move(piece.output_index, piece.content_index)
        self._length += len(text)
        return [*moved, TextDelta(text)]

    def decline(self, piece: Piece) -> list[Delta]:
        """More of a refusal."""
        if not piece.delta:
            return []
        place = piece.output_index, piece.content_index
        self._declined[place] = self._declined.get(place, 0) + len(piece.delta)
        return [RefusalDelta(piece.delta)]

    def cite(self, place: Place, mark: Annotation) -> list[Delta]:
        """A mark on a part. Only links are shown; one that points nowhere is dropped."""
        self._marks[place] = self._marks.get(place, 0) + 1
        begin, end, start = mark.start_index, mark.end_index, self._starts.get(place)
        if mark.type != "url_citation" or not mark.url:
            return []
        if start is None or begin is None or end is None or not 0 <= begin <= end:
            return []
        return [Citation(start + begin, start + end, mark.url, mark.title or "")]

    def whole(self, place: Place, part: Part) -> list[Delta]:
        """A part as it stays: what of it was not said yet."""
        if part.refusal is not None:
            return self.decline(Piece(part.refusal[self._declined.get(place, 0) :], *place))
        deltas = self.say(Piece((part.text or "")[self._known(place) :], *place))
        for mark in (part.annotations or ())[self._marks.get(place, 0) :]:
            deltas += self.cite(place, mark)
        return deltas

    def _known(self, place: Place) -> int:
        """How much of a part was said."""
        if place == (self._item, self._part):
            return self._length - self._starts[place]
        return self._said.get(place, 0)

    def _move(self, item: int, part: int) -> list[Delta]:
        """Another part than before is said."""
        before = self._item, self._part
        self._item, self._part = item, part
        deltas: list[Delta] = []
        phase = self._phases.get(item, "")
        if item != before[0] and (phase or before in self._starts):
            deltas.append(MessageBegun(phase))
        if before in self._starts:
            self._said[before] = self._length - self._starts[before]
            if item != before[0]:
                self._length += len(BREAK)
                deltas.append(TextDelta(BREAK))
        self._starts[item, part] = self._length - self._said.pop((item, part), 0)
        return deltas
