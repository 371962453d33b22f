"""Pictures in a response: the official events from the first sign on, and pictures of earlier
turns."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from chat2api_core.turn import (
    Finished,
    Image,
    Picture,
    PictureBegun,
    PicturePreview,
    Text,
    TextDelta,
)

Json = dict[str, Any]
Run = Callable[..., list[Json]]
Parse = Callable[..., Any]

TOOL: Json = {"tools": [{"type": "image_generation"}]}
END = Finished("stop")


def types(events: Sequence[Json]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def test_a_picture_is_an_item_from_the_first_sign_on(run: Run) -> None:
    view = PicturePreview(0, "QQ==", "webp")
    events = run([TextDelta("Hm"), PictureBegun(), view, Picture("a", data="TU8="), END], **TOOL)
    assert types(events)[-7:] == [
        "output_item.added",
        "image_generation_call.in_progress",
        "image_generation_call.generating",
        "image_generation_call.partial_image",
        "image_generation_call.completed",
        "output_item.done",
        "completed",
    ]
    partial = events[types(events).index("image_generation_call.partial_image")]
    assert partial == {
        "type": "response.image_generation_call.partial_image",
        "sequence_number": partial["sequence_number"],
        "output_index": 1,
        "item_id": partial["item_id"],
        "partial_image_index": 0,
        "partial_image_b64": "QQ==",
        "output_format": "webp",
    }
    item = events[-1]["response"]["output"][1]
    assert (item["status"], item["result"], item["id"]) == (
        "completed",
        "TU8=",
        partial["item_id"],
    )


def test_a_preview_alone_begins_the_item_as_well(run: Run) -> None:
    events = run([PicturePreview(0, "QQ=="), Picture("", data="TU8="), END], **TOOL)
    assert types(events).count("output_item.added") == 1


def test_two_pictures_are_two_items(run: Run) -> None:
    drawn = [PictureBegun(), Picture("a", data="QQ=="), PictureBegun(), Picture("b", data="TU8=")]
    events = run([*drawn, END], **TOOL)
    assert [item["result"] for item in events[-1]["response"]["output"]] == ["QQ==", "TU8="]


def test_a_picture_that_never_came_has_failed(run: Run) -> None:
    events = run([PictureBegun(), TextDelta("It did not work."), END], **TOOL)
    drawn, message = events[-1]["response"]["output"]
    assert (drawn["status"], drawn["result"]) == ("failed", None)
    assert message["content"][0]["text"] == "It did not work."


def test_who_has_not_declared_the_tool_hears_of_no_beginning(run: Run) -> None:
    events = run([PictureBegun(), PicturePreview(0, "QQ=="), TextDelta("Hi"), END])
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["message"]


def test_the_words_that_were_drawn_in_the_end_stand_on_the_item(run: Run) -> None:
    picture = Picture("", data="QQ==", title="A moon", revised_prompt="A big moon")
    item = run([picture, END], **TOOL)[-1]["response"]["output"][0]
    assert item["revised_prompt"] == "A big moon"


@pytest.mark.parametrize(("body", "inline"), [({}, False), (TOOL, True)], ids=str)
def test_who_declares_the_tool_takes_the_pictures_themselves(
    parse: Parse, body: Json, inline: bool
) -> None:
    assert parse(**body).prompt.media.inline is inline


def test_a_picture_of_an_earlier_turn_is_shown_again(parse: Parse) -> None:
    call = {"type": "image_generation_call", "id": "ig_1", "status": "completed"}
    request = parse(
        input=[
            {"role": "user", "content": "A moon"},
            {**call, "result": "QQ==", "output_format": "webp"},
            {"role": "user", "content": "Make it blue"},
        ]
    )
    _, shown, _ = request.prompt.messages
    assert shown.role == "user"
    assert shown.parts[0] == Image("data:image/webp;base64,QQ==", drawn=True)
    assert isinstance(shown.parts[1], Text)
    assert request.places == ("input[1].result",)
    assert request.warnings == ()


def test_one_without_its_bytes_is_left_out_with_a_warning(parse: Parse) -> None:
    call = {"type": "image_generation_call", "id": "ig_1", "result": None}
    request = parse(input=[call, {"role": "user", "content": "Make it blue"}])
    assert len(request.prompt.messages) == 1
    assert "input[0]" in request.warnings[0]
