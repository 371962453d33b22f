"""Links of ours to what lies at ChatGPT: a picture of an answer, or a file that its code wrote.

In: what is meant, and for whom it lies there. Out: a token that stands for it, and the way back.
The token seals everything, so no instance keeps a table of links, and it opens in any browser.

The one rule: a token cannot be made or guessed by others, reveals nothing, and ends at its time.
"""

import msgspec
from msgspec import Struct

from chat2api_core.ambient import Clock
from chat2api_core.problem import Kind, Problem
from chat2api_core.seal import BadSeal, Sealer

_CONTEXT = "media link"
_LONGEST_TOKEN = 1600
_LONGEST_PLACE = 600


class Target(Struct, frozen=True, array_like=True):
    """What a link leads to. ``place`` is an asset's pointer (``sediment://file_...``) or a path in
    the sandbox of the conversation (``sandbox:/mnt/data/...``), which the message ``message_id``
    shows; ``account_key`` tells whose it is."""

    place: str
    account_key: str
    conversation_id: str = ""
    message_id: str = ""


class _Sealed(Struct, frozen=True, array_like=True):
    target: Target
    ends: int  # unix seconds


class Links:
    """Makes tokens and opens them. ``ttl`` is in seconds."""

    def __init__(self, sealer: Sealer, clock: Clock, *, ttl: float) -> None:
        self._sealer = sealer
        self._clock = clock
        self._ttl = ttl

    def token(self, target: Target) -> str:
        """A token for this, empty where its name is longer than a link can be."""
        if len(target.place) > _LONGEST_PLACE:
            return ""
        inner = _Sealed(target, int(self._clock.now() + self._ttl))
        token = self._sealer.seal_text(msgspec.msgpack.encode(inner), _CONTEXT)
        return token if len(token) <= _LONGEST_TOKEN else ""

    def open(self, token: str) -> Target:
        """What a token stands for. Raises ``Problem`` FILE_NOT_FOUND if it is bad or old."""
        if not token or len(token) > _LONGEST_TOKEN:
            raise _not_ours()
        try:
            inner = msgspec.msgpack.decode(self._sealer.open_text(token, _CONTEXT), type=_Sealed)
        except (BadSeal, msgspec.DecodeError) as error:
            raise _not_ours() from error
        if inner.ends <= self._clock.now():
            message = "This link has expired. Ask for a new answer to get a new one."
            raise Problem(Kind.FILE_NOT_FOUND, message)
        return inner.target


def _not_ours() -> Problem:
    message = "There is nothing at this link: it is incomplete, or was made under another key."
    return Problem(Kind.FILE_NOT_FOUND, message)
