"""Which models each upstream has, for the accounts of the pool: one of each plan is asked.

In: how one account is asked. Out: the lists by upstream, and their union. The rules: who does not
tell hides nothing of the others; what was told once is remembered by the ledger, for every
instance, so that choosing an upstream waits for a list at most once, and then only for a short
while.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from msgspec import structs

from chat2api_core.accounts.ledger import Ledger
from chat2api_core.accounts.pool import Pool
from chat2api_core.ambient import Clock
from chat2api_core.choice import Choice, has, names_model
from chat2api_core.effort import spelled
from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.base import Model

Ask: TypeAlias = Callable[[str, str], Awaitable[tuple[Model, ...]]]
"""Asks an account of this type and plan what it may use. Raises ``Problem``."""

Lists: TypeAlias = Mapping[str, Sequence[Model]]

_PATIENCE = 3.0  # seconds that the choice of an upstream waits for lists
_LONGEST = 30.0
_AGAIN = 300.0  # seconds before who did not tell is asked again

_log = logging.getLogger("chat2api.listings")


class Listings:
    """The lists. ``known`` is for choosing and waits ``patience`` seconds at most; ``fetch`` is for
    showing."""

    def __init__(
        self,
        *,
        pool: Pool,
        ledger: Ledger,
        ask: Ask,
        clock: Clock,
        patience: float = _PATIENCE,
    ) -> None:
        self._pool = pool
        self._ledger = ledger
        self._ask = ask
        self._clock = clock
        self._patience = patience
        self._flight: asyncio.Task[Lists] | None = None
        self._again = float("-inf")

    async def known(self, kinds: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """The names of the models of those types whose lists are known. Asks for missing ones, but
        seldom and without waiting long."""
        if any(self._names(kind) is None for kind in kinds):
            await self._ledger.look(self._pool.keys(kinds))  # another instance may have asked
        missing = [kind for kind in kinds if self._names(kind) is None]
        if missing and (self._flight is not None or self._clock.monotonic() >= self._again):
            await self._learn(missing)
        found = {kind: self._names(kind) for kind in kinds}
        return {kind: names for kind, names in found.items() if names is not None}

    async def offering(self, choice: Choice) -> Choice:
        """The choice without the web, where the lists of all its plans are known and none has the
        model: the web would answer with another one, while Codex itself says what it has not. The
        lists are asked for anew, if they were not of late, before they are believed.

        Raises ``Problem`` MODEL_NOT_FOUND where nobody is left."""
        model = choice.prompt.model
        if "web" not in choice.upstreams or not names_model(model) or not self._lacks(model):
            return choice
        if self._clock.monotonic() >= self._again:
            await self._learn(("web",))
            if not self._lacks(model):
                return choice
        others = tuple(name for name in choice.upstreams if name != "web")
        if not others:
            message = f"No account offers the model {model[:100]}. GET /v1/models lists them all."
            raise Problem(Kind.MODEL_NOT_FOUND, message, step="pool", param="model")
        return structs.replace(choice, upstreams=others)

    async def fetch(self, kinds: Sequence[str]) -> Lists:
        """The lists of these types, without those that nobody tells. Raises the first ``Problem``
        where nobody tells anything."""
        asked = [(kind, plan) for kind in kinds for plan in self._pool.plans(kind)]
        told = await asyncio.gather(*(self._told(kind, plan) for kind, plan in asked))
        lists: dict[str, list[Model]] = {}
        for (kind, plan), models in zip(asked, told, strict=True):
            if not isinstance(models, Problem):
                lists.setdefault(kind, []).extend(models)
                await self._ledger.offers(plan, [model.id for model in models])
        if not lists:
            for problem in told:
                assert isinstance(problem, Problem)
                raise problem
        return lists

    async def _told(self, kind: str, plan: str) -> tuple[Model, ...] | Problem:
        try:
            return await self._ask(kind, plan)
        except Problem as problem:
            _log.info("no list of models of %s: %s", plan, problem.code)
            return problem

    def _names(self, kind: str) -> frozenset[str] | None:
        """The names of all plans of a type; None while one of them is not known."""
        known = self._ledger.models
        plans = self._pool.plans(kind)
        if not plans or not all(plan in known for plan in plans):
            return None
        return frozenset[str]().union(*(known[plan] for plan in plans))

    def _lacks(self, model: str) -> bool:
        known = self._names("web")
        return known is not None and not has(known, model)

    async def _learn(self, kinds: Sequence[str]) -> None:
        """Ask once for all who wait. A list that comes too late serves the next request."""
        if self._flight is None:
            self._again = self._clock.monotonic() + _AGAIN
            self._flight = asyncio.create_task(self._fetched(kinds))
            self._flight.add_done_callback(self._landed)
        await asyncio.wait((self._flight,), timeout=self._patience)

    async def _fetched(self, kinds: Sequence[str]) -> Lists:
        try:
            async with asyncio.timeout(_LONGEST):
                return await self.fetch(kinds)
        except (Problem, TimeoutError):
            return {}  # each failure was logged where it was met

    def _landed(self, _: "asyncio.Task[Lists]") -> None:
        self._flight = None


def union(lists: Lists) -> tuple[Model, ...]:
    """Every model once, in the order of the lists, each with the upstreams that offer it. A model
    has the name that the first of them gives it."""
    found: dict[str, Model] = {}
    for kind, models in lists.items():
        for model in models:
            known = found.setdefault(spelled(model.id), model)
            if kind not in known.upstreams:
                names = (*known.upstreams, kind)
                found[spelled(model.id)] = structs.replace(known, upstreams=names)
    return tuple(found.values())
