"""The JSON text of a canvas call, read while it is still being written.

In:   pieces of ``{"name":"…","type":"document","content":"…"}``, cut anywhere.
Out:  its members as far as they have come, ``content`` piece by piece.

The one rule: what was handed out is a prefix of what the whole JSON text says. A text that is no
object of strings is not guessed at: ``broken`` is set and nothing more comes out.
"""

import re

import msgspec

_PLAIN = re.compile(r'[^"\\\x00-\x1f]+')
_BETWEEN = re.compile(r"\s*")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a surrogate pair
    r"|u(?![dD][89a-fA-F])[0-9a-fA-F]{4}"
    r'|["\\/bfnrt])'
)
_ESCAPE_LENGTH = 12  # of the longest, a surrogate pair

# What may come next, outside of strings: the state, the character, the state after it.
_NEXT = {
    ("start", "{"): "first key",
    ("first key", '"'): "key",
    ("first key", "}"): "end",
    ("next key", '"'): "key",
    ("after key", ":"): "before value",
    ("before value", '"'): "value",
    ("after value", ","): "next key",
    ("after value", "}"): "end",
}


class Members:
    """The string members of one flat JSON object. ``done`` holds the finished ones, ``name`` is the
    one under way."""

    __slots__ = ("_rest", "_state", "_value", "broken", "done", "name")

    def __init__(self) -> None:
        self._rest = ""
        self._state = "start"
        self._value: list[str] = []
        self.name = ""
        self.done: dict[str, str] = {}
        self.broken = False

    def feed(self, text: str) -> list[tuple[str, str]]:
        """More of the JSON text. Returns (member, next piece of its value) in order."""
        text = self._rest + text
        self._rest = ""
        place = 0
        pieces: list[tuple[str, str]] = []
        while place < len(text) and not self.broken:
            if self._state in {"key", "value"}:
                piece, after = self._string(text, place)
                if piece and self._state == "value":
                    pieces.append((self.name, piece))
                if after == place:
                    self._rest = text[place:]
                    break
                if text[place] == '"':
                    self._end_string()
                else:
                    self._value.append(piece)
                place = after
            else:
                place = self._between(text, place)
        return pieces

    def _string(self, text: str, place: int) -> tuple[str, int]:
        """One run of characters or one escape, and the place behind it (unmoved: it needs more)."""
        plain = _PLAIN.match(text, place)
        if plain is not None:
            return plain[0], plain.end()
        if text[place] == '"':
            return "", place + 1
        escape = _ESCAPE.match(text, place)
        if escape is not None:
            return msgspec.json.decode(f'"{escape[0]}"', type=str), escape.end()
        self.broken = text[place] != "\\" or len(text) - place >= _ESCAPE_LENGTH
        return "", place

    def _end_string(self) -> None:
        text = "".join(self._value)
        self._value.clear()
        if self._state == "key":
            self.name = text
            self._state = "after key"
        else:
            self.done[self.name] = text
            self._state = "after value"

    def _between(self, text: str, place: int) -> int:
        blank = _BETWEEN.match(text, place)
        assert blank is not None
        place = blank.end()
        if place < len(text):
            following = _NEXT.get((self._state, text[place]))
            self.broken = following is None
            self._state = following or self._state
        return place + 1
