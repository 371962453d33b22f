"""The Files API: the official client uploads, lists, uses, fetches and deletes files."""

import io
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import DEMO_ACCESS_TOKEN, At, Named, make_access_token
from chat2api_core.emulator.pixels import draw
from chat2api_core.secret import Secret
from chat2api_core.stores.choose import SqliteChoice
from tests.bench.process import serving as process
from tests.e2e.conftest import KEY, Api, Start, Upstream
from tests.e2e.official import sdk

OTHER = "sk-other-0123456789"
TEXT = b"Titan is big.\n" * 10
PNG = draw("photo", 5, 4)
TWO = {"auth_tokens": (Secret(KEY), Secret(OTHER))}


def upload(client: OpenAI, name: str = "moons.csv", data: bytes = TEXT, **more: Any) -> Any:
    return client.files.create(file=(name, data), **{"purpose": "user_data", **more})


def test_a_file_is_uploaded_shown_fetched_and_deleted(api: Api) -> None:
    with sdk(api) as client:
        made = upload(client)
        assert made.id.startswith("file-")
        assert (made.object, made.bytes, made.filename) == ("file", len(TEXT), "moons.csv")
        assert (made.purpose, made.status, made.expires_at) == ("user_data", "processed", None)
        assert client.files.retrieve(made.id) == made
        answer = client.files.content(made.id)
        assert answer.content == TEXT
        assert answer.response.headers["content-disposition"].startswith("attachment; ")
        assert answer.response.headers["content-type"] == "text/csv"

        gone = client.files.delete(made.id)
        assert (gone.id, gone.deleted, gone.object) == (made.id, True, "file")
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(made.id)
        with pytest.raises(openai.NotFoundError):
            client.files.content(made.id)
        with pytest.raises(openai.NotFoundError):
            client.files.delete(made.id)
        assert list(client.files.list()) == []


def test_files_are_listed_page_by_page_newest_first(api: Api) -> None:
    with sdk(api) as client:
        made = {upload(client, f"{n}.csv").id for n in range(3)}
        picture = upload(client, "a.png", PNG, purpose="vision").id
        assert {file.id for file in client.files.list()} == made | {picture}
        assert [file.id for file in client.files.list(purpose="vision")] == [picture]
        page = client.files.list(limit=3)
        assert page.has_more
        assert len(page.data) == 3
        assert {file.id for file in client.files.list(limit=1)} == made | {picture}
        upwards = [file.id for file in client.files.list(order="asc")]
        assert upwards == [file.id for file in client.files.list()][::-1]
        with pytest.raises(openai.BadRequestError, match="after"):
            client.files.list(after="file-x")
    answer = api.client.get("/v1/files")
    assert "STORE_URL" in answer.headers["x-chat2api-warning"]


def test_a_list_outlives_the_process_where_there_is_a_store(start: Start, tmp_path: Any) -> None:
    kept: dict[str, Any] = {
        "store": SqliteChoice(tmp_path / "store.db"),
        "secret_key": Secret("k" * 32),
    }
    with sdk(start(**kept)) as client:
        made = upload(client)
    again = start(**kept)
    with sdk(again) as client:
        assert [file.id for file in client.files.list()] == [made.id]
        assert client.files.content(made.id).content == TEXT
    assert "x-chat2api-warning" not in again.client.get("/v1/files").headers


def test_nobody_sees_the_files_of_another_key(start: Start) -> None:
    api = start(**TWO)
    with sdk(api) as one, sdk(api, OTHER) as other:
        made = upload(one)
        assert list(other.files.list()) == []
        for call in (other.files.retrieve, other.files.content, other.files.delete):
            with pytest.raises(openai.NotFoundError):
                call(made.id)
        with pytest.raises(openai.NotFoundError):
            ask(other, made.id)
        assert one.files.retrieve(made.id) == made


def ask(client: OpenAI, file_id: str) -> str:
    part: Any = {"type": "file", "file": {"file_id": file_id}}
    text: Any = {"type": "text", "text": "Read it."}
    messages: Any = [{"role": "user", "content": [part, text]}]
    answer = client.chat.completions.create(model="auto", messages=messages)
    return str(answer.choices[0].message.content)


def test_a_file_is_used_in_chat_by_its_id(api: Api) -> None:
    with sdk(api) as client:
        made = upload(client, "moons.txt")
        assert "Read it." in ask(client, made.id)


def test_a_picture_is_used_in_responses_by_its_id(api: Api) -> None:
    with sdk(api) as client:
        made = upload(client, "a.png", PNG, purpose="vision")
        content: Any = [
            {"type": "input_image", "file_id": made.id, "detail": "auto"},
            {"type": "input_text", "text": "What is it?"},
        ]
        answer = client.responses.create(model="auto", input=[{"role": "user", "content": content}])
        assert "What is it?" in answer.output_text


def test_the_account_that_holds_the_file_answers(emulator: Upstream, start: Start) -> None:
    tokens = (DEMO_ACCESS_TOKEN, make_access_token(account_id="another", user_id="user-another"))
    api = start(accounts=tuple(Account(access_token=Secret(token)) for token in tokens))
    with sdk(api) as client:
        made = [upload(client, f"{n}.csv") for n in range(2)]
        for _ in range(3):  # whoever's turn it is
            for file in made:
                assert "Read it." in ask(client, file.id)


def test_a_file_goes_when_its_account_goes(start: Start) -> None:
    key = Secret("k" * 32)
    with sdk(start(secret_key=key)) as client:
        made = upload(client)
    other = make_access_token(account_id="another", user_id="user-another")
    with sdk(start(secret_key=key, accounts=(Account(access_token=Secret(other)),))) as client:
        with pytest.raises(openai.NotFoundError, match="no longer configured"):
            client.files.content(made.id)
        assert client.files.delete(made.id).deleted


def test_a_file_ends_when_it_was_asked_to(api: Api) -> None:
    with sdk(api) as client:
        made = upload(client, expires_after={"anchor": "created_at", "seconds": 3600})
        assert made.expires_at == made.created_at + 3600


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"purpose": "batch"}, "purpose"),
        ({"purpose": "fine-tune"}, "purpose"),
        ({"purpose": "anything"}, "purpose"),
        ({}, "purpose"),
        ({"purpose": "user_data", "colour": "red"}, "colour"),
        ({"purpose": "user_data", "expires_after[anchor]": "now"}, "expires_after[anchor]"),
        ({"purpose": "user_data", "expires_after[seconds]": "3600"}, "expires_after[anchor]"),
        (
            {
                "purpose": "user_data",
                "expires_after[anchor]": "created_at",
                "expires_after[seconds]": "1",
            },
            "expires_after[seconds]",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(api: Api, form: Any, param: str) -> None:
    answer = api.client.post("/v1/files", data=form, files={"file": ("a.txt", TEXT)})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=10001", "order=up"])
def test_a_list_is_asked_for_in_its_own_words(api: Api, query: str) -> None:
    answer = api.client.get(f"/v1/files?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == query.partition("=")[0]


def test_a_form_needs_its_file(api: Api) -> None:
    none = api.client.post("/v1/files", data={"purpose": "user_data"}, files={"x": b"y"})
    assert (none.status_code, none.json()["error"]["param"]) == (400, "file")
    empty = api.client.post(
        "/v1/files", data={"purpose": "user_data"}, files={"file": ("a.txt", b"")}
    )
    assert (empty.status_code, empty.json()["error"]["param"]) == (400, "file")
    no_form = api.client.post("/v1/files", json={"purpose": "user_data"})
    assert no_form.status_code == 400


def test_a_file_that_is_too_large_is_refused(start: Start) -> None:
    api = start(max_file=1000, max_body=1000)
    with sdk(api) as client, pytest.raises(openai.APIStatusError) as caught:
        upload(client, data=b"x" * 1001)
    assert caught.value.status_code == 413


def test_a_large_file_comes_through_whole(api: Api) -> None:
    data = bytes(range(256)) * 40_000
    with sdk(api) as client:
        made = client.files.create(file=io.BytesIO(data), purpose="assistants")
        assert made.bytes == len(data)
        assert client.files.content(made.id).content == data


def test_an_upload_quota_moves_on_to_another_account(emulator: Upstream, start: Start) -> None:
    tokens = (DEMO_ACCESS_TOKEN, make_access_token(account_id="another", user_id="user-another"))
    api = start(accounts=tuple(Account(access_token=Secret(token)) for token in tokens))
    emulator.push(At("files", Named("429")))
    with sdk(api) as client:
        made = upload(client)
        assert client.files.content(made.id).content == TEXT


def test_only_accounts_of_the_web_keep_files(start: Start) -> None:
    codex = Account(access_token=Secret(DEMO_ACCESS_TOKEN), type="codex")
    with (
        sdk(start(accounts=(codex,))) as client,
        pytest.raises(openai.APIStatusError, match="accounts of type web") as caught,
    ):
        upload(client)
    assert caught.value.status_code == 503


def test_without_a_login_nothing_is_kept(start: Start) -> None:
    api = start(anonymous=True, auth_tokens=())
    api.client.headers.pop("authorization")
    answer = api.client.get("/v1/files")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "login_required")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/files/file-x"),
        ("GET", "/v1/files/x/content"),
        ("GET", "/v1/files/file-x/other"),
        ("DELETE", "/v1/files/file-" + "A" * 100),
        ("DELETE", "/v1/files/file-" + "A" * 1000),
        ("DELETE", "/v1/files/file-x/content"),
        ("DELETE", "/v1/files"),
        ("POST", "/v1/files/file-x"),
    ],
)
def test_what_is_not_there_is_not_found(api: Api, method: str, path: str) -> None:
    assert api.client.request(method, path).status_code == 404


def test_a_token_of_a_caller_keeps_its_own_files(start: Start) -> None:
    api = start(allow_upstream_tokens=True)
    with sdk(api, DEMO_ACCESS_TOKEN) as client:
        made = upload(client)
        assert client.files.content(made.id).content == TEXT
        assert "Read it." in ask(client, made.id)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel keeps no peaks")
@pytest.mark.parametrize("backend", ["httpx", "aiohttp"])
def test_a_file_is_never_whole_in_memory(emulator: Upstream, backend: str) -> None:
    """The gateway is a process of its own here: the kernel keeps the peak of its memory."""
    settings = {
        "AUTH_TOKENS": KEY, "CHATGPT_ACCESS_TOKENS": DEMO_ACCESS_TOKEN, "STORE_URL": "memory:",
        "CHATGPT_BASE_URL": emulator.url, "HTTP_BACKEND": backend, "MAX_FILE": "30000000",
    }  # fmt: skip
    command = ["-m", "chat2api_core", "--port", "0"]
    with process(command, settings, ready=r"Base URL: http://[^ ]*:(\d+)") as gateway:
        api = Api(f"http://127.0.0.1:{gateway.port}", httpx.Client())
        peaks = []
        for weight in (1000, 25_000_000):
            with sdk(api) as client:
                made = upload(client, data=bytes(weight))
                assert len(client.files.content(made.id).content) == weight
            peaks.append(_peak(gateway.pid))
        api.client.close()
    assert peaks[1] - peaks[0] < 10_000_000


def _peak(pid: int) -> int:
    """The most memory that a process ever had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
