"""What was sent, as it is listed afterwards."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseItem
from pydantic import TypeAdapter

from chat2api_core.dialects.responses.input_items import listed, page_of
from chat2api_core.problem import Problem

_item: TypeAdapter[Any] = TypeAdapter(ResponseItem)
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}


def items(sent: object) -> list[dict[str, Any]]:
    """The items of a request with this input."""
    return [msgspec.json.decode(raw) for raw in listed(msgspec.json.encode({"input": sent}), "n")]


def page(count: int, **query: str) -> dict[str, Any]:
    """A page of so many items."""
    sent = listed(msgspec.json.encode({"input": [{"content": str(n)} for n in range(count)]}), "n")
    found: dict[str, Any] = msgspec.json.decode(page_of(sent, query))
    return found


@pytest.mark.parametrize(
    "sent",
    [
        "Hello?",
        [{"role": "user", "content": "Hello?"}],
        [{"role": "assistant", "content": "Hello."}],
        [{"type": "message", "role": "developer", "content": "Be brief.", "id": None}],
        [CALL, {"type": "function_call_output", "call_id": "c", "output": "1"}],
        [CALL | {"id": None, "status": None}],
        [{"type": "reasoning", "id": None, "summary": []}],
    ],
)
def test_every_item_is_one_of_the_official_client(sent: object) -> None:
    for item in items(sent):
        _item.validate_python(item, strict=True)


@pytest.mark.parametrize("name", [None, "", 5, ["a"], {}])
def test_what_is_no_id_is_replaced(name: object) -> None:
    assert [item["id"] for item in items([{"id": name, "content": "x"}])] == ["item_n00"]


def test_an_id_that_came_twice_names_the_first_only() -> None:
    twice = [{"id": "a", "content": "x"}, {"id": "a", "content": "y"}]
    assert [item["id"] for item in items(twice)] == ["a", "item_n01"]


def test_what_a_client_said_of_an_item_stays() -> None:
    said = {"id": "a", "type": "message", "role": "user", "status": "incomplete", "content": []}
    assert items([said]) == [said]


@given(st.integers(0, 45), st.integers(1, 20), st.sampled_from(["asc", "desc"]))
def test_the_pages_have_every_item_once(count: int, size: int, order: str) -> None:
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        found = page(count, limit=str(size), order=order, **after)
        seen += [item["content"][0]["text"] for item in found["data"]]
        if not found["has_more"]:
            break
        after = {"after": found["last_id"]}
    assert seen == [str(n) for n in range(count)][:: 1 if order == "asc" else -1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"), ("limit", "101"), ("limit", "x"), ("limit", "\u0665"), ("limit", ""),
        ("order", "up"), ("after", "nobody"),
    ],
)  # fmt: skip
def test_what_no_page_can_be_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(Problem) as raised:
        page(3, **{name: value})
    assert (raised.value.status, raised.value.param) == (400, name)
