"""A store that does not answer: chats go on, and nothing is said that nobody knows."""

from collections.abc import Callable

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import DEMO_REFRESH_TOKEN
from chat2api_core.emulator.tokens import DEMO_IOS_REFRESH_TOKEN
from chat2api_core.secret import Secret
from chat2api_core.stores.choose import RedisChoice
from tests.e2e.conftest import ASK, Api

Start = Callable[..., Api]

ADMIN = "adm-0123456789"
NOWHERE = RedisChoice(Secret("redis://127.0.0.1:9"))


@pytest.fixture
def api(start: Start) -> Api:
    return start(store=NOWHERE)


def made(api: Api) -> str:
    response = api.post({"model": "auto", "input": "Hello?"}, "/v1/responses")
    assert response.status_code == 200, response.text
    name: str = response.json()["id"]
    return name


def refused(api: Api, method: str, path: str) -> str:
    response = api.client.request(method, path)
    assert response.status_code == 503, response.text
    assert response.headers["retry-after"] == "5"
    error = response.json()["error"]
    assert error["code"] == "store_unavailable"
    message: str = error["message"]
    return message


def test_chats_and_responses_go_on(api: Api) -> None:
    api.ask()
    first = made(api)
    body = {"model": "auto", "input": "And?", "previous_response_id": first}
    assert api.post(body, "/v1/responses").status_code == 200


def test_a_response_that_this_process_has_not_seen_is_not_said_to_be_none(api: Api) -> None:
    assert api.client.get(f"/v1/responses/{made(api)}").status_code == 200
    assert "does not answer" in refused(api, "GET", "/v1/responses/resp_of_another_instance")
    assert "does not answer" in refused(
        api, "GET", "/v1/responses/resp_of_another_instance/input_items"
    )


def test_nothing_is_said_to_be_deleted_that_the_others_still_have(api: Api) -> None:
    assert "still there" in refused(api, "DELETE", f"/v1/responses/{made(api)}")


def test_files_are_not_said_to_be_none_nor_to_be_deleted(api: Api) -> None:
    file = ("a.txt", b"Hello.", "text/plain")
    uploaded = api.client.post("/v1/files", data={"purpose": "user_data"}, files={"file": file})
    assert uploaded.status_code == 200, uploaded.text
    file_id = uploaded.json()["id"]
    assert api.client.get(f"/v1/files/{file_id}").status_code == 200, "its id tells what it is"
    assert "could not be read" in refused(api, "GET", "/v1/files")
    assert "could not note it" in refused(api, "DELETE", f"/v1/files/{file_id}")


def test_tokens_that_only_this_process_has_are_told_of(start: Start) -> None:
    lasting = Account(refresh_token=Secret(DEMO_IOS_REFRESH_TOKEN))
    api = start(
        store=NOWHERE,
        secret_key=Secret("a-key-that-seals-what-is-kept"),
        admin_key=Secret(ADMIN),
        accounts=(lasting,),
    )
    api.ask()
    assert api.client.get("/health").json()["store"]["tokens_owed"] == 1
    shown = api.client.get("/admin/api/config", headers={"authorization": f"Bearer {ADMIN}"})
    assert shown.json()["outage"]["tokens"] == 1


def test_a_token_that_rotates_is_not_spent_for_nothing(start: Start) -> None:
    rotating = Account(refresh_token=Secret(DEMO_REFRESH_TOKEN))
    key = Secret("a-key-that-seals-what-is-kept")
    api = start(store=NOWHERE, secret_key=key, accounts=(rotating,))
    refused = api.post(ASK)
    assert refused.status_code == 503, refused.text
    assert refused.json()["error"]["code"] == "refresh_unavailable"
    assert "store" in refused.json()["error"]["message"]
