"""The newer proof's hash, a 32-bit FNV-1a with a final mix, for one text or for many at once.

In: texts that share their beginning and their end and differ in a few characters between.
Out: which of them is the first whose hash is small enough.

Hashed one by one, 600 characters cost 40 us. So many texts are hashed side by side, each in its
own 64-bit lane of one large integer: one multiplication moves every lane on by one character. The
rule that must hold: whatever is done to a lane stays below 2**64, or it would spill into the next.
"""

from functools import lru_cache
from typing import NamedTuple

_BASIS = 2166136261
_PRIME = 16777619
_WORD = 0xFFFFFFFF
_LANE = 8  # bytes
# From this many lanes on, working out a table of 256 states first is cheaper than hashing them all.
_TABLE_PAYS = 256


def absorb(text: str, state: int = _BASIS) -> int:
    """The inner state after ``text``, one step a character."""
    prime, word = _PRIME, _WORD
    for code in map(ord, text):
        state = (state ^ code) * prime & word
    return state


def digest(text: str) -> str:
    """The hash of ``text`` as eight lower-case hex digits."""
    return f"{_mix(absorb(text), 1):08x}"


def _ones(lanes: int) -> int:
    """The number 1 in every lane: times x, it is x in every lane."""
    return int.from_bytes((b"\1" + b"\0" * (_LANE - 1)) * lanes, "little")


def _spread(column: bytes) -> int:
    """One byte for each lane."""
    lanes = bytearray(_LANE * len(column))
    lanes[::_LANE] = column
    return int.from_bytes(lanes, "little")


def _mix(states: int, ones: int) -> int:
    """The final mix, in every lane."""
    word, high = ones * _WORD, ones * 0xFFFF
    states ^= states >> 16 & high  # the mask keeps out what the next lane shifted in
    states = states * 2246822507 & word
    states ^= states >> 13 & ones * 0x7FFFF
    states = states * 3266489909 & word
    return states ^ states >> 16 & high


class Table(NamedTuple):
    """What a fixed text does to any state.

    A character changes only the low byte of a state directly, so after n characters a state h has
    become ``h * prime**n + table[h & 255]``. The table's words are cut into four planes of bytes,
    as ``bytes.translate`` wants them."""

    power: int
    planes: tuple[bytes, ...]


def _walk(states: int, lanes: int, text: bytes) -> int:
    """The states after ``text``, one step a character."""
    ones = _ones(lanes)
    word = ones * _WORD
    characters = {character: ones * character for character in set(text)}
    for character in text:
        states = (states ^ characters[character]) * _PRIME & word
    return states


def _table(text: bytes) -> Table:
    power = pow(_PRIME, len(text), _WORD + 1)
    every, ones = _spread(bytes(range(256))), _ones(256)
    # What is taken away is below 2**40; adding 2**40, a multiple of 2**32, avoids borrowing.
    words = _walk(every, 256, text) + (ones << 40) - every * power & ones * _WORD
    row = words.to_bytes(_LANE * 256, "little")
    return Table(power, tuple(row[place::_LANE] for place in range(4)))


@lru_cache(maxsize=128)
def _shared_table(text: bytes) -> Table:
    """The same, remembered: 2 KB each, and it saves most of the work of an easy challenge."""
    return _table(text)


def _leap(states: int, lanes: int, table: Table) -> int:
    """The states after a text, all its characters at once."""
    low = states.to_bytes(_LANE * lanes, "little")[::_LANE]
    found = bytearray(_LANE * lanes)
    for place, plane in enumerate(table.planes):
        found[place::_LANE] = low.translate(plane)
    return states * table.power + int.from_bytes(found, "little") & _ones(lanes) * _WORD


class Suffix:
    """The text that ends every try: a part ``shared`` with other searches of this process, then a
    part of its ``own``."""

    __slots__ = ("_own", "_shared", "_table")

    def __init__(self, shared: bytes, own: bytes) -> None:
        self._shared = shared
        self._own = own
        self._table: Table | None = None

    def absorb(self, states: int, lanes: int) -> int:
        """The states of that many lanes after this text."""
        states = _leap(states, lanes, _shared_table(self._shared))
        if lanes < _TABLE_PAYS:
            return _walk(states, lanes, self._own)
        if self._table is None:
            self._table = _table(self._own)
        return _leap(states, lanes, self._table)


def first_within(
    state: int, middles: bytes, width: int, suffix: Suffix, ceiling: int
) -> int | None:
    """Which is the first of the texts ``middles[0:width]``, ``middles[width:2 * width]``, ... whose
    hash, begun at ``state`` and ended with ``suffix``, is at most ``ceiling``; None if none is."""
    lanes = len(middles) // width
    ones = _ones(lanes)
    word = ones * _WORD
    states = ones * state
    for place in range(width):
        states = (states ^ _spread(middles[place::width])) * _PRIME & word
    hashes = _mix(suffix.absorb(states, lanes), ones)
    # Adding what the ceiling lacks to 2**32 - 1 carries into bit 32 exactly where it is exceeded.
    carries = hashes + ones * (_WORD - ceiling)
    hits = ~carries & ones << 32
    return (hits & -hits).bit_length() // (8 * _LANE) if hits else None
