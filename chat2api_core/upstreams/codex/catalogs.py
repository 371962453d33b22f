"""The catalog of each account, remembered: fetched when it is needed and no longer fresh.

That it cannot be fetched stops nobody: the last one goes on, or the built-in one. Only a refusal of
the account itself is passed on, because it is news for whoever chose the account.
"""

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from chat2api_core.ambient import Clock
from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.codex.catalog import FALLBACK, CodexModel, read_catalog

_MAX_KEPT = 1_000

_log = logging.getLogger("chat2api.codex")


class Listed(NamedTuple):
    """The list of models as it was sent; without a body it is the one known by the ETag."""

    body: bytes | None
    etag: str


Fetch: TypeAlias = Callable[[str], Awaitable[Listed]]
"""Fetches the list, unless it is still the one with this ETag. Raises ``Problem``."""


class _Kept(Struct, frozen=True):
    models: tuple[CodexModel, ...] = FALLBACK
    etag: str = ""
    until: float = float("-inf")  # monotonic seconds


class Catalogs:
    """The catalogs by the keys of their accounts, each at most ``ttl`` seconds old. Bounded."""

    def __init__(self, *, ttl: float, clock: Clock) -> None:
        self._ttl = ttl
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def at_hand(self, account: str) -> tuple[CodexModel, ...]:
        """What is known without asking, however old."""
        return self._kept.get(account, _Kept()).models

    async def get(self, account: str, fetch: Fetch) -> tuple[CodexModel, ...]:
        """The catalog, fetched if need be. Raises ``Problem`` UNAUTHORIZED or FORBIDDEN."""
        kept = self._kept.get(account, _Kept())
        if kept.until > self._clock.monotonic():
            return kept.models
        models, etag = await self._fetched(kept, fetch)
        self._kept[account] = _Kept(models, etag, self._clock.monotonic() + self._ttl)
        self._kept.move_to_end(account)
        if len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)
        return models

    async def _fetched(self, kept: _Kept, fetch: Fetch) -> tuple[tuple[CodexModel, ...], str]:
        try:
            listed = await fetch(kept.etag)
            models = kept.models if listed.body is None else read_catalog(listed.body)
        except Problem as problem:
            if problem.kind in {Kind.UNAUTHORIZED, Kind.FORBIDDEN}:
                raise
            _log.info("the list of models was not read: %s", problem.code)
            return kept.models, kept.etag
        return models, listed.etag
