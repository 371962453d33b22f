"""Who may call, by which routes, and what is said to those who may not."""

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import (
    DEMO_ACCESS_TOKEN,
    DEMO_REFRESH_TOKEN,
    DEMO_SESSION_TOKEN,
    At,
    Named,
    Reply,
    Say,
)
from chat2api_core.secret import Secret
from tests.e2e.conftest import ASK, KEY, Api, Start, Upstream

HELLO = Reply((Say(("Hello", "!")),))


class TestKeys:
    @pytest.mark.parametrize(
        "headers",
        [
            {"authorization": f"Bearer {KEY}"},
            {"authorization": f"bearer {KEY}"},
            {"x-api-key": KEY},
        ],
        ids=["bearer", "lower case", "x-api-key"],
    )
    def test_a_local_key_uses_the_pool(self, start: Start, headers: dict[str, str]) -> None:
        api = start()
        del api.client.headers["authorization"]

        assert api.post(ASK, **headers).status_code == 200

    @pytest.mark.parametrize("key", ["sk-wrong", "", DEMO_ACCESS_TOKEN])
    def test_anything_else_is_refused_without_an_echo(self, api: Api, key: str) -> None:
        response = api.post(ASK, authorization=f"Bearer {key}".strip())

        assert response.status_code == 401
        assert response.json()["error"]["code"] == "invalid_api_key"
        assert not key or key not in response.text

    def test_a_private_prefix_passes_a_token_through(
        self, start: Start, emulator: Upstream
    ) -> None:
        api = start(access_token_prefixes=(Secret("mine-"),), accounts=())

        response = api.post(ASK, authorization=f"Bearer mine-{DEMO_ACCESS_TOKEN}")
        assert response.status_code == 200

    def test_a_bare_token_is_taken_where_that_is_allowed(self, start: Start) -> None:
        api = start(allow_upstream_tokens=True, accounts=())

        assert api.post(ASK, authorization=f"Bearer {DEMO_ACCESS_TOKEN}").status_code == 200

    def test_a_workspace_is_selected_behind_a_comma_or_by_header(
        self, start: Start, emulator: Upstream
    ) -> None:
        api = start(allow_upstream_tokens=True)
        workspace = "11111111-aaaa-4bbb-8ccc-222222222222"
        api.post(ASK, authorization=f"Bearer {DEMO_ACCESS_TOKEN},{workspace}")
        api.post(
            ASK,
            **{"authorization": f"Bearer {DEMO_ACCESS_TOKEN}", "chatgpt-account-id": workspace},
        )

        asked = emulator.app.log.at("prepare")
        assert len(asked) == 2
        assert all("chatgpt-account-id" in record.headers for record in asked)


class TestLogins:
    @pytest.mark.parametrize(
        "account",
        [
            Account(refresh_token=Secret(DEMO_REFRESH_TOKEN)),
            Account(session_token=Secret(DEMO_SESSION_TOKEN)),
        ],
        ids=["refresh token", "session token"],
    )
    def test_a_lasting_credential_fetches_its_access_token_once(
        self, start: Start, emulator: Upstream, account: Account
    ) -> None:
        api = start(accounts=(account,))
        emulator.push(HELLO, HELLO)

        assert api.stream().text == "Hello!"
        assert api.stream().text == "Hello!"
        counts = emulator.app.log.counts
        assert counts["refresh"] + counts["session"] == 1

    def test_a_refused_token_is_renewed_and_the_turn_goes_on_unseen(
        self, start: Start, emulator: Upstream
    ) -> None:
        account = Account(
            access_token=Secret(DEMO_ACCESS_TOKEN), refresh_token=Secret(DEMO_REFRESH_TOKEN)
        )
        emulator.push(At("prepare", Named("401 expired")), HELLO)

        assert start(accounts=(account,)).stream().text == "Hello!"
        assert emulator.app.log.counts["refresh"] == 1

    def test_a_dead_refresh_token_is_said_to_be_dead(
        self, start: Start, emulator: Upstream
    ) -> None:
        emulator.push(At("refresh", Named("invalid_grant")))
        response = start(accounts=(Account(refresh_token=Secret("rt_dead")),)).post(ASK)

        assert response.status_code == 401
        assert response.json()["error"]["code"] == "refresh_unauthorized"

    def test_chat_without_login_is_off_unless_switched_on(
        self, start: Start, emulator: Upstream
    ) -> None:
        closed, opened = start(), start(anonymous=True, accounts=())
        emulator.push(HELLO)
        for api in (closed, opened):
            del api.client.headers["authorization"]

        assert closed.post(ASK).status_code == 401
        assert opened.stream().text == "Hello!"
        assert emulator.app.log.at("conversation")[-1].path.startswith("/backend-anon/")


class TestRoutes:
    def test_a_get_on_a_post_route_gets_a_hint(self, api: Api) -> None:
        response = api.client.get("/v1/chat/completions")

        assert response.status_code == 405
        assert response.headers["allow"] == "POST"
        assert "POST" in response.json()["error"]["message"]

    def test_the_version_may_be_left_out(self, api: Api) -> None:
        assert api.post(ASK, path="/chat/completions").status_code == 200
        assert api.client.get("/models").json() == api.client.get("/v1/models").json()

    def test_a_prefix_stands_before_every_route(self, start: Start) -> None:
        api = start(api_prefix="/secret")

        assert api.post(ASK, path="/secret/v1/chat/completions").status_code == 200
        assert api.post(ASK).status_code == 404

    def test_health_needs_no_key(self, api: Api) -> None:
        del api.client.headers["authorization"]
        response = api.client.get("/health")

        assert response.status_code == 200
        assert response.json()["status"] == "ok"

    def test_an_unknown_path_is_not_found_in_the_same_shape(self, api: Api) -> None:
        response = api.client.get("/v1/nothing")

        assert response.status_code == 404
        assert response.json()["error"]["code"] == "not_found"

    def test_a_request_keeps_its_id(self, api: Api) -> None:
        assert api.post(ASK, **{"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
