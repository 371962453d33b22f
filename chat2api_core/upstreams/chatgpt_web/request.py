"""What is sent to the ChatGPT web backend: headers, and the bodies of a turn.

In: a ``Prompt``, who we are (``Identity``), and the proofs of the turn. Out: bytes.
Two forms of a turn exist: the current one (``/f/conversation``, prepared by a call before it,
streamed as deltas) and the legacy one (``/conversation``, streamed as whole messages).
The rule that must hold: no header and no body says anything about the machine we run on, and no
secret leaves this module except in the header that is made for it.
Source of names and shapes: seen in the web client.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Struct, UnsetType

from chat2api_core.ambient import Ids
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.turn import Prompt, Thread
from chat2api_core.upstreams.chatgpt_web import shapes
from chat2api_core.upstreams.chatgpt_web.attachments import Uploaded
from chat2api_core.upstreams.chatgpt_web.commission import HINT
from chat2api_core.upstreams.chatgpt_web.composition import attached_types, message, older_message
from chat2api_core.upstreams.chatgpt_web.messages import Said, to_send
from chat2api_core.upstreams.chatgpt_web.target import model_slug, thinking

Headers = list[tuple[bytes, bytes]]

_ROOT = "client-created-root"  # the parent of the first message of a new conversation
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


# ---------------------------------------------------------------------------------- the headers


class Identity(Struct, frozen=True):
    """Who asks: the account, and our client as it presents itself. The client's version and build
    number are left out where empty; ``auth_key`` opens a private gateway in front of ChatGPT."""

    device_id: str
    session_id: str
    user_agent: str
    access_token: Secret = Secret("")
    account_id: str = ""
    language: str = "en-US"
    client_version: str = ""
    build_number: str = ""
    auth_key: Secret = Secret("")


class SentinelTokens(Struct, frozen=True):
    """What the requirements of a turn have granted, and our answers to them; empty: none."""

    requirements: str
    prepare: str = ""
    proof: str = ""
    turnstile: str = ""
    so: str = ""

    def __repr__(self) -> str:
        return "SentinelTokens('***')"


def base_headers(
    identity: Identity,
    base_url: str,
    path: str,
    *,
    accept: str = "*/*",
    content_type: str = "application/json",
) -> Headers:
    """The headers of every API call, for ``path`` under ``base_url``. Empty ones are left out.
    Cookies are the caller's matter."""
    target = path.partition("?")[0]
    of_call = _filled(
        (b"accept", accept),
        (b"content-type", content_type),
        (b"x-openai-target-path", target),
        (b"x-openai-target-route", target),
    )
    return [*_of_account(identity, base_url), *of_call]


@lru_cache(maxsize=1024)
def _of_account(identity: Identity, base_url: str) -> Headers:
    """The headers that are the same in every call of an account."""
    origin = origin_of(base_url)
    token = identity.access_token.reveal()
    return _filled(
        (b"accept-encoding", "identity"),  # packed events would wait for the packer
        (b"accept-language", identity.language),
        (b"user-agent", identity.user_agent),
        (b"origin", origin),
        (b"referer", f"{origin}/"),
        (b"authorization", token and f"Bearer {token}"),
        (b"chatgpt-account-id", identity.account_id),
        (b"oai-device-id", identity.device_id),
        (b"oai-language", identity.language),
        (b"oai-session-id", identity.session_id),
        (b"oai-client-version", identity.client_version),
        (b"oai-client-build-number", identity.build_number),
        (b"auth_key", identity.auth_key.reveal()),
    )


def page_headers(identity: Identity) -> Headers:
    """The headers with which the home page is fetched as a document."""
    return _filled(
        (b"accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        (b"accept-encoding", "identity"),
        (b"accept-language", identity.language),
        (b"user-agent", identity.user_agent),
        (b"sec-fetch-dest", "document"),
        (b"sec-fetch-mode", "navigate"),
        (b"sec-fetch-site", "none"),
        (b"sec-fetch-user", "?1"),
        (b"upgrade-insecure-requests", "1"),
        (b"auth_key", identity.auth_key.reveal()),
    )


def blob_headers(identity: Identity, base_url: str, *, length: int, mime: str) -> Headers:
    """The headers with which a file's bytes are put into the storage behind ChatGPT. None of them
    says whose file it is."""
    origin = origin_of(base_url)
    return _filled(
        (b"content-type", mime),
        (b"content-length", str(length)),
        (b"x-ms-blob-type", "BlockBlob"),
        (b"x-ms-version", "2020-04-08"),
        (b"accept", "application/json, text/plain, */*"),
        (b"accept-language", identity.language),
        (b"user-agent", identity.user_agent),
        (b"origin", origin),
        (b"referer", f"{origin}/"),
    )


def conversation_headers(
    sentinel: SentinelTokens, *, conduit: str = "", trace_id: str = ""
) -> Headers:
    """What a turn and its preparation carry besides the base headers. ``conduit`` comes from the
    preparation, ``trace_id`` is a fresh uuid for the turn."""
    return _filled(
        (b"openai-sentinel-chat-requirements-token", sentinel.requirements),
        (b"openai-sentinel-chat-requirements-prepare-token", sentinel.prepare),
        (b"openai-sentinel-proof-token", sentinel.proof),
        (b"openai-sentinel-turnstile-token", sentinel.turnstile),
        (b"openai-sentinel-so-token", sentinel.so),
        (b"x-conduit-token", conduit),
        (b"x-oai-turn-trace-id", trace_id),
    )


def _filled(*headers: tuple[bytes, str]) -> Headers:
    """Values hold visible ASCII only: a token with a line end in it must not become two headers."""
    return [
        (name, value.encode() if _plain(value) else _UNPRINTABLE.sub("", value).encode())
        for name, value in headers
        if value
    ]


def _plain(value: str) -> bool:
    return value.isascii() and value.isprintable()


def origin_of(base_url: str) -> str:
    """Scheme and host: a private gateway may live under a path."""
    return "/".join(base_url.split("/", 3)[:3])


# ----------------------------------------------------------------------------------- the bodies


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
