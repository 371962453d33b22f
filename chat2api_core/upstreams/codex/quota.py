"""How much of its plan an account has used, as the Codex backend tells with every answer, and when
it is asked outright.

In: the headers of an answer, an event ``codex.rate_limits`` inside of one, or the document of
``GET /backend-api/wham/usage``. Out: a ``Quota``, or
None where nothing is said. The rule that must hold: this never fails; a number that makes no sense
counts as not said. Source of the names: seen in the Codex command-line client.
"""

import math
from collections.abc import Mapping

import msgspec
from msgspec import Struct

_LONGEST = 366 * 86_400.0  # seconds; a window that ends later is a mistake


class Window(Struct, frozen=True):
    """One window of use. ``used`` is percent; ``minutes`` its length (300: five hours, 10080: a
    week), 0 where unknown; ``resets_at`` unix seconds, 0 where unknown."""

    used: float
    minutes: int = 0
    resets_at: float = 0.0


class Quota(Struct, frozen=True):
    """The windows that count, and the plan, empty where unknown."""

    plan: str = ""
    primary: Window | None = None
    secondary: Window | None = None


class _Seen(Struct):
    used_percent: float | None = None
    window_minutes: float | None = None
    reset_at: float | None = None
    reset_after_seconds: float | None = None


class _Limits(Struct):
    primary: _Seen | None = None
    secondary: _Seen | None = None


class _Event(Struct):
    plan_type: str | None = None
    rate_limits: _Limits | None = None


class _Held(Struct):
    used_percent: float | None = None
    limit_window_seconds: float | None = None
    reset_at: float | None = None
    reset_after_seconds: float | None = None


class _RateLimit(Struct):
    primary_window: _Held | None = None
    secondary_window: _Held | None = None


class _Usage(Struct):
    plan_type: str | None = None
    rate_limit: _RateLimit | None = None


_event = msgspec.json.Decoder(_Event).decode
_usage = msgspec.json.Decoder(_Usage).decode


def read_quota(headers: Mapping[str, str], now: float) -> Quota | None:
    """From headers with lower-case names; ``now`` is unix seconds."""
    primary = _window(_from_headers(headers, "primary"), now)
    secondary = _window(_from_headers(headers, "secondary"), now)
    if primary is None and secondary is None:
        return None
    return Quota(headers.get("x-codex-plan-type", "")[:64], primary, secondary)


def read_quota_event(data: bytes, now: float) -> Quota | None:
    """From the data of an event."""
    try:
        event = _event(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    limits = event.rate_limits or _Limits()
    primary, secondary = _window(limits.primary, now), _window(limits.secondary, now)
    if primary is None and secondary is None:
        return None
    return Quota((event.plan_type or "")[:64], primary, secondary)


def read_usage(body: bytes, now: float) -> Quota | None:
    """From the document of ``wham/usage``."""
    try:
        usage = _usage(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    limits = usage.rate_limit or _RateLimit()
    primary = _window(_from_held(limits.primary_window), now)
    secondary = _window(_from_held(limits.secondary_window), now)
    if primary is None and secondary is None:
        return None
    return Quota((usage.plan_type or "")[:64], primary, secondary)


def _from_held(held: _Held | None) -> _Seen | None:
    if held is None:
        return None
    seconds = held.limit_window_seconds
    minutes = None if seconds is None else seconds / 60
    return _Seen(held.used_percent, minutes, held.reset_at, held.reset_after_seconds)


def _from_headers(headers: Mapping[str, str], name: str) -> _Seen:
    prefix = f"x-codex-{name}"
    return _Seen(
        used_percent=_number(headers.get(f"{prefix}-used-percent")),
        window_minutes=_number(headers.get(f"{prefix}-window-minutes")),
        reset_at=_number(headers.get(f"{prefix}-reset-at")),
        reset_after_seconds=_number(headers.get(f"{prefix}-reset-after-seconds")),
    )


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _window(seen: _Seen | None, now: float) -> Window | None:
    if seen is None or seen.used_percent is None or seen.used_percent < 0:
        return None
    resets_at = seen.reset_at or 0.0
    if not resets_at and seen.reset_after_seconds is not None:
        resets_at = now + seen.reset_after_seconds
    if not now - _LONGEST < resets_at < now + _LONGEST:
        resets_at = 0.0
    minutes = seen.window_minutes or 0.0
    return Window(seen.used_percent, int(minutes) if 0 < minutes < _LONGEST else 0, resets_at)
