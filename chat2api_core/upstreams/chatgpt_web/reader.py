"""The reader: events of a ChatGPT web stream in, deltas of an answer out. Pure.

In:   ``Event``s of one answer, in both encodings and mixed: whole messages, and the v1 delta
      encoding; besides them notices (events with a ``type``), errors and the end marker.
Out:  ``Started`` (once more where thinking came first), then text, reasoning, pictures and
      citations, ``Finished`` once and last.

The one rule: only a stream that says that it is over is a good answer. One that stops without is
``Problem(CUT)``, one that says it failed is a ``Problem``, and after either nothing is handed out.

What is shown how: prose as text, with paths into the sandbox as links; thoughts, analysis,
commentary and preambles as reasoning; code for the interpreter and its output as fenced blocks;
canvas documents under their name, as fenced blocks too; pictures as ``Picture``. Calls of other
tools, answers to them, echoes of what was sent, and everything hidden are not shown. Several
messages are separated by a blank line.

Citations: a mark becomes a link (with a ``Citation``) as soon as its reference is known, which is
at once if search results came before the text. Otherwise the text behind it waits for the reference
for up to 160 characters; then the mark is left out, and its source, if it becomes known later, is
listed at the end of the answer.
"""

import msgspec

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Delta, Finished, FinishReason
from chat2api_core.upstreams.chatgpt_web.branch import Branch
from chat2api_core.upstreams.chatgpt_web.delta import Documents, object_of, text_of
from chat2api_core.upstreams.chatgpt_web.echoes import Echoes
from chat2api_core.upstreams.chatgpt_web.frames import decode, split_frames
from chat2api_core.upstreams.chatgpt_web.handout import Handout
from chat2api_core.upstreams.chatgpt_web.memory import Memory, garbage
from chat2api_core.upstreams.chatgpt_web.notice import (
    Handoff,
    Limits,
    handoff_of,
    is_blocked,
    limits_of,
)
from chat2api_core.upstreams.chatgpt_web.scribe import Scribe
from chat2api_core.wire.sse import Event

_NAMES = frozenset({"", "message", "delta", "delta_encoding", "error"})
_CHANGES = frozenset({"c", "p", "o", "v"})


class Reader:
    """Stage: ``Event`` -> ``Delta``s, over one HTTP body or several.

    ``sent_ids`` and ``sent_texts`` are the ids of the messages that were sent and the texts of the
    assistant messages among them: the upstream echoes them. ``handout`` says under which addresses
    pictures and files are handed out; without it under none. ``paints``: a picture was ordered.

    One body: ``feed`` every event, then ``close``. As soon as ``finished`` is set the rest of the
    body can be left unread. When a body has ended, and before it calls ``close``, the caller looks
    at three attributes:

    ``handoff``
        The upstream goes on elsewhere. If ``handoff.resume``, ask the resume endpoint with
        ``resume_token`` and offset ``events_seen``, call ``resume()`` and feed the new body. While
        a hand-off is pending ``close`` hands out nothing and raises nothing.
    ``finished`` with reason ``length``
        The model stopped at its limit. Either ask the upstream to continue after
        ``finished.message_id``, call ``extend()`` and feed the new body, or call ``close``, which
        hands out the end. With any other reason ``feed`` has handed it out already.
    ``busy``
        The stream is over, but a long task of it is at work (research, pictures).
    neither
        The body was cut: ``resume()`` works here as well, else ``close`` raises ``Problem(CUT)``.

    After ``amend()``, which may leave something to ``hand_out``, what is fed are whole messages of
    the conversation as it is kept. They must go on with what was handed out: a message that says
    something else is ``Problem(CUT)``.

    ``branch`` is the answer message by message. ``feed`` and ``close`` raise ``Problem`` only, and
    what was handed out before is good."""

    __slots__ = (
        "_delivered", "_documents", "_followed", "_memory", "_page", "_scribe", "branch", "busy",
        "events_seen", "finished", "handoff", "limits", "resume_token",
    )  # fmt: skip

    def __init__(
        self,
        *,
        sent_ids: frozenset[str] = frozenset(),
        sent_texts: frozenset[str] = frozenset(),
        handout: Handout | None = None,
        paints: bool = False,
    ) -> None:
        self.resume_token = ""
        self.events_seen = 0
        self.handoff: Handoff | None = None
        self.busy = False
        self.finished: Finished | None = None
        self.limits: Limits = {}  # what may still be used; mostly said behind the end
        self._documents = Documents()
        self._memory = Memory()
        self._scribe = Scribe(handout)
        self._page = self._scribe.page
        self.branch = Branch(self._scribe, Echoes(sent_ids, sent_texts), paints=paints)
        self._delivered = False
        self._followed: Handoff | None = None

    @property
    def conversation_id(self) -> str:
        """The conversation, as soon as the upstream says it."""
        return self._page.conversation_id

    def feed(self, event: Event, /) -> list[Delta]:
        """Take in one event; hand out what is certain by it."""
        if self.finished is not None:
            self._late(event)
            return []
        try:
            frame = decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._odd(event)
        self.events_seen += 1
        tap = self._scribe.tap
        piece = frame.get("v")
        if tap is not None and isinstance(piece, str) and (len(frame) == 1 or self._repeats(frame)):
            # Nearly all events of an answer: one more piece of the text that is growing.
            rope = tap.rope
            rope.append(piece)
            end = tap.cursor.seen = rope.length
            tap.writer.write(piece, end)
            self._memory.charge(len(event.data))
        else:
            self._frame(event.event, frame, len(event.data))
        page = self._page
        out = page.out
        page.out = []
        return out

    def close(self) -> list[Delta]:
        """The answer has no more bodies. Raises ``Problem(CUT)`` if its end is missing."""
        if self.finished is None:
            if self.handoff is not None:
                return []
            raise Problem(Kind.CUT, "ChatGPT's answer broke off before its end.", step="stream")
        if not self._delivered:
            self._deliver(self.finished)
        return self.hand_out()

    def resume(self) -> None:
        """A new body goes on with the same stream, from where it stopped or from its beginning."""
        self._followed = self.handoff or self._followed
        self.handoff = None

    def amend(self) -> None:
        """What comes now are messages of the kept conversation, whole, as often as they change."""
        self.resume()
        self._scribe.amending = True
        self.branch.paint()  # who looks for an ordered picture in its chat has it drawn there

    def settle(self) -> None:
        """What a task was to bring cannot be had: the answer is what was said."""
        self.busy = False
        self._finish(self.branch.reason)

    def extend(self) -> None:
        """A new body continues an answer that stopped for length, as a turn of its own."""
        assert self.finished is not None
        assert not self._delivered
        self.finished = None
        self.handoff = self._followed = None
        self.resume_token = ""
        self.events_seen = 0
        self._documents = Documents()
        self._scribe.tap = None
        self._page.goes_on = True
        self.branch.extend()

    def hand_out(self) -> list[Delta]:
        """What became certain since the last event."""
        out = self._page.out
        self._page.out = []
        return out

    def _repeats(self, frame: dict[str, object]) -> bool:
        """Whether the frame only spells out what is carried."""
        return frame.keys() <= _CHANGES and self._documents.carries(frame)

    def _odd(self, event: Event) -> list[Delta]:
        """An event whose data is not one JSON object."""
        data = event.data.strip()
        if data == b"[DONE]":
            if self.handoff is None or self.branch.over:
                self._complete()
            return self.hand_out()
        if not data or not event.whole:
            return []  # what was cut short with the body is no event; close says so
        self.events_seen += 1
        if data == b'"v1"' or event.event not in _NAMES:
            return []
        if event.event == "delta_encoding":
            raise garbage("a delta encoding that is not known")
        for frame in split_frames(data):
            if self.finished is None:
                self._frame(event.event, frame, len(data))
        return self.hand_out()

    def _frame(self, name: str, frame: dict[str, object], size: int) -> None:
        changes = not frame.keys().isdisjoint({"p", "o", "v"})
        kind = frame.get("type")
        if name == "error":
            raise _complaint(frame.get("error") or frame, frame.get("error_code"))
        if isinstance(kind, str) and not (changes and name == "delta"):
            self._notice(kind, frame)
        elif changes or (name == "delta" and "c" in frame):
            self._scribe.tap = None
            self._memory.charge(size)
            self._document(self._documents.feed(frame), 0)
        else:
            if isinstance(frame.get("message"), dict):
                self._scribe.tap = None
                self._documents.put(frame)
            self._document(frame, size)

    def _late(self, event: Event) -> None:
        """An event behind the end of the answer."""
        if b'"limits_progress"' in event.data:
            try:
                self.limits = limits_of(decode(event.data))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return  # what says nothing that can be read says nothing

    def _notice(self, kind: str, notice: dict[str, object]) -> None:
        """An event about the turn. Unknown ones say nothing that matters to the answer."""
        self._belongs(notice)
        if kind == "message_stream_complete":
            if self.handoff is None or self.branch.started:
                self._complete()
        elif kind == "moderation" and is_blocked(notice):
            self._finish("content_filter")
        elif kind.endswith("error"):
            raise _complaint(notice.get("error") or notice, notice.get("error_code"))
        else:
            self._learn(kind, notice)

    def _learn(self, kind: str, notice: dict[str, object]) -> None:
        """An event about how the stream goes on."""
        if kind == "resume_conversation_token":
            self.resume_token = text_of(notice.get("token"))
        elif kind == "server_ste_metadata":
            self.branch.model = text_of(object_of(notice.get("metadata")).get("model_slug"))
        elif kind == "stream_handoff":
            handoff = handoff_of(notice)
            self.handoff = handoff if handoff != self._followed else None
        elif kind == "conversation_detail_metadata":
            self.limits = limits_of(notice)
        elif kind == "conversation_async_status":
            self.busy = notice.get("async_status") is not None

    def _document(self, document: dict[str, object], size: int) -> None:
        """A document as it stands now; ``size`` in bytes counts if it came whole."""
        error = document.get("error") or document.get("detail")
        if error or document.get("error_code"):
            raise _complaint(error, document.get("error_code"))
        self._belongs(document)
        message = document.get("message")
        if isinstance(message, dict):
            message_id = text_of(message.get("id"))
            if not self.branch.concerns(message_id, message):
                new = self._memory.keep(message_id, size)
                self.branch.take(message_id, message, self._documents.tip, new=new)

    def _belongs(self, said: dict[str, object]) -> None:
        """Note to which conversation it belongs, where it says so."""
        page = self._page
        page.conversation_id = text_of(said.get("conversation_id")) or page.conversation_id

    def _complete(self) -> None:
        """The stream is over, and with it the turn, unless it goes on without a stream."""
        self.busy = self.busy or self.branch.awaits_picture
        if not self.busy:
            self._finish(self.branch.reason)

    def _finish(self, reason: FinishReason) -> None:
        """The stream says that the turn is over."""
        branch = self.branch
        branch.end()
        if branch.is_empty and reason != "content_filter":
            raise branch.missing()
        branch.start()
        self.finished = Finished(reason, self.conversation_id, branch.leaf)
        if reason != "length":
            self._deliver(self.finished)

    def _deliver(self, finished: Finished) -> None:
        self._delivered = True
        self._scribe.finish()
        self._page.out.append(finished)


def _complaint(error: object, error_code: object) -> Problem:
    from chat2api_core.upstreams.chatgpt_web.complaint import complaint  # noqa: PLC0415 (all may go well)

    return complaint(error, error_code)
