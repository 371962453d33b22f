"""The messages and the refusals that are still being written.

In: pieces of text. Out: events on the tape, and the finished item from ``close``. The rule: each
item's events come in the official order (added, its parts, their pieces, their ends, done), and
what ``close`` returns is what the last of them shows.
"""

from msgspec import UNSET

from chat2api_core.dialects.responses.answer import (
    Message,
    OutputText,
    Refusal,
    Status,
    UrlCitation,
)
from chat2api_core.dialects.responses.events import (
    AnnotationAdded,
    ItemAdded,
    ItemDone,
    PartAdded,
    PartDone,
    RefusalDone,
    Tape,
    TextDone,
    piece_template,
)
from chat2api_core.dialects.responses.output import Place
from chat2api_core.turn import Citation


class OpenMessage:
    """A message with one part of text. ``start`` is where its text begins within the answer's, in
    code points."""

    __slots__ = ("_annotations", "_id", "_phase", "_pieces", "_tape", "_template", "index", "start")

    def __init__(self, tape: Tape, place: Place, start: int, phase: str = "") -> None:
        self.start = start
        self._phase = phase or UNSET
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
        item = Message(self._id, "in_progress", [], phase=self._phase)
        tape.write(ItemAdded(output_index=place.index, item=item))
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
        return Message(self._id, status, [self._part()], phase=self._phase)

    def close(self, status: Status) -> Message:
        """No more text comes."""
        part = self._part()
        message = Message(self._id, status, [part], phase=self._phase)
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
