"""The way up: the deltas of an answer as chat completion chunks, or their sum as one document.

In: ``Delta``s, or the ``Transcript`` of all of them. Out: bytes for the client. The order of a
stream, as OpenAI's clients demand it: a chunk with the role and empty content; chunks of content,
refusal, reasoning, calls and annotations; a chunk with an empty delta and the finish reason; with
``include_usage`` a chunk without choices that holds the usage; ``[DONE]``. The rule: the document
is the sum of the stream, and after a failure nothing looks like a good end.

``model`` is the model that answers, where the upstream says it, as OpenAI resolves an alias, else
the one asked for. A request that declared ``functions`` hears of a call in their older form, which
has room for one; an upstream that was told so makes no second one.

Id, model and time do not change within a stream, so a chunk of text is a constant, the text as a
JSON string, and a constant; and so is a piece of a call's arguments.
"""

import enum
from collections.abc import Sequence
from typing import assert_never

import msgspec
from msgspec import UNSET

from chat2api_core.dialects.base import Head, Request, error_document, markdown_of, one_line
from chat2api_core.dialects.chat_completions.request import ChatRequest
from chat2api_core.dialects.chat_completions.shapes import (
    Choice,
    DeltaShape,
    Document,
    EndReason,
    FunctionShape,
    MessageShape,
    annotation,
    call_start,
    older_call,
    usage,
    whole_call,
)
from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Citation,
    Delta,
    Finished,
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

_encode = msgspec.json.Encoder().encode
_BETWEEN = "\n\n"  # sections of reasoning, and the notes about pictures, are paragraphs


class _State(enum.Enum):
    WAITING = "nothing but Started has come, nothing has been sent"
    OPEN = "the first chunk has been sent"
    ENDED = "finished or failed"


class ChunkEncoder:
    """The encoder of one stream. Create it for an answer, feed it every delta of it, in order."""

    def __init__(self, request: Request, head: Head) -> None:
        self._head = head
        self._include_usage = request.include_usage
        self._model = request.prompt.model
        self._conversation_id = ""
        self._state = _State.WAITING
        self._older = _hears_older_calls(request)
        # What stands around a piece of the arguments of each call that is shown, by its index.
        self._calls: dict[int, tuple[bytes, bytes]] = {}
        self._notes: list[str] = []
        self._said = False
        self._section: int | None = None  # the section of reasoning that was sent last
        self._start = self._open = self._close = b""
        self._text_open = self._text_close = b""

    def feed(self, deltas: Sequence[Delta], /) -> bytes:
        """The chunks for these deltas. Raises ``Problem`` (INTERNAL) after the end."""
        out: list[bytes] = []
        for delta in deltas:
            if type(delta) is TextDelta and self._text_open:  # the hot path: only while OPEN
                text = delta.text
                if text:
                    self._said = True
                    raw = _encode(text)
                    if not (text.isascii() or text.isprintable()):
                        raw = one_line(raw)
                    out += (self._text_open, raw, self._text_close)
            else:
                out.append(self._any(delta))
        return b"".join(out)

    def fail(self, problem: Problem, /) -> bytes:
        """The error as an event of its own, without ``[DONE]``; nothing if all has been said."""
        if self._state is _State.ENDED:
            return b""
        self._end()
        return b"data: " + one_line(error_document(problem)) + b"\n\n"

    def _any(self, delta: Delta) -> bytes:
        if self._state is _State.ENDED:
            raise Problem(Kind.INTERNAL, "More of the answer came after its end.", step="stream")
        if isinstance(delta, Started):
            self._model = delta.model or self._model
            self._conversation_id = delta.conversation_id or self._conversation_id
            return b""
        if self._state is _State.WAITING:
            self._state = _State.OPEN
            self._fix_constants()
            return self._chunk(b'{"role":"assistant","content":""}') + self._piece(delta)
        return self._piece(delta)

    def _fix_constants(self) -> None:
        fixed = (
            f'data: {{"id":"chatcmpl-{self._head.id}","object":"chat.completion.chunk",'
            f'"created":{self._head.created},"model":'
        )
        self._start = b"%b%b," % (fixed.encode(), _string(self._model))
        self._open = self._start + b'"system_fingerprint":null,"choices":[{"index":0,"delta":'
        nothing = b',"usage":null' if self._include_usage else b""
        self._close = b',"logprobs":null,"finish_reason":null}]' + nothing + b"}\n\n"
        self._text_open = self._open + b'{"content":'
        self._text_close = b"}" + self._close

    def _end(self) -> None:
        self._state = _State.ENDED
        self._text_open = b""

    def _chunk(self, delta: bytes) -> bytes:
        return self._open + delta + self._close

    def _piece(self, delta: Delta) -> bytes:  # noqa: C901, PLR0911 (one branch a variant)
        if isinstance(delta, TextDelta):
            return self._text(delta.text)
        if isinstance(delta, ReasoningDelta):
            return self._reasoning(delta)
        if isinstance(delta, RefusalDelta):
            return self._chunk(b'{"refusal":%b}' % _string(delta.text)) if delta.text else b""
        if isinstance(delta, CallStarted):
            return self._call(delta)
        if isinstance(delta, CallDelta):
            return self._arguments(delta)
        if isinstance(delta, Citation):
            return self._shape(DeltaShape(annotations=(annotation(delta),)))
        if isinstance(delta, Picture):
            self._notes.append(_note(delta))
            return b""
        if isinstance(delta, Finished):
            return self._finish(delta)
        if isinstance(
            delta,
            CallEnded
            | Started
            | MessageBegun
            | ReasoningSealed
            | WebSearch
            | NativeBegun
            | NativeProgress
            | NativeItem
            | PictureBegun
            | PicturePreview,
        ):
            return b""
        assert_never(delta)

    def _shape(self, delta: DeltaShape) -> bytes:
        return self._chunk(one_line(_encode(delta)))

    def _text(self, text: str) -> bytes:
        if not text:
            return b""
        self._said = True
        return self._text_open + _string(text) + self._text_close

    def _reasoning(self, delta: ReasoningDelta) -> bytes:
        if not delta.text:
            return b""
        new_section = self._section is not None and self._section != delta.part
        self._section = delta.part
        text = _BETWEEN + delta.text if new_section else delta.text
        return self._chunk(b'{"reasoning_content":%b}' % _string(text))

    def _call(self, delta: CallStarted) -> bytes:
        # Pieces say neither id, type nor name again: clients append what they are told.
        if self._older:
            if self._calls:
                return b""
            self._calls[delta.index] = b'{"function_call":{"arguments":', b"}}"
            start = FunctionShape(name=delta.name, arguments="")
            return self._shape(DeltaShape(function_call=start))
        use = b'"custom":{"input":' if delta.kind == "custom" else b'"function":{"arguments":'
        before = b'{"tool_calls":[{"index":%d,%b' % (delta.index, use)
        self._calls[delta.index] = before, b"}}]}"
        return self._shape(DeltaShape(tool_calls=(call_start(delta),)))

    def _arguments(self, delta: CallDelta) -> bytes:
        around = self._calls.get(delta.index)
        if around is not None:
            before, behind = around
            return self._chunk(before + _string(delta.arguments) + behind)
        if self._older:
            return b""
        raise Problem(Kind.INTERNAL, "A tool call went on that had not begun.", step="stream")

    def _finish(self, delta: Finished) -> bytes:
        out = [self._text(_BETWEEN + note if self._said else note) for note in self._notes]
        self._end()
        reason = _end_reason(delta, older=self._older)
        end = b'{},"logprobs":null,"finish_reason":"%b"}]' % reason.encode()
        nothing = b',"usage":null' if self._include_usage else b""
        out += (self._open, end, nothing, self._ids(delta), b"}\n\n")
        if self._include_usage and delta.usage is not None:
            counted = _encode(usage(delta.usage))
            out += (self._start, b'"system_fingerprint":null,"choices":[],"usage":', counted)
            out.append(b"}\n\n")
        out.append(b"data: [DONE]\n\n")
        return b"".join(out)

    def _ids(self, delta: Finished) -> bytes:
        known = (
            (b"conversation_id", delta.conversation_id or self._conversation_id),
            (b"message_id", delta.message_id),
        )
        return b"".join(b',"%b":%b' % (name, _string(value)) for name, value in known if value)


def document(request: Request, head: Head, transcript: Transcript) -> bytes:
    """The answer as one document. Raises ``Problem`` (CUT) if the transcript has no end."""
    finished = transcript.finished
    if finished is None:
        raise Problem(Kind.CUT, "The answer broke off before its end.", step="stream")
    started = transcript.started or Started()
    older = _hears_older_calls(request)
    choice = Choice(
        message=_message(transcript, older=older),
        finish_reason=_end_reason(finished, older=older),
    )
    return _encode(
        Document(
            id=f"chatcmpl-{head.id}",
            created=head.created,
            model=started.model or request.prompt.model,
            choices=(choice,),
            usage=None if finished.usage is None else usage(finished.usage),
            conversation_id=finished.conversation_id or started.conversation_id or UNSET,
            message_id=finished.message_id or UNSET,
        )
    )


def _hears_older_calls(request: Request) -> bool:
    return isinstance(request, ChatRequest) and request.older_calls


def _end_reason(finished: Finished, *, older: bool) -> EndReason:
    return "function_call" if older and finished.reason == "tool_calls" else finished.reason


def _message(transcript: Transcript, *, older: bool) -> MessageShape:
    notes = [_note(picture) for picture in transcript.pictures]
    content = _BETWEEN.join(filter(None, [transcript.text, *notes]))
    refusal, calls = transcript.refusal or None, transcript.calls
    return MessageShape(
        content=content or (None if calls or refusal else ""),
        refusal=refusal,
        annotations=tuple(map(annotation, transcript.citations)),
        tool_calls=tuple(map(whole_call, calls)) if calls and not older else UNSET,
        function_call=older_call(calls[0]) if calls and older else UNSET,
        reasoning_content=_BETWEEN.join(filter(None, transcript.reasoning)) or UNSET,
    )


def _note(picture: Picture) -> str:
    """A picture, or what is said in its place. It stands at the end: offsets of citations hold."""
    shown = markdown_of(picture)
    if shown:
        return shown
    size = f", {picture.width}x{picture.height} pixels" if picture.width and picture.height else ""
    return f"[A picture belongs here: {picture.title or 'without a title'}{size}]"


def _string(text: str) -> bytes:
    raw = _encode(text)
    return raw if text.isascii() else one_line(raw)
