"""When a refused account may be asked again, wherever and however the refusal says so.

In: headers, a decoded JSON body and the time. Out: seconds from now, or None where nothing is said
(the pool then chooses). The rule that must hold: the search is bounded in depth and in breadth.
"""

from collections.abc import Mapping, Sequence

from chat2api_core.upstreams.pause import from_header, from_value

_MAX_DEPTH = 8
_MAX_NODES = 2000

# Where bodies name the time, the surer key first.
_KEYS = (
    "clears_in",
    "resets_in_seconds",
    "retry_after",
    "reset_after",
    "resets_after",
    "resets_at",
    "restore_at",
    "reset_at",
)


def seconds_to_wait(headers: Mapping[str, str], tree: object, now: float) -> float | None:
    """``headers`` are in lower case; ``tree`` is any JSON value; ``now`` is unix seconds.

    The header Retry-After counts more than the body, in which the first hint found depth first
    counts."""
    found = from_header(headers.get("retry-after", ""), now)
    if found is not None:
        return found
    return _Search(now).visit(tree, 0)


class _Search:
    """A walk through a JSON value, with what is left of its budget."""

    __slots__ = ("_left", "_now")

    def __init__(self, now: float) -> None:
        self._now = now
        self._left = _MAX_NODES

    def visit(self, node: object, depth: int) -> float | None:
        """The first hint in ``node``: its own keys first, then what it contains."""
        self._left -= 1
        if depth > _MAX_DEPTH or self._left < 0:
            return None
        if isinstance(node, dict):
            found = self._own(node)
            return self._inside(list(node.values()), depth) if found is None else found
        return self._inside(node, depth) if isinstance(node, list) else None

    def _own(self, node: Mapping[object, object]) -> float | None:
        readings = (from_value(node[key], self._now) for key in _KEYS if key in node)
        return next((found for found in readings if found is not None), None)

    def _inside(self, nodes: Sequence[object], depth: int) -> float | None:
        for node in nodes[:_MAX_NODES]:
            found = self.visit(node, depth + 1)
            if found is not None:
                return found
        return None
