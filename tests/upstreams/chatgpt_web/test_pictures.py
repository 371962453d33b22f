"""Answers that bring pictures: what is held back, what is fetched, how an order ends."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import (
    Delta,
    Finished,
    Picture,
    PictureBegun,
    PicturePreview,
    ReasoningDelta,
    Started,
    TextDelta,
)
from chat2api_core.upstreams.base import Batch
from chat2api_core.upstreams.chatgpt_web.pictures import Fetch, PictureAnswer, fetching
from tests.fakes import FakeAnswer

MOON = Picture("sediment://file_1", 10, 20, "A moon")
END = Finished("stop")


async def read(
    script: Sequence[Batch | Problem], *, ordered: bool = True, fetch: Fetch | None = None
) -> list[list[Delta]]:
    """All batches; a problem at the end is the last one, in a list of its own."""
    inner = FakeAnswer(script)
    answer = PictureAnswer(inner, ordered=ordered, fetch=fetch, seconds=60)
    out: list[Any] = []
    try:
        async for batch in answer:
            out.append(list(batch))
    except Problem as problem:
        out.append([problem])
    await answer.aclose()
    assert inner.closed
    return out


def run(script: Sequence[Batch | Problem], **options: Any) -> list[Any]:
    return asyncio.run(read(script, **options))


def test_words_wait_until_the_picture_is_there() -> None:
    script: list[Batch] = [
        [Started("m"), PictureBegun()],
        [ReasoningDelta("Hm."), TextDelta("Here ")],
        [PicturePreview(0, "QQ==")],
        [MOON],
        [TextDelta("it is."), END],
    ]
    assert run(script) == [
        [Started("m"), PictureBegun()],
        [PicturePreview(0, "QQ==")],
        [MOON],
        [ReasoningDelta("Hm."), TextDelta("Here "), TextDelta("it is."), END],
    ]


def test_without_an_order_nothing_waits_and_nothing_is_missed() -> None:
    script: list[Batch] = [[Started("m"), TextDelta("No ")], [TextDelta("picture."), END]]
    assert run(script, ordered=False) == script


def test_an_order_that_ends_in_words_fails_with_them() -> None:
    (started, (problem,)) = run([[Started("m")], [TextDelta("I "), TextDelta("can't."), END]])
    assert started == [Started("m")]
    assert problem.kind is Kind.CONTENT_POLICY
    assert "I can't." in problem.message


def test_a_limit_fails_as_one_before_anything_was_handed_out() -> None:
    ((problem,),) = run([[TextDelta("You've reached the limit. It resets in 2 hours.")], [END]])
    assert (problem.kind, problem.retry_after) == (Kind.RATE_LIMITED, 7200.0)


def test_a_stopped_order_is_a_refusal() -> None:
    ((problem,),) = run([[Finished("content_filter")]])
    assert problem.kind is Kind.CONTENT_POLICY


def test_what_came_before_a_failure_is_handed_out_first() -> None:
    begun, (problem,) = run([[PictureBegun(), END]])
    assert begun == [PictureBegun()]
    assert problem.kind is Kind.UPSTREAM_ERROR


def test_a_failure_of_the_answer_is_its_own() -> None:
    failure = Problem(Kind.CUT, "Cut.")
    assert run([[Started("m")], failure])[-1] == [failure]


@pytest.mark.parametrize(
    ("mime", "form"),
    [("image/png", "png"), ("image/jpeg", "jpeg"), ("image/webp", "webp"), ("odd/type", "png")],
)
def test_pictures_are_fetched_where_the_client_takes_them(mime: str, form: str) -> None:
    asked: list[Picture] = []

    async def fetch(picture: Picture) -> tuple[str, bytes]:
        asked.append(picture)
        return mime, b"MOON"

    ((picture,), _) = run([[MOON], [END]], fetch=fetch, ordered=False)
    assert asked == [MOON]
    assert base64.b64decode(picture.data) == b"MOON"
    assert (picture.format, picture.asset, picture.width) == (form, MOON.asset, 10)


def test_a_picture_that_came_whole_is_not_fetched() -> None:
    async def fetch(_: Picture) -> tuple[str, bytes]:
        raise AssertionError

    whole = Picture("", data="QQ==")
    assert run([[whole], [END]], fetch=fetch)[0] == [whole]


def test_a_picture_that_cannot_be_fetched_is_a_failure() -> None:
    gone = Problem(Kind.NOT_FOUND, "Gone.")

    async def fetch(_: Picture) -> tuple[str, bytes]:
        raise gone

    begun = [PictureBegun()]  # it commits: the picture is not drawn anew to be fetched again
    assert run([[Started("m")], [MOON], [END]], fetch=fetch) == [[Started("m")], begun, [gone]]
    assert run([[PictureBegun()], [MOON], [END]], fetch=fetch) == [begun, [gone]]
    assert run([[PictureBegun(), MOON], [END]], fetch=fetch) == [begun, [gone]]
    assert run([[TextDelta("Hm.")], [MOON]], fetch=fetch, ordered=False) == [
        [TextDelta("Hm.")],
        [gone],
    ]


class Body:
    """A picture's bytes, and whether they were let go of."""

    def __init__(self, data: bytes | Problem) -> None:
        self.mime = "image/webp"
        self.reply = self
        self.closed = False
        self._data = data

    async def read(self, limit: int = 10) -> bytes:
        assert limit == 100
        if isinstance(self._data, Problem):
            raise self._data
        return self._data

    async def aclose(self) -> None:
        self.closed = True


GONE = Problem(Kind.NOT_FOUND, "Not yet.")
DENIED = Problem(Kind.UNAUTHORIZED, "No.")


def fetched(*bodies: Body | Problem) -> tuple[Any, list[float]]:
    """What comes of fetching where these are found one after the other, and the pauses."""
    waiting, pauses = list(bodies), list[float]()

    async def find(_: Picture) -> Body:
        found = waiting.pop(0)
        if isinstance(found, Problem):
            raise found
        return found

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def take() -> Any:
        try:
            return await fetching(find, limit=100, sleep=sleep)(MOON)
        except Problem as problem:
            return problem

    return asyncio.run(take()), pauses


def test_a_picture_is_read_and_let_go_of() -> None:
    body = Body(b"MOON")
    assert fetched(body) == (("image/webp", b"MOON"), [])
    assert body.closed


def test_a_picture_that_is_not_there_yet_is_asked_for_again() -> None:
    broken = Body(Problem(Kind.CUT, "Cut."))
    assert fetched(GONE, broken, Body(b"MOON")) == (("image/webp", b"MOON"), [1.0, 1.0])
    assert broken.closed


@pytest.mark.parametrize("kind", [Kind.FORBIDDEN, Kind.TIMEOUT, Kind.GARBAGE, Kind.RATE_LIMITED])
def test_a_picture_that_is_drawn_is_asked_for_again_whatever_is_said(kind: Kind) -> None:
    refused = Problem(kind, "No.", step="download")
    assert fetched(refused, Body(b"MOON")) == (("image/webp", b"MOON"), [1.0])


def test_a_picture_is_asked_for_three_times_and_no_more() -> None:
    assert fetched(GONE, GONE, GONE, Body(b"MOON")) == (GONE, [1.0, 1.0])


def test_what_asking_again_does_not_mend_is_told_at_once() -> None:
    assert fetched(DENIED, Body(b"MOON")) == (DENIED, [])


class Endless:
    """An answer that never comes to its end."""

    def __init__(self) -> None:
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[Batch]:
        yield [Started("m")]
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.closed = True


def test_an_order_is_over_in_its_time() -> None:
    async def take() -> Problem:
        answer = PictureAnswer(Endless(), ordered=True, fetch=None, seconds=0.01)
        assert await anext(answer) == [Started("m")]
        with pytest.raises(Problem) as caught:
            await anext(answer)
        return caught.value

    problem = asyncio.run(take())
    assert problem.kind is Kind.TIMEOUT
    assert "IMAGE_TIMEOUT" in problem.message


def test_a_picture_that_is_not_loaded_in_its_time_is_a_failure() -> None:
    async def fetch(_: Picture) -> tuple[str, bytes]:
        await asyncio.Event().wait()
        raise AssertionError

    async def take() -> Problem:
        answer = PictureAnswer(FakeAnswer([[MOON]]), ordered=True, fetch=fetch, seconds=0.01)
        with pytest.raises(Problem) as caught:
            await anext(answer)
        return caught.value

    problem = asyncio.run(take())
    assert (problem.code, problem.again) == ("download_timeout", False)
    assert "was drawn" in problem.message


def test_an_order_that_has_its_picture_ends_well_in_its_time() -> None:
    class Drawn(Endless):
        async def __aiter__(self) -> AsyncIterator[Batch]:
            yield [Started("m", "conv", message_id="msg"), TextDelta("Here")]
            yield [MOON]
            await asyncio.Event().wait()

    async def take() -> list[Delta]:
        answer = PictureAnswer(Drawn(), ordered=True, fetch=None, seconds=0.01)
        return [delta async for batch in answer for delta in batch]

    assert asyncio.run(take()) == [
        Started("m", "conv", message_id="msg"),
        MOON,
        TextDelta("Here"),
        Finished("length", "conv", "msg"),
    ]


def test_a_timeout_of_somebody_else_is_not_ours() -> None:
    class Timing(Endless):
        async def __aiter__(self) -> AsyncIterator[Batch]:
            yield [Started("m")]
            raise TimeoutError

    async def take() -> None:
        answer = PictureAnswer(Timing(), ordered=True, fetch=None, seconds=60)
        await anext(answer)
        await anext(answer)

    with pytest.raises(TimeoutError):
        asyncio.run(take())
