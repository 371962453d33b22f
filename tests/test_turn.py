"""The vocabulary's JSON, in which stores keep a history."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.turn import (
    File,
    Image,
    Message,
    Native,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)

# What stands in stores already must be readable tomorrow: tags and names of fields do not change.
FORMS: list[tuple[Part, str]] = [
    (Text("hi"), '{"type":"text","text":"hi"}'),
    (Text(""), '{"type":"text","text":""}'),
    (Image("https://x/"), '{"type":"image","url":"https://x/"}'),
    (Image(file_id="file-1", detail="low"), '{"type":"image","file_id":"file-1","detail":"low"}'),
    (File("a.txt", "data:,a"), '{"type":"file","name":"a.txt","data":"data:,a"}'),
    (File(url="https://x/"), '{"type":"file","url":"https://x/"}'),
    (
        ToolCall("c", "f", "{}"),
        '{"type":"tool_call","id":"c","name":"f","arguments":"{}"}',
    ),
    (
        ToolCall("c", "g", "raw", "custom", "n"),
        '{"type":"tool_call","id":"c","name":"g","arguments":"raw","kind":"custom",'
        '"namespace":"n"}',
    ),
    (
        ToolResult("c", (Text("1"), Image("data:,"))),
        '{"type":"tool_result","call_id":"c","parts":[{"type":"text","text":"1"},'
        '{"type":"image","url":"data:,"}]}',
    ),
    (
        ToolResult("c", (), "custom"),
        '{"type":"tool_result","call_id":"c","parts":[],"kind":"custom"}',
    ),
    (
        Reasoning("rs_1", ("Hm.", "So."), "sealed"),
        '{"type":"reasoning","id":"rs_1","summary":["Hm.","So."],"encrypted":"sealed"}',
    ),
    (Reasoning(), '{"type":"reasoning"}'),
    (Image("data:,", drawn=True), '{"type":"image","url":"data:,","drawn":true}'),
    (Native("mcp_call", "{}"), '{"type":"native","kind":"mcp_call","item":"{}"}'),
]


@pytest.mark.parametrize(("part", "form"), FORMS)
def test_a_part_has_the_form_that_stores_hold(part: Part, form: str) -> None:
    assert msgspec.json.encode(part).decode() == form
    assert msgspec.json.decode(form, type=Part) == part


def test_a_message_has_the_form_that_stores_hold() -> None:
    form = (
        '[{"role":"user","parts":[],"name":"ann"},{"role":"assistant","parts":[]},'
        '{"role":"assistant","parts":[],"phase":"commentary"}]'
    )
    messages = (
        Message("user", (), "ann"),
        Message("assistant", ()),
        Message("assistant", (), phase="commentary"),
    )
    assert msgspec.json.encode(messages).decode() == form
    assert msgspec.json.decode(form, type=tuple[Message, ...]) == messages


texts = st.text(st.characters(codec="utf-8"), max_size=20)
contents = st.one_of(
    st.builds(Text, texts),
    st.builds(Image, texts, texts, texts, st.booleans()),
    st.builds(File, texts, texts, texts, texts),
)
kinds = st.sampled_from(["function", "custom"])
parts = st.one_of(
    contents,
    st.builds(ToolCall, texts, texts, texts, kinds, texts),
    st.builds(ToolResult, texts, st.lists(contents, max_size=3).map(tuple), kinds),
    st.builds(Reasoning, texts, st.lists(texts, max_size=3).map(tuple), texts),
    st.builds(Native, texts, texts),
)
roles = st.sampled_from(["system", "developer", "user", "assistant", "tool"])
histories = st.lists(
    st.builds(Message, roles, st.lists(parts, max_size=4).map(tuple), texts, texts), max_size=4
).map(tuple)


@given(histories)
def test_a_history_comes_back_from_a_store_as_it_was(messages: tuple[Message, ...]) -> None:
    kept = msgspec.json.encode(messages)
    assert msgspec.json.decode(kept, type=tuple[Message, ...]) == messages
