"""The thinking that is still being shown.

In: pieces of its sections, and its seal. Out: events on the tape, and the finished item from
``close``. The rule: a section is begun, said and ended before the next one begins, summaries with
the events of summaries, the thinking itself with those of its text, each kind counted by itself.
"""

from msgspec import UNSET, UnsetType

from chat2api_core.dialects.responses.answer import Reasoning, ReasoningText, SummaryText
from chat2api_core.dialects.responses.events import (
    ItemAdded,
    ItemDone,
    PartAdded,
    PartDone,
    ReasoningTextDone,
    SummaryPartAdded,
    SummaryPartDone,
    SummaryTextDone,
    Tape,
    piece_template,
)
from chat2api_core.dialects.responses.output import Place
from chat2api_core.turn import ReasoningDelta


class OpenReasoning:
    """Thinking, in sections. ``encrypted`` is how the item shows that it has no sealed original,
    until ``seal`` brings one."""

    __slots__ = (
        "_content", "_encrypted", "_id", "_part", "_pieces", "_raw", "_summary", "_tape",
        "_template", "index",
    )  # fmt: skip

    def __init__(self, tape: Tape, place: Place, encrypted: str | UnsetType | None) -> None:
        self._tape = tape
        self._id = place.id("rs")
        self.index = place.index
        self._encrypted = encrypted
        self._summary: list[SummaryText] = []
        self._content: list[ReasoningText] = []
        self._part = -1
        self._raw = False
        self._pieces: list[str] = []
        self._template = b""
        tape.write(ItemAdded(output_index=place.index, item=Reasoning(self._id, [], encrypted)))

    def seal(self, encrypted: str) -> None:
        """The sealed original of all of it."""
        self._encrypted = encrypted

    def think(self, piece: ReasoningDelta) -> None:
        """More of a section; another number than before begins a new section."""
        if piece.part != self._part or piece.raw is not self._raw:
            self._end_section()
            self._part, self._raw = piece.part, piece.raw
            if piece.raw:
                self._begin_text()
            else:
                self._begin_summary()
        self._pieces.append(piece.text)
        self._tape.write_piece(self._template, piece.text)

    def so_far(self) -> Reasoning:
        """The thinking as it stands."""
        summary, content = [*self._summary], [*self._content]
        if self._pieces and self._raw:
            content.append(ReasoningText("".join(self._pieces)))
        elif self._pieces:
            summary.append(SummaryText("".join(self._pieces)))
        return Reasoning(self._id, summary, self._encrypted, content or UNSET)

    def close(self) -> Reasoning:
        """No more thinking comes."""
        self._end_section()
        item = self.so_far()
        self._tape.write(ItemDone(output_index=self.index, item=item))
        return item

    def _begin_summary(self) -> None:
        number = len(self._summary)
        self._template = piece_template(
            "response.reasoning_summary_text.delta",
            {"item_id": self._id, "output_index": self.index, "summary_index": number},
        )
        event = SummaryPartAdded(
            output_index=self.index, item_id=self._id, summary_index=number, part=SummaryText("")
        )
        self._tape.write(event)

    def _begin_text(self) -> None:
        number = len(self._content)
        self._template = piece_template(
            "response.reasoning_text.delta",
            {"item_id": self._id, "output_index": self.index, "content_index": number},
        )
        event = PartAdded(
            output_index=self.index, item_id=self._id, content_index=number, part=ReasoningText("")
        )
        self._tape.write(event)

    def _end_section(self) -> None:
        text = "".join(self._pieces)
        self._pieces = []
        if text and self._raw:
            self._end_text(ReasoningText(text))
        elif text:
            self._end_summary(SummaryText(text))

    def _end_summary(self, part: SummaryText) -> None:
        index, name, number = self.index, self._id, len(self._summary)
        self._tape.write(
            SummaryTextDone(output_index=index, item_id=name, summary_index=number, text=part.text)
        )
        self._tape.write(
            SummaryPartDone(output_index=index, item_id=name, summary_index=number, part=part)
        )
        self._summary.append(part)

    def _end_text(self, part: ReasoningText) -> None:
        index, name, number = self.index, self._id, len(self._content)
        self._tape.write(
            ReasoningTextDone(
                output_index=index, item_id=name, content_index=number, text=part.text
            )
        )
        self._tape.write(
            PartDone(output_index=index, item_id=name, content_index=number, part=part)
        )
        self._content.append(part)
