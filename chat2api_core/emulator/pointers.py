"""Whether the files that a turn speaks of are there (pointers, attachments), and which ones its
answer brings.

Input: the messages of a turn, the shelf, the caller. Output: nothing, or ``Refused``: 404 for a
file that this caller does not have ready, 422 where what is said of it is not true. The rule: a
picture is pointed to in the content and is an attachment as well, any other file only the latter.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from chat2api_core.emulator.bodies import Said
from chat2api_core.emulator.exchange import Json, Refused
from chat2api_core.emulator.faults import NAMED
from chat2api_core.emulator.replies import AnyStep, Code
from chat2api_core.emulator.shelf import Item, Shelf, file_not_found
from chat2api_core.emulator.threads import Thread

_POINTER = "image_asset_pointer"


def check_files(messages: Sequence[Said], shelf: Shelf, owner: str) -> None:
    """Check the files of these messages. Raises ``Refused``."""
    for message in messages:
        attached = _attached(message, shelf, owner)
        for part in message.content.parts or ():
            if isinstance(part, dict) and part.get("content_type") == _POINTER:
                _check_pointer(part, shelf, owner, attached)


def _attached(message: Said, shelf: Shelf, owner: str) -> set[str]:
    """The ids of the attachments, each of which is checked."""
    attachments = message.metadata.get("attachments") or ()
    known: set[str] = set()
    for attachment in attachments:
        item = _ready(str(attachment.get("id", "")), shelf, owner)
        told = attachment.get("mimeType") or attachment.get("mime_type")
        picture = item.mime.startswith("image/")
        right = (
            bool(attachment.get("name"))
            and (bool(item.threads) or attachment.get("size") == item.size)
            and told == item.mime
            and (not picture or _fits(attachment, item))
        )
        if not right:
            raise Refused(NAMED["422"])
        known.add(item.id)
    return known


def _check_pointer(part: dict[str, Any], shelf: Shelf, owner: str, attached: set[str]) -> None:
    item = _ready(str(part.get("asset_pointer", "")).partition("://")[2], shelf, owner)
    picture = item.mime.startswith("image/")
    uploaded = not item.threads
    if not picture or item.id not in attached or not _fits(part, item):
        raise Refused(NAMED["422"])
    if uploaded and part.get("size_bytes") != item.size:
        raise Refused(NAMED["422"])


def _ready(file_id: str, shelf: Shelf, owner: str) -> Item:
    item = shelf.get(file_id, owner)
    if item.state != "ready":
        raise file_not_found(file_id)
    return item


def _fits(said: dict[str, Any], item: Item) -> bool:
    return (said.get("width"), said.get("height")) == (item.width, item.height)


def keep_files(
    shelf: Shelf, thread: Thread, messages: Sequence[Json], steps: Sequence[AnyStep]
) -> None:
    """Put what an answer made on the shelf: pictures, plots, and files that code wrote."""
    for message in messages:
        for asset, width, height in _assets(message):
            shelf.show(asset, thread.owner, thread.id, (width, height))
    for step in steps:
        if isinstance(step, Code) and step.files:
            shelf.write(thread.id, step.files)


def _assets(message: Json) -> Iterator[tuple[str, int, int]]:
    """The pictures of a message: pointers of its content, plots of its run."""
    content, metadata = _json(message["content"]), _json(message["metadata"])
    for part in _list(content.get("parts")):
        if isinstance(part, dict) and part.get("content_type") == _POINTER:
            yield str(part["asset_pointer"]), int(part["width"]), int(part["height"])
    for one in _list(_json(metadata.get("aggregate_result") or {}).get("messages")):
        if isinstance(one, dict) and one.get("message_type") == "image":
            yield str(one["image_url"]), int(one["width"]), int(one["height"])


def _json(value: object) -> Json:
    assert isinstance(value, dict)
    return value


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
