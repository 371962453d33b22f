"""The WebSocket of the emulated service, driven by hand: who may open it, what it takes, what it
tells; and conversations that are not complete yet."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from chat2api_core.emulator import Cut, Emulator, Handoff, Reply, Say, Stall, Task, Wait
from chat2api_core.emulator.tokens import make_access_token
from tests.emulator.browser import Browser, data_of, events_of, first_id, said_by
from tests.fakes import FakeClock

SOCKET = Handoff(("subscribe_ws_topic",))
CONNECT = {"type": "connect", "presence": {"type": "presence", "state": "background"}}
HEADERS = {"origin": "https://chatgpt.com", "user-agent": "UA/1.0"}
Json = Any


def commands(*all_of_them: Json, start: int = 1) -> str:
    return json.dumps([{"id": start + n, "command": one} for n, one in enumerate(all_of_them)])


def subscribe(topic: str, offset: str | None = "0") -> Json:
    command = {"type": "subscribe", "topic_id": topic}
    return command | ({"offset": offset} if offset is not None else {})


class Wire:
    """One WebSocket from the client's side. ``sent`` are the server's frames, flattened."""

    def __init__(self, app: Emulator, url: str, headers: dict[str, str] | None = None) -> None:
        parts = urlsplit(url)
        raw = (HEADERS if headers is None else headers).items()
        self._scope = {
            "type": "websocket",
            "path": parts.path,
            "query_string": parts.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in raw],
        }
        self._app = app
        self.events: list[Json] = []

    def say(self, *texts: Json) -> list[Json]:
        """Say these frames, hear all that comes of them, and leave."""
        asyncio.run(self._run(list(texts)))
        return self.frames

    @property
    def frames(self) -> list[Json]:
        told = [json.loads(one["text"]) for one in self.events if one["type"] == "websocket.send"]
        return [frame for one in told for frame in (one if isinstance(one, list) else [one])]

    @property
    def closed(self) -> Json:
        return next((one for one in self.events if one["type"] == "websocket.close"), None)

    async def _run(self, texts: list[Json]) -> None:
        incoming: list[Json] = [{"type": "websocket.connect"}]
        for text in texts:
            bare = text if isinstance(text, dict) else {"text": text}
            incoming.append({"type": "websocket.receive", **bare})

        async def receive() -> Json:
            if not incoming:
                for _ in range(300):  # let the server say all that it has to say
                    await asyncio.sleep(0)
                return {"type": "websocket.disconnect", "code": 1000}
            return incoming.pop(0)

        async def send(event: Json) -> None:
            self.events.append(event)

        await self._app(self._scope, receive, send)


def address(browser: Browser) -> str:
    answer = browser.call("GET", "/celsius/ws/user", more={"host": "emulator.invalid"})
    assert answer.status == 200
    url: str = answer.json["websocket_url"]
    return url


def handed_over(
    browser: Browser, emulator: Emulator, *steps: Any, handoff: Handoff = SOCKET
) -> tuple[str, str, bytes]:
    """The topic, the conversation and the stream of an answer that was handed over."""
    emulator.script.push(Reply((handoff, *steps)))
    stream = browser.ask().body
    notice = next(e for e in events_of(stream) if isinstance(e, dict) and "options" in e)
    return notice["options"][0]["topic_id"], first_id(stream), stream


def items(frames: list[Json]) -> list[Json]:
    """The items of a topic, catch-ups in the place of their reply, as they came."""
    found = []
    for frame in frames:
        if frame["type"] == "reply":
            found += frame["reply"].get("catchups", [])
        else:
            found.append(frame)
    return [one["payload"]["payload"] for one in found]


def text_of(told: list[Json]) -> bytes:
    """The stream that the items make, each once and in the order of their names."""
    names = {one["stream_item_id"]: one["encoded_item"] for one in told if "encoded_item" in one}
    return "".join(names[key] for key in sorted(names, key=lambda key: int(key[2:]))).encode()


class TestAddress:
    def test_it_is_that_of_the_account(self, browser: Browser) -> None:
        parts = urlsplit(address(browser))

        assert (parts.scheme, parts.netloc) == ("ws", "emulator.invalid")
        assert parts.path.startswith("/p24/ws/user/user-")
        assert parts.query.startswith("verify=")

    def test_it_takes_a_login(self, anonymous: Browser) -> None:
        assert anonymous.get("/celsius/ws/user").status == 401

    def test_it_is_good_for_one_connection(self, browser: Browser, emulator: Emulator) -> None:
        url = address(browser)
        assert Wire(emulator, url).say(commands(CONNECT))[0]["reply"]["type"] == "connect"
        again = Wire(emulator, url)
        again.say(commands(CONNECT))

        assert [event["type"] for event in again.events] == ["websocket.close"]

    def test_it_is_good_for_ten_minutes(
        self, browser: Browser, emulator: Emulator, clock: FakeClock
    ) -> None:
        url = address(browser)
        clock.advance(601)

        assert Wire(emulator, url).say(commands(CONNECT)) == []

    @pytest.mark.parametrize(
        "headers",
        [
            {"user-agent": "UA/1.0"},
            {"origin": "https://chatgpt.com"},
            HEADERS | {"authorization": "Bearer x"},
        ],
        ids=["no origin", "no user agent", "a bearer token, which is for the API"],
    )
    def test_the_handshake_is_checked(
        self, browser: Browser, emulator: Emulator, headers: dict[str, str]
    ) -> None:
        assert Wire(emulator, address(browser), headers).say(commands(CONNECT)) == []

    @pytest.mark.parametrize(
        "change",
        [
            lambda url: url.replace("/user/user-", "/user/other-"),
            lambda url: url.replace("/p24/", "/p25/"),
            lambda url: url.partition("?")[0],
        ],
        ids=["another user", "another path", "no value"],
    )
    def test_it_is_taken_as_it_is(
        self, browser: Browser, emulator: Emulator, change: Callable[[str], str]
    ) -> None:
        assert Wire(emulator, change(address(browser))).say(commands(CONNECT)) == []


RUDE: list[tuple[str, list[Json]]] = [
    ("an object", [json.dumps({"id": 1, "command": CONNECT})]),
    ("no JSON", ["hello"]),
    ("bytes", [{"bytes": b"[]"}]),
    ("an id that is not the next", [commands(CONNECT, start=2)]),
    ("an id that comes twice", [commands(CONNECT), commands(subscribe("conversations", None))]),
    ("no connect", [commands(subscribe("conversations", None))]),
    ("a connect without a presence", [commands({"type": "connect"})]),
    ("two connects", [commands(CONNECT, CONNECT)]),
    ("an unknown command", [commands({"type": "dance"})]),
    ("an unknown topic", [commands(CONNECT, subscribe("gossip", None))]),
    ("no topic", [commands(CONNECT, {"type": "subscribe"})]),
    ("a turn without an offset", [commands(CONNECT, subscribe("conversation-turn-x", None))]),
    ("an unknown field", [commands({**CONNECT, "color": "red"})]),
]


@pytest.mark.parametrize("texts", [row[1] for row in RUDE], ids=[row[0] for row in RUDE])
def test_who_breaks_a_rule_is_shown_out(
    browser: Browser, emulator: Emulator, texts: list[Json]
) -> None:
    wire = Wire(emulator, address(browser))
    wire.say(*texts)

    assert wire.closed["code"] == 1008
    assert wire.closed["reason"]


class TestTurns:
    WORDS = ("Here ", "I ", "am ", "again, ", "and ", "again.")

    @pytest.mark.parametrize("whole", [False, True], ids=["the rest", "the whole"])
    def test_the_stream_goes_on_in_its_topic(
        self, browser: Browser, emulator: Emulator, whole: bool
    ) -> None:
        handoff = Handoff(("subscribe_ws_topic",), whole=whole)
        topic, conversation, stream = handed_over(
            browser, emulator, Say(self.WORDS), handoff=handoff
        )
        wire = Wire(emulator, address(browser))
        told = items(wire.say(commands(CONNECT, subscribe(topic))))

        body = text_of(told)
        assert said_by(stream + body) == "Here I am again, and again."
        assert body.endswith(b"data: [DONE]\n\n")
        assert body.startswith(stream[:40]) == whole
        assert {one["conversation_id"] for one in told} == {conversation}
        assert told[-1]["type"] == "done"
        status = browser.get(f"/conversation/{conversation}/stream_status").json
        assert status == {"status": "NOT_STREAMING"}

    def test_it_is_as_unkind_as_the_real_one(self, browser: Browser, emulator: Emulator) -> None:
        topic, _, _ = handed_over(browser, emulator, Say(self.WORDS))
        frames = Wire(emulator, address(browser)).say(commands(CONNECT, subscribe(topic)))
        names = [one.get("stream_item_id") for one in items(frames)]

        assert frames[0]["type"] == "message", "an item comes before the reply"
        assert len(names) > len(set(names)), "items are repeated"
        assert any(one.count("\n\n") == 0 for one in map(_encoded, items(frames)) if one)

    def test_what_breaks_off_goes_on_from_an_offset(
        self, browser: Browser, emulator: Emulator
    ) -> None:
        topic, _, stream = handed_over(browser, emulator, Say(self.WORDS), Cut(), Say(("End.",)))
        first = Wire(emulator, address(browser))
        before = first.say(commands(CONNECT, subscribe(topic)))
        assert first.closed["code"] == 1011
        offset = max(one["offset"] for one in before if one["type"] == "message")
        after = Wire(emulator, address(browser)).say(commands(CONNECT, subscribe(topic, offset)))
        (reply,) = [one["reply"] for one in after if one["type"] == "reply" and one["id"] == 2]

        assert reply["catchups"] == []
        assert said_by(stream + text_of(items(before) + items(after))).endswith("again.End.")

    def test_silences_are_kept(
        self, browser: Browser, emulator: Emulator, pauses: list[float]
    ) -> None:
        topic, _, _ = handed_over(browser, emulator, Say(("a",)), Wait(3), Say(("b",)), Stall())
        told = items(Wire(emulator, address(browser)).say(commands(CONNECT, subscribe(topic))))

        assert pauses == [3]
        assert all(one["type"] == "stream-item" for one in told)

    def test_a_topic_is_there_for_its_owner_only(
        self, browser: Browser, emulator: Emulator
    ) -> None:
        topic, _, _ = handed_over(browser, emulator, Say(self.WORDS))
        other = Browser(emulator, token=make_access_token(account_id="two", user_id="user-two"))
        for one, name in ((other, topic), (browser, "conversation-turn-none")):
            reply = Wire(emulator, address(one)).say(commands(CONNECT, subscribe(name)))[1]["reply"]
            assert reply["type"] == "error"

    def test_what_was_not_offered_is_not_there(self, browser: Browser, emulator: Emulator) -> None:
        only = Handoff(("resume_sse_endpoint",))
        topic, _, _ = handed_over(browser, emulator, Say(("x",)), handoff=only)
        frames = Wire(emulator, address(browser)).say(commands(CONNECT, subscribe(topic)))
        assert frames[1]["reply"]["type"] == "error"

        _, conversation, _ = handed_over(browser, emulator, Say(("x",)))
        body = {"conversation_id": conversation, "offset": 0}
        more = {"x-conduit-token": "no-token"}
        assert browser.post("/f/conversation/resume", body, more).status == 404

    def test_a_client_may_leave_a_topic(self, browser: Browser, emulator: Emulator) -> None:
        topic, _, _ = handed_over(browser, emulator, Stall())
        leave = commands({"type": "unsubscribe", "topic_id": topic}, start=3)
        frames = Wire(emulator, address(browser)).say(commands(CONNECT, subscribe(topic)), leave)

        assert frames[-1]["reply"] == {"type": "unsubscribe", "topic_id": topic}

    def test_presence_may_be_told(self, browser: Browser, emulator: Emulator) -> None:
        presence = {"type": "presence", "state": "background"}
        frames = Wire(emulator, address(browser)).say(commands(CONNECT, presence))

        assert frames[-1]["reply"] == {"type": "presence"}


def _encoded(one: Json) -> str:
    return str(one.get("encoded_item", ""))


RESEARCH = Reply((Say(("I look.",)), Task(("Reading. ", "More."), polls=3), Say(("Done.",))))


def last_message(document: Json) -> Json:
    return document["mapping"][document["current_node"]]["message"]


class TestTasks:
    def test_the_stream_ends_while_the_task_is_at_work(
        self, browser: Browser, emulator: Emulator
    ) -> None:
        emulator.script.push(RESEARCH)
        stream = browser.ask().body

        assert said_by(stream) == "I look."
        kinds = [e["type"] for e in events_of(stream) if isinstance(e, dict) and "type" in e]
        assert kinds[-2:] == ["conversation_async_status", "message_stream_complete"]
        assert data_of(stream)[-1] == "[DONE]"

    def test_the_kept_conversation_shows_progress_and_then_the_result(
        self, browser: Browser, emulator: Emulator
    ) -> None:
        emulator.script.push(RESEARCH)
        path = f"/conversation/{first_id(browser.ask().body)}"
        looks = [browser.get(path).json for _ in range(3)]

        assert [look["async_status"] for look in looks] == [1, 1, None]
        texts = [last_message(look)["content"]["parts"][0] for look in looks]
        assert texts == ["Reading. ", "Reading. More.", "Done."]
        assert last_message(looks[-1])["end_turn"] is True

    def test_the_topic_of_tasks_tells_it_at_once(
        self, browser: Browser, emulator: Emulator
    ) -> None:
        emulator.script.push(RESEARCH)
        conversation = first_id(browser.ask().body)
        topic = subscribe("conversations", None)
        frames = Wire(emulator, address(browser)).say(commands(CONNECT, topic))
        news = [one["payload"] for one in frames if one["type"] == "message"]
        ours = [one for one in news if one["payload"]["conversation_id"] == conversation]

        assert len(ours) < len(news), "there is noise of others"
        assert [one["type"] for one in ours] == [
            "conversation-update", "conversation-update", "conversation-update",
            "conversation-turn-complete",
        ]  # fmt: skip
        kinds = [one["payload"].get("update_type") for one in ours[:3]]
        assert kinds == ["async-task-update-message"] * 2 + ["async-task-completed"]
        assert browser.get(f"/conversation/{conversation}").json["async_status"] is None


class TestUnfinished:
    def test_an_answer_whose_stream_is_gone_is_finished_in_time(
        self, browser: Browser, emulator: Emulator
    ) -> None:
        cut = Cut(resume=False, polls=2)
        emulator.script.push(Reply((Say(("Half. ",)), cut, Say(("Whole.",)))))
        conversation = first_id(browser.ask().body)
        body = {"conversation_id": conversation, "offset": 3}
        more = {"x-conduit-token": "no-token"}
        assert browser.post("/f/conversation/resume", body, more).status == 404
        seen = []
        for _ in range(2):
            message = last_message(browser.get(f"/conversation/{conversation}").json)
            status = browser.get(f"/conversation/{conversation}/stream_status").json["status"]
            seen.append((message["content"]["parts"][0], message["end_turn"], status))

        assert seen == [
            ("Half. ", None, "IS_STREAMING"),
            ("Half. Whole.", True, "NOT_STREAMING"),
        ]

    def test_a_lost_one_stays_as_it_is(self, browser: Browser, emulator: Emulator) -> None:
        emulator.script.push(Reply((Say(("Half. ",)), Cut(resume=False, lost=True))))
        path = f"/conversation/{first_id(browser.ask().body)}"
        for _ in range(4):
            assert last_message(browser.get(path).json)["status"] == "in_progress"
            assert browser.get(f"{path}/stream_status").json == {"status": "NOT_STREAMING"}
