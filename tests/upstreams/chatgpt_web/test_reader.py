"""The reader, on whole recorded streams: read whole, byte by byte, and with other line ends."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from chat2api_core.problem import Problem
from chat2api_core.turn import Citation, Delta, ReasoningDelta, TextDelta
from chat2api_core.upstreams.chatgpt_web.reader import Reader
from chat2api_core.wire.sse import SseDecoder

FIXTURES = Path(__file__).parents[2] / "fixtures" / "chatgpt_web"
STREAMS = sorted(path.stem for path in FIXTURES.glob("*.sse"))

SENT_IDS = frozenset({"m-user", "sent-1"})
SENT_TEXTS = frozenset({"What I said before."})


def stream(name: str) -> bytes:
    return (FIXTURES / f"{name}.sse").read_bytes()


def whole(body: bytes) -> Iterator[bytes]:
    yield body


def byte_by_byte(body: bytes) -> Iterator[bytes]:
    for place in range(len(body)):
        yield body[place : place + 1]


def in_sevens(body: bytes) -> Iterator[bytes]:
    for place in range(0, len(body), 7):
        yield body[place : place + 7]


def with_crlf(body: bytes) -> Iterator[bytes]:
    yield from in_sevens(body.replace(b"\n", b"\r\n"))


def with_cr(body: bytes) -> Iterator[bytes]:
    yield from byte_by_byte(body.replace(b"\n", b"\r"))


def feed(reader: Reader, pieces: Iterator[bytes]) -> list[Delta]:
    """Every delta of one body; a problem ends it, as it ends an answer."""
    decoder = SseDecoder()
    deltas: list[Delta] = []
    for piece in pieces:
        for event in decoder.feed(piece):
            deltas += reader.feed(event)
    for event in decoder.close():
        deltas += reader.feed(event)
    return deltas


def merged(deltas: list[Delta]) -> list[Delta]:
    """Adjacent text as one delta: how it was cut does not matter here."""
    result: list[Delta] = []
    for delta in deltas:
        last = result[-1] if result else None
        if isinstance(delta, TextDelta) and isinstance(last, TextDelta):
            result[-1] = TextDelta(last.text + delta.text)
        elif (
            isinstance(delta, ReasoningDelta)
            and isinstance(last, ReasoningDelta)
            and delta.part == last.part
        ):
            result[-1] = ReasoningDelta(last.text + delta.text, delta.part)
        else:
            result.append(delta)
    return result


def plain(delta: Delta) -> object:
    fields = msgspec.to_builtins(delta)
    return {"delta": type(delta).__name__, **fields}


def read(pieces: Iterator[bytes]) -> dict[str, object]:
    """What a stream is read as: deltas, the problem that ended it, what the client must know."""
    reader = Reader(sent_ids=SENT_IDS, sent_texts=SENT_TEXTS)
    decoder = SseDecoder()
    deltas: list[Delta] = []
    problem: Problem | None = None
    try:
        for piece in pieces:
            for event in decoder.feed(piece):
                deltas += reader.feed(event)
        for event in decoder.close():
            deltas += reader.feed(event)
        deltas += reader.close()
    except Problem as raised:
        problem = raised
    return {
        "deltas": [plain(delta) for delta in merged(deltas)],
        "problem": problem
        and {
            "kind": problem.kind.name,
            "step": problem.step,
            "message": problem.message,
            "retry_after": problem.retry_after,
        },
        "conversation_id": reader.conversation_id,
        "handoff": msgspec.to_builtins(reader.handoff),
        "resume_token": reader.resume_token,
        "events_seen": reader.events_seen,
    }


@pytest.mark.parametrize("cut", [whole, byte_by_byte, in_sevens, with_crlf, with_cr])
@pytest.mark.parametrize("name", STREAMS)
def test_a_recorded_stream_is_read_the_same_however_it_arrives(
    name: str,
    cut: Callable[[bytes], Iterator[bytes]],
    golden: Callable[[str, object], None],
) -> None:
    golden(name, read(cut(stream(name))))


@pytest.mark.parametrize("name", STREAMS)
def test_a_citation_points_at_a_link_to_its_page_in_the_text(name: str) -> None:
    reader = Reader()
    deltas: list[Delta] = []
    try:
        deltas += feed(reader, whole(stream(name)))
    except Problem:
        return
    text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    for delta in deltas:
        if isinstance(delta, Citation):
            mark = text[delta.start : delta.end]
            url = delta.url.replace("(", "%28").replace(")", "%29")
            assert mark.lstrip("(").startswith("[")
            assert mark.rstrip(")").endswith(f"]({url}")
