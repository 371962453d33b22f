"""How long to wait, as one value says it.

In: the header Retry-After, or a value of a JSON body, and the time in unix seconds. Out: seconds
from now, or None where it says nothing. The rule that must hold: no answer is outside 0 to 30 days.
"""

import math
import re
from datetime import UTC, datetime

LONGEST = 2_592_000.0  # 30 days, in seconds; a larger number is a unix time
_END_OF_TIME = 1e12
_MAX_TEXT = 64

_DURATION = re.compile(r"(?=\d)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def from_header(text: str, now: float) -> float | None:
    """What Retry-After says: as ``from_value``, or a date as HTTP writes it."""
    text = text.strip()
    if not text:
        return None
    found = _from_text(text, now)
    return _from_http_date(text, now) if found is None else found


def from_value(value: object, now: float) -> float | None:
    """A number below 30 days is seconds from now, another one a unix time; a text is a number, a
    duration (``1h2m3s``) or a date (UTC where it names no zone)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _from_number(value, now)
    return _from_text(value.strip(), now) if isinstance(value, str) else None


def bounded(seconds: float) -> float:
    """A time to wait that may be believed."""
    return min(max(seconds, 0.0), LONGEST)


def _from_number(value: float, now: float) -> float | None:
    if type(value) is float and math.isnan(value):
        return None
    return bounded(value if value < LONGEST else min(value, _END_OF_TIME) - now)


def _from_text(text: str, now: float) -> float | None:
    if len(text) > _MAX_TEXT:
        return None
    if _NUMBER.fullmatch(text):
        return _from_number(float(text), now)
    duration = _DURATION.fullmatch(text)
    if duration:
        days, hours, minutes, seconds = (float(part or 0) for part in duration.groups())
        return bounded(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
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
    return bounded(aware.timestamp() - now)
