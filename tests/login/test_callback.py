"""The little server that a browser comes back to."""

import asyncio

import pytest

from chat2api_core.login.callback import listening
from chat2api_core.problem import Kind, Problem


def read(target: str) -> str | None:
    """Takes ``/code/<code>``, refuses ``/bad``, knows nothing else."""
    if target == "/bad":
        raise Problem(Kind.UNAUTHORIZED, "No.", step="auth")
    return target.removeprefix("/code/") if target.startswith("/code/") else None


async def say(port: int, raw: bytes) -> bytes:
    """What comes back on these bytes, after which nothing more is said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def exchange(*raw: bytes, patience: float = 5) -> tuple[list[bytes], str | Problem]:
    """The answers to some calls, and what was heard in the end."""

    async def whole() -> tuple[list[bytes], str | Problem]:
        async with listening(0, read) as callback:
            answers = [await say(callback.port, one) for one in raw]
            try:
                return answers, await callback.code(patience)
            except Problem as problem:
                return answers, problem

    return asyncio.run(whole())


def get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def test_the_first_code_counts() -> None:
    answers, heard = exchange(get("/favicon.ico"), get("/code/one"), get("/code/two"), get("/bad"))
    assert heard == "one"
    assert [answer.split(b" ")[1] for answer in answers] == [b"404", b"200", b"200", b"400"]


def test_a_refusal_is_what_was_heard() -> None:
    answers, heard = exchange(get("/bad"), get("/code/late"))
    assert isinstance(heard, Problem)
    assert heard.message == "No."
    assert answers[0].startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("raw", [b"", b"GET /code/one", b"x" * 40_000, b"\xff\r\n\r\n"])
def test_what_is_no_request_is_not_heard(raw: bytes) -> None:
    _, heard = exchange(raw, get("/code/one"))
    assert heard == "one"


def test_a_code_comes_with_a_get() -> None:
    post = get("/code/one").replace(b"GET", b"POST")
    answers, heard = exchange(post, get("/code/two"))
    assert heard == "two"
    assert answers[0].startswith(b"HTTP/1.1 404")


def test_nobody_waits_for_ever() -> None:
    _, heard = exchange(patience=0.01)
    assert isinstance(heard, Problem)
    assert heard.kind is Kind.TIMEOUT
