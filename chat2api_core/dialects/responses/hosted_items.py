"""What hosted tools did, as items.

In: a web search, or an item of which nothing but its type is known, whole; a picture from its
beginning on. Out: events on the tape, and the finished
item. The rule: the events of an item come in the official order, all at once where the upstream
tells of it only when it is over.
"""

import msgspec
from msgspec import UNSET, Raw

from chat2api_core.dialects.responses.answer import ImageCall, SearchAction, WebSearchCall
from chat2api_core.dialects.responses.events import (
    Drawing,
    DrawingBegun,
    DrawingDone,
    DrawingPartly,
    ItemAdded,
    ItemDone,
    SearchBegun,
    SearchDone,
    Searching,
    Tape,
)
from chat2api_core.dialects.responses.open_items import Place
from chat2api_core.turn import NativeItem, Picture, PicturePreview, WebSearch


def write_search(tape: Tape, place: Place, search: WebSearch) -> WebSearchCall:
    """A step of a web search."""
    index, name = place.index, place.id("ws")
    action = SearchAction(search.action, search.query, search.url, search.pattern)
    item = WebSearchCall(name, action, "in_progress")
    tape.write(ItemAdded(output_index=index, item=item))
    for event in (SearchBegun, Searching, SearchDone):
        tape.write(event(output_index=index, item_id=name))
    item.status = "completed"
    tape.write(ItemDone(output_index=index, item=item))
    return item


def write_native(tape: Tape, place: Place, native: NativeItem) -> Raw:
    """An item as the upstream sent it. It keeps its id, by which others may name it; one that has
    none gets one."""
    item = Raw(native.item.encode())
    if not isinstance(msgspec.json.decode(item, type=_Named).id, str):
        fields = msgspec.json.decode(item, type=dict[str, Raw])
        name = Raw(msgspec.json.encode(place.id("item")))
        item = Raw(msgspec.json.encode({**fields, "id": name}))
    tape.write(ItemAdded(output_index=place.index, item=item))
    tape.write(ItemDone(output_index=place.index, item=item))
    return item


class _Named(msgspec.Struct):
    id: object = None


class OpenPicture:
    """A picture that is being made: opened when the upstream sets about it."""

    __slots__ = ("_id", "_tape", "index")

    def __init__(self, tape: Tape, place: Place) -> None:
        self._tape = tape
        self._id = place.id("ig")
        self.index = place.index
        tape.write(ItemAdded(output_index=place.index, item=ImageCall(self._id, "in_progress")))
        for event in (DrawingBegun, Drawing):
            tape.write(event(output_index=place.index, item_id=self._id))

    def preview(self, view: PicturePreview) -> None:
        """What is to be seen of it by now."""
        event = DrawingPartly(
            output_index=self.index,
            item_id=self._id,
            partial_image_index=view.index,
            partial_image_b64=view.data,
            output_format=view.format,
        )
        self._tape.write(event)

    def close(self, picture: Picture) -> ImageCall:
        """It is made."""
        index, name = self.index, self._id
        self._tape.write(DrawingDone(output_index=index, item_id=name))
        known = picture.width and picture.height
        size = f"{picture.width}x{picture.height}" if known else UNSET
        words = picture.revised_prompt or picture.title or UNSET
        item = ImageCall(name, "completed", picture.data, picture.format, words, size)
        self._tape.write(ItemDone(output_index=index, item=item))
        return item

    def fail(self) -> ImageCall:
        """It was not made after all."""
        item = ImageCall(self._id, "failed")
        self._tape.write(ItemDone(output_index=self.index, item=item))
        return item
