"""The input items of a response, as ``GET /v1/responses/{id}/input_items`` lists them.

In: the body of the request that was answered. Out: its items in the form that clients read, and
pages of them. The one rule: whatever a client has sent and was answered can be listed: every item
has an id of its own, and a message has its content in parts.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from chat2api_core.dialects.base import invalid

_PAGE = 20
_LONGEST_PAGE = 100
# What says of itself how far it has come: that it was sent to us means that it is whole.
_WHOLE = frozenset(
    {
        "message", "function_call", "function_call_output", "custom_tool_call",
        "custom_tool_call_output",
    }
)  # fmt: skip


class _Body(Struct):
    input: Any = ""


class _Identified(Struct):
    id: str


def listed(body: bytes, name: str) -> tuple[Raw, ...]:
    """The items of a request that was answered. ``name`` is in the ids that are made up."""
    sent = msgspec.json.decode(body, type=_Body).input
    if isinstance(sent, str):
        sent = [{"type": "message", "role": "user", "content": sent}]
    items = [dict(item) for item in sent or () if isinstance(item, dict)]
    seen: set[str] = set()
    for place, item in enumerate(items):
        said = item.get("id")
        if not isinstance(said, str) or not said or said in seen:
            item["id"] = f"item_{name}{place:02x}"
        seen.add(item["id"])
        _write_out(item)
    return tuple(Raw(msgspec.json.encode(item)) for item in items)


def page_of(items: Sequence[Raw], query: Mapping[str, str]) -> bytes:
    """One page of the items, by ``limit``, ``order`` and ``after`` as the API has them. Raises
    ``Problem`` INVALID_REQUEST for what they cannot be."""
    order, limit = query.get("order", "desc"), query.get("limit", str(_PAGE))
    if order not in {"asc", "desc"}:
        raise invalid("must be asc or desc", "order")
    if limit not in map(str, range(1, _LONGEST_PAGE + 1)):
        raise invalid(f"must be a number from 1 to {_LONGEST_PAGE}", "limit")
    ordered = list(items) if order == "asc" else list(items)[::-1]
    ids = [msgspec.json.decode(item, type=_Identified).id for item in ordered]
    after = query.get("after", "")
    if after and after not in ids:
        raise invalid("must be the id of an item of this list", "after")
    start = ids.index(after) + 1 if after else 0
    shown = ordered[start : start + int(limit)]
    return msgspec.json.encode(
        {
            "object": "list",
            "data": shown,
            "first_id": ids[start] if shown else None,
            "last_id": ids[start + len(shown) - 1] if shown else None,
            "has_more": start + len(shown) < len(ordered),
        }
    )


def _write_out(item: dict[str, Any]) -> None:
    """What a client may leave to be understood is said."""
    kind = item.get("type") or "message"
    item["type"] = kind
    if kind in _WHOLE and not item.get("status"):
        item["status"] = "completed"
    content = item.get("content")
    if kind == "message" and isinstance(content, str):
        part: dict[str, Any] = {"type": "input_text", "text": content}
        if item.get("role") == "assistant":
            part = {"type": "output_text", "text": content, "annotations": []}
        item["content"] = [part]
