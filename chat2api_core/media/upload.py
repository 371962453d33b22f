"""What is said of a file before it is uploaded. Pure.

In: its name, its declared type, its beginning and its size. Out: ``Announced``. The rule: what a
file is goes by its bytes first; a picture is one whose size can be read, and nothing else is.
"""

from msgspec import Struct

from chat2api_core.media.kind import PICTURES, UNKNOWN, UseCase, plain_name, type_of, use_case
from chat2api_core.media.picture import measure
from chat2api_core.problem import Kind, Problem

_SVG = "image/svg+xml"


class Announced(Struct, frozen=True):
    """A file that is going to be uploaded. Sizes are bytes and pixels (0: no picture)."""

    name: str
    size: int
    mime: str
    use_case: UseCase
    width: int = 0
    height: int = 0


def announce(name: str, declared: str, head: bytes, size: int) -> Announced:
    """How to announce a file of ``size`` bytes that begins with ``head`` (all of it, or enough to
    find a picture's size in). Raises ``Problem`` INVALID_REQUEST for an empty one."""
    if size <= 0:
        raise Problem(Kind.INVALID_REQUEST, "The file is empty.", step="request")
    measured = measure(head)
    if measured is not None:
        plain = plain_name(name, measured.mime)
        return Announced(plain, size, measured.mime, "multimodal", measured.width, measured.height)
    mime = _no_picture(type_of(name, declared, head[:16]))
    return Announced(plain_name(name, mime), size, mime, use_case(mime))


def _no_picture(mime: str) -> str:
    """ChatGPT takes four forms of pictures as pictures. A drawing in XML is text to it, and the
    others are bytes for the code interpreter."""
    if mime == _SVG:
        return "text/xml"
    return UNKNOWN if mime in PICTURES or mime.startswith("image/") else mime
