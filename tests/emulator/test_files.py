"""Files at the emulated service: uploads step by step, every way to download, refusals."""

import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from chat2api_core.emulator import Code, Emulator, Image, Reply, Say, Written, make_access_token
from chat2api_core.emulator.pixels import draw, size_of
from chat2api_core.emulator.shelf import POD_SECONDS, TICKET_SECONDS
from tests.emulator.browser import (
    Browser,
    Json,
    Response,
    first_id,
    last_answer,
    messages_of,
    user_message,
)
from tests.fakes import FakeClock

PNG = draw("photo", 5, 4)
TEXT = b"Titan is big.\n" * 10
HOST = {"host": "chatgpt.test"}


@pytest.fixture
def browser(emulator: Emulator) -> Browser:
    return Browser(emulator, extra=HOST)


@pytest.fixture
def stranger(emulator: Emulator) -> Browser:
    token = make_access_token(account_id="another", user_id="user-another")
    return Browser(emulator, token=token, extra=HOST)


def code_of(response: Response) -> str:
    body = response.json
    return str(body.get("error_code") or body["detail"]["code"])


# ------------------------------------------------------------------------------------- uploading


def test_an_upload_takes_three_steps_and_can_be_fetched_again(browser: Browser) -> None:
    told = browser.announce("a.txt", TEXT, "text/plain").json
    assert told["status"] == "success"
    assert told["file_id"].startswith("file-")
    assert told["upload_url"].startswith(f"http://chatgpt.test/blob/{told['file_id']}?se=")
    assert told["library_file_id"] is None
    path = f"/files/{told['file_id']}"
    assert browser.get(path).json["state"] == "uploading"

    assert browser.put(told["upload_url"], TEXT, "text/plain").status == 201
    done = browser.post(f"{path}/uploaded", {}).json
    assert done["status"] == "success"
    assert done["file_name"] == "a.txt"
    assert browser.fetch(done["download_url"]).body == TEXT

    found = browser.get(f"{path}/download").json
    assert found["file_name"] == "a.txt"
    assert browser.fetch(found["download_url"]).body == TEXT


def test_a_document_is_being_indexed_when_it_is_first_asked_for(browser: Browser) -> None:
    file_id = browser.upload("a.txt", TEXT, "text/plain")
    first, second = (browser.get(f"/files/{file_id}").json for _ in range(2))
    assert first["state"] == "ready"
    assert (first["size"], first["name"], first["use_case"]) == (140, "a.txt", "my_files")
    assert first["retrieval_index_status"] == "running"
    assert second["retrieval_index_status"] == "success"
    assert second["file_size_tokens"] == 35


def test_a_document_can_be_processed_line_by_line_instead(browser: Browser) -> None:
    told = browser.announce("a.txt", TEXT, "text/plain").json
    browser.put(told["upload_url"], TEXT, "text/plain")
    body = {
        "file_id": told["file_id"], "use_case": "my_files", "index_for_retrieval": True,
        "file_name": "a.txt", "entry_surface": "composer",
    }  # fmt: skip
    answer = browser.post("/files/process_upload_stream", body)
    lines = [Response(chunks=[line]).json for line in answer.body.splitlines()]
    assert [line["event"] for line in lines] == [
        "file.processing.started",
        "file.processing.metadata",
        "file.indexing.completed",
    ]
    assert lines[1]["extra"]["mime_type"] == "text/plain"
    state = browser.get(f"/files/{told['file_id']}").json
    assert state["retrieval_index_status"] == "success"
    wrong = browser.post("/files/process_upload_stream", {**body, "use_case": "ace_upload"})
    assert wrong.status == 422


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"file_name": ""}, 422),
        ({"file_size": 0}, 422),
        ({"file_size": 10**9}, 413),
        ({"use_case": "photos"}, 422),
        ({"use_case": "multimodal"}, 422),
        ({"mime_type": "image/png"}, 422),
        ({"mime_type": "image/png", "use_case": "multimodal", "width": 5}, 422),
        ({"mime_type": "image/png", "width": 5, "height": 4}, 422),
        ({"path": "/etc"}, 422),
        ({"store_in_library": True, "library_persistence_mode": "opportunistic"}, 200),
        ({"mime_type": "application/pdf", "use_case": "multimodal"}, 200),
        ({"use_case": "ace_upload", "timezone_offset_min": 420}, 200),
    ],
)
def test_an_announcement_has_to_make_sense(
    browser: Browser, changes: dict[str, Any], status: int
) -> None:
    assert browser.announce("a.txt", TEXT, "text/plain", **changes).status == status


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"x_ms_blob_type": None}, 400, "MissingRequiredHeader"),
        ({"x_ms_version": None}, 400, "MissingRequiredHeader"),
        ({"content_type": None}, 400, "MissingRequiredHeader"),
        ({"x_ms_blob_type": "PageBlob"}, 400, "InvalidHeaderValue"),
        ({"content_length": None}, 411, "MissingContentLengthHeader"),
        ({"authorization": "Bearer x"}, 400, "InvalidAuthenticationInfo"),
        ({"cookie": "a=b"}, 400, "InvalidAuthenticationInfo"),
        ({"oai_device_id": "x"}, 400, "InvalidAuthenticationInfo"),
    ],
)
def test_a_blob_wants_its_own_headers_and_no_others(
    browser: Browser, headers: dict[str, str | None], status: int, code: str
) -> None:
    told = browser.announce("a.txt", TEXT, "text/plain").json
    answer = browser.put(told["upload_url"], TEXT, "text/plain", **headers)
    assert answer.status == status
    assert answer.header("content-type") == "application/xml"
    assert f"<Code>{code}</Code>".encode() in answer.body


def test_a_signature_serves_one_purpose_for_a_while(browser: Browser, clock: FakeClock) -> None:
    told = browser.announce("a.txt", TEXT, "text/plain").json
    url = told["upload_url"]
    assert browser.fetch(url).status == 403  # for putting only
    assert browser.put(url.replace("sig=", "sig=0"), TEXT, "text/plain").status == 403
    clock.advance(TICKET_SECONDS)
    late = browser.put(url, TEXT, "text/plain")
    assert late.status == 403
    assert b"AuthenticationFailed" in late.body


def test_what_comes_has_to_be_what_was_announced(browser: Browser) -> None:
    told = browser.announce("a.txt", TEXT, "text/plain").json
    path = f"/files/{told['file_id']}"
    assert code_of(browser.post(f"{path}/uploaded", {})) == "file_not_uploaded"
    assert browser.get(f"{path}/download").status == 404
    browser.put(told["upload_url"], TEXT[:-1], "text/plain")
    assert code_of(browser.post(f"{path}/uploaded", {})) == "file_size_mismatch"


@pytest.mark.parametrize(
    ("data", "width", "height"), [(PNG, 4, 5), (b"no picture", 5, 4), (TEXT, 5, 4)]
)
def test_a_picture_has_to_be_the_announced_one(
    browser: Browser, data: bytes, width: int, height: int
) -> None:
    told = browser.announce("a.png", data, "image/png", width=width, height=height).json
    browser.put(told["upload_url"], data, "image/png")
    assert code_of(browser.post(f"/files/{told['file_id']}/uploaded", {})) == "invalid_image"


def test_a_file_is_not_there_for_others_nor_when_it_was_deleted(
    browser: Browser, stranger: Browser, anonymous: Browser
) -> None:
    path = f"/files/{browser.upload('a.txt', TEXT, 'text/plain')}"
    assert code_of(stranger.get(path)) == "file_not_found"
    assert code_of(stranger.get(f"{path}/download")) == "file_not_found"
    assert anonymous.get(path).status == 404
    assert stranger.call("DELETE", path).status == 404
    assert browser.call("DELETE", path).json == {"success": True}
    assert browser.get(path).status == 404


# -------------------------------------------------------------------------------------- in a turn


def picture(browser: Browser) -> tuple[Json, Json]:
    """A pointer and an attachment that are right."""
    file_id = browser.upload("a.png", PNG, "image/png", width=5, height=4)
    size = {"width": 5, "height": 4}
    pointer = {"content_type": "image_asset_pointer", "size_bytes": len(PNG), **size}
    attachment = {"id": file_id, "name": "a.png", "size": len(PNG), "mime_type": "image/png"}
    return {**pointer, "asset_pointer": f"file-service://{file_id}"}, {**attachment, **size}


@pytest.mark.parametrize(
    ("in_pointer", "in_attachment", "status"),
    [
        ({}, {}, 200),
        ({"asset_pointer": "file-service://file-x"}, {}, 404),
        ({"width": 6}, {}, 422),
        ({"size_bytes": 1}, {}, 422),
        ({}, {"id": "file-x"}, 404),
        ({}, {"size": 1}, 422),
        ({}, {"name": ""}, 422),
        ({}, {"mime_type": "image/jpeg"}, 422),
        ({}, {"mimeType": "image/png", "mime_type": None}, 200),
        ({}, {"height": 5}, 422),
    ],
)
def test_a_turn_has_to_tell_the_truth_about_its_files(
    browser: Browser, in_pointer: Json, in_attachment: Json, status: int
) -> None:
    pointer, attachment = picture(browser)
    content = {"content_type": "multimodal_text", "parts": [{**pointer, **in_pointer}, "What?"]}
    metadata = {"attachments": [{**attachment, **in_attachment}]}
    message = {**user_message(""), "content": content, "metadata": metadata}
    assert browser.ask(messages=[message]).status == status


def test_a_picture_that_is_no_attachment_is_refused(browser: Browser) -> None:
    pointer, _ = picture(browser)
    content = {"content_type": "multimodal_text", "parts": [pointer, "What?"]}
    assert browser.ask(messages=[{**user_message(""), "content": content}]).status == 422


def test_a_document_is_an_attachment_alone_once_it_is_ready(browser: Browser) -> None:
    told = browser.announce("a.txt", TEXT, "text/plain").json
    entry = {"id": told["file_id"], "name": "a.txt", "size": len(TEXT), "mime_type": "text/plain"}
    message = {**user_message("Read it."), "metadata": {"attachments": [entry]}}
    assert browser.ask(messages=[message]).status == 404
    browser.put(told["upload_url"], TEXT, "text/plain")
    browser.post(f"/files/{told['file_id']}/uploaded", {})
    assert browser.ask(messages=[message]).status == 200
    pointer = {
        "content_type": "image_asset_pointer", "size_bytes": len(TEXT), "width": 0, "height": 0,
        "asset_pointer": f"file-service://{told['file_id']}",
    }  # fmt: skip
    content = {"content_type": "multimodal_text", "parts": [pointer, "What?"]}
    assert browser.ask(messages=[{**message, "content": content}]).status == 422


# ------------------------------------------------------------------------------------- downloading


def test_a_picture_of_an_answer_is_an_attachment_of_its_conversation(
    browser: Browser, emulator: Emulator, stranger: Browser
) -> None:
    emulator.script.push(Reply((Image("sediment://file_0001", "A moon", width=64, height=32),)))
    thread = first_id(browser.ask().body)
    assert browser.get("/files/file_0001/download").status == 404
    path = f"/conversation/{thread}/attachment/file_0001/download"
    url = browser.get(path).json["download_url"]
    assert url.startswith("http://chatgpt.test/backend-api/estuary/content?id=file_0001&ts=")
    answer = browser.fetch(url)
    assert answer.header("content-type") == "image/png"
    assert size_of(answer.body) == (64, 32)

    newer = browser.get(f"/files/download/file_0001?conversation_id={thread}&inline=false").json
    assert newer["download_url"].startswith("/backend-api/estuary/content?")
    assert browser.fetch(newer["download_url"]).body == answer.body
    assert browser.get("/files/download/file_0001").status == 404
    assert browser.get("/files/download/file_0002").status == 404

    assert stranger.get(path).status == 404
    assert stranger.fetch(url).status == 403
    assert Browser(emulator, token="x", extra=HOST).fetch(url).status == 401


def test_nothing_of_a_temporary_chat_can_be_fetched_later(
    browser: Browser, emulator: Emulator
) -> None:
    emulator.script.push(Reply((Image("sediment://file_0001", "A moon"),)))
    thread = first_id(browser.ask(history_and_training_disabled=True).body)
    answer = browser.get(f"/conversation/{thread}/attachment/file_0001/download")
    assert code_of(answer) == "conversation_not_found"


CSV = Written("/mnt/data/a b.csv", "x,y\n1,2\n")
MADE = Reply(
    (
        Code(("plot()",), "ok", "file-service://file-plot", (CSV,)),
        Say(("See [it](sandbox:/mnt/data/a b.csv).",)),
    )
)


def test_what_code_wrote_is_fetched_by_its_path_and_message(
    browser: Browser, emulator: Emulator, clock: FakeClock
) -> None:
    emulator.script.push(MADE)
    answer = browser.ask()
    thread, message = first_id(answer.body), last_answer(answer.body)
    path = f"/conversation/{thread}/interpreter/download"
    query = f"message_id={message}&sandbox_path=%2Fmnt%2Fdata%2Fa+b.csv"
    found = browser.get(f"{path}?{query}").json
    fetched = browser.fetch(found["download_url"])
    assert fetched.body == b"x,y\n1,2\n"
    assert fetched.header("content-disposition") == "attachment; filename*=UTF-8''a%20b.csv"
    body = {"message_id": message, "sandbox_path": CSV.path}
    assert browser.post(path, body).json["status"] == "success"

    assert code_of(browser.get(f"{path}?{query}x")) == "message_not_found"
    assert browser.get(f"{path}?message_id=nobody&sandbox_path=/x").status == 404
    gone = browser.get(f"{path}?message_id={message}&sandbox_path=%2Fmnt%2Fdata%2Fa")
    assert (gone.status, code_of(gone)) == (200, "file_not_found")
    clock.advance(POD_SECONDS)
    late = browser.get(f"{path}?{query}")
    assert (late.status, code_of(late)) == (200, "ace_pod_expired")


def test_a_plot_is_a_file_of_the_older_kind(browser: Browser, emulator: Emulator) -> None:
    emulator.script.push(MADE)
    stream = browser.ask().body
    found = browser.get("/files/file-plot/download").json
    plot = browser.fetch(found["download_url"])
    assert size_of(plot.body) == (640, 480)
    output = next(
        m
        for m in messages_of(stream).values()
        if m["content"]["content_type"] == "execution_output"
    )
    shown = output["metadata"]["aggregate_result"]["messages"][1]
    assert shown["image_url"] == "file-service://file-plot"


def test_the_built_in_model_shows_files(browser: Browser) -> None:
    answer = browser.ask("/emulate files")
    assert b"sandbox:/mnt" in answer.body


@pytest.mark.parametrize(
    ("span", "status", "body", "said"),
    [
        ("bytes=0-4", 206, b"Titan", "bytes 0-4/140"),
        ("bytes=130-", 206, b"n is big.\n"[:10], "bytes 130-139/140"),
        ("bytes=9-999", 206, TEXT[9:], "bytes 9-139/140"),
        ("bytes=140-", 416, b"", "bytes */140"),
        ("bytes=-5", 416, b"", "bytes */140"),
        ("lines=1", 200, TEXT, ""),
    ],
)
def test_a_part_of_a_blob_can_be_fetched(
    browser: Browser, span: str, status: int, body: bytes, said: str
) -> None:
    file_id = browser.upload("a.txt", TEXT, "text/plain")
    url = browser.get(f"/files/{file_id}/download").json["download_url"]
    answer = browser.fetch(url, range=span)
    assert (answer.status, answer.body, answer.header("content-range")) == (status, body, said)


def test_a_blob_must_not_be_shown_a_login(browser: Browser) -> None:
    file_id = browser.upload("a.txt", TEXT, "text/plain")
    url = browser.get(f"/files/{file_id}/download").json["download_url"]
    assert browser.fetch(url, authorization="Bearer x").status == 400
    assert browser.fetch(url.replace("sig=", "sig=0")).status == 403


def test_a_private_gateway_keeps_its_key_from_blobs(make: Callable[..., Emulator]) -> None:
    browser = Browser(make(auth_key="secret"), extra={**HOST, "auth_key": "secret"})
    file_id = browser.upload("a.txt", TEXT, "text/plain")
    assert browser.get(f"/files/{file_id}").status == 200
    browser.extra.pop("auth_key")
    assert browser.get(f"/files/{file_id}").status == 403


def test_the_oldest_files_are_forgotten(browser: Browser) -> None:
    first = browser.upload("a.txt", TEXT, "text/plain")
    for _ in range(2000):
        browser.announce("b.txt", TEXT, "text/plain")
    assert browser.get(f"/files/{first}").status == 404


def test_a_reset_forgets_all_files(browser: Browser, emulator: Emulator) -> None:
    file_id = browser.upload("a.txt", TEXT, "text/plain")
    emulator.reset()
    assert browser.get(f"/files/{file_id}").status == 404


# ----------------------------------------------------------------------------------------- pixels


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 2), (8, 1), (64, 32), (1024, 768)])
def test_a_drawn_picture_is_a_whole_png(width: int, height: int) -> None:
    data = draw("moon", width, height)
    assert size_of(data) == (width, height)
    at, kinds, pixels = 8, [], b""
    while at < len(data):
        length = struct.unpack(">I", data[at : at + 4])[0]
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(
            kind + body
        )
        kinds.append(kind)
        pixels += body if kind == b"IDAT" else b""
        at += 12 + length
    assert kinds == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert len(zlib.decompress(pixels)) == height * (1 + (width + 7) // 8)
    assert draw("moon", width, height) == data != draw("sun", width, height)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"GIF89a\x05\x00\x04\x00", (5, 4)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", (0, 0)),
        (b"\xff\xd8\xff\xe0", (0, 0)),
        (b"%PDF-1.7", None),
        (b"", None),
    ],
)
def test_pictures_are_known_by_their_first_bytes(data: bytes, size: tuple[int, int] | None) -> None:
    assert size_of(data) == size
