"""The carrier over REST: what is sent, and each way in which an answer can be wrong."""

from collections.abc import Mapping

import httpx
import msgspec
import pytest

from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.stores.base import NotACounter, StoreDown
from chat2api_core.stores.upstash import upstash_store
from tests.stores.real_parts import poster

pytestmark = pytest.mark.anyio

URL = "https://db.upstash.test"


class Answers:
    """A ``post`` that gives the prepared answers and notes what it was asked."""

    def __init__(self, *answers: tuple[int, bytes] | Problem) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, str], object]] = []

    async def __call__(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        self.asked.append((url, dict(headers), msgspec.json.decode(body)))
        answer = self.answers.pop(0)
        if isinstance(answer, Problem):
            raise answer
        return answer


async def test_a_command_is_posted_as_an_array_with_the_token() -> None:
    post = Answers((200, b'{"result":"OK"}'))
    store = upstash_store(URL, Secret("tok"), post)
    await store.put("k", b"abc", 2)
    headers = {"authorization": "Bearer tok", "content-type": "application/json"}
    assert post.asked == [(URL, headers, ["SET", "chat2api:k", "=YWJj", "PX", "2000"])]
    await store.aclose()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param((401, b'{"error":"Unauthorized"}'), "token", id="a wrong token"),
        pytest.param((403, b""), "token", id="a token that may not"),
        pytest.param((500, b"oops"), "status 500", id="a fault of theirs"),
        pytest.param((429, b'{"error":"limit"}'), "status 429", id="a quota"),
        pytest.param((400, b'{"error":"ERR syntax"}'), "refused", id="a refused command"),
        pytest.param((400, b"{}"), "refused", id="a refusal without words"),
        pytest.param((200, b'{"error":"ERR odd"}'), "refused", id="an error in a good answer"),
        pytest.param((200, b"<html>"), "not in its form", id="a page instead of JSON"),
        pytest.param((200, b'{"result":{"a":1}}'), "not in its form", id="an object as result"),
        pytest.param(Problem(Kind.TIMEOUT, "slow"), "TIMEOUT", id="no answer in time"),
        pytest.param(Problem(Kind.UNREACHABLE, "no"), "UNREACHABLE", id="no connection"),
    ],
)
async def test_a_wrong_answer_is_a_store_that_is_down(
    answer: tuple[int, bytes] | Problem, words: str
) -> None:
    post = Answers(answer, answer, answer)
    store = upstash_store(URL, Secret("tok"), post)
    with pytest.raises(StoreDown, match=words) as caught:
        await store.get("k")
    assert "tok" not in str(caught.value).split()
    with pytest.raises(StoreDown, match=words):
        await store.increment("k")
    assert post.answers == []  # asked twice for the value, once for the increment


async def test_increment_of_a_value_is_told_apart() -> None:
    error = b'{"error":"ERR value is not an integer or out of range script: 5, on @user_script:2."}'
    store = upstash_store(URL, Secret("tok"), Answers((400, error)))
    with pytest.raises(NotACounter):
        await store.increment("k")


async def test_a_refused_connection_is_a_store_that_is_down() -> None:
    async with httpx.AsyncClient() as client:
        store = upstash_store("http://127.0.0.1:1/", Secret("tok"), poster(client))
        with pytest.raises(StoreDown, match="cannot be reached"):
            await store.get("k")
