"""What is known of an account beyond its credentials: who rests until when, and who is out. Pure.

In: what was known, and what happened. Out: what is known now; the very same value where nothing
changed, so that nobody writes what is written already. The one rule: a rest ends by time but is
forgotten by success alone. In between it is half open: one request may try, the others wait for it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import Struct, structs

from chat2api_core.problem import Kind, Problem

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
_OF_THE_ACCOUNT = frozenset({Kind.UNAUTHORIZED, Kind.BUSY})


class Rest(Struct, frozen=True):
    """An account is not to be asked before ``until`` (unix seconds), because of this problem.

    ``strikes`` counts the failures in a row, each met by a probe after the rest before it."""

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
    """All that is known of one account. ``rests`` are by model, "" for all of them."""

    rests: Mapping[str, Rest] = {}
    out: Out | None = None

    def rest(self, model: str, now: float) -> Rest | None:
        """Why and until when the account is not to be asked for the model, if so."""
        for scope in (EVERY_MODEL, model):
            rest = self.rests.get(scope)
            if rest is not None and rest.until > now:
                return rest
        return None

    def half_open(self, model: str, now: float) -> str | None:
        """The scope of a rest that has ended and that no success has followed yet, if there is
        one. Ask after ``rest``, which goes first."""
        for scope in (EVERY_MODEL, model):
            rest = self.rests.get(scope)
            if rest is not None and rest.until <= now < rest.until + _HALF_OPEN:
                return scope
        return None


NOTHING = Standing()


def blamed(known: Standing, model: str, problem: Problem, now: float) -> Standing:
    """After a failure of the account; some kinds rest it for a while, a dead sign-in for good.

    A limit concerns the model that was asked; a refused token or a turn that is still running
    concerns every model. A longer rest is not cut short by a newer one."""
    if problem.step == "refresh" and problem.kind is Kind.UNAUTHORIZED:
        if known.out is not None:
            return known
        return structs.replace(known, out=Out(now, problem.kind.name, problem.message))
    pause = _NO_REFRESH if problem.step == "refresh" else _PAUSES.get(problem.kind)
    if pause is None:
        return known
    general = problem.step == "refresh" or problem.kind in _OF_THE_ACCOUNT
    scope = EVERY_MODEL if general else model
    before = known.rests.get(scope)
    rest = _rest(problem, pause, before, now)
    if before is not None and before.until >= rest.until:
        return known
    return structs.replace(known, rests=_bounded({**known.rests, scope: rest}, now))


def praised(known: Standing, model: str) -> Standing:
    """After a success: whatever rested the account for this model is over, and it is not out."""
    left = {scope: rest for scope, rest in known.rests.items() if scope not in (EVERY_MODEL, model)}
    if len(left) == len(known.rests) and known.out is None:
        return known
    return Standing(left)


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
        strikes = before.strikes + (before.until <= now)
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
