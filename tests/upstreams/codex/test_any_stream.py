"""Whatever the backend says, the reader answers with deltas or a problem, and what it hands up adds
up to a good stream and the same good document in both APIs."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.dialects.base import Dialect, Head
from chat2api_core.dialects.chat_completions import ChatCompletions
from chat2api_core.dialects.responses import Responses
from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import Delta, Finished
from chat2api_core.upstreams.codex.names import Names
from chat2api_core.upstreams.codex.reader import Reader
from chat2api_core.wire.sse import Event
from tests.fakes import FakeClock

HEAD = Head("0" * 32, 1)
R = "response."
KINDS = st.sampled_from([
    f"{R}created", f"{R}in_progress", f"{R}output_item.added", f"{R}output_item.done",
    f"{R}output_text.delta", f"{R}output_text.annotation.added", f"{R}refusal.delta",
    f"{R}reasoning_summary_text.delta", f"{R}reasoning_text.delta",
    f"{R}function_call_arguments.delta", f"{R}function_call_arguments.done",
    f"{R}custom_tool_call_input.delta", f"{R}image_generation_call.partial_image",
    f"{R}novelty.in_progress", f"{R}failed", f"{R}incomplete", f"{R}completed", "error",
    "codex.rate_limits", "", "message",
])  # fmt: skip
TYPES = st.sampled_from([
    "message", "reasoning", "function_call", "custom_tool_call", "local_shell_call",
    "web_search_call", "image_generation_call", "novelty", "", None,
])  # fmt: skip
TEXTS = st.text(st.characters(codec="utf-8"), max_size=5)
ODD = st.none() | st.booleans() | st.integers(-2, 3) | TEXTS
MARKS = st.fixed_dictionaries(
    {"type": st.just("url_citation")},
    optional={"start_index": st.integers(-1, 4), "end_index": st.integers(-1, 4), "url": TEXTS},
)
PARTS = st.fixed_dictionaries(
    {}, optional={"text": TEXTS, "refusal": TEXTS, "annotations": st.lists(MARKS, max_size=2)}
)
ACTIONS = st.fixed_dictionaries(
    {}, optional={"type": TEXTS | st.just("exec"), "command": st.lists(TEXTS), "query": TEXTS}
)
ITEMS = st.fixed_dictionaries(
    {"type": TYPES},
    optional={
        "id": TEXTS | st.sampled_from(["a", "b"]),
        "call_id": TEXTS,
        "name": TEXTS,
        "arguments": TEXTS,
        "input": TEXTS,
        "status": st.sampled_from(["completed", "incomplete", "failed"]) | ODD,
        "content": st.lists(PARTS, max_size=2) | ODD,
        "summary": st.lists(PARTS, max_size=2),
        "encrypted_content": TEXTS,
        "result": TEXTS,
        "size": TEXTS,
        "action": ACTIONS | ODD,
        "phase": TEXTS,
    },
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "type": KINDS,
        "output_index": st.integers(-1, 3) | st.none(),
        "content_index": st.integers(-1, 2),
        "summary_index": st.integers(-1, 2),
        "delta": TEXTS | ODD,
        "arguments": TEXTS,
        "item": ITEMS | ODD,
        "annotation": MARKS | ODD,
        "partial_image_b64": TEXTS,
        "response": ODD
        | st.fixed_dictionaries({}, optional={"output": st.lists(ITEMS, max_size=3)}),
        "error": st.fixed_dictionaries({}, optional={"code": TEXTS, "message": TEXTS}) | ODD,
    },
)
STREAMS = st.lists(st.tuples(KINDS, EVENTS), max_size=15)


def read(stream: list[tuple[str, dict[str, Any]]]) -> list[Delta]:
    """The deltas up to the end, the good one or the other. Events that cannot be read, which end a
    real answer, are passed over: so there is more to see behind them."""
    reader = Reader(Names([]), FakeClock())
    deltas: list[Delta] = []
    for kind, said in stream:
        try:
            deltas += reader.feed(Event(kind, json.dumps(said).encode()))
        except Problem as problem:
            if problem.kind is not Kind.GARBAGE:
                break
    return deltas


def last_response(stream: bytes) -> Any:
    return json.loads(stream.decode().rstrip("\n").rpartition("\ndata: ")[2])["response"]


@given(STREAMS)
def test_any_stream_is_a_good_one_or_a_failure_in_both_apis(
    stream: list[tuple[str, dict[str, Any]]],
) -> None:
    deltas = read(stream)
    whole = bool(deltas) and isinstance(deltas[-1], Finished)
    assert sum(isinstance(delta, Finished) for delta in deltas) == whole
    transcript = Transcript()
    for delta in deltas:
        transcript.feed(delta)
    responses, chat = Responses(FakeClock()), ChatCompletions()
    dialects: list[tuple[Dialect, bytes]] = [
        (responses, b'{"input":"Go.","stream":true}'),
        (chat, b'{"messages":[{"role":"user","content":"Go."}],"stream":true}'),
    ]
    for dialect, asked in dialects:
        request = dialect.parse(asked)
        encoder = dialect.encoder(request, HEAD)
        sent = b"".join(encoder.feed([delta]) for delta in deltas)
        if not whole:
            sent += encoder.fail(Problem(Kind.CUT, "It broke off.", step="stream"))
            assert b"[DONE]" not in sent
            assert b"response.completed" not in sent
            continue
        document = json.loads(dialect.document(request, HEAD, transcript))
        if dialect is responses:
            assert document == last_response(sent)
        else:
            assert sent.endswith(b"data: [DONE]\n\n")
