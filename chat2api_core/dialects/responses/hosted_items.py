"""What hosted tools did, as items.

In: a web search, whole; a picture, or an item of which nothing but its type is known, from its
beginning on. Out: events on the tape, and finished items in the output. The rule: the events of an
item come in the official order, all at once where the upstream tells of it only when it is over.
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
from chat2api_core.dialects.responses.output import Output, Place
from chat2api_core.dialects.responses.speech import Speech
from chat2api_core.turn import (
    NativeBegun,
    NativeItem,
    NativeProgress,
    Picture,
    PicturePreview,
    WebSearch,
)


class HostedItems:
    """The items of hosted tools, of which several may be open at a time, and while something is
    said, too."""

    __slots__ = ("_natives", "_output", "_picture", "_speech", "_tape")

    def __init__(self, tape: Tape, output: Output, speech: Speech) -> None:
        self._tape = tape
        self._output = output
        self._speech = speech
        self._picture: OpenPicture | None = None
        self._natives: dict[int, OpenNative] = {}

    def _place(self) -> Place:
        """The place of an item that begins."""
        self._speech.settle("completed")
        return self._output.place()

    def search(self, search: WebSearch) -> None:
        """A step of a web search."""
        place = self._place()
        self._output.put(place.index, write_search(self._tape, place, search))

    def draw(self) -> "OpenPicture":
        """The picture that is being made; if there is none, it begins."""
        if self._picture is None:
            self._picture = OpenPicture(self._tape, self._place())
        return self._picture

    def show(self, picture: Picture) -> None:
        """A picture is made."""
        drawn, self._picture = self.draw(), None
        self._output.put(drawn.index, drawn.close(picture))

    def begin(self, begun: NativeBegun) -> None:
        """An item begins for which there is no other word."""
        place = self._place()
        self._natives[begun.index] = OpenNative(self._tape, place, begun.item)

    def go_on(self, told: NativeProgress) -> None:
        """What is told of it; nothing of one that is over."""
        native = self._natives.get(told.index)
        if native is not None:
            native.tell(told)

    def end(self, whole: NativeItem) -> None:
        """The same item as it stays."""
        native = self._natives.pop(whole.index, None)
        if native is None:
            native = OpenNative(self._tape, self._place(), whole.item)
        self._output.put(native.index, native.close(whole.item))

    def close(self) -> None:
        """The answer is over, and what is open did not come to an end."""
        if self._picture is not None:
            self._output.put(self._picture.index, self._picture.fail())
        for native in self._natives.values():
            self._output.put(native.index, native.break_off())


def write_search(tape: Tape, place: Place, search: WebSearch) -> WebSearchCall:
    """A step of a web search."""
    index, name = place.index, place.id("ws")
    action = SearchAction(search.action, search.query, search.url, search.pattern, search.queries)
    item = WebSearchCall(name, action, "in_progress")
    tape.write(ItemAdded(output_index=index, item=item))
    for event in (
        (SearchBegun, Searching) if search.failed else (SearchBegun, Searching, SearchDone)
    ):
        tape.write(event(output_index=index, item_id=name))
    item.status = "failed" if search.failed else "completed"
    tape.write(ItemDone(output_index=index, item=item))
    return item


class OpenNative:
    """An item as the upstream sends it. It keeps its id, by which others may name it; one that has
    none gets one."""

    __slots__ = ("_begun", "_id", "_tape", "index")

    def __init__(self, tape: Tape, place: Place, item: str) -> None:
        self.index = place.index
        self._tape = tape
        given = msgspec.json.decode(item, type=_Named).id
        self._id = given if isinstance(given, str) and given else place.id("item")
        self._begun = item
        tape.write(ItemAdded(output_index=place.index, item=self._named(item)))

    def tell(self, told: NativeProgress) -> None:
        """An event about it, with our numbers in place of the upstream's."""
        fields = msgspec.json.decode(told.event, type=dict[str, Raw])
        known = {"type": told.kind, "output_index": self.index, "item_id": self._id}
        ours = {name: Raw(msgspec.json.encode(value)) for name, value in known.items()}
        self._tape.write_fields(told.kind, {**fields, **ours})

    def close(self, item: str) -> Raw:
        """It is whole."""
        whole = self._named(item)
        self._tape.write(ItemDone(output_index=self.index, item=whole))
        return whole

    def break_off(self) -> Raw:
        """It stays as it began."""
        fields = msgspec.json.decode(self._begun, type=dict[str, Raw])
        if "status" in fields:
            fields["status"] = Raw(b'"incomplete"')
        return self.close(msgspec.json.encode(fields).decode())

    def _named(self, item: str) -> Raw:
        if msgspec.json.decode(item, type=_Named).id == self._id:
            return Raw(item.encode())
        fields = msgspec.json.decode(item, type=dict[str, Raw])
        fields["id"] = Raw(msgspec.json.encode(self._id))
        return Raw(msgspec.json.encode(fields))


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
