"""What the handlers do: who is let in, what is asked, what is answered."""

import msgspec
import pytest
from msgspec import structs

from chat2api_core import __version__
from chat2api_core.accounts.caller import PoolCaller
from chat2api_core.dialects.chat_completions import ChatCompletions
from chat2api_core.secret import Secret
from chat2api_core.turn import TextDelta
from chat2api_core.upstreams.base import Model
from chat2api_core.web.endpoints import converse, health
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.models import list_models, show_model
from chat2api_core.web.routing import attend
from tests.asgi import Client, play
from tests.web.fake_gateway import (
    AUTHORIZED,
    DONE,
    KEY,
    FakeGateway,
    PlainDialect,
    ScriptedEngine,
    exchange_of,
    settings_with,
)

MODELS = (
    Model("auto", upstreams=("codex", "web")),
    Model("org/gpt-x", created=1_750_000_000, owned_by="somebody", upstreams=("web",)),
)
AUTO = {
    "id": "auto",
    "object": "model",
    "created": 1_700_000_000,
    "owned_by": "openai",
    "upstream": ["codex", "web"],
}
OTHER = {
    "id": "org/gpt-x",
    "object": "model",
    "created": 1_750_000_000,
    "owned_by": "somebody",
    "upstream": ["web"],
}


def gateway() -> FakeGateway:
    return FakeGateway(ScriptedEngine([[TextDelta("Hi")], [DONE]], models=MODELS), settings_with())


class TestConverse:
    def talk(
        self, body: bytes, headers: dict[str, str], fake: FakeGateway
    ) -> tuple[Client, Exchange]:
        async def run() -> tuple[Client, Exchange]:
            client = Client(parts=[body], headers=headers)
            exchange = exchange_of(client, fake)
            await attend(exchange, converse(PlainDialect()))
            return client, exchange

        return play(run())

    def test_the_engine_is_asked_for_whoever_calls(self) -> None:
        fake = gateway()
        _, exchange = self.talk(b"hello", AUTHORIZED, fake)

        assert fake.engine.callers == [PoolCaller(Secret(KEY).fingerprint())]
        assert exchange.model == "some-model"

    def test_a_name_that_stands_for_another_model_asks_for_that_one(self) -> None:
        fake = gateway()
        fake.settings = structs.replace(fake.settings, model_aliases=(("some-*", "org/gpt-x"),))
        _, exchange = self.talk(b"hello", AUTHORIZED, fake)

        assert exchange.model == "org/gpt-x"
        assert [prompt.model for prompt in fake.engine.prompts] == ["org/gpt-x"]

    def test_a_stranger_is_refused_before_the_body_is_read(self) -> None:
        fake = gateway()
        client, _ = self.talk(b"wrong", {"authorization": "Bearer sk-other"}, fake)

        assert client.status == 401
        assert client.error["code"] == "invalid_api_key"
        assert fake.engine.callers == []

    def test_a_wrong_body_is_refused_before_anybody_is_asked(self) -> None:
        fake = gateway()
        client, exchange = self.talk(b"wrong", AUTHORIZED, fake)

        assert client.status == 400
        assert client.error["param"] == "body"
        assert fake.engine.callers == []
        assert exchange.outcome == "invalid_request"

    def test_a_client_that_leaves_while_it_sends_its_body_ends_it_quietly(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def run() -> tuple[Client, Exchange]:
            client = Client(parts=[b"some", b"more"], headers=AUTHORIZED)
            exchange = exchange_of(client, gateway())
            await client.receive()
            client.hang_up()
            await attend(exchange, converse(PlainDialect()))
            return client, exchange

        client, exchange = play(run())

        assert client.sent == []
        assert exchange.outcome == "client_gone"
        assert caplog.records == []

    def test_the_real_dialect_fits(self) -> None:
        async def run() -> Client:
            body = b'{"model":"gpt","stream":true,"messages":[{"role":"user","content":"Hello"}]}'
            client = Client(parts=[body], headers=AUTHORIZED)
            await attend(exchange_of(client, gateway()), converse(ChatCompletions()))
            return client

        client = play(run())

        assert len(client.pieces) == 2
        assert b'"content":"Hi"' in client.pieces[0]
        assert client.pieces[1].endswith(b"data: [DONE]\n\n")
        assert f"chatcmpl-{'2'.rjust(24, '0')}".encode() in client.pieces[0]
        assert b'"created":1787300000' in client.pieces[0]


def asked(handler: str, *, model: str = "", headers: dict[str, str] | None = None) -> Client:
    handlers = {"list": list_models, "show": show_model, "health": health}

    async def run() -> Client:
        client = Client("GET", headers=AUTHORIZED if headers is None else headers)
        client.scope["path_params"] = {"model": model}
        await attend(exchange_of(client, gateway()), handlers[handler])
        return client

    return play(run())


class TestModels:
    def test_all_are_listed(self) -> None:
        client = asked("list")

        assert client.status == 200
        assert msgspec.json.decode(client.body) == {"object": "list", "data": [AUTO, OTHER]}

    def test_one_is_shown(self) -> None:
        assert msgspec.json.decode(asked("show", model="org/gpt-x").body) == OTHER

    def test_an_unknown_one_is_not_found(self) -> None:
        client = asked("show", model="nope")

        assert client.status == 404
        assert client.error["code"] == "model_not_found"
        assert client.error["param"] == "model"
        assert "'nope'" in str(client.error["message"])

    @pytest.mark.parametrize("handler", ["list", "show"])
    def test_strangers_see_none(self, handler: str) -> None:
        assert asked(handler, model="auto", headers={}).status == 401


def test_health_is_open_to_everybody_and_asks_nobody() -> None:
    client = asked("health", headers={})

    assert client.status == 200
    assert msgspec.json.decode(client.body) == {
        "status": "ok",
        "version": __version__,
        "platform": "local",
        "store": {
            "name": "memory",
            "durable": False,
            "down_since": None,
            "error": "",
            "faults": 0,
            "owed": 0,
            "tokens_owed": 0,
            "keeps_tokens": False,
        },
    }
