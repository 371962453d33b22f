"""Keys with an end, models and limits, as their callers meet them."""

from collections.abc import Sequence

import pytest
from msgspec import structs

from chat2api_core.config import Settings
from chat2api_core.keys import ApiKey
from chat2api_core.metering.quota import Gauge, Standing
from chat2api_core.secret import Secret
from chat2api_core.turn import TextDelta
from chat2api_core.upstreams.base import Batch, Model
from chat2api_core.web.admission import caller_of, key_of, limit_headers
from chat2api_core.web.endpoints import converse
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.models import list_models, show_model
from chat2api_core.web.routing import attend
from tests.asgi import Client, play
from tests.web.fake_gateway import DONE, KEY, FakeGateway, PlainDialect, ScriptedEngine, exchange_of

ANN = ApiKey(Secret("sk-ann"), "Ann")
ANSWER: Sequence[Batch] = ([TextDelta("Hi.")], [DONE])
NOW = 1_787_300_000  # where the clock stands: 2026-08-21T08:13:20Z


def ask(fake: FakeGateway, *, key: str = "sk-ann") -> Client:
    """One chat request, whose model is "some-model"."""
    client = Client(parts=[b"hello"], headers={"authorization": f"Bearer {key}"})

    async def run() -> None:
        await attend(exchange_of(client, fake), converse(PlainDialect()))

    play(run())
    return client


def gateway(*keys: ApiKey) -> FakeGateway:
    settings = Settings(auth_tokens=(Secret(KEY),), api_keys=keys)
    return FakeGateway(ScriptedEngine(ANSWER, models=MODELS), settings)


MODELS = (Model("gpt-5"), Model("gpt-5-mini"), Model("o3"))


def limits(client: Client) -> dict[str, str]:
    start = "x-ratelimit-"
    return {
        name.removeprefix(start): value
        for name, value in client.headers.items()
        if name.startswith(start)
    }


def test_a_plain_key_has_no_limits_and_no_headers_of_them() -> None:
    client = ask(gateway(ANN), key=KEY)
    assert client.status == 200
    assert limits(client) == {}


def test_a_key_that_is_over_is_refused_with_its_last_day() -> None:
    client = ask(gateway(structs.replace(ANN, expires=1_787_270_400)))  # midnight before
    assert client.status == 401
    assert client.headers["www-authenticate"] == "Bearer"
    assert client.error["code"] == "invalid_api_key"
    assert client.error["message"] == "This API key ended on 2026-08-20 (UTC)."
    assert ask(gateway(structs.replace(ANN, expires=NOW + 1))).status == 200


def test_a_model_that_the_key_may_not_use_does_not_exist_for_it() -> None:
    fake = gateway(structs.replace(ANN, models=("gpt-5*",)))
    client = ask(fake)
    assert client.status == 404
    assert client.error["code"] == "model_not_found"
    assert client.error["param"] == "model"
    assert client.error["message"] == "This API key may not use the model 'some-model'."
    assert fake.engine.callers == []


def test_the_list_of_models_holds_what_the_key_may_use() -> None:
    fake = gateway(structs.replace(ANN, models=("gpt-5*",)))

    def get(handler: object, model: str = "") -> Client:
        client = Client("GET", "/v1/models", headers={"x-api-key": "sk-ann"})
        client.scope["path_params"] = {"model": model}
        play(attend(exchange_of(client, fake), handler))  # type: ignore[arg-type]
        return client

    assert get(list_models).body.count(b'"id"') == 2
    assert get(show_model, "gpt-5-mini").status == 200
    assert get(show_model, "o3").status == 404


def test_requests_are_told_of_and_then_refused() -> None:
    fake = gateway(structs.replace(ANN, requests_per_minute=1))
    first = ask(fake)
    assert first.status == 200
    told = {"limit-requests": "1", "remaining-requests": "0", "reset-requests": "40s"}
    assert limits(first) == told
    second = ask(fake)
    assert second.status == 429
    assert second.error["code"] == "rate_limit_exceeded"
    assert second.headers["retry-after"] == "40"
    assert limits(second) == told


def test_tokens_are_told_of_and_the_last_answer_is_given_whole() -> None:
    key = structs.replace(ANN, tokens_per_day=3)
    fake = gateway(key)
    first = ask(fake)  # uses 1 + 1
    assert first.status == 200
    assert limits(first) == {
        "limit-tokens": "3",
        "remaining-tokens": "3",
        "reset-tokens": "15h46m40s",
    }
    for left, status in (("1", 200), ("0", 429)):
        fake.engine.reply = ScriptedEngine(ANSWER).reply
        client = ask(fake)
        assert client.status == status
        assert limits(client)["remaining-tokens"] == left
    assert client.headers["retry-after"] == "56800"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1s"), (12, "12s"), (59.5, "1m0s"), (360, "6m0s"), (3603, "1h0m3s")],
)
def test_times_read_as_those_of_openai(seconds: float, text: str) -> None:
    headers = dict(limit_headers(Standing(Gauge(1, 1, seconds))))
    assert headers[b"x-ratelimit-reset-requests"] == text.encode()


def test_every_caller_is_known_by_what_it_is_counted_as() -> None:
    settings = Settings(
        auth_tokens=(Secret(KEY),), api_keys=(ANN,), allow_upstream_tokens=True, anonymous=True
    )
    fake = FakeGateway(ScriptedEngine(), settings)

    def seen(headers: dict[str, str]) -> tuple[str, str]:
        exchange: Exchange = exchange_of(Client(headers=headers), fake)
        caller = caller_of(exchange)
        known = key_of(caller, settings)
        assert exchange.key == known
        return exchange.counted_as, known.shown if known else ""

    assert seen({"x-api-key": "sk-ann"}) == (ANN.fingerprint, "Ann")
    assert seen({"x-api-key": KEY}) == (Secret(KEY).fingerprint(), Secret(KEY).fingerprint())
    assert seen({"x-api-key": "eyJhbGciOi.eyJleHAi.sig"}) == ("token", "")
    assert seen({}) == ("anonymous", "")


def test_a_caller_that_no_setting_knows_any_more_has_no_key() -> None:
    settings = Settings(auth_tokens=(Secret(KEY),))
    fake = FakeGateway(ScriptedEngine(), settings)
    caller = caller_of(exchange_of(Client(headers={"x-api-key": KEY}), fake))
    assert key_of(caller, Settings()) is None
