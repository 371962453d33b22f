"""A history that was made short: sealed, and to be read only by the backend that made it. Pure.

In the vocabulary it is a ``Reasoning`` whose id begins with ``cmp_``: what is sealed is not one
thought but all that was said so far. One that an answer brought by itself is a ``Native``.
"""

from collections.abc import Sequence

from chat2api_core.turn import Message, Native, Part, Reasoning

PREFIX = "cmp_"


def compaction(encrypted: str, item_id: str = "") -> Reasoning:
    """The part for a compacted history."""
    return Reasoning(item_id if item_id.startswith(PREFIX) else PREFIX, (), encrypted)


def is_compaction(part: Part) -> bool:
    """Whether a part is a compacted history."""
    if isinstance(part, Native):
        return part.kind == "compaction"
    return isinstance(part, Reasoning) and part.id.startswith(PREFIX)


def is_compacted(messages: Sequence[Message]) -> bool:
    """Whether a compacted history is among these messages."""
    return any(is_compaction(part) for message in messages for part in message.parts)
