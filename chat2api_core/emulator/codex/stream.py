"""The stream of an answer of the Codex backend: numbered events, ready for the player. Pure.

Input: events and pieces of text. Output: beats. The rule: the numbers of the events do not skip.
"""

from collections.abc import Sequence

import msgspec

from chat2api_core.emulator.encodings import Beat, Run
from chat2api_core.emulator.exchange import Json

_encode = msgspec.json.encode


class Stream:
    """``beats`` is what was told so far; who has more than events for the player puts it there."""

    def __init__(self) -> None:
        self.beats: list[Beat] = []
        self._number = 0

    def tell(self, kind: str, /, **fields: object) -> None:
        """One event."""
        event = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        self.beats.append(b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode(event)))

    def run(self, kind: str, place: Json, pieces: Sequence[str]) -> None:
        """Many events that differ in their number and their text only."""
        name = kind.encode()
        head = b'event: %b\ndata: {"type":"%b","sequence_number":' % (name, name)
        fixed = b"," + _encode(place)[1:-1] + b',"delta":'
        events = tuple(
            b"%b%d%b%b}\n\n" % (head, number, fixed, _encode(piece))
            for number, piece in enumerate(pieces, self._number)
        )
        self._number += len(events)
        self.beats.append(Run(events, b"".join(events)))
