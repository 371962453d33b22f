"""Reads what was used: counters to rows, rows to sums.

In: days. Out: a ``Row`` for each day and key with model, and for each day and account. The one
rule: a key's rows and an account's rows are two views of the same requests; never add both up.
"""

import datetime
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from msgspec import Struct, field

from chat2api_core.metering.latency import BUCKETS, quantile
from chat2api_core.metering.use import index_name, read_name, seen_name
from chat2api_core.stores.base import Store

MOST_DAYS = 100
_CHUNK = 500

K = TypeVar("K", bound=Hashable)


class Figures(Struct):
    """Sums over requests. Tokens are counts, ``milliseconds`` is the sum of their times."""

    input: int = 0
    output: int = 0
    milliseconds: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        return sum(self.buckets)

    @property
    def failed(self) -> int:
        return sum(self.errors.values())

    @property
    def tokens(self) -> int:
        return self.input + self.output

    def quantile(self, part: float) -> int:
        """The time in milliseconds within which this part (0 to 1) of the requests ended."""
        return quantile(self.buckets, part)

    def take(self, name: str, amount: int) -> None:
        """Add what a counter of the field ``name`` says; an unknown one says nothing."""
        kind, number = name[:1], name[1:]
        if name == "in":
            self.input += amount
        elif name == "out":
            self.output += amount
        elif name == "ms":
            self.milliseconds += amount
        elif name.startswith("e."):
            self.errors[name[2:]] = self.errors.get(name[2:], 0) + amount
        elif kind == "h" and number.isdecimal() and int(number) < BUCKETS:
            self.buckets[int(number)] += amount

    def add(self, other: "Figures") -> None:
        """Add the sums of other requests."""
        self.input += other.input
        self.output += other.output
        self.milliseconds += other.milliseconds
        self.buckets = [a + b for a, b in zip(self.buckets, other.buckets, strict=True)]
        for code, count in other.errors.items():
            self.errors[code] = self.errors.get(code, 0) + count


class Row(Struct, frozen=True):
    """What was used on a day by a key for a model, or by an account (then ``key`` is empty)."""

    day: str
    key: str
    model: str
    account: str
    figures: Figures


def days_between(first: str, last: str) -> list[str]:
    """The days from ``first`` to ``last`` (both included, as ``2026-08-21``); of more than
    MOST_DAYS the latest. Raises ValueError for what is no day."""
    start, end = datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)
    count = min((end - start).days + 1, MOST_DAYS)
    return [(end - datetime.timedelta(days=back)).isoformat() for back in range(count)][::-1]


async def read_rows(
    store: Store,
    days: Sequence[str],
    *,
    key: str = "",
    unlisted: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> list[Row]:
    """The rows of these days: of one key (by its fingerprint), or all. ``unlisted`` are names, by
    day, that are not in the store's index yet."""
    indexes = await store.get_many([index_name(day) for day in days])
    wanted: list[tuple[str, str]] = []
    for day, index in zip(days, indexes, strict=True):
        listed = (index or b"").decode().split("\n")
        places = sorted({*listed, *unlisted.get(day, ())})
        wanted += [(day, place) for place in places if place.startswith(f"k/{key}/" if key else "")]
    rows: dict[tuple[str, str, str, str], Row] = {}
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        values = await store.get_many([f"use:{day}:{place}" for day, place in chunk if place])
        for (day, place), value in zip([pair for pair in chunk if pair[1]], values, strict=True):
            counter = read_name(place)
            if counter is None or value is None:
                continue
            cell = (day, counter.key, counter.model, counter.account)
            row = rows.setdefault(cell, Row(*cell, Figures()))
            row.figures.take(counter.field, int(value))
    return list(rows.values())


async def last_used(store: Store, accounts: Sequence[str]) -> dict[str, int]:
    """When each account was used last, in unix seconds, within a minute; 0 for never."""
    times = await store.get_many([seen_name(account) for account in accounts])
    return {name: int(time or 0) for name, time in zip(accounts, times, strict=True)}


def summed(rows: Iterable[Row], group: Callable[[Row], K]) -> dict[K, Figures]:
    """The sums of rows by whatever ``group`` tells of a row."""
    sums: dict[K, Figures] = {}
    for row in rows:
        sums.setdefault(group(row), Figures()).add(row.figures)
    return sums


def total(rows: Iterable[Row]) -> Figures:
    """The sum of rows."""
    return summed(rows, lambda _: "").get("", Figures())
