"""Asking for a conversation until its turn is complete, and what that is as a stream."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from chat2api_core.problem import Kind, Problem, Step
from chat2api_core.upstreams.chatgpt_web.conversation import Conversation, Entry
from chat2api_core.upstreams.chatgpt_web.poll import Polled, watch
from tests.fakes import FakeClock

Json = dict[str, Any]
Answer = Json | Problem

STREAMING: Json = {"status": "IS_STREAMING"}
IDLE: Json = {"status": "NOT_STREAMING"}


def kept(text: str, *, ended: bool = False, busy: bool = False) -> Json:
    said: Json = {"id": "m-a", "author": {"role": "assistant"}, "end_turn": ended or None}
    said["content"] = {"content_type": "text", "parts": [text]}
    mapping = {"m-a": {"id": "m-a", "message": said, "parent": None}}
    return {"mapping": mapping, "current_node": "m-a", "async_status": 1 if busy else None}


def trouble(kind: Kind, retry_after: float | None = None) -> Problem:
    return Problem(kind, "Trouble.", step="conversation", retry_after=retry_after)


class FakeSite:
    """Answers one after the other; the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.paths: list[str] = []

    async def get(self, path: str, *, step: Step, limit: int = 0) -> bytes:
        self.paths.append(path)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Problem):
            raise answer
        return json.dumps(answer).encode()


class Poll:
    """A look at a fake site with a clock that moves as it is slept."""

    def __init__(self, *answers: Answer, timeout: float = 100) -> None:
        self.site = FakeSite(*answers)
        self.clock = FakeClock()
        self.slept: list[float] = []
        self.timeout = timeout

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 2))
        self.clock.advance(seconds)

    def run(self) -> Conversation:
        """The last state that was seen."""
        return asyncio.run(self._run())

    async def _run(self) -> Conversation:
        watching = watch(self.site, "c/1", sleep=self.sleep, clock=self.clock, timeout=self.timeout)
        return [state async for state in watching][-1]

    def fails(self) -> Problem:
        with pytest.raises(Problem) as caught:
            self.run()
        return caught.value


def test_a_complete_turn_needs_one_look() -> None:
    poll = Poll(kept("Done", ended=True))

    assert poll.run().over
    assert poll.site.paths == ["/conversation/c%2F1"]
    assert poll.slept == []


def test_a_task_at_work_is_waited_for_longer_and_longer() -> None:
    poll = Poll(*[kept("", busy=True)] * 9, kept("Done", ended=True))

    assert poll.run().over
    assert poll.slept == [1.0, 1.3, 1.69, 2.2, 2.86, 3.71, 4.83, 5.0, 5.0]


def test_a_stream_that_is_still_written_is_waited_for() -> None:
    poll = Poll(kept("Ha"), STREAMING, kept("Half"), STREAMING, kept("Half done", ended=True))

    assert poll.run().over
    assert poll.site.paths[1] == "/conversation/c%2F1/stream_status"


@pytest.mark.parametrize(
    "status",
    [IDLE, trouble(Kind.UPSTREAM_ERROR), trouble(Kind.CONVERSATION_NOT_FOUND)],
    ids=["it says so", "no such path", "it knows nothing"],
)
def test_what_nobody_works_on_is_given_up_after_three_looks(status: Answer) -> None:
    poll = Poll(kept("Half"), status, kept("Half"), status, kept("Half"), status)
    found = poll.run()

    assert not found.over
    assert found.turn[0].message()["content"] == {"content_type": "text", "parts": ["Half"]}
    assert len(poll.slept) == 2


def test_work_that_is_taken_up_again_is_waited_for() -> None:
    answers = [kept("Ha"), IDLE, kept("Ha"), IDLE, kept("Ha"), STREAMING]
    poll = Poll(*answers, *answers[:4], kept("Half", ended=True))

    assert poll.run().over


def test_what_may_pass_is_waited_for() -> None:
    poll = Poll(
        trouble(Kind.UNREACHABLE),
        trouble(Kind.RATE_LIMITED, retry_after=60),
        trouble(Kind.TIMEOUT, retry_after=3),
        kept("Done", ended=True),
    )

    assert poll.run().over
    assert poll.slept == [1.0, 5.0, 5.0]


def test_failures_in_a_row_are_counted() -> None:
    poll = Poll(trouble(Kind.UNAVAILABLE))

    assert poll.fails().kind is Kind.UNAVAILABLE
    assert len(poll.site.paths) == 5
    broken = [trouble(Kind.UNAVAILABLE)] * 4
    assert Poll(*broken, kept("", busy=True), *broken, kept("", ended=True)).run().over


@pytest.mark.parametrize("kind", [Kind.CONVERSATION_NOT_FOUND, Kind.UNAUTHORIZED, Kind.GARBAGE])
def test_what_does_not_pass_is_said_at_once(kind: Kind) -> None:
    poll = Poll(trouble(kind))

    assert poll.fails().kind is kind
    assert poll.slept == []


def test_a_status_that_fails_for_good_is_said() -> None:
    assert Poll(kept("Half"), trouble(Kind.UNAUTHORIZED)).fails().kind is Kind.UNAUTHORIZED


def test_the_time_is_limited() -> None:
    poll = Poll(kept("", busy=True), timeout=20)

    assert poll.fails().kind is Kind.TIMEOUT
    assert sum(poll.slept) <= 20
    assert "20 seconds" in poll.fails().message


# ----------------------------------------------------------------------- as the body of a stream

COMPLETE = [
    {"type": "conversation_async_status", "async_status": None},
    {"type": "message_stream_complete"},
]


def entry(name: str, text: str = "", *, ends: bool = False) -> Entry:
    return Entry(name, "assistant", json.dumps({"id": name, "text": text}).encode(), ends)


def found(*entries: Entry, busy: bool = False) -> Conversation:
    return Conversation("conv-1", entries, busy)


async def _watching(*states: Conversation) -> AsyncGenerator[Conversation, None]:
    for state in states:
        yield state


def played(*states: Conversation, leaf: str = "", task: bool = False) -> list[list[Json]]:
    """The events of each chunk, until the end."""

    async def play() -> list[bytes]:
        body = Polled(_watching(*states), leaf=leaf, task=task)
        chunks = []
        while (chunk := await body.chunk()) is not None:
            chunks.append(chunk)
        await body.aclose()
        return chunks

    return [
        [json.loads(block.removeprefix("data: ")) for block in chunk.decode().split("\n\n")[:-1]]
        for chunk in asyncio.run(play())
    ]


def event(name: str, text: str = "") -> Json:
    return {"message": {"id": name, "text": text}, "conversation_id": "conv-1"}


def test_messages_are_told_when_they_change_and_then_the_end() -> None:
    assert played(
        found(entry("m-1"), entry("m-2", "Ha"), busy=True),
        found(entry("m-1"), entry("m-2", "Half"), busy=True),
        found(entry("m-1"), entry("m-2", "Half"), busy=True),
        found(entry("m-1"), entry("m-2", "Half"), entry("m-3", ends=True)),
    ) == [
        [event("m-1"), event("m-2", "Ha")],
        [event("m-2", "Half")],
        [],
        [event("m-3"), *COMPLETE],
    ]


def test_what_was_read_before_the_leaf_is_not_told_again() -> None:
    state = found(entry("m-1"), entry("m-2", "Half"), entry("m-3", ends=True))

    assert played(state, leaf="m-2") == [[event("m-2", "Half"), event("m-3"), *COMPLETE]]


def test_a_turn_that_has_lost_the_leaf_is_cut() -> None:
    assert played(found(entry("m-1")), leaf="m-2") == [[]]
    with pytest.raises(Problem) as caught:
        played(found(entry("m-1", ends=True)), leaf="m-2")
    assert caught.value.kind is Kind.CUT


def test_a_turn_that_was_given_up_has_no_good_end() -> None:
    assert played(found(entry("m-1"))) == [[event("m-1")]]


def test_a_task_that_was_given_up_leaves_what_it_has_made() -> None:
    assert played(found(entry("m-1")), task=True) == [[event("m-1")], COMPLETE]
    assert played(found(entry("m-1"), busy=True), task=True) == [[event("m-1")]]


def test_leaving_ends_the_watch() -> None:
    async def leave() -> bool:
        poll = Poll(kept("", busy=True))
        watching = watch(poll.site, "c", sleep=poll.sleep, clock=poll.clock, timeout=9)
        body = Polled(watching, leaf="", task=True)
        await body.chunk()
        await body.aclose()
        return await anext(watching, None) is None

    assert asyncio.run(leave())
