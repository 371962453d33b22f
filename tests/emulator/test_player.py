"""How a stream is sent: in which pieces, with which pauses, until when."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from chat2api_core.emulator import Cut, Emulator, Reply, Say, Stall, Wait
from chat2api_core.emulator.encodings import Beat, Run
from chat2api_core.emulator.player import Playback, Player
from tests.emulator.browser import Browser, Response, data_of, drive, said_by, turn_body
from tests.fakes import FakeClock


def play(emulator: Emulator, *, leave: Callable[[Response], bool] | None = None) -> Response:
    browser = Browser(emulator)
    request = browser.request("POST", "/f/conversation", turn_body(), browser.two_steps())
    return asyncio.run(drive(emulator, request, leave=leave))


def test_without_a_delay_everything_goes_out_at_once(
    emulator: Emulator, pauses: list[float]
) -> None:
    emulator.script.push(Reply((Say(("word ",) * 200),)))
    answer = play(emulator)
    assert len(answer.chunks) == 1
    assert said_by(answer.body) == "word " * 200
    assert pauses == []


def test_a_very_long_stream_goes_out_in_bounded_pieces(emulator: Emulator) -> None:
    emulator.script.push(Reply(tuple(Say((str(n) * 20_000,)) for n in range(20))))
    answer = play(emulator)
    assert len(answer.chunks) > 1
    assert max(map(len, answer.chunks)) < 400_000


def test_with_a_delay_every_piece_goes_out_alone(
    make: Callable[..., Emulator], pauses: list[float]
) -> None:
    emulator = make(delay=0.02)
    emulator.script.push(Reply((Say(("a", "b", "c", "d", "e")),)))
    answer = play(emulator)
    assert pauses == [0.02] * 3  # the first piece comes with its place, the last with the end
    bodies = [chunk for chunk in answer.chunks if chunk]
    assert [len(data_of(chunk)) for chunk in bodies[1:-1]] == [1, 1, 1]
    said = [said_by(b"".join(bodies[:count])) for count in (1, 2, 3, 4, 5)]
    assert said == ["a", "ab", "abc", "abcd", "abcde"]


def test_a_busy_emulator_catches_up(make: Callable[..., Emulator], clock: FakeClock) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        # Every pause takes the time of two and a half more tokens than it should.
        pauses.append(round(seconds, 3))
        clock.advance(seconds + 0.05)

    emulator = make(delay=0.02, pause=pause)
    emulator.script.push(Reply((Say(tuple("abcdefgh")),)))
    answer = play(emulator)
    # b is due at 0.02 and comes at 0.07, together with c and d; e is early again, by 0.01.
    assert pauses == [0.02, 0.01]
    assert [said_by(b"".join(answer.chunks[:count])) for count in (1, 2)] == ["a", "abcd"]
    assert said_by(answer.body) == "abcdefgh"


def test_a_reply_may_have_a_delay_of_its_own(
    make: Callable[..., Emulator], pauses: list[float]
) -> None:
    emulator = make(delay=0.02)
    emulator.script.push(Reply((Say(("a", "b", "c", "d")),), delay=0.0))
    play(emulator)
    assert pauses == []


def test_a_wait_sends_what_came_before_it(emulator: Emulator, pauses: list[float]) -> None:
    emulator.script.push(Reply((Say(("a", "b")), Wait(0.1), Wait(0.2), Say(("c",)))))
    answer = play(emulator)
    first, second = answer.chunks
    assert pauses == [0.1, 0.2]
    assert said_by(first) == "ab"
    assert b'"v":"c"' in second


@pytest.mark.parametrize("clean", [True, False])
def test_a_cut_sends_what_came_before_it_and_nothing_after(emulator: Emulator, clean: bool) -> None:
    emulator.script.push(Reply((Say(("a", "b")), Cut(clean), Say(("c",)))))
    answer = play(emulator)
    assert said_by(answer.body) == "ab"
    assert answer.complete is clean


def test_a_client_that_leaves_during_a_long_wait_ends_the_stream(make: Any) -> None:
    started: list[float] = []

    async def pause(seconds: float) -> None:
        started.append(seconds)
        await asyncio.Event().wait()

    emulator = make(pause=pause)
    emulator.script.push(Reply((Say(("a", "b")), Wait(3600), Say(("c",)))))
    answer = play(emulator, leave=lambda seen: bool(seen.chunks))
    assert started == [3600]
    assert not answer.complete
    (record,) = emulator.log.at("conversation")
    assert record.closed
    assert record.ended is not None
    assert emulator.log.open_streams == 0


def test_a_client_that_leaves_between_short_pauses_ends_the_stream(make: Any) -> None:
    async def pause(seconds: float) -> None:
        await asyncio.sleep(0)

    emulator = make(pause=pause, delay=0.02)
    emulator.script.push(Reply((Say(tuple("abcdefgh")),)))
    answer = play(emulator, leave=lambda seen: b'{"v":"c"}' in seen.body)
    assert not answer.complete
    assert b'{"v":"g"}' not in answer.body
    assert emulator.log.closed_streams == 1


def test_a_server_that_cannot_send_any_more_ends_the_stream() -> None:
    async def receive() -> Any:
        raise AssertionError("nobody asks")

    async def send(event: Any) -> None:
        raise OSError("gone")

    player = Player(receive, send, FakeClock(), asyncio.sleep)
    assert asyncio.run(player.play(Playback([b"data: 1\n\n"]))) == "closed"


def test_a_hundred_streams_run_side_by_side(make: Any) -> None:
    async def pause(seconds: float) -> None:
        await asyncio.sleep(0)

    emulator = make(pause=pause, delay=0.02, sentinel=False)
    browser = Browser(emulator)
    most = 0

    def watch(_: Response) -> bool:
        nonlocal most
        most = max(most, emulator.log.open_streams)
        return False

    async def run() -> list[Response]:
        request = browser.request("POST", "/f/conversation", turn_body("/emulate tokens 9"))
        return await asyncio.gather(*(drive(emulator, request, leave=watch) for _ in range(100)))

    answers = asyncio.run(run())
    assert most == 100
    assert emulator.log.open_streams == 0
    assert {said_by(answer.body) for answer in answers} == {"Tok" + " en" * 8}


def test_a_condition_on_the_log_can_be_waited_for(make: Any) -> None:
    emulator = make(sentinel=False)
    emulator.script.push(Reply((Say(("a",)), Stall())))
    browser = Browser(emulator)

    async def run() -> int:
        leaving = asyncio.Event()

        async def watch() -> None:
            async with asyncio.timeout(5):
                await emulator.log.until(lambda log: log.open_streams == 1)
                leaving.set()
                await emulator.log.until(lambda log: log.closed_streams == 1)
                await emulator.log.until(lambda log: log.open_streams == 0)

        async def stream() -> None:
            asked = False

            async def receive() -> Any:
                nonlocal asked
                if not asked:
                    asked = True
                    return {"type": "http.request", "body": request.body}
                await leaving.wait()
                return {"type": "http.disconnect"}

            async def send(event: Any) -> None:
                return

            await emulator(scope, receive, send)

        request = browser.request("POST", "/f/conversation", turn_body())
        headers = [(k.encode(), v.encode()) for k, v in request.headers.items()]
        scope = {
            "type": "http",
            "method": "POST",
            "path": request.path,
            "query_string": b"",
            "headers": headers,
        }
        await asyncio.gather(watch(), stream())
        closed: int = emulator.log.closed_streams
        return closed

    assert asyncio.run(run()) == 1


def test_who_stopped_waiting_is_not_told(emulator: Emulator) -> None:
    async def run() -> None:
        waiting = asyncio.create_task(emulator.log.until(lambda log: log.open_streams == 1))
        await asyncio.sleep(0)
        waiting.cancel()
        emulator.log.stream_opened()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(run())


def test_waiting_in_vain_leaves_nothing_behind(emulator: Emulator) -> None:
    async def run() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await emulator.log.until(lambda log: log.counts["models"] > 0)

    asyncio.run(run())
    assert Browser(emulator).get("/models").status == 200


def test_a_client_that_left_is_noticed_at_the_next_send() -> None:
    async def run() -> str:
        async def receive() -> Any:
            return {"type": "http.disconnect"}

        async def send(event: Any) -> None:
            # Leaving is noticed by the loop, one turn later.
            await asyncio.sleep(0)

        async def pause(seconds: float) -> None:
            return

        beats: list[Beat] = [Run((b"data: 1\n\n", b"data: 2\n\n"), b""), b"data: 3\n\n"]
        return await Player(receive, send, FakeClock(), pause).play(Playback(beats, delay=0.01))

    assert asyncio.run(run()) == "closed"


def test_a_client_that_left_gets_no_further_chunk() -> None:
    sent: list[bytes] = []

    async def run() -> str:
        gone = asyncio.Event()

        async def receive() -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(event: Any) -> None:
            sent.append(event.get("body", b""))
            if sent[-1] == b"b":
                gone.set()
            for _ in range(3):
                await asyncio.sleep(0)

        async def pause(seconds: float) -> None:
            return

        beats: list[Beat] = [Wait(0.1), b"abcdef"]
        return await Player(receive, send, FakeClock(), pause).play(Playback(beats, chunk=1))

    assert asyncio.run(run()) == "closed"
    assert sent == [b"", b"a", b"b"]


def test_only_the_end_of_the_connection_counts_as_leaving() -> None:
    events = [{"type": "http.request"}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return events.pop(0)

    async def send(event: Any) -> None:
        raise AssertionError("nothing is sent")

    asyncio.run(Player(receive, send, FakeClock(), asyncio.sleep).hang())
    assert events == []
