"""Streams of the Codex backend that are odd or broken, as both APIs show them to a client: whole,
as events, and never as a success that they are not."""

import json
from typing import Any

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.emulator import (
    Call,
    Cut,
    Frame,
    Reply,
    Say,
    Stall,
    Stop,
    Think,
    make_access_token,
)
from chat2api_core.secret import Secret
from tests.e2e.conftest import Api, Start, Upstream

CODEX = Account(access_token=Secret(make_access_token(jti="codex")), type="codex")
CHAT: Any = {"model": "gpt-5.5", "messages": [{"role": "user", "content": "Go."}]}
TOOL: Any = {"name": "f", "parameters": {"type": "object", "properties": {}}}
RESPONSES: Any = {"model": "gpt-5.5", "input": "Go."}


@pytest.fixture
def api(start: Start) -> Api:
    return start(accounts=(CODEX,))


def frame(kind: str, **fields: Any) -> Frame:
    data = json.dumps({"type": kind, "sequence_number": 90, **fields})
    return Frame(f"event: {kind}\ndata: {data}\n\n")


def done(place: int, **item: Any) -> Frame:
    return frame("response.output_item.done", output_index=place, item=item)


def added(place: int, **item: Any) -> Frame:
    return frame("response.output_item.added", output_index=place, item=item)


def message(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"id": f"msg_{len(text)}", "type": "message", "role": "assistant", "content": [part]}


CALL: Any = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f"}

# What the backend says; the text and the calls that clients must get.
WHOLE: dict[str, tuple[tuple[Any, ...], str, list[str]]] = {
    "nothing at all": ((), "", []),
    "items that nobody announced": (
        (done(0, **message("Hi.")), done(1, **CALL, arguments="{}")), "Hi.", ["{}"],
    ),
    "an item told twice": ((done(0, **message("Hi.")), done(0, **message("Hi."))), "Hi.", []),
    "items out of order": (
        (added(1, **message("")), done(0, **message("One.")), done(1, **message("Two!!"))),
        "One.\n\nTwo!!", [],
    ),
    "a call that only its arguments end": (
        (
            added(0, **CALL, arguments=""),
            frame("response.function_call_arguments.done", output_index=0, arguments='{"a":1}'),
        ),
        "", ['{"a":1}'],
    ),
    "very long arguments": (
        (Call("f", ('{"a":"', *["x" * 1_000] * 300, '"}')),), "",
        ['{"a":"' + "x" * 300_000 + '"}'],
    ),
    "parts that nobody knows": (
        (done(0, **message("Hi.") | {"content": [{"type": "hologram", "data": [1]},
                                                 {"type": "output_text", "text": "Hi."}]}),),
        "Hi.", [],
    ),
    "two thoughts, in sections": (
        (Think("A", ("a",)), Think("B"), Call("f"), Think("C", ("c",)), Say(("Hi.",))),
        "Hi.", ["{}"],
    ),
    "an item under way for ever": (
        (added(0, type="mcp_call", id="mcp_1", status="in_progress"), Say(("Hi.",))), "Hi.", [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(("steps", "text", "calls"), WHOLE.values(), ids=WHOLE)
def test_an_odd_stream_is_a_good_answer(
    steps: Any, text: str, calls: list[str], streamed: bool, api: Api, emulator: Upstream
) -> None:
    tools = [{"type": "function", "function": TOOL}]
    emulator.push(Reply(steps), Reply(steps))
    chat = _message(api.post({**CHAT, "tools": tools, "stream": streamed}).text, streamed)
    asked = {**RESPONSES, "tools": [{"type": "function", **TOOL}], "stream": streamed}
    response = _response(api.post(asked, path="/v1/responses").text, streamed)

    assert (chat["content"] or "") == text
    assert [call["function"]["arguments"] for call in chat.get("tool_calls") or ()] == calls
    output = response["output"]
    said = [part["text"] for item in output for part in item.get("content") or () if "text" in part]
    assert "\n\n".join(said) == text
    assert [item["arguments"] for item in output if item["type"] == "function_call"] == calls
    assert (response["status"], bool(output)) == ("completed", True)


TEXT = Say(("Hel",))
# What breaks an answer in the middle, and what it is then.
BROKEN: dict[str, tuple[tuple[Any, ...], str, str]] = {
    "JSON that breaks off": (
        (TEXT, Frame('event: response.output_text.delta\ndata: {"delta":\n\n')),
        "stream_unreadable", "server_error",
    ),
    "a failure in an item": (
        (TEXT, frame("response.failed", response={"error": {"code": "server_is_overloaded"}})),
        "stream_unavailable", "server_error",
    ),
    "a failure that says nothing": (
        (TEXT, frame("response.failed", response={"id": "resp_1", "status": "failed"})),
        "stream_upstream_error", "server_error",
    ),
    "an error event in a call": (
        (TEXT, added(1, **CALL, arguments=""), frame("error", code="rate_limit_exceeded",
         message="Rate limit reached. Please try again in 3s.")),
        "rate_limit_exceeded", "rate_limit_exceeded",
    ),
    "a limit of the plan": (
        (TEXT, frame("error", error={"type": "usage_limit_reached", "resets_in_seconds": 9_000})),
        "rate_limit_exceeded", "insufficient_quota",
    ),
    "an end without an end": ((TEXT, Cut(clean=True)), "stream_cut", "server_error"),
    "a connection that breaks": ((TEXT, Cut()), "stream_cut", "server_error"),
}  # fmt: skip


@pytest.mark.parametrize(("steps", "code", "told"), BROKEN.values(), ids=BROKEN)
def test_a_broken_stream_is_an_error_and_no_success(
    steps: Any, code: str, told: str, api: Api, emulator: Upstream
) -> None:
    emulator.push(Reply(steps), Reply(steps))
    chat = api.post({**CHAT, "stream": True}).text
    events = _events(api.post({**RESPONSES, "stream": True}, path="/v1/responses").text)

    assert "[DONE]" not in chat
    error = json.loads(chat.strip().rpartition("data: ")[2])["error"]
    assert error["code"] == code, error
    last = events[-1]
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert last["response"]["error"]["code"] == told
    assert [item["type"] for item in last["response"]["output"]] == ["message"], "no half call"
    assert last["response"]["output"][0]["content"][0]["text"] == "Hel"


@pytest.mark.parametrize(("steps", "code", "told"), BROKEN.values(), ids=BROKEN)
def test_so_it_is_where_it_is_not_streamed(
    steps: Any, code: str, told: str, api: Api, emulator: Upstream
) -> None:
    del told  # there is no event to tell it
    emulator.push(Reply(steps), Reply(steps))
    for asked, path in ((CHAT, "/v1/chat/completions"), (RESPONSES, "/v1/responses")):
        response = api.post(asked, path=path)
        assert response.status_code >= 400, response.text
        assert response.json()["error"]["code"] == code


def test_a_call_that_a_limit_cuts_is_not_whole(api: Api, emulator: Upstream) -> None:
    cut = (
        added(0, **CALL, arguments="", status="in_progress"),
        done(0, **CALL, arguments='{"a', status="incomplete"),
        Stop("max_tokens"),
    )
    emulator.push(Reply(cut), Reply(cut))
    tools = [{"type": "function", "function": TOOL}]
    chat = api.post({**CHAT, "tools": tools}).json()["choices"][0]
    asked = {**RESPONSES, "tools": [{"type": "function", **TOOL}], "stream": True}
    events = _events(api.post(asked, path="/v1/responses").text)

    assert chat["finish_reason"] == "length"
    assert events[-1]["type"] == "response.incomplete"
    (call,) = events[-1]["response"]["output"]
    assert (call["status"], call["arguments"]) == ("incomplete", '{"a')
    assert "response.function_call_arguments.done" not in {event["type"] for event in events}


@pytest.mark.parametrize(
    ("body", "path"), [(CHAT, "/v1/chat/completions"), (RESPONSES, "/v1/responses")]
)
def test_a_client_that_leaves_ends_the_turn_at_once(
    body: Any, path: str, api: Api, emulator: Upstream
) -> None:
    emulator.push(Reply((Say(("Hel",)), Stall())))
    with api.client.stream("POST", path, json={**body, "stream": True}) as response:
        next(chunk for chunk in response.iter_text() if "Hel" in chunk)
    assert emulator.eventually(lambda: emulator.app.log.closed_streams == 1)


def _events(stream: str) -> list[Any]:
    lines = stream.split("\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def _response(body: str, streamed: bool) -> Any:
    return _events(body)[-1]["response"] if streamed else json.loads(body)


def _message(body: str, streamed: bool) -> Any:
    """The message of a chat, from the document or from its chunks."""
    if not streamed:
        return json.loads(body)["choices"][0]["message"]
    content = ""
    calls: dict[int, Any] = {}
    for chunk in _events(body):
        assert "error" not in chunk, chunk
        for choice in chunk["choices"]:
            content += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or ():
                whole = calls.setdefault(call["index"], {"function": {"arguments": ""}})
                whole["function"]["arguments"] += call["function"]["arguments"]
    return {"content": content, "tool_calls": list(calls.values())}
