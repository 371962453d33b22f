"""Which account answers: chosen among the configured ones by what all instances know of them.

In: what is asked for. Out: a ``Hold`` on an account, which its holder releases. Disabled, tried,
resting and dead accounts are passed over; so is the second of two tokens that open one account;
a conversation goes on with the account that holds it. The one rule: when nobody can be asked, the
problem says why, and after which time asking again makes sense.

An account whose rest has ended is tried by one request first; while that is under way, and while
accounts have as many requests as they may have, others wait for a short time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.hold import Hold
from chat2api_core.accounts.leases import Leases
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.accounts.member import Member, Verdict, fittest, member_of, verdict
from chat2api_core.accounts.shortage import Keeper, apart, crowded, exhausted, nobody
from chat2api_core.accounts.standing import Out
from chat2api_core.ambient import Clock, Ids
from chat2api_core.problem import Kind

_PATIENCE = 10.0  # seconds that a request waits for an account that is in use
_PAUSES = (0.05, 0.1, 0.2, 0.4)  # between two looks; the last one again and again
_MAX_PLANS = 6


class Pool:
    """The accounts of this gateway. ``shuffle`` picks at random instead of in turn.

    Without ``leases`` an account serves any number of requests."""

    def __init__(
        self,
        accounts: Sequence[Account],
        *,
        ledger: Ledger,
        leases: Leases | None = None,
        shuffle: bool,
        clock: Clock,
        ids: Ids,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._members = tuple(member_of(account) for account in accounts if not account.disabled)
        self._places = {member.key: place for place, member in enumerate(self._members)}
        self._ledger = ledger
        self._leases = leases or Leases(0, ids=ids)
        self._shuffle = shuffle
        self._clock = clock
        self._ids = ids
        self._sleep = sleep
        self._turn = 0
        self._fits: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._mixed = _mixed(self._members)
        self._types = frozenset(member.account.type for member in self._members)
        self._seats = {  # the place of each among those of its type
            key: seat for kind in self._types for seat, key in enumerate(self.keys((kind,)))
        }

    def __len__(self) -> int:
        """How many accounts there are, each counted once."""
        return sum(1 for _ in _once(self._members, lambda _: True))

    @property
    def members(self) -> tuple[Member, ...]:
        """The enabled accounts in their configured order."""
        return self._members

    @property
    def mixed(self) -> bool:
        """Whether plans differ, so that a model may tell accounts apart."""
        return self._mixed

    @property
    def types(self) -> frozenset[str]:
        """The types of the accounts."""
        return self._types

    def keys(self, types: Sequence[str]) -> tuple[str, ...]:
        """The keys of the accounts of these types: the same tuple every time."""
        keys = self._fits.get(tuple(types))
        if keys is None:
            keys = tuple(one.key for one in self._members if one.account.type in types)
            self._fits[tuple(types)] = keys
        return keys

    def plans(self, kind: str) -> tuple[str, ...]:
        """The plans of the accounts of a type, as ``Member.offer`` names them; a few at most."""
        members = (one for one in self._members if one.account.type == kind)
        return tuple(dict.fromkeys(member.offer for member in members))[:_MAX_PLANS]

    def type_of(self, key: str) -> str:
        """The type of the account with this key, empty where there is none."""
        place = self._places.get(key)
        return "" if place is None else self._members[place].account.type

    def alike(self, key: str) -> set[str]:
        """The keys of the accounts that have the type and the plan of this one."""
        plan = self._members[self._places[key]].offer
        return {member.key for member in self._members if member.offer == plan}

    def learn(self, account: Account) -> None:
        """Take in what renewed tokens say of an account: its plan, and whose it is."""
        place = self._places.get(account.key)
        if place is None:
            return
        found = member_of(account)
        members = list(self._members)
        members[place] = Member(
            members[place].account, found.key, found.plan, found.identity, found.expires
        )
        self._members = tuple(members)
        self._mixed = _mixed(self._members)

    async def usable(self) -> int:
        """How many accounts could be asked now for a model that none of them rests for."""
        await self._ledger.look(tuple(self._places))
        now = self._clock.now()
        seen = [verdict(one, self._ledger.standing(one.key), "", now) for one in self._members]
        free = {one.member.key for one in seen if one.why_not is None}
        return sum(1 for _ in _once(self._members, lambda member: member.key in free))

    async def pick(
        self,
        *,
        model: str,
        types: Sequence[str],
        tried: Collection[str] = (),
        conversation_id: str = "",
        plan: str | None = None,
        holder: str = "",
        needs: Collection[str] = (),
        prefer: str = "",
    ) -> Hold:
        """The account to ask next, of the first of these ``types`` that has one to be asked now;
        ``plan`` restricts the choice to that one, ``holder`` to the account of that key. ``needs``
        are the features that the account must have something left of; ``prefer`` is the key of the
        one to ask before others of its type.

        Raises ``Problem``: NO_ACCOUNT, CONVERSATION_NOT_FOUND, FILE_NOT_FOUND, BUSY, or why all are
        resting."""
        keys = self.keys(types)
        if not keys:
            raise nobody(types if self._members else ())
        keeper = await self._keeper(conversation_id, holder)
        if keeper is not None:
            keys = keeper.among(keys)
        end = self._clock.monotonic() + _PATIENCE
        pauses = iter(_PAUSES)
        while True:
            await self._ledger.look(keys)
            members = self._those(keys, plan)
            verdicts = self._verdicts(members, model, tried, needs)
            hold = await self._claim(verdicts, types, tried, keeper, prefer)
            if hold is not None:
                return hold
            if self._clock.monotonic() >= end:
                raise crowded()
            await self._sleep(next(pauses, _PAUSES[-1]))

    async def _keeper(self, conversation_id: str, holder: str) -> Keeper | None:
        owner = await self._ledger.owner(conversation_id) if conversation_id else ""
        if holder and owner not in {"", holder}:
            raise apart()
        if holder:
            return Keeper(holder, "the file", Kind.FILE_NOT_FOUND)
        return Keeper(owner, "this conversation", Kind.CONVERSATION_NOT_FOUND) if owner else None

    def _those(self, keys: Sequence[str], plan: str | None) -> list[Member]:
        members = [self._members[self._places[key]] for key in keys]
        return [one for one in members if plan is None or one.offer == plan]

    async def _claim(
        self,
        verdicts: Sequence[Verdict],
        types: Sequence[str],
        tried: Collection[str],
        keeper: Keeper | None,
        prefer: str,
    ) -> Hold | None:
        """A hold on one of them; None where those that may be asked are all in use. Raises
        ``Problem`` where none may be asked."""
        free = [one for one in verdicts if one.why_not is None and one.member.key not in tried]
        if not free:
            why = [one.why_not for one in verdicts if one.why_not is not None]
            raise exhausted(why, keeper, self._clock.now())
        for kind in types:
            left = [one for one in free if one.member.account.type == kind]
            while left:
                liked = next((one for one in left if one.member.key == prefer), None)
                chosen = liked or self._next(left)
                hold = await self._hold(chosen)
                if hold is not None:
                    return hold
                left.remove(chosen)
        return None

    def _verdicts(
        self,
        members: Sequence[Member],
        model: str,
        tried: Collection[str],
        needs: Collection[str],
    ) -> list[Verdict]:
        """What is to be said of each account, without those that open the account of an earlier
        one, and without those that another one fits better by its plan."""
        now = self._clock.now()
        standing = self._ledger.standing
        found: list[Verdict] = []
        known: set[str] = set()
        for member in members:
            if member.identity in known:
                continue
            judged = verdict(member, standing(member.key), model, now, needs)
            if member.identity and not isinstance(judged.why_not, Out):
                known.add(member.identity)
            found.append(judged)
        if not self._mixed:
            return found
        return fittest(found, model, self._ledger.models, tried)

    async def _hold(self, chosen: Verdict) -> Hold | None:
        key = chosen.member.key
        lease = await self._leases.take(key)
        if lease is None:
            return None
        try:
            if chosen.scope is None or await self._ledger.probe(key, chosen.scope):
                return Hold(chosen.member.account, lease, self._ledger, chosen.scope)
        except BaseException:
            await lease.release()
            raise
        await lease.release()
        return None

    def _next(self, free: Sequence[Verdict]) -> Verdict:
        if self._shuffle:
            return free[int(self._ids.random() * len(free))]
        # The turn counts over all accounts of the type, so that a resting one does not shift the
        # order.
        self._turn += 1
        count = len(self.keys((free[0].member.account.type,)))
        start = self._turn % count
        return min(free, key=lambda one: (self._seats[one.member.key] - start) % count)


def _once(members: Iterable[Member], counts: Callable[[Member], bool]) -> Iterable[Member]:
    """The members that count, those that open the same account once."""
    known: set[str] = set()
    for member in members:
        if counts(member) and member.identity not in known:
            known |= {member.identity} - {""}
            yield member


def _mixed(members: Iterable[Member]) -> bool:
    return len({member.offer for member in members}) > 1
