"""Bytes of others, sent so that no browser takes them for ours."""

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chat2api_core.accounts.hold import Hold
from chat2api_core.media.download import Download
from chat2api_core.problem import Kind, Problem
from chat2api_core.transport.base import Reply
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.media import disposition, stream
from tests.asgi import Client, play
from tests.fakes import FakeClock, FakeIds


class Bytes(Reply):
    """An answer in these pieces; one that is a problem is raised, a number is a wait."""

    def __init__(self, *pieces: bytes | float | Problem, status: int = 200, **headers: str) -> None:
        self.status = status
        self.step = "download"
        self._pieces = list(pieces)
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}
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
        if not self._pieces:
            return None
        piece = self._pieces.pop(0)
        if isinstance(piece, Problem):
            raise piece
        if isinstance(piece, float):
            await asyncio.sleep(piece)
            return b""
        return piece

    async def aclose(self) -> None:
        self.closed = True


class FakeHold:
    """A hold that knows whether it was let go."""

    account = SimpleNamespace(key="account-1")
    released = False

    async def release(self) -> None:
        self.released = True


def sent(
    reply: Bytes,
    mime: str = "image/png",
    name: str = "a.png",
    *,
    method: str = "GET",
    client: Client | None = None,
    more: Mapping[str, Any] | None = None,
) -> Client:
    client = client or Client(method, "/media/x", parts=(b"",))
    hold = FakeHold()

    async def run() -> None:
        gateway: Any = SimpleNamespace(clock=FakeClock(), ids=FakeIds())
        exchange = Exchange(client.scope, client.receive, client.send, gateway)
        await stream(exchange, Download(reply, name, mime), cast(Hold, hold), **(more or {}))

    try:
        play(run())
    finally:
        assert reply.closed
        assert hold.released
    return client


def test_bytes_leave_as_they_arrive() -> None:
    client = sent(Bytes(b"one", b"two", content_length="6"))
    assert client.pieces == [b"one", b"two", b""]
    assert client.status == 200
    assert client.headers["content-length"] == "6"
    assert client.headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    "mime", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript", "", "x"]
)
def test_what_could_run_is_plain_bytes_to_be_saved(mime: str) -> None:
    headers = sent(Bytes(b"<script>"), mime, "a.html").headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment; ")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"


def test_a_harmless_type_is_kept_and_shown_only_where_it_may_be() -> None:
    shown = sent(Bytes(b"x"), "text/csv", "a.csv").headers
    saved = sent(Bytes(b"x"), "text/csv", "a.csv", more={"inline": False}).headers
    assert shown["content-type"] == saved["content-type"] == "text/csv"
    assert shown["content-disposition"].startswith("inline; ")
    assert saved["content-disposition"].startswith("attachment; ")


def test_the_head_alone_reads_no_bytes() -> None:
    reply = Bytes(b"one", content_length="3")
    client = sent(reply, method="HEAD")
    assert client.body == b""
    assert client.headers["content-length"] == "3"
    assert asyncio.run(reply.chunk()) == b"one"


def test_the_length_of_what_was_packed_is_not_told() -> None:
    client = sent(Bytes(b"unpacked", content_length="3", content_encoding="gzip"))
    assert "content-length" not in client.headers


def test_a_part_says_which_it_is() -> None:
    client = sent(Bytes(b"b", status=206, content_range="bytes 1-1/3"))
    assert client.status == 206
    assert client.headers["content-range"] == "bytes 1-1/3"


def test_what_breaks_off_does_not_look_whole() -> None:
    cut = Problem(Kind.CUT, "It broke.", step="download")
    client = Client("GET", "/media/x", parts=(b"",))
    with pytest.raises(Problem):
        sent(Bytes(b"one", cut), client=client)
    assert not client.ended


def test_a_client_that_hangs_up_ends_the_download() -> None:
    client = Client("GET", "/media/x", parts=(b"",))
    client.hang_up()
    sent(Bytes(b"one", 60.0, b"two"), client=client)
    assert b"two" not in client.body


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.csv", b"inline; filename=\"a.csv\"; filename*=UTF-8''a.csv"),
        ("a b.csv", b"inline; filename=\"a b.csv\"; filename*=UTF-8''a%20b.csv"),
        ('a"\\\r\n;b', b"inline; filename=\"a____;b\"; filename*=UTF-8''a%22%5C%0D%0A%3Bb"),
        ("\u00fc/..", b"inline; filename=\"_/..\"; filename*=UTF-8''%C3%BC%2F.."),
        ("", b"inline; filename=\"file\"; filename*=UTF-8''"),
    ],
)
def test_a_name_cannot_break_its_header(name: str, header: bytes) -> None:
    assert disposition(name, inline=True) == header
