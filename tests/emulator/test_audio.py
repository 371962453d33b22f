"""Sound: what is read aloud, what is written down, and what is refused."""

import asyncio
from typing import Any

import pytest

from chat2api_core.emulator.endpoints.audio import MAX_RECORDING, hear, speak
from tests.emulator.browser import (
    Browser,
    Json,
    Request,
    Response,
    drive,
    messages_of,
    user_message,
)

TEXT = "Titan is the largest, schön."


def spoken_by(browser: Browser, **changes: Any) -> tuple[str, str]:
    """A conversation in which the assistant says the text: its id, and that of the message."""
    said = [user_message(TEXT, "m-said", "assistant")]
    asked: dict[str, Any] = {"messages": said, "history_and_training_disabled": False}
    answer = browser.ask(**{**asked, **changes})
    assert answer.status == 200, answer.body
    for name, message in messages_of(answer.body).items():
        if message["author"]["role"] == "assistant" and message["content"]["parts"] == [TEXT]:
            return conversation_of(answer), name
    raise AssertionError(answer.body)


def conversation_of(answer: Response) -> str:
    marker = b'"conversation_id":"'
    return answer.body.partition(marker)[2].partition(b'"')[0].decode()


def read_aloud(browser: Browser, **query: str) -> Response:
    words = "&".join(f"{name}={value}" for name, value in query.items())
    return browser.get(f"/synthesize?{words}")


def form(*parts: tuple[str, str, bytes]) -> tuple[str, bytes]:
    """A multipart body: name and file name, type, content of each part."""
    lines = b""
    for name, kind, content in parts:
        lines += b"--b\r\nContent-Disposition: form-data; name=" + name.encode()
        lines += (b"\r\nContent-Type: " + kind.encode() if kind else b"") + b"\r\n\r\n"
        lines += content + b"\r\n"
    return "multipart/form-data; boundary=b", lines + b"--b--\r\n"


def write_down(browser: Browser, *parts: tuple[str, str, bytes]) -> Response:
    kind, body = form(*parts)
    return send(browser, kind, body)


def send(browser: Browser, kind: str, body: bytes) -> Response:
    headers = browser.headers({"content-type": kind})
    request = Request("POST", f"{browser.base}/transcribe", headers, body)
    return asyncio.run(drive(browser.app, request))


FILE = '"file"; filename="a.mp3"'


@pytest.mark.parametrize(
    ("sound", "kind"), [("mp3", "audio/mpeg"), ("opus", "audio/ogg"), ("aac", "audio/aac")]
)
def test_a_message_is_read_aloud_piece_by_piece(browser: Browser, sound: str, kind: str) -> None:
    conversation, message = spoken_by(browser)
    answer = read_aloud(
        browser, message_id=message, conversation_id=conversation, voice="vale", format=sound
    )

    assert answer.status == 200
    assert answer.header("content-type") == kind
    assert len([chunk for chunk in answer.chunks if chunk]) > 1
    assert answer.body == speak(TEXT, "vale", sound)
    assert hear(answer.body) == TEXT


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"voice": "alloy"}, 422),
        ({"format": "wav"}, 422),
        ({"message_id": ""}, 422),
        ({"message_id": "m-unknown"}, 404),
        ({"conversation_id": "unknown"}, 404),
    ],
)
def test_a_wish_that_is_wrong_is_refused(
    browser: Browser, changes: dict[str, str], status: int
) -> None:
    conversation, message = spoken_by(browser)
    wish = {"message_id": message, "conversation_id": conversation} | changes

    assert read_aloud(browser, **wish).status == status


def test_only_the_assistant_is_read_aloud(browser: Browser) -> None:
    answer = browser.ask(history_and_training_disabled=False)
    wish = {"message_id": "m-user", "conversation_id": conversation_of(answer)}

    assert read_aloud(browser, **wish).status == 404


def test_a_temporary_chat_is_not_read_aloud(browser: Browser) -> None:
    conversation, message = spoken_by(browser, history_and_training_disabled=True)

    wish = {"message_id": message, "conversation_id": conversation}
    assert read_aloud(browser, **wish).status == 404


def test_nobody_hears_a_hidden_conversation(browser: Browser) -> None:
    conversation, message = spoken_by(browser)
    browser.call("PATCH", f"/conversation/{conversation}", {"is_visible": False})

    wish = {"message_id": message, "conversation_id": conversation}
    assert read_aloud(browser, **wish).status == 404


def test_what_was_read_aloud_is_written_down_again(browser: Browser) -> None:
    sound = speak(TEXT, "cove", "opus")
    answer = write_down(browser, (FILE, "audio/ogg", sound), ('"language"', "", b"en"))

    assert answer.status == 200
    assert answer.json == {"text": TEXT}


def test_of_any_other_recording_it_tells_the_length(browser: Browser) -> None:
    assert write_down(browser, (FILE, "audio/mpeg", b"12345")).json == {
        "text": "A recording of 5 bytes."
    }


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([], 422),
        ([('"language"', "", b"en")], 422),
        ([('"audio"; filename="a.mp3"', "audio/mpeg", b"1")], 422),
        ([(FILE, "audio/mpeg", b"1"), (FILE, "audio/mpeg", b"2")], 422),
        ([(FILE, "audio/mpeg", b"1"), ('"model"', "", b"whisper-1")], 422),
        ([(FILE, "audio/mpeg", b"1"), ('"language"', "", b"English!")], 400),
        ([(FILE, "audio/mpeg", b"")], 400),
        ([(FILE, "text/plain", b"1")], 415),
        ([(FILE, "", b"1")], 415),
        ([(FILE, "audio/mpeg", bytes(MAX_RECORDING + 1))], 413),
    ],
)
def test_a_form_that_is_wrong_is_refused(
    browser: Browser, parts: list[tuple[str, str, bytes]], status: int
) -> None:
    assert write_down(browser, *parts).status == status


def test_a_body_that_is_no_form_is_refused(browser: Browser) -> None:
    body: Json = {"file": "x"}
    assert browser.post("/transcribe", body).status == 422
    kind, _ = form()
    assert send(browser, kind, b"no form").status == 400


def test_nobody_is_heard_without_a_login(anonymous: Browser) -> None:
    assert write_down(anonymous, (FILE, "audio/mpeg", b"1")).status in {401, 404}
