"""The official client against the gateway, with its strict validation of everything it is sent."""

import asyncio
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from chat2api_core.emulator import At, Named, Reply, Say, Think
from tests.e2e.conftest import KEY, Api, Start, Upstream
from tests.e2e.official import sdk

HELLO = Reply((Say(("Hello", ", ", "world", "!")),))
MESSAGES: Any = [{"role": "user", "content": "Hello?"}]


@pytest.mark.parametrize("protocol", ["current", "legacy"])
def test_it_streams_from_both_encodings(start: Start, emulator: Upstream, protocol: str) -> None:
    emulator.push(HELLO)
    with sdk(start(chatgpt_protocol=protocol)) as client:
        stream = client.chat.completions.create(model="auto", messages=MESSAGES, stream=True)
        pieces = [chunk.choices[0].delta.content or "" for chunk in stream]

    assert "".join(pieces) == "Hello, world!"
    assert len([piece for piece in pieces if piece]) == 4, "each piece arrives as it came"


def test_it_gets_a_whole_answer(api: Api, emulator: Upstream) -> None:
    emulator.push(Reply((Think("Plan", ("Hm.",)), Say(("Hello!",)))))
    with sdk(api) as client:
        answer = client.chat.completions.create(model="auto", messages=MESSAGES)

    assert answer.choices[0].message.content == "Hello!"
    assert "Hm." in str(answer.choices[0].message.model_extra)
    usage = answer.usage
    assert usage is not None
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_its_stream_helper_adds_up_to_the_answer(api: Api, emulator: Upstream) -> None:
    emulator.push(HELLO)
    with (
        sdk(api) as client,
        client.chat.completions.stream(
            model="auto",
            messages=MESSAGES,
            stream_options={"include_usage": True},
        ) as stream,
    ):
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()

    assert "content.delta" in kinds
    assert final.choices[0].message.content == "Hello, world!"
    assert final.usage is not None


def test_the_async_client_runs_many_at_once(api: Api) -> None:
    async def ask(client: AsyncOpenAI, number: int) -> str:
        stream = await client.chat.completions.create(
            model="auto",
            messages=[{"role": "user", "content": f"number {number}"}],
            stream=True,
        )
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    async def run() -> list[str]:
        async with AsyncOpenAI(base_url=f"{api.url}/v1", api_key=KEY) as client:
            return await asyncio.gather(*(ask(client, number) for number in range(20)))

    answers = asyncio.run(run())

    assert all(f"number {number}" in answer for number, answer in enumerate(answers))


def test_it_lists_and_finds_models(api: Api) -> None:
    with sdk(api) as client:
        names = [model.id for model in client.models.list()]
        assert "auto" in names
        assert client.models.retrieve(names[-1]).id == names[-1]
        with pytest.raises(openai.NotFoundError) as raised:
            client.models.retrieve("gpt-none")

    assert raised.value.code == "model_not_found"


def test_errors_are_the_ones_it_knows(start: Start, emulator: Upstream) -> None:
    api = start(retry_times=0)
    with sdk(api, key="sk-wrong") as client, pytest.raises(openai.AuthenticationError) as wrong:
        client.models.list()
    assert wrong.value.code == "invalid_api_key"

    emulator.push(At("conversation", Named("429 cap")))
    with sdk(api) as client, pytest.raises(openai.RateLimitError) as limited:
        client.chat.completions.create(model="auto", messages=MESSAGES)
    assert limited.value.code == "rate_limit_exceeded"
    assert limited.value.request_id
