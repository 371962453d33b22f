"""Why a picture that was ordered did not come, read off what the model said instead. Pure.

In: the text of the answer. Out: a ``Problem``: a limit, with the time to wait where the text names
it, or a refusal with its words. The rule: the words are quoted scrubbed, and a text that is not
understood is a refusal, for asking again would bring the same. Source: seen in the web client.
"""

import re

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.quote import quote

_LONGEST = 30 * 86_400.0  # seconds; more is a misreading
_LIMIT = re.compile(
    r"(?:hit|reached|exceeded|used up|out of|over)\b.{0,80}\b(?:limit|quota|cap)\b"
    r"|\b(?:limit|quota|cap)\b.{0,60}\b(?:resets?|reached|exceeded|renews?)\b"
    r"|(?:too many|no more) (?:image|picture|request)"
    r"|generating (?:images|pictures) too (?:quickly|fast)",
    re.IGNORECASE | re.DOTALL,
)
_SPAN = re.compile(r"(\d+(?:\.\d+)?|an?|one)[ -](second|minute|hour|day|week)s?\b", re.IGNORECASE)
_WHEN = re.compile(r"(?:reset|in|after|wait|for|again|within)\b", re.IGNORECASE)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_TOGETHER = re.compile(r"[\s,]*(?:and)?\s*")


def undrawn(text: str) -> Problem:
    """The problem behind an answer without the picture that was ordered."""
    said = text.strip()
    if not said:
        message = "ChatGPT ended the turn without the picture that was ordered."
        return Problem(Kind.UPSTREAM_ERROR, message, step="picture")
    if _LIMIT.search(said):
        message = f"The account has reached its limit of pictures. It said: {quote(said)}"
        return Problem(Kind.RATE_LIMITED, message, step="picture", retry_after=waiting(said))
    message = f"ChatGPT made no picture. It said: {quote(said)}"
    return Problem(Kind.CONTENT_POLICY, message, step="picture", param="prompt")


def waiting(text: str) -> float | None:
    """The time in seconds after which there are pictures again, such as ``in 3 hours and 12
    minutes``; None where the text names none."""
    for found in _SPAN.finditer(text):
        if not _WHEN.search(text[max(0, found.start() - 40) : found.start()]):
            continue
        total, place, span = 0.0, found.start(), _SPAN.match(text, found.start())
        while span is not None:
            number = span[1].lower()
            amount = 1.0 if number in ("a", "an", "one") else float(number)
            total += amount * _SECONDS[span[2].lower()]
            place = span.end()
            between = _TOGETHER.match(text, place)
            span = _SPAN.match(text, between.end()) if between is not None else None
        return min(total, _LONGEST)
    return None
