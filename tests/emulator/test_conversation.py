"""Conversations that go on: kept, continued, varied, changed, and nobody else's."""

from collections.abc import Callable

from chat2api_core.emulator import Account, Emulator, Named, Reply, Say, Stop, Turn
from chat2api_core.emulator.asked import Heading, Heard
from chat2api_core.emulator.pixels import draw
from tests.emulator.browser import (
    Browser,
    Json,
    Response,
    first_id,
    last_answer,
    messages_of,
    said_by,
    turn_body,
    user_message,
)
from tests.fakes import FakeClock


def go_on(browser: Browser, before: Response, text: str = "More", **changes: Json) -> Response:
    """The next turn of the conversation that this answer belongs to."""
    place = {
        "conversation_id": first_id(before.body),
        "parent_message_id": last_answer(before.body),
        "messages": [user_message(text, f"m-{text}")],
    }
    return browser.ask(**{**place, **changes})


def listening(heard: list[Turn]) -> Callable[[Turn], Reply | Named]:
    def model(turn: Turn) -> Reply | Named:
        heard.append(turn)
        return Reply((Say(("Yes, ", f"{len(heard)}.")),))

    return model


def test_the_model_hears_the_whole_conversation(make: Callable[..., Emulator]) -> None:
    heard: list[Turn] = []
    browser = Browser(make(model=listening(heard)))
    first = browser.ask("One", messages=[user_message("Be brief.", "m-0", "system"),
                                         user_message("One", "m-1")])  # fmt: skip
    second = go_on(browser, first, "Two")

    assert first_id(second.body) == first_id(first.body)
    assert [(m.role, m.text) for m in heard[1].messages] == [
        ("system", "Be brief."),
        ("user", "One"),
        ("assistant", "Yes, 1."),
        ("user", "Two"),
    ]
    assert heard[1].last_user_text == "Two"


def test_the_model_hears_what_was_asked_beside_the_messages(
    make: Callable[..., Emulator],
) -> None:
    heard: list[Turn] = []
    browser = Browser(make(model=listening(heard)))
    data = draw("a", 3, 2)
    file_id = browser.upload("a.png", data, "image/png", width=3, height=2)
    pointer = {
        "content_type": "image_asset_pointer",
        "asset_pointer": f"sediment://{file_id}",
        "size_bytes": len(data),
        "width": 3,
        "height": 2,
    }
    attachment = {
        "id": file_id,
        "name": "a.png",
        "size": len(data),
        "mime_type": "image/png",
        "width": 3,
        "height": 2,
    }
    message = {
        **user_message(""),
        "content": {"content_type": "multimodal_text", "parts": [pointer, "What?"]},
        "metadata": {"attachments": [attachment]},
    }
    browser.ask(
        messages=[message],
        model="gpt-5-6",
        thinking_effort="extended",
        system_hints=["search"],
        conversation_mode={"kind": "gizmo_interaction", "gizmo_id": "g-abc"},
        history_and_training_disabled=True,
    )
    assert heard[0] == Turn(
        (Heard("m-user", "user", "What?", (pointer, "What?"), (attachment,)),),
        Heading("next", "gpt-5-6", "extended", ("search",), "g-abc", True, False, "plus"),
    )
    assert Turn((), heard[0].heading).last_user_text == ""


def test_a_conversation_is_kept_as_a_tree(browser: Browser) -> None:
    first = browser.ask("/emulate say One two three")
    second = go_on(browser, first, "/emulate say Four")
    answer = browser.get(f"/conversation/{first_id(first.body)}")

    assert answer.status == 200
    tree = answer.json
    assert tree["conversation_id"] == first_id(first.body)
    assert tree["current_node"] == last_answer(second.body)
    assert tree["title"] == "/emulate say One two three"
    assert tree["async_status"] is None
    way = []
    at = tree["current_node"]
    while at is not None:
        node = tree["mapping"][at]
        assert node["id"] == at
        if node["parent"] is not None:
            assert at in tree["mapping"][node["parent"]]["children"]
        way.append(node["message"] and node["message"]["content"]["parts"][0])
        at = node["parent"]
    assert way == ["Four", "/emulate say Four", "One two three", "/emulate say One two three", None]
    assert tree["mapping"]["client-created-root"]["message"] is None


def test_only_the_first_turn_is_given_a_title(browser: Browser) -> None:
    first = browser.ask("One two three four five six")
    assert b'"title":"One two three four five"' in first.body
    assert b"title_generation" not in go_on(browser, first).body


def test_a_temporary_chat_goes_on_but_cannot_be_read(browser: Browser) -> None:
    first = browser.ask(history_and_training_disabled=True)
    assert b"title_generation" not in first.body
    assert go_on(browser, first).status == 200
    answer = browser.get(f"/conversation/{first_id(first.body)}")
    assert answer.status == 404
    assert answer.json["detail"]["code"] == "conversation_not_found"
    assert browser.get("/conversations").json["total"] == 0


def test_an_unknown_conversation_is_not_found(browser: Browser) -> None:
    answer = browser.ask(conversation_id="conv-1")
    assert answer.status == 404
    assert answer.json == {
        "detail": {
            "message": "Can't load conversation conv-1",
            "code": "conversation_not_found",
        }
    }
    body = turn_body(messages=None, conversation_id="conv-1", client_prepare_state="none")
    assert browser.post("/f/conversation/prepare", body).status == 404
    assert browser.get("/conversation/conv-1").status == 404


def test_a_parent_that_is_not_in_the_conversation_is_not_found(browser: Browser) -> None:
    first = browser.ask()
    answer = go_on(browser, first, parent_message_id="m-elsewhere")
    assert answer.status == 404
    assert answer.json["detail"]["code"] == "message_not_found"


def test_a_conversation_is_not_there_for_others(make: Callable[..., Emulator]) -> None:
    accounts = [
        Account(user_id="user-a", account_id="a", access_tokens=("token-a",)),
        Account(user_id="user-b", account_id="b", access_tokens=("token-b",)),
    ]
    emulator = make(accounts=accounts)
    owner, other = Browser(emulator, token="token-a"), Browser(emulator, token="token-b")
    first = owner.ask()
    path = f"/conversation/{first_id(first.body)}"
    assert owner.get(path).status == 200
    assert other.get(path).status == 404
    assert Browser(emulator, token="").get(path).status == 404
    assert go_on(other, first).status == 404
    # The account's other device may go on with it.
    device = "22222222-2222-4333-8444-555555555555"
    assert go_on(Browser(emulator, token="token-a", device=device), first).status == 200


def test_without_a_login_a_conversation_belongs_to_the_device(emulator: Emulator) -> None:
    first = Browser(emulator, token="").ask()
    assert go_on(Browser(emulator, token=""), first).status == 200
    stranger = Browser(emulator, token="", device="22222222-2222-4333-8444-555555555555")
    assert go_on(stranger, first).status == 404


def test_a_cut_answer_is_continued_from_the_cut(browser: Browser) -> None:
    first = browser.ask("/emulate long")
    more: Json = {"action": "continue", "messages": None}
    second = go_on(browser, first, **more)
    third = go_on(browser, second, **more)
    fourth = go_on(browser, third, **more)

    answers = [first, second, third, fourth]
    said = [said_by(each.body) for each in answers]
    assert said[:3] == ["This answer stops ", "This answer stops ", "and ends."]
    assert said[3] == "There is nothing more to say."
    details = [
        list(messages_of(each.body).values())[-1]["metadata"]["finish_details"]["type"]
        for each in answers
    ]
    assert details == ["max_tokens", "max_tokens", "stop", "stop"]
    told = list(messages_of(second.body).values())[-1]["metadata"]
    assert told["message_type"] == "continue"
    assert told["parent_id"] == last_answer(first.body)


def test_only_an_answer_can_be_continued(browser: Browser) -> None:
    first = browser.ask("/emulate long")
    more: Json = {"action": "continue", "messages": None, "parent_message_id": "m-user"}
    assert go_on(browser, first, **more).status == 404


def test_a_scripted_reply_comes_before_the_rest_of_a_cut_one(
    emulator: Emulator, browser: Browser
) -> None:
    emulator.script.push(Reply((Say(("Cut",)), Stop("max_tokens"))), Reply((Say(("End",)),)))
    first = browser.ask()
    second = go_on(browser, first, action="continue", messages=None)
    assert said_by(second.body) == "End"


def test_a_variant_is_a_second_answer_to_the_same_message(browser: Browser) -> None:
    first = browser.ask("Hello")
    second = go_on(
        browser,
        first,
        action="variant",
        messages=[user_message("Hello")],
        parent_message_id="client-created-root",
        variant_purpose="none",
    )
    tree = browser.get(f"/conversation/{first_id(first.body)}").json["mapping"]
    assert tree["m-user"]["children"] == [last_answer(first.body), last_answer(second.body)]


def test_a_refused_turn_leaves_a_conversation_that_was_there(browser: Browser) -> None:
    first = browser.ask()
    assert go_on(browser, first, "/emulate error 429").status == 429
    assert go_on(browser, first).status == 200


def test_a_conversation_has_an_end(browser: Browser) -> None:
    messages = [user_message("a", f"m-{number}") for number in range(4000)]
    answer = browser.ask(messages=messages)
    assert answer.status == 413
    assert answer.json["detail"]["code"] == "conversation_too_long"


def test_a_model_may_refuse_the_whole_turn(make: Callable[..., Emulator]) -> None:
    browser = Browser(make(model=lambda _: Named("429 cap")))
    assert browser.ask().status == 429
    assert browser.get("/conversations").json["total"] == 0


def test_conversations_are_changed_and_listed(browser: Browser, clock: FakeClock) -> None:
    names = []
    for number in range(3):
        clock.advance(1)
        names.append(first_id(browser.ask(f"Talk {number}").body))
    path = f"/conversation/{names[1]}"
    assert browser.call("PATCH", path, {"title": "New"}).json == {"success": True}
    assert browser.call("PATCH", path, {"is_archived": True}).json == {"success": True}
    assert browser.get(path).json["title"] == "New"
    body = {"message_id": "m-user"}
    assert browser.post(f"/conversation/gen_title/{names[1]}", body).json == {"title": "New"}

    page = browser.get("/conversations?offset=1&limit=1&order=updated").json
    assert page["total"] == 3
    assert page["limit"] == 1
    (entry,) = page["items"]
    assert (entry["title"], entry["is_archived"]) == ("New", True)
    assert browser.get("/conversations?offset=x").status == 422

    assert browser.call("PATCH", path, {"is_visible": False}).json == {"success": True}
    assert browser.get(path).status == 404
    assert browser.get("/conversations").json["total"] == 2
    for change in ({}, {"is_visibel": False}, {"title": 3}):
        assert browser.call("PATCH", f"/conversation/{names[0]}", change).status == 422


def test_the_oldest_conversations_are_forgotten(make: Callable[..., Emulator]) -> None:
    browser = Browser(make(conversations=2))
    names = [first_id(browser.ask(f"Talk {number}").body) for number in range(3)]
    assert [browser.get(f"/conversation/{name}").status for name in names] == [404, 200, 200]


def test_init_tells_limits_and_defaults(browser: Browser, anonymous: Browser) -> None:
    body: Json = {
        "gizmo_id": None, "requested_default_model": None, "conversation_id": None,
        "timezone_offset_min": 420, "conversation_origin": None, "system_hints": [],
    }  # fmt: skip
    answer = browser.post("/conversation/init", body).json
    assert answer["type"] == "conversation_detail_metadata"
    assert answer["default_model_slug"] == "auto"
    names = [limit["feature_name"] for limit in answer["limits_progress"]]
    assert names == ["image_gen", "deep_research", "file_upload"]
    assert anonymous.post("/conversation/init", body).json["limits_progress"] == []
    assert browser.post("/conversation/init", {"gizmo": 1}).status == 422


def test_a_cited_site_has_a_name(browser: Browser) -> None:
    url = "https://a.example/x"
    answer = browser.post("/attributions", {"urls": [url]})
    assert answer.json == {"url": url, "attribution": "a.example"}
    assert browser.post("/attributions", {"urls": []}).status == 422
