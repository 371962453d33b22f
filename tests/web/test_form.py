"""Forms: fields and files of a multipart body, within bounds."""

import asyncio
from collections.abc import Sequence

import pytest

from chat2api_core.problem import Kind, Problem
from chat2api_core.web.exchange import ClientGone
from chat2api_core.web.form import Form, Limits, read_form
from tests.asgi import Client
from tests.web.fake_gateway import FakeGateway, ScriptedEngine, exchange_of, settings_with

TYPE = {"content-type": "multipart/form-data; boundary=xyz"}


def part(name: str, content: bytes, *, file: str | None = None, kind: str = "") -> bytes:
    head = f'--xyz\r\nContent-Disposition: form-data; name="{name}"'
    head += f'; filename="{file}"' if file is not None else ""
    head += f"\r\nContent-Type: {kind}" if kind else ""
    return head.encode() + b"\r\n\r\n" + content + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--xyz--\r\n"


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def read(
    parts: Sequence[bytes],
    limits: Limits | None = None,
    *,
    headers: dict[str, str] = TYPE,
    hang_up: bool = False,
) -> tuple[Form, list[bytes]]:
    """The form, and what its files hold, each read twice."""

    async def run() -> tuple[Form, list[bytes]]:
        client = Client(parts=parts, headers=headers)
        fake = FakeGateway(ScriptedEngine(), settings_with(max_body=1000))
        if hang_up:
            await client.receive()
            client.hang_up()
        async with read_form(exchange_of(client, fake), limits or Limits(file=1000)) as form:
            files = [file for files in form.files.values() for file in files]
            contents = [await file.read() for file in files]
            again = [b"".join([piece async for piece in file.pieces()]) for file in files]
            assert contents == again
            return form, contents

    return asyncio.run(run())


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_fields_and_files_come_out_however_the_body_was_cut(size: int) -> None:
    sent = body(
        part("model", b"tts-\xc3\xbc"),
        part("include[]", b"a"),
        part("include[]", b"b"),
        part("file", b"\r\n--xy\r\n sound", file="a b.mp3", kind="audio/mpeg; codecs=x"),
    )
    form, contents = read(cut(sent, size))

    assert form.fields == {"model": ["tts-ü"], "include": ["a", "b"]}
    assert form.field("include") == "b"
    assert form.field("nothing") is None
    assert contents == [b"\r\n--xy\r\n sound"]
    file = form.file("file")
    assert (file.name, file.mime, file.size) == ("a b.mp3", "audio/mpeg", 14)


def test_the_last_line_may_lack_its_end() -> None:
    form, _ = read([body(part("model", b"tts")).removesuffix(b"\r\n")])

    assert form.fields == {"model": ["tts"]}


def test_a_large_file_is_whole() -> None:
    sound = bytes(range(256)) * 12_000  # more than is kept in memory
    sent = body(part("file", sound, file="a"))
    _, contents = read(cut(sent, 65_536), Limits(file=4_000_000))

    assert contents == [sound]


@pytest.mark.parametrize(
    ("sent", "kind", "says"),
    [
        (body(part("file", bytes(1001), file="a")), Kind.TOO_LARGE, "MAX_FILE"),
        (body(part("file", bytes(90_000), file="a")), Kind.TOO_LARGE, "MAX_BODY"),
        (body(part("text", bytes(50))), Kind.INVALID_REQUEST, "maximum size"),
        (
            body(part("file", b"1", file="a"), part("file", b"2", file="b")),
            Kind.INVALID_REQUEST,
            "Too many files",
        ),
        (
            body(part("model", b"tts"), part("file", b"sound", file="a"))[:-12],
            Kind.INVALID_REQUEST,
            "ends before its last boundary",
        ),
        (part("model", b"tts"), Kind.INVALID_REQUEST, "ends before its last boundary"),
        (b"\r\n", Kind.INVALID_REQUEST, "ends before its last boundary"),
        (b"no form at all", Kind.INVALID_REQUEST, "could not be read"),
        (
            b"--xyz\r\nContent-Disposition: form-data\r\n\r\n\r\n--xyz--",
            Kind.INVALID_REQUEST,
            "name",
        ),
    ],
)
def test_what_is_too_much_or_no_form_is_refused(sent: bytes, kind: Kind, says: str) -> None:
    with pytest.raises(Problem) as caught:
        read(cut(sent, 1000), Limits(file=1000, field=40))

    assert caught.value.kind is kind
    assert says in caught.value.message


def test_what_is_too_large_is_read_away_before_that_is_told() -> None:
    """A server closes the connection: who was still sending never read why."""
    sent = cut(body(part("file", b"x" * 100_000, file="a.mp3")), 1000)
    client = Client(parts=sent, headers=TYPE)
    fake = FakeGateway(ScriptedEngine(), settings_with(max_body=1000))

    async def run() -> None:
        async with read_form(exchange_of(client, fake), Limits(file=1000)):
            pass

    with pytest.raises(Problem, match="MAX_BODY, MAX_FILE") as caught:
        asyncio.run(run())
    assert caught.value.kind is Kind.TOO_LARGE
    assert client.unread == 0


@pytest.mark.parametrize("headers", [{}, {"content-type": "application/json"}])
def test_another_type_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(Problem, match="multipart/form-data"):
        read([b"{}"], headers=headers)


def test_a_form_without_boundary_is_refused() -> None:
    with pytest.raises(Problem, match="boundary"):
        read([b"--xyz--"], headers={"content-type": "multipart/form-data"})


def test_a_file_that_is_not_there_is_missed_by_name() -> None:
    form, _ = read([body(part("model", b"x"))])

    with pytest.raises(Problem) as caught:
        form.file("file")
    assert caught.value.param == "file"
    assert "is missing" in caught.value.message


def test_a_file_that_came_twice_is_too_much() -> None:
    two = body(part("file", b"1", file="a"), part("file", b"2", file="b"))
    form, _ = read([two], Limits(files=2, file=1000))

    with pytest.raises(Problem, match="sent once"):
        form.file("file")


def test_a_client_that_leaves_in_the_middle_is_gone() -> None:
    sent = body(part("file", bytes(100), file="a"))
    with pytest.raises(ClientGone):
        read([sent[:50], sent[50:]], hang_up=True)
