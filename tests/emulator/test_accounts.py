"""Who gets in: access tokens, refresh tokens, session cookies, workspaces, plans."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from chat2api_core.emulator import (
    DEMO_ACCESS_TOKEN,
    DEMO_REFRESH_TOKEN,
    DEMO_SESSION_TOKEN,
    Account,
    Emulator,
    Workspace,
    make_access_token,
)
from chat2api_core.emulator.accounts import Registry, read_accounts
from chat2api_core.emulator.exchange import Refused
from chat2api_core.emulator.tokens import DEMO_IOS_REFRESH_TOKEN, make_jwt, read_access_token
from tests.emulator.browser import Browser, Request, Response, drive
from tests.fakes import FakeClock, FakeIds

IOS = "pdlLIX2Y72MIl2rhLhTE9VV9bN905kBh"
CODEX = "app_EMoamEEZ73f0CkXaXp7hrann"
IOS_REDIRECT = "com.openai.chat://auth0.openai.com/ios/com.openai.chat/callback"
COOKIE = "__Secure-next-auth.session-token"


def claims(token: str) -> Any:
    middle = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))


def test_an_access_token_has_the_claims_of_the_service() -> None:
    token = make_access_token(account_id="acc", user_id="user-1", plan="team", exp=1787864000)
    assert token.startswith("eyJhbGciOi")
    said = claims(token)
    assert said["iss"] == "https://auth.openai.com"
    assert said["exp"] == 1787864000
    assert said["https://api.openai.com/auth"] == {
        "chatgpt_account_id": "acc",
        "chatgpt_account_user_id": "user-1__acc",
        "chatgpt_plan_type": "team",
        "chatgpt_user_id": "user-1",
        "user_id": "user-1",
        "chatgpt_compute_residency": "no_constraint",
    }
    assert said["https://api.openai.com/profile"]["email_verified"] is True


def test_refresh_tokens_have_the_forms_of_the_service() -> None:
    assert DEMO_REFRESH_TOKEN.startswith("rt_")
    assert len(DEMO_IOS_REFRESH_TOKEN) == 45


def status(emulator: Emulator, token: str, **headers: str) -> Response:
    return Browser(emulator, token=token, extra=headers).get("/models")


def test_without_a_token_nobody_gets_in(emulator: Emulator) -> None:
    answer = asyncio.run(drive(emulator, Request("GET", "/backend-api/models")))
    assert answer.status == 401
    assert answer.json == {"detail": "Unauthorized"}
    basic = {"authorization": "Basic abc"}
    assert asyncio.run(drive(emulator, Request("GET", "/backend-api/me", basic))).status == 401


@pytest.mark.parametrize(
    "token",
    [
        "sk-something",
        "a.b.c",
        DEMO_ACCESS_TOKEN[:-1] + "x",
        make_access_token().replace(".", "..", 1),
        make_jwt(b"not json"),
        make_jwt(b"\xff"),
    ],
)
def test_a_token_that_is_not_of_this_house_is_refused(emulator: Emulator, token: str) -> None:
    answer = status(emulator, token)
    assert answer.status == 401
    assert answer.json["detail"]["code"] == "invalid_jwt"
    assert read_access_token(token) is None


def test_a_token_is_good_until_it_expires(emulator: Emulator, clock: FakeClock) -> None:
    token = make_access_token(exp=int(clock.now()) + 10)
    assert status(emulator, token).status == 200
    clock.advance(10)
    answer = status(emulator, token)
    assert answer.status == 401
    assert answer.json["detail"]["code"] == "token_expired"


def test_a_revoked_token_is_refused(emulator: Emulator) -> None:
    emulator.accounts.revoke(DEMO_ACCESS_TOKEN)
    answer = status(emulator, DEMO_ACCESS_TOKEN)
    assert answer.json["detail"]["code"] == "token_revoked"


def test_an_open_house_takes_anybodys_account_and_workspace(emulator: Emulator) -> None:
    token = make_access_token(account_id="acc-9", user_id="user-9", plan="free", email="n@x.y")
    browser = Browser(emulator, token=token)
    assert browser.get("/me").json["id"] == "user-9"
    accounts = browser.get("/accounts/check/v4-2023-04-27").json["accounts"]
    assert accounts["acc-9"]["account"]["plan_type"] == "free"
    assert status(emulator, token, **{"chatgpt-account-id": "team-1"}).status == 200
    assert status(emulator, token, **{"chatgpt-account-id": "acc-9"}).status == 200


def test_a_closed_house_knows_its_accounts_only(make: Callable[..., Emulator]) -> None:
    account = Account(account_id="acc-1", workspaces=(Workspace("team-1"),))
    emulator = make(accounts=[account])
    stranger = status(emulator, DEMO_ACCESS_TOKEN)
    assert stranger.status == 401
    assert stranger.json["detail"]["code"] == "token_invalidated"
    token = make_access_token(account_id="acc-1")
    assert status(emulator, token).status == 200
    assert status(emulator, token, **{"chatgpt-account-id": "team-1"}).status == 200
    other = status(emulator, token, **{"chatgpt-account-id": "team-2"})
    assert other.status == 403


def test_accounts_can_be_read_from_json() -> None:
    body = b'[{"account_id":"a","plan":"pro","workspaces":[{"id":"w"}],"refresh_tokens":["rt_1"]}]'
    (account,) = read_accounts(body)
    assert account == Account(
        account_id="a", plan="pro", workspaces=(Workspace("w"),), refresh_tokens=("rt_1",)
    )
    with pytest.raises(ValueError, match="Expected"):
        read_accounts(b"{}")


# ------------------------------------------------------------------------------ refresh tokens


def token_call(emulator: Emulator, body: dict[str, str], *, form: bool = False) -> Response:
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    raw = urlencode(body) if form else json.dumps(body)
    request = Request("POST", "/oauth/token", {"content-type": kind}, raw.encode())
    return asyncio.run(drive(emulator, request))


def codex(token: str, **more: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "client_id": CODEX, "refresh_token": token, **more}


def ios(token: str, **more: str) -> dict[str, str]:
    base = {"grant_type": "refresh_token", "client_id": IOS, "refresh_token": token}
    return {**base, "redirect_uri": IOS_REDIRECT, **more}


def test_rotated_tokens_are_not_kept_for_ever() -> None:
    registry = Registry(None, FakeClock(), FakeIds())
    token = DEMO_REFRESH_TOKEN
    for _ in range(10_001):
        token = str(registry.refresh(CODEX, token)["refresh_token"])
    with pytest.raises(Refused) as forgotten:
        registry.refresh(CODEX, DEMO_REFRESH_TOKEN)
    assert b"invalid_grant" in forgotten.value.answer.body


@pytest.mark.parametrize("form", [True, False])
def test_the_codex_client_gets_a_new_refresh_token_every_time(
    emulator: Emulator, form: bool, clock: FakeClock
) -> None:
    scope = {"scope": "openid profile email"}
    first = token_call(emulator, codex(DEMO_REFRESH_TOKEN, **scope), form=form).json
    assert first["token_type"] == "Bearer"
    assert first["expires_in"] == 864000
    assert claims(first["access_token"])["exp"] == int(clock.now()) + 864000
    assert first["id_token"].count(".") == 2
    assert first["refresh_token"].startswith("rt_")
    assert status(emulator, first["access_token"]).status == 200

    second = token_call(emulator, codex(first["refresh_token"]), form=form).json
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]

    again = token_call(emulator, codex(DEMO_REFRESH_TOKEN), form=form)
    assert again.status == 401
    assert again.json["error"]["code"] == "refresh_token_reused"


def test_the_ios_client_keeps_its_refresh_token(emulator: Emulator) -> None:
    for _ in range(2):
        answer = token_call(emulator, ios(DEMO_IOS_REFRESH_TOKEN))
        assert answer.status == 200
        assert "refresh_token" not in answer.json
        assert status(emulator, answer.json["access_token"]).status == 200


@pytest.mark.parametrize(
    ("body", "form", "error"),
    [
        (codex("rt_unknown"), True, "invalid_grant"),
        (codex(""), False, "invalid_grant"),
        (codex(DEMO_IOS_REFRESH_TOKEN), True, "invalid_grant"),
        (ios(DEMO_REFRESH_TOKEN), False, "invalid_grant"),
        (codex(DEMO_REFRESH_TOKEN, grant_type="password"), True, "unsupported_grant_type"),
        (codex(DEMO_REFRESH_TOKEN, client_id="app_other"), True, "invalid_client"),
        (ios(DEMO_IOS_REFRESH_TOKEN), True, "invalid_request"),
        (ios(DEMO_IOS_REFRESH_TOKEN, redirect_uri="https://x"), False, "invalid_request"),
    ],
)
def test_a_bad_refresh_call_is_refused(
    emulator: Emulator, body: dict[str, str], form: bool, error: str
) -> None:
    answer = token_call(emulator, body, form=form)
    assert answer.status == 400
    assert answer.json["error"] == error
    assert answer.json["error_description"]


def test_a_refresh_call_that_is_not_json_is_refused(emulator: Emulator) -> None:
    headers = {"content-type": "application/json"}
    request = Request("POST", "/oauth/token", headers, b"nonsense")
    assert asyncio.run(drive(emulator, request)).status == 422


# ------------------------------------------------------------------------------------- sessions


def session(emulator: Emulator, cookie: str) -> Response:
    request = Request("GET", "/api/auth/session", {"cookie": cookie})
    return asyncio.run(drive(emulator, request))


def test_a_session_cookie_gives_an_access_token_and_rotates(emulator: Emulator) -> None:
    first = session(emulator, f"oai-did=x; {COOKIE}={DEMO_SESSION_TOKEN}")
    assert first.status == 200
    body = first.json
    assert status(emulator, body["accessToken"]).status == 200
    assert body["account"]["planType"] == "plus"
    assert body["user"]["email"]
    assert body["expires"].endswith("Z")
    cookie = first.header("set-cookie")
    assert cookie.startswith(f"{COOKIE}={body['sessionToken']};")
    assert "HttpOnly" in cookie

    assert session(emulator, f"{COOKIE}={DEMO_SESSION_TOKEN}").json == {}
    assert "accessToken" in session(emulator, f"{COOKIE}={body['sessionToken']}").json


def test_a_long_session_cookie_may_come_in_chunks(emulator: Emulator) -> None:
    head, tail = DEMO_SESSION_TOKEN[:5], DEMO_SESSION_TOKEN[5:]
    answer = session(emulator, f"{COOKIE}.1={tail}; {COOKIE}.0={head}")
    assert "accessToken" in answer.json


@pytest.mark.parametrize("cookie", ["", "other=1", f"{COOKIE}=wrong", "\x01=bad; ="])
def test_somebody_who_is_logged_out_gets_an_empty_object(emulator: Emulator, cookie: str) -> None:
    answer = session(emulator, cookie)
    assert answer.status == 200
    assert answer.json == {}


# -------------------------------------------------------------------------------- what is there


def test_models_have_the_fields_that_clients_read(browser: Browser) -> None:
    body = browser.get("/models?history_and_training_disabled=false").json
    slugs = [model["slug"] for model in body["models"]]
    assert "auto" in slugs
    assert "gpt-5-6-thinking" in slugs
    assert len(slugs) == len(set(slugs))
    assert body["default_model_slug"] == "auto"
    for model in body["models"]:
        assert model["title"]
        assert model["max_tokens"] > 0
        assert model["product_features"]["attachments"]["image_mime_types"]
    (category,) = body["categories"]
    assert category["subscription_level"] == "plus"


def test_fewer_models_are_there_without_money_or_login(
    make: Callable[..., Emulator],
) -> None:
    def slugs(account: Account | None) -> set[str]:
        emulator = make(accounts=[account] if account else None)
        browser = Browser(emulator, token="t" if account else "")
        return {model["slug"] for model in browser.get("/models?iim=false").json["models"]}

    paid = slugs(Account(access_tokens=("t",)))
    free = slugs(Account(plan="free", access_tokens=("t",)))
    assert slugs(None) < free < paid
    own = Account(access_tokens=("t",), models=("gpt-5-6", "my-model"))
    assert slugs(own) == {"gpt-5-6", "my-model"}


def test_the_account_check_lists_personal_account_and_workspaces(
    make: Callable[..., Emulator],
) -> None:
    account = Account(account_id="acc", access_tokens=("t",), workspaces=(Workspace("team-1"),))
    browser = Browser(make(accounts=[account]), token="t")
    body = browser.get("/accounts/check/v4-2023-04-27?timezone_offset_min=420").json
    assert body["account_ordering"] == ["acc", "team-1"]
    personal, team = body["accounts"]["acc"], body["accounts"]["team-1"]
    assert personal["account"]["structure"] == "personal"
    assert personal["entitlement"]["subscription_plan"] == "chatgptplusplan"
    assert personal["entitlement"]["has_active_subscription"] is True
    assert team["account"]["plan_type"] == "team"
    assert team["account"]["structure"] == "workspace"
    assert body["accounts"]["default"] == personal


def test_who_is_not_logged_in_has_no_account(anonymous: Browser) -> None:
    assert anonymous.get("/me").status == 404
    assert anonymous.get("/accounts/check/v4-2023-04-27").status == 404
    assert anonymous.get("/conversations").status == 404
