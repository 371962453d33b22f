"""The parts of what an item of a request holds.

In: the content of an item, a string or a list. Out: parts of a message. The rule: a part is
understood, or refused by name.
"""

from collections.abc import Sequence

from msgspec import Struct

from chat2api_core.dialects.base import invalid, unsupported
from chat2api_core.turn import Citation, File, Image, Text

_TEXTS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})


class Annotation(Struct):
    """A mark on a text. Offsets are code points within its part."""

    type: str | None = None
    start_index: int | None = None
    end_index: int | None = None
    url: str | None = None
    title: str | None = None


class Content(Struct):
    """Any part; each kind has a few of these fields."""

    type: str
    text: str | None = None
    refusal: str | None = None
    annotations: list[Annotation] | None = None
    image_url: str | None = None
    detail: str | None = None
    filename: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None


def read_content(content: str | list[Content] | None, at: str) -> list[Text | Image | File]:
    """Raises ``Problem`` naming what is wrong, and where."""
    if not content:
        return []
    if isinstance(content, str):
        return [Text(content)]
    return [_part(part, f"{at}[{index}]") for index, part in enumerate(content)]


def place(part: Image | File, at: str) -> str:
    """The very field of the part ``at`` that holds a picture or a file."""
    if part.file_id:
        return f"{at}.file_id"
    if isinstance(part, Image):
        return f"{at}.image_url"
    return f"{at}.file_data" if part.data else f"{at}.file_url"


def _part(part: Content, at: str) -> Text | Image | File:
    if part.type in _TEXTS or part.type == "refusal":
        text = part.refusal if part.type == "refusal" else part.text
        if text is None:
            raise invalid("has no text", at)
        return Text(text, _sources(part.annotations or (), len(text)))
    if part.type == "input_image":
        return _image(part, at)
    if part.type == "input_file":
        return _file(part, at)
    if part.type == "input_audio":
        raise unsupported("audio cannot be listened to", at)
    raise invalid(f"cannot be {part.type[:40]!a}: no such part is known", f"{at}.type")


def _sources(marks: Sequence[Annotation], length: int) -> tuple[Citation, ...]:
    """The links among the marks. Others name files that no upstream has; one that points beyond
    the text points nowhere."""
    found: list[Citation] = []
    for mark in marks:
        start, end = mark.start_index, mark.end_index
        linked = mark.type == "url_citation" and mark.url
        if linked and start is not None and end is not None and 0 <= start <= end <= length:
            found.append(Citation(start, end, linked, mark.title or ""))
    return tuple(found)


def _image(part: Content, at: str) -> Image:
    if not (part.image_url or part.file_id):
        raise invalid("needs image_url or file_id", at)
    return Image(part.image_url or "", part.file_id or "", part.detail or "auto")


def _file(part: Content, at: str) -> File:
    if not (part.file_data or part.file_url or part.file_id):
        raise invalid("needs file_data, file_url or file_id", at)
    return File(part.filename or "", part.file_data or "", part.file_url or "", part.file_id or "")
