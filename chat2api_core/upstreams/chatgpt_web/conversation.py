"""A kept conversation as ChatGPT tells it: what the turn that was asked last has come to. Pure.

In:   the JSON of ``GET conversation/{id}``: a tree of messages, the node that is current, and
      whether a long task is still at work (``async_status``).
Out:  ``Conversation``: the messages since the user's last one, oldest first, each as the JSON text
      that it came as.

The one rule: only the branch from the current node upwards counts, and a tree that leads in a
circle, or nowhere, is ``Problem(GARBAGE)``. Source: seen in the web client.
"""

import msgspec
from msgspec import Raw, Struct

from chat2api_core.problem import Kind, Problem

_BRANCH = 4000  # messages of one turn; more is no turn


_NULL = Raw(b"null")


class _Author(Struct, frozen=True):
    role: str | None = ""


class _Metadata(Struct):
    async_task_type: str | None = None


class _Head(Struct):
    """What is read of a message here; what it says is the reader's matter."""

    id: str | None = ""
    author: _Author = _Author()
    status: str | None = ""
    end_turn: bool | None = None
    recipient: str | None = "all"
    metadata: _Metadata | None = None


class _Node(Struct):
    message: Raw = _NULL
    parent: str | None = None


class _Document(Struct):
    mapping: dict[str, _Node]
    current_node: str | None = None
    async_status: object = None


class Entry(Struct, frozen=True, gc=False):
    """One message. ``data`` is its JSON text; ``ends`` says that with it the turn is over, if
    nothing else is at work: it ends the assistant's turn, or it is what a long task has made."""

    id: str
    role: str
    data: bytes
    ends: bool = False

    def message(self) -> dict[str, object]:
        """The message, decoded."""
        return _message(self.data)


class Conversation(Struct, frozen=True, gc=False):
    """A conversation as it stands. ``busy``: a long task (a picture, research) is at work."""

    id: str
    turn: tuple[Entry, ...]
    busy: bool

    @property
    def over(self) -> bool:
        """Whether the turn is complete."""
        return not self.busy and bool(self.turn) and self.turn[-1].ends


_document = msgspec.json.Decoder(_Document).decode
_head = msgspec.json.Decoder(_Head).decode
_message = msgspec.json.Decoder(dict[str, object]).decode
_status = msgspec.json.Decoder(dict[str, object]).decode


def read_conversation(body: bytes, conversation_id: str) -> Conversation:
    """Read the document of a conversation. Raises ``Problem`` (GARBAGE)."""
    try:
        document = _document(body)
        turn = _turn(document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _garbage() from error
    return Conversation(conversation_id, turn, document.async_status is not None)


def read_streaming(body: bytes) -> bool:
    """Whether a ``stream_status`` says that the turn is still being written."""
    try:
        return _status(body).get("status") == "IS_STREAMING"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _garbage() from error


def _turn(document: _Document) -> tuple[Entry, ...]:
    """The branch from the current node up to the user's message, turned the right way round."""
    entries: list[Entry] = []
    at = document.current_node
    while at is not None:
        node = document.mapping.get(at)
        if node is None or len(entries) >= _BRANCH:
            raise _garbage()
        if node.message != _NULL:
            entry = _entry(bytes(node.message))
            if entry.role == "user":
                break
            entries.append(entry)
        at = node.parent if node.parent != at else None
    return tuple(reversed(entries))


def _entry(data: bytes) -> Entry:
    head = _head(data)
    role = head.author.role or ""
    task = head.metadata is not None and bool(head.metadata.async_task_type)
    spoken = role == "assistant" and (head.recipient or "all") == "all" and head.end_turn is True
    made = role == "tool" and task and head.status == "finished_successfully"
    return Entry(head.id or "", role, data, spoken or made)


def _garbage() -> Problem:
    message = "ChatGPT sent a conversation that is not readable."
    return Problem(Kind.GARBAGE, message, step="conversation")
