"""Responses that can be gone on with."""

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.ambient import SystemIds
from chat2api_core.kept.history import Handle, History, Kept
from chat2api_core.problem import Kind, Problem
from chat2api_core.seal import Sealer
from chat2api_core.secret import Secret
from chat2api_core.stores.base import Store, StoreDown
from chat2api_core.stores.memory import MemoryStore
from chat2api_core.turn import Message, Text, ToolCall, ToolResult
from tests.fakes import FakeClock

NAME = "0123456789abcdef01234567"
KEPT = Kept(
    (
        Message("user", (Text("Hello?"),)),
        Message("assistant", (ToolCall("call_1", "f", "{}"),)),
        Message("tool", (ToolResult("call_1", (Text("ok"),)),)),
    ),
    msgspec.Raw(b'{"id":"resp_1","output":[{"id":"fc_0123456789abcdef0123456700"}]}'),
    (msgspec.Raw(b'{"type":"message"}'),),
)


def history(store: Store | None = None, key: str = "0123456789abcdef", ttl: float = 60) -> History:
    return History(store or MemoryStore(FakeClock()), Sealer(Secret(key), SystemIds()), ttl=ttl)


def kind_of(one: History, response_id: str, owner: str = "me") -> Kind:
    with pytest.raises(Problem) as raised:
        one.handle(response_id, owner)
    return raised.value.kind


class TestHandles:
    def test_an_id_tells_another_instance_where_to_go_on(self) -> None:
        handle = Handle("acc", "conv-1")
        name = history().name(handle, "me")

        assert name.startswith("resp_")
        assert history().handle(name, "me") == handle

    def test_two_ids_of_one_conversation_differ(self) -> None:
        one = history()

        assert one.name(Handle("a", "c"), "me") != one.name(Handle("a", "c"), "me")

    def test_it_gives_nothing_away(self) -> None:
        assert "conv-1" not in history().name(Handle("acc", "conv-1"), "me")

    def test_somebody_else_gets_nowhere_with_it(self) -> None:
        assert kind_of(history(), history().name(Handle("a", "c"), "me"), "you") is (
            Kind.RESPONSE_NOT_FOUND
        )

    def test_nor_does_another_key(self) -> None:
        other = history(key="another-key-of-16")

        assert kind_of(other, history().name(Handle("a", "c"), "me")) is Kind.RESPONSE_NOT_FOUND

    @given(st.one_of(st.text(), st.text(alphabet="AZaz09-_").map(lambda text: f"resp_{text}")))
    def test_anything_else_is_an_unknown_response(self, text: str) -> None:
        assert kind_of(history(), text) is Kind.RESPONSE_NOT_FOUND


class TestKeeping:
    def test_what_was_kept_is_found_again(self) -> None:
        one = history()
        asyncio.run(one.keep("resp_1", NAME, "me", KEPT))

        assert asyncio.run(one.find("resp_1", "me")) == KEPT

    def test_its_items_are_found_by_their_ids(self) -> None:
        one = history()
        asyncio.run(one.keep("resp_1", NAME, "me", KEPT))
        item_id = f"fc_{NAME}00"

        found = asyncio.run(one.item(item_id, "me"))
        assert found is not None
        assert msgspec.json.decode(found) == {"id": item_id}
        assert asyncio.run(one.item(f"fc_{NAME}01", "me")) is None
        assert asyncio.run(one.item("fc_other", "me")) is None
        assert asyncio.run(one.item(item_id, "you")) is None

    def test_a_response_that_is_named_like_its_items_is_kept_with_one_write(self) -> None:
        store = MemoryStore(FakeClock())
        one = history(store)
        asyncio.run(one.keep(f"resp_{NAME}", NAME, "me", KEPT))

        assert len(asyncio.run(store.keys(""))) == 1
        assert asyncio.run(one.item(f"fc_{NAME}00", "me")) is not None
        assert asyncio.run(one.item(f"fc_{NAME}00", "you")) is None

    def test_but_not_by_somebody_else(self) -> None:
        one = history()
        asyncio.run(one.keep("resp_1", NAME, "me", KEPT))

        assert asyncio.run(one.find("resp_1", "you")) is None
        assert not asyncio.run(one.forget("resp_1", "you"))

    def test_nor_after_its_time(self) -> None:
        clock = FakeClock()
        one = history(MemoryStore(clock), ttl=60)
        asyncio.run(one.keep("resp_1", NAME, "me", KEPT))
        clock.advance(61)

        assert asyncio.run(one.find("resp_1", "me")) is None

    def test_nor_after_it_was_deleted(self) -> None:
        one = history()
        asyncio.run(one.keep("resp_1", NAME, "me", KEPT))

        assert asyncio.run(one.forget("resp_1", "me"))
        assert asyncio.run(one.find("resp_1", "me")) is None
        assert not asyncio.run(one.forget("resp_1", "me"))

    def test_nothing_is_kept_in_the_clear(self) -> None:
        store = MemoryStore(FakeClock())
        asyncio.run(history(store).keep("resp_1", NAME, "me", KEPT))
        keys = asyncio.run(store.keys(""))

        assert len(keys) == 2
        assert all(b"Hello?" not in (asyncio.run(store.get(key)) or b"") for key in keys)

    def test_a_response_that_is_too_large_is_not_kept_and_no_failure(self) -> None:
        large = Kept((Message("user", (Text("x" * 400_000),)),), msgspec.Raw(b"{}"), ())
        one = history()
        asyncio.run(one.keep("resp_1", NAME, "me", large))

        assert asyncio.run(one.find("resp_1", "me")) is None

    def test_a_store_that_is_down_is_no_failure_of_the_answer(self) -> None:
        class Down(MemoryStore):
            async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
                raise StoreDown("it is down")

        asyncio.run(history(Down(FakeClock())).keep("resp_1", NAME, "me", KEPT))
