"""Pictures on their way out: events, documents, and answers without any."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from chat2api_core.dialects.base import Head
from chat2api_core.dialects.images import Images, ImagesRequest
from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import (
    Delta,
    Finished,
    Picture,
    PictureBegun,
    PicturePreview,
    RefusalDelta,
    Started,
    TextDelta,
    Usage,
)

Parse = Callable[..., ImagesRequest]
Run = Callable[..., list[Any]]

HEAD = Head("a", 1_787_300_000)
MOON = Picture("sediment://file_1", 1024, 768, "A moon", "TU9PTg==", "png", "https://h/media/t")
SUN = Picture("", data="U1VO", format="webp", revised_prompt="A big sun")
END = Finished("stop", usage=Usage(7, 3))
NO_TOKENS = {
    "input_tokens": 0,
    "input_tokens_details": {"text_tokens": 0, "image_tokens": 0},
    "output_tokens": 0,
    "total_tokens": 0,
    "output_tokens_details": {"text_tokens": 0, "image_tokens": 0},
}
TOKENS = {
    "input_tokens": 7,
    "input_tokens_details": {"text_tokens": 7, "image_tokens": 0},
    "output_tokens": 3,
    "total_tokens": 10,
    "output_tokens_details": {"text_tokens": 3, "image_tokens": 0},
}


def document(request: ImagesRequest, *deltas: Delta) -> Any:
    transcript = Transcript()
    for delta in deltas:
        transcript.feed(delta)
    return json.loads(Images(request.route).document(request, HEAD, transcript))


def test_a_stream_shows_previews_and_the_picture_with_the_usage(run: Run) -> None:
    deltas = [Started("m"), PictureBegun(), PicturePreview(0, "QQ=="), TextDelta("x"), MOON, END]
    partial, completed = run(deltas, size="1024x768", quality="high", background="opaque")
    assert partial == {
        "type": "image_generation.partial_image",
        "b64_json": "QQ==",
        "created_at": 1_787_300_000,
        "size": "1024x768",
        "quality": "high",
        "background": "opaque",
        "output_format": "png",
        "partial_image_index": 0,
    }
    assert completed == {
        "type": "image_generation.completed",
        "b64_json": "TU9PTg==",
        "created_at": 1_787_300_000,
        "size": "1024x768",
        "quality": "high",
        "background": "opaque",
        "output_format": "png",
        "usage": TOKENS,
    }


@pytest.mark.parametrize("route", ["edits", "variations"])
def test_an_edit_has_events_of_its_own(run: Run, route: str) -> None:
    events = run([PicturePreview(0, "QQ=="), MOON, END], route)
    assert [e["type"] for e in events] == ["image_edit.partial_image", "image_edit.completed"]


def test_of_several_pictures_only_the_last_waits_for_the_end(parse: Parse) -> None:
    encoder = Images("generations").encoder(parse(n=2, stream=True), HEAD)
    assert encoder.feed([MOON]).count(b"completed") == 2  # the name and the data of one event
    assert encoder.feed([SUN]) == b""
    last = encoder.feed([END])
    assert last.count(b"completed") == 2
    assert b'"input_tokens":7' in last


def test_a_picture_more_than_wanted_is_left_out(parse: Parse, run: Run) -> None:
    (event,) = run([MOON, SUN, END])
    assert (event["b64_json"], event["usage"]) == ("TU9PTg==", TOKENS)
    assert len(document(parse(), MOON, SUN, END)["data"]) == 1


def test_fewer_pictures_than_wanted_are_all_sent(run: Run) -> None:
    (event,) = run([MOON, END], n=2)
    assert (event["b64_json"], event["usage"]) == ("TU9PTg==", NO_TOKENS)


def test_what_is_not_known_of_a_picture_is_as_it_was_asked_for(run: Run) -> None:
    (event,) = run([SUN, Finished("stop")])
    assert (event["size"], event["quality"], event["usage"]) == ("auto", "auto", NO_TOKENS)


def test_a_failure_comes_behind_the_pictures(parse: Parse) -> None:
    encoder = Images("generations").encoder(parse(n=2, stream=True), HEAD)
    encoder.feed([MOON])
    encoder.feed([SUN])
    raw = encoder.fail(Problem(Kind.TIMEOUT, "Too late.", step="picture"))
    assert raw.startswith(b"event: image_generation.completed\n")
    assert b'"code":"picture_timeout"' in raw
    assert encoder.fail(Problem(Kind.TIMEOUT, "Again.")) == b""


ENDINGS: dict[str, tuple[list[Delta], Kind, str]] = {
    "words are a refusal": (
        [TextDelta("I can't "), TextDelta("do that."), Finished("stop")],
        Kind.CONTENT_POLICY,
        "I can't do that.",
    ),
    "declining words are one, too": (
        [RefusalDelta("No."), Finished("stop")],
        Kind.CONTENT_POLICY,
        "No.",
    ),
    "a filter needs no words": ([Finished("content_filter")], Kind.CONTENT_POLICY, "No picture"),
    "an early end is one for lack of time": ([Finished("length")], Kind.TIMEOUT, "time"),
    "nothing at all is the upstream's fault": ([END], Kind.UPSTREAM_ERROR, "without a picture"),
}


@pytest.mark.parametrize(("deltas", "kind", "words"), ENDINGS.values(), ids=ENDINGS)
def test_an_answer_without_a_picture_is_a_failure(
    parse: Parse, run: Run, deltas: list[Delta], kind: Kind, words: str
) -> None:
    with pytest.raises(Problem) as caught:
        document(parse(), *deltas)
    assert caught.value.kind is kind
    assert words in caught.value.message
    (event,) = run(deltas)
    assert event["type"] == "error"
    assert event["error"]["code"] == caught.value.code


def test_a_document_in_base64(parse: Parse) -> None:
    assert document(parse(n=2, quality="high", background="opaque"), MOON, SUN, END) == {
        "created": 1_787_300_000,
        "data": [
            {"b64_json": "TU9PTg=="},
            {"b64_json": "U1VO", "revised_prompt": "A big sun"},
        ],
        "output_format": "png",
        "size": "1024x768",
        "quality": "high",
        "background": "opaque",
        "usage": TOKENS,
    }


def test_a_document_with_addresses(parse: Parse) -> None:
    found = document(parse(n=2, response_format="url"), MOON, SUN, Finished("stop"))
    assert [one["url"] for one in found["data"]] == [
        "https://h/media/t",
        "data:image/webp;base64,U1VO",
    ]
    assert "usage" not in found


def test_an_answer_without_an_end_is_none(parse: Parse) -> None:
    with pytest.raises(Problem) as caught:
        document(parse(), MOON)
    assert caught.value.kind is Kind.CUT


def test_a_picture_that_nobody_could_get_is_a_failure(parse: Parse) -> None:
    with pytest.raises(Problem) as caught:
        document(parse(response_format="url"), Picture("sediment://file_1"), END)
    assert "b64_json" in caught.value.message
