"""What is said, as the messages of a turn's body.

In: author, text and attached parts, and as what the parts were uploaded. Out: the JSON shapes. The
rule: pictures stand before the text, and whatever is attached is listed in the metadata. Source:
seen in the web client.
"""

from msgspec import UNSET, UnsetType

from chat2api_core.ambient import Ids
from chat2api_core.upstreams.chatgpt_web import shapes
from chat2api_core.upstreams.chatgpt_web.attachments import (
    Uploaded,
    assets_of,
    attachments,
    pointers,
)
from chat2api_core.upstreams.chatgpt_web.messages import Said


def message(
    item: Said, ids: Ids, hints: tuple[str, ...], now: float, uploaded: Uploaded
) -> shapes.Message:
    """A message of the current form. ``now`` is unix seconds."""
    files = attachments(assets_of(item.media, uploaded)) if item.media else UNSET
    metadata = (
        shapes.Metadata(hints, attachments=files) if item.author == "user" else shapes.Nothing()
    )
    content = _content(item, uploaded)
    return shapes.Message(ids.uuid(), shapes.Author(item.author), content, metadata, now)


def older_message(item: Said, ids: Ids, uploaded: Uploaded) -> shapes.Message:
    """A message of the legacy form."""
    author, content = shapes.Author(item.author), _content(item, uploaded)
    if not item.media:
        return shapes.Message(ids.uuid(), author, content)
    files = attachments(assets_of(item.media, uploaded))
    return shapes.Message(ids.uuid(), author, content, shapes.OnlyAttachments(files))


def _content(item: Said, uploaded: Uploaded) -> shapes.Content:
    """Pictures stand before the text; files that are none are attached only."""
    pictures = pointers(assets_of(item.media, uploaded)) if item.media else ()
    if not pictures:
        return shapes.Content((item.text,))
    text = (item.text,) if item.text else ()
    return shapes.Content((*pictures, *text), "multimodal_text")


def attached_types(last: shapes.Message | None) -> tuple[str, ...] | UnsetType:
    """The types of what is attached to a message, UNSET where nothing is."""
    metadata = last.metadata if last else None
    if not isinstance(metadata, shapes.Metadata) or isinstance(metadata.attachments, UnsetType):
        return UNSET
    return tuple(dict.fromkeys(file.mime_type for file in metadata.attachments))
