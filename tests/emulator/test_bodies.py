"""Which bodies of a turn are taken, and how others are refused."""

import asyncio
from typing import Any

import pytest

from chat2api_core.emulator import Emulator
from chat2api_core.emulator.pixels import draw
from tests.emulator.browser import Browser, drive, turn_body, user_message


def refusal(browser: Browser, body: Any) -> tuple[int, Any]:
    answer = browser.post("/f/conversation", body, browser.two_steps())
    return answer.status, answer.json["detail"]


def test_the_worked_body_of_the_protocol_is_taken(browser: Browser) -> None:
    message = user_message("Name three moons.", "6a1f0c1e-0000-4000-8000-000000000001")
    message["create_time"] = 1787300000.123
    message["metadata"] = {
        "developer_mode_connector_ids": [],
        "selected_sources": [],
        "selected_github_repos": [],
        "selected_all_github_repos": False,
        "serialization_metadata": {"custom_symbol_offsets": []},
        "system_hints": [],
        "submission_mode": "manual_send",
    }
    body = turn_body(
        messages=[message],
        enable_message_followups=True,
        client_contextual_info={
            "is_dark_mode": False, "time_since_loaded": 1200, "page_height": 1072,
            "page_width": 1724, "pixel_ratio": 1.2, "screen_height": 1440, "screen_width": 2560,
            "app_name": "chatgpt.com",
        },
        paragen_cot_summary_display_override="allow",
        force_parallel_switch="auto",
        thinking_effort="standard",
    )  # fmt: skip
    assert browser.post("/f/conversation", body, browser.two_steps()).status == 200


def test_the_worked_preparation_of_the_protocol_is_taken(browser: Browser) -> None:
    body = {
        "action": "next",
        "fork_from_shared_post": False,
        "parent_message_id": "client-created-root",
        "model": "auto",
        "client_prepare_state": "none",
        "client_prepare_dispatch": "debounced",
        "client_prepare_source": "composer_editor_state",
        "timezone_offset_min": 420,
        "timezone": "America/Los_Angeles",
        "conversation_mode": {"kind": "primary_assistant"},
        "system_hints": [],
        "thinking_effort": "standard",
        "attachment_mime_types": ["image/png"],
        "supports_buffering": True,
        "supported_encodings": ["v1"],
        "client_contextual_info": {"app_name": "chatgpt.com"},
        "local_function_names": ["local.continue_in_work"],
    }
    query = {
        "id": "uuid",
        "author": {"role": "user"},
        "content": {"content_type": "text", "parts": ["Hello"]},
    }
    assert browser.post("/f/conversation/prepare", body).status == 200
    for state in ("sent", "success"):
        more = {**body, "client_prepare_state": state, "partial_query": query}
        assert browser.post("/f/conversation/prepare", more).status == 200


def test_the_minimal_legacy_body_of_the_protocol_is_taken(browser: Browser) -> None:
    body = {
        "action": "next",
        "messages": [user_message("Hi", "uuid")],
        "parent_message_id": "uuid-0",
        "model": "auto",
        "conversation_mode": {"kind": "primary_assistant"},
        "force_use_sse": True,
        "history_and_training_disabled": True,
        "suggestions": [],
        "timezone_offset_min": -480,
        "websocket_request_id": "uuid",
        "force_nulligen": False,
        "force_paragen": False,
        "force_paragen_model_slug": "",
        "force_rate_limit": False,
        "reset_rate_limits": False,
        "supported_encodings": [],
        "conversation_origin": None,
        "variant_purpose": "comparison_implicit",
        "paragen_stream_type_override": None,
        "paragen_cot_summary_display_override": "allow",
    }
    assert browser.post("/conversation", body, browser.two_steps()).status == 200


@pytest.mark.parametrize(
    ("changes", "where", "kind"),
    [
        ({"messages": None}, ["messages"], "value_error.missing"),
        ({"action": None}, ["action"], "value_error.missing"),
        ({"parent_message_id": None}, ["parent_message_id"], "value_error.missing"),
        ({"model": None}, ["model"], "value_error.missing"),
        ({"parent_message_id": ""}, ["parent_message_id"], "value_error"),
        ({"model": ""}, ["model"], "value_error"),
        ({"conversation_id": ""}, ["conversation_id"], "value_error"),
        ({"modell": "auto"}, ["modell"], "value_error.extra"),
        ({"action": "start"}, ["action"], "type_error"),
        ({"messages": "Hello"}, ["messages"], "type_error"),
        ({"supported_encodings": ["v2"]}, ["supported_encodings", "0"], "type_error"),
        ({"system_hints": "search"}, ["system_hints"], "type_error"),
        ({"messages": [{}]}, ["messages", "0", "id"], "value_error.missing"),
        (
            {"messages": [{"id": "a", "author": {}, "content": {"content_type": "text"}}]},
            ["messages", "0", "author", "role"],
            "value_error.missing",
        ),
        ({"messages": [user_message("a", "")]}, ["messages", "0", "id"], "value_error"),
        (
            {"messages": [user_message("a", role="developer")]},
            ["messages", "0", "author", "role"],
            "value_error",
        ),
        (
            {"conversation_mode": {"kind": "gizmo_interaction"}},
            ["conversation_mode", "gizmo_id"],
            "value_error.missing",
        ),
        ({"conversation_mode": {"kind": "other"}}, ["conversation_mode", "kind"], "type_error"),
        (
            {"messages": [{**user_message("a"), "content": {"content_type": "text"}}]},
            ["messages", "0", "content", "parts"],
            "value_error.missing",
        ),
        (
            {"action": "continue", "messages": None},
            ["conversation_id"],
            "value_error.missing",
        ),
    ],
)
def test_a_misshapen_body_is_refused_with_the_place_of_the_fault(
    browser: Browser, changes: Any, where: list[str], kind: str
) -> None:
    status, detail = refusal(browser, turn_body(**changes))
    assert status == 422
    assert detail[0]["loc"] == ["body", *where]
    assert detail[0]["type"] == kind
    assert detail[0]["msg"]


def test_a_missing_field_is_told_in_the_words_of_the_service(browser: Browser) -> None:
    _, detail = refusal(browser, turn_body(messages=None))
    assert detail == [
        {"loc": ["body", "messages"], "msg": "field required", "type": "value_error.missing"}
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"thinking_effort": "low"},
        {"thinking_effort": "high"},
        {"system_hints": ["serach"]},
        {"messages": []},
        {"action": "continue", "conversation_id": "some"},
        {"messages": [{**user_message(""), "content": {
            "content_type": "multimodal_text", "parts": [{"asset_pointer": "https://x"}]}}]},
        {"messages": [{**user_message(""), "content": {
            "content_type": "text", "parts": [{
                "content_type": "image_asset_pointer",
                "asset_pointer": "file-service://file-1"}]}}]},
    ],
)  # fmt: skip
def test_a_value_that_the_service_does_not_know_is_an_invalid_body(
    browser: Browser, changes: Any
) -> None:
    assert refusal(browser, turn_body(**changes)) == (422, "Invalid conversation body")


@pytest.mark.parametrize("effort", ["standard", "extended", "max"])
def test_the_known_efforts_are_taken(browser: Browser, effort: str) -> None:
    assert browser.ask(thinking_effort=effort).status == 200


@pytest.mark.parametrize("hint", ["search", "reason", "canvas", "connector:x"])
def test_the_known_hints_are_taken(browser: Browser, hint: str) -> None:
    assert browser.ask(system_hints=[hint]).status == 200


@pytest.mark.parametrize("role", ["user", "system", "assistant", "tool", "critic"])
def test_the_known_roles_are_taken(browser: Browser, role: str) -> None:
    messages = [user_message("Be brief.", "m-0", role), user_message("Hello")]
    assert browser.ask(messages=messages).status == 200


def test_a_picture_with_a_question_is_taken(browser: Browser) -> None:
    data = draw("photo", 1024, 768)
    file_id = browser.upload("photo.png", data, "image/png", width=1024, height=768)
    pointer = {
        "content_type": "image_asset_pointer",
        "asset_pointer": f"file-service://{file_id}",
        "size_bytes": len(data),
        "width": 1024,
        "height": 768,
    }
    content = {"content_type": "multimodal_text", "parts": [pointer, "What is it?"]}
    attachment = {
        "id": file_id,
        "name": "photo.png",
        "size": len(data),
        "mimeType": "image/png",
        "width": 1024,
        "height": 768,
    }
    message = {
        **user_message(""),
        "content": content,
        "metadata": {"attachments": [attachment]},
    }
    answer = browser.ask(messages=[message])
    assert answer.status == 200
    assert b"What is it?" in answer.body


def test_other_kinds_of_content_pass_in_a_history(browser: Browser) -> None:
    content = {"content_type": "code", "text": "print(42)"}
    call = {**user_message("", "m-0", "assistant"), "content": content}
    assert browser.ask(messages=[call, user_message("Hello")]).status == 200


def test_a_turn_that_is_too_long_is_refused_as_the_service_does(emulator: Emulator) -> None:
    status, detail = refusal(Browser(emulator), turn_body("a" * 1_000_001))
    assert status == 413
    assert detail["code"] == "message_length_exceeds_limit"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"{", "application/json"), (b"\xff", "application/json"), (b"{}", "text/plain")],
)
def test_what_is_not_json_is_refused(browser: Browser, body: bytes, content_type: str) -> None:
    headers = {**browser.two_steps(), "content-type": content_type}
    request = browser.request("POST", "/f/conversation", None, headers)
    request.body = body
    answer = asyncio.run(drive(browser.app, request))
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"] == ["body"]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"client_prepare_state": None}, "client_prepare_state"),
        ({"client_prepare_state": "success"}, "partial_query"),
        ({"model": ""}, "model"),
    ],
)
def test_a_preparation_that_lacks_something_is_refused(
    browser: Browser, changes: Any, where: str
) -> None:
    body = turn_body(**{"messages": None, **changes})
    answer = browser.post("/f/conversation/prepare", body)
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"] == ["body", where]
