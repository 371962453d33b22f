"""What is counted of a turn, and what its line in the log says."""

import asyncio
import logging
from typing import Any

import pytest
from msgspec import structs

from chat2api_core.config import Settings
from chat2api_core.keys import ApiKey
from chat2api_core.metering.report import Row, read_rows
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.turn import TextDelta
from chat2api_core.web.endpoints import converse
from chat2api_core.web.routing import attend
from tests.asgi import Client, play
from tests.web.fake_gateway import (
    ACCOUNT,
    DONE,
    FakeGateway,
    PlainDialect,
    ScriptedEngine,
    exchange_of,
)

DAY = "2026-08-21"
ANN = ApiKey(Secret("sk-ann"), "Ann")
CUT = Problem(Kind.CUT, "It was cut.", step="stream")


def turn(engine: ScriptedEngine, body: bytes = b"hello you", key: str = "sk-ann") -> FakeGateway:
    fake = FakeGateway(engine, Settings(api_keys=(ANN,)))
    client = Client(parts=[body], headers={"authorization": f"Bearer {key}"})

    async def run() -> None:
        await attend(exchange_of(client, fake), converse(PlainDialect()))

    play(run())
    return fake


def rows(fake: FakeGateway) -> dict[str, Row]:
    """The rows of the day, by what they are about: "key" and "account"."""

    async def run() -> list[Row]:
        return await read_rows(fake.store, [DAY])

    return {"key" if row.key else "account": row for row in play(run())}


def test_an_answer_is_counted_for_its_key_model_and_account() -> None:
    found = rows(turn(ScriptedEngine([[TextDelta("Hi.")], [DONE]])))
    assert (found["key"].key, found["key"].model) == (ANN.fingerprint, "some-model")
    assert found["account"].account == ACCOUNT.key
    for row in found.values():
        assert (row.figures.requests, row.figures.tokens, row.figures.errors) == (1, 2, {})


def test_an_answer_that_broke_off_is_counted_as_far_as_it_went() -> None:
    found = rows(turn(ScriptedEngine([[TextDelta("one two three")], CUT]), b"stream, please"))
    figures = found["key"].figures
    assert (figures.input, figures.output) == (2, 3)
    assert figures.errors == {"stream_cut": 1}


def test_a_failure_before_an_answer_is_counted_by_its_code() -> None:
    busy = Problem(Kind.RATE_LIMITED, "Later.", step="pool")
    found = rows(turn(ScriptedEngine(opening=[busy])))
    assert set(found) == {"key"}
    assert (found["key"].model, found["key"].figures.tokens) == ("some-model", 0)
    assert found["key"].figures.errors == {"rate_limit_exceeded": 1}


def test_a_model_that_does_not_exist_gets_no_counter_of_its_own() -> None:
    unknown = Problem(Kind.MODEL_NOT_FOUND, "No such model.", param="model")
    assert rows(turn(ScriptedEngine(opening=[unknown])))["key"].model == ""


@pytest.mark.parametrize("problem", ["a wrong key", "a wrong body"])
def test_what_never_was_a_turn_is_not_counted(problem: str) -> None:
    key = "sk-wrong" if problem == "a wrong key" else "sk-ann"
    body = b"wrong" if problem == "a wrong body" else b"hello"
    assert rows(turn(ScriptedEngine(), body, key)) == {}


def test_a_client_that_hangs_up_is_counted_and_is_no_error() -> None:
    fake = FakeGateway(
        ScriptedEngine([[TextDelta("one two")], 60.0, [DONE]]), Settings(api_keys=(ANN,))
    )
    client = Client(parts=[b"stream"], headers={"x-api-key": "sk-ann"})

    async def run() -> None:
        asyncio.get_running_loop().call_later(1, client.hang_up)
        await attend(exchange_of(client, fake), converse(PlainDialect()))

    play(run())
    figures = rows(fake)["key"].figures
    assert (figures.requests, figures.output, figures.errors) == (1, 2, {})


def test_a_turn_that_the_server_cancels_is_written_with_the_next_one() -> None:
    fake = FakeGateway(ScriptedEngine([60.0]), Settings(api_keys=(ANN,)))
    client = Client(parts=[b"stream"], headers={"x-api-key": "sk-ann"})

    async def run() -> None:
        exchange = exchange_of(client, fake)
        task = asyncio.create_task(attend(exchange, converse(PlainDialect())))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait((task,))
        await fake.tally.write()

    play(run())
    assert rows(fake)["key"].figures.requests == 1


def test_an_exchange_that_is_cancelled_before_its_turn_is_not_counted() -> None:
    fake = FakeGateway(ScriptedEngine(), Settings(api_keys=(ANN,)))

    async def wait(_: object) -> None:
        await asyncio.sleep(60)

    async def run() -> None:
        task = asyncio.create_task(attend(exchange_of(Client(), fake), wait))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait((task,))

    play(run())
    assert rows(fake) == {}


def test_the_line_in_the_log_names_the_key_and_the_stages(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "chat2api.access"):
        turn(ScriptedEngine([[TextDelta("Hi.")], [DONE]]))
    line: dict[str, Any] = vars(caplog.records[-1])
    assert line["key"] == "Ann"
    assert line["account"] == ACCOUNT.key
    assert line["outcome"] == "ok"
    assert list(line["stages"]) == ["auth", "parse", "open", "first", "total"]
    assert line["ms"] == line["stages"]["total"]
    assert "sk-ann" not in str(line)


def test_the_tokens_of_a_limited_key_are_kept_for_its_limit() -> None:
    limited = structs.replace(ANN, tokens_per_day=100)
    fake = FakeGateway(ScriptedEngine([[TextDelta("Hi.")], [DONE]]), Settings(api_keys=(limited,)))
    client = Client(parts=[b"hello"], headers={"x-api-key": "sk-ann"})

    async def run() -> int:
        await attend(exchange_of(client, fake), converse(PlainDialect()))
        gauge = await fake.quota.tokens(limited)
        assert gauge is not None
        return gauge.remaining

    assert play(run()) == 98
