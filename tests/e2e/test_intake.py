"""Pictures and files on their way in, from the official client to the emulated service."""

import base64
import ipaddress
import re
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.ambient import SystemClock, SystemIds
from chat2api_core.config import Settings
from chat2api_core.emulator import DEMO_ACCESS_TOKEN, At, Named, make_access_token
from chat2api_core.fetch.fetcher import Fetcher
from chat2api_core.secret import Secret
from chat2api_core.server import application, serving
from chat2api_core.wiring import Gateway
from chat2api_core.wiring.media import MediaKit
from tests.bench.process import serving as process
from tests.e2e.conftest import KEY, Api, Upstream
from tests.e2e.official import sdk


def png(width: int, height: int, filling: int = 0) -> bytes:
    """A PNG, with so many bytes of noise in it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x40" * width) * height)
    noise = chunk(b"tEXt", b"x" * filling) if filling else b""
    body = chunk(b"IHDR", head) + noise + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


PNG = png(4, 3)
PDF = b"%PDF-1.7 a document"


def data_url(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def picture(url: str) -> Any:
    return {"type": "image_url", "image_url": {"url": url}}


def file(name: str, data: str) -> Any:
    return {"type": "file", "file": {"filename": name, "file_data": data}}


def text(words: str) -> Any:
    return {"type": "text", "text": words}


class Shelf(ThreadingHTTPServer):
    """Files of the Web, and who asked for them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Clerk)
        self.asked: list[str] = []
        self.files: dict[str, tuple[str, bytes]] = {
            "/cat.png": ("image/png", PNG),
            "/report.pdf": ("application/pdf", PDF),
            "/page": ("text/html; charset=utf-8", b"<html>hello</html>"),
            "/liar.png": ("image/png", b"<html>not a picture</html>"),
        }

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Clerk(BaseHTTPRequestHandler):
    server: Shelf

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        mime, data = self.server.files.get(self.path, ("", b""))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("location", "http://169.254.169.254/latest/meta-data/")
        else:
            self.send_response(200 if mime else 404)
        self.send_header("content-type", mime)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        return


@pytest.fixture
def web() -> Iterator[Shelf]:
    with Shelf() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class NearKit(MediaKit):
    """Fetches from this machine too, where the tests' files are."""

    @cached_property
    def fetcher(self) -> Fetcher:
        loopback = (ipaddress.IPv4Network("127.0.0.0/8"),)
        return Fetcher(limit=self._settings.max_file, user_agent="test", allowed=loopback)


class Neighbour(Gateway):
    """A gateway that may do so."""

    @cached_property
    def media(self) -> MediaKit:
        return NearKit(self.settings, self.ground, web=lambda: self.web, clock=self.clock)


Begin = Callable[..., Api]


@pytest.fixture
def begin(emulator: Upstream) -> Iterator[Begin]:
    """Serve the application with these settings."""
    with ExitStack() as stack:

        def start(kind: type[Gateway] = Neighbour, **changes: Any) -> Api:
            known: dict[str, Any] = {
                "auth_tokens": (Secret(KEY),),
                "accounts": (Account(access_token=Secret(DEMO_ACCESS_TOKEN)),),
                "base_urls": (emulator.url,),
                "auth_url": emulator.url,
                "random_token": False,
                "usage_counter": "estimate",
            }
            gateway = kind(Settings(**(known | changes)), clock=SystemClock(), ids=SystemIds())
            url = stack.enter_context(serving(application(gateway)))
            headers = {"authorization": f"Bearer {KEY}"}
            client = httpx.Client(base_url=url, headers=headers, timeout=60)
            return Api(url, stack.enter_context(client))

        yield start


def chat(api: Api, *parts: Any, model: str = "auto") -> str:
    with sdk(api) as client:
        messages: Any = [{"role": "user", "content": list(parts)}]
        answer = client.chat.completions.create(model=model, messages=messages)
    return answer.choices[0].message.content or ""


def sent(emulator: Upstream, message: int = -1) -> Any:
    """A message of the latest turn, as it arrived."""
    body: Any = emulator.app.log.at("conversation")[-1].json
    return body["messages"][message]


def uploads(emulator: Upstream) -> list[Any]:
    """What was announced."""
    records = emulator.app.log.at("files")
    return [record.json for record in records if record.path == "/backend-api/files"]


@pytest.mark.parametrize("protocol", ["current", "legacy"])
@pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
def test_a_picture_in_the_request_is_uploaded_and_pointed_to(
    begin: Begin, emulator: Upstream, protocol: str, backend: str
) -> None:
    api = begin(chatgpt_protocol=protocol, http_backend=backend)
    assert chat(api, text("What is this?"), picture(data_url("image/png", PNG)))

    (announced,) = uploads(emulator)
    assert announced == {
        "file_name": "picture.png", "file_size": len(PNG), "use_case": "multimodal",
        "mime_type": "image/png", "width": 4, "height": 3, "timezone_offset_min": 0,
        "reset_rate_limits": False, "store_in_library": True,
        "library_persistence_mode": "opportunistic",
    }  # fmt: skip
    message = sent(emulator)
    pointer, words = message["content"]["parts"]
    (attachment,) = message["metadata"]["attachments"]
    file_id = attachment["id"]
    assert message["content"]["content_type"] == "multimodal_text"
    assert words == "What is this?"
    assert pointer == {
        "content_type": "image_asset_pointer", "asset_pointer": f"file-service://{file_id}",
        "size_bytes": len(PNG), "width": 4, "height": 3,
    }  # fmt: skip
    assert attachment == {
        "id": file_id, "name": "picture.png", "size": len(PNG), "mimeType": "image/png",
        "mime_type": "image/png", "width": 4, "height": 3, "source": "library",
        "is_big_paste": False, "library_file_id": None,
    }  # fmt: skip
    assert [record.body for record in emulator.app.log.at("blob")] == [PNG]
    if protocol == "current":
        prepared: Any = emulator.app.log.at("conversation_prepare")[-1].json
        assert prepared["attachment_mime_types"] == ["image/png"]
        assert prepared["partial_query"]["content"]["parts"] == ["What is this?"]


def test_a_picture_behind_a_url_is_fetched_once_and_uploaded(
    begin: Begin, emulator: Upstream, web: Shelf
) -> None:
    url = web.url("/cat.png")
    assert chat(begin(), picture(url), text("And?"), picture(url))
    assert web.asked == ["/cat.png"]
    assert [one["width"] for one in uploads(emulator)] == [4]
    assert len(sent(emulator)["metadata"]["attachments"]) == 1


def test_a_document_is_attached_when_it_was_read(begin: Begin, emulator: Upstream) -> None:
    assert chat(begin(), text("Sum up."), file("report.pdf", data_url("application/pdf", PDF)))
    (announced,) = uploads(emulator)
    assert (announced["use_case"], announced["mime_type"]) == ("my_files", "application/pdf")
    message = sent(emulator)
    assert message["content"] == {"content_type": "text", "parts": ["Sum up."]}
    (attachment,) = message["metadata"]["attachments"]
    assert attachment["name"] == "report.pdf"
    assert attachment["file_token_size"] > 0


def test_bare_base64_is_taken_for_a_file_and_its_name_says_what_it_is(
    begin: Begin, emulator: Upstream
) -> None:
    assert chat(begin(), file("a.csv", base64.b64encode(b"a,b\n1,2\n").decode()), text("Sum?"))
    (announced,) = uploads(emulator)
    assert (announced["use_case"], announced["mime_type"]) == ("ace_upload", "text/csv")


def test_an_account_is_given_a_file_once(begin: Begin, emulator: Upstream) -> None:
    api = begin()
    for _ in range(2):
        assert chat(api, text("What?"), picture(data_url("image/png", PNG)))
    assert len(uploads(emulator)) == 1
    assert len(emulator.app.log.at("conversation")) == 2


def test_a_file_that_chatgpt_has_forgotten_is_uploaded_again(
    begin: Begin, emulator: Upstream
) -> None:
    api = begin()
    assert chat(api, picture(data_url("image/png", PNG)))
    (attachment,) = sent(emulator)["metadata"]["attachments"]
    headers = {"authorization": f"Bearer {DEMO_ACCESS_TOKEN}", "user-agent": "test"}
    place = f"{emulator.url}/backend-api/files/{attachment['id']}"
    assert httpx.delete(place, headers=headers).status_code == 200
    assert chat(api, picture(data_url("image/png", PNG)))
    assert len(uploads(emulator)) == 2


def test_another_account_gets_its_own_upload(begin: Begin, emulator: Upstream) -> None:
    accounts = tuple(
        Account(access_token=Secret(make_access_token(account_id=name, user_id=f"user-{name}")))
        for name in ("a", "b")
    )
    emulator.push(At("conversation", Named("429 cap")))
    assert chat(begin(accounts=accounts), picture(data_url("image/png", PNG)), text("What?"))
    assert len(uploads(emulator)) == 2
    owners = [record.owner for record in emulator.app.log.at("conversation")]
    assert len(set(owners)) == 2


def test_an_upload_quota_moves_on_to_another_account(begin: Begin, emulator: Upstream) -> None:
    accounts = tuple(
        Account(access_token=Secret(make_access_token(account_id=name, user_id=f"user-{name}")))
        for name in ("a", "b")
    )
    emulator.push(At("files", Named("429 cap")))
    assert chat(begin(accounts=accounts), picture(data_url("image/png", PNG)), text("What?"))
    assert len({record.owner for record in emulator.app.log.at("files")}) == 2


def test_files_that_were_uploaded_to_two_accounts_come_together(
    begin: Begin, emulator: Upstream
) -> None:
    accounts = tuple(
        Account(access_token=Secret(make_access_token(account_id=name, user_id=f"user-{name}")))
        for name in ("a", "b")
    )
    with sdk(begin(accounts=accounts)) as client:
        ids = [
            client.files.create(file=(f"{number}.png", png(4, 3 + number)), purpose="vision").id
            for number in range(2)
        ]
        owners = {record.owner for record in emulator.app.log.at("files")}
        assert len(owners) == 2, "the accounts take turns"
        content: Any = [{"type": "input_image", "file_id": one, "detail": "auto"} for one in ids]
        said: Any = [{"type": "message", "role": "user", "content": content}]
        assert client.responses.create(model="auto", input=said).output_text
    pointers = sent(emulator)["content"]["parts"]
    assert [pointer["height"] for pointer in pointers] == [3, 4]
    assert len(uploads(emulator)) == 3, "the second one once more, to the account of the first"


def test_pictures_of_the_history_go_up_with_their_messages(
    begin: Begin, emulator: Upstream
) -> None:
    messages: Any = [
        {"role": "user", "content": [picture(data_url("image/png", PNG)), text("First?")]},
        {"role": "assistant", "content": "A square."},
        {"role": "user", "content": [picture(data_url("image/png", png(8, 8))), text("This?")]},
    ]
    with sdk(begin()) as client:
        client.chat.completions.create(model="auto", messages=messages)
    assert len(uploads(emulator)) == 2
    for place, width in ((0, 4), (2, 8)):
        message = sent(emulator, place)
        assert [part["width"] for part in message["content"]["parts"][:-1]] == [width]


def test_a_result_of_a_tool_may_bring_a_picture(begin: Begin, emulator: Upstream) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    messages: Any = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": [picture(data_url("image/png", PNG))]},
    ]
    with sdk(begin()) as client:
        client.chat.completions.create(model="auto", messages=messages)
    parts = sent(emulator)["content"]["parts"]
    assert parts[0]["content_type"] == "image_asset_pointer"


def test_the_responses_api_takes_pictures_and_files(
    begin: Begin, emulator: Upstream, web: Shelf
) -> None:
    content: Any = [
        {"type": "input_text", "text": "Compare."},
        {"type": "input_image", "image_url": data_url("image/png", PNG)},
        {
            "type": "input_file",
            "filename": "notes.md",
            "file_data": data_url("text/markdown", b"#"),
        },
        {"type": "input_file", "file_url": web.url("/report.pdf")},
    ]
    with sdk(begin()) as client:
        answer = client.responses.create(model="auto", input=[{"role": "user", "content": content}])
    assert answer.output_text
    names = [one["name"] for one in sent(emulator)["metadata"]["attachments"]]
    assert names == ["picture.png", "notes.md", "report.pdf"]


def test_a_temporary_chat_has_pictures_as_well(begin: Begin, emulator: Upstream) -> None:
    assert chat(begin(history_disabled=True), picture(data_url("image/png", PNG)))
    body: Any = emulator.app.log.at("conversation")[-1].json
    assert body["history_and_training_disabled"] is True


# ------------------------------------------------------------------------------- what is refused

NAME = "messages[0].content[1].image_url.url"


def refused(api: Api, *parts: Any) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as caught:
        chat(api, *parts)
    return caught.value


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        (data_url("image/png", b"no picture"), 400, "is not a picture"),
        (data_url("image/svg+xml", b"<svg/>"), 400, "is not a picture"),
        ("data:image/png;base64,%%%", 400, "is not valid base64"),
        ("data:image/png", 400, "is not a data URL"),
        ("http://169.254.169.254/latest/meta-data/", 400, "not on the public Internet"),
        ("http://[::ffff:169.254.169.254]/", 400, "not on the public Internet"),
        ("http://2852039166/", 400, "a number that is not a plain address"),
        ("http://localhost/x.png", 400, "a local one"),
        ("http://127.0.0.1:{port}/liar.png", 400, "is not a picture"),
        ("http://127.0.0.1:{port}/page", 400, "'text/html', not image"),
        ("http://127.0.0.1:{port}/gone.png", 400, "HTTP 404"),
        ("http://127.0.0.1:{port}/moved", 400, "not on the public Internet"),
    ],
)
def test_what_is_no_picture_is_refused_under_the_name_of_its_part(
    begin: Begin, emulator: Upstream, web: Shelf, url: str, status: int, said: str
) -> None:
    error = refused(begin(), text("What?"), picture(url.replace("{port}", str(web.server_port))))
    assert error.status_code == status
    assert error.param == NAME
    assert said in error.message
    assert "/latest" not in error.message
    assert emulator.app.log.counts["conversation"] == 0


def test_without_leave_nothing_of_this_machine_is_fetched(begin: Begin, web: Shelf) -> None:
    error = refused(begin(Gateway), text("What?"), picture(web.url("/cat.png")))
    assert error.status_code == 400
    assert "not on the public Internet" in error.message
    assert web.asked == []


def test_a_picture_that_is_too_large_is_refused_with_the_limit(begin: Begin, web: Shelf) -> None:
    api = begin(max_file=1000)
    inline = refused(api, text("What?"), picture(data_url("image/png", png(4, 3, 2000))))
    web.files["/cat.png"] = ("image/png", png(4, 3, 2000))
    fetched = refused(api, text("What?"), picture(web.url("/cat.png")))
    for error in (inline, fetched):
        assert error.status_code == 413
        assert error.param == NAME
        assert "1000 bytes" in error.message


def test_the_responses_api_names_the_part_in_its_own_words(begin: Begin) -> None:
    content: Any = [
        {"type": "input_text", "text": "Compare."},
        {"type": "input_image", "image_url": data_url("image/png", b"no")},
    ]
    body = {"model": "auto", "instructions": "Be brief.",
            "input": [{"role": "user", "content": content}]}  # fmt: skip
    answer = begin().post(body, "/v1/responses").json()
    assert answer["error"]["param"] == "input[0].content[1].image_url"


def test_a_pointer_of_chatgpt_is_no_url_of_a_client(begin: Begin) -> None:
    content: Any = [{"type": "input_image", "image_url": "file-service://file-abc?name=x&size=1"}]
    answer = begin().post({"input": [{"role": "user", "content": content}]}, "/v1/responses")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "input[0].content[0].image_url"


def test_an_anonymous_caller_is_told_that_it_takes_a_login(begin: Begin) -> None:
    api = begin(anonymous=True, upload_by_url=True)
    content = [picture(data_url("image/png", PNG))]
    body = {"model": "auto", "messages": [{"role": "user", "content": content}]}
    answer = api.client.post("/v1/chat/completions", json=body, headers={"authorization": ""})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "login_required"


# ----------------------------------------------------------------------------- URLs in the text


def test_urls_in_front_of_a_text_are_fetched_and_taken_out_of_it(
    begin: Begin, emulator: Upstream, web: Shelf
) -> None:
    words = f"{web.url('/cat.png')} {web.url('/report.pdf')} What do they show?"
    with sdk(begin(upload_by_url=True)) as client:
        messages: Any = [{"role": "user", "content": words}]
        client.chat.completions.create(model="auto", messages=messages)
    message = sent(emulator)
    assert message["content"]["parts"][-1] == "What do they show?"
    assert [one["name"] for one in message["metadata"]["attachments"]] == [
        "picture.png", "report.pdf"
    ]  # fmt: skip


def test_a_page_stays_the_url_it_is(begin: Begin, emulator: Upstream, web: Shelf) -> None:
    words = f"Compare {web.url('/page')} with this: {web.url('/cat.png')}"
    chat(begin(upload_by_url=True), text(f"{web.url('/page')} {words}"))
    parts = sent(emulator)["content"]["parts"]
    assert parts[-1] == f"{web.url('/page')} Compare {web.url('/page')} with this:"
    assert len(parts) == 2


def test_without_the_setting_a_url_is_text(begin: Begin, emulator: Upstream, web: Shelf) -> None:
    chat(begin(), text(f"{web.url('/cat.png')} What is this?"))
    assert sent(emulator)["content"]["parts"] == [f"{web.url('/cat.png')} What is this?"]
    assert web.asked == []


def test_a_file_that_cannot_be_had_is_named_by_its_host_only(begin: Begin, web: Shelf) -> None:
    error = refused(begin(upload_by_url=True), text(f"{web.url('/gone.png?key=s3cret')} What?"))
    assert error.status_code == 400
    assert "127.0.0.1" in error.message
    assert "s3cret" not in error.message


# -------------------------------------------------------------------------------------- by size


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel keeps no peaks")
@pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
def test_twenty_megabytes_go_through_in_bounded_memory(emulator: Upstream, backend: str) -> None:
    """The gateway is a process of its own here: the kernel keeps the peak of its memory."""
    settings = {
        "AUTH_TOKENS": KEY, "CHATGPT_ACCESS_TOKENS": DEMO_ACCESS_TOKEN, "STORE_URL": "memory:",
        "CHATGPT_BASE_URL": emulator.url, "HTTP_BACKEND": backend,
        "MAX_BODY": "40000000", "MAX_FILE": "21000000",
    }  # fmt: skip
    weight = 20_000_000
    command = ["-m", "chat2api_core", "--port", "0"]
    with (
        process(command, settings, ready=r"Base URL: http://[^ ]*:(\d+)") as gateway,
        httpx.Client(base_url=f"http://127.0.0.1:{gateway.port}", timeout=60) as client,
    ):
        headers = {"authorization": f"Bearer {KEY}"}
        peaks = []
        for filling in (0, weight):
            content = [picture(data_url("image/png", png(4, 3, filling)))]
            body = {"model": "auto", "messages": [{"role": "user", "content": content}]}
            answer = client.post("/v1/chat/completions", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
            peaks.append(_peak(gateway.pid))
    assert uploads(emulator)[-1]["file_size"] > weight
    # It comes as text of 27 MB: that, its decoded JSON, and the bytes of the file.
    assert peaks[1] - peaks[0] < 6 * weight


def _peak(pid: int) -> int:
    """The most memory that a process ever had in RAM, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


# -------------------------------------------------------------------------------------- by Codex


def test_codex_is_given_the_bytes_themselves(begin: Begin, emulator: Upstream, web: Shelf) -> None:
    account = Account(access_token=Secret(make_access_token(jti="codex")), type="codex")
    content: Any = [
        {"type": "input_text", "text": "Compare."},
        {"type": "input_image", "image_url": web.url("/cat.png"), "detail": "high"},
        {"type": "input_file", "filename": "a.csv", "file_data": data_url("text/csv", b"a,b")},
        {"type": "input_file", "file_url": web.url("/report.pdf")},
    ]
    with sdk(begin(accounts=(account,))) as client:
        answer = client.responses.create(model="auto", input=[{"role": "user", "content": content}])
    assert answer.output_text
    body: Any = emulator.app.log.at("codex")[-1].json
    assert body["input"][0]["content"] == [
        {"type": "input_text", "text": "Compare."},
        {"type": "input_image", "image_url": data_url("image/png", PNG), "detail": "high"},
        {"type": "input_file", "filename": "a.csv", "file_data": data_url("text/csv", b"a,b")},
        {"type": "input_file", "filename": "report.pdf",
         "file_data": data_url("application/pdf", PDF)},
    ]  # fmt: skip
    assert emulator.app.log.counts["files"] == 0


def test_what_is_kept_of_a_response_is_the_url_and_not_the_bytes(
    begin: Begin, emulator: Upstream, web: Shelf
) -> None:
    content = [{"type": "input_image", "image_url": web.url("/cat.png"), "detail": "auto"}]
    said: Any = [{"type": "message", "role": "user", "content": content}]
    with sdk(begin()) as client:
        first = client.responses.create(model="auto", input=said)
        items = client.responses.input_items.list(first.id)
        client.responses.create(model="auto", previous_response_id=first.id, input="And now?")
    assert web.url("/cat.png") in items.model_dump_json()
    assert web.asked == ["/cat.png", "/cat.png"], "the history is sent once more, so it is fetched"
    assert len(uploads(emulator)) == 1, "and known by its content"
