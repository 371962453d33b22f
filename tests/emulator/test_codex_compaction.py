"""A history made short by the emulated Codex backend."""

import asyncio
import json
from typing import Any

import pytest

from chat2api_core.emulator import DEMO_ACCESS_TOKEN, Emulator
from tests.emulator.browser import Request, Response, drive

HEADERS = {
    "authorization": f"Bearer {DEMO_ACCESS_TOKEN}",
    "chatgpt-account-id": "00000000-de30-4000-8000-000000000001",
    "content-type": "application/json",
    "accept": "application/json",
    "originator": "codex_cli_rs",
    "user-agent": "codex_cli_rs/0.146.0",
}
USER: Any = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
SAID: Any = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "ho"}],
}
CALL: Any = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
GOOD: dict[str, Any] = {"model": "gpt-5.5", "instructions": "", "input": [USER, SAID, USER]}


def post(emulator: Emulator, body: object, path: str = "/compact", **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    whole = f"/backend-api/codex/responses{path}"
    return asyncio.run(drive(emulator, Request("POST", whole, HEADERS | headers, raw)))


def test_the_messages_of_the_user_stay_and_the_rest_is_sealed() -> None:
    document = post(Emulator(), GOOD).json

    assert document["object"] == "response.compaction"
    assert [item["type"] for item in document["output"]] == ["message", "message", "compaction"]
    assert document["output"][0]["content"] == USER["content"]
    usage = document["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_what_is_sealed_opens_in_a_turn_and_in_the_next_short_history() -> None:
    emulator = Emulator()
    sealed = post(emulator, GOOD).json["output"][-1]
    more = {"model": "gpt-5.5", "input": [sealed, USER], "store": False, "stream": True}

    assert post(emulator, more, "", accept="text/event-stream").status == 200
    assert post(emulator, GOOD | {"input": [sealed, USER]}).status == 200


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "gpt-2"}, "not supported"),
        ({"stream": True}, "stream"),
        ({"store": False}, "store"),
        ({"input": "hi"}, "input"),
        ({"input": []}, "nothing to compact"),
        ({"input": [CALL]}, "No tool output"),
        ({"input": [{"type": "compaction", "encrypted_content": "AA"}]}, "could not be verified"),
        ({"input": [{**USER, "role": "system"}]}, "System messages"),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused(change: dict[str, Any], words: str) -> None:
    response = post(Emulator(), GOOD | change)
    assert response.status == 400
    assert words in response.body.decode()


def test_a_stream_is_not_to_be_had() -> None:
    assert post(Emulator(), GOOD, accept="text/event-stream").status == 406
    assert post(Emulator(), b"{").status == 400
