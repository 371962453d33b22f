"""The load's end of HTTP: it must count the same however the network cuts."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.bench.wire import Answer, Connection, request

STREAM = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    b'1c\r\ndata: {"content":"Tok"} ...\n\n\r\n'
    b"19\r\ndata: two\n\ndata: [DONE]\n\n\r\n0\r\n\r\n"
)
DOCUMENT = b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"a":"Token"}'
REFUSAL = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\nno"


class Wire(asyncio.Transport):
    """Takes what is written; says that it is open."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False


def ask(pieces: Sequence[bytes], *, gaps: bool = False) -> Answer:
    """The answer that comes in these network reads."""

    async def go() -> Answer:
        connection = Connection()
        connection.connection_made(Wire())
        asked = asyncio.create_task(connection.ask(b"GET", whole=True, gaps=gaps))
        await asyncio.sleep(0)
        for piece in pieces:
            connection.data_received(piece)
        return await asyncio.wait_for(asked, 5)

    return asyncio.run(go())


def bytewise(data: bytes) -> list[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


@pytest.mark.parametrize("pieces", [[STREAM], bytewise(STREAM)], ids=["whole", "byte by byte"])
def test_a_stream_is_counted_to_its_last_chunk(pieces: list[bytes]) -> None:
    answer = ask(pieces)
    assert (answer.status, answer.events) == (200, 3)
    assert answer.first > 0


@pytest.mark.parametrize("pieces", [[DOCUMENT], bytewise(DOCUMENT)], ids=["whole", "byte by byte"])
def test_a_document_ends_with_its_length(pieces: list[bytes]) -> None:
    answer = ask(pieces)
    assert (answer.status, answer.body) == (200, b'{"a":"Token"}')
    assert answer.first > 0


def test_a_refusal_has_no_first_content() -> None:
    answer = ask([REFUSAL])
    assert (answer.status, answer.first, answer.body) == (401, 0.0, b"no")


def test_the_gaps_are_those_between_reads_of_the_body() -> None:
    body = STREAM.index(b"\r\n\r\n") + 4
    answer = ask([STREAM[:body], STREAM[body:120], STREAM[120:140], STREAM[140:]], gaps=True)
    assert answer.gaps is not None
    assert len(answer.gaps) == 2


def test_an_answer_that_never_ends_is_an_error() -> None:
    async def go() -> None:
        connection = Connection()
        connection.connection_made(Wire())
        asked = asyncio.create_task(connection.ask(b"GET"))
        await asyncio.sleep(0)
        connection.data_received(STREAM[:120])
        connection.connection_lost(None)
        await asked

    with pytest.raises(ConnectionResetError):
        asyncio.run(go())


def test_a_request_says_how_long_it_is() -> None:
    assert request("POST", "/x", [(b"a", b"b")], b"body") == (
        b"POST /x HTTP/1.1\r\nhost: 127.0.0.1\r\na: b\r\ncontent-length: 4\r\n\r\nbody"
    )
