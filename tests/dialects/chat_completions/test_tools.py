"""Tools, the choice among them, and their older forms."""

from collections.abc import Callable
from typing import Any

import pytest

from chat2api_core.dialects.chat_completions import ChatRequest
from chat2api_core.dialects.chat_completions.body import MAX_TOOLS
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Tool, ToolChoice

Json = dict[str, Any]
Parse = Callable[..., ChatRequest]
Refuse = Callable[..., Problem]

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def function(name: object = "f", **more: object) -> Json:
    return {"type": "function", "function": {"name": name, **more}}


def custom(name: object = "g", **more: object) -> Json:
    return {"type": "custom", "custom": {"name": name, **more}}


def by_grammar(**grammar: object) -> Json:
    return {"type": "grammar", "grammar": grammar}


LARK = by_grammar(syntax="lark", definition="start: /a+/")

TOOLS: list[tuple[str, Json, Tool]] = [
    ("nothing but a name", function(), Tool("f")),
    ("all that a function has", function(description="d", parameters=SCHEMA, strict=True),
     Tool("f", "d", SCHEMA, strict=True)),
    ("null instead of nothing", function(description=None, parameters=None, strict=None),
     Tool("f")),
    ("strict is false", function(strict=False), Tool("f")),
    ("a schema without a type", function(parameters={}), Tool("f", "", {})),
    ("an object or null", function(parameters={"type": ["object", "null"]}),
     Tool("f", "", {"type": ["object", "null"]})),
    ("a name of 64 characters", function("Az09_-" + "x" * 58), Tool("Az09_-" + "x" * 58)),
    ("free text", custom(description="d"), Tool("g", "d", kind="custom")),
    ("free text, said so", custom(format={"type": "text"}), Tool("g", kind="custom")),
    ("text by a grammar", custom(format=LARK),
     Tool("g", kind="custom", grammar="start: /a+/", syntax="lark")),
    ("text by an expression", custom(format=by_grammar(syntax="regex", definition="a+")),
     Tool("g", kind="custom", grammar="a+", syntax="regex")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("declared", "expected"), [row[1:] for row in TOOLS], ids=[row[0] for row in TOOLS]
)
def test_a_declared_tool_is_a_tool(declared: Json, expected: Tool, parse: Parse) -> None:
    request = parse(tools=[declared])
    assert request.prompt.tools == (expected,)
    assert request.prompt.tool_choice == ToolChoice()
    assert request.prompt.parallel_tool_calls is True
    assert request.older_calls is False


def test_tools_keep_their_order(parse: Parse) -> None:
    declared = [custom("b"), function("c"), function("a")]
    assert [tool.name for tool in parse(tools=declared).prompt.tools] == ["b", "c", "a"]


def test_there_may_be_as_many_tools_as_the_limit_says(parse: Parse) -> None:
    declared = [function(f"f{number}") for number in range(MAX_TOOLS)]
    assert len(parse(tools=declared).prompt.tools) == MAX_TOOLS


def test_calls_may_be_asked_for_one_at_a_time(parse: Parse) -> None:
    assert not parse(tools=[function()], parallel_tool_calls=False).prompt.parallel_tool_calls


# ------------------------------------------------------------------------------------ the choice

BOTH = [function("f"), custom("g"), function("h")]


def allowed(mode: object, *tools: object) -> Json:
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": list(tools)}}


CHOICES: list[tuple[object, ToolChoice]] = [
    ("auto", ToolChoice("auto")),
    ("none", ToolChoice("none")),
    ("required", ToolChoice("required")),
    (function("f"), ToolChoice("required", ("f",))),
    (custom("g"), ToolChoice("required", ("g",))),
    (allowed("auto", function("h"), custom("g")), ToolChoice("auto", ("h", "g"))),
    (allowed("required", function("h")), ToolChoice("required", ("h",))),
]


@pytest.mark.parametrize(("wanted", "expected"), CHOICES)
def test_every_form_of_the_choice_is_understood(
    wanted: object, expected: ToolChoice, parse: Parse
) -> None:
    prompt = parse(tools=BOTH, tool_choice=wanted).prompt
    assert prompt.tool_choice == expected
    assert len(prompt.tools) == 3


def test_a_choice_that_forbids_calls_needs_no_tools(parse: Parse) -> None:
    assert parse(tool_choice="none").prompt.tool_choice == ToolChoice("none")


# -------------------------------------------------------------------------------- the older form

F = {"name": "f", "description": "d", "parameters": SCHEMA}


def test_functions_are_tools_of_which_one_at_a_time_is_called(parse: Parse) -> None:
    request = parse(functions=[F, {"name": "e"}])
    assert request.older_calls is True
    assert request.prompt.tools == (Tool("f", "d", SCHEMA), Tool("e"))
    assert request.prompt.tool_choice == ToolChoice()
    assert request.prompt.parallel_tool_calls is False


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ({"name": "f"}, ToolChoice("required", ("f",))),
    ],
)
def test_the_older_choice_is_understood(wanted: object, expected: ToolChoice, parse: Parse) -> None:
    assert parse(functions=[F], function_call=wanted).prompt.tool_choice == expected


# ------------------------------------------------------------------------------------ what is wrong

NAME = "must match ^[a-zA-Z0-9_-]{1,64}$."
OBJECT = "must be a JSON Schema of the type object."
KINDS = "it is one of: function or custom."
WRONG: list[tuple[str, Json, str, str]] = [
    ("no list", {"tools": {}}, "tools", "must be an array or null, not an object."),
    ("no object", {"tools": ["f"]}, "tools[0]", "must be an object, not a string."),
    ("no type", {"tools": [{"function": F}]}, "tools[0].type", "is missing."),
    ("a hosted tool", {"tools": [function(), {"type": "web_search"}]}, "tools[1].type",
     f"cannot be 'web_search'; {KINDS}"),
    ("no function", {"tools": [{"type": "function"}]}, "tools[0].function", "is missing."),
    ("no name", {"tools": [{"type": "custom", "custom": {}}]}, "tools[0].custom.name",
     "is missing."),
    ("an empty name", {"tools": [function("")]}, "tools[0].function.name", NAME),
    ("a name with a blank", {"tools": [function("get it")]}, "tools[0].function.name", NAME),
    ("a name that ends its line", {"tools": [function("f\n")]}, "tools[0].function.name", NAME),
    ("a long name", {"tools": [custom("x" * 65)]}, "tools[0].custom.name", NAME),
    ("the same name twice", {"tools": [function("f"), custom("g"), function("f")]},
     "tools[2].function.name",
     "is taken already: tools[0].function.name has the same."),
    ("one name for two kinds", {"tools": [function("f"), custom("f")]}, "tools[1].custom.name",
     "is taken already: tools[0].function.name has the same."),
    ("a schema that is no object", {"tools": [function(parameters=[])]},
     "tools[0].function.parameters", "must be an object or null, not an array."),
    ("a schema of no object", {"tools": [function(parameters={"type": "string"})]},
     "tools[0].function.parameters", OBJECT),
    ("a schema of several other things", {"tools": [function(parameters={"type": ["null"]})]},
     "tools[0].function.parameters", OBJECT),
    ("strict in words", {"tools": [function(strict="yes")]}, "tools[0].function.strict",
     "must be a boolean or null, not a string."),
    ("a form that does not exist", {"tools": [custom(format={"type": "json"})]},
     "tools[0].custom.format.type", "cannot be 'json'; it is one of: text or grammar."),
    ("a grammar without words", {"tools": [custom(format=by_grammar(syntax="lark"))]},
     "tools[0].custom.format.grammar.definition", "is missing."),
    ("a grammar of no known sort",
     {"tools": [custom(format=by_grammar(syntax="ebnf", definition="x"))]},
     "tools[0].custom.format.grammar.syntax",
     "cannot be 'ebnf'; it is one of: lark or regex."),
    ("one tool too many", {"tools": [function(f"f{n}") for n in range(MAX_TOOLS + 1)]}, "tools",
     f"must be an array of length <= {MAX_TOOLS}."),
    ("a call wanted of nothing", {"tool_choice": "required"}, "tool_choice",
     "asks for a call, but the request has no tools."),
    ("a word that is no choice", {"tools": BOTH, "tool_choice": "any"}, "tool_choice",
     "cannot be 'any'; it is one of: auto, none, required or an object."),
    ("a choice of no known type", {"tools": BOTH, "tool_choice": {"type": "mcp"}},
     "tool_choice.type", "cannot be 'mcp'; it is one of: function, custom or allowed_tools."),
    ("a choice without a name", {"tools": BOTH, "tool_choice": {"type": "function"}},
     "tool_choice.function", "is missing."),
    ("a function that is not there", {"tools": BOTH, "tool_choice": function("x")},
     "tool_choice.function.name", "must be the name of one of the tools of the type function."),
    ("a custom tool called a function", {"tools": BOTH, "tool_choice": function("g")},
     "tool_choice.function.name", "must be the name of one of the tools of the type function."),
    ("a function called a custom tool", {"tools": BOTH, "tool_choice": custom("f")},
     "tool_choice.custom.name", "must be the name of one of the tools of the type custom."),
    ("a choice among nothing", {"tools": BOTH, "tool_choice": allowed("auto")},
     "tool_choice.allowed_tools.tools", "must be an array of length >= 1."),
    ("allowed in no known mode", {"tools": BOTH, "tool_choice": allowed("none", function("f"))},
     "tool_choice.allowed_tools.mode", "cannot be 'none'; it is one of: auto or required."),
    ("allowed but not there",
     {"tools": BOTH, "tool_choice": allowed("auto", function("f"), function("x"))},
     "tool_choice.allowed_tools.tools[1].function.name",
     "must be the name of one of the tools of the type function."),
    ("allowed and of no known type",
     {"tools": BOTH, "tool_choice": allowed("auto", {"type": "mcp"})},
     "tool_choice.allowed_tools.tools[0].type", f"cannot be 'mcp'; {KINDS}"),
    ("parallel in words", {"parallel_tool_calls": "no"}, "parallel_tool_calls",
     "must be a boolean or null, not a string."),
    ("both forms at once", {"tools": BOTH, "functions": [F]}, "functions",
     "cannot be used together with tools."),
    ("the older form of a bad name", {"functions": [{"name": "a.b"}]}, "functions[0].name", NAME),
    ("the older form of a bad schema", {"functions": [{**F, "parameters": {"type": "array"}}]},
     "functions[0].parameters", OBJECT),
    ("the older form of a name twice", {"functions": [F, F]}, "functions[1].name",
     "is taken already: functions[0].name has the same."),
    ("the older form of a word that is no choice", {"functions": [F], "function_call": "required"},
     "function_call",
     "cannot be 'required'; it is one of: auto, none or an object with a name."),
    ("the older form of a choice that is not there",
     {"functions": [F], "function_call": {"name": "x"}}, "function_call.name",
     "must be the name of one of the functions."),
    ("the older choice of a newer tool", {"tools": BOTH, "function_call": {"name": "f"}},
     "function_call.name", "must be the name of one of the functions."),
    ("the newer choice of an older tool", {"functions": [F], "tool_choice": function("f")},
     "tool_choice.function.name", "must be the name of one of the tools of the type function."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "param", "words"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_what_is_wrong_is_named_by_its_path(
    body: Json, param: str, words: str, refuse: Refuse
) -> None:
    problem = refuse(**body)
    assert problem.kind is Kind.INVALID_REQUEST
    assert problem.param == param
    assert problem.message == f"{param} {words}"
