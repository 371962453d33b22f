"""A text that grows at its end, cheaply: appending a word to a long answer costs the word.

The one rule: a rope only ever grows. Whoever has read its first n characters need never look at
them again.
"""

# So many pieces are kept apart before they are joined to one; keeps a long answer of short words
# from holding an object for every word.
_LOOSE = 512


class Rope:
    """``len``, ``str`` and ``append``; lengths are code points."""

    __slots__ = ("_joined", "_loose", "length")

    def __init__(self, text: str = "") -> None:
        self._joined = [text]
        self._loose: list[str] = []
        self.length = len(text)

    def __len__(self) -> int:
        return self.length

    def __str__(self) -> str:
        if self._loose or len(self._joined) > 1:
            self._joined = ["".join(self._joined) + "".join(self._loose)]
            self._loose.clear()
        return self._joined[0]

    def append(self, piece: str) -> None:
        """Grow by ``piece``."""
        loose = self._loose
        loose.append(piece)
        self.length += len(piece)
        if len(loose) >= _LOOSE:
            self._joined.append("".join(loose))
            loose.clear()

    def tail(self, start: int) -> str:
        """What stands behind the first ``start`` characters."""
        missing = self.length - start
        if missing <= 0:
            return ""
        if self._loose and len(self._loose[-1]) >= missing:
            return self._loose[-1][-missing:]
        return str(self)[start:]
