"""Messages of the stream, as they stand after every change, written down as an answer.

In:   a message, how to show it, and the text that was just appended to (``Documents.tip``).
Out:  deltas in the manuscript's ``out``; a ``Tap`` where the next bare string can go straight on.

The one rule: a message may be shown any number of times; only what is new of it is written.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from msgspec import Struct, structs

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Picture
from chat2api_core.upstreams.chatgpt_web.content import (
    Form,
    language_of,
    pictures_of,
    texts_of,
)
from chat2api_core.upstreams.chatgpt_web.cursor import Cursor
from chat2api_core.upstreams.chatgpt_web.delta import list_of, object_of, text_of
from chat2api_core.upstreams.chatgpt_web.handout import Handout
from chat2api_core.upstreams.chatgpt_web.manuscript import Manuscript, Prose
from chat2api_core.upstreams.chatgpt_web.rope import Rope
from chat2api_core.upstreams.chatgpt_web.thinking import Section, Thinking

# Forms whose passages are closed as soon as their message is finished.
_CLOSED = frozenset({Form.CODE, Form.OUTPUT, Form.CANVAS, Form.FAILURE})
_FENCED = frozenset({Form.CODE, Form.OUTPUT})
_DRAWN = frozenset({Form.PICTURES, Form.MIXED, Form.OUTPUT})  # those that may hold pictures


class Writer(Protocol):
    """What a text is written to: a passage of the answer or a section of the thinking."""

    def write(self, text: str, end: int) -> None: ...

    def end(self) -> None: ...


class Strand(Struct):
    """One text of one message: how far it was read, and what it is written to."""

    form: Form
    writer: Writer
    cursor: Cursor


class Tap(Struct):
    """A text that is growing, with the strand that follows it."""

    rope: Rope
    cursor: Cursor
    writer: Writer


class Scribe:
    """Writes messages down. ``tap`` is set when the text at the tip is followed by a strand."""

    __slots__ = ("_drawn", "_strands", "_withheld", "amending", "page", "tap", "thinking")

    def __init__(self, handout: Handout | None = None) -> None:
        self.page = Manuscript(handout)
        self.thinking = Thinking(self.page)
        self.tap: Tap | None = None
        self.amending = False  # messages must go on with what was written of them
        self._strands: dict[tuple[str, str], Strand] = {}
        self._drawn: set[str] = set()
        self._withheld: dict[str, list[Picture]] = {}  # by message: pictures still in progress

    def show(
        self, message_id: str, form: Form, message: dict[str, object], tip: Rope | None
    ) -> None:
        """Write down what is new of a message."""
        finished = text_of(message.get("status")) != "in_progress"
        if form is Form.THOUGHTS:
            self._show_thoughts(message_id, message, tip)
        elif form is not Form.PICTURES:
            self._show_texts(message_id, form, message, tip)
        if finished and form in _CLOSED:
            strand = self._strands.get((message_id, "0"))
            if strand is not None and strand.writer is self.page.current:
                self.page.end_passage()
        if form in _DRAWN:
            self._show_pictures(message_id, message, finished=finished)

    @property
    def has_pictures(self) -> bool:
        """Whether a whole picture has come."""
        return bool(self._drawn or self._withheld)

    def finish(self) -> None:
        """The answer is over: hand out what was held back."""
        for pictures in self._withheld.values():
            self._draw(pictures)
        self._withheld.clear()
        for strand in self._strands.values():
            if isinstance(strand.writer, Section):
                strand.writer.end()
        self.page.finish()

    def _show_texts(
        self, message_id: str, form: Form, message: dict[str, object], tip: Rope | None
    ) -> None:
        name = object_of(message.get("content")).get("name") if form is Form.FAILURE else None
        make = self._maker(form, message)
        for place, text in enumerate(texts_of(message)):
            self._follow((message_id, str(place)), form, text or name, tip, make)

    def _show_thoughts(self, message_id: str, message: dict[str, object], tip: Rope | None) -> None:
        thoughts = list_of(object_of(message.get("content")).get("thoughts"))
        for place, thought in enumerate(map(object_of, thoughts)):
            above = (message_id, f"{place} summary")
            below = (message_id, f"{place} content")
            make = partial(Section, self.thinking)
            self._follow(above, Form.THOUGHTS, thought.get("summary"), tip, make)
            make = partial(self._section_below, above)
            self._follow(below, Form.THOUGHTS, thought.get("content"), tip, make)

    def _section_below(self, key: tuple[str, str]) -> Section:
        """The text of a section whose heading, if it has one, is the strand of that key."""
        strand = self._strands.get(key)
        heading = strand.writer if strand is not None else None
        return Section(self.thinking, heading if isinstance(heading, Section) else None)

    def _maker(self, form: Form, message: dict[str, object]) -> Callable[[], Writer]:
        if form is Form.REASONING:
            return lambda: Section(self.thinking)
        if form in _FENCED:
            from chat2api_core.upstreams.chatgpt_web.fenced import Code  # noqa: PLC0415 (few run code)

            language = language_of(message) if form is Form.CODE else ""
            return lambda: Code(self.page, language)
        if form is Form.CANVAS:
            from chat2api_core.upstreams.chatgpt_web.textdoc import (  # noqa: PLC0415 (few answers have any)
                Edits,
                Textdoc,
            )

            creates = text_of(message.get("recipient")) == "canmore.create_textdoc"
            return lambda: Textdoc(self.page) if creates else Edits(self.page)
        return lambda: Prose(self.page, text_of(message.get("id")))

    def _follow(
        self,
        key: tuple[str, str],
        form: Form,
        text: object,
        tip: Rope | None,
        make: Callable[[], Writer],
    ) -> None:
        """Write what is new of one text, on and on to the same writer while it stays what it is."""
        strand = self._strands.get(key)
        if strand is None:
            if not isinstance(text, str | Rope) or not text:
                return
            strand = self._strands[key] = Strand(form, make(), Cursor())
        read = strand.cursor.advance(text)
        if read.afresh or strand.form is not form:
            self._check_anew()
            if strand.writer is self.page.current and not self.page.goes_on:
                self.page.end_passage()
            strand.form, strand.writer = form, make()
        if read.text:
            strand.writer.write(read.text, strand.cursor.seen)
            if strand.writer is self.page.current:
                self.page.goes_on = False
        if isinstance(text, Rope) and text is tip and strand.cursor.caught_up:
            self.tap = Tap(text, strand.cursor, strand.writer)

    def _check_anew(self) -> None:
        """A text is written anew, which a kept one must not be."""
        if self.amending:
            message = "ChatGPT's answer broke off, and what it kept is not what it had sent."
            raise Problem(Kind.CUT, message, step="stream")

    def _show_pictures(
        self, message_id: str, message: dict[str, object], *, finished: bool
    ) -> None:
        pictures = list(pictures_of(message))
        if finished:
            self._withheld.pop(message_id, None)
            self._draw(pictures)
        elif pictures:
            self._withheld[message_id] = pictures

    def _draw(self, pictures: list[Picture]) -> None:
        for picture in pictures:
            if picture.asset not in self._drawn:
                self._drawn.add(picture.asset)
                url = self.page.handout.picture(picture.asset, self.page.conversation_id)
                self.page.out.append(structs.replace(picture, url=url) if url else picture)
