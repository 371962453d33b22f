"""What every store can do: keep small values under names for all instances to see.

In: names (``key``) and bytes. Out: the same bytes, or None. The one rule: a write that returned has
happened, in the place where the other instances look; a write that raised may or may not have.

- A key is 1 to 512 visible ASCII characters. It holds a value (bytes, written by ``put``, ``add``,
  ``swap``) or a counter (an integer, written by ``increment``), never both.
- A ``ttl`` is in seconds, above 0; None keeps the entry until it is deleted. What has expired is
  never returned and never in the way, even where the backend sweeps late.
- Secrets are sealed by the caller before they come here; a store does not look into values.

Errors: ``StoreDown`` and its siblings below, whose messages hold no address, key or value. They
are no ``Problem``: no caller of the API is to hear of them. Only the code that keeps accounts,
ledgers and meters catches them, and decides whether it can go on without.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

LARGEST = 380_000
"""The largest value in bytes; DynamoDB takes items of up to 400 KB, and it is the strictest."""

ONCE_FOR = 3600.0
"""Seconds for which the name of a batch of counts is known, and keeps it from counting twice."""

_LONGEST_KEY = 512
_LONGEST_TTL = 100 * 366 * 86400

Post: TypeAlias = Callable[[str, Mapping[str, str], bytes], Awaitable[tuple[int, bytes]]]
"""POST ``body`` with ``headers`` to a URL: the status and the whole answer, which it bounds.

Raises ``Problem`` where no answer came; a status of 400 or above is an answer."""


class StoreError(Exception):
    """The store did not do it."""


class StoreDown(StoreError):
    """The store cannot be reached, refuses us, or talks nonsense; the same may work later.

    Whether a write has happened is not known."""


class TooLarge(StoreError):
    """A value of more than ``LARGEST`` bytes, of which nothing was written; or a walk through more
    entries than can be walked through."""


class NotACounter(StoreError):
    """``increment`` met a key that holds a value. Nothing was written."""


class Store(Protocol):
    """A place for small values that outlives a request. See the head of this file for the rules."""

    @property
    def name(self) -> str:
        """What it is, in one word, for people: "redis"."""
        ...

    @property
    def durable(self) -> bool:
        """Whether it outlives this process."""
        ...

    async def get(self, key: str) -> bytes | None:
        """The value, None where there is none. A counter reads as its decimal digits."""
        ...

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """``get`` for each of the keys, in their order, in as few round trips as it takes."""
        ...

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Write, whatever was there. Without a ``ttl`` an older one is gone too."""
        ...

    async def add(self, key: str, value: bytes, ttl: float | None = None) -> bool:
        """Write if there is nothing. True for exactly one of all who try at the same time."""
        ...

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        """Write if the value is still ``old`` (None: if there is nothing), else change nothing."""
        ...

    async def delete(self, key: str) -> None:
        """Have nothing there from now on."""
        ...

    async def delete_if(self, key: str, old: bytes) -> bool:
        """Delete if the value is still ``old``: how the holder of a lock lets go of it."""
        ...

    async def increment(self, key: str, by: int = 1, ttl: float | None = None) -> int:
        """Add to a counter, which starts at 0, and return the sum.

        ``ttl`` runs from the increment that created the counter; later ones do not prolong it.
        Sums stay within 2**53. Raises ``NotACounter``."""
        ...

    async def increment_many(
        self, amounts: Mapping[str, int], ttl: float | None = None, *, once: str = ""
    ) -> None:
        """``increment`` for each of the keys, in as few round trips as it takes: up to 99
        counters are counted all or not at all.

        ``once`` names these counts. A batch of a name that has been counted within the last hour
        (``ONCE_FOR``) is not counted again, so one whose reply was lost can be sent once more: the
        very same one. Raises ``NotACounter``."""
        ...

    async def keys(self, prefix: str, limit: int = 1000) -> list[str]:
        """Up to ``limit`` keys that start with ``prefix``, sorted; which ones, if there are more,
        is left open. It may cost a walk through the whole store: for pages that people look at."""
        ...

    async def aclose(self) -> None:
        """Give back connections and files. The store is not used afterwards."""
        ...


def check_key(key: str) -> str:
    """The key. Raises ValueError for one that some store could not hold: a defect of the caller."""
    if not 0 < len(key) <= _LONGEST_KEY or not _visible(key):
        raise ValueError(f"A key is 1 to {_LONGEST_KEY} visible ASCII characters.")
    return key


def check_prefix(prefix: str) -> str:
    """The prefix, which may be empty. Raises ValueError where no key could start with it."""
    if len(prefix) > _LONGEST_KEY or not _visible(prefix):
        raise ValueError(f"A prefix is up to {_LONGEST_KEY} visible ASCII characters.")
    return prefix


def check_value(value: bytes) -> bytes:
    """The value. Raises ``TooLarge``."""
    if len(value) > LARGEST:
        raise TooLarge(f"A value of {len(value)} bytes is larger than the store takes ({LARGEST}).")
    return value


def once_name(once: str, part: int = 0) -> str:
    """The key under which a store notes that (this part of) a batch of counts was counted."""
    return check_key(f"once:{once}:{part}")


def check_ttl(ttl: float | None) -> float | None:
    """The ttl. Raises ValueError where it is not in bounds: a defect of the caller."""
    if ttl is not None and not 0 < ttl <= _LONGEST_TTL:
        raise ValueError("A ttl is above 0 seconds and at most a hundred years.")
    return ttl


def _visible(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
