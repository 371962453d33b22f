"""What is read out of JSON, piece by piece."""

from typing import Literal, NamedTuple, TypeAlias

EventKind: TypeAlias = Literal["open", "close", "key", "string", "chars", "quoted", "scalar"]


class Event(NamedTuple):
    """``open`` and ``close`` carry a bracket, ``key`` and ``chars`` text that is decoded,
    ``scalar`` canonical JSON of a number, true, false or null; ``string`` and ``quoted`` begin and
    end a string."""

    kind: EventKind
    text: str = ""


STRING = Event("string")
QUOTED = Event("quoted")
