"""The Codex backend: what it takes, what it refuses, how it answers."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from chat2api_core.emulator import (
    DEMO_ACCESS_TOKEN,
    Account,
    At,
    Call,
    Cite,
    Emulator,
    Fail,
    Frame,
    Hidden,
    Image,
    Named,
    Ping,
    Reply,
    Say,
    Search,
    Source,
    Stop,
    Think,
    make_access_token,
)
from chat2api_core.emulator.codex.plans import Plans
from chat2api_core.emulator.codex.seals import opens, seal
from chat2api_core.emulator.pixels import size_of
from tests.emulator.browser import Browser, Request, Response, drive, said_by

Make = Callable[..., Emulator]
HEADERS = {
    "authorization": f"Bearer {DEMO_ACCESS_TOKEN}",
    "chatgpt-account-id": "00000000-de30-4000-8000-000000000001",
    "content-type": "application/json",
    "accept": "text/event-stream",
    "originator": "codex_cli_rs",
    "user-agent": "codex_cli_rs/0.146.0",
}
HI = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
CALL = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "12:00"}
TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
GOOD: dict[str, Any] = {
    "model": "gpt-5.5",
    "instructions": "",
    "input": [HI],
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
}


def post(emulator: Emulator, body: object, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {name: value for name, value in (HEADERS | named).items() if value}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request("POST", "/backend-api/codex/responses", sent, raw)
    return asyncio.run(drive(emulator, request))


def get(emulator: Emulator, path: str, query: str = "", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request("GET", f"/backend-api{path}", HEADERS | named, query=query)
    return asyncio.run(drive(emulator, request))


def events(response: Response) -> list[Any]:
    """The events, each of which has the name that its data say."""
    assert response.status == 200, response.body
    found = []
    for block in response.body.decode().split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            event = json.loads(lines[1].removeprefix("data: "))
            assert lines[0] == f"event: {event['type']}"
            found.append(event)
    return found


def told(emulator: Emulator, *steps: Any, **body: Any) -> list[Any]:
    emulator.script.push(Reply(steps))
    return events(post(emulator, GOOD | body))


def kinds(found: list[Any]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in found]


def items(found: list[Any]) -> list[Any]:
    return [event["item"] for event in found if event["type"].endswith("output_item.done")]


# --------------------------------------------------------------------------------- the answers


def test_text_has_the_official_order_of_events(emulator: Emulator) -> None:
    found = told(emulator, Say(("One ", "moment.")))
    assert kinds(found) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in found] == list(range(10))
    assert found[-1]["response"]["output"] == []
    assert found[-1]["response"]["usage"]["output_tokens"] == 2
    assert items(found)[0]["content"][0]["text"] == "One moment."


def test_thinking_is_a_summary_in_sections_and_a_seal(emulator: Emulator) -> None:
    found = told(emulator, Think("First", ("a", "b")), Think("Second"), Say(("Done.",)))
    reasoning, message = items(found)
    assert [part["text"] for part in reasoning["summary"]] == ["**First**\n\nab", "**Second**"]
    assert reasoning["encrypted_content"].startswith("gAAAAA")
    assert message["type"] == "message"
    assert kinds(found)[3:9] == [
        "reasoning_summary_part.added",
        *["reasoning_summary_text.delta"] * 4,
        "reasoning_summary_text.done",
    ]


def test_a_seal_is_given_to_those_who_ask(emulator: Emulator) -> None:
    (reasoning,) = items(told(emulator, Think("First"), include=[]))
    assert "encrypted_content" not in reasoning


@pytest.mark.parametrize(
    ("kind", "item_type", "field", "piece"),
    [
        ("function", "function_call", "arguments", "function_call_arguments"),
        ("custom", "custom_tool_call", "input", "custom_tool_call_input"),
    ],
)
def test_a_call_comes_in_pieces(
    emulator: Emulator, kind: Any, item_type: str, field: str, piece: str
) -> None:
    found = told(emulator, Call("f", ("{", "}"), kind, "space"))
    assert kinds(found)[2:7] == [
        "output_item.added",
        f"{piece}.delta",
        f"{piece}.delta",
        f"{piece}.done",
        "output_item.done",
    ]
    (item,) = items(found)
    assert (item["type"], item["name"], item[field]) == (item_type, "f", "{}")
    assert item["namespace"] == "space"


def test_sources_are_cited_with_offsets_in_their_text(emulator: Emulator) -> None:
    source = Source("https://m.example/t", "Titan")
    steps = (Search("moons", (source,)), Say(("Titan ",)), Cite((0, 7)), Say((".",)))
    search, message = items(told(emulator, *steps))
    assert search["action"] == {"type": "search", "query": "moons"}
    (part,) = message["content"]
    (note,) = part["annotations"]
    assert part["text"][note["start_index"] : note["end_index"]] == (
        "([m.example](https://m.example/t))"
    )


EASEL: dict[str, Any] = {"type": "image_generation", "size": "64x32", "output_format": "png"}


def test_a_picture_comes_as_its_bytes(emulator: Emulator) -> None:
    found = told(emulator, Image("", "A moon"), tools=[EASEL])
    (item,) = items(found)
    assert kinds(found)[2:6] == [
        "output_item.added",
        "image_generation_call.in_progress",
        "image_generation_call.generating",
        "output_item.done",
    ]
    assert item["type"] == "image_generation_call"
    assert size_of(base64.b64decode(item["result"])) == (64, 32)
    assert (item["size"], item["revised_prompt"]) == ("64x32", "A moon")


def test_previews_come_where_they_are_asked_for(emulator: Emulator) -> None:
    easel = EASEL | {"partial_images": 2}
    found = told(emulator, Image("", "A moon", previews=3), tools=[easel])
    views = [event for event in found if event["type"].endswith("partial_image")]
    assert [view["partial_image_index"] for view in views] == [0, 1]
    assert size_of(base64.b64decode(views[0]["partial_image_b64"])) == (64, 32)
    assert views[0]["partial_image_b64"] != views[1]["partial_image_b64"]


def test_without_the_tool_nothing_is_drawn(emulator: Emulator) -> None:
    assert items(told(emulator, Image("", "A moon"))) == []


def test_who_orders_a_picture_gets_one(emulator: Emulator) -> None:
    order = {"tools": [EASEL], "tool_choice": {"type": "image_generation"}}
    (item,) = items(events(post(emulator, GOOD | order)))
    assert item["type"] == "image_generation_call"


@pytest.mark.parametrize(
    "easel",
    [
        {"colour": "red"},
        {"size": "huge"},
        {"quality": "hd"},
        {"partial_images": 4},
        {"model": "dall-e-3"},
        {"action": "edit"},
        {"input_image_mask": {"image_url": "data:image/png;base64,AA=="}},
        {"output_format": "bmp"},
    ],
    ids=str,
)
def test_an_option_that_the_tool_does_not_know_is_refused(emulator: Emulator, easel: Any) -> None:
    response = post(emulator, GOOD | {"tools": [EASEL | easel]})
    assert response.status == 400
    assert response.json["error"]["param"].startswith("tools[0]")


def test_a_choice_without_the_tool_is_refused(emulator: Emulator) -> None:
    response = post(emulator, GOOD | {"tool_choice": {"type": "image_generation"}})
    assert (response.status, response.json["error"]["param"]) == (400, "tool_choice")


def test_a_mask_is_taken_with_a_picture(emulator: Emulator) -> None:
    url = "data:image/png;base64,AA=="
    content = [{"type": "input_image", "image_url": url}, {"type": "input_text", "text": "Hm"}]
    easel = EASEL | {"action": "edit", "input_image_mask": {"image_url": url}}
    said = [{"type": "message", "role": "user", "content": content}]
    assert post(emulator, GOOD | {"input": said, "tools": [easel]}).status == 200


@pytest.mark.parametrize(
    ("reason", "last", "why"),
    [
        ("max_tokens", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
        ("stop", "completed", None),
    ],
)
def test_an_answer_may_stop_early(emulator: Emulator, reason: Any, last: str, why: Any) -> None:
    found = told(emulator, Say(("Half",)), Stop(reason), Say((" and half",)))
    assert kinds(found)[-1] == last
    assert found[-1]["response"].get("incomplete_details", {}).get("reason") == why
    assert items(found)[0]["content"][0]["text"] == "Half"


def test_an_answer_may_fail_in_either_way(emulator: Emulator) -> None:
    failed = told(emulator, Fail("Oh.", "server_is_overloaded"))[-1]
    assert failed["response"]["error"] == {"code": "server_is_overloaded", "message": "Oh."}
    typed = told(emulator, Fail("Oh.", form="typed"))[-1]
    assert (typed["type"], typed["code"]) == ("error", "server_error")


def test_steps_of_the_other_backend_are_passed_over(emulator: Emulator) -> None:
    frame = Frame('event: keepalive\ndata: {"type":"keepalive"}\n\n')
    found = told(emulator, Hidden("SECRET"), Ping(), frame, Say(("Hi",)))
    assert "SECRET" not in json.dumps(found)
    assert "keepalive" in kinds(found)


def test_the_model_hears_the_tools_and_the_effort(make: Make) -> None:
    heard: list[Any] = []

    def model(turn: Any) -> Reply:
        heard.append(turn)
        return Reply((Say(("Yes.",)),))

    emulator = make(model=model)
    post(emulator, GOOD | {"tools": [TOOL], "reasoning": {"effort": "low"}})
    assert heard[0].last_user_text == "hi"
    assert heard[0].heading.tools == ("f",)
    assert heard[0].heading.thinking_effort == "low"


def test_a_shell_of_a_type_of_its_own_is_called_by_it(emulator: Emulator) -> None:
    shell = {"model": "codex-mini-latest", "tools": [{"type": "local_shell"}]}
    found = told(emulator, Call("local_shell", ('{"command": ', '["ls"]}')), **shell)
    (item,) = items(found)
    assert (item["type"], item["action"]["command"]) == ("local_shell_call", ["ls"])
    assert kinds(found)[2:4] == ["output_item.added", "output_item.done"]
    (plain,) = items(told(emulator, Call("local_shell", ("{}",)), tools=[TOOL]))
    assert plain["type"] == "function_call"


def test_a_call_is_passed_over_by_the_other_backend(emulator: Emulator) -> None:
    emulator.script.push(Reply((Call("f"), Say(("Hi",)))))
    assert said_by(Browser(emulator).ask("hi").body) == "Hi"


def test_a_result_of_a_tool_is_heard(emulator: Emulator) -> None:
    found = events(post(emulator, GOOD | {"input": [HI, CALL, RESULT]}))
    assert items(found)[0]["content"][0]["text"] == "The tool says: 12:00"


def test_a_call_can_be_asked_for(emulator: Emulator) -> None:
    asked = {**HI, "content": '/emulate call f {"a": 1}'}
    (item,) = items(events(post(emulator, GOOD | {"input": [asked]})))
    assert (item["name"], item["arguments"]) == ("f", '{"a": 1}')


def test_a_call_of_nothing_is_asked_back(emulator: Emulator) -> None:
    asked = {**HI, "content": "/emulate call"}
    (item,) = items(events(post(emulator, GOOD | {"input": [asked]})))
    assert "Which tool?" in item["content"][0]["text"]


def test_the_use_of_the_plan_is_told(emulator: Emulator) -> None:
    for _ in range(11):
        response = post(emulator, GOOD)
    assert response.header("x-codex-primary-used-percent") == "11"
    assert response.header("x-codex-secondary-used-percent") == "1"
    assert response.header("x-codex-primary-window-minutes") == "300"
    usage = get(emulator, "/wham/usage").json
    assert usage["rate_limit"]["primary_window"]["used_percent"] == 11
    emulator.reset()
    usage = get(emulator, "/wham/usage").json
    assert usage["rate_limit"]["primary_window"]["used_percent"] == 0


def test_only_so_many_owners_are_kept() -> None:
    plans = Plans()
    for number in range(1_001):
        plans.use(f"owner {number}")
    assert ("x-codex-primary-used-percent", "0") in plans.headers("owner 0", "plus", 0)
    assert ("x-codex-primary-used-percent", "1") in plans.headers("owner 1", "plus", 0)


def test_a_refusal_can_be_ordered(emulator: Emulator) -> None:
    emulator.script.push(At("codex", Named("codex 429 usage")))
    refused = post(emulator, GOOD)
    assert refused.status == 429
    assert refused.json["error"]["type"] == "usage_limit_reached"
    assert refused.header("x-codex-primary-used-percent") == "100"


def test_a_model_may_refuse_the_turn(make: Make) -> None:
    emulator = make(model=lambda _: Named("codex 400 context"))
    assert post(emulator, GOOD).json["error"]["code"] == "context_length_exceeded"


# --------------------------------------------------------------------------------- the refusals


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"temperature": 1}, "Unsupported parameter: temperature"),
        ({"max_output_tokens": 1}, "Unsupported parameter: max_output_tokens"),
        ({"previous_response_id": "r"}, "Unsupported parameter: previous_response_id"),
        ({"store": True}, "Store must be set to false"),
        ({"stream": False}, "Stream must be set to true"),
        ({"input": "hi"}, "Input must be a list"),
        ({"service_tier": "flex"}, "Unsupported service_tier"),
        ({"input": [{**HI, "role": "system"}]}, "System messages are not allowed"),
        (
            {"model": "gpt-4"},
            "The 'gpt-4' model is not supported when using Codex with a ChatGPT account.",
        ),
    ],
)
def test_what_is_not_for_codex_is_refused_in_plain_words(
    emulator: Emulator, body: Any, detail: str
) -> None:
    refused = post(emulator, GOOD | body)
    assert (refused.status, refused.json) == (400, {"detail": detail})


def item(**fields: Any) -> dict[str, Any]:
    return {"input": [HI, fields]}


RAN = {
    "type": "local_shell_call",
    "call_id": "call_1",
    "action": {"type": "exec", "command": ["ls"], "env": {}},
}
MARK = {"type": "url_citation", "start_index": 0, "end_index": 2, "url": "u", "title": "t"}


def cited(mark: dict[str, Any]) -> dict[str, Any]:
    part = {"type": "output_text", "text": "Hi", "annotations": [mark]}
    return {"type": "message", "role": "assistant", "content": [part]}


WRONG: dict[str, tuple[Any, str | None, str | None]] = {
    "an effort that the model lacks": (
        {"reasoning": {"effort": "max"}},
        "reasoning.effort",
        "unsupported_value",
    ),
    "a field of a wrong type": ({"instructions": 7}, None, "invalid_type"),
    "an endless key": (
        {"prompt_cache_key": "x" * 65},
        "prompt_cache_key",
        "string_above_max_length",
    ),
    "a tool of a wrong type": ({"tools": [{"type": 7}]}, "tools[0]", "invalid_type"),
    "a tool of an unknown kind": (
        {"tools": [{"type": "magic"}]},
        "tools[0].type",
        "invalid_value",
    ),
    "a tool with an endless name": (
        {"tools": [TOOL | {"name": "x" * 65}]},
        "tools[0].name",
        "invalid_value",
    ),
    "a tool without a name": ({"tools": [{"type": "custom"}]}, "tools[0].name", "invalid_value"),
    "a schema that is no object": (
        {"tools": [TOOL | {"parameters": {"type": "array"}}]},
        "tools[0].parameters",
        "invalid_function_parameters",
    ),
    "a wrong tool in a namespace": (
        {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "magic"}]}]},
        "tools[0].tools[0].type",
        "invalid_value",
    ),
    "a call of nothing": ({"tool_choice": "required"}, "tool_choice", None),
    "a choice that is none": ({"tool_choice": "maybe"}, "tool_choice", "invalid_value"),
    "a choice of a tool that is not there": (
        {"tools": [TOOL], "tool_choice": {"type": "function", "name": "g"}},
        "tool_choice",
        None,
    ),
    "an id of another kind": (item(**CALL, id="msg_1"), "input[1].id", "invalid_value"),
    "an endless id": (item(**HI, id="msg_" + "x" * 64), "input[1].id", "invalid_value"),
    "an item of an unknown kind": (item(type="magic"), "input[1].type", "invalid_value"),
    "a reference": (item(type="item_reference", id="x"), "input[1].type", "invalid_value"),
    "a role that is none": (item(**{**HI, "role": "tool"}), "input[1].role", "invalid_value"),
    "a phase that is none": (
        item(**{**HI, "role": "assistant", "phase": "x"}),
        "input[1].phase",
        "invalid_value",
    ),
    "a phase of a user": (
        item(**HI, phase="commentary"),
        "input[1].phase",
        "invalid_value",
    ),
    "a search of an unknown kind": (
        item(type="web_search_call", action={"type": "guess"}),
        "input[1].action.type",
        "invalid_value",
    ),
    "a picture without its bytes": (
        item(type="image_generation_call", id="ig_1", status="completed"),
        "input[1].result",
        None,
    ),
    "a picture without an id": (
        item(type="image_generation_call", status="completed", result="QQ=="),
        "input[1].id",
        None,
    ),
    "an empty message": (item(**{**HI, "content": []}), "input[1].content", None),
    "words of the assistant as input": (
        item(**{**HI, "role": "assistant"}),
        "input[1].content",
        "invalid_value",
    ),
    "a result of no call": (item(**RESULT), "input", None),
    "a result of another kind": (
        {"input": [HI, CALL, {**RESULT, "type": "custom_tool_call_output"}]},
        "input",
        None,
    ),
    "a call without a result": (item(**CALL), "input", None),
    "a call with an endless id": (
        item(**{**CALL, "call_id": "x" * 65}),
        "input[1]",
        "invalid_value",
    ),
    "a call of an odd name": (
        item(**{**CALL, "name": "a.b"}),
        "input[1].name",
        "invalid_value",
    ),
    "a shell of a type of its own, for a model that knows none": (
        {"tools": [{"type": "local_shell"}]},
        "tools[0]",
        "invalid_value",
    ),
    "a search among tools by nobody": (
        {"tools": [{"type": "tool_search"}]},
        "tools[0].execution",
        "invalid_value",
    ),
    "a call of a shell that runs nothing": (
        item(**{**RAN, "action": {"type": "exec"}}),
        "input[1].action",
        "invalid_type",
    ),
    "a call of a shell without a name": (
        item(type="local_shell_call", action=RAN["action"]),
        "input[1].call_id",
        "invalid_value",
    ),
    "a mark of no kind": (
        item(**cited({"start_index": 0})),
        "input[1].content.annotations",
        "invalid_type",
    ),
    "a mark beyond the text": (
        item(**cited({**MARK, "end_index": 9})),
        "input[1].content.annotations",
        "invalid_value",
    ),
    "reasoning that is not sealed": (
        item(type="reasoning", summary=[]),
        "input[1].encrypted_content",
        "invalid_encrypted_content",
    ),
    "reasoning of somebody else": (
        item(type="reasoning", summary=[], encrypted_content=seal("somebody", "rs_1")),
        "input[1].encrypted_content",
        "invalid_encrypted_content",
    ),
}


@pytest.mark.parametrize(("body", "param", "code"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_blamed_on_its_place(
    emulator: Emulator, body: Any, param: str | None, code: str | None
) -> None:
    refused = post(emulator, GOOD | body)
    assert refused.status == 400
    error = refused.json["error"]
    assert (error["param"], error["code"]) == (param, code)


RIGHT: dict[str, Any] = {
    "a whole turn": {"input": [HI, CALL, RESULT]},
    "a turn with ids": {"input": [{**HI, "id": "msg_1"}, {**CALL, "id": "fc_1"}, RESULT]},
    "texts in short": {"input": [{**HI, "content": "hi"}, {**HI, "role": "developer"}]},
    "tools of every kind": {
        "tools": [
            TOOL,
            {"type": "custom", "name": "c", "format": {"type": "text"}},
            {"type": "namespace", "name": "n", "tools": [TOOL]},
            {"type": "web_search"},
            {"type": "image_generation", "output_format": "png"},
        ],
        "tool_choice": {"type": "image_generation"},
        "parallel_tool_calls": False,
    },
    "a search among tools": {
        "tools": [TOOL | {"defer_loading": True}, {"type": "tool_search", "execution": "client"}]
    },
    "a shell of a type of its own": {
        "model": "codex-mini-latest",
        "tools": [{"type": "local_shell"}],
        "input": [HI, RAN, RESULT],
    },
    "what was said with its sources": item(**cited(MARK)),
    "a form": {"text": {"verbosity": "low", "format": {"type": "json_object"}}},
    "a tier and a key": {"service_tier": "priority", "prompt_cache_key": "k"},
    "what the command line adds": {"client_metadata": {"session_id": "s"}},
    "what hosted tools did": item(type="web_search_call", id="ws_1"),
    "what a search did": item(type="web_search_call", action={"type": "search", "query": "q"}),
    "what a server of tools did": item(
        type="mcp_call", id="mcp_1", name="n", arguments="{}", server_label="s"
    ),
    "a picture of an earlier turn": item(
        type="image_generation_call", id="ig_1", status="completed", result="QQ=="
    ),
    "what was said on the way": {
        "input": [
            {
                "type": "message",
                "role": "assistant",
                "phase": "commentary",
                "content": [{"type": "output_text", "text": "Hm."}],
            },
            HI,
        ]
    },
}


@pytest.mark.parametrize("body", RIGHT.values(), ids=RIGHT)
def test_what_is_right_is_answered(emulator: Emulator, body: Any) -> None:
    assert kinds(events(post(emulator, GOOD | body)))[-1] == "completed"


@pytest.mark.parametrize("body", [b"", b"{oops", b"[]"])
def test_what_is_no_object_is_refused(emulator: Emulator, body: bytes) -> None:
    assert post(emulator, body).status == 400


def test_sealed_reasoning_is_taken_back_under_its_own_id_or_none(emulator: Emulator) -> None:
    (reasoning,) = items(told(emulator, Think("Hm")))
    nameless = {name: value for name, value in reasoning.items() if name != "id"}
    assert post(emulator, GOOD | {"input": [reasoning, HI]}).status == 200
    assert post(emulator, GOOD | {"input": [nameless, HI]}).status == 200
    assert post(emulator, GOOD | {"input": [{**reasoning, "id": "rs_x"}, HI]}).status == 400


@pytest.mark.parametrize("text", ["", "gAAAAAB", "gAAAAABäää", "gAAAAAB====", "eyJ"])
def test_nonsense_is_no_seal(text: str) -> None:
    assert not opens(text, "owner", None)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": ""}, 401),
        ({"chatgpt_account_id": ""}, 400),
        ({"originator": ""}, 400),
        ({"user_agent": ""}, 400),
        ({"accept": "application/json"}, 406),
        ({"content_type": "text/plain"}, 415),
    ],
)
def test_the_headers_have_to_be_there(
    emulator: Emulator, headers: dict[str, str], status: int
) -> None:
    assert post(emulator, GOOD, **headers).status == status


# --------------------------------------------------------------------------------- the models


def test_the_models_have_the_shape_of_the_real_ones(emulator: Emulator) -> None:
    listed = get(emulator, "/codex/models", "client_version=0.146.0").json["models"]
    assert [model["slug"] for model in listed][:3] == ["gpt-5.6-sol", "gpt-5.6-luna", "gpt-5.5"]
    levels = [level["effort"] for level in listed[2]["supported_reasoning_levels"]]
    assert levels == ["low", "medium", "high", "xhigh"]


def test_a_client_that_knows_the_list_is_told_so(emulator: Emulator) -> None:
    first = get(emulator, "/codex/models", "client_version=1")
    again = get(emulator, "/codex/models", "client_version=1", if_none_match=first.header("etag"))
    assert (again.status, again.body) == (304, b"")


def test_an_old_client_sees_fewer_models(emulator: Emulator) -> None:
    listed = get(emulator, "/codex/models", "client_version=0.61.0").json["models"]
    assert [model["slug"] for model in listed] == ["gpt-5.3-codex"]


def test_the_list_is_for_clients_that_say_their_version(emulator: Emulator) -> None:
    assert get(emulator, "/codex/models").status == 400


def test_a_free_plan_has_fewer_models(make: Make) -> None:
    emulator = make(accounts=[Account(account_id="a", plan="free")])
    token = make_access_token(account_id="a", plan="free")
    headers = {"authorization": f"Bearer {token}", "chatgpt_account_id": "a"}
    listed = get(emulator, "/codex/models", "client_version=1", **headers).json["models"]
    assert [model["slug"] for model in listed] == ["gpt-5.5", "gpt-5.4-mini"]
    assert post(emulator, GOOD | {"model": "gpt-5.6-sol"}, **headers).status == 400
