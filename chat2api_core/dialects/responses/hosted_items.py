"""What hosted tools did, as items.

In: a web search or a picture, whole. Out: its events on the tape, and the finished item. The rule:
an upstream tells of both only when they are over, so all events of an item come at once, in the
official order.
"""

from msgspec import UNSET

from chat2api_core.dialects.responses.answer import ImageCall, SearchAction, WebSearchCall
from chat2api_core.dialects.responses.events import (
    Drawing,
    DrawingBegun,
    DrawingDone,
    ItemAdded,
    ItemDone,
    SearchBegun,
    SearchDone,
    Searching,
    Tape,
)
from chat2api_core.dialects.responses.open_items import Place
from chat2api_core.turn import Picture, WebSearch


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


def write_picture(tape: Tape, place: Place, picture: Picture) -> ImageCall:
    """A picture that the upstream sent itself."""
    index, name = place.index, place.id("ig")
    tape.write(ItemAdded(output_index=index, item=ImageCall(name, "in_progress")))
    for event in (DrawingBegun, Drawing, DrawingDone):
        tape.write(event(output_index=index, item_id=name))
    size = f"{picture.width}x{picture.height}" if picture.width and picture.height else UNSET
    item = ImageCall(name, "completed", picture.data, picture.format, picture.title or UNSET, size)
    tape.write(ItemDone(output_index=index, item=item))
    return item
