"""The bodies of a turn: exactly what the web backend takes."""

import json
from collections.abc import Callable

import pytest

from chat2api_core.media.asset import Asset
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Effort, File, Image, Message, Part, Prompt, Role, Text, Thread
from chat2api_core.upstreams.chatgpt_web.request import (
    Outgoing,
    continue_body,
    conversation_body,
    legacy_body,
)

NOW = 1787300000.125
THREAD = Thread("conv-1", "m-9")


class Counting:
    """Ids that can be told apart: u1, u2, ..."""

    def __init__(self) -> None:
        self._count = 0

    def uuid(self) -> str:
        self._count += 1
        return f"u{self._count}"

    def hex(self, digits: int) -> str:
        return "0" * digits

    def random(self) -> float:
        return 0.5


def say(role: Role, text: str) -> Message:
    return Message(role, (Text(text),))


def ask(*messages: Message, **rest: object) -> Prompt:
    return Prompt("auto", messages or (say("user", "Name three moons."),), **rest)  # type: ignore[arg-type]


def current(prompt: Prompt, *, history_disabled: bool = False) -> Outgoing:
    return conversation_body(prompt, ids=Counting(), now=NOW, history_disabled=history_disabled)


def legacy(prompt: Prompt, *, history_disabled: bool = False) -> Outgoing:
    return legacy_body(prompt, ids=Counting(), history_disabled=history_disabled)


USER_METADATA = {
    "developer_mode_connector_ids": [],
    "selected_sources": [],
    "selected_github_repos": [],
    "selected_all_github_repos": False,
    "serialization_metadata": {"custom_symbol_offsets": []},
    "system_hints": [],
    "submission_mode": "manual_send",
}
QUESTION = {
    "id": "u1",
    "author": {"role": "user"},
    "create_time": NOW,
    "content": {"content_type": "text", "parts": ["Name three moons."]},
    "metadata": USER_METADATA,
}
CURRENT = {
    "action": "next",
    "messages": [QUESTION],
    "parent_message_id": "client-created-root",
    "model": "auto",
    "client_prepare_state": "success",
    "timezone_offset_min": 0,
    "timezone": "UTC",
    "conversation_mode": {"kind": "primary_assistant"},
    "system_hints": [],
    "supported_encodings": ["v1"],
    "client_contextual_info": {"app_name": "chatgpt.com"},
    "history_and_training_disabled": False,
    "paragen_cot_summary_display_override": "allow",
    "force_parallel_switch": "auto",
}
PREPARE = {
    "action": "next",
    "fork_from_shared_post": False,
    "parent_message_id": "client-created-root",
    "model": "auto",
    "client_prepare_state": "success",
    "client_prepare_dispatch": "debounced",
    "client_prepare_source": "composer_editor_state",
    "timezone_offset_min": 0,
    "timezone": "UTC",
    "conversation_mode": {"kind": "primary_assistant"},
    "system_hints": [],
    "supported_encodings": ["v1"],
    "client_contextual_info": {"app_name": "chatgpt.com"},
    "partial_query": {
        "id": "u1",
        "author": {"role": "user"},
        "content": {"content_type": "text", "parts": ["Name three moons."]},
    },
}
LEGACY = {
    "action": "next",
    "messages": [
        {
            "id": "u1",
            "author": {"role": "user"},
            "content": {"content_type": "text", "parts": ["Name three moons."]},
            "metadata": {},
        }
    ],
    "parent_message_id": "u2",
    "model": "auto",
    "conversation_mode": {"kind": "primary_assistant"},
    "system_hints": [],
    "history_and_training_disabled": False,
    "timezone_offset_min": 0,
    "timezone": "UTC",
    "conversation_origin": None,
    "force_nulligen": False,
    "force_paragen": False,
    "force_paragen_model_slug": "",
    "force_rate_limit": False,
    "force_use_sse": True,
    "paragen_cot_summary_display_override": "allow",
    "paragen_stream_type_override": None,
    "reset_rate_limits": False,
    "suggestions": [],
    "supported_encodings": [],
    "variant_purpose": "comparison_implicit",
    "websocket_request_id": "u3",
}


def test_a_question_in_the_current_form() -> None:
    outgoing = current(ask())
    assert json.loads(outgoing.body) == CURRENT
    assert json.loads(outgoing.prepare) == PREPARE
    assert outgoing.sent_ids == {"u1"}
    assert outgoing.sent_texts == frozenset()


def test_a_question_in_the_legacy_form() -> None:
    outgoing = legacy(ask())
    assert json.loads(outgoing.body) == LEGACY
    assert outgoing.prepare == b""
    assert outgoing.sent_ids == {"u1"}
    assert outgoing.sent_texts == frozenset()


HISTORY = (
    say("user", "Hi"),
    say("system", "Be brief."),
    say("assistant", "Hello!"),
    say("user", "Why?"),
)


@pytest.mark.parametrize("form", [current, legacy])
def test_a_history_is_uploaded_and_remembered(form: Callable[[Prompt], Outgoing]) -> None:
    outgoing = form(ask(*HISTORY))
    messages = json.loads(outgoing.body)["messages"]
    assert [(m["author"], m["content"]["parts"]) for m in messages] == [
        ({"role": "system"}, ["Be brief."]),
        ({"role": "user"}, ["Hi"]),
        ({"role": "assistant"}, ["Hello!"]),
        ({"role": "user"}, ["Why?"]),
    ]
    assert [m["id"] for m in messages] == ["u1", "u2", "u3", "u4"]
    assert outgoing.sent_ids == {"u1", "u2", "u3", "u4"}
    assert outgoing.sent_texts == {"Hello!"}


def test_only_the_users_messages_come_from_the_composer() -> None:
    messages = json.loads(current(ask(*HISTORY)).body)["messages"]
    assert [bool(m["metadata"]) for m in messages] == [False, True, False, True]


def test_the_composer_shows_the_last_message() -> None:
    query = json.loads(current(ask(*HISTORY)).prepare)["partial_query"]
    assert query["id"] == "u4"
    assert query["content"]["parts"] == ["Why?"]


def test_a_kept_conversation_goes_on_after_its_parent() -> None:
    outgoing = current(ask(*HISTORY, thread=THREAD))
    for body in (json.loads(outgoing.body), json.loads(outgoing.prepare)):
        assert body["conversation_id"] == "conv-1"
        assert body["parent_message_id"] == "m-9"
    assert len(json.loads(outgoing.body)["messages"]) == 1
    assert outgoing.sent_texts == frozenset()
    older = json.loads(legacy(ask(*HISTORY, thread=THREAD)).body)
    assert (older["conversation_id"], older["parent_message_id"]) == ("conv-1", "m-9")


@pytest.mark.parametrize(
    ("thread", "param"),
    [
        (Thread("conv-1"), "parent_message_id"),
        (Thread("", "m-9"), "conversation_id"),
        (Thread(""), "conversation_id"),
    ],
)
@pytest.mark.parametrize("form", [current, legacy])
def test_half_a_thread_is_refused(
    thread: Thread, param: str, form: Callable[[Prompt], Outgoing]
) -> None:
    with pytest.raises(Problem) as caught:
        form(ask(*HISTORY, thread=thread))
    assert caught.value.kind is Kind.INVALID_REQUEST
    assert caught.value.param == param


CAT = Image("data:image/png;base64,Y2F0")
NOTES = File("notes.md", "data:text/markdown;base64,Iw==")
UPLOADED: dict[Image | File, Asset] = {
    CAT: Asset("file-cat", "cat.png", 3, "image/png", width=4, height=2),
    NOTES: Asset("file-notes", "notes.md", 1, "text/markdown", tokens=7),
}
POINTER = {
    "content_type": "image_asset_pointer", "asset_pointer": "file-service://file-cat",
    "size_bytes": 3, "width": 4, "height": 2,
}  # fmt: skip
ATTACHED = {"source": "library", "is_big_paste": False, "library_file_id": None}
CAT_ATTACHED = ATTACHED | {
    "id": "file-cat", "name": "cat.png", "size": 3, "mimeType": "image/png",
    "mime_type": "image/png", "width": 4, "height": 2,
}  # fmt: skip
NOTES_ATTACHED = ATTACHED | {
    "id": "file-notes", "name": "notes.md", "size": 1, "mimeType": "text/markdown",
    "mime_type": "text/markdown", "file_token_size": 7,
}  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "content", "attached"),
    [
        ((Text("See:"), CAT),
         {"content_type": "multimodal_text", "parts": [POINTER, "See:"]}, [CAT_ATTACHED]),
        ((CAT,), {"content_type": "multimodal_text", "parts": [POINTER]}, [CAT_ATTACHED]),
        ((CAT, CAT), {"content_type": "multimodal_text", "parts": [POINTER]}, [CAT_ATTACHED]),
        ((NOTES, Text("Sum up.")),
         {"content_type": "text", "parts": ["Sum up."]}, [NOTES_ATTACHED]),
        ((NOTES,), {"content_type": "text", "parts": [""]}, [NOTES_ATTACHED]),
        ((NOTES, CAT, Text("Both.")),
         {"content_type": "multimodal_text", "parts": [POINTER, "Both."]},
         [NOTES_ATTACHED, CAT_ATTACHED]),
    ],
)  # fmt: skip
def test_pictures_are_pointed_to_and_every_file_is_attached(
    parts: tuple[Part, ...], content: object, attached: list[object]
) -> None:
    prompt = ask(Message("user", parts))
    outgoing = conversation_body(
        prompt, ids=Counting(), now=NOW, history_disabled=True, uploaded=UPLOADED
    )
    (message,) = json.loads(outgoing.body)["messages"]
    assert message["content"] == content
    assert message["metadata"]["attachments"] == attached
    assert message["metadata"]["submission_mode"] == "manual_send"
    prepared = json.loads(outgoing.prepare)
    types = [
        CAT_ATTACHED["mime_type"] if one is CAT_ATTACHED else "text/markdown" for one in attached
    ]
    assert prepared["attachment_mime_types"] == types
    assert prepared["partial_query"]["content"]["content_type"] == "text"

    older = legacy_body(prompt, ids=Counting(), history_disabled=True, uploaded=UPLOADED)
    (message,) = json.loads(older.body)["messages"]
    assert message["content"] == content
    assert message["metadata"] == {"attachments": attached}


def test_without_any_file_nothing_is_said_of_files() -> None:
    body, prepared = json.loads(current(ask()).body), json.loads(current(ask()).prepare)
    assert "attachments" not in body["messages"][0]["metadata"]
    assert "attachment_mime_types" not in prepared
    assert json.loads(legacy(ask()).body)["messages"][0]["metadata"] == {}


def test_a_gpt_is_an_interaction_of_its_own() -> None:
    prompt = Prompt("gpt-4-gizmo-g-abc123", (say("user", "Hi"),))
    outgoing = current(prompt)
    for raw in (outgoing.body, outgoing.prepare, legacy(prompt).body):
        body = json.loads(raw)
        assert body["conversation_mode"] == {"kind": "gizmo_interaction", "gizmo_id": "g-abc123"}
        assert body["model"] == "auto"
        assert body.get("history_and_training_disabled", False) is False


@pytest.mark.parametrize(
    ("model", "effort", "slug", "word"),
    [
        ("gpt-5.5", None, "gpt-5-5", None),
        ("gpt-5.5", "high", "gpt-5-5", "max"),
        ("gpt-5.5-medium", None, "gpt-5-5", "extended"),
        ("gpt-5.5-high", "low", "gpt-5-5", "standard"),
        ("gpt-5.5-high", "none", "gpt-5-5", "standard"),
    ],
)
def test_the_effort_of_the_request_counts_more_than_that_of_the_name(
    model: str, effort: Effort | None, slug: str, word: str | None
) -> None:
    prompt = Prompt(model, (say("user", "Hi"),), effort=effort)
    outgoing = current(prompt)
    for raw in (outgoing.body, outgoing.prepare, legacy(prompt).body):
        body = json.loads(raw)
        assert body["model"] == slug
        assert body.get("thinking_effort") == word


def test_hints_stand_in_the_body_and_in_the_users_messages() -> None:
    outgoing = current(ask(*HISTORY, hints=("search", "reason")))
    body = json.loads(outgoing.body)
    assert body["system_hints"] == ["search", "reason"]
    assert json.loads(outgoing.prepare)["system_hints"] == ["search", "reason"]
    hints = [m["metadata"].get("system_hints") for m in body["messages"]]
    assert hints == [None, ["search", "reason"], None, ["search", "reason"]]


@pytest.mark.parametrize(
    ("temporary", "setting", "disabled"),
    [
        (None, False, False),
        (None, True, True),
        (True, False, True),
        (False, True, False),
    ],
)
def test_a_chat_is_temporary_as_the_prompt_says_else_as_the_gateway_is_set(
    temporary: bool | None, setting: bool, disabled: bool
) -> None:
    for thread in (None, THREAD):
        prompt = ask(temporary=temporary, thread=thread)
        for outgoing in (
            current(prompt, history_disabled=setting),
            legacy(prompt, history_disabled=setting),
        ):
            assert json.loads(outgoing.body)["history_and_training_disabled"] is disabled


def test_a_cut_answer_is_continued_without_messages() -> None:
    outgoing = continue_body(ask(), THREAD, ids=Counting(), history_disabled=False)
    expected = {
        **CURRENT,
        "action": "continue",
        "conversation_id": "conv-1",
        "parent_message_id": "m-9",
    }
    del expected["messages"]
    assert json.loads(outgoing.body) == expected
    prepared = {
        **PREPARE,
        "action": "continue",
        "client_prepare_state": "none",
        "conversation_id": "conv-1",
        "parent_message_id": "m-9",
    }
    del prepared["partial_query"]
    assert json.loads(outgoing.prepare) == prepared
    assert outgoing.sent_ids == frozenset()


def test_a_cut_answer_is_continued_in_the_legacy_form() -> None:
    outgoing = continue_body(ask(), THREAD, ids=Counting(), history_disabled=True, legacy=True)
    expected = {
        **LEGACY,
        "action": "continue",
        "conversation_id": "conv-1",
        "parent_message_id": "m-9",
        "history_and_training_disabled": True,
        "websocket_request_id": "u1",
    }
    del expected["messages"]
    assert json.loads(outgoing.body) == expected
    assert outgoing.prepare == b""
