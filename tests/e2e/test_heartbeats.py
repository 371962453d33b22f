"""A stream shows life within a second, and what goes wrong after that is told within it."""

from typing import Any

import openai
import pytest
from openai import OpenAI

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import DEMO_ACCESS_TOKEN, At, Late, Named, Reply, Say, make_access_token
from chat2api_core.secret import Secret
from tests.e2e.conftest import ASK, KEY, Api, Start, Upstream

BEAT = ": keep-alive\n\n"
LATE = At("prepare", Late(0.5))  # many beats long
LIMIT = At("conversation", Named("429 cap", retry_after="30"))
HELLO = Reply((Say(("Hello", "!")),))
MESSAGES: Any = [{"role": "user", "content": "Hello?"}]


@pytest.fixture
def beating(start: Start) -> Api:
    return start(heartbeat=0.05, retry_times=0)


def sdk(api: Api) -> OpenAI:
    return OpenAI(base_url=f"{api.url}/v1", api_key=KEY, max_retries=0)


def test_a_late_answer_is_preceded_by_signs_of_life(beating: Api, emulator: Upstream) -> None:
    emulator.push(LATE, HELLO)
    streamed = beating.stream()

    assert streamed.raw.startswith(BEAT)
    assert streamed.text == "Hello!"
    assert streamed.done


def test_the_first_one_does_not_wait_for_a_long_silence(start: Start, emulator: Upstream) -> None:
    emulator.push(At("prepare", Late(1.5)), HELLO)
    streamed = start(heartbeat=10.0).stream()

    assert streamed.raw.startswith(BEAT)
    assert streamed.raw.count(BEAT) == 1
    assert streamed.text == "Hello!"


def test_a_client_that_wants_none_gets_the_status_however_late(
    start: Start, emulator: Upstream
) -> None:
    emulator.push(At("prepare", Late(1.0)), LIMIT)
    response = start(heartbeat=0.0, retry_times=0).post(ASK | {"stream": True})

    assert response.status_code == 429
    assert response.headers["retry-after"]


def test_an_official_client_hears_nothing_of_them(beating: Api, emulator: Upstream) -> None:
    emulator.push(LATE, HELLO)
    with sdk(beating) as client:
        stream = client.chat.completions.create(model="auto", messages=MESSAGES, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    assert text == "Hello!"


def test_another_account_may_still_answer_after_one(start: Start, emulator: Upstream) -> None:
    accounts = (
        Account(access_token=Secret(DEMO_ACCESS_TOKEN)),
        Account(access_token=Secret(make_access_token(account_id="00000000-0000-4000-8000-2"))),
    )
    emulator.push(LATE, LIMIT, HELLO)
    streamed = start(heartbeat=0.05, accounts=accounts).stream()

    assert streamed.raw.startswith(BEAT)
    assert streamed.text == "Hello!"
    assert streamed.done


def test_an_official_client_raises_a_failure_that_comes_after_one(
    beating: Api, emulator: Upstream
) -> None:
    emulator.push(LATE, LIMIT)
    with sdk(beating) as client:
        stream = client.chat.completions.create(model="auto", messages=MESSAGES, stream=True)
        with pytest.raises(openai.APIError) as raised:
            list(stream)

    assert raised.value.code == "rate_limit_exceeded"
    assert raised.value.type == "rate_limit_error"


def test_a_response_that_fails_after_one_is_a_failed_response(
    beating: Api, emulator: Upstream
) -> None:
    emulator.push(LATE, LIMIT)
    with sdk(beating) as client:
        events = list(client.responses.create(model="auto", input="Hello?", stream=True))

    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.failed",
    ]
    last = events[-1]
    assert last.type == "response.failed"
    assert last.response.status == "failed"
    assert last.response.error is not None
    assert last.response.error.code == "rate_limit_exceeded"
    assert "Please try again in 30s." in last.response.error.message
