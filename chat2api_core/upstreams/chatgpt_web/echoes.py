"""Which messages of a stream repeat what was sent.

In:   the ids of the messages that were sent, the texts of the assistant's among them; the stream's
      messages.
Out:  whether one is an echo.

The upstream repeats the messages that it was sent, uploaded assistant messages under ids of its
own. Those arrive whole, before any of the answer. The one rule: an answer that happens to say what
was said before is not lost: the last echo is kept, and is the answer if no other comes.
"""

from chat2api_core.upstreams.chatgpt_web.content import Form, texts_of
from chat2api_core.upstreams.chatgpt_web.delta import object_of, text_of

_ANSWERING = frozenset({"assistant", "tool"})


class Echoes:
    """What was sent, and what of it has come back."""

    __slots__ = ("_seen", "_sent_ids", "_sent_texts")

    def __init__(self, sent_ids: frozenset[str], sent_texts: frozenset[str]) -> None:
        self._sent_ids = sent_ids
        self._sent_texts = sent_texts
        self._seen: dict[str, dict[str, object]] = {}

    def concern(self, message_id: str, message: dict[str, object]) -> bool:
        """Whether a message was sent as it is, or is of somebody who only asks."""
        role = text_of(object_of(message.get("author")).get("role"))
        return role not in _ANSWERING or message_id in self._sent_ids

    def take(self, message_id: str, form: Form, message: dict[str, object], *, may: bool) -> bool:
        """Keep a message if it repeats the assistant's history. ``may`` tells whether a message
        that is not kept yet can be an echo: it is new, and nothing of the answer has come."""
        if message_id not in self._seen:
            finished = text_of(message.get("status")) == "finished_successfully"
            if not (may and finished and form is Form.PROSE and self._sent_texts):
                return False
            if "".join(map(text_of, texts_of(message))) not in self._sent_texts:
                return False
        self._seen[message_id] = message
        return True

    def last(self) -> tuple[str, dict[str, object]] | None:
        """The echo that is the answer if there is no other."""
        return next(reversed(self._seen.items()), None)
