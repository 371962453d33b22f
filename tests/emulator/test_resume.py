"""Streams that broke off or were handed off, taken up again."""

import pytest

from chat2api_core.emulator import (
    Emulator,
    Handoff,
    Reply,
    Say,
)
from chat2api_core.emulator.encodings import DONE
from chat2api_core.emulator.exchange import Refused
from chat2api_core.emulator.replays import Replays
from tests.emulator.browser import (
    Browser,
    data_of,
    events_of,
    first_id,
    said_by,
)


def test_a_handed_off_stream_ends_at_once_and_is_resumed(
    emulator: Emulator, browser: Browser
) -> None:
    emulator.script.push(Reply((Handoff(), Say(("Here ", "I am.")))))
    first = browser.ask().body
    conversation = first_id(first)
    events = events_of(first)
    handoff = events[-2]
    assert handoff["type"] == "stream_handoff"
    topic = f"conversation-turn-{handoff['turn_exchange_id']}"
    assert handoff["options"] == [
        {"type": "subscribe_ws_topic", "topic_id": topic},
        {"type": "resume_sse_endpoint", "topic_id": topic},
    ]
    assert events[-1] == "[DONE]"
    assert browser.get(f"/conversation/{conversation}/stream_status").json == {
        "status": "IS_STREAMING"
    }

    token = next(e["token"] for e in events if isinstance(e, dict) and "token" in e)
    seen = len(data_of(first)) - 1  # all but [DONE]
    body = {"conversation_id": conversation, "offset": seen}
    rest = browser.post("/f/conversation/resume", body, {"x-conduit-token": token})
    assert rest.status == 200
    assert said_by(rest.body) == "Here I am."
    assert rest.body.endswith(b"data: [DONE]\n\n")
    assert browser.get(f"/conversation/{conversation}/stream_status").json == {
        "status": "NOT_STREAMING"
    }
    # Once more, from the start and without a token: the whole stream, without the hand-off's end.
    body["offset"] = 0
    whole = browser.post("/f/conversation/resume", body, {"x-conduit-token": "no-token"}).body
    assert events_of(whole)[:-1] == [*events[:-1], *events_of(rest.body)[:-1]]


def test_a_broken_stream_is_resumed_where_the_client_lost_it(browser: Browser) -> None:
    first = browser.ask("/emulate cut")
    assert not first.complete
    conversation = first_id(first.body)
    token = events_of(first.body)[1]["token"]
    seen = len(data_of(first.body))
    for offset in (seen, seen - 2, 0):
        body = {"conversation_id": conversation, "offset": offset}
        rest = browser.post("/f/conversation/resume", body, {"x-conduit-token": token})
        assert rest.complete
        events = events_of(rest.body)
        assert events[-1] == "[DONE]"
        assert data_of(rest.body)[: seen - offset] == data_of(first.body)[offset:]
        assert '"and goes on."' in rest.body.decode()


def test_a_lost_offset_ahead_of_the_stream_skips_what_is_not_sent_yet(
    emulator: Emulator, browser: Browser
) -> None:
    emulator.script.push(Reply((Handoff(), Say(("a", "b", "c", "d")))))
    first = browser.ask().body
    seen = len(data_of(first)) - 1
    # One document, its marker and the first piece are taken as read.
    body = {"conversation_id": first_id(first), "offset": seen + 3}
    rest = browser.post("/f/conversation/resume", body, {"x-conduit-token": "no-token"}).body
    assert events_of(rest)[0] == {"v": "b"}


def test_only_the_latest_streams_can_be_resumed() -> None:
    replays = Replays()
    for number in range(257):
        replays.start(str(number), "me", "t", [b"data: 1\n\n", DONE])
    with pytest.raises(Refused):
        replays.resume("0", "me", "t", 0)
    assert replays.resume("1", "me", "t", 0) == [b"data: 1\n\n", DONE]
    assert not replays.streaming("0", "me")
    assert not replays.streaming("1", "you")


def test_there_is_nothing_to_resume_for_others(browser: Browser, anonymous: Browser) -> None:
    first = browser.ask("/emulate handoff").body
    body = {"conversation_id": first_id(first), "offset": 0}
    token = {"x-conduit-token": "no-token"}
    assert anonymous.post("/f/conversation/resume", body, token).status == 404
    wrong = {"x-conduit-token": "made.up.token"}
    answer = browser.post("/f/conversation/resume", body, wrong)
    assert answer.status == 404
    assert isinstance(answer.json["detail"], str)
    assert browser.post("/f/conversation/resume", {**body, "offset": -1}, token).status == 422
    stop = browser.post("/stop_conversation", {"conversation_id": first_id(first)})
    assert stop.status == 200
    assert browser.post("/f/conversation/resume", body, token).status == 404
