"""An answer as the messages with which a later turn goes on from it.

In: the fold of an answer. Out: messages, in the order in which things were said. The rules: only
what is whole is handed back, so a call that was cut off is left out, because nobody answers it; of
thinking only what is sealed, because nothing else can be taken back by who thought it, and of that
the summary; what only the upstream has words for is handed back in its words.
"""

from typing import TypeAlias

from msgspec import Struct

from chat2api_core.dialects.responses.past_pictures import shown_again
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    CallEnded,
    CallStarted,
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
    parts: list[Part]
    phase: str = ""

    def say(self, text: str, *, again: bool) -> None:
        """More words. Between what stands apart anyway there is no blank line; ``again``: there
        were messages before."""
        if self.parts and isinstance(self.parts[-1], Text):
            self.parts[-1] = Text(self.parts[-1].text + text)
            return
        apart = again or any(isinstance(part, Text) for part in self.parts)
        said = text.lstrip("\n") if apart else text
        if said:
            self.parts.append(Text(said))


def _messages(transcript: Transcript) -> list[_Draft]:
    """A message that is told to be one of its own begins with its words, or with the thinking
    before them."""
    drafts = [_Draft([])]
    calls = _whole_calls(transcript)
    thought: _Sections = {}
    for delta in transcript.deltas:
        if isinstance(delta, ReasoningDelta):
            if not delta.raw:
                thought[delta.part] = thought.get(delta.part, "") + delta.text
            continue
        if isinstance(delta, MessageBegun):
            if not all(isinstance(part, Reasoning) for part in drafts[-1].parts):
                drafts.append(_Draft([]))
            drafts[-1].phase = delta.phase
        elif isinstance(delta, TextDelta | RefusalDelta):
            drafts[-1].say(delta.text, again=len(drafts) > 1)
        else:
            drafts[-1].parts += _whole(delta, calls, thought)
        if isinstance(delta, _BETWEEN):
            thought = {}
    return drafts


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
