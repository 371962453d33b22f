"""What a message of the stream is to the reader of the answer, and what stands in it.

In:   a message as JSON: ``author``, ``content``, ``recipient``, ``channel``, ``weight``,
      ``status``, ``metadata``.
Out:  its ``Form``, its pictures, why it ended.

The one rule: what is not known to be for the user's eyes is hidden. Messages of the user and the
system are echoes; calls and answers of tools are the upstream's own talk, except for the code
interpreter, the canvas, pictures and a tool's plain failure.
"""

import enum
from collections.abc import Iterator

from chat2api_core.turn import FinishReason, Picture
from chat2api_core.upstreams.chatgpt_web.delta import list_of, object_of, text_of

_INTERPRETERS = frozenset({"python", "python_user_visible"})
_SEARCHERS = frozenset({"web", "web.run", "web.search", "browser"})
_PAINTING = "image_gen"
_ASSETS = ("file-service://", "sediment://")

_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "interrupted": "stop",  # the user pressed stop
    "max_tokens": "length",
    "content_filter": "content_filter",
}


class Form(enum.Enum):
    """How a message is shown."""

    HIDDEN = enum.auto()
    PROSE = enum.auto()
    MIXED = enum.auto()  # prose and pictures
    REASONING = enum.auto()
    THOUGHTS = enum.auto()
    CODE = enum.auto()
    OUTPUT = enum.auto()
    CANVAS = enum.auto()
    PICTURES = enum.auto()
    FAILURE = enum.auto()
    SEARCH = enum.auto()  # a call of the web tool: what is searched for


# By content type, for assistant messages to everybody and for tool messages.
_SPOKEN = {
    "text": Form.PROSE,
    "multimodal_text": Form.MIXED,
    "thoughts": Form.THOUGHTS,
    "code": Form.CODE,
    "execution_output": Form.OUTPUT,
    "system_error": Form.FAILURE,
}
_SAYABLE = frozenset({Form.PROSE, Form.MIXED, Form.CODE})
_TOOL = {
    "execution_output": Form.OUTPUT,
    "multimodal_text": Form.PICTURES,
    "system_error": Form.FAILURE,
}


def form_of(message: dict[str, object]) -> Form:
    """How to show a message, judged by what is known of it so far."""
    metadata = object_of(message.get("metadata"))
    kind = text_of(object_of(message.get("content")).get("content_type"))
    role = text_of(object_of(message.get("author")).get("role"))
    if message.get("weight") == 0 or metadata.get("is_visually_hidden_from_conversation") is True:
        return Form.HIDDEN
    if role == "tool":
        # The o1 models of 2024 showed their thinking as a tool's text with two titles.
        thinking = kind == "text" and not metadata.keys().isdisjoint(
            {"initial_text", "finished_text"}
        )
        return Form.REASONING if thinking else _TOOL.get(kind, Form.HIDDEN)
    if role != "assistant":
        return Form.HIDDEN
    recipient = text_of(message.get("recipient")) or "all"
    if recipient != "all":
        return _call_form(recipient, kind)
    thinking = (
        text_of(message.get("channel")) in {"analysis", "commentary"}
        or metadata.get("is_thinking_preamble_message") is True
    )
    form = _SPOKEN.get(kind, Form.HIDDEN)
    return Form.REASONING if thinking and form in _SAYABLE else form


def _call_form(recipient: str, kind: str) -> Form:
    if kind not in {"code", "text"}:
        return Form.HIDDEN
    if recipient in _INTERPRETERS:
        return Form.CODE
    if recipient in _SEARCHERS:
        return Form.SEARCH
    return Form.CANVAS if recipient.startswith("canmore.") else Form.HIDDEN


def texts_of(message: dict[str, object]) -> list[object]:
    """The texts of a message, each a ``str`` or a ``Rope``: its parts, or its one text."""
    content = object_of(message.get("content"))
    parts = content.get("parts")
    return list_of(parts) if isinstance(parts, list) else [content.get("text")]


def language_of(message: dict[str, object]) -> str:
    """The language for a fence around a message's code."""
    language = text_of(object_of(message.get("content")).get("language"))
    if language not in {"", "unknown"}:
        return language
    return "python" if text_of(message.get("recipient")) in _INTERPRETERS else ""


def reason_of(message: dict[str, object]) -> FinishReason:
    """Why a message ended, as far as it says."""
    metadata = object_of(message.get("metadata"))
    return _REASONS.get(text_of(object_of(metadata.get("finish_details")).get("type")), "stop")


def is_painting(message: dict[str, object]) -> bool:
    """Whether a message says that a picture is being made, and does not show it yet."""
    task = text_of(object_of(message.get("metadata")).get("async_task_type"))
    return task == _PAINTING and next(pictures_of(message), None) is None


def pictures_of(message: dict[str, object]) -> Iterator[Picture]:
    """The finished pictures of a message. A preview says that less than its height is generated."""
    metadata = object_of(message.get("metadata"))
    title = text_of(metadata.get("image_gen_title"))
    for part in map(object_of, list_of(object_of(message.get("content")).get("parts"))):
        if part.get("content_type") == "image_asset_pointer":
            about = object_of(part.get("metadata"))
            done = object_of(about.get("generation")).get("height")
            height = _pixels(part.get("height"))
            asset = text_of(part.get("asset_pointer"))
            if asset.startswith(_ASSETS) and not (isinstance(done, int) and done < height):
                yield Picture(asset, _pixels(part.get("width")), height, title)
    result = object_of(metadata.get("aggregate_result"))
    for shown in map(object_of, list_of(result.get("messages"))):
        asset = text_of(shown.get("image_url"))
        if shown.get("message_type") == "image" and asset.startswith(_ASSETS):
            yield Picture(asset, _pixels(shown.get("width")), _pixels(shown.get("height")))


def _pixels(size: object) -> int:
    return size if isinstance(size, int) and size > 0 else 0
