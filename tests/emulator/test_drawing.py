"""Turns that ask for a picture: how they must look, and the ways in which the picture comes."""

from typing import Any

import pytest

from chat2api_core.emulator import Emulator, Image, Reply
from tests.emulator.browser import Browser, Json, Response, messages_of, turn_body, user_message

HINTS = ["picture_v2"]


def order(text: str = "A moon, 640x480", *, metadata: Json = None, **changes: Json) -> Json:
    """The body of a turn for a picture."""
    message = user_message(text) | {"metadata": {"system_hints": HINTS, **(metadata or {})}}
    fixed = {"system_hints": HINTS, "client_prepare_state": "sent", "messages": [message]}
    return fixed | changes


def prepare(browser: Browser, hints: list[str]) -> str:
    query = {"id": "m-user", "author": {"role": "user"}, "content": {}}
    body = turn_body(messages=None, system_hints=hints, partial_query=query)
    token = browser.post("/f/conversation/prepare", body).json["conduit_token"]
    return str(token)


def draw(browser: Browser, **changes: Json) -> Response:
    """A whole turn for a picture."""
    more = {"x-conduit-token": prepare(browser, HINTS)}
    return browser.ask(more=more, **order(**changes))


def tools_of(messages: dict[str, Json]) -> list[Json]:
    return [one for one in messages.values() if one["author"]["role"] == "tool"]


def pointer_of(message: Json) -> Json:
    (part,) = message["content"]["parts"]
    return part


def test_an_order_brings_a_picture_of_the_size_that_its_words_name(browser: Browser) -> None:
    response = draw(browser)
    (message,) = tools_of(messages_of(response.body))
    part = pointer_of(message)
    assert (part["width"], part["height"]) == (640, 480)
    assert part["asset_pointer"].startswith("sediment://file_")
    assert message["metadata"]["async_task_type"] == "image_gen"


def test_two_orders_of_the_same_bring_two_pictures(browser: Browser) -> None:
    assets = set()
    for _ in range(2):
        (message,) = tools_of(messages_of(draw(browser).body))
        assets.add(pointer_of(message)["asset_pointer"])
    assert len(assets) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"system_hints": []},
        {"metadata": {"system_hints": []}},
        {"client_prepare_state": "success"},
        {"history_and_training_disabled": True},
    ],
    ids=str,
)
def test_an_order_that_the_web_client_would_never_give_is_refused(
    browser: Browser, changes: Any
) -> None:
    assert draw(browser, **changes).status == 422


def test_the_legacy_path_draws_nothing(browser: Browser) -> None:
    assert browser.ask(path="/conversation", **order()).status == 422


def test_an_order_must_have_been_prepared_as_one(browser: Browser) -> None:
    more = {"x-conduit-token": prepare(browser, [])}
    response = browser.ask(more=more, **order())
    assert response.status == 403
    assert "not prepared" in response.json["detail"]


def test_an_order_needs_a_login(anonymous: Browser) -> None:
    more = {"x-conduit-token": prepare(anonymous, HINTS)}
    assert anonymous.ask(more=more, **order()).status == 403


def test_pictures_to_go_by_stand_before_the_text(emulator: Emulator, browser: Browser) -> None:
    emulator.script.push(Reply((Image("file-service://file-seen", width=5, height=4),)))
    draw(browser)
    size = {"width": 5, "height": 4}
    pointer = {
        "content_type": "image_asset_pointer",
        "asset_pointer": "file-service://file-seen",
        "size_bytes": 0,
        **size,
    }
    attachment = {"id": "file-seen", "name": "a.png", "mime_type": "image/png", **size}
    for parts, status in (([pointer, "Hm"], 200), (["Hm", pointer], 422)):
        message = user_message("Hm") | {
            "content": {"content_type": "multimodal_text", "parts": parts},
            "metadata": {"system_hints": HINTS, "attachments": [attachment]},
        }
        assert draw(browser, messages=[message]).status == status


def test_previews_are_the_same_message_with_fewer_rows(
    emulator: Emulator, browser: Browser
) -> None:
    emulator.script.push(Reply((Image(previews=2, height=900),)))
    response = draw(browser)
    (message,) = tools_of(messages_of(response.body))
    assert message["status"] == "finished_successfully"
    assert pointer_of(message)["metadata"]["generation"]["height"] == 900
    for rows in (b'"height":300', b'"height":600'):
        assert rows in response.body


def test_a_picture_for_later_is_in_the_conversation_when_it_was_asked_for_often_enough(
    emulator: Emulator, browser: Browser
) -> None:
    emulator.script.push(Reply((Image(polls=2),)))
    (word,) = tools_of(messages_of(draw(browser).body))
    assert word["content"]["content_type"] == "text"
    (thread,) = browser.get("/conversations").json["items"]
    assert thread["async_status"] is not None
    path = f"/conversation/{thread['id']}"

    once = browser.get(path).json
    assert (once["current_node"], once["async_status"]) == (word["id"], 1)
    twice = browser.get(path).json
    assert twice["async_status"] is None
    message = twice["mapping"][twice["current_node"]]["message"]
    file_id = pointer_of(message)["asset_pointer"].partition("://")[2]
    told = browser.get(f"{path}/attachment/{file_id}/download").json
    assert told["status"] == "success"
