"""Several answers side by side: pictures in one, failures told, nothing left running."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import (
    Delta,
    Finished,
    Picture,
    PicturePreview,
    Started,
    TextDelta,
    Usage,
)
from chat2api_core.upstreams.base import Batch
from chat2api_core.web.album import Album

MOON, SUN = Picture("moon"), Picture("sun")
REFUSED = Problem(Kind.CONTENT_POLICY, "Not that.", step="picture", param="prompt")
LIMITED = Problem(Kind.RATE_LIMITED, "No more.", step="picture", retry_after=60)


def end(tokens: int = 1, reason: Any = "stop") -> Finished:
    return Finished(reason, "conv", "msg", Usage(tokens, tokens))


class Answer:
    """A reply of which an album needs no more than this. An ``Event`` in the script is waited for,
    a ``Problem`` is raised."""

    def __init__(self, script: Sequence[Batch | Problem | asyncio.Event]) -> None:
        self._script = list(script)
        self.closed = False

    def __aiter__(self) -> "Answer":
        return self

    async def __anext__(self) -> Batch:
        while self._script:
            item = self._script.pop(0)
            if isinstance(item, asyncio.Event):
                await item.wait()
            elif isinstance(item, Problem):
                raise item
            else:
                return item
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed = True


def asking(*scripts: Any) -> tuple[Callable[[], Awaitable[Any]], list[Answer]]:
    """How to ask for each of these in turn; a bare problem refuses to begin."""
    waiting, opened = list(scripts), list[Answer]()

    async def ask() -> Any:
        script = waiting.pop(0)
        if isinstance(script, Exception):
            raise script
        opened.append(Answer(script))
        return opened[-1]

    return ask, opened


async def take(*scripts: Any, strict: bool = False, seconds: float = 60) -> tuple[Any, Album]:
    """All deltas of an album; a problem at the end is the last one."""
    ask, opened = asking(*scripts)
    album = Album(ask, len(scripts), seconds=seconds, strict=strict)
    out: list[Delta | Problem] = []
    try:
        await album.begin()
        async for batch in album:
            out.extend(batch)
    except Problem as problem:
        out.append(problem)
    finally:
        await album.aclose()
    assert all(answer.closed for answer in opened)
    return out, album


def run(*scripts: Any, **options: Any) -> tuple[Any, Album]:
    return asyncio.run(take(*scripts, **options))


def test_one_answer_is_an_album_of_one() -> None:
    out, album = run([[Started("m")], [PicturePreview(0, "QQ==")], [MOON, end(3)]])
    last = Finished("stop", usage=Usage(3, 3))
    assert out == [Started("m"), PicturePreview(0, "QQ=="), MOON, last]
    assert album.warning == ""


def test_all_pictures_are_there_with_one_beginning_and_one_end() -> None:
    out, _ = run([[Started("a"), MOON, end(1)]], [[Started("b"), SUN], [end(2)]])
    assert out == [Started("a"), MOON, SUN, Finished("stop", usage=Usage(3, 3))]


def test_what_failed_beside_a_picture_is_a_warning() -> None:
    out, album = run([[MOON, end()]], REFUSED, [[TextDelta("x")], LIMITED])
    assert [delta for delta in out if isinstance(delta, Picture)] == [MOON]
    assert isinstance(out[-1], Finished)
    assert album.warning == "2 of 3 pictures were not made: Not that."


def test_a_stream_hears_of_it_behind_the_pictures() -> None:
    out, _ = run([[MOON, end()]], LIMITED, strict=True)
    assert out[0] == MOON
    assert (out[-1].kind, out[-1].retry_after) == (Kind.RATE_LIMITED, 60)
    assert out[-1].message == "1 of 2 pictures were not made: No more."


def test_where_nobody_begins_the_first_failure_is_told() -> None:
    assert run(LIMITED, REFUSED)[0] == [LIMITED]


@pytest.mark.parametrize("strict", [True, False])
def test_where_nothing_is_drawn_the_first_failure_is_told(strict: bool) -> None:
    out, _ = run([[Started("m"), PicturePreview(0, "QQ==")], REFUSED], LIMITED, strict=strict)
    assert out[-1] in (REFUSED, LIMITED)


def test_words_alone_come_to_their_end() -> None:
    out, _ = run([[TextDelta("No."), end(reason="content_filter")]])
    assert out == [TextDelta("No."), Finished("content_filter", usage=Usage(1, 1))]


def test_who_begins_late_does_not_hold_up_the_others() -> None:
    async def scene() -> None:
        gate = asyncio.Event()
        ask, _ = asking([gate, [SUN, end()]], [[Started("m"), MOON], [end()]])
        album = Album(ask, 2, seconds=60, strict=True)
        first: Any = await album.begin()
        assert await anext(album) == [Started("m"), MOON]
        gate.set()
        assert await anext(album) == [SUN]
        assert [type(delta) for delta in await anext(album)] == [Finished]
        await album.aclose()
        assert first.closed

    asyncio.run(scene())


def test_time_ends_what_has_brought_nothing() -> None:
    async def scene() -> Any:
        return await take([asyncio.Event()], seconds=0.01)

    (problem,), _ = asyncio.run(scene())
    assert problem.kind is Kind.TIMEOUT


def test_time_does_not_take_a_picture_away() -> None:
    async def scene() -> Any:
        return await take([[MOON, end()]], [[Started("m")], asyncio.Event()], seconds=0.2)

    out, album = asyncio.run(scene())
    assert MOON in out
    assert isinstance(out[-1], Finished)
    assert "1 of 2 pictures were not made" in album.warning


def test_a_stream_is_told_of_the_time() -> None:
    async def scene() -> Any:
        return await take(
            [[MOON, end()]], [[Started("m")], asyncio.Event()], seconds=0.2, strict=True
        )

    out, _ = asyncio.run(scene())
    assert MOON in out
    assert out[-1].kind is Kind.TIMEOUT


@pytest.mark.parametrize("strict", [False, True])
def test_time_says_nothing_where_every_picture_is_there(strict: bool) -> None:
    async def scene() -> Any:
        late = [[Started("m")], [SUN], asyncio.Event()]  # its last words never come
        return await take([[MOON, end()]], late, seconds=0.2, strict=strict)

    out, album = asyncio.run(scene())
    assert MOON in out
    assert SUN in out
    assert isinstance(out[-1], Finished)
    assert album.warning == ""


def test_a_defect_is_not_hidden() -> None:
    with pytest.raises(RuntimeError, match="a defect"):
        run(RuntimeError("a defect"))


def test_closing_ends_what_is_under_way() -> None:
    async def scene() -> None:
        ask, opened = asking([[MOON], asyncio.Event()])
        album = Album(ask, 1, seconds=60, strict=False)
        await album.begin()
        await album.aclose()
        assert opened[0].closed

    asyncio.run(scene())
