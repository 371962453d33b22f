"""Sending an answer: when it commits, how it fails, and that nothing outlives it."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

import pytest

from chat2api_core.accounts.caller import AnonymousCaller
from chat2api_core.dialects.base import Head, Request
from chat2api_core.problem import Kind, Problem
from chat2api_core.reply import Reply
from chat2api_core.turn import Prompt, Started, TextDelta
from chat2api_core.web.endpoints import Plain, respond
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.respond import BUFFERED_KEY, WhileConnected
from chat2api_core.web.routing import attend
from tests.asgi import Client, play
from tests.web.fake_gateway import (
    DONE,
    PlainDialect,
    ScriptedEngine,
    Step,
    conversation,
    converse_on,
    exchange_of,
)

A, B, C = ([TextDelta(word)] for word in "abc")
LIMITED = Problem(Kind.RATE_LIMITED, "Wait.", step="conversation", retry_after=59.2)
BROKEN = Problem(Kind.UPSTREAM_ERROR, "Broken.", step="stream")
BEAT = b": keep-alive\n\n"


def told(
    engine: ScriptedEngine,
    *,
    stream: bool = True,
    heartbeat: float = 10.0,
    delays: Sequence[float] = (),
    breaks: tuple[int, Exception] | None = None,
    end: str = "DONE;",
    buffered: bool = False,
) -> tuple[Client, Exchange]:
    """A conversation that goes on to its end by itself."""

    async def run() -> tuple[Client, Exchange]:
        client, exchange = conversation(
            engine, stream=stream, heartbeat=heartbeat, delays=delays, breaks=breaks
        )
        exchange.scope[BUFFERED_KEY] = buffered
        await converse_on(exchange, end=end)
        assert client.faults == []
        return client, exchange

    return play(run())


def hung_up(
    engine: ScriptedEngine,
    after: float,
    *,
    stream: bool = True,
    heartbeat: float = 10.0,
    delays: Sequence[float] = (),
    breaks: tuple[int, Exception] | None = None,
) -> tuple[Client, Exchange, float]:
    """A conversation whose client hangs up after some seconds, and when its handling ended."""

    async def run() -> tuple[Client, Exchange, float]:
        loop = asyncio.get_running_loop()
        client, exchange = conversation(
            engine, stream=stream, heartbeat=heartbeat, delays=delays, breaks=breaks
        )
        leaving = loop.call_later(after, client.hang_up)
        began = loop.time()
        await converse_on(exchange)
        leaving.cancel()
        assert client.faults == []
        return client, exchange, loop.time() - began

    return play(run())


class TestCommit:
    def test_the_head_goes_out_with_the_first_deltas(self) -> None:
        client, _ = told(ScriptedEngine([[Started("m")], 0.5, A, 2, [DONE]]))

        assert client.status == 200
        assert client.times == [0.5, 0.5, 2.5]
        assert client.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert client.headers["cache-control"] == "no-cache"
        assert client.headers["x-request-id"].startswith("req_")

    def test_every_batch_is_one_send_and_the_last_one_ends_the_answer(self) -> None:
        engine = ScriptedEngine([A, [*B, *C], [*A, DONE]])
        client, exchange = told(engine)

        assert client.pieces == [b"a;", b"b;c;", b"a;DONE;"]
        assert [piece["more_body"] for piece in client.sent[1:]] == [True, True, False]
        assert (exchange.status, exchange.account, exchange.outcome) == (200, "account-1", "")
        assert engine.reply.closed

    def test_a_failure_before_the_first_delta_is_a_plain_http_error(self) -> None:
        client, exchange = told(ScriptedEngine(opening=[0.5, LIMITED]))

        assert client.status == 429
        assert client.headers["content-type"] == "application/json"
        assert client.headers["retry-after"] == "60"
        assert client.headers["x-request-id"] == exchange.request_id
        assert client.error["code"] == "rate_limit_exceeded"
        assert exchange.outcome == "rate_limit_exceeded"

    def test_a_failure_of_an_answer_that_has_said_nothing_is_a_plain_http_error(self) -> None:
        engine = ScriptedEngine([[Started("m")], BROKEN])
        client, _ = told(engine)

        assert client.status == 502
        assert client.error["code"] == "stream_upstream_error"
        assert engine.reply.closed

    def test_a_failure_after_the_first_delta_is_told_within_the_stream(self) -> None:
        engine = ScriptedEngine([A, BROKEN])
        client, exchange = told(engine)

        assert client.status == 200
        assert client.pieces == [b"a;", b"FAILED stream_upstream_error;"]
        assert client.ended
        assert exchange.outcome == "stream_upstream_error"
        assert engine.reply.closed

    def test_an_answer_without_an_end_is_a_failure(self) -> None:
        client, _ = told(ScriptedEngine([A]))

        assert client.pieces == [b"a;", b"FAILED stream_cut;"]

    def test_an_end_that_looks_like_nothing_still_ends_the_answer(self) -> None:
        client, _ = told(ScriptedEngine([A, [DONE]]), end="")

        assert client.pieces == [b"a;", b""]
        assert client.ended

    def test_the_upstream_is_closed_before_the_failure_is_told(self) -> None:
        client, _ = told(ScriptedEngine([A, BROKEN], closing=[1]))

        assert client.times == [0, 0, 1]


class TestDefects:
    def test_before_the_first_delta_they_are_a_500(self, caplog: pytest.LogCaptureFixture) -> None:
        client, exchange = told(ScriptedEngine(opening=[ZeroDivisionError("secret words")]))

        assert client.status == 500
        assert client.error["code"] == "internal_error"
        assert "secret" not in str(client.error)
        assert exchange.outcome == "internal_error"
        (record,) = caplog.records
        assert record.exc_info is not None
        assert record.exc_info[0] is ZeroDivisionError

    def test_after_the_first_delta_they_end_the_stream_as_failed(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        client, exchange = told(ScriptedEngine([A, ZeroDivisionError()]))

        assert client.pieces == [b"a;", b"FAILED internal_error;"]
        assert client.ended
        assert exchange.outcome == "internal_error"
        assert len(caplog.records) == 1

    def test_a_failure_to_close_the_upstream_leaves_a_good_answer_good(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        client, _ = told(ScriptedEngine([A, [DONE]], closing=[ZeroDivisionError()]))

        assert client.pieces == [b"a;", b"DONE;"]
        assert [record.getMessage() for record in caplog.records] == [
            "unexpected ZeroDivisionError"
        ]

    def test_a_server_that_takes_nothing_any_more_is_told_to_the_log_alone(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        engine = ScriptedEngine([A, [DONE]])
        client, exchange = told(engine, breaks=(1, RuntimeError()))

        assert len(client.sent) == 1
        assert exchange.outcome == "internal_error"
        assert "unexpected RuntimeError" in caplog.text
        assert engine.reply.closed


class TestHeartbeats:
    def test_the_first_byte_goes_out_within_a_second(self) -> None:
        client, _ = told(ScriptedEngine([A, [DONE]], opening=[5]))

        assert client.status == 200
        assert client.pieces == [BEAT, b"a;", b"DONE;"]
        assert client.times == [0.75, 0.75, 5, 5]

    def test_they_bridge_the_silence_before_the_first_delta(self) -> None:
        client, _ = told(ScriptedEngine([A, [DONE]], opening=[25]))

        assert client.pieces == [BEAT, BEAT, BEAT, b"a;", b"DONE;"]
        assert client.times == [0.75, 0.75, 10.75, 20.75, 25, 25]

    def test_a_shorter_heartbeat_begins_sooner(self) -> None:
        client, _ = told(ScriptedEngine([A, [DONE]], opening=[1.25]), heartbeat=0.5)

        assert client.times == [0.5, 0.5, 1, 1.25, 1.25]

    def test_an_answer_that_begins_at_once_is_given_the_whole_silence(self) -> None:
        client, _ = told(ScriptedEngine([0.5, A, 9, B, 11, [DONE]]))

        assert client.pieces == [b"a;", b"b;", BEAT, b"DONE;"]
        assert client.times == [0.5, 0.5, 9.5, 19.5, 20.5]

    def test_none_is_sent_where_the_answer_is_buffered_on_its_way(self) -> None:
        client, _ = told(ScriptedEngine(opening=[15, LIMITED]), buffered=True)

        assert client.status == 429
        assert client.error["code"] == "rate_limit_exceeded"

    def test_they_bridge_the_silence_within_an_answer(self) -> None:
        client, _ = told(ScriptedEngine([A, 7, B, 12, C, 9, [DONE]]))

        assert client.pieces == [b"a;", b"b;", BEAT, b"c;", b"DONE;"]
        assert client.times == [0, 0, 7, 17, 19, 28]

    def test_an_answer_that_keeps_talking_has_none(self) -> None:
        client, _ = told(ScriptedEngine([A, 9, A, 9, A, 9, A, 9, [DONE]]))

        assert BEAT not in client.pieces

    def test_zero_seconds_are_none(self) -> None:
        client, _ = told(ScriptedEngine([A, [DONE]], opening=[1000]), heartbeat=0)

        assert client.pieces == [b"a;", b"DONE;"]

    def test_after_one_a_failure_is_told_within_the_stream(self) -> None:
        client, exchange = told(ScriptedEngine(opening=[15, LIMITED]))

        assert client.status == 200
        assert client.pieces == [BEAT, BEAT, b"FAILED rate_limit_exceeded;"]
        assert client.ended
        assert exchange.outcome == "rate_limit_exceeded"

    def test_none_is_sent_into_a_batch_that_takes_long(self) -> None:
        client, _ = told(ScriptedEngine([A, B, [DONE]]), delays=[0, 35])

        assert client.pieces == [b"a;", b"b;", b"DONE;"]

    def test_none_is_sent_into_an_error_that_takes_long(self) -> None:
        client, _ = told(ScriptedEngine(opening=[0.5, LIMITED]), delays=[35])

        assert client.status == 429
        assert client.ended

    def test_deltas_wait_for_one_that_takes_long(self) -> None:
        client, _ = told(ScriptedEngine([A, [DONE]], opening=[1]), delays=[0, 30])

        assert client.pieces == [BEAT, b"a;", b"DONE;"]
        assert client.times == [0.75, 0.75, 30.75, 30.75]

    def test_deltas_wait_for_the_head_that_goes_out_before_one(self) -> None:
        client, _ = told(ScriptedEngine([A, [DONE]], opening=[1]), delays=[30])

        assert client.pieces == [BEAT, b"a;", b"DONE;"]

    def test_a_failure_waits_for_one_that_takes_long(self) -> None:
        client, _ = told(ScriptedEngine(opening=[1, LIMITED]), delays=[0, 30])

        assert client.pieces == [BEAT, b"FAILED rate_limit_exceeded;"]

    def test_none_follows_one_that_takes_long_until_it_is_through(self) -> None:
        client, _ = told(ScriptedEngine([A, [DONE]], opening=[100]), delays=[0, 45])

        assert client.times == [0.75, 0.75, 55.75, 65.75, 75.75, 85.75, 95.75, 100, 100]
        assert client.pieces == [BEAT] * 6 + [b"a;", b"DONE;"]

    def test_none_follows_the_end_while_the_upstream_is_closed(self) -> None:
        client, _ = told(ScriptedEngine([A, [DONE]], closing=[60]))

        assert client.pieces == [b"a;", b"DONE;"]

    def test_one_that_finds_nobody_ends_the_conversation_quietly(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        engine = ScriptedEngine([A, [DONE]], opening=[45])
        client, exchange = told(engine, breaks=(0, BrokenPipeError()))

        assert client.sent == []
        assert exchange.outcome == "client_gone"
        assert engine.reply.closed
        assert caplog.records == []

    def test_one_that_finds_nobody_is_forgotten_when_the_client_turns_out_to_be_gone(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        engine = ScriptedEngine(opening=[45])
        _, exchange, ended = hung_up(engine, 15, breaks=(0, BrokenPipeError()))

        assert ended == 15
        assert exchange.outcome == "client_gone"
        assert caplog.records == []

    def test_one_that_the_server_does_not_take_is_told_to_the_log(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        hung_up(ScriptedEngine(opening=[45]), 15, breaks=(0, RuntimeError()))

        assert [record.getMessage() for record in caplog.records] == ["unexpected RuntimeError"]


class TestHangingUp:
    def test_while_the_answer_is_awaited_it_cancels_the_question_at_once(self) -> None:
        engine = ScriptedEngine([A, [DONE]], opening=[8])
        client, exchange, ended = hung_up(engine, 0.5)

        assert ended == 0.5
        assert engine.cancelled
        assert client.sent == []
        assert (exchange.status, exchange.outcome) == (0, "client_gone")

    def test_within_a_stream_it_closes_the_upstream_at_once(self) -> None:
        engine = ScriptedEngine([A, 8, B, [DONE]])
        client, exchange, ended = hung_up(engine, 3)

        assert ended == 3
        assert engine.reply.closed
        assert client.pieces == [b"a;"]
        assert exchange.outcome == "client_gone"

    def test_while_a_batch_is_under_way_it_closes_the_upstream_at_once(self) -> None:
        engine = ScriptedEngine([A, B, [DONE]])
        _, exchange, ended = hung_up(engine, 3, delays=[0, 60])

        assert ended == 3
        assert engine.reply.closed
        assert exchange.outcome == "client_gone"

    @pytest.mark.parametrize("steps", [[], [A]], ids=["before the commit", "after it"])
    def test_while_a_heartbeat_is_under_way_it_closes_everything_at_once(
        self, steps: list[Step]
    ) -> None:
        engine = ScriptedEngine([*steps, 100, A, [DONE]])
        delays = [0.0] * (1 + len(steps)) + [60.0]
        client, exchange, ended = hung_up(engine, 13, delays=delays)

        assert client.pieces[-1] == BEAT
        assert ended == 13
        assert engine.reply.closed
        assert exchange.outcome == "client_gone"

    def test_while_deltas_wait_for_a_heartbeat_it_closes_everything_at_once(self) -> None:
        engine = ScriptedEngine([A, [DONE]], opening=[2])
        client, exchange, ended = hung_up(engine, 13, delays=[0, 60])

        assert client.pieces == [BEAT]
        assert ended == 13
        assert engine.reply.closed
        assert exchange.outcome == "client_gone"

    def test_while_a_whole_answer_is_collected_it_closes_the_upstream_at_once(self) -> None:
        engine = ScriptedEngine([A, 8, [DONE]])
        client, exchange, ended = hung_up(engine, 3, stream=False)

        assert ended == 3
        assert engine.reply.closed
        assert client.sent == []
        assert exchange.outcome == "client_gone"

    @pytest.mark.parametrize(
        ("stream", "delays"), [(True, [0, 0, 1]), (False, [0, 1])], ids=["stream", "document"]
    )
    def test_the_end_of_the_answer_is_not_taken_for_it(
        self, stream: bool, delays: list[float]
    ) -> None:
        engine = ScriptedEngine([A, [DONE]], closing=[5])
        client, exchange = told(engine, stream=stream, delays=delays)

        assert client.ended
        assert engine.reply.closed, "closing the upstream was not interrupted"
        assert exchange.outcome == ""

    def test_a_send_that_finds_nobody_is_taken_for_it(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        engine = ScriptedEngine([A, B, [DONE]])
        client, exchange = told(engine, breaks=(2, ConnectionResetError()))

        assert client.pieces == [b"a;"]
        assert engine.reply.closed
        assert exchange.outcome == "client_gone"
        assert caplog.records == []


class Keeping(Plain):
    """A manner that keeps answers, or fails to."""

    def __init__(self, client: Client, failure: Exception | None, *, stream: bool) -> None:
        self.request = Request(Prompt("m", ()), stream=stream)
        super().__init__(PlainDialect(), self.request, Head("id", 0))
        self._client = client
        self._failure = failure
        self.kept: list[tuple[str, int]] = []

    async def keep(self, reply: Reply) -> None:
        assert reply.transcript.finished is not None
        self.kept.append((reply.transcript.text, len(self._client.sent)))
        await asyncio.sleep(25)
        if self._failure is not None:
            raise self._failure


class TestKeeping:
    def kept(
        self, failure: Exception | None = None, *, stream: bool = True
    ) -> tuple[Client, Keeping]:
        async def run() -> tuple[Client, Keeping]:
            client, exchange = conversation(ScriptedEngine([A, [*B, DONE]]))
            manner = Keeping(client, failure, stream=stream)
            await attend(
                exchange, lambda one: respond(one, manner.request, AnonymousCaller(), manner)
            )
            assert client.faults == []
            return client, manner

        return play(run())

    def test_it_comes_before_the_last_of_a_stream(self) -> None:
        client, manner = self.kept()

        assert manner.kept == [("ab", 2)]
        assert client.pieces == [b"a;", BEAT, BEAT, b"b;DONE;"]

    def test_it_comes_before_a_document(self) -> None:
        client, manner = self.kept(stream=False)

        assert manner.kept == [("ab", 0)]
        assert client.status == 200

    def test_a_failure_of_it_is_told_and_the_stream_does_not_look_good(self) -> None:
        client, _ = self.kept(BROKEN)

        assert client.pieces == [b"a;", BEAT, BEAT, b"FAILED stream_upstream_error;"]

    def test_a_failure_of_it_is_told_in_place_of_a_document(self) -> None:
        assert self.kept(BROKEN, stream=False)[0].status == 502


class TestServersCancellation:
    def test_it_closes_the_upstream_and_goes_on_to_the_server(self) -> None:
        engine = ScriptedEngine([A, 8, [DONE]])

        async def run() -> tuple[bool, str]:
            _, exchange = conversation(engine)
            handling = asyncio.create_task(converse_on(exchange))
            await asyncio.sleep(3)
            handling.cancel()
            await asyncio.wait((handling,))
            return handling.cancelled(), exchange.outcome

        assert play(run()) == (True, "cancelled")
        assert engine.reply.closed

    def test_it_goes_on_to_the_server_also_where_the_client_has_just_hung_up(self) -> None:
        engine = ScriptedEngine([A, 8, [DONE]], closing=[1])

        async def run() -> tuple[bool, str]:
            client, exchange = conversation(engine)
            handling = asyncio.create_task(converse_on(exchange))
            await asyncio.sleep(3)
            client.hang_up()
            await asyncio.sleep(0.5)  # the upstream is being closed
            assert handling.cancelling() == 1
            handling.cancel()
            await asyncio.wait((handling,))
            return handling.cancelled(), exchange.outcome

        assert play(run()) == (True, "cancelled")

    def test_one_that_was_dealt_with_before_does_not_hide_a_hang_up(self) -> None:
        async def handle(client: Client) -> bool:
            with contextlib.suppress(asyncio.CancelledError):  # without saying so
                await asyncio.sleep(60)
            connected = WhileConnected(exchange_of(client))
            async with connected:
                client.hang_up()
                await asyncio.sleep(60)
            return connected.gone

        async def run() -> bool:
            task = asyncio.create_task(handle(Client(parts=[])))
            await asyncio.sleep(0)
            task.cancel()
            return await task

        assert play(run())

    def test_an_error_of_the_body_is_not_swallowed(self) -> None:
        async def run() -> None:
            async with WhileConnected(exchange_of(Client(parts=[]))):
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            play(run())

    def test_an_error_of_a_body_that_was_cancelled_is_not_swallowed(self) -> None:
        async def run() -> None:
            client = Client(parts=[])
            async with WhileConnected(exchange_of(client)):
                client.hang_up()
                try:
                    await asyncio.sleep(60)
                finally:
                    raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            play(run())

    def test_a_body_that_ends_by_itself_although_cancelled_is_left_alone(self) -> None:
        async def run() -> int:
            client = Client(parts=[])
            connected = WhileConnected(exchange_of(client))
            async with connected:
                client.hang_up()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(60)
            task = asyncio.current_task()
            assert connected.gone
            assert task is not None
            return task.cancelling()

        assert play(run()) == 0


class TestDocuments:
    def test_the_whole_answer_is_one_document(self) -> None:
        engine = ScriptedEngine([A, 30, [*B, DONE]])
        client, exchange = told(engine, stream=False)

        assert client.status == 200
        assert client.body == b'{"id":"%b","text":"ab"}' % b"2".rjust(24, b"0")
        assert client.headers["content-length"] == str(len(client.body))
        assert client.times == [30, 30], "no heartbeat goes out in place of a document"
        assert exchange.account == "account-1"
        assert engine.reply.closed

    @pytest.mark.parametrize(
        "engine",
        [ScriptedEngine(opening=[30, BROKEN]), ScriptedEngine([A, 30, BROKEN])],
        ids=["before the first delta", "after it"],
    )
    def test_a_failure_at_any_time_is_a_plain_http_error(self, engine: ScriptedEngine) -> None:
        client, exchange = told(engine, stream=False)

        assert client.status == 502
        assert client.error["code"] == "stream_upstream_error"
        assert exchange.outcome == "stream_upstream_error"


def test_the_line_in_the_log_holds_facts_alone(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "chat2api.access"):
        told(ScriptedEngine([A, [DONE]]))
    (record,) = caplog.records
    line = vars(record)

    assert line["id"].startswith("req_")
    assert line["route"] == ""
    assert {name: line[name] for name in ("method", "status", "model", "account", "outcome")} == {
        "method": "POST",
        "status": 200,
        "model": "some-model",
        "account": "account-1",
        "outcome": "ok",
    }
