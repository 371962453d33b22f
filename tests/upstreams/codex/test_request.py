"""What is sent to the Codex backend."""

import json
from typing import Any

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.emulator.tokens import DEMO_ACCESS_TOKEN, DEMO_ACCOUNT_ID
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret
from chat2api_core.turn import (
    Citation,
    File,
    Format,
    HostedTool,
    Image,
    Message,
    Native,
    Prompt,
    Reasoning,
    Sampling,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from chat2api_core.upstreams.codex.catalog import FALLBACK, CodexModel
from chat2api_core.upstreams.codex.request import (
    Identity,
    Target,
    conversation_key,
    headers,
    identity,
    resolve,
    responses_body,
)

HI = Message("user", (Text("hi"),))
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
LONG = "mcp__" + "a_long_server_name" * 4 + "__get_time"
ACCOUNT = Account(access_token=Secret("token"))


def prompt(*messages: Message, model: str = "gpt-5.5", **fields: Any) -> Prompt:
    return Prompt(model, messages or (HI,), **fields)


def body(asked: Prompt, target: Target | None = None, **options: Any) -> Any:
    """The body as JSON, by default for a model of which nothing is known."""
    aimed = target or resolve(asked, ())
    return json.loads(responses_body(asked, aimed, cache_key="key", **options).body)


def items(*messages: Message, **options: Any) -> Any:
    return body(prompt(*messages), **options)["input"]


# --------------------------------------------------------------------------------- the frame


def test_a_body_is_what_the_backend_demands_and_nothing_more() -> None:
    assert body(prompt(sampling=Sampling(9, ("x",), 0.5, 0.5), temporary=True)) == {
        "model": "gpt-5.5",
        "instructions": "",
        "input": [
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "hi"}],
            }
        ],
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "key",
        "reasoning": {"summary": "auto"},
    }


@pytest.mark.parametrize(
    ("fields", "reasoning"),
    [
        ({"effort": "high"}, {"effort": "high", "summary": "auto"}),
        ({"effort": "high", "summary": "detailed"}, {"effort": "high", "summary": "detailed"}),
        ({"summary": "none"}, None),
        ({"effort": "none"}, {"effort": "none"}),
        ({"recall": "all_turns"}, {"summary": "auto", "context": "all_turns"}),
        ({"recall": "auto"}, {"summary": "auto"}),
        ({"recall": "for ever"}, {"summary": "auto"}),
    ],
)
def test_thinking_is_asked_for_with_a_summary(fields: Any, reasoning: Any) -> None:
    assert body(prompt(**fields)).get("reasoning") == reasoning


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, None),
        ({"verbosity": "low"}, {"verbosity": "low"}),
        ({"verbosity": "endless"}, None),
        ({"format": Format("json_object")}, {"format": {"type": "json_object"}}),
        (
            {"format": Format("json_schema", "a", SCHEMA, strict=True), "verbosity": "high"},
            {
                "format": {"type": "json_schema", "name": "a", "schema": SCHEMA, "strict": True},
                "verbosity": "high",
            },
        ),
    ],
)
def test_the_form_of_the_answer_goes_into_text(fields: Any, text: Any) -> None:
    assert body(prompt(**fields)).get("text") == text


def test_a_model_without_verbosity_is_not_asked_for_it() -> None:
    target = Target("x", None, CodexModel("x", verbosity=False))
    assert "text" not in body(prompt(verbosity="low"), target)


@pytest.mark.parametrize(
    ("tier", "sent"),
    [("", None), ("priority", "priority"), ("fast", "priority"), ("flex", None), ("auto", None)],
)
def test_the_only_tier_is_priority(tier: str, sent: str | None) -> None:
    assert body(prompt(service_tier=tier)).get("service_tier") == sent


# --------------------------------------------------------------------------------- the history


def test_there_is_no_system_but_developers() -> None:
    said = items(Message("system", (Text("Be brief."),)), Message("developer", (Text("!"),)), HI)
    assert [item["role"] for item in said] == ["developer", "developer", "user"]


def test_pictures_and_files_go_with_their_words() -> None:
    parts = (
        Text("Look:"),
        Image("data:image/png;base64,AA=="),
        Image("https://x.example/a.png", detail="high"),
        File("a.pdf", "data:application/pdf;base64,AA=="),
        File(data="data:text/plain;base64,AA=="),
        File(url="https://x.example/b.pdf"),
    )
    (item,) = items(Message("user", parts))
    assert item["content"] == [
        {"type": "input_text", "text": "Look:"},
        {"type": "input_image", "image_url": "data:image/png;base64,AA=="},
        {"type": "input_image", "image_url": "https://x.example/a.png", "detail": "high"},
        {
            "type": "input_file",
            "filename": "a.pdf",
            "file_data": "data:application/pdf;base64,AA==",
        },
        {"type": "input_file", "filename": "file", "file_data": "data:text/plain;base64,AA=="},
        {"type": "input_file", "file_url": "https://x.example/b.pdf"},
    ]


@pytest.mark.parametrize("part", [Image(file_id="file_1"), File(file_id="file_1")])
def test_what_was_uploaded_elsewhere_is_refused(part: Image | File) -> None:
    with pytest.raises(Problem) as caught:
        items(Message("user", (part,)))
    assert caught.value.kind is Kind.UNSUPPORTED_PARAMETER
    assert caught.value.param == "file_id"


def test_a_turn_of_the_assistant_becomes_items_in_its_order() -> None:
    turn = Message(
        "assistant",
        (
            Reasoning("rs_1", ("Hm.",), "gAAA"),
            Text("One "),
            Text("moment."),
            ToolCall("call_1", "get_time", "{}"),
            ToolCall("call_2", "exec", "print(1)", "custom", "functions"),
        ),
    )
    results = (
        Message("tool", (ToolResult("call_1", (Text("12"), Text(":00"))),)),
        Message("tool", (ToolResult("call_2", (), "custom"),)),
    )
    assert items(turn, *results) == [
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "Hm."}],
            "encrypted_content": "gAAA",
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "One "},
                {"type": "output_text", "text": "moment."},
            ],
        },
        {"type": "function_call", "call_id": "call_1", "name": "get_time", "arguments": "{}"},
        {
            "type": "custom_tool_call",
            "call_id": "call_2",
            "name": "exec",
            "namespace": "functions",
            "input": "print(1)",
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "12:00"},
        {"type": "custom_tool_call_output", "call_id": "call_2", "output": ""},
    ]


def test_a_result_with_a_picture_is_a_list() -> None:
    call = Message("assistant", (ToolCall("c", "look", "{}"),))
    parts = (Text("This:"), Image("https://x.example/a.png"))
    result = Message("tool", (ToolResult("c", parts),))
    assert items(call, result)[1]["output"] == [
        {"type": "input_text", "text": "This:"},
        {"type": "input_image", "image_url": "https://x.example/a.png"},
    ]


def test_a_picture_of_the_assistants_is_shown_by_the_user() -> None:
    shown = Message("assistant", (Text("Here:"), Image("https://x.example/a.png"), Text("Good?")))
    assert [(item["role"], item["content"][0]["type"]) for item in items(shown)] == [
        ("assistant", "output_text"),
        ("user", "input_image"),
        ("assistant", "output_text"),
    ]


def test_a_picture_that_the_assistant_drew_is_the_call_that_made_it() -> None:
    first, second = (
        Message("user", (Image(f"data:image/{form};base64,QQ==", drawn=True), Text("[Yours.]")))
        for form in ("png", "webp")
    )
    call = {"type": "image_generation_call", "status": "completed", "result": "QQ=="}
    assert items(HI, first, second, HI)[1:3] == [
        {**call, "id": "ig_1", "output_format": "png"},
        {**call, "id": "ig_2", "output_format": "webp"},
    ]


def test_one_whose_bytes_lie_elsewhere_is_shown_by_the_user() -> None:
    shown = Message("user", (Image("https://x.example/a.png", drawn=True), Text("[Yours.]")))
    (item,) = items(shown)
    assert (item["type"], item["role"]) == ("message", "user")


def test_what_came_as_an_item_goes_as_it_came_and_a_search_without_its_id() -> None:
    search = '{"type":"web_search_call","id":"ws_1","action":{"type":"search","query":"q"}}'
    asked = '{"type":"mcp_call","id":"mcp_1","name":"n","arguments":"{}","server_label":"s"}'
    parts = (Native("web_search_call", search), Text("So."), Native("mcp_call", asked))
    first, said, last = items(Message("assistant", parts, phase="commentary"))
    assert first == {"type": "web_search_call", "action": {"type": "search", "query": "q"}}
    assert (said["content"][0]["text"], said["phase"]) == ("So.", "commentary")
    assert last == json.loads(asked)


def test_only_the_assistant_speaks_in_phases() -> None:
    said = (Text("hi"),)
    spoken, heard = items(
        Message("assistant", said, phase="final_answer"), Message("user", said, phase="x")
    )
    assert (spoken["phase"], "phase" in heard) == ("final_answer", False)


def test_what_says_nothing_is_left_out() -> None:
    empty = Message("assistant", (Text(""), Reasoning("rs_1", ("Hm.",))))
    assert items(empty, Message("user", ()), HI) == items(HI)


def test_reasoning_can_be_left_out() -> None:
    turn = Message("assistant", (Reasoning(encrypted="gAAA"), Text("Hi.")))
    asked = prompt(turn, HI)
    assert responses_body(asked, resolve(asked, ()), cache_key="k").sealed is True
    without = responses_body(asked, resolve(asked, ()), cache_key="k", sealed=False)
    assert without.sealed is False
    assert b"gAAA" not in without.body


def test_ids_that_are_too_long_are_shortened_alike() -> None:
    call = Message("assistant", (ToolCall("x" * 65, "f", "{}"),))
    made, result = items(call, Message("tool", (ToolResult("x" * 65, (Text("1"),)),)))
    assert made["call_id"] == result["call_id"]
    assert len(made["call_id"]) <= 64


# --------------------------------------------------------------------------------- the tools


def test_tools_of_every_kind_go_as_they_are() -> None:
    tools = (
        Tool("f", "Does f.", SCHEMA, strict=True),
        Tool("g"),
        Tool("patch", "Patches.", kind="custom", grammar="start: x", syntax="lark"),
        Tool("free", kind="custom"),
        Tool("close", namespace="agents", space_description="About agents."),
        Tool("spawn", "Spawns.", SCHEMA, namespace="agents", space_description="About agents."),
    )
    hosted = (HostedTool("web_search", {"external_web_access": True}),)
    sent = body(prompt(tools=tools, hosted=hosted))
    empty = {"type": "object", "properties": {}}
    assert sent["tool_choice"] == "auto"
    assert sent["parallel_tool_calls"] is True
    assert sent["tools"] == [
        {
            "type": "function",
            "name": "f",
            "description": "Does f.",
            "parameters": SCHEMA,
            "strict": True,
        },
        {
            "type": "function",
            "name": "g",
            "description": "",
            "parameters": empty,
            "strict": False,
        },
        {
            "type": "custom",
            "name": "patch",
            "description": "Patches.",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
        },
        {"type": "custom", "name": "free", "description": "", "format": {"type": "text"}},
        {
            "type": "namespace",
            "name": "agents",
            "description": "About agents.",
            "tools": [
                {
                    "type": "function",
                    "name": "close",
                    "description": "",
                    "parameters": empty,
                    "strict": False,
                },
                {
                    "type": "function",
                    "name": "spawn",
                    "description": "Spawns.",
                    "parameters": SCHEMA,
                    "strict": False,
                },
            ],
        },
        {"type": "web_search", "external_web_access": True},
    ]


def test_one_call_at_a_time_is_asked_for_by_the_client_or_by_the_model() -> None:
    tools = (Tool("f"),)
    assert body(prompt(tools=tools, parallel_tool_calls=False))["parallel_tool_calls"] is False
    target = Target("x", None, CodexModel("x", parallel_calls=False))
    assert body(prompt(tools=tools), target)["parallel_tool_calls"] is False


CHOICES: dict[str, tuple[ToolChoice, Any, list[str]]] = {
    "none": (ToolChoice("none"), "none", ["f", "p", "n"]),
    "any": (ToolChoice("required"), "required", ["f", "p", "n"]),
    "a function": (
        ToolChoice("required", ("f",)),
        {"type": "function", "name": "f"},
        ["f", "p", "n"],
    ),
    "a custom tool": (
        ToolChoice("required", ("p",)),
        {"type": "custom", "name": "p"},
        ["f", "p", "n"],
    ),
    "one in a namespace": (ToolChoice("required", ("t",)), "required", ["n"]),
    "several": (ToolChoice("required", ("f", "p")), "required", ["f", "p"]),
    "some, if it likes": (ToolChoice("auto", ("f",)), "auto", ["f"]),
    "a picture": (
        ToolChoice(hosted="image_generation"),
        {"type": "image_generation"},
        ["f", "p", "n"],
    ),
}


@pytest.mark.parametrize(("choice", "sent", "names"), CHOICES.values(), ids=CHOICES)
def test_a_choice_names_a_tool_or_leaves_the_others_out(
    choice: ToolChoice, sent: Any, names: list[str]
) -> None:
    tools = (Tool("f"), Tool("p", kind="custom"), Tool("t", namespace="n"))
    asked = body(prompt(tools=tools, tool_choice=choice))
    assert asked["tool_choice"] == sent
    assert [tool["name"] for tool in asked["tools"]] == names


SHELL = Tool("local_shell", "Runs.", SCHEMA, built_in=True)
PATCH = Tool("apply_patch", "Patches.", SCHEMA, built_in=True)
KNOWS_SHELL = Target("m", None, CodexModel("m", built_in=frozenset({"local_shell"})))


def test_a_tool_goes_by_its_own_type_to_a_model_that_knows_it() -> None:
    tools = (Tool("f"), SHELL, PATCH)
    known = body(prompt(tools=tools), KNOWS_SHELL)["tools"]
    assert [tool["type"] for tool in known] == ["function", "local_shell", "function"]
    assert known[1] == {"type": "local_shell"}
    others = body(prompt(tools=tools))["tools"]
    assert [(tool["type"], tool["name"]) for tool in others] == [
        ("function", "f"),
        ("function", "local_shell"),
        ("function", "apply_patch"),
    ]


def test_a_function_of_that_name_stays_a_function() -> None:
    (tool,) = body(prompt(tools=(Tool("local_shell"),)), KNOWS_SHELL)["tools"]
    assert tool["type"] == "function"


def test_its_calls_go_back_as_what_they_were() -> None:
    call = ToolCall("call_1", "local_shell", '{"command":["ls"]}')
    done = Message("tool", (ToolResult("call_1", (Text("a.txt"),)),))
    history = (HI, Message("assistant", (call,)), done)
    asked = prompt(*history, tools=(SHELL,))
    assert body(asked, KNOWS_SHELL)["input"][1:] == [
        {
            "type": "local_shell_call",
            "call_id": "call_1",
            "status": "completed",
            "action": {"type": "exec", "command": ["ls"]},
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "a.txt"},
    ]
    assert body(asked)["input"][1]["type"] == "function_call"


def test_a_call_of_it_that_is_no_call_is_refused() -> None:
    call = ToolCall("call_1", "local_shell", "ls")
    with pytest.raises(Problem) as caught:
        body(prompt(HI, Message("assistant", (call,)), tools=(SHELL,)), KNOWS_SHELL)
    assert (caught.value.kind, caught.value.param) == (Kind.INVALID_REQUEST, "input")


def test_it_must_be_called_where_it_is_the_only_one() -> None:
    choice = ToolChoice("required", ("local_shell",))
    asked = prompt(tools=(Tool("f"), SHELL), tool_choice=choice)
    known = body(asked, KNOWS_SHELL)
    assert (known["tools"], known["tool_choice"]) == ([{"type": "local_shell"}], "required")
    assert body(asked)["tool_choice"] == {"type": "function", "name": "local_shell"}


def test_a_search_among_tools_goes_with_what_it_finds() -> None:
    search = HostedTool("tool_search", {"execution": "client", "description": "Find."})
    deferred = Tool("f", deferred=True)
    asked = body(
        prompt(tools=(deferred, Tool("g", namespace="n", deferred=True)), hosted=(search,))
    )
    function, space, found = asked["tools"]
    assert function["defer_loading"] is True
    assert space["tools"][0]["defer_loading"] is True
    assert found == {"type": "tool_search", "execution": "client", "description": "Find."}
    assert "defer_loading" not in body(prompt(tools=(Tool("f"),)))["tools"][0]


def test_what_the_assistant_said_goes_with_its_sources() -> None:
    cited = Text("See [a].", (Citation(4, 7, "https://a/", "A"),))
    mark = {"type": "url_citation", "start_index": 4, "end_index": 7}
    said, heard = items(Message("assistant", (cited,)), Message("user", (cited,)))
    assert said["content"] == [
        {
            "type": "output_text",
            "text": "See [a].",
            "annotations": [mark | {"url": "https://a/", "title": "A"}],
        }
    ]
    assert heard["content"] == [{"type": "input_text", "text": "See [a]."}]


def test_an_item_that_the_gateway_named_goes_back_without_that_name() -> None:
    ours = Native("mcp_call", json.dumps({"type": "mcp_call", "id": "item_" + "a" * 34}))
    theirs = Native("mcp_call", '{"type":"mcp_call","id":"item_of_theirs"}')
    assert items(Message("assistant", (ours, theirs))) == [
        {"type": "mcp_call"},
        {"type": "mcp_call", "id": "item_of_theirs"},
    ]


def test_the_switch_for_searching_asks_for_the_tool_once() -> None:
    assert body(prompt(hints=("search",)))["tools"] == [{"type": "web_search"}]
    declared = (HostedTool("web_search", {"search_context_size": "low"}),)
    both = body(prompt(hints=("search",), hosted=declared))
    assert both["tools"] == [{"type": "web_search", "search_context_size": "low"}]


def test_long_names_are_shortened_everywhere() -> None:
    history = Message("assistant", (ToolCall("c", LONG, "{}"),))
    result = Message("tool", (ToolResult("c", (Text("1"),)),))
    choice = ToolChoice("required", (LONG,))
    asked = prompt(HI, history, result, tools=(Tool(LONG),), tool_choice=choice)
    outgoing = responses_body(asked, resolve(asked, ()), cache_key="k")
    sent = json.loads(outgoing.body)
    assert sent["tools"][0]["name"] == "mcp__get_time"
    assert sent["input"][1]["name"] == "mcp__get_time"
    assert sent["tool_choice"] == {"type": "function", "name": "mcp__get_time"}
    assert outgoing.names.restore("mcp__get_time") == LONG


# --------------------------------------------------------------------------------- whom to ask


@pytest.mark.parametrize(
    ("model", "effort", "slug", "sent"),
    [
        ("gpt-5.5", None, "gpt-5.5", None),
        ("gpt-5-5", None, "gpt-5.5", None),
        ("gpt-5.5-high", None, "gpt-5.5", "high"),
        ("gpt-5.5(high)", "low", "gpt-5.5", "low"),
        ("gpt-5.5-max", None, "gpt-5.5", "xhigh"),
        ("gpt-5.5", "none", "gpt-5.5", "low"),
        ("auto", None, "gpt-5.6-sol", None),
        ("auto-high", None, "gpt-5.6-sol", "high"),
        ("gpt-9-max", None, "gpt-9", "max"),
    ],
)
def test_a_name_says_which_model_and_how_hard(
    model: str, effort: Any, slug: str, sent: str | None
) -> None:
    target = resolve(prompt(model=model, effort=effort), FALLBACK)
    assert (target.slug, target.effort) == (slug, sent)


def test_the_key_of_a_conversation_stays_as_it_grows() -> None:
    system = Message("system", (Text("Be brief."),))
    first = prompt(system, HI)
    later = prompt(system, HI, Message("assistant", (Text("Hi."),)), HI, tools=(Tool("f"),))
    key = conversation_key(first, ACCOUNT)
    assert conversation_key(later, ACCOUNT) == key
    assert len(key) == 36


def test_another_conversation_and_another_account_have_another_key() -> None:
    keys = {
        conversation_key(prompt(), ACCOUNT),
        conversation_key(prompt(Message("user", (Text("ho"),))), ACCOUNT),
        conversation_key(prompt(Message("system", (Text("x"),)), HI), ACCOUNT),
        conversation_key(prompt(), Account(access_token=Secret("other"))),
    }
    assert len(keys) == 4


def test_a_conversation_without_a_user_has_a_key_as_well() -> None:
    assert len(conversation_key(prompt(Message("system", (Text("x"),))), ACCOUNT)) == 36


def test_a_key_of_the_clients_is_kept_if_it_can_be_sent() -> None:
    assert conversation_key(prompt(cache_key="my-key_1"), ACCOUNT) == "my-key_1"
    for odd in ("two words", "ä", "x" * 65, "line\nbreak"):
        key = conversation_key(prompt(cache_key=odd), ACCOUNT)
        assert key != odd
        assert len(key) == 36
    assert conversation_key(prompt(cache_key="ä"), ACCOUNT) != conversation_key(prompt(), ACCOUNT)


def test_half_a_surrogate_is_no_obstacle() -> None:
    assert len(conversation_key(prompt(Message("user", (Text("\ud83d"),))), ACCOUNT)) == 36


def test_the_headers_say_who_asks() -> None:
    who = Identity(Secret("at"), "acc", "me/1", Secret("door"))
    assert headers(who, accept="text/event-stream", session="key") == [
        (b"accept", b"text/event-stream"),
        (b"accept-encoding", b"identity"),
        (b"content-type", b"application/json"),
        (b"user-agent", b"me/1"),
        (b"originator", b"chat2api"),
        (b"authorization", b"Bearer at"),
        (b"chatgpt-account-id", b"acc"),
        (b"session-id", b"key"),
        (b"auth_key", b"door"),
        (b"authkey", b"door"),
    ]


def test_what_is_not_known_is_not_in_the_headers() -> None:
    names = [name for name, _ in headers(Identity(Secret(""), "", "me/1"), accept="*/*")]
    assert names == [b"accept", b"accept-encoding", b"content-type", b"user-agent", b"originator"]


@pytest.mark.parametrize(
    ("account", "account_id"),
    [
        (Account(access_token=Secret(DEMO_ACCESS_TOKEN)), DEMO_ACCOUNT_ID),
        (Account(access_token=Secret(DEMO_ACCESS_TOKEN), account_id="team"), "team"),
        (Account(access_token=Secret("x"), id_token=Secret(DEMO_ACCESS_TOKEN)), DEMO_ACCOUNT_ID),
        (Account(access_token=Secret("x")), ""),
    ],
)
def test_the_account_is_the_one_configured_or_the_one_in_the_tokens(
    account: Account, account_id: str
) -> None:
    assert identity(account, user_agent="me", auth_key=Secret("")).account_id == account_id


def test_a_model_that_makes_pictures_leaves_the_host_to_the_backend() -> None:
    tool = HostedTool("image_generation", {"model": "gpt-image-2"})
    order = {"hosted": (tool,), "tool_choice": ToolChoice(hosted="image_generation")}
    target = resolve(prompt(model="gpt-image-2", **order), FALLBACK)
    assert target.slug == FALLBACK[0].slug
    assert resolve(prompt(model="gpt-image-2", **order), ()).slug == "auto"
    assert resolve(prompt(model="gpt-5.4", **order), FALLBACK).slug == "gpt-5.4"


def test_only_an_order_turns_the_name_of_such_a_model() -> None:
    assert resolve(prompt(model="gpt-image-2"), FALLBACK).slug == "gpt-image-2"
