"""Whose fault it was: what the client is told, who else is asked, and what becomes of the account.

A row is a fault at a place. Alone, the account meets it every time: the row has the status and the
code that the client gets, and how often it was asked. With another account beside it, the fault
comes once: either somebody answers, unseen, or the client is told at once, because nothing would
help. ``rest`` is how long the account that met it is then left alone, in seconds.
"""

from typing import Any, NamedTuple

import msgspec
import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.standing import Standing
from chat2api_core.emulator import (
    DEMO_REFRESH_TOKEN,
    At,
    Fail,
    Named,
    Reply,
    Say,
    make_access_token,
)
from chat2api_core.emulator.script import Place
from chat2api_core.secret import Secret
from chat2api_core.server import application
from tests.asgi import Client, play
from tests.e2e.inside import KEY, World

ASK = {"model": "auto", "messages": [{"role": "user", "content": "Hello?"}]}
HELLO = Reply((Say(("Hello", "!")),))
OUT = "out"


class Row(NamedTuple):
    place: Place
    fault: str
    status: int
    code: str
    tries: int = 1
    helped: bool = True
    rest: object = None


AGAIN = 4  # one try and three repetitions
ROWS = [
    # The account's: it rests where it says for how long or a while helps; another one answers.
    Row("conversation", "401", 401, "conversation_unauthorized", rest=60),
    Row("prepare", "401 expired", 401, "sentinel_unauthorized", rest=60),
    Row("conversation", "429", 429, "rate_limit_exceeded", rest=300),
    Row("conversation", "429 cap", 429, "rate_limit_exceeded", rest=3360),
    Row("prepare", "429 page", 429, "rate_limit_exceeded", rest=300),
    Row("conversation", "429 busy", 429, "account_busy", rest=5),
    Row("conversation", "409", 429, "account_busy", rest=5),
    Row("conversation", "403 country", 403, "conversation_forbidden"),
    Row("prepare", "403", 403, "sentinel_unusual_activity", tries=AGAIN),
    Row("conversation", "403", 403, "turnstile_required", tries=AGAIN),
    # The sign-in's: a dead one is out for good, a server that is away is asked again soon.
    Row("refresh", "invalid_grant", 401, "refresh_unauthorized", rest=OUT),
    Row("refresh", "refresh_token_reused object", 401, "refresh_unauthorized", rest=OUT),
    Row("refresh", "429", 429, "rate_limit_exceeded", rest=30),
    Row("refresh", "500 page", 502, "refresh_upstream_error", tries=AGAIN, rest=30),
    Row("refresh", "403 page", 502, "refresh_upstream_error", tries=AGAIN, rest=30),
    Row("refresh", "garbage page", 502, "refresh_unreadable", tries=AGAIN, rest=30),
    # The upstream's: asked again with fresh tokens; nobody rests for it.
    Row("conversation", "403 page", 403, "conversation_challenged", tries=AGAIN),
    Row("conversation", "500", 502, "conversation_upstream_error", tries=AGAIN),
    Row("conversation", "502 page", 502, "conversation_upstream_error", tries=AGAIN),
    Row("conversation", "503", 503, "conversation_unavailable", tries=AGAIN),
    Row("prepare", "garbage json", 502, "sentinel_unreadable", tries=AGAIN),
    Row("conversation", "garbage stream", 502, "stream_unreadable", tries=AGAIN),
    # Asked again it might be asked twice.
    Row("conversation", "504 page", 504, "conversation_timeout", helped=False),
    # The caller's: nobody could do better, and nobody rests.
    Row("conversation", "404", 404, "conversation_not_found", helped=False),
    Row("conversation", "404 model", 404, "model_not_found", helped=False),
    Row("conversation", "413", 400, "context_length_exceeded", helped=False),
    Row("conversation", "422", 422, "conversation_refused", helped=False),
]


def account(name: str, place: Place) -> Account:
    if place == "refresh":
        return Account(refresh_token=Secret(DEMO_REFRESH_TOKEN))
    return Account(access_token=Secret(make_access_token(account_id=name)))


async def asked(world: World) -> Client:
    body = msgspec.json.encode(ASK)
    client = Client(parts=[body], headers={"authorization": f"Bearer {KEY}"})
    await application(world.gateway)(client.scope, client.receive, client.send)
    return client


def rests(world: World) -> list[Any]:
    """What became of each account."""
    ledger = world.gateway.office.ledger
    now = world.clock.now()
    return [_rest(ledger.standing(one.key), now) for one in world.gateway.office.pool.members]


def _rest(known: Standing, now: float) -> object:
    if known.out is not None:
        return OUT
    for rest in known.rests.values():
        seconds = rest.until - now
        return round(seconds, -1) if seconds > 10 else round(seconds)
    return None


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.place} {row.fault}" for row in ROWS])
class TestEveryFault:
    def test_alone_it_is_told_as_what_it_is(self, row: Row) -> None:
        async def script() -> None:
            world = World(accounts=(account("one", row.place),))
            world.emulator.script.push(At(row.place, Named(row.fault), times=9))
            client = await asked(world)

            assert (client.status, client.error["code"]) == (row.status, row.code)
            assert world.emulator.log.counts[row.place] == row.tries
            assert rests(world) == [row.rest]

        play(script())

    def test_beside_another_account_it_is_mended_where_that_can_be(self, row: Row) -> None:
        async def script() -> None:
            # The second of them is asked first.
            two = (account("one", "conversation"), account("two", row.place))
            world = World(accounts=two)
            world.emulator.script.push(At(row.place, Named(row.fault)), HELLO)
            client = await asked(world)

            assert client.status == (200 if row.helped else row.status)
            assert rests(world) == [None, row.rest]

        play(script())


def test_what_goes_wrong_after_the_first_word_is_blamed_on_nobody() -> None:
    async def script() -> None:
        world = World(accounts=(account("one", "conversation"),))
        world.emulator.script.push(Reply((Say(("Hello",)), Fail(code="rate_limit_exceeded"))))
        client = await asked(world)

        assert client.status >= 400
        assert world.emulator.log.counts["conversation"] == 1
        assert rests(world) == [None]

    play(script())
