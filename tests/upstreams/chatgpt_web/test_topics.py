"""The frames of the WebSocket: what is said, what is heard, and that nothing comes twice."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.chatgpt_web.topics import TASKS, Subscription

TOPIC = "conversation-turn-turn-9"
Json = dict[str, object]


def item(number: int, text: str | None = None, topic: str = TOPIC) -> Json:
    return {
        "type": "message",
        "topic_id": topic,
        "offset": f"178730000{number}000-0",
        "payload": {
            "type": "conversation-turn-stream",
            "payload": {
                "type": "stream-item",
                "conversation_id": "conv-3",
                "turn_id": "turn-9",
                "encoded_item": f"<{number}>" if text is None else text,
                "stream_item_id": f"i-{number}",
                "parent_stream_item_id": f"i-{number - 1}",
                "server_timestamp_ms": 1787300001000,
            },
        },
    }


def done(topic: str = TOPIC) -> Json:
    inner = {"type": "done", "conversation_id": "conv-3", "turn_id": "turn-9"}
    payload = {"type": "conversation-turn-stream", "payload": inner}
    return {"type": "message", "topic_id": topic, "offset": "9-0", "payload": payload}


def subscribed(*catchups: Json, topic: str = TOPIC, **more: object) -> Json:
    reply: Json = {"type": "subscribe", "topic_id": topic, "last_offset": "1-0", "recovered": True}
    return {"id": 3, "type": "reply", "reply": {**reply, "catchups": list(catchups), **more}}


def update(kind: str, message: Json | None, conversation: str = "conv-3") -> Json:
    content = {"async_task_id": "task-1", "message": message}
    inner = {"conversation_id": conversation, "update_type": kind, "update_content": content}
    payload = {"type": "conversation-update", "payload": inner}
    return {"type": "message", "topic_id": TASKS, "offset": "1-0", "payload": payload}


def opened(topic: str = TOPIC) -> Subscription:
    subscription = Subscription(topic, "conv-3")
    subscription.hello()
    return subscription


def heard(subscription: Subscription, *frames: object) -> str:
    return b"".join(
        piece for frame in frames for piece in subscription.feed(json.dumps(frame))
    ).decode()


def refused(subscription: Subscription, *frames: object) -> Problem:
    with pytest.raises(Problem) as caught:
        heard(subscription, *frames)
    return caught.value


class TestSaid:
    def test_a_client_says_who_it_is_and_subscribes_to_its_turn(self) -> None:
        frames = [json.loads(frame) for frame in Subscription(TOPIC, "conv-3").hello()]

        presence = {"type": "presence", "state": "background"}
        assert frames == [
            [
                {"id": 1, "command": {"type": "connect", "presence": presence}},
                {"id": 2, "command": {"type": "subscribe", "topic_id": "conversations"}},
            ],
            [{"id": 3, "command": {"type": "subscribe", "topic_id": TOPIC, "offset": "0"}}],
        ]

    def test_for_tasks_the_topic_of_all_is_enough(self) -> None:
        (frame,) = Subscription(TASKS, "conv-3").hello()

        assert [one["command"]["type"] for one in json.loads(frame)] == ["connect", "subscribe"]

    def test_on_a_new_connection_it_goes_on_from_what_it_heard_last(self) -> None:
        subscription = opened()
        heard(subscription, subscribed(), item(1), item(2))
        frames = [json.loads(frame) for frame in subscription.hello()]

        assert frames[1][0]["command"]["offset"] == "1787300002000-0"
        assert [one["id"] for frame in frames for one in frame] == [1, 2, 3]

    def test_it_says_good_bye(self) -> None:
        assert json.loads(opened().farewell()) == [
            {"id": 4, "command": {"type": "unsubscribe", "topic_id": TOPIC}}
        ]


# What comes in, frame by frame, and the text that is handed out of it all.
STEPS: list[tuple[str, list[object], str]] = [
    ("a list of frames is read in order", [[subscribed(), item(1), item(2)]], "<1><2>"),
    ("a single frame is read too", [subscribed(), item(1)], "<1>"),
    ("catch-ups repeat what comes later", [subscribed(item(1), item(2)), item(2), item(3)],
     "<1><2><3>"),
    ("what comes before the reply waits for the catch-ups",
     [item(3), subscribed(item(1), item(2)), item(3), item(4)], "<1><2><3><4>"),
    ("before the reply nothing is told", [item(1)], ""),
    ("topics of others are not ours", [subscribed(), item(1, topic="conversation-turn-8")], ""),
    ("replies to other topics are not ours", [subscribed(item(1), topic=TASKS), item(2)], ""),
    ("after the end nothing is told", [subscribed(), item(1), done(), item(2)], "<1>"),
    ("catch-ups may hold the end", [subscribed(item(1), done(), item(2))], "<1>"),
    ("no catch-ups at all", [subscribed(catchups=None), item(1)], "<1>"),
    ("text is handed on as it is", [subscribed(), item(1, 'data: {"v":"ü\u2028"}\n\n')],
     'data: {"v":"ü\u2028"}\n\n'),
    ("an item without a name is told each time",
     [subscribed(), {**item(1), "payload": {"type": "conversation-turn-stream", "payload":
      {"type": "stream-item", "encoded_item": "a"}}}] * 2, "aa"),
    ("other payloads are passed over",
     [subscribed(), {**item(1), "payload": {"type": "presence", "payload": {"type": "x"}}},
      {**item(1), "payload": None}, {**item(1), "payload": {"type": "hello"}}], ""),
    ("other kinds of items are passed over",
     [subscribed(), {**item(1), "payload": {"type": "conversation-turn-stream", "payload":
      {"type": "heartbeat"}}}], ""),
    ("other frames are passed over", [{"type": "pong"}, {"id": 1, "type": "reply", "reply":
      {"type": "connect", "subscriptions": {}}}, subscribed(), item(1)], "<1>"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("frames", "told"), [step[1:] for step in STEPS], ids=[step[0] for step in STEPS]
)
def test_what_is_heard(frames: list[object], told: str) -> None:
    assert heard(opened(), *frames) == told


def test_the_end_is_the_end() -> None:
    subscription = opened()
    assert not subscription.done
    heard(subscription, subscribed(), item(1), done())
    assert subscription.done


def test_a_new_connection_repeats_nothing() -> None:
    subscription = opened()
    first = heard(subscription, subscribed(item(1)), item(2))
    subscription.hello()
    again = heard(subscription, item(4), subscribed(item(1), item(2), item(3)), item(4), done())

    assert first + again == "<1><2><3><4>"


class TestTrouble:
    @pytest.mark.parametrize("text", ["", "{", "[1]", "null", '{"type":1}', '[{"payload":{}}'])
    def test_what_is_not_readable_is_garbage(self, text: str) -> None:
        with pytest.raises(Problem) as caught:
            opened().feed(text)
        assert caught.value.kind is Kind.GARBAGE

    def test_bytes_are_read_like_texts(self) -> None:
        subscription = opened()
        heard(subscription, subscribed())
        assert subscription.feed(json.dumps(item(1)).encode()) == [b"<1>"]
        with pytest.raises(Problem):
            subscription.feed(b"\xff")

    def test_a_topic_that_has_lost_a_part_is_cut(self) -> None:
        assert refused(opened(), subscribed(recovered=False)).kind is Kind.CUT

    @pytest.mark.parametrize(
        "frame",
        [{"type": "error", "error": "no"}, {"type": "reply", "reply": {"type": "error"}}],
        ids=["a frame", "a reply"],
    )
    def test_a_refusal_says_so(self, frame: Json) -> None:
        assert refused(opened(), frame).kind is Kind.HANDOFF

    def test_too_much_before_the_reply_is_garbage(self) -> None:
        assert refused(opened(), *[[item(n) for n in range(4097)]]).kind is Kind.GARBAGE

    def test_too_many_items_are_garbage(self) -> None:
        subscription = Subscription(TOPIC, "conv-3", limit=5)
        heard(subscription, subscribed(), *[item(n) for n in range(5)])

        assert heard(subscription, item(4)) == ""
        assert refused(subscription, item(5)).kind is Kind.GARBAGE


MESSAGE: Json = {"id": "m-1", "content": {"parts": ["Half"]}}


class TestTasks:
    def test_each_message_of_a_task_is_an_event(self) -> None:
        told = heard(
            opened(TASKS),
            subscribed(update("async-task-update-message", MESSAGE), topic=TASKS),
            update("async-task-update-message", MESSAGE, conversation="conv-8"),
        )

        (line,) = told.removesuffix("\n\n").split("\n")
        assert json.loads(line.removeprefix("data: ")) == {
            "message": MESSAGE,
            "conversation_id": "conv-3",
        }

    @pytest.mark.parametrize(
        "end",
        [
            update("async-task-completed", None),
            {"type": "conversation-turn-complete", "payload": {"conversation_id": "conv-3"}},
            {
                "type": "message",
                "topic_id": TASKS,
                "payload": {
                    "type": "conversation-turn-complete",
                    "payload": {"conversation_id": "conv-3"},
                },
            },
        ],
        ids=["completed", "the turn, alone", "the turn, in the topic"],
    )
    def test_the_end_of_a_task_is_the_end_of_the_stream(self, end: Json) -> None:
        subscription = opened(TASKS)
        told = heard(subscription, subscribed(topic=TASKS, recovered=False), end, end)

        assert subscription.done
        assert told == (
            'data: {"type":"conversation_async_status","async_status":null}\n\n'
            'data: {"type":"message_stream_complete"}\n\n'
        )

    def test_news_of_others_may_look_as_they_like(self) -> None:
        strange = update("async-task-strange", None, conversation="conv-8")
        strange["payload"]["payload"]["update_content"] = ["x"]  # type: ignore[index]
        other = {"type": "presence", "payload": {"conversation_id": "conv-3"}}
        about_us = {**strange, "payload": other | {"payload": {"conversation_id": "conv-3"}}}

        assert heard(opened(TASKS), subscribed(topic=TASKS), strange, about_us) == ""


COUNT = 9
CONNECTIONS = st.lists(
    st.tuples(st.integers(0, COUNT), st.lists(st.integers(1, COUNT), max_size=6), st.booleans()),
    max_size=4,
)


@given(CONNECTIONS)
def test_whatever_is_repeated_all_is_told_once_and_in_order(
    connections: list[tuple[int, list[int], bool]],
) -> None:
    """A server that forgets nothing: catch-ups hold all that was sent, and any of it comes again,
    over as many connections as you like."""
    subscription = Subscription(TOPIC, "conv-3")
    told = ""
    sent = 0
    for upto, repeated, early in [*connections, (COUNT, [], False)]:
        subscription.hello()
        sent = max(sent, upto)
        if early and sent < COUNT:
            told += heard(subscription, item(sent + 1))
        told += heard(subscription, subscribed(*[item(n) for n in range(1, sent + 1)]))
        told += heard(subscription, [item(n) for n in repeated if n <= sent])
        if sent < COUNT:
            sent += 1
            told += heard(subscription, item(sent))

    assert told == "".join(f"<{n}>" for n in range(1, COUNT + 1))


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_garbage_gives_our_problem_only(text: str | bytes) -> None:
    with contextlib.suppress(Problem):
        Subscription(TOPIC, "conv-3").feed(text)
