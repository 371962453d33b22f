"""Events of the stream that say something about the turn, not what it says (those with a ``type``).

In:   an event as JSON.
Out:  ``Handoff``; whether an answer was taken away; what may still be used of limited features.
"""

import datetime
from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

from chat2api_core.upstreams.chatgpt_web.delta import list_of, object_of, text_of


class Handoff(Struct, frozen=True, gc=False):
    """The rest of the answer comes another way. ``topic`` names it there; ``resume`` says whether
    the same stream can be had again from the resume endpoint (else only a WebSocket has it)."""

    conversation_id: str
    turn_exchange_id: str
    topic: str
    resume: bool


def handoff_of(notice: dict[str, object]) -> Handoff:
    """Read a ``stream_handoff``. The option to resume by SSE counts more than the WebSocket."""
    topics = {
        text_of(option.get("type")): text_of(option.get("topic_id"))
        for option in map(object_of, list_of(notice.get("options")))
    }
    resume = topics.get("resume_sse_endpoint")
    turn = text_of(notice.get("turn_exchange_id"))
    topic = resume or topics.get("subscribe_ws_topic") or f"conversation-turn-{turn}"
    return Handoff(text_of(notice.get("conversation_id")), turn, topic, resume is not None)


Limits: TypeAlias = Mapping[str, tuple[int, float]]
"""By feature: how often it may still be used, and until when (unix seconds, 0 where unknown)."""


def limits_of(notice: dict[str, object]) -> Limits:
    """Read the ``limits_progress`` of a ``conversation_detail_metadata``, which the answer of
    ``conversation/init`` is, too. An entry that makes no sense is left out."""
    limits: dict[str, tuple[int, float]] = {}
    for entry in map(object_of, list_of(notice.get("limits_progress"))):
        name, remaining = text_of(entry.get("feature_name")), entry.get("remaining")
        if name and type(remaining) is int and remaining >= 0:
            limits[name] = remaining, _moment(text_of(entry.get("reset_after")))
    return limits


def _moment(text: str) -> float:
    """A time such as ``2026-08-22T10:00:00+00:00`` in unix seconds; 0 for none. Without a zone it
    is UTC."""
    try:
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        return max(0.0, moment.timestamp())
    except (ValueError, OverflowError):
        return 0.0


def is_blocked(notice: dict[str, object]) -> bool:
    """Whether a ``moderation`` took the answer (or the question) away."""
    return object_of(notice.get("moderation_response")).get("blocked") is True
