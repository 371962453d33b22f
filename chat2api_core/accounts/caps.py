"""What ChatGPT says an account may still use: windows of its plan, and single features. Pure.

In: what an upstream has read off an answer. Out: a ``Cap`` for each name. The one rule: what was
seen later is what is known; nothing here guesses.

Names: ``codex.primary`` and ``codex.secondary`` for the two windows of Codex, which count for every
model; for features of the web the names that it uses itself (``image_gen``, ``deep_research``,
``file_upload``, ``odyssey``), as seen in its ``limits_progress``.
"""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from chat2api_core.turn import File, Image, Prompt

PRIMARY, SECONDARY = "codex.primary", "codex.secondary"
PICTURES, UPLOADS = "image_gen", "file_upload"

_ALL = 100.0  # percent
_MOST = 20  # of names; the upstream chooses them
_LONGEST = 64  # letters of a name
_HOURS, _DAYS = 60, 1440  # minutes


class Window(Protocol):
    """A window of a plan: percent ``used``, length in ``minutes`` (0: unknown), ``resets_at`` in
    unix seconds (0: unknown)."""

    @property
    def used(self) -> float: ...
    @property
    def minutes(self) -> int: ...
    @property
    def resets_at(self) -> float: ...


class PlanUse(Protocol):
    """What is used of a plan with Codex."""

    @property
    def primary(self) -> Window | None: ...
    @property
    def secondary(self) -> Window | None: ...


class Cap(Struct, frozen=True, gc=False):
    """What is left of something until it is there again.

    ``used`` is percent and ``remaining`` a count, each below 0 where unknown. ``minutes`` is the
    length of the window, 0 where unknown. ``resets_at`` (0: unknown) and ``seen_at`` are in unix
    seconds."""

    seen_at: float
    used: float = -1.0
    remaining: int = -1
    minutes: int = 0
    resets_at: float = 0.0

    def known(self, now: float) -> bool:
        """Whether it says anything by now: after its reset nobody knows."""
        says = self.used >= 0 or self.remaining >= 0
        return says and (not self.resets_at or self.resets_at > now)

    def spent(self, now: float) -> bool:
        """Whether nothing is left, and it is known until when."""
        return (self.remaining == 0 or self.used >= _ALL) and self.resets_at > now


Caps = Mapping[str, Cap]


def of_plan(quota: PlanUse, now: float) -> dict[str, Cap]:
    """The caps of a plan with Codex."""
    windows = ((PRIMARY, quota.primary), (SECONDARY, quota.secondary))
    return {
        name: Cap(now, window.used, minutes=window.minutes, resets_at=window.resets_at)
        for name, window in windows
        if window is not None
    }


def of_features(limits: Mapping[str, tuple[int, float]], now: float) -> dict[str, Cap]:
    """The caps of features, by name: how often they may still be used, and until when."""
    return {
        name: Cap(now, remaining=remaining, resets_at=resets_at)
        for name, (remaining, resets_at) in limits.items()
        if 0 < len(name) <= _LONGEST
    }


def merged(known: Caps, found: Caps) -> Caps:
    """What was seen later, of each; the very same ``known`` where nothing was."""
    later = {
        name: cap
        for name, cap in found.items()
        if name not in known or known[name].seen_at < cap.seen_at
    }
    if not later:
        return known
    both = {**known, **later}
    latest = sorted(both, key=lambda name: (-both[name].seen_at, name))[:_MOST]
    return {name: both[name] for name in latest}


def forgotten(known: Caps, now: float) -> dict[str, Cap]:
    """The same names, of which nothing is known as of now: so that no older knowledge comes back
    from elsewhere."""
    return {name: Cap(now) for name in known}


def needed(prompt: Prompt) -> tuple[str, ...]:
    """The features of the web that a turn uses up: pictures made, files sent along."""
    needs = [PICTURES] if prompt.tool_choice.hosted == "image_generation" else []
    parts = (part for message in prompt.messages for part in message.parts)
    if any(isinstance(part, Image | File) and not part.file_id for part in parts):
        needs.append(UPLOADS)
    return tuple(needs)


def scope_of(name: str) -> str:
    """What an account cannot be asked for without this: "" for everything, or the feature."""
    return "" if name in (PRIMARY, SECONDARY) else name


def refusal(name: str, cap: Cap) -> str:
    """Why an account is not asked, in words."""
    if name not in (PRIMARY, SECONDARY):
        return f"What this account may use of {name} is used up."
    if not cap.minutes:
        return "This account's use of Codex is used up for now."
    hours, days = cap.minutes / _HOURS, cap.minutes / _DAYS
    length = f"{days:g} days" if days > 1 else f"{hours:g} hours"
    return f"This account has used up Codex for its window of {length}."
