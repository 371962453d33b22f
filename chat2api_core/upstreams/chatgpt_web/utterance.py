"""Which message of a conversation is the one to be read aloud. Pure.

In:   the events of the stream of a turn that sent nothing but a text of the assistant; or the kept
      conversation.
Out:  the ids of the conversation and of the message: the one whose text is the one that was sent.

The one rule: no message that says anything else is ever taken for it. Source: seen in the web
client, which reads a message aloud by these two ids.
"""

import msgspec

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web.complaint import complaint
from chat2api_core.upstreams.chatgpt_web.content import texts_of
from chat2api_core.upstreams.chatgpt_web.delta import Documents, object_of, text_of
from chat2api_core.upstreams.chatgpt_web.frames import decode, split_frames
from chat2api_core.wire.sse import Event

_MEMORY = 4 * 1024 * 1024  # bytes of events, of which many may be the text again and again
_CHANGES = frozenset({"p", "o", "v", "c"})
_DELTA_NAMES = frozenset({"delta", "delta_encoding"})


class Utterance:
    """Stage: the events of one stream; look at ``message_id`` and ``over`` after each of them.
    Raises ``Problem`` of step "stream"."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._documents = Documents()
        self._left = _MEMORY
        self.conversation_id = ""
        self.message_id = ""
        self.over = False

    def feed(self, event: Event, /) -> None:
        """Take in one event."""
        self._left -= len(event.data)
        if self._left < 0:
            raise _garbage("more than a text to be read aloud can need")
        data = event.data.strip()
        if data == b"[DONE]":
            self.over = True
        elif data and event.whole and data != b'"v1"':
            for frame in self._frames(event):
                self._frame(event.event, frame)

    def _frames(self, event: Event) -> list[dict[str, object]]:
        try:
            return [decode(event.data)]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return split_frames(event.data)

    def _frame(self, name: str, frame: dict[str, object]) -> None:
        kind = frame.get("type")
        changes = not frame.keys().isdisjoint(_CHANGES)
        if name == "error" or (isinstance(kind, str) and kind.endswith("error")):
            raise complaint(frame.get("error") or frame, frame.get("error_code"))
        if isinstance(kind, str) and not (changes and name in _DELTA_NAMES):
            self._notice(kind, frame)
        elif changes:
            self._document(self._documents.feed(frame))
        else:
            self._document(frame)

    def _notice(self, kind: str, notice: dict[str, object]) -> None:
        self.conversation_id = text_of(notice.get("conversation_id")) or self.conversation_id
        if kind == "input_message":
            self._message(object_of(notice.get("input_message")))
        elif kind == "message_stream_complete":
            self.over = True

    def _document(self, document: dict[str, object]) -> None:
        error = document.get("error") or document.get("detail")
        if error or document.get("error_code"):
            raise complaint(error, document.get("error_code"))
        self.conversation_id = text_of(document.get("conversation_id")) or self.conversation_id
        self._message(object_of(document.get("message")))

    def _message(self, message: dict[str, object]) -> None:
        if says(message, self._text):
            self.message_id = text_of(message.get("id"))


def says(message: dict[str, object], text: str) -> bool:
    """Whether a message is the assistant's and says this and nothing else."""
    role = text_of(object_of(message.get("author")).get("role"))
    return role == "assistant" and "".join(map(text_of, texts_of(message))) == text


def find_said(conversation: bytes, text: str) -> str:
    """The id of the message of a kept conversation that says this; empty where none does. Raises
    ``Problem`` GARBAGE."""
    try:
        tree = decode(conversation)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _garbage("a conversation that is not readable") from error
    for node in map(object_of, object_of(tree.get("mapping")).values()):
        message = object_of(node.get("message"))
        if says(message, text):
            return text_of(message.get("id"))
    return ""


def _garbage(what: str) -> Problem:
    return Problem(Kind.GARBAGE, f"ChatGPT sent {what}.", step="stream")
