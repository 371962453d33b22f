"""What the events about a turn say of limited features."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.upstreams.chatgpt_web.notice import limits_of
from chat2api_core.upstreams.chatgpt_web.reader import Reader
from chat2api_core.wire.sse import Event, SseDecoder

STREAM = Path(__file__).parents[2] / "fixtures" / "chatgpt_web" / "plain_answer.sse"
SEPTEMBER = 1_788_220_800.0  # 2026-09-01T00:00:00Z
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


def entry(**fields: object) -> dict[str, object]:
    known: dict[str, object] = {
        "feature_name": "image_gen",
        "remaining": 12,
        "reset_after": "2026-09-01T00:00:00+00:00",
    }
    return known | fields


@pytest.mark.parametrize(
    ("found", "limits"),
    [
        (entry(), {"image_gen": (12, SEPTEMBER)}),
        (entry(remaining=0), {"image_gen": (0, SEPTEMBER)}),
        (entry(reset_after="2026-09-01T00:00:00Z"), {"image_gen": (12, SEPTEMBER)}),
        (entry(reset_after="2026-09-01T02:00:00+02:00"), {"image_gen": (12, SEPTEMBER)}),
        (entry(reset_after="2026-09-01T00:00:00"), {"image_gen": (12, SEPTEMBER)}),
        (entry(reset_after=None), {"image_gen": (12, 0.0)}),
        (entry(reset_after="soon"), {"image_gen": (12, 0.0)}),
        (entry(reset_after="0001-01-01T00:00:00+05:00"), {"image_gen": (12, 0.0)}),
        (entry(reset_after="1900-01-01T00:00:00Z"), {"image_gen": (12, 0.0)}),
        (entry(feature_name=""), {}),
        (entry(feature_name=7), {}),
        (entry(remaining=-1), {}),
        (entry(remaining=True), {}),
        (entry(remaining=1.5), {}),
        (entry(remaining="12"), {}),
        ("text", {}),
    ],
)
def test_an_entry_is_read_or_left_out(found: object, limits: object) -> None:
    assert limits_of({"limits_progress": [found]}) == limits


@given(JSON)
def test_reading_never_fails(found: object) -> None:
    limits_of({"limits_progress": found})
    limits_of({"limits_progress": [found]})


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_the_limits_behind_the_end_of_an_answer_are_read(size: int) -> None:
    raw = STREAM.read_bytes()
    reader, decoder = Reader(), SseDecoder()
    for start in range(0, len(raw), size):
        for event in decoder.feed(raw[start : start + size]):
            reader.feed(event)
    assert reader.finished is not None
    assert reader.limits == {"deep_research": (5, SEPTEMBER)}


def notice(**fields: object) -> Event:
    body = {"type": "conversation_detail_metadata", "limits_progress": [entry()], **fields}
    return Event("", msgspec.json.encode(body))


def test_the_limits_in_front_of_the_end_are_read_too() -> None:
    reader = Reader()
    assert reader.feed(notice()) == []
    assert reader.limits == {"image_gen": (12, SEPTEMBER)}
    assert reader.finished is None


def test_what_cannot_be_read_behind_the_end_says_nothing() -> None:
    reader, decoder = Reader(), SseDecoder()
    for event in decoder.feed(STREAM.read_bytes()):
        reader.feed(event)
    known = reader.limits
    for data in (b'{"limits_progress"', b'["limits_progress"]', b"[DONE]", b""):
        assert reader.feed(Event("", data)) == []
    assert reader.limits == known
