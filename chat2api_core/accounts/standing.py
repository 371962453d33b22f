"""What is known of an account beyond its credentials: who rests until when, and who is out. Pure.

In: what was known, and what happened. Out: what is known now; the very same value where nothing
changed, so that nobody writes what is written already. The one rule: a rest ends by time but is
forgotten by success alone. In between it is half open: one request may try, the others wait for it.

A rest without ``strikes`` is another thing: nobody was refused, a cap says beforehand that asking
is in vain. It ends with its time or when the cap says otherwise, and no success shortens it.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec
from msgspec import Struct, structs

from chat2api_core.accounts.caps import (
    PICTURES,
    UPLOADS,
    Caps,
    forgotten,
    merged,
    refusal,
    scope_of,
)
from chat2api_core.problem import Kind, Problem, Step

EVERY_MODEL = ""

_LONGEST_REST = 32 * 86_400.0
_HALF_OPEN = 3600.0  # seconds after its end for which a rest asks for a probe
_MAX_RESTS = 50


class _Pause(NamedTuple):
    """Seconds for which a failure rests an account where the upstream does not say: the first
    time, and at most, because every failed probe doubles it."""

    first: float
    longest: float


_PAUSES: Mapping[Kind, _Pause] = {
    Kind.RATE_LIMITED: _Pause(300, 3600),
    Kind.UNAUTHORIZED: _Pause(60, 3600),
    Kind.BUSY: _Pause(5, 60),
}
# A sign-in server that cannot be asked now: nothing is wrong with the account itself.
_NO_REFRESH = _Pause(30, 3600)
# Where a limit is met that is not one of the model.
_FEATURES: Mapping[Step | None, str] = {"picture": PICTURES, "upload": UPLOADS}
_OF_THE_ACCOUNT = frozenset({Kind.UNAUTHORIZED, Kind.BUSY})


class Rest(Struct, frozen=True):
    """An account is not to be asked before ``until`` (unix seconds), because of this problem.

    ``strikes`` counts the failures in a row, each met by a probe after the rest before it; 0 where
    a cap is why."""

    until: float
    reason: str
    message: str
    strikes: int = 1

    @property
    def kind(self) -> Kind:
        return _kind(self.reason)


class Out(Struct, frozen=True):
    """An account is not asked at all, since then (unix seconds): its sign-in is dead."""

    since: float
    reason: str
    message: str


class Standing(Struct, frozen=True):
    """All that is known of one account. ``rests`` are by model or feature, "" for all of them;
    ``caps`` by their names."""

    rests: Mapping[str, Rest] = {}
    out: Out | None = None
    caps: Caps = {}

    def rest(self, model: str, now: float, needs: Collection[str] = ()) -> Rest | None:
        """Why and until when the account is not to be asked for the model and what else the turn
        ``needs``, if so."""
        for scope in (EVERY_MODEL, model, *needs):
            rest = self.rests.get(scope)
            if rest is not None and rest.until > now:
                return rest
        return None

    def half_open(self, model: str, now: float, needs: Collection[str] = ()) -> str | None:
        """The scope of a rest that has ended and that no success has followed yet, if there is
        one. Ask after ``rest``, which goes first."""
        for scope in (EVERY_MODEL, model, *needs):
            rest = self.rests.get(scope)
            if rest is None or not rest.strikes:
                continue
            if rest.until <= now < rest.until + _HALF_OPEN:
                return scope
        return None


NOTHING = Standing()


def blamed(known: Standing, model: str, problem: Problem, now: float) -> Standing:
    """After a failure of the account; some kinds rest it for a while, a dead sign-in for good.

    A limit concerns the model that was asked, or the feature that was used; a refused token or a
    turn that is still running concerns every model. A longer rest is not cut short by a newer one.
    """
    if problem.step == "refresh" and problem.kind is Kind.UNAUTHORIZED:
        if known.out is not None:
            return known
        return structs.replace(known, out=Out(now, problem.kind.name, problem.message))
    pause = _NO_REFRESH if problem.step == "refresh" else _PAUSES.get(problem.kind)
    if pause is None:
        return known
    general = problem.step == "refresh" or problem.kind in _OF_THE_ACCOUNT
    scope = EVERY_MODEL if general else _FEATURES.get(problem.step, model)
    before = known.rests.get(scope)
    rest = _rest(problem, pause, before, now)
    if before is not None and before.until >= rest.until:
        return known
    return structs.replace(known, rests=_bounded({**known.rests, scope: rest}, now))


def praised(known: Standing, model: str) -> Standing:
    """After a success: whatever rested the account for this model is over, and it is not out."""
    left = {
        scope: rest
        for scope, rest in known.rests.items()
        if scope not in (EVERY_MODEL, model) or not rest.strikes
    }
    if len(left) == len(known.rests) and known.out is None:
        return known
    return structs.replace(known, rests=left, out=None)


def capped(known: Standing, found: Caps, now: float, *, heed: bool) -> Standing:
    """After what ChatGPT has told of the account's caps. ``heed``: one that is used up rests the
    account for what it caps."""
    caps = merged(known.caps, found)
    if caps is known.caps:
        return known
    rests = {scope: rest for scope, rest in known.rests.items() if rest.strikes}
    for name, cap in caps.items() if heed else ():
        before = rests.get(scope_of(name))
        until = min(cap.resets_at, now + _LONGEST_REST)
        if cap.spent(now) and (before is None or before.until < until):
            rest = Rest(until, Kind.RATE_LIMITED.name, refusal(name, cap), strikes=0)
            rests[scope_of(name)] = rest
    return structs.replace(known, caps=caps, rests=rests)


def cleared(known: Standing, now: float) -> Standing:
    """After somebody said that the account is to be tried again, whatever is known of it."""
    return Standing(caps=forgotten(known.caps, now)) if known.caps else NOTHING


def encode(standing: Standing) -> bytes:
    """For a store."""
    return msgspec.json.encode(standing)


def decode(raw: bytes | None) -> Standing:
    """From a store; what cannot be read, such as a newer form, counts as nothing known."""
    if raw is None:
        return NOTHING
    try:
        return _decoder.decode(raw)
    except msgspec.DecodeError:
        return NOTHING


_decoder = msgspec.json.Decoder(Standing)


def _rest(problem: Problem, pause: _Pause, before: Rest | None, now: float) -> Rest:
    strikes = 1
    if before is not None:
        # Failures of requests that were under way together are one failure.
        strikes = max(1, before.strikes + (before.until <= now))
    seconds = min(pause.first * 2.0 ** min(strikes - 1, 20), pause.longest)
    if problem.retry_after is not None:
        seconds = min(problem.retry_after, _LONGEST_REST)
    return Rest(now + seconds, problem.kind.name, problem.message, strikes)


def _bounded(rests: dict[str, Rest], now: float) -> dict[str, Rest]:
    """Without what is long over; callers name models as they like, so their number is bounded."""
    kept = {scope: rest for scope, rest in rests.items() if rest.until + _HALF_OPEN > now}
    if len(kept) <= _MAX_RESTS:
        return kept
    latest = sorted(kept, key=lambda scope: kept[scope].until, reverse=True)[:_MAX_RESTS]
    return {scope: kept[scope] for scope in latest}


def _kind(name: str) -> Kind:
    """The kind of this name; a newer version of the gateway may have written one more."""
    return Kind.__members__.get(name, Kind.UNAVAILABLE)
