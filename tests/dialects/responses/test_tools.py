"""Tools and the choice among them."""

from collections.abc import Callable
from typing import Any

import pytest

from chat2api_core.dialects.responses import ResponsesRequest
from chat2api_core.dialects.responses.body import MAX_TOOLS
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import HostedKind, HostedTool, Tool, ToolChoice

Parse = Callable[..., ResponsesRequest]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
F = {"type": "function", "name": "f", "parameters": SCHEMA}
G = {"type": "custom", "name": "g"}
LARK = {"type": "grammar", "syntax": "lark", "definition": "start: /a+/"}

TOOLS: list[tuple[str, dict[str, Any], Tool]] = [
    ("strict is not said", F, Tool("f", "", SCHEMA)),
    ("strict is false", {**F, "strict": False}, Tool("f", "", SCHEMA)),
    ("strict is true", {**F, "strict": True}, Tool("f", "", SCHEMA, strict=True)),
    ("strict is null", {**F, "strict": None, "description": "d"}, Tool("f", "d", SCHEMA)),
    ("a function without parameters", {"type": "function", "name": "f"}, Tool("f")),
    ("free text", {**G, "description": "d"}, Tool("g", "d", kind="custom")),
    ("free text, said so", {**G, "format": {"type": "text"}}, Tool("g", kind="custom")),
    (
        "text by a grammar",
        {**G, "format": LARK},
        Tool("g", kind="custom", grammar="start: /a+/", syntax="lark"),
    ),
]


@pytest.mark.parametrize(
    ("declared", "expected"), [row[1:] for row in TOOLS], ids=[row[0] for row in TOOLS]
)
def test_a_declared_tool_is_a_tool(declared: dict[str, Any], expected: Tool, parse: Parse) -> None:
    request = parse(tools=[declared])
    assert request.prompt.tools == (expected,)
    assert request.warnings == ()
    assert request.native_tools == frozenset()


def test_a_namespace_is_flattened(parse: Parse) -> None:
    group = {"type": "namespace", "name": "n", "description": "", "tools": [F, G]}
    assert parse(tools=[group, F]).prompt.tools == (
        Tool("f", "", SCHEMA, namespace="n"),
        Tool("g", kind="custom", namespace="n"),
        Tool("f", "", SCHEMA),
    )


def test_the_last_declaration_of_a_name_holds(parse: Parse) -> None:
    assert parse(tools=[F, {"type": "custom", "name": "f"}]).prompt.tools == (
        Tool("f", kind="custom"),
    )


@pytest.mark.parametrize("kind", ["local_shell", "shell", "apply_patch"])
def test_a_tool_that_the_client_runs_itself_is_a_function(kind: str, parse: Parse) -> None:
    request = parse(tools=[{"type": kind}])
    (tool,) = request.prompt.tools
    assert tool.name == kind
    assert tool.kind == "function"
    assert tool.parameters is not None
    assert tool.built_in, "an upstream that knows the type may be told so"
    assert request.native_tools == {kind}


def test_a_function_named_like_a_shell_is_no_shell(parse: Parse) -> None:
    request = parse(tools=[{"type": "shell"}, {"type": "function", "name": "shell"}])
    assert request.prompt.tools == (Tool("shell"),)
    assert request.native_tools == frozenset()


def test_a_function_in_a_namespace_takes_nothing_from_a_shell(parse: Parse) -> None:
    inner = {"type": "function", "name": "shell"}
    group = {"type": "namespace", "name": "n", "description": "", "tools": [inner]}
    assert parse(tools=[{"type": "shell"}, group]).native_tools == {"shell"}


def test_hosted_tools_are_left_out_with_a_warning_and_not_echoed(parse: Parse) -> None:
    request = parse(
        tools=[
            {"type": "file_search", "vector_store_ids": ["v"]},
            F,
            {"type": "shell", "environment": {"type": "container_auto"}},
            {"type": "näw\n"},
        ]
    )
    assert [tool.name for tool in request.prompt.tools] == ["f"]
    assert request.warnings == (
        "tools[0]: 'file_search' is not a tool of this gateway; left out",
        "tools[2]: 'shell' in a hosted container is not a tool of this gateway; left out",
        "tools[3]: 'n\\xe4w\\n' is not a tool of this gateway; left out",
    )
    assert b"web_search" not in request.settings
    assert all(warning.isascii() and warning.isprintable() for warning in request.warnings)


def test_a_shell_in_the_clients_own_environment_is_kept(parse: Parse) -> None:
    assert parse(tools=[{"type": "shell", "environment": {"type": "local"}}]).native_tools


WRONG_TOOLS: list[tuple[str, dict[str, Any], str, str]] = [
    ("no type", {"name": "f"}, "tools[0].type", "is missing"),
    ("no name", {"type": "function"}, "tools[0].name", "is missing"),
    ("an empty name", {"type": "function", "name": ""}, "tools[0].name", "length >= 1"),
    ("a grammar of no sort", {**G, "format": {"type": "x"}}, "tools[0].format.type", "grammar"),
    ("an empty grammar", {**G, "format": {"type": "grammar"}}, "tools[0].format", "definition"),
    (
        "a namespace in a namespace",
        {"type": "namespace", "name": "n", "tools": [{"type": "namespace", "name": "m"}]},
        "tools[0].tools[0]",
        "within a namespace",
    ),
    (
        "a shell in a namespace",
        {"type": "namespace", "name": "n", "tools": [{"type": "shell"}]},
        "tools[0].tools[0]",
        "cannot stand in a namespace",
    ),
    (
        "too many in a namespace",
        {
            "type": "namespace",
            "name": "n",
            "tools": [{"type": "function", "name": f"f{n}"} for n in range(MAX_TOOLS + 1)],
        },
        f"tools[0].tools[{MAX_TOOLS}]",
        "one too many",
    ),
]


@pytest.mark.parametrize(
    ("declared", "param", "words"),
    [row[1:] for row in WRONG_TOOLS],
    ids=[row[0] for row in WRONG_TOOLS],
)
def test_a_wrong_tool_is_named(
    declared: dict[str, Any], param: str, words: str, parse: Parse
) -> None:
    with pytest.raises(Problem) as caught:
        parse(tools=[declared])
    assert caught.value.kind is Kind.INVALID_REQUEST
    assert caught.value.param == param
    assert words in caught.value.message


CHOICES: list[tuple[str, object, ToolChoice]] = [
    ("left to the model", "auto", ToolChoice()),
    ("forbidden", "none", ToolChoice("none")),
    ("any", "required", ToolChoice("required")),
    ("a function", {"type": "function", "name": "f"}, ToolChoice("required", ("f",))),
    ("a custom tool", {"type": "custom", "name": "g"}, ToolChoice("required", ("g",))),
    ("a shell", {"type": "shell"}, ToolChoice("required", ("shell",))),
    (
        "some of them, if the model likes",
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        ToolChoice("auto", ("f",)),
    ),
    (
        "one of some, hosted ones not counted",
        {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [{"type": "custom", "name": "g"}, {"type": "mcp", "server_label": "x"}],
        },
        ToolChoice("required", ("g",)),
    ),
    (
        "hosted ones only, if the model likes",
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "image_generation"}]},
        ToolChoice("none"),
    ),
]


@pytest.mark.parametrize(
    ("wanted", "expected"), [row[1:] for row in CHOICES], ids=[row[0] for row in CHOICES]
)
def test_a_choice_is_understood(wanted: object, expected: ToolChoice, parse: Parse) -> None:
    request = parse(tools=[F, G, {"type": "shell"}], tool_choice=wanted)
    assert request.prompt.tool_choice == expected
    assert request.prompt.hints == ()


def test_a_search_that_must_be_is_a_hint_to_the_upstream(parse: Parse) -> None:
    prompt = parse(tools=[], tool_choice={"type": "web_search_preview"}).prompt
    assert prompt.tool_choice == ToolChoice()
    assert prompt.hints == ("search",)


BAD = Kind.INVALID_REQUEST
WRONG_CHOICES: list[tuple[str, object, Kind, str]] = [
    ("a word that means nothing", "maybe", BAD, "tool_choice"),
    ("a tool that is not there", {"type": "function", "name": "h"}, BAD, "tool_choice"),
    ("a function without a name", {"type": "function"}, BAD, "tool_choice.name"),
    (
        "a search among tools",
        {"type": "tool_search"},
        Kind.UNSUPPORTED_PARAMETER,
        "tool_choice.type",
    ),
    ("a hosted tool", {"type": "file_search"}, Kind.UNSUPPORTED_PARAMETER, "tool_choice.type"),
    ("no type", {"name": "f"}, Kind.UNSUPPORTED_PARAMETER, "tool_choice.type"),
    (
        "one of some of which none is here",
        {"type": "allowed_tools", "mode": "required", "tools": [{"type": "mcp"}]},
        BAD,
        "tool_choice",
    ),
    (
        "one of some that does not exist",
        {"type": "allowed_tools", "tools": [{"type": "function", "name": "h"}]},
        BAD,
        "tool_choice.tools[0]",
    ),
    (
        "a mode that does not exist",
        {"type": "allowed_tools", "mode": "none", "tools": []},
        BAD,
        "tool_choice.mode",
    ),
]


@pytest.mark.parametrize(
    ("wanted", "kind", "param"),
    [row[1:] for row in WRONG_CHOICES],
    ids=[r[0] for r in WRONG_CHOICES],
)
def test_a_choice_that_cannot_be_honoured_is_refused(
    wanted: object, kind: Kind, param: str, parse: Parse
) -> None:
    with pytest.raises(Problem) as caught:
        parse(tools=[F], tool_choice=wanted)
    assert caught.value.kind is kind
    assert caught.value.param == param


def test_a_call_cannot_be_required_without_tools(parse: Parse) -> None:
    with pytest.raises(Problem) as caught:
        parse(tools=[{"type": "web_search"}], tool_choice="required")
    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        ("web_search", "web_search"),
        ("web_search_preview", "web_search"),
        ("web_search_preview_2025_03_11", "web_search"),
        ("image_generation", "image_generation"),
    ],
)
def test_a_tool_that_an_upstream_may_run_is_kept_apart(
    parse: Parse, declared: str, kind: HostedKind
) -> None:
    request = parse(tools=[{"type": declared, "size": "auto"}])
    assert request.prompt.tools == ()
    assert request.prompt.hosted == (HostedTool(kind, {"size": "auto"}),)
    assert request.warnings == ()


def test_a_hosted_tool_that_was_declared_can_be_chosen(parse: Parse) -> None:
    drawn = parse(tools=[{"type": "image_generation"}], tool_choice={"type": "image_generation"})
    assert drawn.prompt.tool_choice == ToolChoice(hosted="image_generation")
    searched = parse(tools=[{"type": "web_search"}], tool_choice={"type": "web_search"})
    assert searched.prompt.tool_choice == ToolChoice(hosted="web_search")
    assert searched.prompt.hints == ("search",)


def test_a_hosted_tool_that_was_not_declared_cannot_be_chosen(parse: Parse) -> None:
    with pytest.raises(Problem) as caught:
        parse(tools=[], tool_choice={"type": "image_generation"})
    assert caught.value.param == "tool_choice.type"


def test_a_hosted_tool_has_no_place_in_a_namespace(parse: Parse) -> None:
    space = {"type": "namespace", "name": "n", "tools": [{"type": "web_search"}]}
    with pytest.raises(Problem) as caught:
        parse(tools=[space])
    assert caught.value.param == "tools[0].tools[0]"


def test_a_search_among_tools_is_kept_with_a_word_of_who_makes_one(parse: Parse) -> None:
    options = {"execution": "client", "description": "Find.", "parameters": {"type": "object"}}
    deferred = {"type": "function", "name": "f", "defer_loading": True}
    request = parse(tools=[{"type": "tool_search", **options}, deferred])
    assert request.prompt.hosted == (HostedTool("tool_search", options),)
    assert request.warnings == ("tools[0]: tool_search is for the upstream codex only",)
    (tool,) = request.prompt.tools
    assert tool.deferred
