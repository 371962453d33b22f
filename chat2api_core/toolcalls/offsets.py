"""Where a place of the upstream's text is found in the text that was handed out.

Calls are taken out of the text, so a citation's offsets, counted in the whole text, move. In: how
much was kept and how much dropped, in order. Out: the moved offset.

The one rule: a place that was dropped, or that is not decided yet, has no offset.
"""

from bisect import bisect_right


class Offsets:
    """The spans that were kept. ``handed`` is how much text was handed out before them."""

    def __init__(self, handed: int = 0) -> None:
        self.seen = 0
        self.handed = handed
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._moved: list[int] = []

    def keep(self, length: int) -> None:
        """So many characters, in code points, were handed out."""
        if self._ends and self._ends[-1] == self.seen:
            self._ends[-1] += length
        elif length:
            self._starts.append(self.seen)
            self._ends.append(self.seen + length)
            self._moved.append(self.handed - self.seen)
        self.seen += length
        self.handed += length

    def drop(self, length: int) -> None:
        """So many characters were not; a negative number takes back the last ones dropped."""
        self.seen += length

    def move(self, start: int, end: int) -> tuple[int, int] | None:
        """The span's place in the text handed out, if all of it was kept."""
        span = bisect_right(self._starts, start) - 1
        if span < 0 or end > self._ends[span] or start > end:
            return None
        return start + self._moved[span], end + self._moved[span]
