"""What all instances know of the accounts: their standing, which models each plan has, and who
holds which conversation.

In: what happened to this process's requests. Out: what happened to those of all of them. The one
rule: what this process knows is in its memory first, so a store that is slow, down or absent never
makes it forget; the store is how the others hear of it.

``reach`` says who else writes into the store, and so how often it is read:

    process   nobody; it is not used at all
    machine   other processes here (a file): read at most once a second, written when something
              changes, never for an ordinary request
    world     other machines: read for every choice of an account, by all who wait together at once

What ChatGPT tells of an account's caps with nearly every answer is part of its standing; it is
written once a minute at most, and at once where it makes or ends a rest.

Keys: ``standing:<account>``, ``models`` (lists by plan), and those of ``owners`` and ``probes``. No
secret is in any of them.
"""

import asyncio
import functools
import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from chat2api_core.accounts import caps as known_caps
from chat2api_core.accounts import standing as standings
from chat2api_core.accounts.caps import Caps, PlanUse
from chat2api_core.accounts.owners import Owners
from chat2api_core.accounts.probes import Probes
from chat2api_core.accounts.standing import NOTHING, Rest, Standing
from chat2api_core.ambient import Clock
from chat2api_core.problem import Problem
from chat2api_core.stores.base import Store

Reach: TypeAlias = Literal["process", "machine", "world"]

_MAX_STANDINGS = 10_000
_MAX_PLANS = 20
_KEEP = 30 * 86_400.0
_LOOK_EVERY = 1.0
_TELL_EVERY = 60.0  # seconds between two writes of an account's caps
_TRIES = 8
_MODELS = "models"

_log = logging.getLogger("chat2api.ledger")


class Ledger:
    """See the head of this file. Without a ``store`` it is this process's own; all is bounded.

    ``temporary`` says of what kind a chat is whose request does not say it; ``heeds_caps`` whether
    an account rests as soon as it is known to have used up what it may use."""

    def __init__(
        self,
        clock: Clock,
        store: Store | None = None,
        *,
        reach: Reach = "process",
        temporary: bool = False,
        heeds_caps: bool = False,
    ) -> None:
        self.heeds_caps = heeds_caps
        self._clock = clock
        self._store = None if reach == "process" else store
        self._every = 0.0 if reach == "world" else _LOOK_EVERY
        self._known: OrderedDict[str, Standing] = OrderedDict()
        self._written: dict[str, int] = {}
        self._untold: dict[str, Caps] = {}
        self._told: dict[str, float] = {}
        self._writes = 0
        self._models: Mapping[str, frozenset[str]] = {}
        self._looked: tuple[Sequence[str], float] = ((), 0.0)
        self._looks: dict[Sequence[str], asyncio.Task[None]] = {}
        # On one machine a temporary chat does not outlive the process: a write to the disk would
        # cost more than the whole request.
        self._owners = Owners(self._store, temporary=temporary, kept=reach == "world")
        self._probes = Probes(clock, self._store)

    # ------------------------------------------------------------------------------- standings

    def standing(self, account: str) -> Standing:
        """What is known here of an account. ``look`` first for what the others know."""
        return self._known.get(account, NOTHING)

    def rest(self, account: str, model: str, needs: Collection[str] = ()) -> Rest | None:
        """Why and until when the account is not to be asked for the model and what else is needed,
        if so."""
        return self.standing(account).rest(model, self._clock.now(), needs)

    def refusal(self, rest: Rest) -> Problem:
        """What to tell somebody who asks while the account rests."""
        wait = max(0.0, rest.until - self._clock.now())
        return Problem(rest.kind, rest.message, step="pool", retry_after=wait)

    async def look(self, accounts: Sequence[str]) -> None:
        """Take in what the others wrote about these accounts: one question for all of them, and
        one for all who ask it at the same time. Give the same tuple again where it is the same."""
        if self._store is None:
            return
        seen, until = self._looked
        if seen is accounts and self._clock.monotonic() < until:
            return
        flight = self._looks.get(accounts)
        if flight is None:
            flight = self._looks[accounts] = asyncio.create_task(self._look(self._store, accounts))
        await asyncio.wait((flight,))  # does not cancel it when this caller is cancelled
        flight.result()

    async def blame(self, account: str, model: str, problem: Problem) -> None:
        """Note a failure of the account; some kinds rest it for a while, see ``blamed``."""
        now = self._clock.now()
        await self._change(account, lambda known: standings.blamed(known, model, problem, now))

    async def praise(self, account: str, model: str) -> None:
        """Note a success: whatever rested the account is over. Costs nothing where nothing did."""
        if account in self._known:
            await self._change(account, lambda known: standings.praised(known, model))

    async def reset(self, account: str) -> None:
        """Forget every rest of the account, and that it was out: somebody wants it tried again."""
        now = self._clock.now()
        await self._change(account, lambda known: standings.cleared(known, now))

    async def _change(self, account: str, change: Callable[[Standing], Standing]) -> None:
        known = self.standing(account)
        changed = change(known)
        self._learn(account, changed)
        if self._store is not None and changed is not known:
            await self._tell(self._store, account, change)

    async def _tell(
        self, store: Store, account: str, change: Callable[[Standing], Standing]
    ) -> None:
        self._writes += 1
        if len(self._written) >= _MAX_STANDINGS:
            self._written.clear()
        self._written[account] = self._writes
        key = f"standing:{account}"
        for _ in range(_TRIES):
            raw = await store.get(key)
            before = standings.decode(raw)
            after = change(before)
            if after is before or await store.swap(key, raw, standings.encode(after), _KEEP):
                self._learn(account, after)
                return
        _log.warning("the standing of account %s is contended; the others hear later", account)

    async def _look(self, store: Store, accounts: Sequence[str]) -> None:
        asked_at, writes = self._clock.monotonic(), self._writes
        keys = [f"standing:{account}" for account in accounts]
        try:
            *found, models = await store.get_many([*keys, _MODELS])
        finally:
            del self._looks[accounts]
        for account, raw in zip(accounts, found, strict=True):
            # What was written here while the question was under way is newer than its answer.
            if self._written.get(account, 0) <= writes:
                here = self.standing(account).caps
                self._learn(account, self._capped(standings.decode(raw), here))
        self._models = {**self._models, **_read_models(models)}
        self._looked = accounts, asked_at + self._every

    def _learn(self, account: str, standing: Standing) -> None:
        if standing == NOTHING:
            self._known.pop(account, None)
            return
        self._known[account] = standing
        self._known.move_to_end(account)
        if len(self._known) > _MAX_STANDINGS:
            self._known.popitem(last=False)

    # ------------------------------------------------------------------------------------ caps

    def quota_seen(self, account: str, quota: PlanUse) -> None:
        """Note how much of its plan an account has used with Codex. ``settle`` tells the others."""
        self._see(account, known_caps.of_plan(quota, self._clock.now()))

    def limits_seen(self, account: str, limits: Mapping[str, tuple[int, float]]) -> None:
        """Note how often an account may still use features of the web, and until when (unix
        seconds, 0 where unknown). ``settle`` tells the others."""
        self._see(account, known_caps.of_features(limits, self._clock.now()))

    def _see(self, account: str, caps: Caps) -> None:
        before = self.standing(account)
        after = self._capped(before, caps)
        self._learn(account, after)
        if self._store is None:
            return
        if len(self._told) >= _MAX_STANDINGS:
            self._told.clear()
        if len(self._untold) < _MAX_STANDINGS or account in self._untold:
            self._untold[account] = known_caps.merged(self._untold.get(account, {}), caps)
        if after.rests.keys() != before.rests.keys():
            self._told.pop(account, None)

    def _capped(self, known: Standing, caps: Caps) -> Standing:
        return standings.capped(known, caps, self._clock.now(), heed=self.heeds_caps)

    async def _tell_caps(self, store: Store) -> None:
        now = self._clock.monotonic()
        due = [one for one in self._untold if self._told.get(one, -math.inf) + _TELL_EVERY <= now]
        for account in due:
            caps = self._untold.pop(account, None)
            if caps is not None:
                self._told[account] = now
                await self._tell(store, account, functools.partial(self._capped, caps=caps))

    # ---------------------------------------------------------------------------------- probes

    async def probe(self, account: str, scope: str) -> bool:
        """Whether the caller may try the account after a rest; see ``probes``."""
        return await self._probes.begin(account, scope)

    async def probed(self, account: str, scope: str) -> None:
        """The probe is over, however it went."""
        await self._probes.end(account, scope)

    # ---------------------------------------------------------------------------------- models

    @property
    def models(self) -> Mapping[str, frozenset[str]]:
        """The names of the models that accounts of a plan may use, for the plans of which one was
        asked."""
        return self._models

    async def offers(self, plan: str, models: Sequence[str]) -> None:
        """Note what an account of this plan may use."""
        names = frozenset(models)
        if self._models.get(plan) == names or len(self._models) >= _MAX_PLANS:
            return
        self._models = {**self._models, plan: names}
        if self._store is not None:
            known = _read_models(await self._store.get(_MODELS))
            lists = {name: sorted(found) for name, found in {**known, plan: names}.items()}
            await self._store.put(_MODELS, msgspec.json.encode(lists), _KEEP)

    # --------------------------------------------------------------------------- conversations

    def owns(self, account: str, conversation_id: str, temporary: bool | None = None) -> None:
        """Note that the account holds the conversation. ``settle`` tells the others."""
        self._owners.note(account, conversation_id, temporary)

    async def owner(self, conversation_id: str) -> str:
        """The key of the account that holds the conversation, empty where unknown."""
        return await self._owners.of(conversation_id)

    async def settle(self, *, at_once: str = "") -> None:
        """Tell the others what was noted since: of conversations, and of caps where it is time, or
        those of the account ``at_once``."""
        if self._store is None:
            return
        await self._owners.settle()
        self._told.pop(at_once, None)
        if self._untold:
            await self._tell_caps(self._store)


def _read_models(raw: bytes | None) -> dict[str, frozenset[str]]:
    if raw is None:
        return {}
    try:
        return msgspec.json.decode(raw, type=dict[str, frozenset[str]])
    except msgspec.DecodeError:
        return {}
