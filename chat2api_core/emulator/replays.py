"""Streams that broke off, kept so that a client can take them up again.

Input: the beats of a whole stream. Output: the beats of each connection to it. The rules: a
stream is resumed by its owner with the token it was given (or the text ``no-token``), from any
event on; an interruption happens once.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import takewhile

from msgspec import Struct

from chat2api_core.emulator.beats import Silence, is_event, spread, until_break
from chat2api_core.emulator.encodings import DONE, Beat
from chat2api_core.emulator.exchange import Refused, refusal
from chat2api_core.emulator.feeds import Item, items_of
from chat2api_core.emulator.replies import Cut, Handoff, Task

_LIMIT = 256
NO_TOKEN = "no-token"  # noqa: S105 (what a client sends that has none)


class Replay(Struct):
    """One stream. ``played`` counts the beats that some connection got."""

    owner: str
    token: str
    beats: Sequence[Beat]
    conversation_id: str = ""
    topic: str = ""
    epoch: int = 0
    played: int = 0
    items: list[Item | Silence] = []
    told: int = 0  # of the items and silences, to whoever listened
    sent: int = 0  # of the items

    def begin(self) -> Item | None:
        """A client subscribes: for the first one half of the topic is there already. Returns an
        item that is told before the reply to it."""
        if not self.items:
            self.items = items_of(self.beats)
            ready = takewhile(lambda one: isinstance(one, Item), self.items)
            self.told = self.sent = sum(1 for _ in ready) // 2
        following = self.items[self.told] if self.told < len(self.items) else None
        return following if isinstance(following, Item) else None

    def published(self) -> list[Item]:
        """The items that somebody was told."""
        return [one for one in self.items[: self.told] if isinstance(one, Item)]

    def advance(self) -> Item | Silence | None:
        """What comes next in the topic, None at its end."""
        if self.told == len(self.items):
            self.played = len(self.beats)
            return None
        following = self.items[self.told]
        self.told += 1
        self.sent += isinstance(following, Item)
        return following


class Replays:
    """The latest streams of one emulator, by conversation."""

    def __init__(self) -> None:
        self._all: OrderedDict[str, Replay] = OrderedDict()

    def start(
        self,
        conversation_id: str,
        owner: str,
        token: str,
        beats: Sequence[Beat],
        *,
        topic: str = "",
        epoch: int = 0,
    ) -> Sequence[Beat]:
        """The beats of the first connection, up to the first interruption. ``epoch`` is unix
        milliseconds."""
        replay = Replay(owner, token, beats, conversation_id, topic, epoch)
        self._all[conversation_id] = replay
        self._all.move_to_end(conversation_id)
        if len(self._all) > _LIMIT:
            self._all.popitem(last=False)
        return self._go_on(replay)

    def resume(self, conversation_id: str, owner: str, token: str, offset: int) -> list[Beat]:
        """The beats from event ``offset`` on. Raises ``Refused`` with a 404 if there are none."""
        replay = self._all.get(conversation_id)
        known = replay is not None and replay.owner == owner and token in (replay.token, NO_TOKEN)
        if replay is None or not known or not _resumable(replay):
            raise Refused(refusal(404, "No stream to resume for this conversation."))
        seen = [beat for beat in spread(replay.beats[: replay.played]) if is_event(beat)]
        again: list[Beat] = list(seen[offset:])
        if replay.played == len(replay.beats):
            return [*again, DONE]
        return [*again, *self._skip(self._go_on(replay), offset - len(seen))]

    def streaming(self, conversation_id: str, owner: str) -> bool:
        """Whether a stream of this conversation has more to come."""
        replay = self._all.get(conversation_id)
        if replay is None or replay.owner != owner:
            return False
        return replay.played < len(replay.beats) and _resumable(replay)

    def of_topic(self, topic: str, owner: str) -> Replay | None:
        """The stream that goes on in a topic, if it was handed over to it."""
        for replay in self._all.values():
            if replay.topic == topic and replay.owner == owner:
                offered = [beat.options for beat in replay.beats if isinstance(beat, Handoff)]
                return replay if any("subscribe_ws_topic" in one for one in offered) else None
        return None

    def drop(self, conversation_id: str) -> None:
        """Forget one stream."""
        self._all.pop(conversation_id, None)

    def clear(self) -> None:
        """Forget all."""
        self._all.clear()

    def _go_on(self, replay: Replay) -> Sequence[Beat]:
        end = until_break(replay.beats, replay.played)
        part = replay.beats[replay.played : end]
        replay.played = end
        return [*part, DONE] if isinstance(part[-1], Handoff | Task) else part

    def _skip(self, beats: Sequence[Beat], events: int) -> list[Beat]:
        """The beats without their first so many events, if that is more than none."""
        if events <= 0:
            return list(beats)
        left: list[Beat] = []
        for beat in spread(beats):
            if events > 0 and is_event(beat):
                events -= 1
            else:
                left.append(beat)
        return left


def _resumable(replay: Replay) -> bool:
    """Whether what comes after the last break is to be had from the resume endpoint."""
    last = replay.beats[replay.played - 1]
    if isinstance(last, Cut):
        return last.resume
    if isinstance(last, Handoff):
        return "resume_sse_endpoint" in last.options
    return not isinstance(last, Task)
