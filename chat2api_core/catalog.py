"""The models on offer, remembered for a short while: clients ask for the list again and again."""

from collections import OrderedDict
from typing import Protocol

from chat2api_core.accounts.caller import Caller, TokenCaller
from chat2api_core.ambient import Clock
from chat2api_core.upstreams.base import Model

_MAX_KEPT = 1000


class Asking(Protocol):
    """What the catalog needs of the engine."""

    async def models(self, caller: Caller) -> tuple[Model, ...]: ...


class Catalog:
    """The list of models for each kind of caller, at most ``ttl`` seconds old."""

    def __init__(self, engine: Asking, *, ttl: float, clock: Clock) -> None:
        self._engine = engine
        self._ttl = ttl
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, tuple[Model, ...]]] = OrderedDict()

    async def models(self, caller: Caller) -> tuple[Model, ...]:
        """Raises ``Problem`` where the upstream has to be asked and refuses."""
        key = type(caller).__name__
        if isinstance(caller, TokenCaller):
            key = caller.account.key
        kept = self._kept.get(key)
        if kept is not None and kept[0] > self._clock.monotonic():
            return kept[1]
        models = await self._engine.models(caller)
        self._kept[key] = self._clock.monotonic() + self._ttl, models
        self._kept.move_to_end(key)
        if len(self._kept) > _MAX_KEPT:
            self._kept.popitem(last=False)
        return models
