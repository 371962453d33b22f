"""When an answer has to be over, and that it keeps to it."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from types import ModuleType

import pytest

from chat2api_core.problem import Kind, Problem
from chat2api_core.web.deadline import SCOPE_KEY, Deadline, Until
from tests.asgi import play
from tests.fakes import FakeClock

NOW = FakeClock().now()


def left(
    scope: dict[str, object] | None = None, limit: float = 0, platform: str = "local"
) -> object:
    return Deadline(scope or {}, platform=platform, limit=limit, clock=FakeClock()).left


def test_nothing_ends_an_answer_where_nobody_says_so() -> None:
    assert left() is None


def test_an_answer_ends_a_few_seconds_before_the_end_that_its_scope_names() -> None:
    assert left({SCOPE_KEY: NOW + 29.0}) == 26.0


def test_the_earliest_end_counts() -> None:
    assert left({SCOPE_KEY: NOW + 29.0}, limit=10.0) == 10.0
    assert left({SCOPE_KEY: NOW + 5.0}, limit=10.0) == 2.0


def test_an_end_that_is_over_leaves_no_time() -> None:
    assert left({SCOPE_KEY: NOW - 5.0}) == 0.0


def test_the_time_that_is_left_becomes_less() -> None:
    clock = FakeClock()
    deadline = Deadline({}, platform="local", limit=10.0, clock=clock)
    clock.advance(4)

    assert deadline.left == 6.0


@pytest.mark.parametrize(
    ("end", "expected"), [(NOW + 30, 27.0), (None, None)], ids=["it names an end", "it does not"]
)
def test_vercels_runtime_is_asked_on_vercel(
    end: float | None, expected: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Vercel puts this module beside the application while building; elsewhere there is none.
    runtime = ModuleType("vercel_runtime")
    told = None if end is None else datetime.fromtimestamp(end, UTC)
    monkeypatch.setattr(runtime, "get_deadline", lambda: told, raising=False)
    monkeypatch.setitem(sys.modules, "vercel_runtime", runtime)

    assert left(platform="vercel") == expected
    assert left(platform="local") is None


def test_vercel_without_its_runtime_names_no_end() -> None:
    assert left(platform="vercel") is None


class Reply:
    """An answer whose batches come after so many seconds each; its end says whether it was cut."""

    def __init__(self, delays: Sequence[float], failure: Exception | None = None) -> None:
        self._delays = list(delays)
        self._failure = failure
        self._made = 0

    async def __anext__(self) -> str:
        if not self._delays:
            raise self._failure or StopAsyncIteration
        await asyncio.sleep(self._delays.pop(0))
        self._made += 1
        return f"batch {self._made}"

    async def cut_short(self) -> str:
        return "cut short"


async def collect(reply: Reply, seconds: float | None, pause: float = 0.0) -> list[str]:
    batches = []
    async for batch in Until(reply, seconds):
        batches.append(batch)
        await asyncio.sleep(pause)
    return batches


@pytest.mark.parametrize("seconds", [None, 10.0], ids=["no end", "an end far off"])
def test_an_answer_in_time_is_left_as_it_is(seconds: float | None) -> None:
    assert play(collect(Reply([1.0, 1.0]), seconds)) == ["batch 1", "batch 2"]


def test_an_answer_that_is_waited_for_too_long_is_cut_short() -> None:
    assert play(collect(Reply([1.0, 60.0]), 10.0)) == ["batch 1", "cut short"]


def test_a_batch_that_is_being_sent_is_sent_before_the_answer_is_cut_short() -> None:
    assert play(collect(Reply([1.0, 1.0]), 5.0, pause=30.0)) == ["batch 1", "cut short"]


def test_an_answer_without_any_time_is_cut_short_at_once() -> None:
    assert play(collect(Reply([1.0]), 0.0)) == ["cut short"]


def test_a_failure_of_the_answer_stays_a_failure() -> None:
    async def scene() -> None:
        with pytest.raises(ValueError, match="broken"):
            await collect(Reply([1.0], ValueError("broken")), 10.0)

    play(scene())


@pytest.mark.parametrize("ours_too", [False, True], ids=["alone", "at the same moment"])
def test_a_cancellation_by_somebody_else_goes_on(ours_too: bool) -> None:
    async def scene() -> None:
        task = asyncio.create_task(collect(Reply([60.0]), 10.0))
        await asyncio.sleep(5.0)
        if ours_too:
            asyncio.get_running_loop().call_at(asyncio.get_running_loop().time() + 5.0, task.cancel)
        else:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(10.0)

    play(scene())


def test_who_stops_listening_closes_and_leaves_no_timer() -> None:
    async def scene() -> str:
        until = Until(Reply([1.0, 1.0]), 10.0)
        first = await anext(until)
        until.close()
        return first

    assert play(scene()) == "batch 1"


def test_an_answer_that_does_not_begin_in_time_is_a_time_out() -> None:
    async def scene() -> None:
        deadline = Deadline({}, platform="local", limit=5.0, clock=FakeClock())
        with pytest.raises(Problem) as caught:
            await deadline.opening(asyncio.sleep(60))
        assert caught.value.kind is Kind.TIMEOUT

    play(scene())


def test_an_answer_that_begins_in_time_is_handed_on() -> None:
    async def scene() -> list[str]:
        deadline = Deadline({}, platform="local", limit=5.0, clock=FakeClock())
        reply = await deadline.opening(asyncio.sleep(1, Reply([60.0])))
        return [batch async for batch in deadline.batches(reply)]

    assert play(scene()) == ["cut short"]


def test_a_time_out_of_the_answers_own_is_no_deadline() -> None:
    async def failing() -> None:
        raise TimeoutError

    async def scene() -> None:
        deadline = Deadline({}, platform="local", limit=5.0, clock=FakeClock())
        with pytest.raises(TimeoutError):
            await deadline.opening(failing())

    play(scene())


class TestAHostThatStops:
    def test_an_answer_that_has_not_begun_is_a_time_out(self) -> None:
        async def scene() -> float:
            deadline = Deadline({}, platform="local", limit=0, clock=FakeClock())
            loop = asyncio.get_running_loop()
            loop.call_later(5.0, deadline.end)
            with pytest.raises(Problem) as caught:
                await deadline.opening(asyncio.sleep(60))
            assert caught.value.kind is Kind.TIMEOUT
            return loop.time() - 1000.0

        assert play(scene()) == 5.0

    @pytest.mark.parametrize("limit", [0, 5.0, 90.0], ids=["no end", "at once", "long before"])
    def test_an_answer_under_way_is_cut_short(self, limit: float) -> None:
        async def scene() -> list[str]:
            deadline = Deadline({}, platform="local", limit=limit, clock=FakeClock())
            reply = await deadline.opening(asyncio.sleep(0, Reply([1.0, 60.0])))
            batches = deadline.batches(reply)
            asyncio.get_running_loop().call_later(5.0, deadline.end)
            return [batch async for batch in batches]

        assert play(scene()) == ["batch 1", "cut short"]

    def test_an_answer_that_is_over_is_not_touched(self) -> None:
        async def scene() -> list[str]:
            deadline = Deadline({}, platform="local", limit=0, clock=FakeClock())
            batches = deadline.batches(Reply([1.0]))
            whole = [batch async for batch in batches]
            deadline.end()
            await asyncio.sleep(1.0)
            return whole

        assert play(scene()) == ["batch 1"]
