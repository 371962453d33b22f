"""An answer on its way to the client: deltas in, the official events out.

In: batches of ``Delta``s, then ``Finished`` or a ``Problem``. Out: server-sent events, numbered
from 0. The rule: exactly one terminal event, and the response object in it is the sum of all that
came before. There is no ``[DONE]``.

A message or a piece of thinking is closed when something else begins, a call when its arguments are
whole. The document of an answer that is not streamed is what this encoder's last event would carry.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, assert_never

from msgspec import Raw

from chat2api_core.ambient import Clock
from chat2api_core.dialects.base import Head, markdown_of
from chat2api_core.dialects.responses.answer import (
    Incomplete,
    InputDetails,
    OutputDetails,
    Reasoning,
    Response,
    ResponseStatus,
    Status,
    Usage,
    WebSearchCall,
    with_settings,
)
from chat2api_core.dialects.responses.events import (
    Completed,
    Created,
    Failed,
    InProgress,
    Tape,
    Unfinished,
)
from chat2api_core.dialects.responses.output import Output
from chat2api_core.dialects.responses.settings import (
    ResponsesHead,
    ResponsesRequest,
    with_effort,
)
from chat2api_core.dialects.responses.speech import Speech
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Citation,
    Delta,
    Finished,
    FinishReason,
    MessageBegun,
    NativeBegun,
    NativeItem,
    NativeProgress,
    Picture,
    PictureBegun,
    PicturePreview,
    ReasoningDelta,
    ReasoningSealed,
    RefusalDelta,
    Started,
    TextDelta,
    WebSearch,
)
from chat2api_core.turn import Usage as Tokens

if TYPE_CHECKING:
    from chat2api_core.dialects.responses.hosted_items import HostedItems
    from chat2api_core.dialects.responses.open_calls import OpenCalls

_CUT: dict[FinishReason, Literal["max_output_tokens", "content_filter"]] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}


class ResponsesEncoder:
    """One answer: new until the first delta, open until ``Finished`` or ``fail``, then ended."""

    __slots__ = (
        "_calls", "_clock", "_created", "_hosted", "_id", "_model", "_output", "_request",
        "_settings", "_speech", "_state", "_tape", "document",
    )  # fmt: skip

    def __init__(self, request: ResponsesRequest, head: Head, clock: Clock) -> None:
        # The whole response object as JSON, once the answer has ended; empty before.
        self.document = b""
        self._request = request
        self._settings = request.settings
        self._created = head.created
        own = head.response_id if isinstance(head, ResponsesHead) else ""
        self._id = own or f"resp_{head.id}"
        self._clock = clock
        self._model = request.prompt.model
        self._state: Literal["new", "open", "ended"] = "new"
        self._tape = Tape()
        self._output = Output(head.id)
        sealed = request.wants_encrypted_reasoning
        self._speech = Speech(self._tape, self._output, sealed=sealed)
        self._calls: OpenCalls | None = None
        self._hosted: HostedItems | None = None

    def feed(self, deltas: Sequence[Delta], /) -> bytes:
        """The events for these deltas. Raises ``Problem`` INTERNAL for deltas that cannot come."""
        if self._state == "new" and deltas:
            first = deltas[0]
            self._begin(first if isinstance(first, Started) else Started())
        speech = self._speech
        for delta in deltas:
            # Nearly every delta is more text of the open message: the short way for these.
            if type(delta) is TextDelta and (message := speech.message) is not None:
                message.say(delta.text)
            else:
                self._take(delta)
        return self._tape.take()

    def fail(self, problem: Problem, /) -> bytes:
        """The events that end the stream as failed; none if it has ended already.

        Calls that are not whole are left out, so that no agent carries them out."""
        if self._state == "ended":
            return b""
        if self._state == "new":
            self._begin(Started())
        self._speech.break_off()
        from chat2api_core.dialects.responses.failure import failure  # noqa: PLC0415 (all may go well)

        response = self._response("failed")
        response.error = failure(problem)
        self._tape.write(Failed(response=self._end(response)))
        return self._tape.take()

    def _begin(self, started: Started) -> None:
        self._model = started.model or self._model
        self._state = "open"
        if started.effort not in {None, self._request.prompt.effort}:
            self._settings = with_effort(self._settings, str(started.effort))
        response = with_settings(self._response("in_progress"), self._settings)
        self._tape.write(Created(response=response))
        self._tape.write(InProgress(response=response))

    def _take(self, delta: Delta) -> None:  # noqa: C901, PLR0912 (one branch a variant)
        if isinstance(delta, TextDelta):
            self._speech.say(delta.text)
        elif isinstance(delta, ReasoningDelta):
            self._speech.think(delta)
        elif isinstance(delta, ReasoningSealed):
            self._speech.seal(delta.encrypted)
        elif isinstance(delta, RefusalDelta):
            self._speech.decline(delta.text)
        elif isinstance(delta, Citation):
            self._speech.cite(delta)
        elif isinstance(delta, MessageBegun):
            self._speech.begin(delta.phase)
        elif isinstance(delta, CallStarted | CallDelta | CallEnded):
            self._call(delta)
        elif isinstance(delta, Picture) and not delta.data:
            self._speech.note(_words(delta))
        elif isinstance(
            delta, Picture | WebSearch | NativeBegun | NativeItem | PictureBegun | PicturePreview
        ):
            self._host(delta)
        elif isinstance(delta, NativeProgress):
            if self._hosted is not None:
                self._hosted.go_on(delta)
        elif isinstance(delta, Started):
            pass  # what it says stands in the first event
        elif isinstance(delta, Finished):
            self._finish(delta)
        else:
            assert_never(delta)

    def _call(self, delta: CallStarted | CallDelta | CallEnded) -> None:
        if self._calls is None:
            from chat2api_core.dialects.responses.open_calls import OpenCalls  # noqa: PLC0415 (few answers call)

            self._calls = OpenCalls(self._tape, self._output, self._request.native_tools)
        if isinstance(delta, CallDelta):
            self._calls.add(delta.index, delta.arguments)
        elif isinstance(delta, CallEnded):
            self._calls.end(delta.index, "completed")
        else:
            self._speech.settle("completed")
            self._calls.start(delta)

    def _host(
        self,
        delta: Picture | WebSearch | NativeBegun | NativeItem | PictureBegun | PicturePreview,
    ) -> None:
        sketch = isinstance(delta, PictureBegun | PicturePreview)
        if sketch and not self._draws():
            return
        hosted = self._hosted
        if hosted is None:
            from chat2api_core.dialects.responses.hosted_items import HostedItems  # noqa: PLC0415 (few search)

            hosted = self._hosted = HostedItems(self._tape, self._output, self._speech)
        if isinstance(delta, WebSearch):
            hosted.search(delta)
        elif isinstance(delta, NativeBegun):
            hosted.begin(delta)
        elif isinstance(delta, NativeItem):
            hosted.end(delta)
        elif isinstance(delta, Picture):
            hosted.show(delta)
        elif isinstance(delta, PicturePreview):
            hosted.draw().preview(delta)
        else:
            hosted.draw()

    def _draws(self) -> bool:
        """A picture on its way is an item where the client has declared the tool for it."""
        return any(tool.kind == "image_generation" for tool in self._request.prompt.hosted)

    def _finish(self, delta: Finished) -> None:
        cut = _CUT.get(delta.reason)
        status: Status = "incomplete" if cut else "completed"
        self._speech.settle(status)
        if self._calls is not None:
            self._calls.close(status)
        if self._hosted is not None:
            self._hosted.close()
        if all(isinstance(item, Reasoning | WebSearchCall) for item in self._output.items):
            # Clients take an answer without any message or call for a broken one.
            self._speech.note("", status)
        response = self._response("incomplete" if cut else "completed")
        response.usage = usage_shape(delta.usage) if delta.usage else None
        if cut:
            response.incomplete_details = Incomplete(cut)
            self._tape.write(Unfinished(response=self._end(response)))
        else:
            response.completed_at = int(self._clock.now())
            self._tape.write(Completed(response=self._end(response)))

    def _response(self, status: ResponseStatus) -> Response:
        return Response(
            id=self._id,
            created_at=self._created,
            status=status,
            model=self._model,
            output=self._output.items,
        )

    def _end(self, response: Response) -> Raw:
        if self._state == "ended":
            raise Problem(Kind.INTERNAL, "An answer ended twice.")
        self._state = "ended"
        self._output.ended = True
        whole = with_settings(response, self._settings)
        self.document = bytes(whole)
        return whole


def _words(picture: Picture) -> str:
    """A picture where only words can be shown."""
    known = picture.width and picture.height
    size = f", {picture.width} x {picture.height} pixels" if known else ""
    words = markdown_of(picture) or f"[Picture: {picture.title or 'untitled'}{size}]"
    return f"\n{words}\n"


def usage_shape(tokens: Tokens) -> Usage:
    """Tokens, as the response object shows them."""
    return Usage(
        tokens.input_tokens,
        InputDetails(tokens.cached_tokens),
        tokens.output_tokens,
        OutputDetails(tokens.reasoning_tokens),
        tokens.input_tokens + tokens.output_tokens,
    )
