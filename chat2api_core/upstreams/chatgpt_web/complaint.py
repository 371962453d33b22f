"""Errors that arrive inside of a stream that began well.

In:   ``error`` and ``error_code`` of an event, in any of their shapes: a text, or an object with
      ``message`` and ``code`` (and ``clears_in``, seconds until a limit is lifted).
Out:  a ``Problem`` of step ``stream``.

The one rule: whatever the shape, it is a ``Problem``; words of the upstream are quoted scrubbed.
"""

import re

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web.delta import object_of, text_of
from chat2api_core.upstreams.quote import quote

_LONGEST_WAIT = 30 * 86400  # seconds; more is no hint but a mistake

# Codes and wordings seen in the web client, the more certain first. Compiled when they are needed.
_SIGNS = (
    (r"token_(expired|invalidated|revoked)|invalid_jwt|account_deactivated", Kind.UNAUTHORIZED),
    (r"message_length_exceeds|context_length|too long|maximum context", Kind.CONTEXT_LENGTH),
    (
        r"content[_ ]policy|content_filter|usage policies|moderation_blocked",
        Kind.CONTENT_POLICY,
    ),
    (r"only one message at a time", Kind.BUSY),
    (
        r"model_cap|rate_limit|too many requests|usage (?:cap|limit)|limit reached"
        r"|(?:reached|hit) \w+ .*limit",
        Kind.RATE_LIMITED,
    ),
    (r"unusual activity", Kind.UNUSUAL_ACTIVITY),
    (r"conversation_not_found|conversation not found", Kind.CONVERSATION_NOT_FOUND),
    (r"model_not_found", Kind.MODEL_NOT_FOUND),
)


def complaint(error: object, error_code: object = None) -> Problem:
    """What an error inside of the stream means."""
    fields = object_of(error)
    inner = fields.get("error") or fields.get("detail")
    if isinstance(inner, dict):
        fields = inner
    text = text_of(error) or text_of(inner) or text_of(fields.get("message"))
    code = text_of(fields.get("code")) or text_of(error_code) or text_of(fields.get("type"))
    said = f"{code} {text}"[:4000]
    found = (kind for sign, kind in _SIGNS if re.search(sign, said, re.IGNORECASE))
    kind = next(found, Kind.UPSTREAM_ERROR)
    wait = fields.get("clears_in")
    quoted = quote(text or code)
    return Problem(
        kind,
        "ChatGPT ended the answer with an error" + (f": {quoted}" if quoted else "."),
        step="stream",
        retry_after=float(wait)
        if isinstance(wait, int | float) and 0 <= wait <= _LONGEST_WAIT
        else None,
    )
