"""The reader where a picture is on its way: it says so, and waits for it where it has to."""

import json
from typing import Any

import pytest

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Delta, Finished, Picture, PictureBegun, Started, TextDelta
from chat2api_core.upstreams.chatgpt_web.reader import Reader
from chat2api_core.wire.sse import Event

DONE = Event("", b"[DONE]")
TASK = {"async_task_type": "image_gen", "async_task_id": "imagegen_1"}
MOON = Picture("sediment://file_1", 20, 10, "A moon")
STARTED = Started("", "conv-1")
NAMED = Started("", "conv-1", message_id="m-tool")


def event(frame: object, name: str = "") -> Event:
    return Event(name, json.dumps(frame).encode())


COMPLETE = event({"type": "message_stream_complete", "conversation_id": "conv-1"})
OVER = event({"type": "conversation_async_status", "async_status": None})


def tool(content: Any, status: str = "finished_successfully") -> Event:
    """A message of the tool that makes pictures, whole."""
    message = {
        "id": "m-tool",
        "author": {"role": "tool", "name": "t2uay3k.sj1i4kz"},
        "content": content,
        "status": status,
        "recipient": "all",
        "metadata": {**TASK, "image_gen_title": "A moon"},
    }
    return event({"message": message, "conversation_id": "conv-1"})


def picture(rows: int = 10) -> Any:
    part = {
        "content_type": "image_asset_pointer",
        "asset_pointer": "sediment://file_1",
        "width": 20,
        "height": 10,
        "metadata": {"generation": {"height": rows}},
    }
    return {"content_type": "multimodal_text", "parts": [part]}


def said(text: str, *, end_turn: bool = True) -> Event:
    message = {
        "id": "m-a",
        "author": {"role": "assistant"},
        "content": {"content_type": "text", "parts": [text]},
        "status": "finished_successfully",
        "end_turn": end_turn,
        "recipient": "all",
        "metadata": {},
    }
    return event({"message": message, "conversation_id": "conv-1"})


WORD = {"content_type": "text", "parts": ["Processing image"]}


def feed(reader: Reader, *events: Event) -> list[Delta]:
    return [delta for one in events for delta in reader.feed(one)]


def test_a_whole_picture_comes_without_a_beginning() -> None:
    reader = Reader()
    assert feed(reader, tool(picture()), COMPLETE) == [
        NAMED,
        MOON,
        Finished("stop", "conv-1", "m-tool"),
    ]


def test_previews_are_a_beginning_and_told_once() -> None:
    reader = Reader()
    views = [tool(picture(rows), "in_progress") for rows in (3, 6)]
    assert feed(reader, *views, tool(picture()), COMPLETE) == [
        STARTED,
        PictureBegun(),
        NAMED,
        MOON,
        Finished("stop", "conv-1", "m-tool"),
    ]


@pytest.mark.parametrize("ends", [(COMPLETE,), (DONE,), (COMPLETE, DONE)])
def test_a_picture_that_is_only_promised_keeps_the_answer_open(ends: tuple[Event, ...]) -> None:
    reader = Reader()
    assert feed(reader, tool(WORD), *ends) == [STARTED, PictureBegun()]
    assert reader.busy
    assert reader.finished is None
    reader.amend()
    assert feed(reader, tool(WORD), tool(picture()), OVER, COMPLETE) == [
        NAMED,
        MOON,
        Finished("stop", "conv-1", "m-tool"),
    ]


def test_a_promise_that_was_given_up_is_no_answer() -> None:
    reader = Reader()
    feed(reader, tool(WORD), COMPLETE)
    reader.amend()
    feed(reader, OVER)
    with pytest.raises(Problem, match="without the picture that it had begun") as caught:
        reader.feed(COMPLETE)
    assert (caught.value.kind, caught.value.step) == (Kind.UPSTREAM_ERROR, "picture")


def test_a_promise_that_was_given_up_leaves_what_was_said() -> None:
    reader = Reader()
    feed(reader, said("One moment.", end_turn=False), tool(WORD), COMPLETE)
    reader.amend()
    assert feed(reader, OVER, COMPLETE) == [Finished("stop", "conv-1", "m-a")]


def test_an_order_says_that_it_is_begun_once() -> None:
    reader = Reader(paints=True)
    assert feed(reader, tool(WORD), tool(WORD), COMPLETE) == [STARTED, PictureBegun()]
    assert reader.busy
    reader.amend()
    assert reader.hand_out() == []


def test_who_looks_for_an_order_in_its_chat_says_that_it_is_begun() -> None:
    reader = Reader(paints=True)
    assert feed(reader, COMPLETE) == []
    reader.amend()
    assert reader.hand_out() == [STARTED, PictureBegun()]


def test_a_picture_that_was_begun_is_looked_for_behind_words_that_end_the_turn() -> None:
    reader = Reader()
    feed(reader, tool(WORD), said("Here it is."), COMPLETE)
    assert (reader.busy, reader.branch.over, reader.finished) == (True, True, None)
    reader.amend()
    assert feed(reader, said("Here it is."), tool(picture()), OVER, COMPLETE) == [
        MOON,
        Finished("stop", "conv-1", "m-tool"),
    ]


def test_where_it_is_not_found_the_words_are_the_answer() -> None:
    reader = Reader()
    feed(reader, tool(WORD), said("It did not work."), COMPLETE)
    reader.amend()
    assert feed(reader, said("It did not work."), OVER, COMPLETE) == [
        Finished("stop", "conv-1", "m-a")
    ]


def test_and_so_they_are_where_nothing_can_be_looked_for() -> None:
    reader = Reader()
    feed(reader, tool(WORD), said("It did not work."), COMPLETE)
    reader.amend()
    reader.settle()
    assert reader.close() == [Finished("stop", "conv-1", "m-a")]


def test_an_order_is_waited_for_without_any_promise() -> None:
    reader = Reader(paints=True)
    assert feed(reader, said("One moment.", end_turn=False), COMPLETE) == [
        Started("", "conv-1", message_id="m-a"),
        TextDelta("One moment."),
    ]
    assert reader.busy


def test_an_order_that_is_answered_in_words_is_over() -> None:
    reader = Reader(paints=True)
    assert feed(reader, said("I can't."), COMPLETE)[-1] == Finished("stop", "conv-1", "m-a")


def test_an_order_of_which_nothing_is_ever_heard_fails() -> None:
    reader = Reader(paints=True)
    assert feed(reader, COMPLETE) == []
    reader.amend()
    feed(reader, OVER)
    with pytest.raises(Problem) as caught:
        reader.feed(COMPLETE)
    assert caught.value.kind is Kind.UPSTREAM_ERROR
