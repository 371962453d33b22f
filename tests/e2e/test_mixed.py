"""Accounts of both types: who answers, and that a client does not notice when it was not the first
one that was asked."""

import asyncio
from typing import Any

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.caller import PoolCaller
from chat2api_core.ambient import SystemClock, SystemIds
from chat2api_core.config import Settings
from chat2api_core.emulator import At, Named, Reply, Respond, Say, make_access_token
from chat2api_core.secret import Secret
from chat2api_core.turn import Message, Prompt, Text
from chat2api_core.wiring import Gateway
from tests.e2e.conftest import ASK, Api, Start, Upstream

WEB = Account(access_token=Secret(make_access_token(jti="web")))
CODEX = Account(access_token=Secret(make_access_token(jti="codex")), type="codex")
HELLO = Reply((Say(("Hello", ", ", "world", "!")),))
TOOL: Any = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


@pytest.fixture
def api(start: Start) -> Api:
    return start(accounts=(WEB, CODEX))


def turns(emulator: Upstream) -> tuple[int, int]:
    """How many turns came to the Codex backend and to the web backend."""
    counts = emulator.app.log.counts
    return counts["codex"], counts["conversation"]


def by(response: Any) -> str:
    assert response.status_code == 200, response.text
    return str(response.headers["x-chat2api-upstream"])


class TestChoice:
    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({}, "codex"),
            ({"model": "gpt-5-5"}, "codex"),
            ({"model": "gpt-5.5-low"}, "codex"),
            ({"model": "gpt-5.3-codex"}, "codex"),
            ({"model": "gpt-4o"}, "web"),
            ({"model": "gpt-5.6-pro"}, "web"),
            ({"model": "web/gpt-5.5"}, "web"),
            ({"model": "web/auto"}, "web"),
            ({"model": "codex/gpt-5-5"}, "codex"),
            ({"tools": [TOOL]}, "codex"),
            ({"system_hints": ["canvas"]}, "web"),
            ({"model": "g-abc"}, "web"),
        ],
        ids=str,
    )
    def test_who_answers(self, api: Api, fields: dict[str, Any], expected: str) -> None:
        assert by(api.post(ASK | fields)) == expected

    @pytest.mark.parametrize("name", ["web", "codex"])
    def test_the_setting_leaves_one(self, start: Start, name: str) -> None:
        api = start(accounts=(WEB, CODEX), upstream=name)
        assert by(api.post(ASK)) == name

    def test_the_lists_are_asked_for_once_and_only_where_a_model_is_named(
        self, api: Api, emulator: Upstream
    ) -> None:
        counts = emulator.app.log.counts
        api.ask()
        assert (counts["models"], counts["codex_models"]) == (0, 0)
        for model in ("gpt-5.5", "gpt-4o", "gpt-5-5-thinking", "gpt-5.5"):
            api.ask(model=model)
        assert (counts["models"], counts["codex_models"]) == (1, 1)

    def test_without_lists_the_next_upstream_is_asked_for_a_model_that_one_has_not(
        self, api: Api, emulator: Upstream
    ) -> None:
        emulator.push(At("models", Named("500"), times=9))
        assert by(api.post(ASK | {"model": "gpt-4o"})) == "web"


class TestFailingOver:
    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize(
        "fault",
        [
            Named("codex 429 soon"),
            Named("codex 429 plan"),
            Named("codex 401 expired"),
            Named("codex 503 overloaded"),
            Named("codex 400 context"),
            Named("403 page"),
            Named("502 page"),
            Respond(400, '{"detail": "Unsupported parameter: x"}'),
        ],
        ids=str,
    )
    def test_from_codex_to_the_web(
        self, api: Api, emulator: Upstream, fault: Any, stream: bool
    ) -> None:
        emulator.push(At("codex", fault))
        emulator.push(HELLO)
        response = api.post(ASK | {"stream": stream})

        assert by(response) == "web"
        assert "error" not in response.text
        assert "Hello" in response.text
        assert turns(emulator) == (1, 1)

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize(
        "fault",
        [Named("429 cap"), Named("401 expired"), Named("403 page"), Named("502"), Named("413")],
        ids=str,
    )
    def test_from_the_web_to_codex(
        self, api: Api, emulator: Upstream, fault: Any, stream: bool
    ) -> None:
        emulator.push(At("conversation", fault))
        emulator.push(HELLO)
        # The switch for searching is the web's own trade, and Codex can do it as well.
        response = api.post(ASK | {"stream": stream, "system_hints": ["search"]})

        assert by(response) == "codex"
        assert "error" not in response.text
        assert "Hello" in response.text
        assert turns(emulator) == (1, 1)

    def test_an_account_that_rests_is_not_asked_again(self, api: Api, emulator: Upstream) -> None:
        emulator.push(At("codex", Named("codex 429 soon")))
        assert [by(api.post(ASK)) for _ in range(3)] == ["web", "web", "web"]
        assert turns(emulator) == (1, 3)

    def test_what_the_caller_got_wrong_is_told_at_once(self, api: Api, emulator: Upstream) -> None:
        wrong = '{"error": {"type": "invalid_request_error", "message": "Bad schema."}}'
        emulator.push(At("codex", Respond(400, wrong)))
        response = api.post(ASK)

        assert response.status_code == 400
        assert turns(emulator) == (1, 0)

    def test_a_limit_is_told_and_not_that_the_other_one_has_no_such_model(
        self, start: Start, emulator: Upstream
    ) -> None:
        api = start(accounts=(WEB, CODEX))
        emulator.push(At("models", Named("500"), times=9))  # what the web has is not known
        emulator.push(At("codex", Named("codex 429 soon")))
        emulator.push(At("conversation", Named("404 model")))
        response = api.post(ASK | {"model": "gpt-5.3-codex"})

        assert response.status_code == 429
        assert response.headers["retry-after"] == "900"

    def test_the_tries_of_both_are_counted_together(self, start: Start, emulator: Upstream) -> None:
        api = start(accounts=(WEB, CODEX), retry_times=2)
        emulator.push(At("codex", Named("502"), times=9))
        emulator.push(At("conversation", Named("502"), times=9))
        response = api.post(ASK)

        assert response.status_code == 502
        assert sum(turns(emulator)) == 3
        assert min(turns(emulator)) == 1

    def test_what_only_one_can_do_is_not_asked_of_the_other(
        self, api: Api, emulator: Upstream
    ) -> None:
        emulator.push(At("conversation", Named("429 cap")))
        response = api.post(ASK | {"system_hints": ["canvas"]})

        assert response.status_code == 429
        assert turns(emulator) == (0, 1)


class TestModels:
    def test_the_list_is_the_union_and_says_who_has_what(self, api: Api) -> None:
        listed = api.client.get("/v1/models").json()["data"]
        upstreams = {model["id"]: model["upstream"] for model in listed}

        assert upstreams["auto"] == ["codex", "web"]
        assert upstreams["gpt-5.5"] == ["codex", "web"]
        assert upstreams["gpt-5.3-codex"] == ["codex"]
        assert upstreams["gpt-4o"] == ["web"]
        assert "gpt-5-5" not in upstreams, "it is there by its other name"
        assert all(model["owned_by"] for model in listed)

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("gpt-5.5", ("gpt-5.5", ["codex", "web"])),
            ("gpt-5-5", ("gpt-5.5", ["codex", "web"])),
            ("web/gpt-5.5", ("web/gpt-5.5", ["web"])),
            ("codex/gpt-5-5", ("codex/gpt-5-5", ["codex"])),
        ],
    )
    def test_one_is_found_by_each_of_its_names(self, api: Api, name: str, expected: Any) -> None:
        shown = api.client.get(f"/v1/models/{name}").json()
        assert (shown["id"], shown["upstream"]) == expected

    @pytest.mark.parametrize("name", ["codex/gpt-4o", "web/gpt-5.3-codex", "gpt-9"])
    def test_one_that_the_named_upstream_has_not_is_not_found(self, api: Api, name: str) -> None:
        assert api.client.get(f"/v1/models/{name}").status_code == 404

    @pytest.mark.parametrize(
        ("place", "left"), [("models", "gpt-5.3-codex"), ("codex_models", "gpt-4o")]
    )
    def test_who_does_not_tell_hides_nothing(
        self, api: Api, emulator: Upstream, place: Any, left: str
    ) -> None:
        emulator.push(At(place, Named("500"), times=9))
        listed = api.client.get("/v1/models").json()["data"]
        assert left in [model["id"] for model in listed]

    def test_the_setting_leaves_the_list_of_one(self, start: Start) -> None:
        api = start(accounts=(WEB, CODEX), upstream="codex")
        listed = api.client.get("/v1/models").json()["data"]
        assert {tuple(model["upstream"]) for model in listed} == {("codex",)}


def test_what_is_used_of_a_plan_is_known_afterwards(emulator: Upstream) -> None:
    async def script() -> Any:
        settings = Settings(accounts=(CODEX,), base_urls=(emulator.url,), usage_counter="estimate")
        gateway = Gateway(settings, clock=SystemClock(), ids=SystemIds())
        try:
            prompt = Prompt("auto", (Message("user", (Text("Hi"),)),))
            reply = await gateway.engine.answer(prompt, PoolCaller("key"))
            async for _ in reply:
                pass
            await reply.aclose()
            return gateway.office.ledger.standing(CODEX.key).caps
        finally:
            await gateway.aclose()

    caps = asyncio.run(script())
    assert caps["codex.primary"].used == 1
    assert caps["codex.primary"].minutes == 300
    assert caps["codex.secondary"].minutes == 10_080
