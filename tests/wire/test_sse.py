"""Server-sent events: what a line is, what an event is, and that no cut of the bytes matters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.wire.sse import Event, SseDecoder, encode

CASES: list[tuple[str, bytes, list[Event]]] = [
    ("an event with a name", b"event: delta\ndata: {}\n\n", [Event("delta", b"{}")]),
    ("an event without a name", b"data: {}\n\n", [Event("", b"{}")]),
    ("the blank after the colon is optional", b"event:a\ndata:b\n\n", [Event("a", b"b")]),
    ("only one blank belongs to the colon", b"data:  b\n\n", [Event("", b" b")]),
    ("several data lines are joined", b"data: a\ndata: b\n\n", [Event("", b"a\nb")]),
    ("also under a delta's name", b"event: delta\ndata: a\ndata: b\n\n", [Event("delta", b"a\nb")]),
    ("data before the name", b"data: a\nevent: x\n\n", [Event("x", b"a")]),
    ("a comment is nothing", b": ping - 12\n\ndata: a\n\n", [Event("", b"a")]),
    ("a comment between lines is nothing", b"data: a\n: b\n\n", [Event("", b"a")]),
    ("an event without data is none", b"event: x\n\ndata: a\n\n", [Event("", b"a")]),
    ("empty data is data", b"data:\n\n", [Event("", b"")]),
    ("a data line without a colon is empty data", b"data\n\n", [Event("", b"")]),
    ("id, retry and unknown fields are skipped", b"id: 1\nretry: 2\nx: 3\ndata: a\n\n",
     [Event("", b"a")]),
    ("superfluous blank lines are nothing", b"\n\n\ndata: a\n\n\n\n\ndata: b\n\n",
     [Event("", b"a"), Event("", b"b")]),
    ("a byte order mark is dropped", b"\xef\xbb\xbfdata: a\n\n", [Event("", b"a")]),
    ("but only at the beginning", b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [Event("", b"a")]),
    ("line separators of Unicode are no line ends",
     "data: a\u2028b\u2029c\u0085d\x0b\x0c\n\n".encode(),
     [Event("", "a\u2028b\u2029c\u0085d\x0b\x0c".encode())]),
    ("a name that is no UTF-8 is no failure", b"event: \xff\ndata: a\n\n", [Event("\ufffd", b"a")]),
    ("the last blank line may be missing", b"data: a\n\ndata: [DONE]\n",
     [Event("", b"a"), Event("", b"[DONE]")]),
    ("a last line without an end may be cut", b"data: a\n\ndata: [DO",
     [Event("", b"a"), Event("", b"[DO", whole=False)]),
    ("nothing is no event", b"", []),
]  # fmt: skip


def decode(pieces: list[bytes], limit: int = 1000) -> list[Event]:
    decoder = SseDecoder(limit)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.close()


def bytewise(body: bytes) -> list[bytes]:
    return [body[place : place + 1] for place in range(len(body))]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize(
    ("body", "events"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_events_are_read(body: bytes, events: list[Event], end: bytes) -> None:
    body = body.replace(b"\n", end)
    assert decode([body]) == events
    assert decode(bytewise(body)) == events
    assert decode([b"", *bytewise(body), b""]) == events


def test_an_event_leaves_with_its_blank_line_and_not_later() -> None:
    decoder = SseDecoder()
    assert decoder.feed(b"data: a\r\n") == []
    assert decoder.feed(b"\r") == [Event("", b"a")]
    assert decoder.feed(b"\ndata: b\n\ndata: c") == [Event("", b"b")]
    assert decoder.feed(b"\n\n") == [Event("", b"c")]


@pytest.mark.parametrize("cut", [lambda body: [body], bytewise], ids=["whole", "bytewise"])
def test_an_event_of_the_limit_passes_and_a_longer_one_is_garbage(cut: object) -> None:
    assert callable(cut)
    fits = b"data: " + b"x" * 94
    assert decode(cut(fits + b"\n\n"), 100) == [Event("", b"x" * 94)]
    assert decode(cut(fits + b"\n"), 100) == [Event("", b"x" * 94)]
    assert decode(cut(fits), 100) == [Event("", b"x" * 94, whole=False)]
    for too_long in (
        fits + b"x\n\n",
        fits + b"x",
        fits + b"x\n",
        fits + b"\n:",
        b"data: a\n\n" + fits + b"x",
    ):
        with pytest.raises(Problem) as caught:
            decode(cut(too_long), 100)
        assert caught.value.kind is Kind.GARBAGE
        assert caught.value.step == "stream"


def test_the_limit_is_for_an_event_not_for_a_chunk() -> None:
    assert len(decode([b"data: a\n\n" * 50], 20)) == 50


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([b"data: ", b"event: delta\n", b"\n", b"\r", b"\r\n", b":", b"x", b"\xe2",
                         b"\x80\xa8", b"\xef\xbb\xbf", b"[DONE]"]),
        max_size=40,
    ),
    st.data(),
)  # fmt: skip
def test_the_cut_of_the_bytes_does_not_matter(tokens: list[bytes], data: st.DataObject) -> None:
    body = b"".join(tokens)
    places = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    pieces = [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True)]
    assert decode(pieces) == decode([body])


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(1, 50))
def test_garbage_gives_events_or_a_problem(body: bytes, limit: int) -> None:
    raised: Problem | None = None
    try:
        decode(bytewise(body), limit)
    except Problem as problem:
        raised = problem
    assert raised is None or raised.kind is Kind.GARBAGE


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"])),
       st.sampled_from(["", "delta", "response.created"]))  # fmt: skip
def test_what_is_encoded_decodes_to_the_same(text: str, name: str) -> None:
    assert decode([encode(text.encode(), name)], 10_000) == [Event(name, text.encode())]


def test_encoding_is_exact() -> None:
    assert encode(b"{}") == b"data: {}\n\n"
    assert encode(b"a\nb", "x") == b"event: x\ndata: a\ndata: b\n\n"


_LINES = st.sampled_from(
    ["event: a", "event: b", "event:a", "event: a ", "event", "data: x", "data: ", "data", "data:y",
     ": z", "id: 1", "event: " + "n" * 200]
)  # fmt: skip


@given(st.lists(st.lists(_LINES, max_size=4), max_size=12))
def test_an_event_is_read_the_same_whatever_came_before_it(blocks: list[list[str]]) -> None:
    bodies = ["\n".join(lines).encode() + b"\n\n" for lines in blocks]
    alone = [event for body in bodies for event in decode([body], 5000)]
    assert decode([b"".join(bodies)], 5000) == alone
    assert decode(bodies * 2, 5000) == alone * 2


def test_only_so_many_names_are_remembered_and_all_are_read() -> None:
    names = [f"n{number}" for number in range(200)] * 2
    body = b"".join(encode(b"x", name) for name in names)
    assert decode([body], 5000) == [Event(name, b"x") for name in names]
