"""The events of the Codex backend's stream, decoded no further than somebody reads them.

In: the data of an event. Out: structs. The rule: a field that nobody needs is not decoded, and one
that may be missing or null has a default. What cannot be read raises ``msgspec.DecodeError`` or
``UnicodeDecodeError``, which the reader makes a ``Problem`` of. Source of the shapes: the public
Responses API, and what was seen in the Codex command-line client.
"""

from collections.abc import Container
from typing import TypeVar

import msgspec
from msgspec import Struct

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Usage

T = TypeVar("T")


class Type(Struct, gc=False):
    """Of any event or item: what it is, and what it is called."""

    type: str | None = None
    id: str | None = None


class Piece(Struct, gc=False):
    """More text of a part of an item: of an answer, a refusal, a reasoning, or of arguments."""

    delta: str
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0


class Argued(Struct, gc=False):
    """The arguments of a call, or its free text, are whole."""

    output_index: int = 0
    arguments: str | None = None
    input: str | None = None


class Annotation(Struct, gc=False):
    """A mark on a text. Offsets are code points within its part."""

    type: str | None = None
    start_index: int | None = None
    end_index: int | None = None
    url: str | None = None
    title: str | None = None


class AnnotationAdded(Struct):
    """An answer's text gets a mark."""

    annotation: Annotation
    output_index: int = 0
    content_index: int = 0


class Part(Struct):
    """A part of a message, or a section of reasoning."""

    text: str | None = None
    refusal: str | None = None
    annotations: list[Annotation] | None = None


class Action(Struct):
    """What a web search did, or a shell is to do."""

    type: str = "search"
    query: str | None = None
    queries: list[str] | None = None
    url: str | None = None
    pattern: str | None = None


class Trouble(Struct):
    """Why an item came to nothing."""

    code: str | None = None
    message: str | None = None


class View(Struct, gc=False):
    """A picture that is not finished, in base64."""

    partial_image_b64: str
    partial_image_index: int = 0
    output_format: str | None = None


class Item(Struct):
    """Any item of the output; each kind has a few of these fields."""

    type: str = ""
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | None = None
    input: str | None = None
    content: list[Part] | None = None
    summary: list[Part] | None = None
    encrypted_content: str | None = None
    result: str | None = None
    revised_prompt: str | None = None
    size: str | None = None
    output_format: str | None = None
    action: Action | str | None = None  # a word where the item is a picture
    error: Trouble | None = None
    phase: str | None = None
    status: str | None = None


class ItemEvent(Struct):
    """An item begins or is whole; ``read_item`` reads it."""

    item: msgspec.Raw
    output_index: int = 0


class InputDetails(Struct):
    cached_tokens: int | None = None


class OutputDetails(Struct):
    reasoning_tokens: int | None = None


class Counts(Struct):
    """The tokens of a turn."""

    input_tokens: int = 0
    output_tokens: int = 0
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


class Effort(Struct):
    effort: str | None = None


class Incomplete(Struct):
    reason: str | None = None


class Response(Struct):
    """The response itself, as far as it goes."""

    model: str | None = None
    reasoning: Effort | None = None
    output: list[msgspec.Raw] | None = None
    usage: Counts | None = None
    incomplete_details: Incomplete | None = None


class ResponseEvent(Struct):
    """A response begins or is over."""

    response: Response | None = None


decode_type = msgspec.json.Decoder(Type).decode
read_piece = msgspec.json.Decoder(Piece).decode  # the hot path


def decode(data: bytes | msgspec.Raw, shape: type[T]) -> T:
    """Data of this shape."""
    return msgspec.json.decode(data, type=shape)


def read_response(data: bytes) -> Response:
    """The response of an event; one of which nothing is known where the event has none."""
    return decode(data, ResponseEvent).response or Response()


def read_item(raw: msgspec.Raw, known: Container[str]) -> Item:
    """An item of the output; of one that is not of a ``known`` type, its type and id only."""
    named = decode(raw, Type)
    return decode(raw, Item) if named.type in known else Item(named.type or "", named.id)


def unreadable() -> Problem:
    """An event that cannot be read."""
    message = "Codex sent an event that could not be understood."
    return Problem(Kind.GARBAGE, message, step="stream")


def usage_of(counts: Counts | None) -> Usage | None:
    """The same in our words."""
    if counts is None:
        return None
    cached = counts.input_tokens_details.cached_tokens if counts.input_tokens_details else None
    thought = counts.output_tokens_details
    return Usage(
        counts.input_tokens,
        counts.output_tokens,
        cached or 0,
        (thought.reasoning_tokens if thought else None) or 0,
        exact=True,
    )
