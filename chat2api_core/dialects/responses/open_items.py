"""The messages, the refusals and the thinking that are still being written.

In: pieces of text or thinking. Out: events on the tape, and the finished item from
``close``. The rule: each item's events come in the official order (added, its parts, their pieces,
their ends, done), and what ``close`` returns is what the last of them shows.
"""

from msgspec import UnsetType

from chat2api_core.dialects.responses.answer import (
    Message,
    OutputText,
    Reasoning,
    Refusal,
    Status,
    SummaryText,
    UrlCitation,
)
from chat2api_core.dialects.responses.events import (
    AnnotationAdded,
    ItemAdded,
    ItemDone,
    PartAdded,
    PartDone,
    RefusalDone,
    SummaryPartAdded,
    SummaryPartDone,
    SummaryTextDone,
    Tape,
    TextDone,
    piece_template,
)
from chat2api_core.turn import Citation


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


class OpenMessage:
    """A message with one part of text. ``start`` is where its text begins within the answer's, in
    code points."""

    __slots__ = ("_annotations", "_id", "_pieces", "_tape", "_template", "index", "start")

    def __init__(self, tape: Tape, place: Place, start: int) -> None:
        self.start = start
        self._tape = tape
        self._id = place.id("msg")
        self.index = place.index
        self._pieces: list[str] = []
        self._annotations: list[UrlCitation] = []
        self._template = piece_template(
            "response.output_text.delta",
            {
                "item_id": self._id,
                "output_index": place.index,
                "content_index": 0,
                "logprobs": [],
            },
        )
        tape.write(ItemAdded(output_index=place.index, item=Message(self._id, "in_progress", [])))
        part = OutputText("", [])
        tape.write(PartAdded(output_index=place.index, item_id=self._id, part=part))

    def say(self, text: str) -> None:
        """More text; an empty piece is none."""
        if text:
            self._pieces.append(text)
            self._tape.write_piece(self._template, text)

    def cite(self, source: Citation) -> None:
        """A source of this message's text."""
        note = UrlCitation(
            source.start - self.start, source.end - self.start, source.url, source.title
        )
        event = AnnotationAdded(
            output_index=self.index,
            item_id=self._id,
            annotation_index=len(self._annotations),
            annotation=note,
        )
        self._annotations.append(note)
        self._tape.write(event)

    @property
    def end(self) -> int:
        """Where its text ends within the answer's so far, in code points."""
        return self.start + sum(map(len, self._pieces))

    def so_far(self, status: Status) -> Message:
        """The message as it stands."""
        return Message(self._id, status, [self._part()])

    def close(self, status: Status) -> Message:
        """No more text comes."""
        part = self._part()
        message = Message(self._id, status, [part])
        index, name = self.index, self._id
        self._tape.write(TextDone(output_index=index, item_id=name, text=part.text))
        self._tape.write(PartDone(output_index=index, item_id=name, part=part))
        self._tape.write(ItemDone(output_index=index, item=message))
        return message

    def _part(self) -> OutputText:
        return OutputText("".join(self._pieces), self._annotations)


class OpenRefusal:
    """A message with one part, in which the model declines."""

    __slots__ = ("_id", "_pieces", "_tape", "_template", "index")

    def __init__(self, tape: Tape, place: Place) -> None:
        self._tape = tape
        self._id = place.id("msg")
        self.index = place.index
        self._pieces: list[str] = []
        self._template = piece_template(
            "response.refusal.delta",
            {"item_id": self._id, "output_index": place.index, "content_index": 0},
        )
        tape.write(ItemAdded(output_index=place.index, item=Message(self._id, "in_progress", [])))
        tape.write(PartAdded(output_index=place.index, item_id=self._id, part=Refusal("")))

    def say(self, text: str) -> None:
        """More of its words."""
        self._pieces.append(text)
        self._tape.write_piece(self._template, text)

    def so_far(self, status: Status) -> Message:
        """The message as it stands."""
        return Message(self._id, status, [Refusal("".join(self._pieces))])

    def close(self, status: Status) -> Message:
        """No more words come."""
        part = Refusal("".join(self._pieces))
        message = Message(self._id, status, [part])
        index, name = self.index, self._id
        self._tape.write(RefusalDone(output_index=index, item_id=name, refusal=part.refusal))
        self._tape.write(PartDone(output_index=index, item_id=name, part=part))
        self._tape.write(ItemDone(output_index=index, item=message))
        return message


class OpenReasoning:
    """Thinking, in sections. ``encrypted`` is how the item shows that it has no sealed original,
    until ``seal`` brings one."""

    __slots__ = ("_encrypted", "_id", "_part", "_pieces", "_summary", "_tape", "_template", "index")

    def __init__(self, tape: Tape, place: Place, encrypted: str | UnsetType | None) -> None:
        self._tape = tape
        self._id = place.id("rs")
        self.index = place.index
        self._encrypted = encrypted
        self._summary: list[SummaryText] = []
        self._part = -1
        self._pieces: list[str] = []
        self._template = b""
        tape.write(ItemAdded(output_index=place.index, item=Reasoning(self._id, [], encrypted)))

    def seal(self, encrypted: str) -> None:
        """The sealed original of all of it."""
        self._encrypted = encrypted

    def think(self, text: str, part: int) -> None:
        """More of the section ``part``; another number than before begins a new section."""
        if part != self._part:
            self._end_section()
            self._begin_section(part)
        self._pieces.append(text)
        self._tape.write_piece(self._template, text)

    def so_far(self) -> Reasoning:
        """The thinking as it stands."""
        begun = [SummaryText("".join(self._pieces))] if self._pieces else []
        return Reasoning(self._id, [*self._summary, *begun], self._encrypted)

    def close(self) -> Reasoning:
        """No more thinking comes."""
        self._end_section()
        item = Reasoning(self._id, self._summary, self._encrypted)
        self._tape.write(ItemDone(output_index=self.index, item=item))
        return item

    def _begin_section(self, part: int) -> None:
        self._part = part
        number = len(self._summary)
        self._template = piece_template(
            "response.reasoning_summary_text.delta",
            {"item_id": self._id, "output_index": self.index, "summary_index": number},
        )
        event = SummaryPartAdded(
            output_index=self.index, item_id=self._id, summary_index=number, part=SummaryText("")
        )
        self._tape.write(event)

    def _end_section(self) -> None:
        if not self._pieces:
            return
        part = SummaryText("".join(self._pieces))
        index, name, number = self.index, self._id, len(self._summary)
        self._tape.write(
            SummaryTextDone(output_index=index, item_id=name, summary_index=number, text=part.text)
        )
        self._tape.write(
            SummaryPartDone(output_index=index, item_id=name, summary_index=number, part=part)
        )
        self._summary.append(part)
        self._pieces = []
