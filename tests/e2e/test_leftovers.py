"""What a request leaves in the process: nothing, as soon as it is over.

Rings of objects would go at some later time, when the garbage collector looks for them. Until then
each would hold a request's whole body: many large requests that fail would fill the memory. So the
collector is off here, and what is still there was left behind.
"""

import asyncio
import gc
from collections.abc import Iterator

import msgspec
import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.ambient import SystemClock, SystemIds
from chat2api_core.config import Settings
from chat2api_core.emulator import At, Named, Reply, Say, make_access_token
from chat2api_core.emulator.script import Item
from chat2api_core.secret import Secret
from chat2api_core.server import application
from chat2api_core.transcript import Transcript
from chat2api_core.turn import Message
from chat2api_core.web.exchange import Exchange
from chat2api_core.wiring import Gateway
from tests.asgi import Client
from tests.e2e.conftest import ASK, KEY, Upstream

HELLO = Reply((Say(("Hello", "!")),))
KEYED = {"authorization": f"Bearer {KEY}"}
ACCOUNTS = tuple(
    Account(access_token=Secret(make_access_token(account_id=name))) for name in ("one", "two")
)
LATE = {"messages": [{"role": "user", "content": "/emulate fail-late"}]}
LIMIT = At("conversation", Named("429 cap"))
REFUSED = At("conversation", Named("413"))
BUSY = At("conversation", Named("503"))


@pytest.fixture
def collector_off() -> Iterator[None]:
    gc.collect()
    gc.freeze()  # what modules hold, which other tests have had imported, is none of it
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


async def _ask(url: str, body: bytes, headers: dict[str, str], path: str) -> int:
    """The status of a second request like the first, which had the imports made."""
    settings = Settings(
        auth_tokens=(Secret(KEY),),
        accounts=ACCOUNTS,
        base_urls=(url,),
        auth_url=url,
        usage_counter="estimate",
        max_body=100_000,
        retry_times=1,
    )
    gateway = Gateway(settings, clock=SystemClock(), ids=SystemIds())
    app = application(gateway)
    try:
        for _ in range(2):
            client = Client(parts=[body], headers=headers, path=path)
            await app(client.scope, client.receive, client.send)
        return client.status
    finally:
        await gateway.aclose()


@pytest.mark.parametrize(
    ("asked", "scripted", "status"),
    [
        ({}, (), 200),
        ({"stream": True}, (), 200),
        ({"user": "x" * 200_000}, (), 413),
        ({"messages": 1}, (), 400),
        ({}, (REFUSED, REFUSED), 400),
        ({"stream": True}, (REFUSED, REFUSED), 400),
        ({"stream": True}, (BUSY, BUSY, BUSY, BUSY), 503),
        ({}, (LIMIT, HELLO, HELLO), 200),
        ({"stream": True} | LATE, (), 200),
    ],
    ids=[
        "an answer",
        "a streamed answer",
        "a body that is too large",
        "a body that cannot be read",
        "a refusal by ChatGPT",
        "a refusal of a streamed answer",
        "a trouble that lasts",
        "a trouble that another account mends",
        "an answer that fails in the middle",
    ],
)
@pytest.mark.usefixtures("collector_off")
def test_nothing_of_a_request_stays(
    emulator: Upstream, asked: dict[str, object], scripted: tuple[Item, ...], status: int
) -> None:
    emulator.push(*scripted)
    body = msgspec.json.encode(ASK | asked)

    assert asyncio.run(_ask(emulator.url, body, KEYED, "/v1/chat/completions")) == status
    assert _alive() == []


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [("/v1/chat/completions", {}, 401), ("/v1/nowhere", KEYED, 404)],
    ids=["without a key", "at no path"],
)
@pytest.mark.usefixtures("collector_off")
def test_nothing_of_a_refused_request_stays(
    emulator: Upstream, path: str, headers: dict[str, str], status: int
) -> None:
    assert asyncio.run(_ask(emulator.url, b"{}", headers, path)) == status
    assert _alive() == []


def _alive() -> list[object]:
    """What is still there of requests: the exchange, what was asked, what was answered."""
    kinds = (Exchange, Message, Transcript)
    return [one for one in gc.get_objects() if isinstance(one, kinds)]
