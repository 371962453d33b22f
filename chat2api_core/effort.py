"""How hard a model is to think: one scale for every upstream, and model names that end in a level.

In: a model name, or a level and the levels that a model has. Out: the same, taken apart or brought
into reach. The rule that must hold: a name that is no name-with-a-level stays as it is, and a level
moves only to the nearest one that the model has.
"""

from collections.abc import Collection
from typing import NamedTuple, get_args

from chat2api_core.turn import Effort

# From the least to the most.
SCALE: tuple[Effort, ...] = get_args(Effort)
_RANK = {level: rank for rank, level in enumerate(SCALE)}
_ENDINGS: dict[str, Effort] = {
    ending: level
    for level in SCALE
    for ending in (f":{level}", f"({level})", f"-{level}", f"_{level}")
}


class Named(NamedTuple):
    """A model name without its level, and the level, None where the name had none."""

    name: str
    effort: Effort | None = None


def split(model: str, known: Collection[str] = ()) -> Named:
    """Read ``gpt-5.5-high``, ``gpt-5.5_high``, ``gpt-5.5:high`` and ``gpt-5.5(high)``.

    ``known`` are whole names of models: one of them, such as ``gpt-5.1-codex-max``, is never taken
    apart."""
    name = model.strip()
    if name in known:
        return Named(name)
    for ending, level in _ENDINGS.items():  # no ending is the end of another one
        if name.endswith(ending) and name != ending:
            return Named(name.removesuffix(ending), level)
    return Named(name)


def clamp(wanted: Effort, levels: Collection[Effort]) -> Effort:
    """The level nearest to the one wanted among those that a model has, the lower one of two that
    are equally near. Without any known level it stays what it is.

    Not thinking at all is a wish of its own: the least that a model has comes closest to it."""
    if not levels or wanted in levels:
        return wanted
    rank = _RANK[wanted]
    return min(levels, key=lambda level: (abs(_RANK[level] - rank), _RANK[level]))


def is_level(word: str) -> bool:
    """Whether a word is on the scale."""
    return word in _RANK


def spelled(model: str) -> str:
    """One spelling of a model's name for all upstreams: what is ``gpt-5.5`` to one is ``gpt-5-5``
    to another."""
    return model.replace(".", "-")
