"""An answer on its way to the client: deltas in, the official events out.

In: batches of ``Delta``s, then ``Finished`` or a ``Problem``. Out: server-sent events, numbered
from 0. The rule: exactly one terminal event, and the response object in it is the sum of all that
came before. There is no ``[DONE]``.

A message or a piece of thinking is closed when something else begins, a call when its arguments are
whole. The document of an answer that is not streamed is what this encoder's last event would carry.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, assert_never

from msgspec import UNSET, Raw

from chat2api_core.ambient import Clock
from chat2api_core.dialects.base import Head, markdown_of
from chat2api_core.dialects.responses.answer import (
    Incomplete,
    InputDetails,
    Item,
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
from chat2api_core.dialects.responses.open_items import OpenMessage, OpenRefusal, Place
from chat2api_core.dialects.responses.settings import (
    ResponsesHead,
    ResponsesRequest,
    with_effort,
)
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
    NativeItem,
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
    from chat2api_core.dialects.responses.hosted_items import OpenPicture
    from chat2api_core.dialects.responses.open_calls import OpenCall
    from chat2api_core.dialects.responses.open_thinking import OpenReasoning

_CUT: dict[FinishReason, Literal["max_output_tokens", "content_filter"]] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}


class ResponsesEncoder:
    """One answer: new until the first delta, open until ``Finished`` or ``fail``, then ended."""

    __slots__ = (
        "_calls", "_clock", "_head", "_id", "_message", "_model", "_output", "_phase", "_picture",
        "_reasoning", "_refusal", "_request", "_said", "_settings", "_state", "_tape", "document",
    )  # fmt: skip

    def __init__(self, request: ResponsesRequest, head: Head, clock: Clock) -> None:
        # The whole response object as JSON, once the answer has ended; empty before.
        self.document = b""
        self._request = request
        self._settings = request.settings
        self._head = head
        own = head.response_id if isinstance(head, ResponsesHead) else ""
        self._id = own or f"resp_{head.id}"
        self._clock = clock
        self._model = request.prompt.model
        self._state: Literal["new", "open", "ended"] = "new"
        self._tape = Tape()
        self._output: list[Item | None] = []
        self._message: OpenMessage | None = None
        self._refusal: OpenRefusal | None = None
        self._reasoning: OpenReasoning | None = None
        self._picture: OpenPicture | None = None
        self._calls: dict[int, OpenCall] = {}
        self._said = 0
        self._phase = ""  # of the text to come

    def feed(self, deltas: Sequence[Delta], /) -> bytes:
        """The events for these deltas. Raises ``Problem`` INTERNAL for deltas that cannot come."""
        if self._state == "new" and deltas:
            first = deltas[0]
            self._begin(first if isinstance(first, Started) else Started())
        for delta in deltas:
            # Nearly every delta is more text of the open message: the short way for these.
            if self._message is not None and type(delta) is TextDelta:
                self._message.say(delta.text)
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
        if self._message is not None:
            self._output[self._message.index] = self._message.so_far("incomplete")
        if self._refusal is not None:
            self._output[self._refusal.index] = self._refusal.so_far("incomplete")
        if self._reasoning is not None:
            self._output[self._reasoning.index] = self._reasoning.so_far()
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

    def _take(self, delta: Delta) -> None:  # noqa: C901, PLR0912, PLR0915 (one branch a variant)
        if isinstance(delta, TextDelta):
            self._say(delta.text)
        elif isinstance(delta, ReasoningDelta):
            self._think(delta)
        elif isinstance(delta, ReasoningSealed):
            self._seal(delta)
        elif isinstance(delta, RefusalDelta):
            self._decline(delta)
        elif isinstance(delta, CallStarted):
            self._start_call(delta)
        elif isinstance(delta, CallDelta):
            if delta.arguments:
                self._call(delta.index).add(delta.arguments)
        elif isinstance(delta, CallEnded):
            self._end_call(delta.index, "completed")
        elif isinstance(delta, Citation):
            self._cite(delta)
        elif isinstance(delta, Picture):
            self._show(delta)
        elif isinstance(delta, WebSearch):
            self._search(delta)
        elif isinstance(delta, NativeItem):
            self._hand_on(delta)
        elif isinstance(delta, MessageBegun):
            self._settle("completed")
            self._phase = delta.phase
        elif isinstance(delta, PictureBegun | PicturePreview):
            self._sketch(delta)
        elif isinstance(delta, Started):
            pass  # what it says stands in the first event
        elif isinstance(delta, Finished):
            self._finish(delta)
        else:
            assert_never(delta)

    def _place(self) -> Place:
        if self._state == "ended":
            raise Problem(Kind.INTERNAL, "An answer went on after its end.")
        self._output.append(None)
        return Place(self._head.id, len(self._output) - 1)

    def _say(self, text: str) -> None:
        """Text while no message is open."""
        if self._said:
            # Another message than the first: the border between the items says the same as the
            # blank line between their texts.
            rest = text.lstrip("\n")
            self._said += len(text) - len(rest)
            text = rest
        if text:
            self._start_message().say(text)

    def _start_message(self) -> OpenMessage:
        self._settle("completed")
        self._message = OpenMessage(self._tape, self._place(), self._said, self._phase)
        return self._message

    def _think(self, delta: ReasoningDelta) -> None:
        if delta.text:
            self._start_reasoning().think(delta)

    def _seal(self, delta: ReasoningSealed) -> None:
        if self._request.wants_encrypted_reasoning:
            self._start_reasoning().seal(delta.encrypted)
        self._settle("completed")

    def _start_reasoning(self) -> "OpenReasoning":
        """The reasoning that is open; if there is none, it begins."""
        if self._reasoning is None:
            from chat2api_core.dialects.responses.open_thinking import OpenReasoning  # noqa: PLC0415 (few think)

            self._settle("completed")
            encrypted = None if self._request.wants_encrypted_reasoning else UNSET
            self._reasoning = OpenReasoning(self._tape, self._place(), encrypted)
        return self._reasoning

    def _decline(self, delta: RefusalDelta) -> None:
        if not delta.text:
            return
        if self._refusal is None:
            self._settle("completed")
            self._refusal = OpenRefusal(self._tape, self._place())
        self._refusal.say(delta.text)

    def _cite(self, delta: Citation) -> None:
        # A source of a message that is closed comes too late to be shown; its readable link stands
        # in the text anyway.
        if self._message is not None and delta.start >= self._message.start:
            self._message.cite(delta)

    def _hand_on(self, delta: NativeItem) -> None:
        from chat2api_core.dialects.responses.hosted_items import write_native  # noqa: PLC0415 (rare)

        self._settle("completed")
        place = self._place()
        self._output[place.index] = write_native(self._tape, place, delta)

    def _search(self, delta: WebSearch) -> None:
        from chat2api_core.dialects.responses.hosted_items import write_search  # noqa: PLC0415 (few search)

        self._settle("completed")
        place = self._place()
        self._output[place.index] = write_search(self._tape, place, delta)

    def _sketch(self, delta: PictureBegun | PicturePreview) -> None:
        """A picture is on its way. It is an item where the client has declared the tool for it."""
        if any(tool.kind == "image_generation" for tool in self._request.prompt.hosted):
            picture = self._open_picture()
            if isinstance(delta, PicturePreview):
                picture.preview(delta)

    def _open_picture(self) -> "OpenPicture":
        """The picture that is being made; if there is none, it begins."""
        if self._picture is None:
            from chat2api_core.dialects.responses.hosted_items import OpenPicture  # noqa: PLC0415 (few)

            self._settle("completed")
            self._picture = OpenPicture(self._tape, self._place())
        return self._picture

    def _show(self, delta: Picture) -> None:
        if delta.data:
            picture = self._open_picture()
            self._output[picture.index] = picture.close(delta)
            self._picture = None
            return
        self._settle("completed")
        note = OpenMessage(self._tape, self._place(), self._said)
        size = f", {delta.width} x {delta.height} pixels" if delta.width and delta.height else ""
        words = markdown_of(delta) or f"[Picture: {delta.title or 'untitled'}{size}]"
        note.say(f"\n{words}\n")
        self._output[note.index] = note.close("completed")

    def _start_call(self, delta: CallStarted) -> None:
        from chat2api_core.dialects.responses.open_calls import (  # noqa: PLC0415 (few answers call)
            OpenCustomCall,
            OpenFunctionCall,
            OpenNativeCall,
        )

        self._settle("completed")
        place = self._place()
        call: OpenCall
        if delta.name in self._request.native_tools and not delta.namespace:
            call = OpenNativeCall(self._tape, place, delta)
        elif delta.kind == "custom":
            call = OpenCustomCall(self._tape, place, delta)
        else:
            call = OpenFunctionCall(self._tape, place, delta)
        self._calls[delta.index] = call

    def _call(self, index: int) -> "OpenCall":
        call = self._calls.get(index)
        if call is None:
            raise Problem(Kind.INTERNAL, "A tool call went on that is not open.")
        return call

    def _end_call(self, index: int, status: Status) -> None:
        call = self._call(index)
        del self._calls[index]
        self._output[call.index] = call.close(status)

    def _settle(self, status: Status) -> None:
        """Close what is being said, declined or thought."""
        if self._message is not None:
            self._output[self._message.index] = self._message.close(status)
            self._said = self._message.end
            self._message = None
        if self._refusal is not None:
            self._output[self._refusal.index] = self._refusal.close(status)
            self._refusal = None
        if self._reasoning is not None:
            self._output[self._reasoning.index] = self._reasoning.close()
            self._reasoning = None

    def _finish(self, delta: Finished) -> None:
        cut = _CUT.get(delta.reason)
        status: Status = "incomplete" if cut else "completed"
        self._settle(status)
        for index in list(self._calls):
            self._end_call(index, status)
        if self._picture is not None:
            self._output[self._picture.index] = self._picture.fail()
        if all(isinstance(item, Reasoning | WebSearchCall) for item in self._output):
            # Clients take an answer without any message or call for a broken one.
            empty = OpenMessage(self._tape, self._place(), self._said)
            self._output[empty.index] = empty.close(status)
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
            created_at=self._head.created,
            status=status,
            model=self._model,
            output=[item for item in self._output if item is not None],
        )

    def _end(self, response: Response) -> Raw:
        if self._state == "ended":
            raise Problem(Kind.INTERNAL, "An answer ended twice.")
        self._state = "ended"
        whole = with_settings(response, self._settings)
        self.document = bytes(whole)
        return whole


def usage_shape(tokens: Tokens) -> Usage:
    """Tokens, as the response object shows them."""
    return Usage(
        tokens.input_tokens,
        InputDetails(tokens.cached_tokens),
        tokens.output_tokens,
        OutputDetails(tokens.reasoning_tokens),
        tokens.input_tokens + tokens.output_tokens,
    )
