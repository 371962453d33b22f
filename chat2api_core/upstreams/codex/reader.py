"""The stream of the Codex backend, read into deltas.

In: server-sent events, then the end of the body. Out: deltas, the last of a good answer being
``Finished``. The rules: what an item shows when it is whole completes what its pieces said, so an
answer without pieces, or with an empty ``output`` at its end, is whole all the same; unknown events
are skipped, unknown items handed on as they are; a body that ends without a terminal event is a
``Problem``. Source of the events: the public Responses API, and what was seen in the Codex
command-line client.
"""

from collections.abc import Callable
from typing import Literal, cast

import msgspec

from chat2api_core.ambient import Clock
from chat2api_core.effort import is_level
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import (
    Delta,
    Effort,
    Finished,
    FinishReason,
    NativeItem,
    Picture,
    PictureBegun,
    PicturePreview,
    RefusalDelta,
    Started,
)
from chat2api_core.turn import WebSearch as Search
from chat2api_core.upstreams.codex.calls import KINDS, Calls
from chat2api_core.upstreams.codex.events import (
    Action,
    AnnotationAdded,
    Item,
    ItemEvent,
    Response,
    ResponseEvent,
    View,
    decode,
    decode_type,
    read_item,
    read_piece,
    unreadable,
    usage_of,
)
from chat2api_core.upstreams.codex.faults import (
    Complaint,
    read_complaint,
    read_failure,
    refuses_reasoning,
)
from chat2api_core.upstreams.codex.names import Names
from chat2api_core.upstreams.codex.quota import Quota, read_quota_event
from chat2api_core.upstreams.codex.text import Text
from chat2api_core.upstreams.codex.thinking import Thinking
from chat2api_core.upstreams.quote import quote
from chat2api_core.wire.sse import Event

_DRAWING = "image_generation_call"
# The items for which there is a delta that says the same.
_KNOWN = KINDS | {"message", "reasoning", "web_search_call", _DRAWING}
_REASONS: dict[str, FinishReason] = {"content_filter": "content_filter"}
_ACTIONS: dict[str, Literal["search", "open_page", "find_in_page"]] = {
    "search": "search",
    "open_page": "open_page",
    "find": "find_in_page",
    "find_in_page": "find_in_page",
}


class Reader:
    """Reads one answer. ``finished`` is set by its good end; ``sealed_refused`` when the answer
    failed because old reasoning could not be opened."""

    def __init__(self, names: Names, clock: Clock) -> None:
        self.finished: Finished | None = None
        self.sealed_refused = False
        self._quota: Quota | None = None
        self._clock = clock
        self._started = False
        self._text = Text()
        self._thinking = Thinking()
        self._calls = Calls(names)
        self._whole: set[int] = set()  # items that were shown whole

    def feed(self, event: Event) -> list[Delta]:
        """The deltas of one event. Raises ``Problem`` for a failure that the stream tells."""
        read = _READERS.get(event.event or _type(event))
        if read is None or self.finished is not None:
            return []
        try:
            return read(self, event.data)
        except Problem as problem:
            if problem.kind is Kind.GARBAGE and not event.whole:
                return []  # cut by the end of the body, which ``close`` reports
            raise

    def close(self) -> list[Delta]:
        """The body has ended. Raises ``Problem`` CUT if the answer has not."""
        if self.finished is None:
            message = "The connection to Codex ended in the middle of an answer."
            raise Problem(Kind.CUT, message, step="stream")
        return []

    def take_quota(self) -> Quota | None:
        """What an event told of the account's quota since the last time."""
        quota, self._quota = self._quota, None
        return quota

    def _say(self, data: bytes) -> list[Delta]:
        return self._text.say(read_piece(data))

    def _decline(self, data: bytes) -> list[Delta]:
        return self._text.decline(read_piece(data))

    def _summarize(self, data: bytes) -> list[Delta]:
        return self._thinking.sum_up(read_piece(data))

    def _think(self, data: bytes) -> list[Delta]:
        return self._thinking.think(read_piece(data))

    def _argue(self, data: bytes) -> list[Delta]:
        return self._calls.add(read_piece(data))

    def _cite(self, data: bytes) -> list[Delta]:
        event = decode(data, AnnotationAdded)
        return self._text.cite((event.output_index, event.content_index), event.annotation)

    def _begin(self, data: bytes) -> list[Delta]:
        if self._started:
            return []
        self._started = True
        response = decode(data, ResponseEvent).response
        word = (response.reasoning.effort if response.reasoning else None) or ""
        effort = cast("Effort", word) if is_level(word) else None
        return [Started(response.model or "", effort=effort)]

    def _item_added(self, data: bytes) -> list[Delta]:
        event = decode(data, ItemEvent)
        place, item = event.output_index, read_item(event.item, _KNOWN)
        if item.type == _DRAWING:
            return [PictureBegun()]
        if item.type == "message":
            self._text.begin(place, item.phase or "")
        return self._calls.begin(place, item) if item.type in KINDS else []

    def _preview(self, data: bytes) -> list[Delta]:
        view = decode(data, View)
        form = view.output_format or "png"
        return [PicturePreview(view.partial_image_index, view.partial_image_b64, form)]

    def _item_done(self, data: bytes) -> list[Delta]:
        event = decode(data, ItemEvent)
        return self._item(event.output_index, event.item)

    def _item(self, place: int, raw: msgspec.Raw) -> list[Delta]:
        """An item as it stays."""
        if place in self._whole:
            return []
        self._whole.add(place)
        item = read_item(raw, _KNOWN)
        if item.type in KINDS:
            return self._calls.end(place, item)
        if item.type == "message":
            self._text.begin(place, item.phase or "")
            parts = enumerate(item.content or ())
            return [delta for n, part in parts for delta in self._text.whole((place, n), part)]
        if item.type == "reasoning":
            return self._thinking.whole(place, item)
        if item.type == _DRAWING:
            return _picture(item)
        found = _search(item) if item.type == "web_search_call" else None
        return found or _unknown(item.type, raw)

    def _completed(self, data: bytes) -> list[Delta]:
        response = decode(data, ResponseEvent).response
        deltas = self._rest(response)
        return [*deltas, self._finish("tool_calls" if self._calls.any_begun else "stop", response)]

    def _incomplete(self, data: bytes) -> list[Delta]:
        response = decode(data, ResponseEvent).response
        why = response.incomplete_details.reason if response.incomplete_details else None
        return [*self._rest(response), self._finish(_REASONS.get(why or "", "length"), response)]

    def _rest(self, response: Response) -> list[Delta]:
        """The items that only the end shows; mostly it shows none."""
        items = enumerate(response.output or ())
        return [delta for place, item in items for delta in self._item(place, item)]

    def _finish(self, reason: FinishReason, response: Response) -> Finished:
        self.finished = Finished(reason, usage=usage_of(response.usage))
        return self.finished

    def _failed(self, data: bytes) -> list[Delta]:
        raise self._failure(read_complaint(decode(data, _Failed).response))

    def _error(self, data: bytes) -> list[Delta]:
        complaint = read_complaint(data)
        if complaint.type == "error":
            complaint.type = None  # the flat form: that is the type of the event
        raise self._failure(complaint)

    def _failure(self, complaint: Complaint) -> Problem:
        self.sealed_refused = refuses_reasoning(complaint)
        return read_failure(complaint, self._clock.now())

    def _limits(self, data: bytes) -> list[Delta]:
        self._quota = read_quota_event(data, self._clock.now()) or self._quota
        return []


class _Failed(msgspec.Struct):
    response: msgspec.Raw = msgspec.Raw(b"{}")


_READERS: dict[str, Callable[[Reader, bytes], list[Delta]]] = {
    "response.created": Reader._begin,
    "response.in_progress": Reader._begin,
    "response.output_text.delta": Reader._say,
    "response.refusal.delta": Reader._decline,
    "response.output_text.annotation.added": Reader._cite,
    "response.reasoning_summary_text.delta": Reader._summarize,
    "response.reasoning_text.delta": Reader._think,
    "response.function_call_arguments.delta": Reader._argue,
    "response.custom_tool_call_input.delta": Reader._argue,
    "response.output_item.added": Reader._item_added,
    "response.output_item.done": Reader._item_done,
    "response.image_generation_call.partial_image": Reader._preview,
    "response.completed": Reader._completed,
    "response.done": Reader._completed,
    "response.incomplete": Reader._incomplete,
    "response.failed": Reader._failed,
    "error": Reader._error,
    "codex.rate_limits": Reader._limits,
    "rate_limits.updated": Reader._limits,
}


def _type(event: Event) -> str:
    """What an event without a name is."""
    try:
        return decode_type(event.data).type
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if event.data == b"[DONE]" or not event.whole:
            return ""
        raise unreadable() from error


def _unknown(kind: str, raw: msgspec.Raw) -> list[Delta]:
    """An item for which there is no other word; one without a type is none."""
    try:
        whole = msgspec.json.format(bytes(raw), indent=-1).decode()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise unreadable() from error
    return [NativeItem(kind, whole)] if kind else []


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
    action = item.action
    if not isinstance(action, Action):
        return [Search()]
    kind = _ACTIONS.get(action.type)
    if kind is None:
        return []
    query = action.query or ", ".join(action.queries or ())
    return [Search(kind, query, action.url or "", action.pattern or "")]
