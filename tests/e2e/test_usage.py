"""What was used, as its clients ask for it, over real sockets."""

import datetime
import time
from collections.abc import Callable
from typing import Any

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import DEMO_ACCESS_TOKEN
from chat2api_core.keys import ApiKey
from chat2api_core.secret import Secret
from chat2api_core.stores.choose import RedisChoice
from tests.e2e.conftest import ASK, KEY, Api

Start = Callable[..., Api]

ANN = ApiKey(Secret("sk-ann"), "Ann", tokens_per_day=100_000, models=("auto", "gpt-*"))
ADMIN = "adm-0123456789"
NOWHERE = RedisChoice(Secret("redis://127.0.0.1:9"))
ROUTES = (
    "/v1/usage",
    "/v1/dashboard/billing/usage",
    "/v1/dashboard/billing/subscription",
    "/api/usage/token",
    "/v1/accTokens",
)


def today() -> str:
    return datetime.datetime.fromtimestamp(time.time(), datetime.UTC).strftime("%Y-%m-%d")


@pytest.fixture
def api(start: Start) -> Api:
    return start(api_keys=(ANN,), admin_key=Secret(ADMIN))


def get(api: Api, path: str, key: str = "sk-ann") -> Any:
    response = api.client.get(path, headers={"authorization": f"Bearer {key}"})
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    return response.json()


def counted(api: Api, key: str) -> int:
    requests: int = get(api, "/v1/usage", key)["total"]["requests"]
    return requests


def ask(api: Api, key: str, **fields: object) -> Any:
    """The answer to one turn, once that is counted: which is done after it was sent."""
    before = counted(api, key)
    response = api.post(ASK | fields, authorization=f"Bearer {key}")
    end = time.monotonic() + 5
    while counted(api, key) == before:
        assert time.monotonic() < end, "the turn was never counted"
        time.sleep(0.005)
    return response


def used(api: Api, key: str = "sk-ann") -> int:
    """The tokens of one answered turn, as the answer itself counts them."""
    response = ask(api, key)
    assert response.status_code == 200, response.text
    total: int = response.json()["usage"]["total_tokens"]
    return total


def test_a_key_sees_its_own_requests_by_day_and_model(api: Api) -> None:
    tokens = used(api) + used(api)
    used(api, KEY)
    document = get(api, "/v1/usage")
    (entry,) = document["data"]
    assert document["object"] == "list"
    assert entry["snapshot_id"] == "auto"
    assert entry["n_requests"] == entry["n_generated"] == 2
    assert entry["n_context_tokens_total"] + entry["n_generated_tokens_total"] == tokens
    assert entry["aggregation_timestamp"] % 86_400 == 0
    assert 0 <= time.time() - entry["aggregation_timestamp"] <= 86_400 + 60
    assert document["total"]["requests"] == 2
    assert get(api, f"/v1/usage?date={today()}") == document
    assert get(api, "/v1/usage?date=2020-01-01")["data"] == []


def test_the_admin_key_sees_everybody(api: Api) -> None:
    tokens = used(api) + used(api, KEY)
    total = get(api, "/v1/usage", ADMIN)["total"]
    assert (total["requests"], total["total_tokens"], total["failed"]) == (2, tokens, 0)
    assert 0 < total["median_ms"] <= total["p95_ms"]


def test_a_failure_is_counted_with_its_code(api: Api) -> None:
    refused = ask(api, "sk-ann", model="o3")
    assert refused.status_code == 404
    total = get(api, "/v1/usage")["total"]
    assert (total["requests"], total["failed"]) == (1, 1)
    assert total["errors"] == {"model_not_found": 1}


def test_billing_says_what_was_used_and_what_is_left(api: Api) -> None:
    tokens = used(api)
    usage = get(api, "/v1/dashboard/billing/usage")
    assert usage["object"] == "list"
    assert usage["total_usage"] == tokens * 100
    (cost,) = usage["daily_costs"][-1]["line_items"]
    assert cost == {"name": "auto", "cost": tokens * 100}
    tomorrow = "/v1/dashboard/billing/usage?start_date=2026-01-01&end_date=2999-01-01"
    assert get(api, tomorrow)["total_usage"] == tokens * 100
    subscription = get(api, "/v1/dashboard/billing/subscription")
    assert subscription["object"] == "billing_subscription"
    assert subscription["hard_limit_usd"] == ANN.tokens_per_day
    assert subscription["access_until"] == 0
    assert get(api, "/dashboard/billing/subscription") == subscription


def test_a_key_without_a_limit_is_told_so_as_clients_know_it(api: Api) -> None:
    tokens = used(api, KEY)
    assert get(api, "/v1/dashboard/billing/subscription", KEY)["hard_limit_usd"] == 100_000_000
    data = get(api, "/api/usage/token", KEY)["data"]
    assert data["unlimited_quota"] is True
    assert data["total_used"] == tokens
    assert data["model_limits_enabled"] is False


def test_the_token_page_says_what_is_granted_used_and_available(api: Api) -> None:
    tokens = used(api)
    expected = {
        "object": "token_usage",
        "name": "Ann",
        "total_granted": 100_000,
        "total_used": tokens,
        "total_available": 100_000 - tokens,
        "unlimited_quota": False,
        "model_limits": {"auto": True, "gpt-*": True},
        "model_limits_enabled": True,
        "expires_at": 0,
    }
    assert get(api, "/api/usage/token/") == {"code": True, "message": "ok", "data": expected}


def test_an_account_that_a_caller_brings_sees_its_own_requests(start: Start) -> None:
    api = start(allow_upstream_tokens=True)
    tokens = used(api, DEMO_ACCESS_TOKEN)
    used(api, KEY)
    mine = get(api, "/v1/usage", DEMO_ACCESS_TOKEN)["total"]
    # The pool's only account is the same one: what it answered for others counts for it as well.
    assert mine["requests"] == 2
    assert mine["total_tokens"] == 2 * tokens
    assert get(api, "/api/usage/token", DEMO_ACCESS_TOKEN)["data"]["total_used"] == 2 * tokens
    assert (
        api.client.get(
            "/v1/accTokens", headers={"authorization": f"Bearer {DEMO_ACCESS_TOKEN}"}
        ).status_code
        == 401
    )


def test_accounts_are_counted_and_those_that_can_answer(start: Start) -> None:
    accounts = (
        Account(access_token=Secret(DEMO_ACCESS_TOKEN)),
        Account(access_token=Secret("another")),
        Account(access_token=Secret("third"), disabled=True),
    )
    api = start(accounts=accounts, admin_key=Secret(ADMIN))
    counts = {"count": 2, "canUseCount": 2, "can_use_count": 2}
    assert get(api, "/v1/accTokens", KEY) == counts
    assert get(api, "/v1/accTokens", ADMIN) == counts


@pytest.mark.parametrize("path", ROUTES)
def test_nobody_looks_without_a_key(api: Api, path: str) -> None:
    for headers in ({"authorization": "Bearer sk-wrong"}, {"authorization": ""}):
        response = api.client.get(path, headers=headers)
        assert response.status_code == 401
        assert response.json()["error"]["code"] == "invalid_api_key"


@pytest.mark.parametrize("path", ROUTES)
def test_chat_without_login_has_no_figures(start: Start, path: str) -> None:
    api = start(anonymous=True)
    assert api.client.get(path, headers={"authorization": ""}).status_code == 401


@pytest.mark.parametrize("path", ROUTES[:-1])
@pytest.mark.parametrize("key", ["sk-ann", ADMIN])
def test_figures_that_the_store_does_not_give_are_not_made_up(
    start: Start, path: str, key: str
) -> None:
    api = start(api_keys=(ANN,), admin_key=Secret(ADMIN), store=NOWHERE)
    assert api.post(ASK, authorization="Bearer sk-ann").status_code == 200, "chats go on"
    response = api.client.get(path, headers={"authorization": f"Bearer {key}"})
    if key == ADMIN and path.endswith("subscription"):
        assert response.status_code == 200, "no limit is one without any store"
        return
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "store_unavailable"
    assert response.headers["retry-after"] == "5"


def test_a_day_that_is_none_is_refused(api: Api) -> None:
    response = api.client.get("/v1/usage?date=yesterday", headers={"x-api-key": KEY})
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "date"


def test_the_admin_key_cannot_be_guessed_by_asking_for_figures(api: Api) -> None:
    for _ in range(5):
        wrong = api.client.get("/v1/usage", headers={"authorization": "Bearer adm-guess"})
        assert wrong.status_code == 401
    right = api.client.get("/v1/usage", headers={"authorization": f"Bearer {ADMIN}"})
    assert right.status_code == 401
    assert get(api, "/v1/usage", KEY)["total"]["requests"] == 0
