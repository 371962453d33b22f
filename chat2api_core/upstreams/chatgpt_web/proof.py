"""The proof of work that ChatGPT asks for before a turn, and the token that opens the asking.

In: a description of our client as an array, and a challenge (seed, difficulty).
Out: ``gAAAAAC...``, with which the requirements are fetched, and ``gAAAAAB...``, the proof.

A proof is a nonce in element 3 of the array for which a hash of seed + base64(array) is small. Two
forms are in use: ``sha3`` (18 elements, SHA3-512, with the one-step requirements) and ``fnv`` (25
elements, see ``fnv``, with the two-step requirements). The rule that must hold: solving is bounded
by tries and by a deadline, and is cheap enough for an event loop only where it is ``easy``: else it
runs in a thread.

Source of the format: the sentinel script of the web client.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from chat2api_core.ambient import Ids
from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web import fnv
from chat2api_core.upstreams.chatgpt_web.page import Page

Variant: TypeAlias = Literal["sha3", "fnv"]
Element: TypeAlias = str | int | float | None

MAX_TRIES = 500_000
EASY_TRIES = 100
_BATCH = 1000  # tries between two looks at the deadline: 0.3 ms (fnv) or 3 ms (sha3)
_NONCE, _CHANCE = 3, 9
_OWN = 13  # from here on the array speaks of this moment and this account
_OPENING, _PROOF, _SEALED = "gAAAAAC", "gAAAAAB", "~S"
_OPENING_DIFFICULTY = "0fffff"
_EASY = "0f"
_HEX = re.compile(r"[0-9a-f]*")

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


class Browser(Struct, frozen=True):
    """What our client says about itself in the array.

    Only the user agent is a matter of choice and must equal the header. The rest are neutral
    constants, the same for every installation: they describe no real machine, so they tell nothing
    about the one we run on and imitate nobody's browser.
    """

    user_agent: str
    language: str = "en-US"
    languages: str = "en-US,en"
    screen_sum: int = 3000
    cores: int = 8
    heap_limit: int = 4294967296
    navigator: str = "cookieEnabled\N{MINUS SIGN}true"
    document: str = "location"
    window: str = "onload"


class Challenge(Struct, frozen=True):
    """A proof that is asked for. ``difficulty`` is hex digits: the smaller, the harder."""

    seed: str
    difficulty: str


def date_text(now: float) -> str:
    """Unix seconds as JavaScript's ``Date.toString()`` writes them in the UTC time zone."""
    return _date_text(int(now))


@lru_cache(maxsize=4)  # many turns begin within one second
def _date_text(second: int) -> str:
    moment = datetime.fromtimestamp(second, UTC)
    return (
        f"{_DAYS[moment.weekday()]} {_MONTHS[moment.month - 1]} {moment:%d %Y %H:%M:%S}"
        " GMT+0000 (Coordinated Universal Time)"
    )


def config_array(
    variant: Variant,
    *,
    browser: Browser,
    page: Page,
    device_id: str,
    now: float,
    ids: Ids,
    elapsed_ms: float = 1000.0,
) -> list[Element]:
    """The array: 18 elements for ``sha3``, 25 for ``fnv``.

    ``now`` is unix seconds, ``elapsed_ms`` the milliseconds since the page was loaded. Element 14
    is the device id in both forms (``fnv`` demands it, ``sha3`` takes any uuid). Element 9 is the
    milliseconds spent on the search, and stays 0: the searches that we accept take no longer."""
    scripts = page.scripts
    array: list[Element] = [
        browser.screen_sum,
        date_text(now),
        browser.heap_limit,
        0,
        browser.user_agent,
        scripts[int(ids.random() * len(scripts))] if scripts else None,
        page.build,
        browser.language,
        browser.languages,
        0,
        browser.navigator,
        browser.document,
        browser.window,
        elapsed_ms,
        device_id,
        "",
        browser.cores,
        now * 1000 - elapsed_ms,
    ]
    if variant == "fnv":
        array += [0] * 7  # none of the globals is there that the script looks for
    return array


def requirements_token(variant: Variant, array: Sequence[Element], *, ids: Ids) -> str:
    """The ``p`` with which requirements are asked for. ``sha3`` searches an easy proof for a seed
    of its own (about 16 tries); ``fnv`` searches nothing. Raises ``Problem`` (PROOF_TOO_HARD)."""
    if variant == "sha3":
        challenge = Challenge(str(ids.random()), _OPENING_DIFFICULTY)
        return _OPENING + _search_sha3(challenge, _Frame(array), MAX_TRIES, _never)
    filled = [*array]
    filled[_NONCE], filled[_CHANCE] = 1, ids.random()
    return _OPENING + b64encode(msgspec.json.encode(filled)).decode() + _SEALED


def too_hard(challenge: Challenge, limit: str) -> bool:
    """Whether the difficulty lies at or below ``limit``, both compared as texts (an empty limit
    refuses nothing). Such a challenge need not be tried."""
    return bool(limit and challenge.difficulty) and challenge.difficulty <= limit.lower()


def easy(challenge: Challenge) -> bool:
    """Whether one try in 16 or more solves it, so that ``EASY_TRIES`` nearly always do."""
    return challenge.difficulty >= _EASY


def _never() -> bool:
    return False


def solve(
    variant: Variant,
    challenge: Challenge,
    array: Sequence[Element],
    *,
    max_tries: int = MAX_TRIES,
    deadline: Callable[[], bool] = _never,
) -> str:
    """The proof for a challenge, with nonces from 0 up.

    ``deadline`` says, now and then, whether time is up. Raises ``Problem``: PROOF_TOO_HARD when
    tries or time run out, GARBAGE when the difficulty is not lower-case hex."""
    if not _HEX.fullmatch(challenge.difficulty):
        raise Problem(
            Kind.GARBAGE, "ChatGPT asked for a proof of work in an unknown form.", step="proof"
        )
    if variant == "sha3":
        return _PROOF + _search_sha3(challenge, _Frame(array), max_tries, deadline)
    if not (challenge.seed and challenge.difficulty):
        return _PROOF + _SEALED
    return _PROOF + _search_fnv(challenge, _Frame(array), max_tries, deadline) + _SEALED


def _too_hard() -> Problem:
    return Problem(
        Kind.PROOF_TOO_HARD,
        "ChatGPT asked for a proof of work that is harder than this gateway may solve. "
        "Ask again, or use another network address.",
        step="proof",
    )


class _Frame:
    """The array as base64 with a gap for the nonce.

    Three bytes make four characters, so only the group or two around the nonce change from try to
    try, and everything behind them depends on nothing but the count of the nonce's digits."""

    __slots__ = ("_lead", "_shared", "_tail", "head")

    def __init__(self, array: Sequence[Element]) -> None:
        before = msgspec.json.encode(array[:_NONCE])[:-1] + b","
        whole = len(before) // 3 * 3
        self.head = b64encode(before[:whole])
        self._lead = before[whole:].decode()
        self._tail = b"," + msgspec.json.encode(array[_NONCE + 1 :])[1:]
        self._shared = len(msgspec.json.encode(array[_NONCE + 1 : _OWN]))

    def _pad(self, digits: int) -> int:
        return -(len(self._lead) + digits) % 3

    def rest(self, digits: int) -> tuple[bytes, bytes]:
        """What follows the middle of a nonce of so many digits: first what other arrays of this
        client have as well, then what belongs to this account and moment."""
        start = self._pad(digits)
        cut = start + max(self._shared - start, 0) // 3 * 3
        return b64encode(self._tail[start:cut]), b64encode(self._tail[cut:])

    def middles(self, nonces: range) -> tuple[bytes, int]:
        """The characters around each nonce, all in a row, and how many belong to each.
        The nonces must have the same count of digits."""
        digits = len(str(nonces.start))
        trail = self._tail[: self._pad(digits)].decode()
        between = trail + self._lead
        row = self._lead + between.join(map(str, nonces)) + trail
        return b64encode(row.encode()), (digits + len(between)) * 4 // 3


def _batches(max_tries: int) -> Iterator[range]:
    """0 to ``max_tries``, cut so that all nonces of a batch have the same count of digits."""
    start, end = 0, 10
    while start < max_tries:
        stop = min(end, start + _BATCH, max_tries)
        yield range(start, stop)
        start = stop
        if start == end:
            end *= 10


def _search_sha3(
    challenge: Challenge, frame: _Frame, max_tries: int, deadline: Callable[[], bool]
) -> str:
    """The base64 text of the first array that solves the challenge. The digest's first characters
    must not exceed the difficulty; comparing bytes against difficulty + ``ff...`` says the same."""
    begun = hashlib.sha3_512(challenge.seed.encode() + frame.head)
    ceiling = bytes.fromhex(challenge.difficulty[:128].ljust(128, "f"))
    for batch in _batches(max_tries):
        if deadline():
            break
        rest = b"".join(frame.rest(len(str(batch.start))))
        middles, width = frame.middles(batch)
        for place in range(0, len(middles), width):
            answer = middles[place : place + width] + rest
            attempt = begun.copy()
            attempt.update(answer)
            if attempt.digest() <= ceiling:
                return (frame.head + answer).decode()
    raise _too_hard()


def _search_fnv(
    challenge: Challenge, frame: _Frame, max_tries: int, deadline: Callable[[], bool]
) -> str:
    """The same for the other hash, whose eight digits end a longer difficulty."""
    state = fnv.absorb(challenge.seed + frame.head.decode())
    ceiling = int(challenge.difficulty[:8].ljust(8, "f"), 16)
    suffixes: dict[int, fnv.Suffix] = {}
    for batch in _batches(max_tries):
        if deadline():
            break
        digits = len(str(batch.start))
        rest = frame.rest(digits)
        suffix = suffixes.setdefault(digits, fnv.Suffix(*rest))
        middles, width = frame.middles(batch)
        found = fnv.first_within(state, middles, width, suffix, ceiling)
        if found is not None:
            place = found * width
            middle = middles[place : place + width]
            return b"".join((frame.head, middle, *rest)).decode()
    raise _too_hard()
