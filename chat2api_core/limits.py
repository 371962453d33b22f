"""The limits that the gateway keeps itself, where an upstream cannot: ``stop`` and ``max_tokens``.

In: the deltas of an answer. Out: the same deltas, ending early where a limit is reached, with
``Finished("stop")`` or ``Finished("length")`` and ``done`` set, so that the upstream can be closed.
The rule: what may be shown leaves at once, what was shown is never taken back, and the text that
comes out does not depend on how it was cut into deltas.

Only the text of the answer is limited; reasoning, refusals and calls pass. Citations wait for the
text that they point at, and those that point past the end are dropped; the beginning of a message
waits for the text before it.

How tokens are counted. Text is taken in segments, which end where a tokenizer of the GPT kind
starts a new token anyway (before a blank, after a line end, before East Asian punctuation), so
counting by segments is counting the whole. A segment that does not fit is cut at the last code
point that does. As a token holds at least one byte, nothing is counted before there are more bytes
than tokens allowed, and after that only where the bytes since the last count could make a
difference. Counted text is dropped in blocks, so the work grows with the text, not with its square.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache

import msgspec

from chat2api_core.turn import (
    Citation,
    Delta,
    Finished,
    FinishReason,
    MessageBegun,
    Sampling,
    Started,
    TextDelta,
)

MAX_SEGMENT = 256  # code points; also the most text that waits for its count
BLOCK = 2_000  # code points


@cache  # not on import: few answers are limited, and it takes two milliseconds
def _boundary() -> re.Pattern[str]:
    return re.compile(
        r"(?<=\S)(?=[ \t])|(?<=[\r\n])(?=[^\s/])"
        "|(?<=[\u3040-\u30ff\u4e00-\u9fff])(?=[\u3000-\u303f\uff01-\uff0f\uff1a-\uff1f])"
    )


def limiter_for(sampling: Sampling, count: Callable[[str], int]) -> "Limiter | None":
    """The stage for these settings, or None if they limit nothing. ``count`` tells the tokens of a
    text; it is not called before the answer has more bytes than tokens allowed."""
    if not sampling.stop and sampling.max_tokens is None:
        return None
    return Limiter(sampling, count)


class Limiter:
    """The stage. ``done`` is set once the answer has ended; what is fed after that is ignored."""

    def __init__(self, sampling: Sampling, count: Callable[[str], int]) -> None:
        self.done = False
        self._stops = _StopFinder(sampling.stop)
        self._budget = None if sampling.max_tokens is None else _Budget(sampling.max_tokens, count)
        self._begun = Started()
        self._shown = 0  # code points
        self._heard = 0  # code points
        self._citations: list[Citation] = []
        self._messages: list[tuple[int, MessageBegun]] = []  # those ahead, and where they begin

    def feed(self, item: Delta, /) -> Iterable[Delta]:
        """Take one delta; hand out what is certain by now."""
        if self.done:
            return ()
        if isinstance(item, TextDelta):
            return self._text(item)
        if isinstance(item, Citation) and item.end > self._shown:
            self._citations.append(item)
            return ()
        if isinstance(item, MessageBegun) and self._heard > self._shown:
            self._messages.append((self._heard, item))
            return ()
        if isinstance(item, Finished):
            return self._finish(item)
        if isinstance(item, Started):
            self._begun = item
        return (item,)

    def close(self) -> Iterable[Delta]:
        """The text and the citations that were waiting, if the answer has not ended."""
        return () if self.done else self._rest()

    def _text(self, delta: TextDelta) -> Iterable[Delta]:
        self._heard += len(delta.text)
        text, stopped = self._stops.feed(delta.text)
        budget, full = self._budget, False
        if budget is not None:
            text = budget.feed(text)
            if stopped:
                text += budget.close()
            full = budget.full
        if stopped or full:
            self.done = True
            reason: FinishReason = "length" if full else "stop"
            begun = self._begun
            end = Finished(reason, begun.conversation_id, begun.message_id)
            return (*self._show(text), end)
        if text == delta.text and not self._citations and not self._messages:
            self._shown += len(text)
            return (delta,)
        return self._show(text)

    def _show(self, text: str) -> list[Delta]:
        out = self._parted(text)
        out += [citation for citation in self._citations if citation.end <= self._shown]
        self._citations = [citation for citation in self._citations if citation.end > self._shown]
        return out

    def _parted(self, text: str) -> list[Delta]:
        """The text, with the messages that begin in it."""
        out: list[Delta] = []
        while self._messages and self._messages[0][0] < self._shown + len(text):
            place, begun = self._messages.pop(0)
            before, text = text[: place - self._shown], text[place - self._shown :]
            self._shown += len(before)
            out += [TextDelta(before), begun] if before else [begun]
        self._shown += len(text)
        return [*out, TextDelta(text)] if text else out

    def _rest(self) -> list[Delta]:
        text = self._stops.close()
        if self._budget is not None:
            text = self._budget.feed(text) + self._budget.close()
        out = self._show(text)
        if self._budget is None or not self._budget.full:
            out += self._citations
        return out

    def _finish(self, finished: Finished) -> list[Delta]:
        out = self._rest()
        self.done = True
        if self._budget is not None and self._budget.full:
            finished = msgspec.structs.replace(finished, reason="length")
        out.append(finished)
        return out


class _StopFinder:
    """Finds the first of some sequences to be complete, in text that comes in pieces.

    Text that may be the start of one is held back; there is never more of it than the longest
    sequence has."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._starts = re.compile("|".join(re.escape(stop[0]) for stop in stops) or r"(?!)")
        self._held = ""

    def feed(self, text: str) -> tuple[str, bool]:
        """The text that may be shown now, and whether a sequence ended it."""
        if not self._held and self._starts.search(text) is None:
            return text, False
        text = self._held + text
        ends = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if ends:
            self._held = ""
            return text[: min(ends)[1]], True
        cut = len(text) - max(_overlap(text, stop) for stop in self._stops)
        self._held = text[cut:]
        return text[:cut], False

    def close(self) -> str:
        """The text that was held: it did not become a sequence."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """How many code points at the end of ``text`` are the start of ``stop``, but not all of it."""
    start = text.find(stop[0], max(0, len(text) - len(stop) + 1))
    while start >= 0:
        if stop.startswith(text[start:]):
            return len(text) - start
        start = text.find(stop[0], start + 1)
    return 0


class _Budget:
    """Lets text through until it has ``limit`` tokens; then ``full`` is set. See the head."""

    def __init__(self, limit: int, count: Callable[[str], int]) -> None:
        self.full = False
        self._limit = limit
        self._count = count
        self._rest = ""  # not yet a whole segment
        self._shown = 0  # code points at the start of the rest that have left
        self._block = ""  # whole segments, counted together
        self._settled = 0  # tokens of the blocks before
        self._counted = 0  # tokens of the block when it was last counted
        self._since = 0  # bytes of the block since then
        self._early: list[str] | None = []  # all text, as long as it has no more bytes than limit
        self._early_bytes = 0

    def feed(self, text: str) -> str:
        """What of ``text``, and of the text that waited, may be shown now."""
        if self._early is not None:
            self._early.append(text)
            self._early_bytes += _bytes(text)
            if self._early_bytes <= self._limit:
                return text
            self._rest = "".join(self._early)
            self._shown = len(self._rest) - len(text)
            self._early = None
        else:
            self._rest += text
        out = [self._take(segment) for segment in self._segments()]
        if not self.full:
            out.append(self._certain())
        return "".join(out)

    def close(self) -> str:
        """What may be shown of the text that waited: no more is to come."""
        if self._early is not None or self.full:
            return ""
        segment, self._rest = self._rest, ""
        return self._take(segment)

    def _segments(self) -> Iterator[str]:
        start, rest = 0, self._rest
        while not self.full:
            boundary = _boundary().search(rest, start + 1, start + MAX_SEGMENT + 1)
            if boundary is not None:
                end = boundary.start()
            elif len(rest) - start >= MAX_SEGMENT:
                end = start + MAX_SEGMENT
            else:
                break
            yield rest[start:end]
            start = end
        self._rest = rest[start:]

    def _take(self, segment: str) -> str:
        """What of a whole segment is to be shown and was not yet."""
        shown = self._shown
        self._shown = max(0, shown - len(segment))
        if self._fits(segment):
            return segment[shown:]
        self.full = True
        return segment[shown : self._longest(segment)]

    def _fits(self, segment: str) -> bool:
        block = self._block + segment
        since = self._since + _bytes(segment)
        counted = self._counted
        if self._settled + counted + since > self._limit:
            counted, since = self._count(block), 0
            if self._settled + counted > self._limit:
                return False
        if len(block) >= BLOCK:
            self._settled += self._count(block) if since else counted
            block, counted, since = "", 0, 0
        self._block, self._counted, self._since = block, counted, since
        return True

    def _longest(self, segment: str) -> int:
        left = self._limit - self._settled
        lengths = range(len(segment) - 1, 0, -1)
        return next((n for n in lengths if self._count(self._block + segment[:n]) <= left), 0)

    def _certain(self) -> str:
        """What of the rest may leave before it is whole: as many bytes as there are tokens left."""
        left = max(0, self._limit - self._settled - self._counted - self._since)
        rest = self._rest
        if _bytes(rest) > left:
            rest = rest.encode()[:left].decode(errors="ignore")
        shown, self._shown = self._shown, max(self._shown, len(rest))
        return rest[shown:]


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
