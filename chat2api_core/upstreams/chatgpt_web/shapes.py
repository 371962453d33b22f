"""The JSON shapes of the bodies of a turn.

The rule that must hold: a body has exactly the fields known to be taken, because an unknown one is
refused with HTTP 422. ``UNSET`` fields are left out. Source: seen in the web client.
"""

from collections.abc import Sequence

from msgspec import UNSET, Struct, UnsetType

from chat2api_core.upstreams.chatgpt_web.attachments import Attachment, Pointer


class Author(Struct, frozen=True):
    role: str


class Content(Struct, frozen=True):
    """``text``, or ``multimodal_text`` with pictures before the text."""

    parts: tuple[str | Pointer, ...]
    content_type: str = "text"


class Symbols(Struct, frozen=True):
    custom_symbol_offsets: tuple[()] = ()


class Metadata(Struct, frozen=True):
    """What the composer says about a message, and what was attached to it."""

    system_hints: tuple[str, ...] = ()
    developer_mode_connector_ids: tuple[()] = ()
    selected_sources: tuple[()] = ()
    selected_github_repos: tuple[()] = ()
    selected_all_github_repos: bool = False
    serialization_metadata: Symbols = Symbols()
    submission_mode: str = "manual_send"
    attachments: tuple[Attachment, ...] | UnsetType = UNSET


class OnlyAttachments(Struct, frozen=True):
    """The metadata of a message in the older form."""

    attachments: tuple[Attachment, ...]


class Nothing(Struct, frozen=True):
    """An empty object."""


class Message(Struct, frozen=True):
    """One uploaded message. ``create_time`` is unix seconds."""

    id: str
    author: Author
    content: Content
    metadata: Metadata | OnlyAttachments | Nothing = Nothing()
    create_time: float | UnsetType = UNSET


class Query(Struct, frozen=True):
    """The text in the composer while a turn is prepared."""

    id: str
    author: Author
    content: Content


class Mode(Struct, frozen=True):
    """``primary_assistant``, or ``gizmo_interaction`` with the id of a GPT."""

    kind: str = "primary_assistant"
    gizmo_id: str | UnsetType = UNSET


class App(Struct, frozen=True):
    app_name: str = "chatgpt.com"


class Prepare(Struct, frozen=True, kw_only=True):
    """The body of the call that prepares a turn: one call, made when the question is complete."""

    action: str = "next"
    fork_from_shared_post: bool = False
    parent_message_id: str
    conversation_id: str | UnsetType = UNSET
    model: str
    client_prepare_state: str = "success"
    client_prepare_dispatch: str = "debounced"
    client_prepare_source: str = "composer_editor_state"
    timezone_offset_min: int = 0
    timezone: str = "UTC"
    conversation_mode: Mode = Mode()
    system_hints: tuple[str, ...] = ()
    thinking_effort: str | UnsetType = UNSET
    attachment_mime_types: tuple[str, ...] | UnsetType = UNSET
    supported_encodings: tuple[str, ...] = ("v1",)
    client_contextual_info: App = App()
    partial_query: Query | UnsetType = UNSET


class Current(Struct, frozen=True, kw_only=True):
    """The body of a turn today.

    ``supports_buffering`` is left out on purpose: to a client that cannot take up a buffered stream
    the server has no reason to hand the stream off to a WebSocket. Suggestions for a next question
    (``enable_message_followups``) are not asked for either: nobody would see them. Times are those
    of UTC: where the client sits is not told."""

    action: str = "next"
    messages: Sequence[Message] | UnsetType = UNSET
    parent_message_id: str
    conversation_id: str | UnsetType = UNSET
    model: str
    client_prepare_state: str = "success"
    timezone_offset_min: int = 0
    timezone: str = "UTC"
    conversation_mode: Mode = Mode()
    system_hints: tuple[str, ...] = ()
    supported_encodings: tuple[str, ...] = ("v1",)
    client_contextual_info: App = App()
    history_and_training_disabled: bool
    paragen_cot_summary_display_override: str = "allow"
    force_parallel_switch: str = "auto"
    thinking_effort: str | UnsetType = UNSET


class Legacy(Struct, frozen=True, kw_only=True):
    """The body of a turn in its older form. ``force_use_sse`` asks not to be moved to a WebSocket,
    no encodings ask for whole-message events."""

    action: str = "next"
    messages: Sequence[Message] | UnsetType = UNSET
    parent_message_id: str
    conversation_id: str | UnsetType = UNSET
    model: str
    conversation_mode: Mode = Mode()
    system_hints: tuple[str, ...] = ()
    thinking_effort: str | UnsetType = UNSET
    history_and_training_disabled: bool
    timezone_offset_min: int = 0
    timezone: str = "UTC"
    conversation_origin: None = None
    force_nulligen: bool = False
    force_paragen: bool = False
    force_paragen_model_slug: str = ""
    force_rate_limit: bool = False
    force_use_sse: bool = True
    paragen_cot_summary_display_override: str = "allow"
    paragen_stream_type_override: None = None
    reset_rate_limits: bool = False
    suggestions: tuple[()] = ()
    supported_encodings: tuple[()] = ()
    variant_purpose: str = "comparison_implicit"
    websocket_request_id: str
