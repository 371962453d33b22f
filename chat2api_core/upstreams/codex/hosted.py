"""What the tools of the backend itself did, and the items for which nobody here has a word.

In: items that begin, events about them, items that are whole. Out: deltas. The rules: a picture and
a search have deltas of their own; any other item is handed on as it is, and so is what is told of
it while it is under way, by the name of an event that belongs to no other item.
"""

import re
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from chat2api_core.turn import (
    Delta,
    NativeBegun,
    NativeItem,
    NativeProgress,
    Picture,
    PictureBegun,
    PicturePreview,
    RefusalDelta,
)
from chat2api_core.turn import WebSearch as Search
from chat2api_core.upstreams.codex.events import Action, Item, View
from chat2api_core.upstreams.quote import quote

DRAWING = "image_generation_call"
SEARCHING = "web_search_call"
_FAILED = "failed"
_OFFICIAL = re.compile(r"response\.[a-z0-9_.]{1,100}")
# Native items of one answer; the rest of them come whole only.
_MAX_BEGUN = 1_000
_ACTIONS: dict[str, Literal["search", "open_page", "find_in_page"]] = {
    "search": "search",
    "open_page": "open_page",
    "find": "find_in_page",
    "find_in_page": "find_in_page",
}


class _Told(Struct, gc=False):
    output_index: int | None = None


class Hosted:
    """The native items so far, known by the index of their item in the output. Raises
    ``msgspec.DecodeError`` and ``UnicodeDecodeError`` for what cannot be read."""

    __slots__ = ("_begun", "_open")

    def __init__(self) -> None:
        self._begun = 0
        self._open: dict[int, int] = {}

    def begin(self, place: int, item: Item, raw: Raw) -> list[Delta]:
        """An item begins that is no message, thought or call."""
        if item.type == DRAWING:
            return [PictureBegun()]
        unheard_of = item.type and place not in self._open
        if not unheard_of or self._begun >= _MAX_BEGUN:
            return []
        index = self._open[place] = self._begun
        self._begun += 1
        return [NativeBegun(index, item.type, _one_line(raw))]

    def go_on(self, kind: str, data: bytes) -> list[Delta]:
        """An event that nobody knows: it may be about a native item that is open."""
        if not self._open or _OFFICIAL.fullmatch(kind) is None:
            return []
        place = msgspec.json.decode(data, type=_Told).output_index
        index = None if place is None else self._open.get(place)
        return [] if index is None else [NativeProgress(index, kind, _one_line(data))]

    def whole(self, place: int, item: Item, raw: Raw) -> list[Delta]:
        """The same item as it stays; one without a type is none."""
        if item.type == DRAWING:
            return _picture(item)
        found = _search(item) if item.type == SEARCHING else []
        if found or not item.type:
            return found
        return [NativeItem(item.type, _one_line(raw), self._open.pop(place, -1))]


def preview(view: View) -> PicturePreview:
    """A picture that is not finished."""
    return PicturePreview(
        view.partial_image_index, view.partial_image_b64, view.output_format or "png"
    )


def _one_line(raw: Raw | bytes) -> str:
    return msgspec.json.format(bytes(raw), indent=-1).decode()


def _picture(item: Item) -> list[Delta]:
    if not item.result:
        why = quote((item.error.message if item.error else None) or "")
        return [RefusalDelta(why)] if why else []
    width, _, height = (item.size or "").partition("x")
    return [
        Picture(
            "",
            int(width) if width.isdecimal() else 0,
            int(height) if height.isdecimal() else 0,
            item.revised_prompt or "",
            item.result,
            item.output_format or "png",
            revised_prompt=item.revised_prompt or "",
        )
    ]


def _search(item: Item) -> list[Delta]:
    action, failed = item.action, item.status == _FAILED
    if not isinstance(action, Action):
        return [Search(failed=failed)]
    kind = _ACTIONS.get(action.type)
    if kind is None:
        return []
    queries = tuple(action.queries or ())
    query = action.query or ", ".join(queries)
    return [Search(kind, query, action.url or "", action.pattern or "", queries, failed)]
