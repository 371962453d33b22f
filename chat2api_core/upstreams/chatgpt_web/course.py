"""The course of an answer: which body comes after one that has ended.

In:   what the reader knows of the answer when a body has ended, and how the body ended.
Out:  the body with which the answer goes on, or None: it is over.

An answer that stopped at the model's limit is continued by a turn of its own. One that was handed
over is followed to the resume endpoint, where that is offered, else to a WebSocket. One that broke
off is resumed; where nothing can be resumed, the kept conversation is asked for until it is
complete. So is one whose stream is over while a long task of it is at work.

The one rule: every way is tried a bounded number of times, and when all have failed, the trouble
that is told is the one that began it. Delays and retries as in the web client.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Prompt
from chat2api_core.upstreams.chatgpt_web.reader import Reader
from chat2api_core.upstreams.chatgpt_web.sentinel import Form
from chat2api_core.upstreams.chatgpt_web.site import Site
from chat2api_core.wire.sse import Event

_RESUMES = 12
_HANDOFFS = 3
_DELAY, _GROWTH, _LONGEST = 0.3, 1.5, 5.0  # seconds between two attempts to resume
_DONE = b"[DONE]"

_log = logging.getLogger("chat2api.chatgpt_web")


class Turn(Struct, frozen=True):
    """What a turn needs to open its first body and the ones that may follow."""

    site: Site
    form: Form
    prompt: Prompt
    trace_id: str


class Body(Protocol):
    """Where the bytes of an answer's stream come from."""

    async def chunk(self) -> bytes | None:
        """The next bytes, None at the end. Raises ``Problem``."""
        ...

    async def aclose(self) -> None: ...


class Following(Protocol):
    """Where the bodies come from with which an answer goes on."""

    async def resume(self, turn: Turn, reader: Reader, offset: int) -> Body | None:
        """The stream once more, from that event on; None if it is gone. Raises ``Problem``."""
        ...

    async def extend(self, turn: Turn, reader: Reader) -> Body | None:
        """More of an answer that stopped at the model's limit. Raises ``Problem``."""
        ...

    def subscribe(self, turn: Turn, reader: Reader, topic: str) -> Body:
        """The rest of the stream, or news of its tasks, over a WebSocket. Raises ``Problem``."""
        ...

    def kept(self, turn: Turn, reader: Reader) -> Body:
        """The messages of the kept conversation, whole, until it is complete."""
        ...


class Course:
    """The way of one answer. ``continues`` bounds the continuing turns."""

    def __init__(
        self,
        web: Following,
        turn: Turn,
        reader: Reader,
        *,
        continues: int,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._web = web
        self._turn = turn
        self._reader = reader
        self._continues = continues
        self._sleep = sleep
        self._resumes = _RESUMES
        self._handoffs = _HANDOFFS
        self._origin: Problem | None = None  # what went wrong first
        self._looked = False  # at the kept conversation
        self._listened = False  # to the news of tasks
        self._drawing = False  # what the task at work is to bring is a picture
        self._last: bytes | None = None  # the data of the last event that counts
        self._expected: bytes | None = None  # the event with which a resumed stream begins
        self._counts = True  # whether the server counts events as we do

    @property
    def is_over(self) -> bool:
        """Whether the answer is known to need no more bodies."""
        finished = self._reader.finished
        return finished is not None and (finished.reason != "length" or self._continues == 0)

    def fresh(self, events: list[Event]) -> list[Event] | None:
        """The events of a network read that were not read before; None: leave this body.

        A resumed stream is asked for from the last event on that was read: that it begins with this
        very event proves that both sides count alike. If it does not, nothing of it is believed,
        and the stream is asked for from its beginning, where nothing can be mistaken: the reader
        tells by the messages themselves what it has read of them."""
        if self._expected is not None and events:
            expected, self._expected = self._expected, None
            if events[0].data != expected:
                self._counts = False
                return None
            events = events[1:]
        for event in reversed(events):
            if not event.whole:
                self._counts = False  # who knows whether it was an event, and to whom
            elif event.data != _DONE:
                self._last = event.data
                break
        return events

    async def following(self, broken: Problem | None) -> Body | None:
        """The next body. ``broken`` says how the last one ended, if not well. Raises ``Problem``
        where there is none and the answer is not over."""
        reader = self._reader
        if reader.finished is not None:
            return None if self.is_over else await self._extended()
        if reader.handoff is not None:
            return await self._handed_over(reader.handoff.topic, resume=reader.handoff.resume)
        if reader.busy:
            return self._worked_on(broken)
        self._origin = self._origin or broken or _cut("ChatGPT's answer broke off before its end.")
        return await self._mended(self._origin)

    async def _extended(self) -> Body | None:
        self._continues -= 1
        try:
            extended = await self._web.extend(self._turn, self._reader)
        except Problem as problem:
            # What came so far is good and says itself that it was cut at the limit.
            _log.warning("a cut answer could not be continued: %s", problem.code)
            return None
        if extended is not None:
            self._reader.extend()
            self._last, self._counts = None, True
        return extended

    async def _handed_over(self, topic: str, *, resume: bool) -> Body:
        if self._handoffs == 0:
            message = "ChatGPT handed the answer over again and again."
            raise Problem(Kind.HANDOFF, message, step="stream")
        self._handoffs -= 1
        self._reader.resume()
        if resume:
            body = await self._resumed(pause=False)
            if body is not None:
                return body
        self._counts = False  # what comes over the socket is counted by nobody
        return self._web.subscribe(self._turn, self._reader, topic)

    def _worked_on(self, broken: Problem | None) -> Body | None:
        """A long task is at work. What is not kept tells its news over the socket only, and of a
        picture not even there how it is fetched: then words that end the turn are all of it."""
        if not self._looked:
            self._drawing = self._reader.branch.awaits_picture
            return self._kept()
        lost = broken is not None and broken.kind is Kind.CONVERSATION_NOT_FOUND
        if lost and self._drawing and self._turn.prompt.temporary is not False:
            if self._reader.branch.over:
                self._reader.settle()
                return None
            raise _unkept() from broken
        if lost and not self._listened:
            from chat2api_core.upstreams.chatgpt_web.topics import TASKS  # noqa: PLC0415 (rarely needed)

            self._listened = True
            return self._web.subscribe(self._turn, self._reader, TASKS)
        raise broken or _cut("ChatGPT did not finish what it was still working on.")

    async def _mended(self, origin: Problem) -> Body:
        """The body was cut: resume it, or see what was kept."""
        if not self._reader.conversation_id or self._looked:
            raise origin
        _log.info("an answer broke off after %d events", self._reader.events_seen)
        return await self._resumed(pause=True) or self._kept()

    def _kept(self) -> Body:
        self._looked = True
        body = self._web.kept(self._turn, self._reader)
        self._reader.amend()
        return body

    async def _resumed(self, *, pause: bool) -> Body | None:
        """The stream once more; None if it is gone or not to be had."""
        from chat2api_core.upstreams.chatgpt_web.poll import PASSING  # noqa: PLC0415 (rarely needed)

        reader = self._reader
        while self._resumes > 0:
            if pause:
                await self._sleep(self._delay())
            pause = True
            self._resumes -= 1
            overlaps = self._counts and self._last is not None
            try:
                body = await self._web.resume(
                    self._turn, reader, reader.events_seen - 1 if overlaps else 0
                )
            except Problem as problem:
                _log.info("a broken answer was not resumed: %s", problem.code)
                if problem.kind not in PASSING:
                    return None
                continue
            if body is not None:
                reader.resume()
                self._expected = self._last if overlaps else None
                if not overlaps:
                    reader.events_seen = 0
            return body
        return None

    def _delay(self) -> float:
        return min(_DELAY * _GROWTH ** (_RESUMES - self._resumes), _LONGEST)


def _unkept() -> Problem:
    message = (
        "ChatGPT draws this picture in the background and shows it in its chat only, but this chat "
        "is temporary, so the picture cannot be fetched. Have the chat kept (history_disabled: "
        "false), or order the picture: by POST /v1/images/generations, or with the tool "
        "image_generation of /v1/responses."
    )
    return Problem(Kind.INVALID_REQUEST, message, step="picture")


def _cut(message: str) -> Problem:
    return Problem(Kind.CUT, message, step="stream")
