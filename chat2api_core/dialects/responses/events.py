"""The events of a stream and the tape they are written on.

In: events, and the pieces of text inside items. Out: server-sent events, numbered from 0, as bytes.
The rule: an event gets its number when it is written, so numbers never skip and never repeat.

A piece of text is the hot path: all that surrounds it within one item is a template made once.
"""

from msgspec import Raw, Struct, json

from chat2api_core.dialects.base import one_line
from chat2api_core.dialects.responses.answer import (
    NO_LOGPROBS,
    Item,
    Part,
    SummaryText,
    UrlCitation,
)


class Event(Struct, kw_only=True, tag_field="type"):
    """Any event. ``type`` comes from the tag, ``sequence_number`` from the tape."""

    sequence_number: int = 0


class _OfResponse(Event, kw_only=True):
    response: Raw


class Created(_OfResponse, tag="response.created", kw_only=True):
    """The first event."""


class InProgress(_OfResponse, tag="response.in_progress", kw_only=True):
    """The second event."""


class Completed(_OfResponse, tag="response.completed", kw_only=True):
    """The last event of a whole answer."""


class Unfinished(_OfResponse, tag="response.incomplete", kw_only=True):
    """The last event of an answer that was cut short by a limit or a filter."""


class Failed(_OfResponse, tag="response.failed", kw_only=True):
    """The last event of an answer that came to grief."""


class _OfOutput(Event, kw_only=True):
    output_index: int


class ItemAdded(_OfOutput, tag="response.output_item.added", kw_only=True):
    """An item begins."""

    item: Item


class ItemDone(_OfOutput, tag="response.output_item.done", kw_only=True):
    """An item is as it will stay."""

    item: Item


class _OfItem(_OfOutput, kw_only=True):
    item_id: str


class _OfPart(_OfItem, kw_only=True):
    content_index: int = 0


class PartAdded(_OfPart, tag="response.content_part.added", kw_only=True):
    """A part of a message, or of the thinking itself, begins."""

    part: Part


class PartDone(_OfPart, tag="response.content_part.done", kw_only=True):
    """A part of a message, or of the thinking itself, is whole."""

    part: Part


class TextDone(_OfPart, tag="response.output_text.done", kw_only=True):
    """The text of a part is whole."""

    text: str
    logprobs: tuple[()] = NO_LOGPROBS


class RefusalDone(_OfPart, tag="response.refusal.done", kw_only=True):
    """The words of a refusal are whole."""

    refusal: str


class AnnotationAdded(_OfPart, tag="response.output_text.annotation.added", kw_only=True):
    """A source of what was said."""

    annotation_index: int
    annotation: UrlCitation


class _OfSummary(_OfItem, kw_only=True):
    summary_index: int


class SummaryPartAdded(_OfSummary, tag="response.reasoning_summary_part.added", kw_only=True):
    """A section of the thinking begins."""

    part: SummaryText


class SummaryTextDone(_OfSummary, tag="response.reasoning_summary_text.done", kw_only=True):
    """The text of a section is whole."""

    text: str


class SummaryPartDone(_OfSummary, tag="response.reasoning_summary_part.done", kw_only=True):
    """A section of the thinking is whole."""

    part: SummaryText


class SearchBegun(_OfItem, tag="response.web_search_call.in_progress", kw_only=True):
    """A web search begins."""


class Searching(_OfItem, tag="response.web_search_call.searching", kw_only=True):
    """A web search is under way."""


class SearchDone(_OfItem, tag="response.web_search_call.completed", kw_only=True):
    """A web search is over."""


class DrawingBegun(_OfItem, tag="response.image_generation_call.in_progress", kw_only=True):
    """A picture is to be made."""


class Drawing(_OfItem, tag="response.image_generation_call.generating", kw_only=True):
    """A picture is being made."""


class DrawingPartly(_OfItem, tag="response.image_generation_call.partial_image", kw_only=True):
    """What is to be seen of a picture so far."""

    partial_image_index: int
    partial_image_b64: str
    output_format: str


class DrawingDone(_OfItem, tag="response.image_generation_call.completed", kw_only=True):
    """A picture is made."""


class ReasoningTextDone(_OfPart, tag="response.reasoning_text.done", kw_only=True):
    """A section of the thinking itself is whole."""

    text: str


class ArgumentsDone(_OfItem, tag="response.function_call_arguments.done", kw_only=True):
    """The arguments of a call are whole."""

    name: str
    arguments: str


class InputDone(_OfItem, tag="response.custom_tool_call_input.done", kw_only=True):
    """The free text of a call is whole."""

    input: str


_encode = json.Encoder().encode


def piece_template(event: str, fields: dict[str, object]) -> bytes:
    """The template of a delta event: two places are left, for its number and its JSON string."""
    name = event.encode()
    fixed = _encode(fields)[1:-1].replace(b"%", b"%%")
    head = b'event: %b\ndata: {"type":"%b","sequence_number":' % (name, name)
    return head + b"%d," + fixed + b',"delta":%b}\n\n'


class Tape:
    """Collects numbered events until they are taken."""

    __slots__ = ("_number", "_out")

    def __init__(self) -> None:
        self._number = 0
        self._out: list[bytes] = []

    def write(self, event: Event) -> None:
        """Write one event."""
        event.sequence_number = self._number
        self._number += 1
        name = str(event.__struct_config__.tag).encode()
        self._out.append(b"event: %b\ndata: %b\n\n" % (name, one_line(_encode(event))))

    def write_fields(self, kind: str, fields: dict[str, Raw]) -> None:
        """Write an event of an upstream, of which nothing but its fields is known; ``kind`` is its
        type."""
        numbered = {**fields, "sequence_number": Raw(b"%d" % self._number)}
        self._number += 1
        self._out.append(b"event: %b\ndata: %b\n\n" % (kind.encode(), one_line(_encode(numbered))))

    def write_piece(self, template: bytes, text: str) -> None:
        """Write a delta event; ``template`` is made by ``piece_template``."""
        raw = _encode(text)
        if not (text.isascii() or text.isprintable()):
            raw = one_line(raw)
        self._out.append(template % (self._number, raw))
        self._number += 1

    def take(self) -> bytes:
        """What was written since the last time."""
        out = self._out
        self._out = []
        return out[0] if len(out) == 1 else b"".join(out)
