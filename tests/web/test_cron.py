"""What a scheduler asks for."""

from typing import TYPE_CHECKING, cast

import msgspec
import pytest
from msgspec import Struct

from chat2api_core.accounts.upkeep import Renewals
from chat2api_core.config import Settings
from chat2api_core.secret import Secret
from chat2api_core.web.cron import refresh
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.routing import attend
from tests.asgi import Client, play
from tests.fakes import FakeClock, FakeIds

if TYPE_CHECKING:
    from chat2api_core.wiring import Gateway


class Upkeep:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.runs = 0

    async def run(self) -> Renewals:
        self.runs += 1
        return Renewals(renewed=1, fresh=2)


class Office(Struct):
    upkeep: Upkeep


class Desk:
    """The gateway as far as this route sees it."""

    def __init__(self, secret: str) -> None:
        self.settings = Settings(cron_secret=Secret(secret))
        self.clock = FakeClock()
        self.ids = FakeIds()
        self.office = Office(Upkeep())

    def asked(self, **headers: str) -> Client:
        async def run() -> Client:
            client = Client("GET", "/api/cron/refresh", parts=[b""], headers=headers)
            gateway = cast("Gateway", self)
            await attend(Exchange(client.scope, client.receive, client.send, gateway), refresh)
            return client

        return play(run())


def test_who_has_the_secret_is_told_what_was_done() -> None:
    desk = Desk("tick")
    client = desk.asked(authorization="Bearer tick")

    assert client.status == 200
    assert msgspec.json.decode(client.body) == {
        "renewed": 1, "fresh": 2, "failed": 0, "out": 0, "left": 0, "skipped": 0,
    }  # fmt: skip
    assert desk.office.upkeep.runs == 1


@pytest.mark.parametrize("shown", ["", "tick", "Basic tick", "Bearer tock", "Bearer ", "Bearer"])
def test_nobody_else_makes_it_do_anything(shown: str) -> None:
    desk = Desk("tick")
    client = desk.asked(authorization=shown)

    assert client.status == 401
    assert desk.office.upkeep.runs == 0
    assert b"tick" not in client.body


@pytest.mark.parametrize("shown", ["", "Bearer", "Bearer ", "Bearer tick"])
def test_without_a_secret_it_is_closed_to_everybody(shown: str) -> None:
    desk = Desk("")
    client = desk.asked(authorization=shown)

    assert client.status == 404
    assert "CRON_SECRET" in str(client.error["message"])
    assert desk.office.upkeep.runs == 0
