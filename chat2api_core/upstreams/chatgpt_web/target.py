"""Which model, GPT and thinking effort a client's model name selects.

In: the ``model`` of a request, and its reasoning effort. Out: the upstream's own words for them.
The rule that must hold: a name that is not understood goes on as it is; ChatGPT knows its models
better than any table here.
"""

import re
from typing import Literal, TypeAlias

from msgspec import Struct

from chat2api_core.effort import Named, spelled, split
from chat2api_core.turn import Effort

Thinking: TypeAlias = Literal["standard", "extended", "max"]

# The efforts that ChatGPT takes; it refuses the API's words with HTTP 422.
_THINKING: dict[Effort, Thinking] = {
    "none": "standard",
    "minimal": "standard",
    "low": "standard",
    "medium": "extended",
    "high": "max",
    "xhigh": "max",
    "max": "max",
    "ultra": "max",
}

# Models whose own name ends in what would otherwise be read as an effort.
_WHOLE = frozenset({"o3-mini-high", "o4-mini-high", "gpt-5-1-codex-max"})

_GPT = r"(?:(?P<slug>.+)-gizmo-)?(?P<gizmo>g-[A-Za-z0-9_-]+)"


class Target(Struct, frozen=True):
    """Whom a turn is put to. ``gizmo_id`` is empty unless a GPT is meant; ``effort`` is None where
    the name says nothing of it."""

    slug: str = "auto"
    gizmo_id: str = ""
    effort: Effort | None = None


def model_slug(model: str) -> Target:
    """Read a model name: ``gpt-5.5``, ``gpt-5.5-high``, ``gpt-5.5(high)``, ``gpt-5.5:high``,
    ``g-abc`` and ``gpt-4-gizmo-g-abc`` (GPTs), or nothing at all (``auto``)."""
    name = spelled(model.strip())
    named = Named(name) if _gpt(name) else split(name, _WHOLE)
    gpt = _gpt(named.name)
    if gpt:
        # ``gpt-4-gizmo`` is the old spelling of "a GPT", not the wish for that model.
        slug = gpt["slug"] or "gpt-4"
        return Target("auto" if slug == "gpt-4" else slug, gpt["gizmo"], named.effort)
    return Target(named.name or "auto", effort=named.effort)


def _gpt(name: str) -> re.Match[str] | None:
    """The parts of a GPT's name, None for a model's; most are told apart at a glance."""
    return re.fullmatch(_GPT, name) if "g-" in name else None


def thinking(effort: Effort | None) -> Thinking | None:
    """The upstream's word for an effort; None leaves it to the account's own setting."""
    return None if effort is None else _THINKING[effort]
