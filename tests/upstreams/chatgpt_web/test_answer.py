"""Answers over several bodies: nothing lost, nothing doubled, wherever a body ends."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import Delta, Finished, Prompt, ReasoningDelta, TextDelta
from chat2api_core.upstreams.chatgpt_web.answer import WebAnswer
from chat2api_core.upstreams.chatgpt_web.conversation import Conversation, Entry
from chat2api_core.upstreams.chatgpt_web.course import Body, Course, Turn
from chat2api_core.upstreams.chatgpt_web.delta import Documents
from chat2api_core.upstreams.chatgpt_web.poll import Polled
from chat2api_core.upstreams.chatgpt_web.reader import Reader
from chat2api_core.upstreams.chatgpt_web.rope import Rope
from chat2api_core.upstreams.chatgpt_web.site import Site
from chat2api_core.wire.sse import SseDecoder

FIXTURES = Path(__file__).parents[2] / "fixtures" / "chatgpt_web"
# Streams that have a good end, in both encodings.
GOOD = [
    "canvas", "code_interpreter", "commentary_preamble", "everything", "late_references",
    "o1_2024", "old_citations", "patch_nested", "picture", "plain_answer", "thinking",
    "two_documents", "unicode", "web_search", "whole_messages",
]  # fmt: skip
CUT = Problem(Kind.CUT, "The connection broke.", step="stream")
SILENT = Problem(Kind.TIMEOUT, "It fell silent.", step="stream")
GONE = Problem(Kind.CONVERSATION_NOT_FOUND, "Gone.", step="conversation")
Json = dict[str, Any]


class FakeBody:
    """Bytes, chunk by chunk, and how they end: well, or with a problem."""

    def __init__(self, *chunks: bytes, end: Problem | None = None) -> None:
        self.chunks = list(chunks)
        self.end = end
        self.closed = False

    async def chunk(self) -> bytes | None:
        if self.chunks:
            return self.chunks.pop(0)
        if self.end is not None:
            raise self.end
        return None

    async def aclose(self) -> None:
        self.closed = True


Made = Body | Problem | None


class FakeWeb:
    """Where bodies come from. ``resumes`` is asked with each offset, ``others`` go out in order."""

    def __init__(
        self,
        *,
        resumes: Callable[[int], Made] = lambda _: None,
        extends: Sequence[Made] = (),
        sockets: Sequence[Body | Problem] = (),
        kept: Sequence[Body] = (),
    ) -> None:
        self._resumes = resumes
        self._extends = list(extends)
        self._sockets = list(sockets)
        self._kept = list(kept)
        self.offsets: list[int] = []
        self.topics: list[str] = []
        self.slept: list[float] = []

    async def resume(self, turn: Turn, reader: Reader, offset: int) -> Body | None:
        self.offsets.append(offset)
        return _given(self._resumes(offset))

    async def extend(self, turn: Turn, reader: Reader) -> Body | None:
        return _given(self._extends.pop(0))

    def subscribe(self, turn: Turn, reader: Reader, topic: str) -> Body:
        self.topics.append(topic)
        body = _given(self._sockets.pop(0))
        assert body is not None
        return body

    def kept(self, turn: Turn, reader: Reader) -> Body:
        return self._kept.pop(0) if self._kept else FakeBody(end=GONE)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))


def _given(made: Made) -> Body | None:
    if isinstance(made, Problem):
        raise made
    return made


def answered(
    web: FakeWeb,
    first: Body,
    *,
    continues: int = 0,
    reader: Reader | None = None,
    temporary: bool | None = None,
) -> tuple[list[Delta], Problem | None]:
    """What was handed out, and how it ended if not well."""

    async def read() -> tuple[list[Delta], Problem | None]:
        using = reader or Reader()
        prompt = Prompt("auto", (), temporary=temporary)
        turn = Turn(cast("Site", None), "current", prompt, "trace")
        course = Course(web, turn, using, continues=continues, sleep=web.sleep)
        answer = WebAnswer(course, using, first)
        deltas: list[Delta] = []
        try:
            async for batch in answer:
                deltas += batch
        except Problem as problem:
            return deltas, problem
        finally:
            await answer.aclose()
        return deltas, None

    return asyncio.run(read())


def joined(deltas: list[Delta]) -> list[Delta]:
    """Neighbours that say more of the same as one."""
    transcript = Transcript()
    for delta in deltas:
        transcript.feed(delta)
    return list(transcript.deltas)


def text(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def thought(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, ReasoningDelta))


# ----------------------------------------------------------------------------- invented streams


def sse(*frames: object) -> bytes:
    return b"".join(b"data: " + json.dumps(frame).encode() + b"\n\n" for frame in frames)


def opened(name: str = "m-a", said: str = "", **more: object) -> Json:
    message: Json = {
        "id": name,
        "author": {"role": "assistant"},
        "content": {"content_type": "text", "parts": [said]},
        "status": "in_progress",
        "recipient": "all",
        "metadata": {},
        **more,
    }
    return {"p": "", "o": "add", "v": {"message": message, "conversation_id": "conv-1"}}


def first_word(word: str) -> Json:
    return {"p": "/message/content/parts/0", "o": "append", "v": word}


def handoff(*options: str) -> Json:
    offered = [{"type": option, "topic_id": "topic-9"} for option in options]
    return {"type": "stream_handoff", "turn_exchange_id": "turn-9", "options": offered}


DONE = b"data: [DONE]\n\n"
COMPLETE = {"type": "message_stream_complete"}
BEGUN = sse(opened(), first_word("Io, "), {"v": "Eu"})
REST = sse({"v": "ropa"}, {"v": "."}, COMPLETE)
SOCKET, SSE = "subscribe_ws_topic", "resume_sse_endpoint"


def kept(*states: Conversation, leaf: str = "m-a", task: bool = False) -> Polled:
    async def watching() -> AsyncGenerator[Conversation, None]:
        for state in states:
            yield state

    return Polled(watching(), leaf=leaf, task=task)


def entry(said: str, name: str = "m-a", *, ends: bool = True, **more: Any) -> Entry:
    message = opened(name, said, status="finished_successfully", **more)["v"]["message"]
    return Entry(name, "assistant", json.dumps(message).encode(), ends)


def state(*entries: Entry, busy: bool = False) -> Conversation:
    return Conversation("conv-1", entries, busy)


# ------------------------------------------------------------------------------------- properties


def stream(name: str) -> bytes:
    return (FIXTURES / f"{name}.sse").read_bytes()


def blocks(body: bytes) -> list[bytes]:
    """The events of a stream, those that count, each with its blank line."""
    parts = body.replace(b"\r\n", b"\n").split(b"\n\n")
    return [
        part + b"\n\n"
        for part in parts
        if any(line.startswith(b"data:") for line in part.split(b"\n")) and b"[DONE]" not in part
    ]


def shifted(by: int) -> Callable[[list[bytes], int], list[bytes]]:
    """A server that counts otherwise; at the beginning all agree."""
    return lambda events, offset: events[max(0, offset + by) if offset else 0 :]


SERVERS: dict[str, Callable[[list[bytes], int], list[bytes]]] = {
    "counts as we do": shifted(0),
    "plays from the beginning": lambda events, _: events,
    "is one event ahead": shifted(1),
    "is one event behind": shifted(-1),
    "is far ahead": shifted(5),
    "begins each body with the encoding": lambda events, offset: [
        b'event: delta_encoding\ndata: "v1"\n\n',
        *events[offset:],
    ],
}


@given(
    st.sampled_from(GOOD),
    st.sampled_from(sorted(SERVERS)),
    st.lists(st.floats(0.02, 0.999), min_size=1, max_size=4),
    st.sampled_from([CUT, SILENT, None]),
)
def test_a_stream_that_breaks_anywhere_is_resumed_as_if_it_never_had(
    name: str, server: str, cuts: list[float], end: Problem | None
) -> None:
    body = stream(name)
    whole, problem = answered(FakeWeb(), FakeBody(body))
    assert problem is None
    left = [*cuts[1:], 1.0, 1.0, 1.0, 1.0]

    def resumed(offset: int) -> Body:
        again = b"".join(SERVERS[server](blocks(body), offset)) + DONE
        upto = left.pop(0) if left else 1.0
        return (
            FakeBody(again) if upto == 1.0 else FakeBody(again[: int(len(again) * upto)], end=end)
        )

    first = FakeBody(body[: int(len(body) * cuts[0])], end=end)
    reader = Reader()
    deltas, problem = answered(FakeWeb(resumes=resumed), first, reader=reader)

    if problem is not None:
        assert reader.conversation_id == "", "only what does not say which it is is lost"
    else:
        assert joined(deltas) == joined(whole)


@given(st.sampled_from(GOOD), st.floats(0.02, 0.999), st.integers(1, 50), st.booleans())
def test_a_stream_that_is_handed_over_anywhere_goes_on_over_the_socket(
    name: str, cut: float, size: int, whole_topic: bool
) -> None:
    body = stream(name)
    whole, _ = answered(FakeWeb(), FakeBody(body))
    events = blocks(body)
    upto = int(len(events) * cut)
    topic = b"".join(events if whole_topic else events[upto:]) + DONE
    pieces = [topic[place : place + size] for place in range(0, len(topic), size)]
    first = FakeBody(b"".join(events[:upto]) + sse(handoff(SOCKET)))
    deltas, problem = answered(FakeWeb(sockets=[FakeBody(*pieces)]), first)

    assert problem is None
    assert joined(deltas) == joined(whole)


def messages(body: bytes) -> list[Entry]:
    """The messages of a stream as they are kept."""
    documents = Documents()
    found: dict[str, Json] = {}
    for event in SseDecoder().feed(body):
        try:
            frame = json.loads(event.data)
        except ValueError:
            continue
        if isinstance(frame, dict) and event.event == "delta":
            message = documents.feed(frame).get("message")
            if isinstance(message, dict) and message["author"]["role"] in {"assistant", "tool"}:
                found[message["id"]] = message
    *before, last = found.values()
    return [
        Entry(m["id"], "", json.dumps(m, default=_plain).encode(), m is last)
        for m in [*before, last]
    ]


def _plain(value: object) -> str:
    assert isinstance(value, Rope)
    return str(value)


@given(
    # Not the one with code: how it is fenced depends on how it comes.
    st.sampled_from(["commentary_preamble", "picture", "plain_answer", "thinking", "unicode"]),
    st.floats(0.02, 0.999),
)  # fmt: skip
def test_what_was_kept_gives_what_was_missing(name: str, cut: float) -> None:
    body = stream(name)
    whole, _ = answered(FakeWeb(), FakeBody(body))
    first = FakeBody(body[: int(len(body) * cut)], end=CUT)
    reader = Reader()
    found = state(*messages(body))

    class Web(FakeWeb):
        def kept(self, turn: Turn, reader: Reader) -> Body:
            return kept(found, leaf=reader.branch.leaf)

    deltas, problem = answered(Web(), first, reader=reader)

    assert (problem is None) == bool(reader.conversation_id)
    if problem is None:
        assert text(deltas) == text(whole)
        assert thought(deltas) == thought(whole)
        assert isinstance(deltas[-1], Finished)


# ------------------------------------------------------------------------------------- the course


def test_a_broken_stream_is_asked_for_from_its_last_event_on() -> None:
    web = FakeWeb(resumes=lambda _: FakeBody(sse({"v": "Eu"}) + REST))
    first = FakeBody(BEGUN, end=CUT)
    deltas, problem = answered(web, first)

    assert text(deltas) == "Io, Europa."
    assert problem is None
    assert web.offsets == [2], "three events came, and the last of them is the proof"
    assert web.slept == [0.3]
    assert first.closed


def test_a_server_that_counts_otherwise_is_asked_for_all() -> None:
    def resumed(offset: int) -> Body:
        return FakeBody(BEGUN + REST if offset == 0 else REST)

    web = FakeWeb(resumes=resumed)
    deltas, _ = answered(web, FakeBody(BEGUN, end=CUT))

    assert text(deltas) == "Io, Europa."
    assert web.offsets == [2, 0]


def test_resuming_is_tried_twelve_times_with_growing_pauses() -> None:
    web = FakeWeb(resumes=lambda _: Problem(Kind.UNAVAILABLE, "Later.", step="stream"))
    deltas, problem = answered(web, FakeBody(BEGUN, end=CUT))

    assert text(deltas) == "Io, Eu"
    assert problem is CUT
    assert len(web.offsets) == 12
    assert web.slept[:4] == [0.3, 0.45, 0.675, 1.012]
    assert max(web.slept) == 5.0


@pytest.mark.parametrize("kind", [Kind.UNAUTHORIZED, Kind.GARBAGE, Kind.REFUSED])
def test_what_will_not_pass_is_not_tried_again(kind: Kind) -> None:
    web = FakeWeb(resumes=lambda _: Problem(kind, "No.", step="stream"))
    _, problem = answered(web, FakeBody(BEGUN, end=CUT))

    assert problem is CUT
    assert len(web.offsets) == 1


def test_a_stream_that_says_nothing_of_itself_is_a_plain_error() -> None:
    web = FakeWeb(resumes=lambda _: FakeBody(REST))
    deltas, problem = answered(web, FakeBody(end=CUT))

    assert (deltas, problem, web.offsets) == ([], CUT, [])


def test_an_end_without_its_mark_is_a_cut_as_well() -> None:
    _, problem = answered(FakeWeb(), FakeBody(BEGUN))

    assert problem is not None
    assert (problem.kind, problem.code) == (Kind.CUT, "stream_cut")


def test_garbage_is_said_after_what_came_before_it() -> None:
    deltas, problem = answered(FakeWeb(), FakeBody(BEGUN + b"data: {oops\n\n"))

    assert text(deltas) == "Io, Eu"
    assert problem is not None
    assert problem.kind is Kind.GARBAGE


class TestHandedOver:
    def test_the_stream_is_resumed_at_once(self) -> None:
        web = FakeWeb(resumes=lambda _: FakeBody(sse(handoff(SOCKET, SSE)) + REST))
        deltas, problem = answered(web, FakeBody(BEGUN + sse(handoff(SOCKET, SSE)) + DONE))

        assert (text(deltas), problem) == ("Io, Europa.", None)
        assert (web.offsets, web.slept, web.topics) == ([3], [], [])

    def test_where_it_is_gone_the_socket_has_it(self) -> None:
        web = FakeWeb(sockets=[FakeBody(REST)])
        deltas, problem = answered(web, FakeBody(BEGUN + sse(handoff(SOCKET, SSE)) + DONE))

        assert (text(deltas), problem) == ("Io, Europa.", None)
        assert web.topics == ["topic-9"]

    def test_a_hand_over_that_is_played_again_is_not_followed_again(self) -> None:
        again = BEGUN + sse(handoff(SOCKET), {"v": "ropa."}) + DONE
        web = FakeWeb(sockets=[FakeBody(again)])
        deltas, problem = answered(web, FakeBody(BEGUN + sse(handoff(SOCKET)) + DONE))

        assert (text(deltas), problem) == ("Io, Europa.", None)

    def test_it_is_bounded(self) -> None:
        over = [
            sse({**handoff(SOCKET), "turn_exchange_id": f"turn-{number}"}) for number in range(5)
        ]
        web = FakeWeb(sockets=[FakeBody(one) for one in over[1:]])
        deltas, problem = answered(web, FakeBody(BEGUN + over[0]))

        assert text(deltas) == "Io, Eu"
        assert problem is not None
        assert problem.kind is Kind.HANDOFF
        assert len(web.topics) == 3

    def test_after_a_socket_the_stream_is_asked_for_from_its_beginning(self) -> None:
        web = FakeWeb(
            sockets=[FakeBody(sse({"v": "ro"}), end=CUT)],
            resumes=lambda _: FakeBody(BEGUN + sse({"v": "ro"}, {"v": "pa."}, COMPLETE)),
        )
        deltas, problem = answered(web, FakeBody(BEGUN + sse(handoff(SOCKET)) + DONE))

        assert (text(deltas), problem) == ("Io, Europa.", None)
        assert web.offsets == [0]

    def test_a_socket_that_cannot_be_had_is_the_trouble_that_is_told(self) -> None:
        no = Problem(Kind.HANDOFF, "No socket.", step="stream")
        web = FakeWeb(sockets=[FakeBody(end=no)])
        deltas, problem = answered(web, FakeBody(sse(opened(), handoff(SOCKET)) + DONE))

        assert text(deltas) == ""
        assert problem is no


class TestKept:
    def test_what_is_missing_is_handed_out(self) -> None:
        looks = kept(state(entry("Io", ends=False)), state(entry("Io, Europa.")))
        deltas, problem = answered(FakeWeb(kept=[looks]), FakeBody(BEGUN, end=CUT))

        assert (text(deltas), problem) == ("Io, Europa.", None)
        assert [delta.text for delta in deltas if isinstance(delta, TextDelta)][-1] == "ropa."

    @pytest.mark.parametrize(
        "found",
        [state(entry("Ganymede.")), state(entry("Io, Europa.", "m-b")), state()],
        ids=["it says something else", "it is another message", "there is nothing"],
    )
    def test_what_does_not_go_on_with_it_is_a_cut(self, found: Conversation) -> None:
        deltas, problem = answered(FakeWeb(kept=[kept(found)]), FakeBody(BEGUN, end=SILENT))

        assert text(deltas) == "Io, Eu", "nothing is taken back and nothing said twice"
        assert problem is not None
        assert problem.kind in {Kind.CUT, Kind.TIMEOUT}

    def test_it_is_looked_at_once(self) -> None:
        web = FakeWeb(kept=[kept(state(entry("Io", ends=False)))])
        _, problem = answered(web, FakeBody(BEGUN, end=CUT))

        assert problem is CUT


AT_WORK = {"type": "conversation_async_status", "async_status": 1}
STARTED = sse(opened("m-0", "I will look."), AT_WORK, COMPLETE) + DONE
PROGRESS: Json = {"channel": "commentary"}
PAINTING = opened(
    "m-1",
    "Processing image.",
    author={"role": "tool", "name": "t2uay3k.sj1i4kz"},
    metadata={"async_task_type": "image_gen"},
)
DRAWING = sse(opened("m-0", "A moon:"), PAINTING, COMPLETE) + DONE


class TestTasks:
    def test_the_kept_conversation_tells_progress_and_result(self) -> None:
        start = entry("I will look.", "m-0", ends=False)
        looks = kept(
            state(start, entry("Reading.", "m-1", ends=False, **PROGRESS), busy=True),
            state(start, entry("Reading. More.", "m-1", ends=False, **PROGRESS), busy=True),
            state(start, entry("Reading. More.", "m-1", **PROGRESS), entry("Done.", "m-2")),
            leaf="m-0",
            task=True,
        )
        deltas, problem = answered(FakeWeb(kept=[looks]), FakeBody(STARTED))

        assert problem is None
        assert text(deltas) == "I will look.\n\nDone."
        assert thought(deltas) == "Reading. More."

    def test_what_is_not_kept_is_heard_of_over_the_socket(self) -> None:
        result = {"message": opened("m-2", "Done.")["v"]["message"], "conversation_id": "conv-1"}
        news = sse(result, {**AT_WORK, "async_status": None}, COMPLETE)
        web = FakeWeb(sockets=[FakeBody(news)])
        deltas, problem = answered(web, FakeBody(STARTED))

        assert (text(deltas), problem) == ("I will look.\n\nDone.", None)
        assert web.topics == ["conversations"]

    @pytest.mark.parametrize("temporary", [None, True])
    def test_a_picture_of_a_chat_that_is_not_kept_is_not_waited_for(
        self, temporary: bool | None
    ) -> None:
        web = FakeWeb()
        deltas, problem = answered(web, FakeBody(DRAWING), temporary=temporary)

        assert (text(deltas), web.topics) == ("A moon:", [])
        assert problem is not None
        assert (problem.kind, problem.step) == (Kind.INVALID_REQUEST, "picture")
        assert "history_disabled" in problem.message

    def test_a_picture_of_a_kept_chat_that_is_not_found_may_be_heard_of(self) -> None:
        news = sse({**AT_WORK, "async_status": None}, COMPLETE)
        web = FakeWeb(sockets=[FakeBody(news)])
        _, problem = answered(web, FakeBody(DRAWING), temporary=False)

        assert (problem, web.topics) == (None, ["conversations"])

    def test_where_both_fail_the_last_trouble_is_told(self) -> None:
        deltas, problem = answered(FakeWeb(sockets=[FakeBody(end=SILENT)]), FakeBody(STARTED))

        assert (text(deltas), problem) == ("I will look.", SILENT)

    def test_a_task_that_ends_without_a_word_is_a_cut(self) -> None:
        web = FakeWeb(kept=[FakeBody()])
        _, problem = answered(web, FakeBody(STARTED))

        assert problem is not None
        assert problem.kind is Kind.CUT


class TestContinued:
    LIMIT = sse(
        opened(),
        first_word("Io, "),
        {"p": "/message/metadata", "o": "append", "v": {"finish_details": {"type": "max_tokens"}}},
        COMPLETE,
    )

    def test_an_answer_that_was_cut_at_the_limit_goes_on(self) -> None:
        more = sse(opened("m-b"), first_word("Europa."), COMPLETE)
        web = FakeWeb(extends=[FakeBody(more)])
        deltas, problem = answered(web, FakeBody(self.LIMIT), continues=1)

        assert (text(deltas), problem) == ("Io, Europa.", None)

    def test_its_rest_may_break_too(self) -> None:
        more = sse(opened("m-b"), first_word("Eu"))
        web = FakeWeb(
            extends=[FakeBody(more, end=CUT)],
            resumes=lambda _: FakeBody(sse(first_word("Eu"), {"v": "ropa."}, COMPLETE)),
        )
        deltas, problem = answered(web, FakeBody(self.LIMIT), continues=1)

        assert (text(deltas), problem) == ("Io, Europa.", None)
        assert web.offsets == [1], "its events are counted anew"

    @pytest.mark.parametrize(
        "extends",
        [[None], [Problem(Kind.RATE_LIMITED, "Enough.", step="conversation")]],
        ids=["the form is not known", "it is refused"],
    )
    def test_where_it_cannot_what_came_is_good(self, extends: list[Made]) -> None:
        deltas, problem = answered(FakeWeb(extends=extends), FakeBody(self.LIMIT), continues=1)

        assert (text(deltas), problem) == ("Io, ", None)
        assert isinstance(deltas[-1], Finished)
        assert deltas[-1].reason == "length"

    def test_it_is_bounded(self) -> None:
        deltas, _ = answered(FakeWeb(), FakeBody(self.LIMIT), continues=0)

        assert isinstance(deltas[-1], Finished)
