"""HTTP towards the upstreams, over real sockets, with either backend."""

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chat2api_core.problem import Kind, Problem
from chat2api_core.transport import Backend, Transport
from tests.certificate import self_signed
from tests.fetch.servers import serving

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

pytestmark = pytest.mark.parametrize("backend", ["httpx", "aiohttp"])

HEADERS = [(b"user-agent", b"test"), (b"accept", b"*/*")]
OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[str]:
    """A server that reads a request's head and then says what it is told to say."""

    async with serving(talk) as port:
        yield f"http://127.0.0.1:{port}/path"


@asynccontextmanager
async def transport(backend: Backend, *, read_timeout: float = 5.0) -> AsyncIterator[Transport]:
    one = Transport(backend=backend, connect_timeout=5.0, read_timeout=read_timeout)
    try:
        yield one
    finally:
        await one.aclose()


async def read_head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def saying(*pieces: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    return talk


def test_status_headers_cookies_and_body_arrive(backend: Backend) -> None:
    async def run() -> None:
        head = b"HTTP/1.1 418 T\r\nx-one: 1\r\nset-cookie: a=1; Path=/\r\nset-cookie: b=2\r\n"
        answer = head + b"content-length: 5\r\n\r\nhello"
        async with listening(saying(answer)) as url, transport(backend) as client:
            reply = await client.send("GET", url, HEADERS, step="models")
            assert reply.status == 418
            assert reply.header("x-one") == "1"
            assert reply.header("missing") == ""
            assert reply.cookies == ["a=1; Path=/", "b=2"]
            assert await reply.read() == b"hello"
            await reply.aclose()

    asyncio.run(run())


def test_only_what_was_written_is_sent(backend: Backend) -> None:
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            seen.append(await read_head(reader))
            await reader.readexactly(4)
            writer.write(OK + b"set-cookie: spy=1\r\ncontent-length: 0\r\n\r\n")

    async def run() -> None:
        async with listening(talk) as url, transport(backend) as client:
            for _ in range(2):
                reply = await client.send("POST", url, HEADERS, b"body", step="models")
                await reply.read()
                await reply.aclose()

    asyncio.run(run())
    assert len(seen) == 2, "the connection is used again"
    for head in seen:
        names = {line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:] if line}
        assert b"cookie" not in names, "no jar keeps one account's cookies for another"
        assert {b"user-agent", b"accept", b"host", b"content-length"} <= names
        assert head.lower().count(b"user-agent: test") == 1


@pytest.mark.parametrize(
    ("method", "body", "framing"),
    [
        ("POST", b"", b"content-length: 0"),
        ("POST", b"{}", b"content-length: 2"),
        ("GET", b"", b""),
    ],
)
def test_where_the_body_ends_is_said_where_there_can_be_one(
    backend: Backend, method: str, body: bytes, framing: bytes
) -> None:
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_head(reader))
        writer.write(OK + b"content-length: 0\r\n\r\n")

    async def run() -> None:
        async with listening(talk) as url, transport(backend) as client:
            await (await client.send(method, url, HEADERS, body, step="models")).aclose()

    asyncio.run(run())
    lines = seen[0].lower().split(b"\r\n")
    assert [one for one in lines if one.startswith((b"content-length", b"transfer-enc"))] == [
        one for one in [framing] if one
    ]


@pytest.mark.parametrize("name", [b"host", b"Host"])
def test_a_host_that_was_written_stands_alone(backend: Backend, name: bytes) -> None:
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_head(reader))
        writer.write(OK + b"content-length: 0\r\n\r\n")

    async def run() -> None:
        async with listening(talk) as url, transport(backend) as client:
            headers = [*HEADERS, (name, b"signed.example")]
            await (await client.send("GET", url, headers, step="models")).aclose()

    asyncio.run(run())
    lines = seen[0].lower().split(b"\r\n")
    assert [one for one in lines if one.startswith(b"host:")] == [b"host: signed.example"]


def test_a_body_of_unknown_length_is_sent_in_chunks(backend: Backend) -> None:
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_head(reader))
        seen.append(await reader.readuntil(b"0\r\n\r\n"))
        writer.write(OK + b"content-length: 0\r\n\r\n")

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"three"

    async def run() -> None:
        async with listening(talk) as url, transport(backend) as client:
            reply = await client.send("POST", url, HEADERS, pieces(), step="upload")
            await reply.aclose()

    asyncio.run(run())
    assert b"transfer-encoding: chunked" in seen[0].lower()
    assert seen[1] == b"3\r\none\r\n5\r\nthree\r\n0\r\n\r\n"


def test_the_address_is_asked_for_as_it_is_written(backend: Backend) -> None:
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_head(reader))
        writer.write(OK + b"content-length: 0\r\n\r\n")

    async def run() -> None:
        async with listening(talk) as url, transport(backend) as client:
            asked = url + "/a%20b%2Fc;d?sig=x%2By+z&e=$1'#never-sent"
            await (await client.send("GET", asked, HEADERS, step="download")).aclose()
            port = url.split(":")[2].split("/")[0]
            assert b"\r\nhost: 127.0.0.1:%s\r\n" % port.encode() in seen[0].replace(
                b"Host", b"host"
            )

    asyncio.run(run())
    assert seen[0].split(b" ")[1] == b"/path/a%20b%2Fc;d?sig=x%2By+z&e=$1'"


def test_a_body_in_pieces_is_sent_with_its_length(backend: Backend) -> None:
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_head(reader))
        seen.append(await reader.readexactly(9))
        writer.write(OK + b"content-length: 0\r\n\r\n")

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one", b"two", b"six"):
            yield piece

    async def run() -> None:
        async with listening(talk) as url, transport(backend) as client:
            headers = [*HEADERS, (b"content-length", b"9")]
            reply = await client.send("PUT", url, headers, pieces(), step="upload")
            await reply.aclose()

    asyncio.run(run())
    head, body = seen
    assert b"transfer-encoding" not in head.lower()
    assert body == b"onetwosix"


def test_a_proxy_gets_its_password_and_the_target_does_not(backend: Backend) -> None:
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_head(reader))
        writer.write(OK + b"content-length: 2\r\n\r\nok")

    async def run() -> None:
        async with listening(talk) as url, transport(backend) as client:
            proxy = url.removesuffix("/path").replace("//", "//ann:p%40ss@")
            target = "http://chatgpt.invalid/models"
            reply = await client.send("GET", target, HEADERS, step="models", proxy=proxy)
            assert await reply.read() == b"ok"
            await reply.aclose()

    asyncio.run(run())
    assert b"proxy-authorization: Basic YW5uOnBAc3M=" in seen[0].replace(
        b"Proxy-Auth", b"proxy-auth"
    )


def test_a_proxy_with_tls_is_believed_by_the_certificates_that_are_named(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chain = self_signed(tmp_path, "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        assert head.startswith(b"GET http://chatgpt.invalid/models ")
        writer.write(OK + b"content-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    async def run() -> None:
        async with serving(talk, context) as port, transport(backend) as client:
            proxy = f"https://127.0.0.1:{port}"
            target = "http://chatgpt.invalid/models"
            reply = await client.send("GET", target, HEADERS, step="models", proxy=proxy)
            assert await reply.read() == b"ok"
            await reply.aclose()

    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    asyncio.run(run())


def test_a_very_long_header_is_read(backend: Backend) -> None:
    answer = OK + b"set-cookie: a=%b\r\ncontent-length: 0\r\n\r\n" % (b"x" * 30_000)

    async def run() -> None:
        async with listening(saying(answer)) as url, transport(backend) as client:
            reply = await client.send("GET", url, HEADERS, step="bootstrap")
            assert len(reply.cookies[0]) == 30_002
            await reply.aclose()

    asyncio.run(run())


def test_a_packed_body_is_unpacked(backend: Backend) -> None:
    packed = gzip.compress(b"packed")
    answer = OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed) + packed

    async def run() -> None:
        async with listening(saying(answer)) as url, transport(backend) as client:
            reply = await client.send("GET", url, HEADERS, step="models")
            assert await reply.read() == b"packed"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("packing", "packed", "plain"),
    [
        ("gzip", gzip.compress(b"one") + gzip.compress(b"two"), b"onetwo"),
        ("deflate", zlib.compress(b"packed"), b"packed"),
        ("gzip", gzip.compress(b"\0" * 3_000_000), b"\0" * 3_000_000),
    ],
    ids=["two packets behind each other", "deflate", "very small for what it holds"],
)
def test_a_body_is_unpacked_whole(
    backend: Backend, packing: str, packed: bytes, plain: bytes
) -> None:
    head = OK + f"content-encoding: {packing}\r\ncontent-length: {len(packed)}\r\n\r\n".encode()

    async def run() -> None:
        for cut in (len(packed), 1, len(packed) // 2):
            talk = saying(head + packed[:cut], packed[cut:])
            async with listening(talk) as url, transport(backend) as client:
                reply = await client.send("GET", url, HEADERS, step="models")
                assert await reply.read() == plain
                await reply.aclose()

    asyncio.run(run())


def test_a_body_that_is_not_packed_as_it_says_is_a_cut(backend: Backend) -> None:
    head = OK + b"content-encoding: gzip\r\ncontent-length: 12\r\n\r\n"
    problem = problem_of(backend, saying(head + b"never packed"))

    assert problem.kind is Kind.CUT


def test_a_body_larger_than_expected_is_refused(backend: Backend) -> None:
    answer = OK + b"content-length: 100\r\n\r\n" + b"x" * 100

    async def run() -> None:
        async with listening(saying(answer)) as url, transport(backend) as client:
            reply = await client.send("GET", url, HEADERS, step="models")
            with pytest.raises(Problem) as raised:
                await reply.read(limit=99)
            await reply.aclose()
            assert raised.value.kind is Kind.GARBAGE
            assert raised.value.step == "models"

    asyncio.run(run())


def test_much_that_has_gathered_is_handed_out_by_and_by(backend: Backend) -> None:
    """A slow client must not make its whole answer pass through the memory at once."""
    body = bytes(1_000_000)

    async def run() -> list[bytes]:
        gathered = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await read_head(reader)
            writer.write(OK + b"content-length: %d\r\n\r\n" % len(body) + body[:400_000])
            await writer.drain()
            gathered.set()
            writer.write(body[400_000:])
            await writer.drain()

        async with listening(talk) as url, transport(backend) as client:
            reply = await client.send("GET", url, HEADERS, step="models")
            await gathered.wait()
            for _ in range(100):  # what the network has brought meanwhile is taken in
                await asyncio.sleep(0)
            pieces = []
            while (piece := await reply.chunk()) is not None:
                pieces.append(piece)
            await reply.aclose()
            return pieces

    pieces = asyncio.run(run())
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) <= 65_536


def test_closing_early_closes_the_connection(backend: Backend) -> None:
    closed = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        assert await reader.read() == b"", "the other side hangs up"
        closed.set()

    async def run() -> None:
        async with listening(talk) as url, transport(backend) as client:
            reply = await client.send("GET", url, HEADERS, step="conversation")
            assert await reply.chunk() == b"hello"
            await reply.aclose()
            await asyncio.wait_for(closed.wait(), 5)

    asyncio.run(run())


def problem_of(backend: Backend, talk: Talk, *, read_timeout: float = 5.0) -> Problem:
    """What comes of sending a request and reading the answer."""

    async def ask(client: Transport, url: str) -> None:
        reply = await client.send("POST", url, HEADERS, b"{}", step="conversation")
        try:
            while await reply.chunk() is not None:
                pass
        finally:
            await reply.aclose()

    async def run() -> Problem:
        async with listening(talk) as url, transport(backend, read_timeout=read_timeout) as client:
            with pytest.raises(Problem) as raised:
                await ask(client, url)
            return raised.value

    return asyncio.run(run())


def test_an_answer_that_never_comes_is_a_time_out(backend: Backend) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    problem = problem_of(backend, talk, read_timeout=0.2)

    assert problem.kind is Kind.TIMEOUT
    assert problem.code == "conversation_timeout"
    assert not problem.again


def test_a_connection_that_ends_before_an_answer_is_unreachable_not_a_time_out(
    backend: Backend,
) -> None:
    problem = problem_of(backend, saying(b""))

    assert problem.kind is Kind.UNREACHABLE
    assert problem.code == "conversation_unreachable"


def test_an_answer_that_is_not_http_is_unreachable(backend: Backend) -> None:
    assert problem_of(backend, saying(b"SSH-2.0-nope\r\n\r\n")).kind is Kind.UNREACHABLE


def test_a_body_cut_short_is_a_cut(backend: Backend) -> None:
    cut = saying(OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhel")
    problem = problem_of(backend, cut)

    assert problem.kind is Kind.CUT
    assert problem.step == "stream"


def test_a_body_that_falls_silent_is_a_time_out(backend: Backend) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await reader.read()

    problem = problem_of(backend, talk, read_timeout=0.2)

    assert problem.kind is Kind.TIMEOUT
    assert problem.step == "stream"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9/", "refused"),
        ("http://no-such-host.invalid/", "DNS"),
    ],
)
def test_a_host_that_cannot_be_reached_is_named_with_the_cause(
    backend: Backend, url: str, words: str
) -> None:
    async def run() -> None:
        async with transport(backend) as client:
            with pytest.raises(Problem) as raised:
                await client.send("GET", url, HEADERS, step="bootstrap")
            assert raised.value.kind is Kind.UNREACHABLE
            assert words in raised.value.message
            assert "bootstrap" in raised.value.message

    asyncio.run(run())


def test_a_server_without_tls_fails_the_handshake(backend: Backend) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def run() -> None:
        async with listening(talk) as url, transport(backend) as client:
            secure = url.replace("http:", "https:")
            with pytest.raises(Problem) as raised:
                await client.send("GET", secure, HEADERS, step="sentinel")
            assert raised.value.kind is Kind.UNREACHABLE

    asyncio.run(run())


def test_only_tls_reads_whom_to_trust(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def run() -> None:
        talk = saying(b"HTTP/1.1 204 No Content\r\n\r\n")
        async with listening(talk) as url, transport(backend) as client:
            reply = await client.send("GET", url, HEADERS, step="bootstrap")
            assert reply.status == 204
            await reply.aclose()
            secure = url.replace("http:", "https:")
            with pytest.raises(OSError, match="certificate"):
                await client.send("GET", secure, HEADERS, step="bootstrap")

    unreadable = tmp_path / "trust.pem"
    unreadable.write_text("no certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(unreadable))
    asyncio.run(run())


def test_a_proxy_is_used_and_its_refusal_told(backend: Backend) -> None:
    seen: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await read_head(reader))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")

    async def run() -> None:
        async with listening(talk) as url, transport(backend) as client:
            proxy = url.removesuffix("/path")
            with pytest.raises(Problem) as raised:
                await client.send(
                    "GET", "https://chatgpt.invalid/", HEADERS, step="sentinel", proxy=proxy
                )
            assert raised.value.kind is Kind.UNREACHABLE
            assert "proxy" in raised.value.message

    asyncio.run(run())
    assert seen[0].startswith(b"CONNECT chatgpt.invalid:443")
