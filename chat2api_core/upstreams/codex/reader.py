"""The stream of the Codex backend, read into deltas.

In: server-sent events, then the end of the body. Out: deltas, the last of a good answer being
``Finished``. The rules: what an item shows when it is whole completes what its pieces said, so an
answer without pieces, or with an empty ``output`` at its end, is whole all the same; unknown events
are skipped, unknown items handed on as they are; a body that ends without a terminal event is a
``Problem``. Source of the events: the public Responses API, and what was seen in the Codex
command-line client.
"""

from collections.abc import Callable
from typing import cast

import msgspec

from chat2api_core.ambient import Clock
from chat2api_core.effort import is_level
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Delta, Effort, Finished, FinishReason, Started
from chat2api_core.upstreams.codex.calls import KINDS, SHELL, Calls, read_shell
from chat2api_core.upstreams.codex.events import (
    AnnotationAdded,
    Argued,
    Item,
    ItemEvent,
    Response,
    Type,
    View,
    decode,
    decode_type,
    read_item,
    read_piece,
    read_response,
    unreadable,
    usage_of,
)
from chat2api_core.upstreams.codex.faults import (
    Complaint,
    read_complaint,
    read_failure,
    refuses_reasoning,
)
from chat2api_core.upstreams.codex.hosted import DRAWING, SEARCHING, Hosted, preview
from chat2api_core.upstreams.codex.names import Names
from chat2api_core.upstreams.codex.quota import Quota, read_quota_event
from chat2api_core.upstreams.codex.text import Text
from chat2api_core.upstreams.codex.thinking import Thinking
from chat2api_core.wire.sse import Event

# The items for which there is a delta that says the same.
_KNOWN = KINDS | {"message", "reasoning", SHELL, SEARCHING, DRAWING}
_REASONS: dict[str, FinishReason] = {"content_filter": "content_filter"}
# What an event is called that has no name, or the one that the SSE standard gives it then.
_NAMELESS = frozenset({"", "message"})
_DONE = b"[DONE]"
# Of these nothing is told before they say something, or are whole.
_TOLD_WHOLE = frozenset({"reasoning", SHELL, SEARCHING})


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
        self._hosted = Hosted()
        self._whole: set[int] = set()  # items that were shown whole
        self._places: dict[str, int] = {}  # where each item stands, by its id

    def feed(self, event: Event) -> list[Delta]:
        """The deltas of one event. Raises ``Problem`` for a failure that the stream tells."""
        if self.finished is not None:
            return []
        try:
            kind = _type(event) if event.event in _NAMELESS else event.event
            read = _READERS.get(kind)
            return self._hosted.go_on(kind, event.data) if read is None else read(self, event.data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if not event.whole:
                return []  # cut by the end of the body, which ``close`` reports
            raise unreadable() from error

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

    def _argued(self, data: bytes) -> list[Delta]:
        return self._calls.complete(decode(data, Argued))

    def _cite(self, data: bytes) -> list[Delta]:
        event = decode(data, AnnotationAdded)
        return self._text.cite((event.output_index, event.content_index), event.annotation)

    def _begin(self, data: bytes) -> list[Delta]:
        if self._started:
            return []
        self._started = True
        response = read_response(data)
        word = (response.reasoning.effort if response.reasoning else None) or ""
        effort = cast("Effort", word) if is_level(word) else None
        return [Started(response.model or "", effort=effort)]

    def _item_added(self, data: bytes) -> list[Delta]:
        event = decode(data, ItemEvent)
        place, item = event.output_index, read_item(event.item, _KNOWN)
        self._locate(place, item)
        if place in self._whole or item.type in _TOLD_WHOLE:
            return []
        if item.type == "message":
            self._text.begin(place, item.phase or "")
            return []
        if item.type in KINDS:
            return self._calls.begin(place, item)
        return self._hosted.begin(place, item, event.item)

    def _preview(self, data: bytes) -> list[Delta]:
        return [preview(decode(data, View))]

    def _item_done(self, data: bytes) -> list[Delta]:
        event = decode(data, ItemEvent)
        return self._item(event.output_index, event.item)

    def _item(self, place: int, raw: msgspec.Raw) -> list[Delta]:
        """An item as it stays."""
        if place in self._whole:
            return []
        self._whole.add(place)
        item = read_item(raw, _KNOWN)
        self._locate(place, item)
        if item.type in KINDS:
            return self._calls.end(place, item)
        if item.type == SHELL:
            return self._calls.end(place, read_shell(item, raw))
        if item.type == "message":
            self._text.begin(place, item.phase or "")
            parts = enumerate(item.content or ())
            return [delta for n, part in parts for delta in self._text.whole((place, n), part)]
        if item.type == "reasoning":
            return self._thinking.whole(place, item)
        return self._hosted.whole(place, item, raw)

    def _locate(self, place: int, item: Item) -> None:
        if item.id is not None:
            self._places.setdefault(item.id, place)

    def _completed(self, data: bytes) -> list[Delta]:
        response = read_response(data)
        deltas = [*self._rest(response), *self._calls.close()]
        return [*deltas, self._finish("tool_calls" if self._calls.any_begun else "stop", response)]

    def _incomplete(self, data: bytes) -> list[Delta]:
        response = read_response(data)
        why = response.incomplete_details.reason if response.incomplete_details else None
        return [*self._rest(response), self._finish(_REASONS.get(why or "", "length"), response)]

    def _rest(self, response: Response) -> list[Delta]:
        """The items that only the end shows; mostly it shows none. One that was seen before is
        known by its id: in the list it may stand elsewhere than it did in the stream."""
        deltas: list[Delta] = []
        for number, raw in enumerate(response.output or ()):
            name = decode(raw, Type).id
            place = number if name is None else self._places.get(name, number)
            deltas += self._item(place, raw)
        return deltas

    def _finish(self, reason: FinishReason, response: Response) -> Finished:
        self.finished = Finished(reason, usage=usage_of(response.usage))
        return self.finished

    def _failed(self, data: bytes) -> list[Delta]:
        raise self._failure(read_complaint(bytes(decode(data, _Failed).response)))

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
    "response.function_call_arguments.done": Reader._argued,
    "response.custom_tool_call_input.done": Reader._argued,
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
    return "" if event.data == _DONE else decode_type(event.data).type or ""
