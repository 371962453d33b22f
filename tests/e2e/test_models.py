"""A model that is asked for by name: who has it answers, the answer says whose it is, and a name
that nobody has is not found."""

from typing import Any

import openai
import pytest
from openai import OpenAI

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import At, Named, make_access_token
from chat2api_core.secret import Secret
from tests.e2e.conftest import ASK, KEY, Api, Start, Upstream


def account(name: str, plan: str) -> Account:
    token = make_access_token(account_id=name, user_id=f"user-{name}", plan=plan)
    return Account(access_token=Secret(token), account_id=name)


@pytest.fixture
def api(start: Start) -> Api:
    return start(accounts=(account("one", "free"), account("two", "plus")))


def turns(emulator: Upstream) -> list[str]:
    """Whose turns there were."""
    return [call.owner for call in emulator.app.log.records if call.place == "conversation"]


def test_before_the_lists_are_known_an_unknown_name_is_answered_and_the_answer_says_by_whom(
    api: Api,
) -> None:
    response = api.post(ASK | {"model": "gpt-9"})
    assert response.json()["model"] == "gpt-5-5"
    assert response.headers["x-chat2api-warning"] == "gpt-5-5 answers where gpt-9 was asked for"


def test_in_a_stream_too(api: Api) -> None:
    streamed = api.stream(model="gpt-9")
    assert {chunk["model"] for chunk in streamed.events} == {"gpt-5-5"}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_what_no_list_has_is_not_found(api: Api, emulator: Upstream, path: str) -> None:
    api.client.get("/v1/models")
    fields: Any = ASK if path.endswith("completions") else {"input": "Hello"}
    response = api.post(fields | {"model": "gpt-9"}, path)

    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (
        404,
        "model_not_found",
        "model",
    )
    assert "gpt-9" in error["message"]
    assert turns(emulator) == []


def test_the_official_client_sees_its_own_kind_of_error(api: Api) -> None:
    with OpenAI(base_url=f"{api.url}/v1", api_key=KEY, max_retries=0) as client:
        listed = {model.id for model in client.models.list()}
        assert "gpt-9" not in listed
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(
                model="gpt-9", messages=[{"role": "user", "content": "Hello"}]
            )
    assert caught.value.code == "model_not_found"


def test_every_model_that_is_listed_answers_under_its_name(api: Api) -> None:
    for model in api.client.get("/v1/models").json()["data"]:
        response = api.post(ASK | {"model": model["id"]})
        assert response.status_code == 200, response.text
        assert response.json()["model"] == ("gpt-5-5" if model["id"] == "auto" else model["id"])
        assert "x-chat2api-warning" not in response.headers


def test_an_account_whose_plan_has_the_model_answers(api: Api, emulator: Upstream) -> None:
    api.client.get("/v1/models")
    for _ in range(3):
        assert api.ask(model="gpt-4o")["model"] == "gpt-4o"
    assert len(set(turns(emulator))) == 1


def test_a_refusal_of_the_model_moves_on_to_an_account_of_another_plan(
    api: Api, emulator: Upstream
) -> None:
    emulator.push(At("conversation", Named("404 model")))
    assert api.ask(model="gpt-4o")["choices"][0]["message"]["content"]
    assert len(set(turns(emulator))) == 2
