"""When a refused account may be asked again, wherever and however the refusal says so.

In: headers, a decoded JSON body and the time. Out: seconds from now, or None where nothing is said
(the pool then chooses). The rule that must hold: the search is bounded in depth and in breadth, and
no answer is outside 0 to 30 days.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

LONGEST = 2_592_000.0  # 30 days, in seconds; a larger number is a unix time
_END_OF_TIME = 1e12
_MAX_DEPTH = 8
_MAX_NODES = 2000
_MAX_TEXT = 64

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
_DURATION = re.compile(r"(?=\d)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def seconds_to_wait(headers: Mapping[str, str], tree: object, now: float) -> float | None:
    """``headers`` are in lower case; ``tree`` is any JSON value; ``now`` is unix seconds.

    The header Retry-After (seconds or a date) counts more than the body, in which the first hint
    found depth first counts: a number below 30 days is seconds from now, another one a unix time; a
    text is a number, a duration (``1h2m3s``) or a date (UTC where it names no zone)."""
    header = headers.get("retry-after", "").strip()
    if header:
        found = _from_text(header, now)
        if found is None:
            found = _from_http_date(header, now)
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
        readings = (_read(node[key], self._now) for key in _KEYS if key in node)
        return next((found for found in readings if found is not None), None)

    def _inside(self, nodes: Sequence[object], depth: int) -> float | None:
        for node in nodes[:_MAX_NODES]:
            found = self.visit(node, depth + 1)
            if found is not None:
                return found
        return None


def _read(value: object, now: float) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _from_number(value, now)
    return _from_text(value.strip(), now) if isinstance(value, str) else None


def _from_number(value: float, now: float) -> float | None:
    if type(value) is float and math.isnan(value):
        return None
    return _bounded(value if value < LONGEST else min(value, _END_OF_TIME) - now)


def _from_text(text: str, now: float) -> float | None:
    if len(text) > _MAX_TEXT:
        return None
    if _NUMBER.fullmatch(text):
        return _from_number(float(text), now)
    duration = _DURATION.fullmatch(text)
    if duration:
        days, hours, minutes, seconds = (float(part or 0) for part in duration.groups())
        return _bounded(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _until(moment, now)


def _from_http_date(text: str, now: float) -> float | None:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 (rare, and slow to import)

    try:
        moment = parsedate_to_datetime(text[:_MAX_TEXT])
    except (ValueError, OverflowError):
        return None
    return _until(moment, now)


def _until(moment: datetime, now: float) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _bounded(aware.timestamp() - now)


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST)
