"""An account as the pool sees it: its names, its plan, whether it may be asked for a model. Pure.

In: a configured account, what is known of it (``Standing``), and the models that plans have. Out: a
verdict. The one rule: an account is passed over for a model only where something says so: a free
account is not sent a model that its plan is known not to have.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct

from chat2api_core.accounts.account import Account, read_claims, renewable
from chat2api_core.accounts.standing import Out, Rest, Standing
from chat2api_core.effort import spelled, split
from chat2api_core.problem import Kind

Offers: TypeAlias = Mapping[str, frozenset[str]]

_FREE = "free"
_NOT_AT_ALL = 2  # a rank
# What every account may use, whatever its list says.
_EVERYBODYS = frozenset({"", "auto"})


class Member(Struct, frozen=True):
    """An account of the pool. ``identity`` is the same for all tokens of one login in one
    workspace that are of one type (the limits of the types are not the same), empty where nothing
    tells it; ``expires`` is unix seconds, 0 for never."""

    account: Account
    key: str
    plan: str
    identity: str
    expires: float

    @property
    def offer(self) -> str:
        """The name under which the list of its type's and plan's models is kept."""
        return f"{self.account.type}/{self.plan}"


class Verdict(Struct, frozen=True, gc=False):
    """Whether a member may be asked. ``scope`` is that of a rest to be probed, None for none."""

    member: Member
    why_not: Rest | Out | None = None
    scope: str | None = None


def member_of(account: Account) -> Member:
    """What its tokens say of an account. It may say more once they are renewed."""
    claims = read_claims(account.access_token)
    if not claims.user_id and account.id_token:
        told = read_claims(account.id_token)
        claims = told if told.user_id else claims
    workspace = account.account_id or claims.account_id
    known = claims.user_id and workspace
    identity = f"{account.type}: {claims.user_id} in {workspace}" if known else ""
    expires = 0.0 if renewable(account) else claims.expires
    return Member(account, account.key, claims.plan, identity, expires)


def verdict(
    member: Member, standing: Standing, model: str, now: float, needs: Collection[str] = ()
) -> Verdict:
    """Whether this member may be asked for this model and these features now, and if not, why."""
    out = standing.out or _ended(member, now)
    if out is not None:
        return Verdict(member, out)
    if not standing.rests:
        return Verdict(member)
    rest = standing.rest(model, now, needs)
    return Verdict(member, rest, None if rest else standing.half_open(model, now, needs))


def rank(member: Member, model: str, offers: Offers) -> int:
    """How well a member fits a model by its plan: 0 well, 1 where nobody fits better (a free
    account whose models are not known), 2 not at all.

    ``model`` is without an effort. A name that no list of its type has says nothing about anybody
    of that type."""
    if model in _EVERYBODYS:
        return 0
    own = offers.get(member.offer) if member.plan else None
    if own is not None:
        others = (names for offer, names in offers.items() if _type(offer) == member.account.type)
        lacking = not _has(own, model) and any(_has(names, model) for names in others)
        return _NOT_AT_ALL if lacking else 0
    return 1 if member.plan == _FREE else 0


def fittest(
    verdicts: Sequence[Verdict], model: str, offers: Offers, tried: Collection[str]
) -> list[Verdict]:
    """Those of them that no other one fits better by its plan, of those of its type that can be
    asked and are not among the ``tried``; all of them where nobody fits."""
    name = split(model, frozenset[str]().union(*offers.values())).name
    ranks = [(rank(one.member, name, offers), one) for one in verdicts]
    suited = [(place, one) for place, one in ranks if place < _NOT_AT_ALL]
    best: dict[str, int] = {}
    for place, one in suited:
        if one.why_not is None and one.member.key not in tried:
            kind = one.member.account.type
            best[kind] = min(place, best.get(kind, place))
    left = [one for place, one in suited if place <= best.get(one.member.account.type, 0)]
    return left if suited else list(verdicts)


def _has(names: frozenset[str], model: str) -> bool:
    return model in names or spelled(model) in map(spelled, names)


def _type(offer: str) -> str:
    return offer.partition("/")[0]


def _ended(member: Member, now: float) -> Out | None:
    if not member.expires or member.expires > now:
        return None
    message = "The account's access token has ended, and there is nothing to renew it with."
    return Out(member.expires, Kind.UNAUTHORIZED.name, message)
