"""MODEL_ALIASES over real sockets: whatever a client calls its model, the one that is meant
answers, and limits of keys go by that one."""

import pytest

from chat2api_core.keys import ApiKey
from chat2api_core.secret import Secret
from tests.e2e.conftest import Api, Start, Upstream
from tests.e2e.test_codex import CODEX, sent

ALIASES = (("house-model", "gpt-5.5"), ("gpt-3.5*", "gpt-5.5"))


@pytest.fixture
def api(start: Start, emulator: Upstream) -> Api:
    return start(accounts=(CODEX,), model_aliases=ALIASES)


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/compact"])
@pytest.mark.parametrize("model", ["house-model", "gpt-3.5-turbo"])
def test_the_model_that_is_meant_is_asked(
    api: Api, emulator: Upstream, path: str, model: str
) -> None:
    response = api.post({"model": model, "input": "Hello?"}, path=path)

    assert response.status_code == 200, response.text
    assert sent(emulator)["model"] == "gpt-5.5"


def test_a_chat_says_who_answered(api: Api) -> None:
    assert api.ask(model="house-model")["model"] == "gpt-5.5"


def test_a_key_is_bound_by_the_model_that_is_meant(start: Start, emulator: Upstream) -> None:
    key = ApiKey(Secret("sk-bound"), models=("gpt-5.6*",))
    api = start(accounts=(CODEX,), model_aliases=ALIASES, api_keys=(key,))
    body = {"model": "house-model", "input": "Hello?"}
    response = api.post(body, path="/v1/responses", authorization="Bearer sk-bound")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"
