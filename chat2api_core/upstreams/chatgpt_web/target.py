"""Which model, GPT and thinking effort a client's model name selects.

In: the ``model`` of a request, and its reasoning effort. Out: the upstream's own words for them.
The rule that must hold: a name that is not understood goes on as it is; ChatGPT knows its models
better than any table here.
"""

import re
from typing import Literal, TypeAlias, cast

from msgspec import Struct

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

_GPT = re.compile(r"(?:(?P<slug>.+)-gizmo-)?(?P<gizmo>g-[A-Za-z0-9_-]+)")
_WORDS = "|".join(_THINKING)
_MARKED = re.compile(rf"(?P<name>.+?)(?::(?P<colon>{_WORDS})|\((?P<round>{_WORDS})\))")
_DASHED = re.compile(rf"(?P<name>.+?)[-_](?P<effort>{_WORDS})")


class Target(Struct, frozen=True):
    """Whom a turn is put to. ``gizmo_id`` is empty unless a GPT is meant; ``effort`` is None where
    the name says nothing of it."""

    slug: str = "auto"
    gizmo_id: str = ""
    effort: Effort | None = None


def model_slug(model: str) -> Target:
    """Read a model name: ``gpt-5.5``, ``gpt-5.5-high``, ``gpt-5.5(high)``, ``gpt-5.5:high``,
    ``g-abc`` and ``gpt-4-gizmo-g-abc`` (GPTs), or nothing at all (``auto``)."""
    name, effort = _split_marked(model.strip())
    gpt = _GPT.fullmatch(name)
    if gpt:
        # ``gpt-4-gizmo`` is the old spelling of "a GPT", not the wish for that model.
        slug = gpt["slug"] or "gpt-4"
        return Target("auto" if slug == "gpt-4" else _dashes(slug), gpt["gizmo"], effort)
    slug = _dashes(name)
    if effort is None and slug not in _WHOLE:
        dashed = _DASHED.fullmatch(slug)
        if dashed:
            slug, effort = dashed["name"], cast("Effort", dashed["effort"])
    return Target(slug or "auto", effort=effort)


def thinking(effort: Effort | None) -> Thinking | None:
    """The upstream's word for an effort; None leaves it to the account's own setting."""
    return None if effort is None else _THINKING[effort]


def _split_marked(name: str) -> tuple[str, Effort | None]:
    marked = _MARKED.fullmatch(name)
    if marked is None:
        return name, None
    return marked["name"], cast("Effort", marked["colon"] or marked["round"])


def _dashes(slug: str) -> str:
    return slug.replace(".", "-")
