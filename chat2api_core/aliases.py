"""Names of models that stand for others (MODEL_ALIASES): some clients insist on names of their own.
Pure.

In: a name and the pairs of names. Out: the name that is meant. The one rule: what a name stands for
is not looked up again, so that no pairs can go round in a circle.
"""

from collections.abc import Sequence
from typing import TypeAlias

Alias: TypeAlias = tuple[str, str]
"""A name, which may end in ``*`` for all that begin so, and the name that it stands for."""


def resolved(model: str, aliases: Sequence[Alias]) -> str:
    """What a name stands for, itself where it stands for nothing. A whole name wins over one with
    a ``*``, and of these the longest one."""
    best, found = -1, model
    for name, target in aliases:
        if name == model:
            return target
        start = name.removesuffix("*")
        if name != start and model.startswith(start) and len(start) > best:
            best, found = len(start), target
    return found
