"""What a call of the web tool says that is searched for, and when the answer tells of it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.problem import Problem
from chat2api_core.turn import Delta, Started, TextDelta, WebSearch
from chat2api_core.upstreams.chatgpt_web.reader import Reader
from chat2api_core.upstreams.chatgpt_web.searches import searches_of
from chat2api_core.wire.sse import Event

PAGE = "https://moons.example/titan"


def call(text: object, *queries: str, **more: Any) -> dict[str, Any]:
    """A call of the web tool."""
    words = text if isinstance(text, str) else json.dumps(text)
    return {
        "id": "w1",
        "author": {"role": "assistant"},
        "recipient": "web.run",
        "status": "finished_successfully",
        "content": {"content_type": "code", "text": words},
        "metadata": {"search_queries": [{"type": "search", "q": query} for query in queries]},
    } | more


@pytest.mark.parametrize(
    ("message", "steps"),
    [
        (call({"search_query": [{"q": "moons"}]}), [WebSearch(query="moons")]),
        (call({"search_query": [{"q": "moons"}]}, "moons"), [WebSearch(query="moons")]),
        (call("", "moons", "rings"), [WebSearch(query="moons"), WebSearch(query="rings")]),
        (
            call('search("the \\"largest\\" moon", recency=3)'),
            [WebSearch(query='the "largest" moon')],
        ),
        (call({"open": [{"ref_id": PAGE}]}), [WebSearch("open_page", url=PAGE)]),
        (
            call({"find": [{"ref_id": PAGE, "pattern": "ice"}]}),
            [WebSearch("find_in_page", url=PAGE, pattern="ice")],
        ),
        (call({"open": [{"ref_id": "turn0search1"}], "search_query": [{"q": " "}]}), []),
        (call('search("\\x")'), []),
        (call("mclick([1, 2])"), []),
        (call([1]), []),
        (call({"search_query": "moons", "open": {"ref_id": PAGE}}), []),
        ({"content": None, "metadata": None}, []),
    ],
)
def test_the_steps_of_a_call(message: dict[str, Any], steps: list[WebSearch]) -> None:
    assert list(searches_of(message)) == steps


def test_a_call_has_no_end_of_steps() -> None:
    many = [{"q": f"moon {number}"} for number in range(100)]
    assert len(searches_of(call({"search_query": many}))) == 32


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["search_query", "open", "q", "ref_id"]), inner)
    ),
    max_leaves=6,
)


@given(JSON, JSON)
def test_whatever_a_call_says_is_no_trouble(said: object, noted: object) -> None:
    message = call(said) | {"metadata": {"search_queries": noted}}
    assert all(isinstance(step, WebSearch) for step in searches_of(message))


def read(*messages: dict[str, Any]) -> list[Delta]:
    """The deltas of a stream of whole messages, that ends well."""
    reader = Reader()
    deltas: list[Delta] = []
    for message in messages:
        deltas += reader.feed(Event("", json.dumps({"message": message}).encode()))
    return deltas + reader.feed(Event("", b"[DONE]"))


def said(name: str, text: str) -> dict[str, Any]:
    content = {"content_type": "text", "parts": [text]}
    author = {"role": "assistant"}
    return {"id": name, "author": author, "content": content, "recipient": "all"}


def test_an_answer_tells_of_its_searches_in_their_place_and_once() -> None:
    first, second = call("", "moons"), call("", "rings", id="w2")
    deltas = read(first, first, said("a", "Titan."), second, second, said("b", "Saturn."))

    assert deltas[:-1] == [
        Started(message_id="a"),
        WebSearch(query="moons"),
        TextDelta("Titan."),
        WebSearch(query="rings"),
        TextDelta("\n\n"),
        TextDelta("Saturn."),
    ]


def test_a_call_is_told_of_when_it_is_whole() -> None:
    growing = call('{"search_query":[{"q":"mo', status="in_progress")
    deltas = read(growing, call({"search_query": [{"q": "moons"}]}), said("a", "Titan."))

    assert deltas[1] == WebSearch(query="moons")


def test_a_search_alone_is_no_answer() -> None:
    with pytest.raises(Problem, match="without an answer"):
        read(call("", "moons"))
