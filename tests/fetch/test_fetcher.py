"""Fetching over real sockets, from servers that mean it well and from others."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from chat2api_core.fetch.fetcher import Fetched, Fetcher, system_resolve
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from tests.fetch.servers import LOOPBACK, Talk, listening, serving

LIMIT = 1000
PNG = b"content-type: image/png\r\n"


class Names:
    """A resolver that answers each question with the next list of addresses, the last for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not answer:
            raise OSError("no such name")
        return answer


def fetcher(names: Names | None = None, **more: Any) -> Fetcher:
    known: dict[str, Any] = {"limit": LIMIT, "user_agent": "test", "connect_timeout": 5.0}
    known |= {"resolve": names or Names(["127.0.0.1"]), "allowed": LOOPBACK}
    return Fetcher(**(known | more))


def answering(*pieces: bytes, heads: list[bytes] | None = None) -> Talk:
    async def talk(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if heads is not None:
            heads.append(head)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return talk


def ok(body: bytes = b"hello", head: bytes = PNG) -> bytes:
    return b"HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n%s" % (head, len(body), body)


def moved(to: str) -> bytes:
    return b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: %s\r\n\r\n" % to.encode()


def refusal_of(talk: Talk, *, path: str = "/x.png", only: str = "", **more: Any) -> Problem:
    async def run() -> Problem:
        async with listening(talk) as port:
            with pytest.raises(Problem) as caught:
                await fetcher(**more).fetch(f"http://pictures.example:{port}{path}", only=only)
            return caught.value

    return asyncio.run(run())


def test_a_file_comes_with_its_type_and_name() -> None:
    heads: list[bytes] = []

    async def run() -> Fetched:
        async with listening(answering(ok(), heads=heads)) as port:
            url = f"http://pictures.example:{port}/a/my%20cat.png?size=2#top"
            return await fetcher().fetch(url, only="image/")

    assert asyncio.run(run()) == Fetched(b"hello", "image/png", "my cat.png")
    (head,) = heads
    lines = head.decode().lower().split("\r\n")
    assert lines[0] == "get /a/my%20cat.png?size=2 http/1.1"
    assert lines[1].startswith("host: pictures.example:")
    assert "accept-encoding: identity" in lines
    assert not [line for line in lines if line.startswith(("cookie", "authorization", "referer"))]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (b'attachment; filename="a b.pdf"', "a b.pdf"),
        (b"attachment; filename=a.pdf; x=y", "a.pdf"),
        (b"attachment; filename=x.pdf; filename*=UTF-8''%C3%A4.pdf", "ä.pdf"),
        (b"attachment", "x.png"),
        (b'attachment; filename=""', ""),
        ("attachment; filename=月.png".encode(), "月.png"),
        (b"attachment; filename=\xe4.png", "ä.png"),
    ],
)
def test_the_server_may_name_the_file(header: bytes, name: str) -> None:
    async def run() -> Fetched:
        head = b"content-disposition: " + header + b"\r\n"
        async with listening(answering(ok(head=head))) as port:
            return await fetcher().fetch(f"http://pictures.example:{port}/x.png")

    assert asyncio.run(run()).name == name


def test_redirections_are_followed() -> None:
    async def run() -> Fetched:
        async with (
            listening(answering(ok(b"there"))) as there,
            listening(answering(moved(f"http://b.example:{there}/y.png"))) as here,
        ):
            return await fetcher().fetch(f"http://pictures.example:{here}/x.png")

    assert asyncio.run(run()) == Fetched(b"there", "image/png", "y.png")


def test_a_redirection_may_be_written_in_utf_8_as_it_is() -> None:
    heads: list[bytes] = []

    async def run() -> Fetched:
        async with listening(answering(ok(), heads=heads)) as there:
            target = f"http://b.example:{there}/月.png"
            async with listening(answering(moved(target))) as here:
                return await fetcher().fetch(f"http://pictures.example:{here}/x.png")

    assert asyncio.run(run()).name == "月.png"
    assert heads[0].startswith(b"GET /%E6%9C%88.png HTTP/1.1\r\n")


def test_an_empty_encoding_is_none() -> None:
    async def run() -> Fetched:
        async with listening(answering(ok(head=b"content-encoding: \r\n"))) as port:
            return await fetcher().fetch(f"http://pictures.example:{port}/x.png")

    assert asyncio.run(run()).data == b"hello"


# What a server may say that is hostile or broken, and the reason that is given.
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n"
UNFIT = {
    "a length of thousands of digits": HEAD + b"content-length: " + b"9" * 5000 + b"\r\n\r\nabc",
    "two lengths": HEAD + b"content-length: 3\r\ncontent-length: 4\r\n\r\nabcd",
    "less than it said": HEAD + b"content-length: 100\r\n\r\nabc",
    "a packed transfer": HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a chunk without a size": HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "a chunk of the largest size": HEAD
    + b"transfer-encoding: chunked\r\n\r\n"
    + b"f" * 19
    + b"\r\nabc",
    "an endless extension of a chunk": HEAD
    + b"transfer-encoding: chunked\r\n\r\n3;"
    + b"x" * 200_000,
    "an endless header": HEAD + b"x: " + b"a" * 300_000,
    "no head at all": b"hello",
    "a change of protocol": b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "a bomb": HEAD + b"content-encoding: br\r\n\r\nabc",
    "two encodings": HEAD + b"content-encoding: identity, gzip\r\n\r\nabc",
    "a part of it": b"HTTP/1.1 206 Part\r\ncontent-length: 3\r\n\r\nabc",
}


@pytest.mark.parametrize("raw", UNFIT.values(), ids=UNFIT.keys())
def test_a_hostile_server_gets_nothing_in(raw: bytes) -> None:
    async def talk(_: bytes, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    problem = refusal_of(talk)
    assert problem.kind is Kind.INVALID_REQUEST
    assert problem.message.startswith("The URL at pictures.example cannot be fetched: ")


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/latest/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://localhost:6379/",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "gopher://pictures.example/",
    ],
)
def test_a_redirection_to_a_private_place_is_not_followed(target: str) -> None:
    problem = refusal_of(answering(moved(target)))
    assert problem.kind is Kind.INVALID_REQUEST


def test_a_redirection_to_a_name_of_a_private_address_is_not_followed() -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    problem = refusal_of(answering(moved("http://innocent.example/")), names=names)
    assert problem.message == (
        "The URL at innocent.example cannot be fetched: it is not on the public Internet."
    )
    assert names.asked == ["pictures.example", "innocent.example"]


def test_a_loop_of_redirections_ends() -> None:
    heads: list[bytes] = []
    problem = refusal_of(answering(moved("/x.png"), heads=heads))
    assert "redirected more than 5 times" in problem.message
    assert len(heads) == 6


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["93.184.216.34", "10.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::a9fe:a9fe"],
        ["fe80::1%2"],
        ["169.254.169.254"],
    ],
)
def test_a_name_with_any_private_address_is_not_connected_to(addresses: list[str]) -> None:
    heads: list[bytes] = []
    problem = refusal_of(answering(ok(), heads=heads), names=Names(addresses), allowed=())
    assert "not on the public Internet" in problem.message
    assert heads == []


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """DNS that changes its answer: the second one is never asked for."""
    names = Names(["127.0.0.1"], ["169.254.169.254"])

    async def run() -> Fetched:
        async with listening(answering(ok())) as port:
            return await fetcher(names).fetch(f"http://rebinding.example:{port}/x.png")

    assert asyncio.run(run()).data == b"hello"
    assert names.asked == ["rebinding.example"]


def test_a_literal_private_address_is_refused_by_default() -> None:
    async def run() -> None:
        async with listening(answering(ok())) as port:
            with pytest.raises(Problem, match="not on the public Internet"):
                await fetcher(allowed=()).fetch(f"http://127.0.0.1:{port}/x.png")

    asyncio.run(run())


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    async def run() -> Fetched:
        async with listening(answering(ok())) as port:
            names = Names(["127.9.9.9", "127.0.0.1"])
            return await fetcher(names).fetch(f"http://pictures.example:{port}/x.png")

    assert asyncio.run(run()).data == b"hello"


def test_the_machine_resolves_names_by_default() -> None:
    assert asyncio.run(system_resolve("127.0.0.1", 80)) == ["127.0.0.1"]


def test_a_connection_that_is_reset_is_the_callers_fault() -> None:
    async def talk(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        linger = struct.pack("ii", 1, 0)  # closing is a reset then
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    assert "the connection ended before an answer came" in refusal_of(talk).message


def test_a_name_that_does_not_resolve_is_the_callers_fault() -> None:
    problem = refusal_of(answering(ok()), names=Names([]))
    assert problem.kind is Kind.INVALID_REQUEST
    assert problem.message == (
        "The URL at pictures.example cannot be fetched: its name could not be resolved."
    )


def test_nobody_listening_is_the_callers_fault() -> None:
    with pytest.raises(Problem, match="no connection could be made"):
        asyncio.run(fetcher().fetch("http://pictures.example:1900/x.png"))


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ([b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"], "HTTP 404"),
        ([b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n"], "HTTP 302"),
        ([b"HTTP/1.1 206 Partial\r\ncontent-length: 0\r\n\r\n"], "HTTP 206"),
        ([b"no HTTP at all\r\n\r\n"], "does not speak proper HTTP"),
        ([b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000], "does not speak proper HTTP"),
        ([b""], "does not speak proper HTTP"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello"], "connection broke"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nhello"], "does not speak proper HTTP"),
        ([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz"], "connection broke"),
        ([ok(head=b"content-encoding: gzip\r\n")], "packed"),
        ([ok(head=b"content-type: text/html\r\n")], "'text/html', not image"),
    ],
)
def test_an_answer_that_is_no_picture_is_refused_with_the_reason(
    pieces: list[bytes], why: str
) -> None:
    problem = refusal_of(answering(*pieces), only="image/")
    assert problem.kind is Kind.INVALID_REQUEST
    assert why in problem.message
    assert "x.png" not in problem.message


def test_a_body_that_says_to_be_too_large_is_not_read() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n"
    problem = refusal_of(answering(head))
    assert problem.kind is Kind.TOO_LARGE
    assert problem.message == (
        "The file at pictures.example is larger than 1000 bytes, the most that is fetched."
    )


def test_a_body_that_does_not_say_its_size_is_cut_off() -> None:
    sent: list[int] = []

    async def talk(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(10_000):
            writer.write(bytes(1000))
            await writer.drain()
            sent.append(1000)

    assert refusal_of(talk).kind is Kind.TOO_LARGE
    assert sum(sent) < 10_000_000


def test_a_slow_drip_ends_with_the_time_that_a_fetch_may_take() -> None:
    async def talk(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.01)

    problem = refusal_of(talk, seconds=0.3)
    assert problem.message == (
        "The URL at pictures.example cannot be fetched: it took longer than 0.3 s."
    )


def test_a_page_is_not_downloaded_where_only_files_are_wanted() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: Text/HTML; charset=utf-8\r\n"

    async def run() -> tuple[Fetched | None, Fetched | None]:
        async with (
            listening(answering(head + b"content-length: 999999\r\n\r\n")) as page,
            listening(answering(ok())) as file,
        ):
            one = fetcher()
            return (
                await one.fetch_file(f"http://pictures.example:{page}/"),
                await one.fetch_file(f"http://pictures.example:{file}/"),
            )

    assert asyncio.run(run()) == (None, Fetched(b"hello", "image/png", ""))


Certified = tuple[ssl.SSLContext, ssl.SSLContext]


def test_tls_is_made_with_the_name_and_the_checked_address(certified: Certified) -> None:
    server, trust = certified
    asked: list[str] = []
    server.sni_callback = lambda _socket, name, _context: asked.append(name)

    async def run() -> Fetched:
        async with listening(answering(ok()), tls=server) as port:
            return await fetcher(trust=lambda: trust).fetch(
                f"https://pictures.example:{port}/x.png"
            )

    assert asyncio.run(run()).data == b"hello"
    assert asked == ["pictures.example"]


def test_a_certificate_for_another_name_is_not_taken(certified: Certified) -> None:
    server, trust = certified

    async def run() -> None:
        async with listening(answering(ok()), tls=server) as port:
            with pytest.raises(Problem, match="no connection could be made"):
                await fetcher(trust=lambda: trust).fetch(f"https://other.example:{port}/x.png")

    asyncio.run(run())


# --------------------------------------------------------------------------------- by a proxy


def tunnelling(heads: list[bytes]) -> Talk:
    """A proxy that opens tunnels to any address of the loopback."""

    async def talk(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        host, _, port = head.split()[1].decode().rpartition(":")
        there, far = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            await asyncio.gather(_pump(reader, far), _pump(there, writer))
        finally:
            far.close()
            await far.wait_closed()

    return talk


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    sink.write_eof()


def test_a_proxy_is_told_the_address_and_the_tunnel_the_name(certified: Certified) -> None:
    server, trust = certified
    heads: list[bytes] = []

    async def run() -> Fetched:
        async with (
            listening(answering(ok()), tls=server) as port,
            listening(tunnelling(heads)) as proxy,
        ):
            through = Secret(f"http://user:p%40ss@127.0.0.1:{proxy}")
            names = Names(["2606:4700::1111", "127.0.0.1"])
            one = fetcher(names, trust=lambda: trust, proxy=through)
            return await one.fetch(f"https://pictures.example:{port}/x.png")

    assert asyncio.run(run()).data == b"hello"
    head = heads[0].decode().lower()
    assert head.startswith("connect 127.0.0.1:")
    assert "pictures.example" not in head
    assert "proxy-authorization: basic dxnlcjpwqhnz" in head  # user:p@ss, in lower case


def test_a_plain_request_by_a_proxy_names_the_host_in_its_header() -> None:
    heads: list[bytes] = []

    async def run() -> Fetched:
        async with listening(answering(ok(), heads=heads)) as proxy:
            through = Secret(f"http://127.0.0.1:{proxy}")
            return await fetcher(proxy=through).fetch("http://pictures.example/x.png")

    assert asyncio.run(run()).data == b"hello"
    lines = heads[0].decode().lower().split("\r\n")
    assert lines[0] == "get http://127.0.0.1/x.png http/1.1"
    assert "host: pictures.example" in lines


def test_a_private_address_is_not_reached_by_a_proxy_either() -> None:
    heads: list[bytes] = []

    async def run() -> None:
        async with listening(answering(ok(), heads=heads)) as proxy:
            one = fetcher(
                Names(["169.254.169.254"]), proxy=Secret(f"http://127.0.0.1:{proxy}"), allowed=()
            )
            with pytest.raises(Problem, match="not on the public Internet"):
                await one.fetch("http://metadata.example/")

    asyncio.run(run())
    assert heads == []


def test_a_proxy_that_refuses_is_named_as_the_reason() -> None:
    async def run() -> Problem:
        no = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"
        async with listening(answering(no)) as proxy:
            one = fetcher(proxy=Secret(f"http://127.0.0.1:{proxy}"))
            with pytest.raises(Problem) as caught:
                await one.fetch("https://pictures.example/x.png")
            return caught.value

    assert "the proxy did not let the connection through" in asyncio.run(run()).message


def socks(asked: list[bytes]) -> Callable[..., Any]:
    """A SOCKS5 proxy without a password, which answers the request itself."""

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        writer.write(b"\x05\x00")
        asked.append(await reader.readexactly(10))
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ok())
        await writer.drain()

    return attend


def test_a_socks_proxy_is_told_the_address() -> None:
    asked: list[bytes] = []

    async def run() -> Fetched:
        async with serving(socks(asked)) as port:
            one = fetcher(proxy=Secret(f"socks5h://127.0.0.1:{port}"))
            return await one.fetch("http://pictures.example/x.png")

    assert asyncio.run(run()).data == b"hello"
    # version, connect, reserved, IPv4, the address, the port
    assert asked == [b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50"]
