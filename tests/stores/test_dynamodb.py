"""The store in DynamoDB: what is sent, and the answers that moto does not give."""

import base64
from collections.abc import Mapping
from functools import partial

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.stores.backoff import FIRST, LONGEST, TRIES, pauses
from chat2api_core.stores.base import NotACounter, StoreDown, TooLarge
from chat2api_core.stores.dynamodb import DynamoStore
from chat2api_core.stores.sigv4 import AwsKeys
from tests.fakes import FakeIds
from tests.stores.real_parts import START, SteppedClock

pytestmark = pytest.mark.anyio

Answer = tuple[int, object] | Problem

NAMESPACE = "com.amazonaws.dynamodb.v20120810"
FAILED: Answer = (400, {"__type": f"{NAMESPACE}#ConditionalCheckFailedException"})
DONE: Answer = (200, {})


class Answers:
    """A ``post`` that gives the prepared answers and notes what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.headers: list[dict[str, str]] = []
        self.bodies: list[dict[str, object]] = []
        self.pauses: list[float] = []

    async def __call__(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        assert url == "https://dynamodb.test/"
        self.headers.append(dict(headers))
        self.bodies.append(msgspec.json.decode(body))
        answer = self.answers.pop(0)
        if isinstance(answer, Problem):
            raise answer
        status, document = answer
        return status, document if isinstance(document, bytes) else msgspec.json.encode(document)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    @property
    def verbs(self) -> list[str]:
        return [headers["x-amz-target"].partition(".")[2] for headers in self.headers]


def made(*answers: Answer, chance: float = 0.5) -> tuple[DynamoStore, Answers]:
    post = Answers(*answers)
    store = DynamoStore(
        "table",
        endpoint="https://dynamodb.test",
        region="eu-west-1",
        keys=AwsKeys("AKID", Secret("secret"), Secret("session")),
        clock=SteppedClock(),
        ids=FakeIds(chance),
        post=post,
        sleep=post.sleep,
    )
    return store, post


def b(value: bytes) -> dict[str, str]:
    return {"B": base64.b64encode(value).decode()}


async def test_a_value_is_sent_signed_with_both_ends() -> None:
    store, post = made(DONE)
    await store.put("k", b"\xff", 1.5)
    (headers,), (body,) = post.headers, post.bodies
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert headers["x-amz-target"] == "DynamoDB_20120810.PutItem"
    assert headers["x-amz-security-token"] == "session"
    assert headers["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKID/20270115/eu-west-1/dynamodb/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature="
    )
    assert body == {
        "TableName": "table",
        "Item": {
            "pk": {"S": "k"},
            "v": b(b"\xff"),
            "until": {"N": "1800000001.500000"},
            "ttl": {"N": "1800000002"},
        },
    }


async def test_what_the_table_has_not_swept_yet_is_not_returned() -> None:
    late = {"pk": {"S": "k"}, "v": b(b"v"), "until": {"N": str(START)}}
    alive = {"pk": {"S": "l"}, "v": b(b"v"), "until": {"N": str(START + 0.001)}}
    store, _ = made(
        (200, {"Item": late}),
        (200, {"Item": alive}),
        (200, {"Responses": {"table": [alive, late]}, "UnprocessedKeys": {}}),
    )
    assert await store.get("k") is None
    assert await store.get("l") == b"v"
    assert await store.get_many(["k", "l"]) == [None, b"v"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(
            (400, {"__type": "UnrecognizedClientException", "message": "token SECRET"}),
            "UnrecognizedClientException",
            id="wrong keys",
        ),
        pytest.param((400, {"__type": "a b <c>"}), "status 400", id="a name that is none"),
        pytest.param((400, {}), "status 400", id="a fault without a name"),
        pytest.param((500, b"oops"), "status 500", id="a fault that is not JSON"),
        pytest.param((200, b"[]"), "not in its form", id="an answer of another form"),
        pytest.param(Problem(Kind.TIMEOUT, "slow"), "TIMEOUT", id="no answer in time"),
    ],
)
async def test_a_wrong_answer_is_a_store_that_is_down(answer: Answer, words: str) -> None:
    store, post = made(answer, answer, answer)
    with pytest.raises(StoreDown, match=words) as caught:
        await store.get("k")
    assert "SECRET" not in str(caught.value)
    with pytest.raises(StoreDown, match=words):
        await store.add("k", b"v")
    assert post.answers == []  # asked twice for the value, once for the conditional write


async def test_keys_left_over_from_a_batch_are_asked_for_again() -> None:
    one = {"pk": {"S": "a"}, "v": b(b"1")}
    two = {"pk": {"S": "b"}, "n": {"N": "2"}}
    left = {"table": {"Keys": [{"pk": {"S": "b"}}], "ConsistentRead": True}}
    store, post = made(
        (200, {"Responses": {"table": [one]}, "UnprocessedKeys": left}),
        (200, {"Responses": {"table": [two]}, "UnprocessedKeys": {}}),
    )
    assert await store.get_many(["a", "b"]) == [b"1", b"2"]
    assert post.bodies[1] == {"RequestItems": left}


async def test_a_batch_that_never_ends_is_ended() -> None:
    left = {"table": {"Keys": [{"pk": {"S": "a"}}]}}
    nothing = (200, {"Responses": {}, "UnprocessedKeys": left})
    store, _ = made(nothing, nothing)
    with pytest.raises(StoreDown, match="hand out"):
        await store.get_many(["a", "b"])


async def test_a_new_counter_is_begun_where_there_is_none() -> None:
    store, post = made(FAILED, DONE)
    assert await store.increment("n", 3, 60) == 3
    assert post.verbs == ["UpdateItem", "PutItem"]
    assert post.bodies[1]["Item"] == {
        "pk": {"S": "n"},
        "n": {"N": "3"},
        "until": {"N": "1800000060.000000"},
        "ttl": {"N": "1800000060"},
    }


async def test_who_loses_the_race_to_begin_a_counter_goes_on_with_it() -> None:
    counter = {"pk": {"S": "n"}, "n": {"N": "1"}}
    store, post = made(
        FAILED,
        FAILED,
        (200, {"Item": counter}),
        (200, {"Attributes": {**counter, "n": {"N": "2"}}}),
    )
    assert await store.increment("n") == 2
    assert post.verbs == ["UpdateItem", "PutItem", "GetItem", "UpdateItem"]


async def test_a_counter_that_is_always_lost_to_others_is_a_store_that_is_down() -> None:
    store, post = made(*[FAILED, FAILED, DONE] * TRIES, chance=0.75)
    with pytest.raises(StoreDown, match="Too many others"):
        await store.increment("n")
    assert post.answers == []
    assert post.pauses == list(pauses(lambda: 0.75))


async def test_a_living_value_is_no_counter() -> None:
    store, _ = made(FAILED, FAILED, (200, {"Item": {"pk": {"S": "n"}, "v": b(b"5")}}))
    with pytest.raises(NotACounter):
        await store.increment("n")


async def test_an_increment_without_a_sum_in_its_answer_is_nonsense() -> None:
    store, _ = made((200, {"Attributes": {"pk": {"S": "n"}}}))
    with pytest.raises(StoreDown, match="not in its form"):
        await store.increment("n")


async def test_a_walk_takes_several_pages() -> None:
    more = {"pk": {"S": "b"}}
    store, post = made(
        (200, {"Items": [{"pk": {"S": "b"}}], "LastEvaluatedKey": more}),
        (200, {"Items": [{"pk": {"S": "a"}}]}),
    )
    assert await store.keys("") == ["a", "b"]
    assert "ExclusiveStartKey" not in post.bodies[0]
    assert post.bodies[1]["ExclusiveStartKey"] == more
    values = post.bodies[1]["ExpressionAttributeValues"]
    assert values == {":now": {"N": "1800000000.000000"}}


async def test_a_walk_stops_when_it_has_enough() -> None:
    items = [{"pk": {"S": name}} for name in "cba"]
    store, post = made((200, {"Items": items, "LastEvaluatedKey": {"pk": {"S": "a"}}}))
    assert await store.keys("", 2) == ["a", "b"]
    assert post.answers == []


async def test_a_walk_without_end_is_ended() -> None:
    page = (200, {"Items": [], "LastEvaluatedKey": {"pk": {"S": "a"}}})
    store, _ = made(*[page] * 100)
    with pytest.raises(TooLarge):
        await store.keys("")
    await store.aclose()


CANCELLED = f"{NAMESPACE}#TransactionCanceledException"


def cancelled(*codes: str) -> Answer:
    return 400, {"__type": CANCELLED, "CancellationReasons": [{"Code": code} for code in codes]}


def kinds(body: dict[str, object]) -> list[str]:
    writes = body["TransactItems"]
    assert isinstance(writes, list)
    return [next(iter(write)) for write in writes]


async def test_many_counters_are_one_request_where_all_of_them_live() -> None:
    store, post = made(DONE)
    await store.increment_many({"a": 1, "b": 2}, 60, once="batch")
    assert post.verbs == ["TransactWriteItems"]
    (body,) = post.bodies
    assert kinds(body) == ["Update", "Update", "Put"]
    writes = body["TransactItems"]
    assert isinstance(writes, list)
    assert writes[0]["Update"]["TableName"] == "table"
    assert writes[0]["Update"]["UpdateExpression"] == "ADD n :by"
    assert writes[2]["Put"]["Item"]["pk"] == {"S": "once:batch:0"}
    assert writes[2]["Put"]["Item"]["ttl"] == {"N": "1800003600"}


async def test_a_counter_that_does_not_live_is_begun_in_the_next_request() -> None:
    store, post = made(cancelled("None", "ConditionalCheckFailed", "None"), DONE)
    await store.increment_many({"a": 1, "b": 2}, 60, once="batch")
    assert kinds(post.bodies[1]) == ["Update", "Put", "Put"]


async def test_a_batch_that_was_counted_is_left_at_that() -> None:
    store, post = made(cancelled("None", "ConditionalCheckFailed", "ConditionalCheckFailed"))
    await store.increment_many({"a": 1, "b": 2}, 60, once="batch")
    assert len(post.bodies) == 1


async def test_a_value_among_many_counters_is_found_out() -> None:
    failed = cancelled("None", "ConditionalCheckFailed")
    store, _ = made(failed, failed, failed)
    with pytest.raises(NotACounter):
        await store.increment_many({"a": 1, "b": 2})


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "None"])
async def test_contended_counters_are_tried_again_after_pauses_and_then_given_up(
    code: str,
) -> None:
    store, post = made(*[cancelled(code, "None")] * TRIES, chance=0.25)
    with pytest.raises(StoreDown, match="Too many others"):
        await store.increment_many({"a": 1, "b": 2})
    assert len(post.bodies) == TRIES
    assert post.pauses == list(pauses(lambda: 0.25))


async def test_a_counter_that_has_to_be_begun_waits_for_nothing() -> None:
    store, post = made(cancelled("ConditionalCheckFailed", "None"), DONE)
    await store.increment_many({"a": 1, "b": 2})
    assert post.pauses == []


async def test_what_cannot_be_added_to_is_no_counter_and_not_tried_again() -> None:
    store, post = made(cancelled("ValidationError", "TransactionConflict"))
    with pytest.raises(NotACounter):
        await store.increment_many({"a": 1, "b": 2})
    assert post.pauses == []


TOO_MUCH = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
]


@pytest.mark.parametrize("name", TOO_MUCH)
async def test_what_was_too_much_at_once_is_sent_again_after_a_pause(name: str) -> None:
    busy: Answer = (400, {"__type": f"{NAMESPACE}#{name}"})
    store, post = made(busy, busy, DONE, chance=0.5)
    assert await store.add("k", b"v")
    assert post.verbs == ["PutItem"] * 3
    assert post.pauses == [FIRST * 0.5, FIRST * 2 * 0.5]


@pytest.mark.parametrize("name", TOO_MUCH)
async def test_what_stays_too_much_is_a_store_that_is_down(name: str) -> None:
    busy: Answer = (400, {"__type": f"{NAMESPACE}#{name}"})
    store, post = made(*[busy] * TRIES)
    with pytest.raises(StoreDown, match=name):
        await store.get("k")
    assert post.answers == []


async def test_a_reply_that_was_lost_is_not_asked_for_again_where_it_may_have_happened() -> None:
    store, post = made(Problem(Kind.TIMEOUT, "slow"))
    with pytest.raises(StoreDown):
        await store.increment_many({"a": 1}, once="batch")
    assert len(post.bodies) == 1, "the same batch is sent again by whoever owes it"


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=TRIES - 1, max_size=TRIES - 1))
def test_pauses_are_within_their_bounds_and_shorter_than_anybodys_patience(
    chances: list[float],
) -> None:
    drawn = iter(chances)
    found = list(pauses(lambda: next(drawn)))
    bounds = [min(FIRST * 2**number, LONGEST) for number in range(TRIES - 1)]
    assert all(0 <= pause <= bound for pause, bound in zip(found, bounds, strict=True))
    assert sum(found) < 3, "a question to a store may take no longer"


def test_who_lost_together_does_not_run_together_again() -> None:
    assert len({next(pauses(partial(float, one))) for one in (0.1, 0.5, 0.9)}) == 3
