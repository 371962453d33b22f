"""Uploading, against a site that says what it is told to say."""

import asyncio
import base64
import json
from collections.abc import Sequence
from typing import Any, cast

import pytest

from chat2api_core.media import asset as assets
from chat2api_core.media.asset import Asset
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.stores.base import Store, StoreDown
from chat2api_core.stores.memory import MemoryStore
from chat2api_core.turn import File, Image
from chat2api_core.upstreams.chatgpt_web.headers import Identity
from chat2api_core.upstreams.chatgpt_web.site import Site
from chat2api_core.upstreams.chatgpt_web.uploads import Uploads
from tests.fakes import FakeClock

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (4).to_bytes(4) + (3).to_bytes(4) + b"\x08\x02\0\0\0"


def data_url(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


CAT = Image(data_url("image/png", PNG))
PDF = File("a.pdf", data_url("application/pdf", b"%PDF-1.7"))
CREATED = {"status": "success", "file_id": "file-1", "upload_url": "https://blob.example/1?sig=x"}
READY = {"state": "ready", "retrieval_index_status": None}


class FakeSite:
    """A site: what it answers to each kind of call, and what it was asked."""

    base_url = "https://chatgpt.example"

    def __init__(
        self,
        created: object = CREATED,
        states: Sequence[object] = (READY,),
        *,
        token: str = "token",
        knows_uploaded: bool = True,
    ) -> None:
        self.identity = Identity(
            device_id="d-1", session_id="s-1", user_agent="UA", access_token=Secret(token)
        )
        self.created = created
        self.states = list(states)
        self.knows_uploaded = knows_uploaded
        self.calls: list[str] = []
        self.announced: list[Any] = []
        self.puts: list[tuple[str, object, int, str]] = []

    async def post(self, path: str, body: bytes, *, step: str) -> bytes | None:
        self.calls.append(f"POST {path}")
        if path != "/files":
            return b"{}" if self.knows_uploaded else None
        self.announced.append(json.loads(body))
        return _answer(self.created)

    async def get(self, path: str, *, step: str) -> bytes:
        self.calls.append(f"GET {path}")
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        answer = _answer(state)
        assert answer is not None
        return answer

    async def put(self, url: str, content: object, *, length: int, mime: str) -> None:
        self.calls.append("PUT")
        self.puts.append((url, content, length, mime))


def _answer(said: object) -> bytes | None:
    if isinstance(said, Problem):
        raise said
    return said if isinstance(said, bytes | None) else json.dumps(said).encode()


class Slept:
    """Waits that take no time, counted."""

    def __init__(self) -> None:
        self.times: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.times.append(seconds)


class DownStore(MemoryStore):
    """A store that is down."""

    async def get(self, key: str) -> bytes | None:
        raise StoreDown("The store is down.")

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        raise StoreDown("The store is down.")


def memory() -> Store:
    return MemoryStore(FakeClock())


def settle(
    site: FakeSite,
    *parts: Image | File,
    store: Store | None = None,
    sleep: Slept | None = None,
    limit: int = 10_000,
) -> dict[Image | File, Asset]:
    uploads = Uploads(store or memory(), limit=limit, sleep=sleep or Slept())
    return asyncio.run(uploads.settle(cast("Site", site), parts))


def refusal(site: FakeSite, part: Image | File = CAT, **more: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        settle(site, part, **more)
    return caught.value


def test_a_picture_is_announced_put_and_confirmed() -> None:
    site = FakeSite()
    asset = Asset("file-1", "picture.png", len(PNG), "image/png", 4, 3)
    assert settle(site, CAT) == {CAT: asset}
    assert site.calls == ["POST /files", "PUT", "POST /files/file-1/uploaded"]
    assert site.puts == [("https://blob.example/1?sig=x", PNG, len(PNG), "image/png")]


def test_a_document_is_waited_for_until_it_was_read() -> None:
    running = {"state": "ready", "retrieval_index_status": "running"}
    done = {"state": "ready", "retrieval_index_status": "success", "file_size_tokens": 9}
    slept = Slept()
    site = FakeSite(states=[{"state": "processing"}, running, done])
    asset = settle(site, PDF, sleep=slept)[PDF]
    assert (asset.tokens, asset.width) == (9, 0)
    assert site.announced[0]["use_case"] == "my_files"
    assert "width" not in site.announced[0]
    assert slept.times == pytest.approx([0.2, 0.3])


def test_a_picture_among_files_is_a_picture() -> None:
    part = File("photo.jpg", data_url("application/octet-stream", PNG))
    site = FakeSite()
    assert settle(site, part)[part].mime == "image/png"
    assert site.announced[0]["use_case"] == "multimodal"
    assert site.announced[0]["file_name"] == "photo.jpg"


def test_a_drawing_in_xml_is_a_text_and_an_odd_picture_only_bytes() -> None:
    site = FakeSite()
    settle(site, File("a.svg", data_url("image/svg+xml", b"<svg/>")))
    settle(site, File("a.bmp", data_url("image/bmp", b"BM")))
    said = [(one["mime_type"], one["use_case"]) for one in site.announced]
    assert said == [("text/xml", "my_files"), ("application/octet-stream", "ace_upload")]


def test_what_was_uploaded_before_is_not_uploaded_again() -> None:
    store, first, second = memory(), FakeSite(), FakeSite()
    known = settle(first, CAT, store=store)
    assert settle(second, CAT, store=store) == known
    assert second.calls == ["GET /files/file-1"]


@pytest.mark.parametrize(
    "state",
    [
        {"state": "deleted"},
        b"no JSON",
        Problem(Kind.UPSTREAM_ERROR, "It is not there.", step="conversation"),
    ],
)
def test_what_is_gone_is_uploaded_again(state: object) -> None:
    store = memory()
    settle(FakeSite(), CAT, store=store)
    site = FakeSite(states=[state])
    settle(site, CAT, store=store)
    assert site.calls[:2] == ["GET /files/file-1", "POST /files"]


def test_an_account_that_is_refused_is_not_taken_for_a_file_that_is_gone() -> None:
    store = memory()
    settle(FakeSite(), CAT, store=store)
    site = FakeSite(states=[Problem(Kind.UNAUTHORIZED, "No.", step="conversation")])
    assert refusal(site, store=store).kind is Kind.UNAUTHORIZED
    assert site.announced == []


def test_another_device_and_another_name_are_other_uploads() -> None:
    store = memory()
    settle(FakeSite(), PDF, store=store)
    named = FakeSite()
    settle(named, File("b.pdf", PDF.data), store=store)
    other = FakeSite()
    other.identity = Identity(
        device_id="d-2", session_id="s", user_agent="UA", access_token=Secret("t")
    )
    settle(other, PDF, store=store)
    assert len(named.announced) == len(other.announced) == 1


def test_without_the_store_uploads_are_not_remembered_but_made() -> None:
    site = FakeSite()
    store = DownStore(FakeClock())
    assert settle(site, CAT, store=store) == settle(site, CAT, store=store)
    assert len(site.announced) == 2


def test_the_same_part_twice_is_one_upload() -> None:
    site = FakeSite()
    assert len(settle(site, CAT, CAT)) == 1
    assert len(site.announced) == 1


def test_a_file_that_lies_there_already_is_left_there() -> None:
    known = Asset("file-9", "a.png", 5, "image/png", 1, 1)
    site = FakeSite()
    part = Image(assets.write(known), file_id="file-9")
    assert settle(site, part) == {part: known}
    assert site.calls == []


def test_much_is_decoded_beside_everybody_else() -> None:
    part = File("a.zip", data_url("application/zip", b"PK\x03\x04" + bytes(300_000)))
    site = FakeSite()
    assert settle(site, part, limit=400_000)[part].size == 300_004


def test_without_a_login_there_is_no_upload() -> None:
    problem = refusal(FakeSite(token=""))
    assert problem.kind is Kind.LOGIN_REQUIRED
    assert problem.status == 403


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        (Image(data_url("image/png", b"none")), Kind.INVALID_REQUEST),
        (Image("https://a.example/x.png"), Kind.INVALID_REQUEST),
        (File("a.txt", "data:text/plain;base64,"), Kind.INVALID_REQUEST),
        (File("a.txt"), Kind.INVALID_REQUEST),
        (File("a.txt", data_url("text/plain", bytes(10_001))), Kind.TOO_LARGE),
    ],
)
def test_what_cannot_be_uploaded_is_refused_before_anybody_is_asked(
    part: Image | File, kind: Kind
) -> None:
    site = FakeSite()
    assert refusal(site, part).kind is kind
    assert site.calls == []


@pytest.mark.parametrize(
    ("created", "kind", "words"),
    [
        ({"status": "error", "error_code": "file_upload_limit_reached"}, Kind.RATE_LIMITED,
         "It said: file_upload_limit_reached"),
        ({"status": "error", "error_code": "bad", "error_message": "No luck."},
         Kind.UPSTREAM_ERROR, "It said: bad No luck."),
        ({"status": "success", "file_id": "file-1"}, Kind.UPSTREAM_ERROR, "did not take the file"),
        ({"status": "success", "upload_url": "https://a.example"}, Kind.UPSTREAM_ERROR, "not take"),
        (CREATED | {"upload_url": "http://blob.example/1"}, Kind.UPSTREAM_ERROR, "not safe"),
        (CREATED | {"upload_url": "file:///etc/passwd"}, Kind.UPSTREAM_ERROR, "not safe"),
        (CREATED | {"upload_url": "https://[::1"}, Kind.UPSTREAM_ERROR, "not safe"),
        (b"<html>", Kind.GARBAGE, "could not be understood"),
        (None, Kind.GARBAGE, "could not be understood"),
        (Problem(Kind.CONTEXT_LENGTH, "Too long.", step="conversation"), Kind.TOO_LARGE,
         "as large as 'picture.png'"),
        (Problem(Kind.RATE_LIMITED, "Enough.", step="conversation"), Kind.RATE_LIMITED, "Enough."),
    ],
)  # fmt: skip
def test_a_refused_announcement_says_why(created: object, kind: Kind, words: str) -> None:
    site = FakeSite(created)
    problem = refusal(site)
    assert problem.kind is kind
    assert words in problem.message
    assert site.puts == []


@pytest.mark.parametrize(
    ("states", "kind"),
    [
        ([{"state": "ready", "retrieval_index_status": "failed"}], Kind.INVALID_REQUEST),
        ([{"state": "ready", "retrieval_index_status": "running"}], Kind.TIMEOUT),
    ],
)
def test_a_document_that_is_not_read_is_not_sent(states: list[object], kind: Kind) -> None:
    slept = Slept()
    problem = refusal(FakeSite(states=states), PDF, sleep=slept)
    assert problem.kind is kind
    assert "'a.pdf'" in problem.message
    assert slept.times == [] or 28 < sum(slept.times) < 32
    assert max(slept.times, default=0) <= 1


def test_a_file_that_is_unknown_right_after_it_was_taken_is_chatgpts_fault() -> None:
    assert refusal(FakeSite(knows_uploaded=False)).kind is Kind.UPSTREAM_ERROR
