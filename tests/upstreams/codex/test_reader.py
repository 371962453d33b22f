"""The reader, on whole recorded streams: read whole, byte by byte, and with other line ends."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import (
    CallDelta,
    CallEnded,
    CallStarted,
    Citation,
    Delta,
    Finished,
    MessageBegun,
    NativeBegun,
    NativeItem,
    Picture,
    PictureBegun,
    PicturePreview,
    ReasoningDelta,
    ReasoningSealed,
    RefusalDelta,
    Started,
    TextDelta,
    Usage,
    WebSearch,
)
from chat2api_core.upstreams.codex.names import Names
from chat2api_core.upstreams.codex.quota import Quota, Window
from chat2api_core.upstreams.codex.reader import Reader
from chat2api_core.wire.sse import Event, SseDecoder
from tests.fakes import FakeClock

FIXTURES = Path(__file__).parents[2] / "fixtures" / "codex"
STREAMS = sorted(path.stem for path in FIXTURES.glob("*.sse"))
NAMES = Names([("", "get_time"), ("functions", "exec")])

BEGUN = Started("gpt-5.5", effort="low")
USED = Usage(20, 5, 8, 2, exact=True)
STOP = Finished("stop", usage=USED)
CALLED = Finished("tool_calls", usage=USED)


def stream(name: str) -> bytes:
    return (FIXTURES / f"{name}.sse").read_bytes()


def whole(body: bytes) -> Iterator[bytes]:
    yield body


def byte_by_byte(body: bytes) -> Iterator[bytes]:
    for place in range(len(body)):
        yield body[place : place + 1]


def with_crlf(body: bytes) -> Iterator[bytes]:
    body = body.replace(b"\n", b"\r\n")
    for place in range(0, len(body), 7):
        yield body[place : place + 7]


Cut = Callable[[bytes], Iterator[bytes]]
END = re.compile(rb'"type":"response\.(?:completed|incomplete|done)"')
CUTS: list[Cut] = [whole, byte_by_byte, with_crlf]


def feed(reader: Reader, pieces: Iterator[bytes]) -> list[Delta]:
    """Every delta of one body; a problem ends it, as it ends an answer."""
    decoder = SseDecoder()
    deltas: list[Delta] = []
    for piece in pieces:
        for event in decoder.feed(piece):
            deltas += reader.feed(event)
    for event in decoder.close():
        deltas += reader.feed(event)
    return deltas + reader.close()


def read(name: str, cut: Cut = whole) -> list[Delta]:
    return feed(Reader(NAMES, FakeClock()), cut(stream(name)))


def merged(deltas: list[Delta]) -> list[Delta]:
    """Adjacent text as one delta: how it was cut does not matter here. A break between messages
    is a delta of its own and stays one."""
    result: list[Delta] = []
    for delta in deltas:
        last = result[-1] if result else None
        if isinstance(delta, TextDelta) and isinstance(last, TextDelta):
            result[-1] = TextDelta(last.text + delta.text)
        elif isinstance(delta, ReasoningDelta) and isinstance(last, ReasoningDelta):
            if delta.part == last.part:
                result[-1] = ReasoningDelta(last.text + delta.text, last.part, last.raw)
            else:
                result.append(delta)
        elif isinstance(delta, CallDelta) and isinstance(last, CallDelta):
            result[-1] = CallDelta(delta.index, last.arguments + delta.arguments)
        elif isinstance(delta, RefusalDelta) and isinstance(last, RefusalDelta):
            result[-1] = RefusalDelta(last.text + delta.text)
        else:
            result.append(delta)
    return result


GOOD: dict[str, list[Delta]] = {
    "worked_example": [
        Started("gpt-5.5", effort="medium"),
        ReasoningDelta("**Checking the clock**"),
        ReasoningSealed("gAAAdemo", "rs_1"),
        CallStarted(0, "call_1", "get_time"),
        CallDelta(0, "{}"),
        CallEnded(0),
        TextDelta("One moment."),
        Finished("tool_calls", usage=Usage(120, 30, 64, 12, exact=True)),
    ],
    "plain_answer": [BEGUN, TextDelta("Hello there."), STOP],
    "no_event_names": [BEGUN, TextDelta("Hello there."), STOP],
    "unicode": [BEGUN, TextDelta("Ünïcode \u2028 😀\r\nend"), STOP],
    "two_messages": [
        BEGUN,
        TextDelta("Looking it up."),
        MessageBegun(),
        TextDelta("\n\nIt is 42."),
        STOP,
    ],
    "two_parts": [BEGUN, TextDelta("One.Two."), STOP],
    "search_and_citations": [
        BEGUN,
        WebSearch("search", "moons"),
        WebSearch("open_page", url="https://moons.example/"),
        WebSearch("find_in_page", url="https://moons.example/", pattern="ice"),
        TextDelta("Titan is [titan]"),
        Citation(9, 16, "https://moons.example/titan", "Titan"),
        # 17 code points of the first message and 2 between them come before the second one.
        TextDelta("."),
        MessageBegun(),
        TextDelta("\n\nSo [euro] is."),
        Citation(22, 28, "https://moons.example/europa", "Europa"),
        STOP,
    ],
    "calls": [
        BEGUN,
        CallStarted(0, "call_1", "get_time"),
        CallDelta(0, '{"zone":"UTC"}'),
        CallEnded(0),
        CallStarted(1, "call_2", "exec", "custom", "functions"),
        CallDelta(1, "print(1)\n"),
        CallEnded(1),
        CALLED,
    ],
    "items_only": [
        BEGUN,
        ReasoningDelta("First."),
        ReasoningDelta("Second.", 1),
        ReasoningSealed("gAAAAdemo", "rs_1"),
        TextDelta("Titan is [titan]."),
        Citation(9, 16, "https://moons.example/titan", "Titan"),
        CallStarted(0, "call_1", "get_time"),
        CallDelta(0, '{"zone":"UTC"}'),
        CallEnded(0),
        CALLED,
    ],
    "output_at_the_end": [
        BEGUN,
        ReasoningDelta("First."),
        ReasoningDelta("Second.", 1),
        ReasoningSealed("gAAAAdemo", "rs_1"),
        TextDelta("Only here."),
        CallStarted(0, "call_1", "get_time"),
        CallDelta(0, '{"zone":"UTC"}'),
        CallEnded(0),
        CALLED,
    ],
    "raw_thoughts": [BEGUN, ReasoningDelta("Hm, so.", raw=True), TextDelta("Yes."), STOP],
    "refusal": [BEGUN, RefusalDelta("I cannot do that."), STOP],
    "picture": [
        BEGUN,
        PictureBegun(),
        PicturePreview(0, "AAAA"),
        Picture("", 1024, 1536, "A moon", "aGVsbG8=", "webp", revised_prompt="A moon"),
        STOP,
    ],
    "incomplete": [
        BEGUN,
        TextDelta("This is cut"),
        Finished("length", usage=Usage(3, 4, exact=True)),
    ],
    "filtered": [BEGUN, TextDelta("This is"), Finished("content_filter")],
    "odd_events": [
        BEGUN,
        NativeBegun(0, "unheard_of", '{"id":"x_1","type":"unheard_of"}'),
        TextDelta("Still here."),
        Finished("stop"),
    ],
}

BAD: dict[str, tuple[Kind, float | None]] = {
    "cut_off": (Kind.CUT, None),
    "cut_in_an_event": (Kind.CUT, None),
    "failed": (Kind.UNAVAILABLE, None),
    "failed_limit": (Kind.RATE_LIMITED, 11.5),
    "failed_silently": (Kind.UPSTREAM_ERROR, None),
    "failed_sealed": (Kind.UPSTREAM_ERROR, None),
    "error_event": (Kind.CONTEXT_LENGTH, None),
    "error_flat": (Kind.RATE_LIMITED, None),
}


def test_every_recorded_stream_is_expected_somewhere() -> None:
    assert sorted([*GOOD, *BAD]) == STREAMS


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", GOOD)
def test_a_good_stream_is_read_whole(name: str, cut: Cut) -> None:
    assert merged(read(name, cut)) == GOOD[name]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", BAD)
def test_a_bad_stream_ends_in_its_problem(name: str, cut: Cut) -> None:
    kind, wait = BAD[name]
    with pytest.raises(Problem) as caught:
        read(name, cut)
    assert caught.value.kind is kind
    assert caught.value.step == "stream"
    assert caught.value.retry_after == wait


@pytest.mark.parametrize("name", GOOD)
def test_a_good_stream_without_its_end_is_cut(name: str) -> None:
    body = stream(name)
    with pytest.raises(Problem) as caught:
        feed(Reader(NAMES, FakeClock()), whole(END.split(body)[0]))
    assert caught.value.kind is Kind.CUT


def test_the_break_between_two_messages_is_a_delta_of_its_own() -> None:
    assert TextDelta("\n\n") in read("two_messages")


def test_text_leaves_with_its_own_event() -> None:
    reader = Reader(NAMES, FakeClock())
    data = b'{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"Hi"}'
    assert reader.feed(Event("response.output_text.delta", data)) == [TextDelta("Hi")]


def test_an_event_tells_of_the_quota_once() -> None:
    reader = Reader(NAMES, FakeClock())
    feed(reader, whole(stream("odd_events")))
    assert reader.take_quota() == Quota("plus", Window(42.5, 300, 1787301000.0))
    assert reader.take_quota() is None


@pytest.mark.parametrize(("name", "refused"), [("failed_sealed", True), ("failed", False)])
def test_a_reader_knows_that_old_reasoning_was_refused(name: str, refused: bool) -> None:
    reader = Reader(NAMES, FakeClock())
    with pytest.raises(Problem):
        feed(reader, whole(stream(name)))
    assert reader.sealed_refused is refused


def test_names_that_were_shortened_are_the_clients_again() -> None:
    long = "mcp__a_server_with_a_name_that_is_far_too_long_for_the_wire__get_time"
    reader = Reader(Names([("", long)]), FakeClock())
    deltas = feed(reader, whole(stream("calls").replace(b'"get_time"', b'"mcp__get_time"')))
    assert CallStarted(0, "call_1", long) in deltas


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("response.output_text.delta", b"{oops"),
        ("response.output_text.delta", b'{"delta":7}'),
        ("response.output_item.done", b'{"item":"x"}'),
        ("response.output_item.done", b'{"item":{"type":"novelty","name":"\xff"}}'),
        ("response.completed", b"\xff"),
        ("", b"{oops"),
    ],
)
def test_an_event_that_cannot_be_read_is_garbage(event: str, data: bytes) -> None:
    with pytest.raises(Problem) as caught:
        Reader(NAMES, FakeClock()).feed(Event(event, data))
    assert caught.value.kind is Kind.GARBAGE


@pytest.mark.parametrize("event", ["", "response.output_text.delta", "response.completed"])
def test_an_event_that_the_end_of_the_body_cut_is_no_garbage(event: str) -> None:
    assert Reader(NAMES, FakeClock()).feed(Event(event, b'{"type":"resp', whole=False)) == []


ITEMS: dict[str, tuple[bytes, list[Delta]]] = {
    "a call without a name is none": (b'{"type":"function_call","arguments":"{}"}', []),
    "a call without an id of its own has its item's": (
        b'{"type":"function_call","id":"fc_1","name":"f","arguments":""}',
        [CallStarted(0, "fc_1", "f"), CallEnded(0)],
    ),
    "a call without any id gets one": (
        b'{"type":"function_call","name":"f"}',
        [CallStarted(0, "call_0", "f"), CallEnded(0)],
    ),
    "a picture that was not made is none": (b'{"type":"image_generation_call"}', []),
    "a picture that was not made tells why": (
        b'{"type":"image_generation_call","status":"failed","error":{"message":"Not that."}}',
        [RefusalDelta("Not that.")],
    ),
    "a picture of unknown size": (
        b'{"type":"image_generation_call","result":"AA=="}',
        [Picture("", data="AA==")],
    ),
    "a search that does not say what it did": (b'{"type":"web_search_call"}', [WebSearch()]),
    "a search with several questions": (
        b'{"type":"web_search_call","action":{"type":"search","queries":["a","b"]}}',
        [WebSearch("search", "a, b", queries=("a", "b"))],
    ),
    "a search that failed": (
        b'{"type":"web_search_call","status":"failed","action":{"type":"search","query":"a"}}',
        [WebSearch("search", "a", failed=True)],
    ),
    "a search of an unknown kind is handed on": (
        b'{"type":"web_search_call","action":{"type":"guess"}}',
        [NativeItem("web_search_call", '{"type":"web_search_call","action":{"type":"guess"}}')],
    ),
    "a message that is told what for": (
        b'{"type":"message","phase":"commentary","content":[{"type":"output_text","text":"Hi"}]}',
        [MessageBegun("commentary"), TextDelta("Hi")],
    ),
    "a message that is told what for but says nothing": (
        b'{"type":"message","phase":"commentary","content":[]}',
        [],
    ),
    "a message without parts": (b'{"type":"message"}', []),
    "a mark without a link is none": (
        b'{"type":"message","content":[{"type":"output_text","text":"Hi","annotations":'
        b'[{"type":"url_citation","start_index":0,"end_index":1},'
        b'{"type":"url_citation","start_index":2,"end_index":1,"url":"u"}]}]}',
        [TextDelta("Hi")],
    ),
    "a mark that does not say where is none": (
        b'{"type":"message","content":[{"type":"output_text","text":"Hi","annotations":'
        b'[{"type":"url_citation","start_index":null,"end_index":1,"url":"u"},'
        b'{"type":"container_file_citation","start_index":0,"end_index":1,"url":null}]}]}',
        [TextDelta("Hi")],
    ),
    "a call of the shell that has a type of its own": (
        b'{"type":"local_shell_call","id":"lsh_1","call_id":"call_1","status":"completed",'
        b'"action":{"type":"exec","command":["ls","-l"],"env":{},"timeout_ms":null}}',
        [
            CallStarted(0, "call_1", "local_shell"),
            CallDelta(0, '{"command":["ls","-l"],"env":{}}'),
            CallEnded(0),
        ],
    ),
    "a mark on a part without text is none": (
        b'{"type":"message","content":[{"type":"output_text","text":"","annotations":'
        b'[{"type":"url_citation","start_index":0,"end_index":0,"url":"u"}]}]}',
        [],
    ),
    "reasoning without anything": (b'{"type":"reasoning"}', []),
    "an unknown item is handed on, on one line": (
        b'{"type":"unheard_of",\n "action": [1, 2],\n "error": "x"}',
        [NativeItem("unheard_of", '{"type":"unheard_of","action":[1,2],"error":"x"}')],
    ),
    "an item without a type is none": (b'{"id":"x"}', []),
}


@pytest.mark.parametrize(("item", "expected"), ITEMS.values(), ids=ITEMS)
def test_an_item_is_read_as_it_stays(item: bytes, expected: list[Delta]) -> None:
    data = b'{"type":"response.output_item.done","output_index":0,"item":%b}' % item
    event = Event("response.output_item.done", data)
    reader = Reader(Names([]), FakeClock())
    assert reader.feed(event) == expected
    assert reader.feed(event) == [], "an item is whole only once"


def test_arguments_of_no_open_call_are_dropped() -> None:
    reader = Reader(NAMES, FakeClock())
    data = b'{"output_index":3,"delta":"{"}'
    assert reader.feed(Event("response.function_call_arguments.delta", data)) == []


def test_pieces_without_text_are_none() -> None:
    reader = Reader(NAMES, FakeClock())
    for name in ("output_text", "refusal", "reasoning_text", "function_call_arguments"):
        assert reader.feed(Event(f"response.{name}.delta", b'{"delta":""}')) == []


def test_a_part_that_is_gone_on_with_keeps_its_place() -> None:
    reader = Reader(NAMES, FakeClock())
    pieces = [(0, 0, "ab"), (0, 1, "cd"), (0, 0, "e")]
    for item, part, text in pieces:
        data = f'{{"output_index":{item},"content_index":{part},"delta":"{text}"}}'
        reader.feed(Event("response.output_text.delta", data.encode()))
    whole_part = b'{"type":"message","content":[{"text":"abef"},{"text":"cd"}]}'
    event = Event("response.output_item.done", b'{"output_index":0,"item":%b}' % whole_part)
    assert reader.feed(event) == [TextDelta("f")]


def test_more_calls_than_anybody_makes_are_not_made() -> None:
    reader = Reader(NAMES, FakeClock())
    deltas: list[Delta] = []
    for place in range(1_001):
        item = b'{"output_index":%d,"item":{"type":"function_call","name":"f"}}' % place
        deltas += reader.feed(Event("response.output_item.done", item))
    assert sum(isinstance(delta, CallStarted) for delta in deltas) == 1_000


@given(st.binary(max_size=200), st.sampled_from(["", "response.output_item.done", "error"]))
def test_garbage_gives_a_problem_and_nothing_else(data: bytes, name: str) -> None:
    reader = Reader(NAMES, FakeClock())
    with suppress(Problem):
        reader.feed(Event(name, data))


@given(st.data())
def test_cutting_a_stream_anywhere_gives_the_same_answer(data: st.DataObject) -> None:
    body = stream("search_and_citations")
    places = data.draw(st.lists(st.integers(0, len(body)), max_size=8))
    edges = [0, *sorted(places), len(body)]
    pieces = (body[a:b] for a, b in pairwise(edges))
    assert feed(Reader(NAMES, FakeClock()), pieces) == read("search_and_citations")
