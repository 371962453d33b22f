"""An answer as the messages with which a later turn goes on from it.

In: the fold of an answer. Out: messages, in the order in which things were said. The rules: only
what is whole is handed back, so a call that was cut off is left out, because nobody answers it; of
thinking only what is sealed, because nothing else can be taken back by who thought it, and of that
the summary; what only the upstream has words for is handed back in its words; a source stays with
the words that it is the source of.
"""

from typing import TypeAlias

from msgspec import Struct

from chat2api_core.dialects.responses.past_pictures import shown_again
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    CallEnded,
    CallStarted,
    Citation,
    Delta,
    Message,
    MessageBegun,
    Native,
    NativeItem,
    Part,
    Reasoning,
    ReasoningDelta,
    ReasoningSealed,
    RefusalDelta,
    Text,
    TextDelta,
    ToolCall,
)

_Sections: TypeAlias = dict[int, str]


def messages_of(transcript: Transcript) -> tuple[Message, ...]:
    """The assistant's messages, if anything was said, and the pictures that it made."""
    said = tuple(
        Message("assistant", tuple(message.parts), phase=message.phase)
        for message in _messages(transcript)
        if message.parts
    )
    drawn = [shown_again(one.data, one.format) for one in transcript.pictures if one.data]
    return (*said, *(Message("user", tuple(shown)) for shown in drawn))


class _Draft(Struct):
    """A message. ``start`` is where its last text begins in the answer's, in code points."""

    parts: list[Part]
    phase: str = ""
    start: int = 0

    def say(self, text: str, at: int, *, again: bool) -> None:
        """More words. Between what stands apart anyway there is no blank line; ``again``: there
        were messages before. ``at`` is where they begin in the answer's text."""
        last = self.parts[-1] if self.parts else None
        if isinstance(last, Text):
            self.parts[-1] = Text(last.text + text, last.sources)
            return
        apart = again or any(isinstance(part, Text) for part in self.parts)
        said = text.lstrip("\n") if apart else text
        if said:
            self.start = at + len(text) - len(said)
            self.parts.append(Text(said))

    def add(self, delta: Delta, parts: list[Part]) -> None:
        """What else is handed back of a delta: these parts, or a source of the last text. What was
        said before that has its sources already."""
        self.parts += parts
        if isinstance(delta, Citation):
            self._cite(delta)

    def _cite(self, source: Citation) -> None:
        last = self.parts[-1] if self.parts else None
        begin, end = source.start - self.start, source.end - self.start
        if isinstance(last, Text) and 0 <= begin <= end <= len(last.text):
            moved = Citation(begin, end, source.url, source.title)
            self.parts[-1] = Text(last.text, (*last.sources, moved))


class _Drafts:
    """The messages so far: at least one, and more to come into the last."""

    def __init__(self) -> None:
        self.all = [_Draft([])]
        self._length = 0  # of the answer's text so far

    def begin(self, phase: str) -> None:
        """A message that is told to be one of its own begins with its words, or with the thinking
        before them."""
        if not all(isinstance(part, Reasoning) for part in self.all[-1].parts):
            self.all.append(_Draft([]))
        self.all[-1].phase = phase

    def say(self, delta: TextDelta | RefusalDelta) -> None:
        """More words."""
        self.all[-1].say(delta.text, self._length, again=len(self.all) > 1)
        if isinstance(delta, TextDelta):
            self._length += len(delta.text)


def _messages(transcript: Transcript) -> list[_Draft]:
    drafts = _Drafts()
    calls = _whole_calls(transcript)
    thought: _Sections = {}
    for delta in transcript.deltas:
        if isinstance(delta, ReasoningDelta):
            if not delta.raw:
                thought[delta.part] = thought.get(delta.part, "") + delta.text
        elif isinstance(delta, MessageBegun):
            drafts.begin(delta.phase)
        elif isinstance(delta, TextDelta | RefusalDelta):
            drafts.say(delta)
        else:
            drafts.all[-1].add(delta, _whole(delta, calls, thought))
        if isinstance(delta, _BETWEEN):
            thought = {}
    return drafts.all


# What ends a piece of thinking: what is said, called or sealed after it.
_BETWEEN = TextDelta | RefusalDelta | CallStarted | ReasoningSealed | NativeItem


def _whole(delta: Delta, calls: dict[int, ToolCall], thought: _Sections) -> list[Part]:
    """What a delta hands back by itself, if anything."""
    if isinstance(delta, ReasoningSealed):
        return [Reasoning(delta.id, tuple(thought.values()), delta.encrypted)]
    if isinstance(delta, NativeItem):
        return [Native(delta.kind, delta.item)]
    if isinstance(delta, CallStarted) and delta.index in calls:
        return [calls[delta.index]]
    return []


def _whole_calls(transcript: Transcript) -> dict[int, ToolCall]:
    begun = [delta.index for delta in transcript.deltas if isinstance(delta, CallStarted)]
    ended = {delta.index for delta in transcript.deltas if isinstance(delta, CallEnded)}
    calls = zip(begun, transcript.calls, strict=True)
    return {index: call for index, call in calls if index in ended}
