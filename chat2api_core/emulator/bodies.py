"""The JSON bodies that the web backend takes, and how it refuses others. Pure.

Input: bytes. Output: Structs, or ``Refused`` with a 422 in one of the two forms of the service: the
FastAPI list where a field is missing or misshapen, ``Invalid conversation body`` where a value is
not one it knows, and 413 where the text is too long. The rule: only what clients are known to send
passes; a misspelt field is refused although the service might let it go.
"""

import re
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct

from chat2api_core.emulator.exchange import Refused, invalid, missing
from chat2api_core.emulator.faults import NAMED

EFFORTS = ("standard", "extended", "max", "min")
HINTS = ("picture_v2", "search", "reason", "canvas", "research", "agent", "tatertot")
ROLES = ("user", "system", "assistant", "tool", "critic")
ROOT = "client-created-root"

_Body = TypeVar("_Body")
_POINTERS = ("file-service://", "sediment://")
_FIELD = re.compile(r"`([^`]*)`")


class Author(Struct):
    role: str
    name: str | None = None
    metadata: dict[str, Any] = {}


class Content(Struct):
    """The content of a message. ``parts`` are texts and pointers to assets."""

    content_type: str
    parts: list[str | dict[str, Any]] | None = None
    text: str | None = None


class Said(Struct):
    """A message that a client sends."""

    id: str
    author: Author
    content: Content
    create_time: float | None = None
    metadata: dict[str, Any] = {}
    status: str | None = None
    weight: float | None = None
    recipient: str | None = None
    channel: str | None = None
    end_turn: bool | None = None
    update_time: float | None = None

    @property
    def text(self) -> str:
        """The text parts, one after the other."""
        parts = self.content.parts or []
        return "".join(part for part in parts if isinstance(part, str)) or self.content.text or ""


class Mode(Struct):
    kind: Literal["primary_assistant", "gizmo_interaction", "plugin_interaction"]
    gizmo_id: str | None = None
    plugin_ids: list[str] | None = None


class ConversationBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """The body of ``conversation``, ``f/conversation`` and ``f/conversation/prepare``."""

    action: Literal["next", "continue", "variant"]
    parent_message_id: str
    model: str
    messages: list[Said] | None = None
    conversation_id: str | None = None
    conversation_mode: Mode = msgspec.field(default_factory=lambda: Mode("primary_assistant"))
    system_hints: list[str] = []
    thinking_effort: str | None = None
    supported_encodings: list[Literal["v1"]] = []
    supports_buffering: bool = False
    history_and_training_disabled: bool = False
    timezone_offset_min: int | None = None
    timezone: str | None = None
    client_prepare_state: Literal["none", "sent", "success"] | None = None
    client_contextual_info: dict[str, Any] = {}
    enable_message_followups: bool = False
    paragen_cot_summary_display_override: str | None = None
    force_parallel_switch: str | None = None
    local_function_names: list[str] = []
    # Of f/conversation/prepare.
    fork_from_shared_post: bool = False
    client_prepare_dispatch: str | None = None
    client_prepare_source: str | None = None
    attachment_mime_types: list[str] = []
    partial_query: dict[str, Any] | None = None
    # Of the legacy path.
    force_nulligen: bool = False
    force_paragen: bool = False
    force_paragen_model_slug: str = ""
    force_rate_limit: bool = False
    force_use_sse: bool = False
    reset_rate_limits: bool = False
    suggestions: list[str] = []
    conversation_origin: str | None = None
    variant_purpose: str | None = None
    websocket_request_id: str | None = None
    paragen_stream_type_override: str | None = None
    arkose_token: str | None = None


class Requirements(Struct):
    """The body of the one-step form and of prepare."""

    p: str


class Finalize(Struct):
    prepare_token: str
    proofofwork: str = ""
    turnstile: str = ""


class Resume(Struct):
    conversation_id: str
    offset: int = 0


class Patch(Struct, forbid_unknown_fields=True):
    is_visible: bool | None = None
    is_archived: bool | None = None
    title: str | None = None


class Init(Struct, forbid_unknown_fields=True):
    gizmo_id: str | None = None
    requested_default_model: str | None = None
    conversation_id: str | None = None
    timezone_offset_min: int | None = None
    timezone: str | None = None
    conversation_origin: str | None = None
    system_hints: list[str] | None = None


def read(body: bytes, form: type[_Body], content_type: str = "application/json") -> _Body:
    """The body as this Struct. Raises ``Refused`` with a 422."""
    if not content_type.lower().startswith("application/json"):
        raise invalid((), "value is not a valid dict", "type_error.dict")
    try:
        return msgspec.json.decode(body, type=form)
    except msgspec.ValidationError as error:
        raise _blame(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise invalid((), "Expecting value", "value_error.jsondecode") from error


def check_conversation(body: ConversationBody, max_characters: int) -> None:
    """Check what the types cannot say of a conversation call. Raises ``Refused``."""
    check_turn(body)
    if body.action == "continue":
        if body.messages:
            raise Refused(NAMED["422"])
        if body.conversation_id is None:
            raise missing("conversation_id")
        return
    if body.messages is None:
        raise missing("messages")
    if not body.messages:
        raise Refused(NAMED["422"])
    size = 0
    for index, message in enumerate(body.messages):
        _check_message(message, index)
        size += len(message.text)
    if size > max_characters:
        raise Refused(NAMED["413"])


def check_turn(body: ConversationBody) -> None:
    """Check the fields that a conversation call shares with its preparation."""
    for name in ("parent_message_id", "model", "conversation_id"):
        if getattr(body, name) == "":
            raise invalid((name,), "ensure this value has at least 1 characters", "value_error")
    if body.thinking_effort is not None and body.thinking_effort not in EFFORTS:
        raise Refused(NAMED["422"])
    for hint in body.system_hints:
        if hint not in HINTS and not hint.startswith("connector:"):
            raise Refused(NAMED["422"])
    gizmo = body.conversation_mode.gizmo_id or ""
    if body.conversation_mode.kind == "gizmo_interaction" and not gizmo.startswith("g-"):
        raise missing("conversation_mode", "gizmo_id")


def check_prepare(body: ConversationBody) -> None:
    """Check the preparation of a turn."""
    check_turn(body)
    if body.client_prepare_state is None:
        raise missing("client_prepare_state")
    if body.partial_query is None and body.client_prepare_state == "success":
        raise missing("partial_query")


def _check_message(message: Said, index: int) -> None:
    where = ("messages", str(index))
    if not message.id:
        raise invalid((*where, "id"), "ensure this value has at least 1 characters")
    if message.author.role not in ROLES:
        raise invalid((*where, "author", "role"), "value is not a valid enumeration member")
    content = message.content
    if content.content_type not in ("text", "multimodal_text"):
        return
    if not content.parts:
        raise missing(*where, "content", "parts")
    for part in content.parts:
        if isinstance(part, dict) and not _is_pointer(part, content.content_type):
            raise Refused(NAMED["422"])


def _is_pointer(part: dict[str, Any], content_type: str) -> bool:
    asset = part.get("asset_pointer")
    pointer = isinstance(asset, str) and asset.startswith(_POINTERS)
    return pointer and content_type == "multimodal_text" and "content_type" in part


def _blame(error: str) -> Refused:
    """A 422 in the list form out of a message such as ``... - at `$.messages[0].id```."""
    text, _, place = error.partition(" - at ")
    path = place.strip("`").removeprefix("$")
    where = [step for step in re.split(r"[.\[\]]+", path) if step]
    field = _FIELD.search(text)
    if text.startswith("Object missing required field") and field:
        return missing(*where, field[1])
    if text.startswith("Object contains unknown field") and field:
        return invalid((*where, field[1]), "extra fields not permitted", "value_error.extra")
    return invalid(tuple(where), text, "type_error")
