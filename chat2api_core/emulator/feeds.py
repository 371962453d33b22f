"""What the topics of the emulated WebSocket carry: the rest of a stream item by item, and news of
long tasks. Pure.

Input: the beats of a stream, or a task with its messages. Output: the messages of a topic, as the
service writes them. The rules: an item has a name and an offset that never change, and an item may
be a piece of an event: the service cuts where it likes.
"""

from collections.abc import Sequence

from msgspec import Struct

from chat2api_core.emulator.beats import Silence, spread
from chat2api_core.emulator.encodings import Beat
from chat2api_core.emulator.exchange import Json
from chat2api_core.emulator.replies import Handoff, Task

TASKS = "conversations"
_CUT_EVERY = 4  # each so-manieth event travels in two items


class Item(Struct, frozen=True):
    """One item of a topic. ``place`` counts the items of the topic from 1."""

    place: int
    text: str


def items_of(beats: Sequence[Beat]) -> list[Item | Silence]:
    """What a topic tells of a stream, after the hand-over (or from the beginning, if the hand-over
    says so): its text in items, and the silences between."""
    told: list[Item | Silence] = []
    place = 0
    for number, beat in enumerate(_handed_over(beats)):
        if not isinstance(beat, bytes):
            told.append(beat)
            continue
        text = beat.decode()
        middle = len(text) // 2
        pieces = (text[:middle], text[middle:]) if number % _CUT_EVERY == 1 else (text,)
        for piece in pieces:
            place += 1
            told.append(Item(place, piece))
    return told


def _handed_over(beats: Sequence[Beat]) -> list[bytes | Silence]:
    plain = list(spread(beats))
    places = [place for place, beat in enumerate(plain) if isinstance(beat, Handoff)]
    if not places:
        return plain
    handoff = plain[places[0]]
    assert isinstance(handoff, Handoff)
    start = 0 if handoff.whole else places[0] + 1
    return [beat for beat in plain[start:] if not isinstance(beat, Handoff)]


def offset_of(epoch: int, place: int) -> str:
    """The offset of an item: milliseconds and a counter. ``epoch`` is unix milliseconds."""
    return f"{epoch + place}-0"


def stream_item(topic: str, conversation_id: str, epoch: int, item: Item) -> Json:
    """The message that carries an item."""
    inner: Json = {"type": "stream-item", "conversation_id": conversation_id}
    inner["turn_id"] = topic.removeprefix("conversation-turn-")
    inner["encoded_item"] = item.text
    inner["stream_item_id"] = f"i-{item.place}"
    inner["parent_stream_item_id"] = f"i-{item.place - 1}" if item.place > 1 else None
    inner["server_timestamp_ms"] = epoch + item.place
    return _message(topic, offset_of(epoch, item.place), "conversation-turn-stream", inner)


def stream_done(topic: str, conversation_id: str, epoch: int, place: int) -> Json:
    """The message after the last item."""
    inner: Json = {"type": "done", "conversation_id": conversation_id}
    inner["turn_id"] = topic.removeprefix("conversation-turn-")
    return _message(topic, offset_of(epoch, place + 1), "conversation-turn-stream", inner)


class Work(Struct):
    """A long task that is at work. ``messages`` are what it will have made, ``progress`` is the
    message that shows how far it is, ``polls`` how often the conversation is to be asked for."""

    task: Task
    messages: list[Json]
    progress: Json
    polls: int

    def at(self, step: int) -> Json:
        """The message of progress after so many steps of it."""
        text = "".join(self.task.progress[:step])
        content: Json = {"content_type": "text", "parts": [text]}
        done = step >= len(self.task.progress)
        status = "finished_successfully" if done else "in_progress"
        return {**self.progress, "content": content, "status": status}


def news_of(conversation_id: str, epoch: int, work: Work) -> list[Json]:
    """All that the topic of tasks says of one: its progress, what it has made, its end."""
    news: list[Json] = []

    def tell(kind: str, content: Json) -> None:
        about: Json = {"conversation_id": conversation_id, **content}
        news.append(_message(TASKS, offset_of(epoch, len(news) + 1), kind, about))

    def update(kind: str, message: Json) -> None:
        content: Json = {"async_task_id": work.task.id, "message": message}
        tell("conversation-update", {"update_type": kind, "update_content": content})

    for step in range(1, len(work.task.progress) + 1):
        update("async-task-update-message", work.at(step))
    for message in work.messages[:-1]:
        update("async-task-update-message", message)
    for message in work.messages[-1:]:
        update("async-task-completed", message)
    tell("conversation-turn-complete", {})
    return news


def _message(topic: str, offset: str, kind: str, inner: Json) -> Json:
    return {
        "type": "message",
        "topic_id": topic,
        "offset": offset,
        "payload": {"type": kind, "payload": inner},
    }
