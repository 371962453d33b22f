"""Input items: what each kind becomes, and how items of one turn belong together."""

from collections.abc import Callable
from typing import Any

import pytest

from chat2api_core.dialects.responses import ResponsesRequest
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import (
    Citation,
    File,
    Image,
    Message,
    Native,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)

Parse = Callable[..., ResponsesRequest]
USER = {"role": "user", "content": "go"}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}

MESSAGES: list[tuple[str, dict[str, Any], Message]] = [
    (
        "a message may do without its type",
        {"role": "user", "content": "hi"},
        Message("user", (Text("hi"),)),
    ),
    (
        "a message may carry an id of the client's making",
        {"type": "message", "id": "msg_1", "role": "developer", "content": "hi"},
        Message("developer", (Text("hi"),)),
    ),
    (
        "a system message stays one",
        {"role": "system", "content": [{"type": "input_text", "text": "a"}]},
        Message("system", (Text("a"),)),
    ),
    (
        "an answer sent back keeps its words and drops its trimmings",
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "phase": "final_answer",
            "content": [
                {"type": "output_text", "text": "a", "annotations": [], "logprobs": []},
                {"type": "refusal", "refusal": "b"},
            ],
        },
        Message("assistant", (Text("a"), Text("b")), phase="final_answer"),
    ),
    (
        "an answer sent back keeps its links, and no marks that lead nowhere",
        {
            "role": "assistant",
            "content": [
                {
                    "type": "output_text",
                    "text": "See [a].",
                    "annotations": [
                        {
                            "type": "url_citation",
                            "start_index": 4,
                            "end_index": 7,
                            "url": "u",
                            "title": None,
                        },
                        {"type": "url_citation", "start_index": 4, "end_index": 9, "url": "u"},
                        {"type": "url_citation", "start_index": None, "url": "u"},
                        {"type": "file_citation", "index": 4, "file_id": "file-1"},
                    ],
                }
            ],
        },
        Message("assistant", (Text("See [a].", (Citation(4, 7, "u", ""),)),)),
    ),
    (
        "what a hosted tool did stays as it came",
        {"type": "mcp_call", "id": "mcp_1", "name": "n", "output": None},
        Message(
            "assistant",
            (Native("mcp_call", '{"type":"mcp_call","id":"mcp_1","name":"n","output":null}'),),
        ),
    ),
    (
        "what an upstream named but nobody knows stays as it came",
        {"type": "novelty_call", "id": "n_1"},
        Message("assistant", (Native("novelty_call", '{"type":"novelty_call","id":"n_1"}'),)),
    ),
    (
        "only the assistant speaks in phases",
        {"role": "user", "content": "hi", "phase": "commentary"},
        Message("user", (Text("hi"),)),
    ),
    (
        "pictures and files are parts",
        {
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
                {"type": "input_image", "file_id": "file-1"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:;base64,AA=="},
                {"type": "input_file", "file_url": "https://example.com/a.pdf"},
                {"type": "input_file", "file_id": "file-2"},
            ],
        },
        Message(
            "user",
            (
                Image("data:image/png;base64,AA==", detail="low"),
                Image(file_id="file-1"),
                File("a.pdf", "data:;base64,AA=="),
                File(url="https://example.com/a.pdf"),
                File(file_id="file-2"),
            ),
        ),
    ),
    (
        "sealed thinking is kept as it came",
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "content": None,
            "encrypted_content": "c2VhbGVk",
        },
        Message("assistant", (Reasoning("rs_1", ("Hm.",), "c2VhbGVk"),)),
    ),
    (
        "thinking without anything in it is kept, too",
        {"type": "reasoning", "id": "rs_1", "summary": []},
        Message("assistant", (Reasoning("rs_1"),)),
    ),
    (
        "a call needs no id of its own and may have a namespace",
        {**CALL, "namespace": "clock"},
        Message("assistant", (ToolCall("c1", "f", "{}", namespace="clock"),)),
    ),
    (
        "a call of a custom tool has free text",
        {
            "type": "custom_tool_call",
            "id": "ctc_1",
            "status": "completed",
            "call_id": "c1",
            "name": "exec",
            "namespace": "functions",
            "input": "1 + 1",
        },
        Message("assistant", (ToolCall("c1", "exec", "1 + 1", "custom", "functions"),)),
    ),
    (
        "a call of the local shell is a call of a function",
        {
            "type": "local_shell_call",
            "id": "lsh_1",
            "call_id": "c1",
            "status": "completed",
            "action": {"type": "exec", "command": ["ls", "-l"], "env": {}},
        },
        Message("assistant", (ToolCall("c1", "local_shell", '{"command":["ls","-l"],"env":{}}'),)),
    ),
    (
        "a call of the shell is a call of a function",
        {"type": "shell_call", "call_id": "c1", "action": {"commands": ["ls"]}},
        Message("assistant", (ToolCall("c1", "shell", '{"commands":["ls"]}'),)),
    ),
    (
        "a patch is a call of a function",
        {
            "type": "apply_patch_call",
            "call_id": "c1",
            "status": "completed",
            "operation": {"type": "delete_file", "path": "a"},
        },
        Message(
            "assistant",
            (ToolCall("c1", "apply_patch", '{"type":"delete_file","path":"a"}'),),
        ),
    ),
]


@pytest.mark.parametrize(
    ("item", "expected"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES]
)
def test_an_item_becomes_a_message(item: dict[str, Any], expected: Message, parse: Parse) -> None:
    assert parse(input=[item]).prompt.messages == (expected,)


RESULTS: list[tuple[str, dict[str, Any], ToolResult]] = [
    (
        "a string",
        {"type": "function_call_output", "call_id": "c1", "output": "42"},
        ToolResult("c1", (Text("42"),)),
    ),
    (
        "parts",
        {
            "type": "custom_tool_call_output",
            "id": "ctco_1",
            "call_id": "c1",
            "output": [
                {"type": "input_text", "text": "a"},
                {"type": "input_image", "image_url": "https://example.com/a.png"},
            ],
        },
        ToolResult("c1", (Text("a"), Image("https://example.com/a.png")), "custom"),
    ),
    (
        "nothing",
        {"type": "function_call_output", "call_id": "c1", "output": None},
        ToolResult("c1", ()),
    ),
    (
        "what the local shell said, its call named in id",
        {"type": "local_shell_call_output", "id": "c1", "output": "a\n"},
        ToolResult("c1", (Text("a\n"),)),
    ),
    (
        "what the shell said",
        {
            "type": "shell_call_output",
            "call_id": "c1",
            "output": [{"stdout": "a", "stderr": "", "outcome": {"type": "timeout"}}],
        },
        ToolResult("c1", (Text('[{"stdout":"a","stderr":"","outcome":{"type":"timeout"}}]'),)),
    ),
    (
        "a patch that failed",
        {"type": "apply_patch_call_output", "call_id": "c1", "status": "failed", "output": "no a"},
        ToolResult("c1", (Text("failed\nno a"),)),
    ),
    (
        "a patch of which nothing is said",
        {"type": "apply_patch_call_output", "call_id": "c1"},
        ToolResult("c1", (Text("completed"),)),
    ),
]


@pytest.mark.parametrize(
    ("item", "expected"), [row[1:] for row in RESULTS], ids=[row[0] for row in RESULTS]
)
def test_an_output_is_a_message_of_the_tool(
    item: dict[str, Any], expected: ToolResult, parse: Parse
) -> None:
    messages = parse(input=[USER, CALL, item]).prompt.messages
    assert messages[-1] == Message("tool", (expected,))


def test_items_of_one_turn_are_one_message(parse: Parse) -> None:
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    words = {"role": "assistant", "content": "Let me see."}
    second = {**CALL, "call_id": "c2"}
    outputs = [
        {"type": "function_call_output", "call_id": call, "output": call} for call in ("c1", "c2")
    ]
    answer = {"role": "assistant", "content": "Done."}
    items = [USER, thought, {**thought, "id": "rs_2"}, words, CALL, second, *outputs, answer]
    assert parse(input=items).prompt.messages == (
        Message("user", (Text("go"),)),
        Message(
            "assistant",
            (
                Reasoning("rs_1"),
                Reasoning("rs_2"),
                Text("Let me see."),
                ToolCall("c1", "f", "{}"),
                ToolCall("c2", "f", "{}"),
            ),
        ),
        Message("tool", (ToolResult("c1", (Text("c1"),)),)),
        Message("tool", (ToolResult("c2", (Text("c2"),)),)),
        Message("assistant", (Text("Done."),)),
    )


def test_two_messages_of_the_assistant_stay_two(parse: Parse) -> None:
    items = [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert [m.text for m in parse(input=items).prompt.messages] == ["a", "b"]


def test_thinking_after_words_begins_a_new_message(parse: Parse) -> None:
    items = [{"role": "assistant", "content": "a"}, {"type": "reasoning", "id": "rs_1"}]
    assert [len(m.parts) for m in parse(input=items).prompt.messages] == [1, 1]


@pytest.mark.parametrize("content", [None, "", []], ids=repr)
def test_a_message_without_content_is_none(content: object, parse: Parse) -> None:
    items = [{"type": "message", "role": "assistant", "content": content}, USER]
    assert parse(input=items).prompt.messages == (Message("user", (Text("go"),)),)


def test_tools_may_come_as_an_item(parse: Parse) -> None:
    item = {
        "type": "additional_tools",
        "id": "at_1",
        "role": "developer",
        "tools": [
            {
                "type": "namespace",
                "name": "clock",
                "description": "Time.",
                "tools": [{"type": "function", "name": "sleep", "parameters": {}}],
            },
            {"type": "file_search"},
        ],
    }
    request = parse(input=[item, USER])
    sleep = Tool("sleep", "", {}, namespace="clock", space_description="Time.")
    assert request.prompt.tools == (sleep,)
    assert request.warnings == (
        "input[0].tools[1]: 'file_search' is not a tool of this gateway; left out",
    )


def test_records_of_tools_that_nobody_runs_are_left_out_with_a_warning(parse: Parse) -> None:
    request = parse(input=[USER, {"type": "computer_call", "id": "cu_1", "status": "completed"}])
    assert request.prompt.messages == (Message("user", (Text("go"),)),)
    assert request.warnings == ("input[1]: computer_call belongs to a hosted tool; left out",)


def test_records_of_hosted_tools_are_kept_for_who_reads_them_with_a_warning(parse: Parse) -> None:
    search = {"type": "web_search_call", "status": "completed"}
    thought = {"type": "reasoning", "id": "rs_1", "encrypted_content": "AA"}
    answer = {"role": "assistant", "content": "So.", "phase": "final_answer"}
    request = parse(input=[USER, thought, search, thought, answer, CALL])
    kept = Native("web_search_call", '{"type":"web_search_call","status":"completed"}')
    sealed = Reasoning("rs_1", (), "AA")
    assert request.prompt.messages[1:] == (
        Message("assistant", (sealed, kept)),
        Message(
            "assistant", (sealed, Text("So."), ToolCall("c1", "f", "{}")), phase="final_answer"
        ),
    )
    assert request.warnings == (
        "input[2]: web_search_call is for the upstream codex only; the web leaves it out",
    )


def test_after_an_earlier_response_its_calls_may_be_answered(parse: Parse) -> None:
    output = {"type": "function_call_output", "call_id": "c1", "output": "42"}
    request = parse(input=[output], previous_response_id="resp_1")
    assert request.prompt.messages == (Message("tool", (ToolResult("c1", (Text("42"),)),)),)


@pytest.mark.parametrize(
    ("given", "kept"), [("cmp_1", "cmp_1"), (None, "cmp_"), ("rs_1", "cmp_")], ids=str
)
def test_a_compacted_history_stays_sealed_and_known_as_one(
    given: str | None, kept: str, parse: Parse
) -> None:
    item = {"type": "compaction", "encrypted_content": "AA", "id": given}
    request = parse(input=[item, USER])
    assert request.prompt.messages[0] == Message("assistant", (Reasoning(kept, (), "AA"),))
    assert request.warnings == ()


REFUSED: list[tuple[str, dict[str, Any], Kind, str, str]] = [
    (
        "a reference",
        {"type": "item_reference", "id": "msg_1"},
        Kind.UNSUPPORTED_PARAMETER,
        "input[1]",
        "input[1] is not supported here: items are not kept under their ids here; send the item "
        "itself, or go on from a response with previous_response_id.",
    ),
    (
        "a reference without a type",
        {"id": "msg_1"},
        Kind.UNSUPPORTED_PARAMETER,
        "input[1]",
        "items are not kept",
    ),
    (
        "a compacted history that is empty",
        {"type": "compaction", "encrypted_content": ""},
        Kind.INVALID_REQUEST,
        "input[1].encrypted_content",
        "length",
    ),
    (
        "a wish to compact",
        {"type": "compaction_trigger"},
        Kind.UNSUPPORTED_PARAMETER,
        "input[1]",
        "compact",
    ),
    (
        "sound",
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]},
        Kind.UNSUPPORTED_PARAMETER,
        "input[1].content[0]",
        "audio",
    ),
    (
        "an item that nobody knows",
        {"type": "telepathy\n"},
        Kind.INVALID_REQUEST,
        "input[1].type",
        "input[1].type cannot be 'telepathy\\n': no such item is known.",
    ),
    ("an item without a type", {}, Kind.INVALID_REQUEST, "input[1].type", "cannot be ''"),
    ("a type that is no string", {"type": 5}, Kind.INVALID_REQUEST, "input[1].type", "a string"),
    (
        "a role that does not exist",
        {"role": "tool", "content": "x"},
        Kind.INVALID_REQUEST,
        "input[1].role",
        "input[1].role cannot be 'tool'; it is one of: user, assistant, system or developer.",
    ),
    (
        "a part that nobody knows",
        {"role": "user", "content": [{"type": "input_smell"}]},
        Kind.INVALID_REQUEST,
        "input[1].content[0].type",
        "cannot be 'input_smell': no such part is known",
    ),
    (
        "a part without a type",
        {"role": "user", "content": [{"text": "x"}]},
        Kind.INVALID_REQUEST,
        "input[1].content[0].type",
        "input[1].content[0].type is missing.",
    ),
    (
        "text that is not there",
        {"role": "user", "content": [{"type": "input_text"}]},
        Kind.INVALID_REQUEST,
        "input[1].content[0]",
        "has no text",
    ),
    (
        "a picture that is not there",
        {"role": "user", "content": [{"type": "input_image"}]},
        Kind.INVALID_REQUEST,
        "input[1].content[0]",
        "needs image_url or file_id",
    ),
    (
        "a file that is not there",
        {"role": "user", "content": [{"type": "input_file", "filename": "a"}]},
        Kind.INVALID_REQUEST,
        "input[1].content[0]",
        "needs file_data, file_url or file_id",
    ),
    (
        "a call without its name",
        {"type": "function_call", "call_id": "c1"},
        Kind.INVALID_REQUEST,
        "input[1].name",
        "input[1].name is missing.",
    ),
    (
        "an output without a call",
        {"type": "function_call_output", "call_id": "c9", "output": "x"},
        Kind.INVALID_REQUEST,
        "input[1].call_id",
        "belongs to no call",
    ),
    (
        "an output that names no call",
        {"type": "local_shell_call_output", "output": "x"},
        Kind.INVALID_REQUEST,
        "input[1].call_id",
        "belongs to no call",
    ),
]


@pytest.mark.parametrize(
    ("item", "kind", "param", "words"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_an_item_that_cannot_be_taken_is_named(
    item: dict[str, Any], kind: Kind, param: str, words: str, parse: Parse
) -> None:
    with pytest.raises(Problem) as caught:
        parse(input=[USER, item])
    assert caught.value.kind is kind
    assert caught.value.param == param
    assert words in caught.value.message


def test_pictures_and_files_are_named_as_the_client_wrote_them(parse: Parse) -> None:
    image = {"type": "input_image", "image_url": "https://example.com/a.png"}
    text = {"type": "input_text", "text": "See"}
    call = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
    custom = {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": ""}
    items = [
        {"role": "user", "content": [text, image, {"type": "input_image", "file_id": "file-1"}]},
        call,
        {"type": "function_call_output", "call_id": "c1", "output": [image]},
        custom,
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [text, image]},
        {"role": "user", "content": [
            {"type": "input_file", "filename": "a.pdf", "file_data": "YQ=="},
            {"type": "input_file", "file_url": "https://example.com/a.pdf"},
        ]},
    ]  # fmt: skip
    assert parse(input=items, instructions="Be brief.").places == (
        "input[0].content[1].image_url",
        "input[0].content[2].file_id",
        "input[2].output[0].image_url",
        "input[4].output[1].image_url",
        "input[5].content[0].file_data",
        "input[5].content[1].file_url",
    )
