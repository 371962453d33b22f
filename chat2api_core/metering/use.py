"""One request as the counters that it moves. Pure.

In: a ``Use``. Out: counter names and what to add to each. A name is

    use:<day>:k/<key>/<model>/<field>       by key and model
    use:<day>:a/<account>/<field>           by account
    spent:<day>:<key>                       tokens of a key that has a daily limit
    seen:<account>                          a time: when it was used last

with the fields ``in`` and ``out`` (tokens), ``ms`` (time of the answers), ``h0`` to ``h9`` (answers
by time taken; together the number of requests) and ``e.<code>`` (failures). The one rule: names
come from requests, so each is escaped and cut, and ``Names`` bounds how many there can be.
"""

import datetime
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote, unquote

from msgspec import Struct

from chat2api_core.metering.latency import bucket_of

DAY = 86_400
OTHER = "other"  # stands for what there was no room for
TOKEN, ANONYMOUS = "token", "anonymous"

_LONGEST = 60


class Use(Struct, frozen=True):
    """What a request was and took. ``key`` is a local key's fingerprint, or TOKEN or ANONYMOUS;
    ``account`` and ``model`` are empty where it got no answer; ``error`` is the code of a failure.

    ``limited`` says that the key has a daily limit of tokens."""

    key: str
    model: str
    account: str
    input: int
    output: int
    milliseconds: int
    error: str = ""
    limited: bool = False


class Counter(NamedTuple):
    """A counter of a day as it is read: what it counts, and for whom."""

    key: str
    model: str
    account: str
    field: str


def day_of(now: float) -> str:
    """The day (UTC) of a moment in unix seconds, such as ``2026-08-21``."""
    return datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y-%m-%d")


def steps(use: Use, day: str) -> Iterator[tuple[str, int]]:
    """The counters that a request moves, and by how much."""
    amounts = [
        ("in", use.input),
        ("out", use.output),
        ("ms", max(0, use.milliseconds)),
        (f"h{bucket_of(use.milliseconds)}", 1),
    ]
    if use.error:
        amounts.append((f"e.{_escaped(use.error)}", 1))
    places = [f"k/{_escaped(use.key)}/{_escaped(use.model)}"]
    if use.account:
        places.append(f"a/{_escaped(use.account)}")
    for place in places:
        for field, amount in amounts:
            if amount:
                yield f"use:{day}:{place}/{field}", amount
    if use.limited and use.input + use.output:
        yield spent_name(use.key, day), use.input + use.output


def spent_name(key: str, day: str) -> str:
    """The counter of the tokens that a limited key has spent on a day."""
    return f"spent:{day}:{_escaped(key)}"


def seen_name(account: str) -> str:
    """Where the time stands at which an account was last used, in unix seconds."""
    return f"seen:{_escaped(account)}"


def index_name(day: str) -> str:
    """Where the names of a day's counters stand, so that nobody has to search a store for them."""
    return f"use:{day}:names"


def read_name(name: str) -> Counter | None:
    """What a counter of a day counts, by its name without ``use:<day>:``; None for no such name."""
    match name.split("/"):
        case ["k", key, model, field]:
            return Counter(unquote(key), unquote(model), "", unquote(field))
        case ["a", account, field]:
            return Counter("", "", unquote(account), unquote(field))
        case _:
            return None


class Names:
    """Bounds the names that one process adds within a day; what comes later counts as OTHER."""

    def __init__(self, *, models: int = 100, accounts: int = 1000) -> None:
        self._bounds = {"model": models, "account": accounts}
        self._day = ""
        self._known: dict[str, set[str]] = {}

    def fit(self, kind: str, name: str, day: str) -> str:
        """The name, or OTHER. ``kind`` is "model" or "account"."""
        if day != self._day:
            self._day = day
            self._known = {}
        known = self._known.setdefault(kind, set())
        if name not in known:
            if len(known) >= self._bounds[kind]:
                return OTHER
            known.add(name)
        return name


def _escaped(name: str) -> str:
    # Without letters beyond ASCII, so that a name stays short enough for every store.
    return quote(name[:_LONGEST].encode("ascii", "replace"), safe="")
