"""Downloads: which addresses are asked, in what order, and who is shown the login."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, cast

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.media.download import Download
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.transport import Reply, Transport
from chat2api_core.upstreams.chatgpt_web.downloads import Downloads
from chat2api_core.upstreams.chatgpt_web.headers import Identity
from chat2api_core.upstreams.chatgpt_web.session import Session
from chat2api_core.upstreams.chatgpt_web.site import Site
from tests.fakes import FakeClock

BASE = "https://gate.example"
API = f"{BASE}/backend-api"
BLOB = "https://blob.example/x?sig=1"
SEDIMENT = "sediment://file_1"
UPLOAD = "file-service://file-1"
SANDBOX = "sandbox:/mnt/data/a b.csv"


class FakeReply(Reply):
    """An answer in one piece."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.status = status
        self.step = "download"
        self._body: bytes | None = body
        self._headers = dict(headers)
        self.closed = False

    @property
    def headers(self) -> dict[str, str]:
        return self._headers

    def header(self, name: str) -> str:
        return self._headers.get(name, "")

    @property
    def cookies(self) -> list[str]:
        return []

    async def chunk(self, step: Any = "stream") -> bytes | None:
        body, self._body = self._body, None
        return body

    async def aclose(self) -> None:
        self.closed = True


class FakeTransport:
    """Answers by URL; 404 in JSON for any other."""

    def __init__(self, answers: Mapping[str, FakeReply]) -> None:
        self.answers = dict(answers)
        self.urls: list[str] = []
        self.headers: dict[str, dict[str, str]] = {}
        self.proxies: dict[str, str] = {}

    async def send(
        self, _method: str, url: str, headers: Any, _content: Any = b"", *, step: str, proxy: str
    ) -> FakeReply:
        self.urls.append(url)
        self.headers[url] = {name.decode(): value.decode() for name, value in headers}
        self.proxies[url] = proxy
        return self.answers.get(url) or said({"error_code": "file_not_found"}, 404)


def said(value: object, status: int = 200) -> FakeReply:
    return FakeReply(status, json.dumps(value).encode(), {"content-type": "application/json"})


def at(url: str, **more: object) -> FakeReply:
    return said({"status": "success", "download_url": url, **more})


def data(body: bytes = b"bytes", status: int = 200, **headers: str) -> FakeReply:
    return FakeReply(status, body, {"content-type": "image/png; x=y", **headers})


def fetch(
    transport: FakeTransport,
    place: str,
    *where: str,
    span: str = "",
    export_proxy: str = "",
    base_url: str = BASE,
) -> Download:
    identity = Identity(
        device_id="d", session_id="s", user_agent="UA", access_token=Secret("the-token"),
        account_id="ws", auth_key=Secret("the-key"),
    )  # fmt: skip
    site = Site(
        cast(Transport, transport), base_url=base_url, identity=identity,
        session=Session("d", "s"), proxy="http://own", clock=FakeClock(),
    )  # fmt: skip
    downloads = Downloads(lambda _: site, cast(Transport, transport), export_proxy=export_proxy)
    return asyncio.run(downloads.open(Account(), place, *where, span=span))


def problem(transport: FakeTransport, place: str, *where: str, **more: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        fetch(transport, place, *where, **more)
    return caught.value


NEWER = "/files/download/file_1?conversation_id=c&inline=false"


@pytest.mark.parametrize(
    ("place", "where", "paths"),
    [
        (
            SEDIMENT,
            ("c",),
            ["/conversation/c/attachment/file_1/download", NEWER, "/files/file_1/download"],
        ),
        (SEDIMENT, (), ["/files/download/file_1", "/files/file_1/download"]),
        (
            UPLOAD,
            ("c",),
            [
                "/files/file-1/download",
                "/files/download/file-1?conversation_id=c&inline=false",
                "/conversation/c/attachment/file-1/download",
            ],
        ),
        (UPLOAD, (), ["/files/file-1/download", "/files/download/file-1"]),
        ("file-service://a/../b", (), ["/files/a%2F..%2Fb/download", "/files/download/a%2F..%2Fb"]),
        (
            SANDBOX,
            ("c", "m"),
            [
                "/conversation/c/interpreter/download?message_id=m&sandbox_path=%2Fmnt%2Fdata%2Fa+b.csv",
                "/conversation/c/interpreter/download",
            ],
        ),
    ],
)
def test_every_way_is_tried_the_likeliest_first(
    place: str, where: tuple[str, ...], paths: list[str]
) -> None:
    transport = FakeTransport({})
    assert problem(transport, place, *where).kind is Kind.FILE_NOT_FOUND
    assert transport.urls == [API + path for path in paths]
    last = FakeTransport({API + paths[-1]: at(BLOB), BLOB: data()})
    assert fetch(last, place, *where).mime == "image/png"


def test_an_error_in_a_good_answer_is_one_and_the_next_way_is_tried() -> None:
    missing = said({"status": "error", "error_code": "file_not_found", "error_message": "No."})
    transport = FakeTransport(
        {
            f"{API}/files/file-1/download": missing,
            f"{API}/files/download/file-1": at(BLOB),
            BLOB: data(),
        }
    )
    assert fetch(transport, UPLOAD).mime == "image/png"


def test_another_host_gets_nothing_of_the_account() -> None:
    transport = FakeTransport(
        {f"{API}/files/file-1/download": at(BLOB, file_name="a.png"), BLOB: data()}
    )
    download = fetch(transport, UPLOAD)
    assert download.name == "a.png"
    assert asyncio.run(download.reply.read()) == b"bytes"
    assert set(transport.headers[BLOB]) == {"user-agent", "accept", "accept-encoding"}
    assert transport.proxies[BLOB] == "http://own"
    assert fetch_proxy("http://export") == "http://export"


def fetch_proxy(export_proxy: str) -> str:
    transport = FakeTransport({f"{API}/files/file-1/download": at(BLOB), BLOB: data()})
    fetch(transport, UPLOAD, export_proxy=export_proxy)
    return transport.proxies[BLOB]


@pytest.mark.parametrize(
    "url",
    [
        "/backend-api/estuary/content?id=file_1&sig=2",
        f"{API}/estuary/content?id=file_1&sig=2",
        "https://chatgpt.com/backend-api/estuary/content?id=file_1&sig=2",
    ],
)
def test_its_own_store_is_shown_the_login(url: str) -> None:
    content = f"{API}/estuary/content?id=file_1&sig=2"
    transport = FakeTransport(
        {f"{API}/conversation/c/attachment/file_1/download": at(url), content: data()}
    )
    fetch(transport, SEDIMENT, "c", export_proxy="http://export")
    assert transport.headers[content]["authorization"] == "Bearer the-token"
    assert transport.headers[content]["auth_key"] == "the-key"
    assert transport.proxies[content] == "http://own"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/backend-api/estuary/content?id=1",
        "https://gate.example.evil.example/backend-api/x",
        f"{BASE}/blob/1?sig=2",
        f"{BASE}:444/backend-api/x",
    ],
)
def test_what_only_looks_like_it_is_not(url: str) -> None:
    transport = FakeTransport({f"{API}/files/file-1/download": at(url), url: data()})
    fetch(transport, UPLOAD)
    assert not {"authorization", "auth_key", "authkey", "cookie", "oai-device-id"} & set(
        transport.headers[url]
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://blob.example/x", "ftp://blob.example/x", "file:///etc/passwd",
        "https://a@b/x", "http://chatgpt.com/backend-api/x", "http://gate.example/backend-api/x",
        "https://[::1", "https://[x]/y",
    ],
)  # fmt: skip
def test_an_address_that_is_not_safe_is_not_fetched(url: str) -> None:
    transport = FakeTransport({f"{API}/files/file-1/download": at(url), url: data()})
    assert problem(transport, UPLOAD).kind is Kind.GARBAGE
    assert len(transport.urls) == 1


def test_a_local_site_may_have_its_blobs_at_home() -> None:
    base = "http://127.0.0.1:8000"
    url = f"{base}/blob/1"
    transport = FakeTransport({f"{base}/backend-api/files/file-1/download": at(url), url: data()})
    assert fetch(transport, UPLOAD, base_url=base).mime == "image/png"


def test_it_follows_a_few_moves_and_forgets_the_login_on_the_way() -> None:
    own = f"{API}/estuary/content?id=1"
    moved = data(b"", 302, location=BLOB)
    transport = FakeTransport(
        {f"{API}/files/file-1/download": at(own), own: moved, BLOB: data(b"", 307, location="/y"),
         "https://gate.example/y": data(b"end")}
    )  # fmt: skip
    download = fetch(transport, UPLOAD)
    assert asyncio.run(download.reply.read()) == b"end"
    assert "authorization" not in transport.headers[BLOB]
    assert moved.closed
    circle = FakeTransport(
        {f"{API}/files/file-1/download": at(BLOB), BLOB: data(b"", 302, location=BLOB)}
    )
    assert problem(circle, UPLOAD).kind is Kind.UPSTREAM_ERROR
    assert len(circle.urls) == 4


def test_a_part_is_asked_for_wherever_it_lies() -> None:
    own = f"{API}/estuary/content?id=1"
    for url in (own, BLOB):
        transport = FakeTransport({f"{API}/files/file-1/download": at(url), url: data(b"b", 206)})
        assert fetch(transport, UPLOAD, span="bytes=0-0").reply.status == 206
        assert transport.headers[url]["range"] == "bytes=0-0"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, Kind.FILE_NOT_FOUND),
        (410, Kind.FILE_NOT_FOUND),
        (403, Kind.UPSTREAM_ERROR),
        (500, Kind.UPSTREAM_ERROR),
        (503, Kind.UNAVAILABLE),
        (429, Kind.UNAVAILABLE),
    ],
)
def test_a_refusal_of_the_file_store_is_told(status: int, kind: Kind) -> None:
    reply = data(b"<Error/>", status)
    transport = FakeTransport({f"{API}/files/file-1/download": at(BLOB), BLOB: reply})
    assert problem(transport, UPLOAD).kind is kind
    assert reply.closed


def test_a_sandbox_that_was_put_away_is_gone() -> None:
    path = "/conversation/c/interpreter/download?message_id=m&sandbox_path=%2Fmnt%2Fdata%2Fa+b.csv"
    expired = said({"status": "error", "error_code": "ace_pod_expired", "error_message": None})
    found = problem(FakeTransport({API + path: expired}), SANDBOX, "c", "m")
    assert found.kind is Kind.FILE_GONE
    assert "put away the sandbox" in found.message


def test_a_conversation_that_is_gone_is_named() -> None:
    path = "/conversation/c/interpreter/download?message_id=m&sandbox_path=%2Fmnt%2Fdata%2Fa+b.csv"
    gone = said({"detail": {"message": "No.", "code": "conversation_not_found"}}, 404)
    found = problem(FakeTransport({API + path: gone}), SANDBOX, "c", "m")
    assert found.kind is Kind.CONVERSATION_NOT_FOUND


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (FakeReply(200, b"[1]", {"content-type": "application/json"}), Kind.GARBAGE),
        (FakeReply(200, b"[1]", {"content-type": "text/html"}), Kind.GARBAGE),
        (said({"detail": "Unauthorized"}, 401), Kind.UNAUTHORIZED),
        (said({"detail": "Internal Server Error"}, 500), Kind.UPSTREAM_ERROR),
        (said({"detail": "Service Unavailable"}, 503), Kind.UNAVAILABLE),
        (said({"detail": "Too many requests"}, 429), Kind.RATE_LIMITED),
    ],
)
def test_other_trouble_ends_the_search(answer: FakeReply, kind: Kind) -> None:
    transport = FakeTransport({f"{API}/files/file-1/download": answer})
    assert problem(transport, UPLOAD).kind is kind
    assert len(transport.urls) == 1


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("attachment; filename*=UTF-8''a%20b.csv", "a b.csv"),
        ('attachment; filename="a b.csv"', "a b.csv"),
        ("attachment", "file-1"),
        ("", "file-1"),
    ],
)
def test_a_name_is_looked_for_where_there_is_none(header: str, name: str) -> None:
    reply = FakeReply(200, b"", {"content-disposition": header})
    transport = FakeTransport({f"{API}/files/file-1/download": at(BLOB), BLOB: reply})
    assert fetch(transport, UPLOAD).name == name
