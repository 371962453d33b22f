"""Events of the stream that say something about the turn, not what it says (those with a ``type``).

In:   an event as JSON.
Out:  ``Handoff``; whether an answer was taken away.
"""

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


def is_blocked(notice: dict[str, object]) -> bool:
    """Whether a ``moderation`` took the answer (or the question) away."""
    return object_of(notice.get("moderation_response")).get("blocked") is True
