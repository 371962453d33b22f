"""Streams that broke off, kept so that a client can take them up again.

Input: the beats of a whole stream. Output: the beats of each connection to it. The rules: a
stream is resumed by its owner with the token it was given (or the text ``no-token``), from any
event on; an interruption happens once.
"""

from collections import OrderedDict
from collections.abc import Sequence

from msgspec import Struct

from chat2api_core.emulator.beats import is_event, spread, until_break
from chat2api_core.emulator.encodings import DONE, Beat
from chat2api_core.emulator.exchange import Refused, refusal
from chat2api_core.emulator.replies import Handoff

_LIMIT = 256
NO_TOKEN = "no-token"  # noqa: S105 (what a client sends that has none)


class Replay(Struct):
    """One stream. ``played`` counts the beats that some connection got."""

    owner: str
    token: str
    beats: Sequence[Beat]
    played: int = 0


class Replays:
    """The latest streams of one emulator, by conversation."""

    def __init__(self) -> None:
        self._all: OrderedDict[str, Replay] = OrderedDict()

    def start(
        self, conversation_id: str, owner: str, token: str, beats: Sequence[Beat]
    ) -> Sequence[Beat]:
        """The beats of the first connection, up to the first interruption."""
        replay = Replay(owner, token, beats)
        self._all[conversation_id] = replay
        self._all.move_to_end(conversation_id)
        if len(self._all) > _LIMIT:
            self._all.popitem(last=False)
        return self._go_on(replay)

    def resume(self, conversation_id: str, owner: str, token: str, offset: int) -> list[Beat]:
        """The beats from event ``offset`` on. Raises ``Refused`` with a 404 if there are none."""
        replay = self._all.get(conversation_id)
        if replay is None or replay.owner != owner or token not in (replay.token, NO_TOKEN):
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
        return replay.played < len(replay.beats)

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
        return [*part, DONE] if isinstance(part[-1], Handoff) else part

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
