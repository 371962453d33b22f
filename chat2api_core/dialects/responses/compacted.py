"""A history made short, as the official API shows it.

In: the items that the upstream gave, and what it used. Out: the document of
``POST /v1/responses/compact``. The rule: an item keeps what its maker sealed, and every item has an
id.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from chat2api_core.dialects.base import Head
from chat2api_core.dialects.responses.encode import usage_shape
from chat2api_core.turn import Usage

_PREFIXES = {"message": "msg", "compaction": "cmp", "reasoning": "rs"}


class _Item(msgspec.Struct):
    type: str = "message"
    id: str | None = None
    encrypted_content: str | None = None


def document(head: Head, items: Sequence[Raw], usage: Usage) -> bytes:
    """The whole document. Raises ``msgspec.DecodeError`` for an item that is no object."""
    return msgspec.json.encode(
        {
            "id": f"resp_{head.id}",
            "object": "response.compaction",
            "created_at": head.created,
            "output": [_named(item, head.id, place) for place, item in enumerate(items)],
            "usage": usage_shape(usage),
        }
    )


def seals(items: Sequence[Raw]) -> tuple[str, ...]:
    """What is sealed in them. Raises as ``document`` does."""
    read = (msgspec.json.decode(item, type=_Item) for item in items)
    return tuple(item.encrypted_content for item in read if item.encrypted_content)


def _named(item: Raw, name: str, place: int) -> Raw:
    known = msgspec.json.decode(item, type=_Item)
    if known.id:
        return item
    fields = msgspec.json.decode(item, type=dict[str, Raw])
    given = f"{_PREFIXES.get(known.type, 'item')}_{name}{place:02x}"
    return Raw(msgspec.json.encode({**fields, "id": given}))
