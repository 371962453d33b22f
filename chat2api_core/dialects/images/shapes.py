"""The shapes of an answer with pictures: the document, and the events of a stream.

In: nothing. Out: structs that encode to what the official API sends. The rule: every field that the
official client libraries call required is always there.
"""

from msgspec import UNSET, Struct, UnsetType


class Drawn(Struct):
    """One picture: as base64, or as an address."""

    b64_json: str | UnsetType = UNSET
    url: str | UnsetType = UNSET
    revised_prompt: str | UnsetType = UNSET


class InputDetails(Struct):
    text_tokens: int
    image_tokens: int = 0


class OutputDetails(Struct):
    text_tokens: int = 0
    image_tokens: int = 0


class Usage(Struct):
    """Tokens. Those of pictures are not told by ChatGPT, and are not in here."""

    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    total_tokens: int
    output_tokens_details: OutputDetails


class Document(Struct):
    """The answer that is not streamed. ``created`` is unix seconds."""

    created: int
    data: list[Drawn]
    output_format: str | UnsetType = UNSET
    size: str | UnsetType = UNSET
    quality: str | UnsetType = UNSET
    background: str | UnsetType = UNSET
    usage: Usage | UnsetType = UNSET


class Event(Struct, kw_only=True):
    """What partial and finished pictures have in common. ``type`` says which route it is of."""

    type: str
    b64_json: str
    created_at: int
    size: str
    quality: str
    background: str
    output_format: str
    partial_image_index: int | UnsetType = UNSET
    usage: Usage | UnsetType = UNSET
