"""What is sent to the ChatGPT web backend: the bodies of a turn.

In: a ``Prompt``, and what was uploaded for it. Out: bytes.
Two forms of a turn exist: the current one (``/f/conversation``, prepared by a call before it,
streamed as deltas) and the legacy one (``/conversation``, streamed as whole messages).
The rule that must hold: no body says anything about the machine we run on.
Source of names and shapes: seen in the web client.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Struct, UnsetType

from chat2api_core.ambient import Ids
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Prompt, Thread
from chat2api_core.upstreams.chatgpt_web import shapes
from chat2api_core.upstreams.chatgpt_web.attachments import Uploaded
from chat2api_core.upstreams.chatgpt_web.commission import HINT
from chat2api_core.upstreams.chatgpt_web.composition import attached_types, message, older_message
from chat2api_core.upstreams.chatgpt_web.messages import Said, to_send
from chat2api_core.upstreams.chatgpt_web.target import model_slug, thinking

_ROOT = "client-created-root"  # the parent of the first message of a new conversation


class Outgoing(Struct, frozen=True):
    """A turn ready to be sent. ``prepare`` goes first (empty in the legacy form). The upstream
    echoes what it was sent: ``sent_ids`` are the messages, ``sent_texts`` what the assistant is
    said to have said before."""

    body: bytes
    prepare: bytes = b""
    sent_ids: frozenset[str] = frozenset()
    sent_texts: frozenset[str] = frozenset()


class _Place(NamedTuple):
    """Where a turn goes: to which model, in which way, after which message."""

    parent: str
    conversation: str | UnsetType
    slug: str
    mode: shapes.Mode
    thinking: str | UnsetType


_encode = msgspec.json.Encoder().encode
_NOTHING: Uploaded = {}


def conversation_body(
    prompt: Prompt,
    *,
    ids: Ids,
    now: float,
    history_disabled: bool,
    uploaded: Uploaded = _NOTHING,
) -> Outgoing:
    """A turn in the current form. ``now`` is unix seconds; ``history_disabled`` asks for a
    temporary chat where the prompt says nothing of it; ``uploaded`` has every picture and file that
    is sent. Raises ``Problem`` INVALID_REQUEST."""
    said = to_send(prompt)
    messages = [message(item, ids, _hints(prompt), now, uploaded) for item in said]
    place = _place(prompt, prompt.thread, _ROOT)
    return Outgoing(
        _current(prompt, place, messages, history_disabled),
        _prepare(prompt, place, messages[-1], said[-1].text),
        frozenset(message.id for message in messages),
        _assistant_texts(said),
    )


def legacy_body(
    prompt: Prompt, *, ids: Ids, history_disabled: bool, uploaded: Uploaded = _NOTHING
) -> Outgoing:
    """A turn in the legacy form; else as ``conversation_body``."""
    said = to_send(prompt)
    messages = [older_message(item, ids, uploaded) for item in said]
    place = _place(prompt, prompt.thread, ids.uuid())
    return Outgoing(
        _legacy(prompt, place, messages, history_disabled, ids),
        sent_ids=frozenset(message.id for message in messages),
        sent_texts=_assistant_texts(said),
    )


def continue_body(
    prompt: Prompt, thread: Thread, *, ids: Ids, history_disabled: bool, legacy: bool = False
) -> Outgoing:
    """Ask for the rest of the answer ``thread.parent_message_id``, which the length limit cut off.
    The model and mode are those of ``prompt``, whose messages are not sent again."""
    place = _place(prompt, thread, _ROOT)
    if legacy:
        return Outgoing(_legacy(prompt, place, UNSET, history_disabled, ids))
    return Outgoing(_current(prompt, place, UNSET, history_disabled), _prepare(prompt, place, None))


def _prepare(prompt: Prompt, place: _Place, last: shapes.Message | None, text: str = "") -> bytes:
    """The preparation of a turn, with the text of the last message as the composer shows it. None:
    of going on with a cut answer."""
    return _encode(
        shapes.Prepare(
            action="next" if last else "continue",
            client_prepare_state="success" if last else "none",  # "none": an empty composer
            parent_message_id=place.parent,
            conversation_id=place.conversation,
            model=place.slug,
            conversation_mode=place.mode,
            system_hints=_hints(prompt),
            thinking_effort=place.thinking,
            attachment_mime_types=attached_types(last),
            partial_query=shapes.Query(last.id, shapes.Author("user"), shapes.Content((text,)))
            if last
            else UNSET,
        )
    )


def _current(
    prompt: Prompt,
    place: _Place,
    messages: Sequence[shapes.Message] | UnsetType,
    history_disabled: bool,
) -> bytes:
    return _encode(
        shapes.Current(
            action="continue" if messages is UNSET else "next",
            messages=messages,
            parent_message_id=place.parent,
            conversation_id=place.conversation,
            model=place.slug,
            client_prepare_state="sent" if HINT in prompt.hints else "success",
            conversation_mode=place.mode,
            system_hints=_hints(prompt),
            history_and_training_disabled=_temporary(prompt, history_disabled),
            thinking_effort=place.thinking,
        )
    )


def _legacy(
    prompt: Prompt,
    place: _Place,
    messages: Sequence[shapes.Message] | UnsetType,
    history_disabled: bool,
    ids: Ids,
) -> bytes:
    return _encode(
        shapes.Legacy(
            action="continue" if messages is UNSET else "next",
            messages=messages,
            parent_message_id=place.parent,
            conversation_id=place.conversation,
            model=place.slug,
            conversation_mode=place.mode,
            system_hints=_hints(prompt),
            history_and_training_disabled=_temporary(prompt, history_disabled),
            thinking_effort=place.thinking,
            websocket_request_id=ids.uuid(),
        )
    )


def _place(prompt: Prompt, thread: Thread | None, root: str) -> _Place:
    if thread is not None and not (thread.conversation_id and thread.parent_message_id):
        # Without a parent the upstream would start from an empty history, and say so to nobody.
        raise Problem(
            Kind.INVALID_REQUEST,
            "To go on with a conversation, both conversation_id and parent_message_id are needed.",
            step="request",
            param="parent_message_id" if thread.conversation_id else "conversation_id",
        )
    target = model_slug(prompt.model)
    mode = shapes.Mode("gizmo_interaction", target.gizmo_id) if target.gizmo_id else shapes.Mode()
    return _Place(
        parent=thread.parent_message_id if thread else root,
        conversation=thread.conversation_id if thread else UNSET,
        slug=target.slug,
        mode=mode,
        thinking=thinking(prompt.effort or target.effort) or UNSET,
    )


def _hints(prompt: Prompt) -> tuple[str, ...]:
    """The switches of the turn. A web search is one of them here; other hosted tools are not to be
    had."""
    searches = any(tool.kind == "web_search" for tool in prompt.hosted)
    return (*prompt.hints, "search") if searches and "search" not in prompt.hints else prompt.hints


def _assistant_texts(said: Sequence[Said]) -> frozenset[str]:
    return frozenset(item.text for item in said if item.author == "assistant")


def _temporary(prompt: Prompt, history_disabled: bool) -> bool:
    return history_disabled if prompt.temporary is None else prompt.temporary
