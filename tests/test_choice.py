"""Which upstreams may answer, the best one first."""

from collections.abc import Mapping
from typing import Any, Literal

import pytest

from chat2api_core.choice import choose, read_prefix
from chat2api_core.compaction import compaction
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import (
    Format,
    HostedTool,
    Message,
    Native,
    Prompt,
    Text,
    Thread,
    Tool,
    ToolChoice,
)

BOTH = ("web", "codex")
CATALOGS = {
    "web": ("auto", "gpt-5-5", "gpt-5-6-pro"),
    "codex": ("auto", "gpt-5.5", "gpt-5.3-codex"),
}


def prompt(model: str = "auto", **fields: Any) -> Prompt:
    return Prompt(model, (Message("user", (Text("hi"),)),), **fields)


def order(
    asked: Prompt,
    setting: Literal["auto", "web", "codex"] = "auto",
    available: tuple[str, ...] = BOTH,
    catalogs: Mapping[str, tuple[str, ...]] = CATALOGS,
) -> tuple[str, ...]:
    return choose(asked, setting=setting, available=available, catalogs=catalogs).upstreams


def drawn(model: str = "auto", **options: Any) -> Prompt:
    """A prompt that orders a picture."""
    tool = HostedTool("image_generation", options)
    return prompt(model, hosted=(tool,), tool_choice=ToolChoice(hosted="image_generation"))


CASES: dict[str, tuple[Prompt, tuple[str, ...]]] = {
    "anything goes to the more dependable one": (prompt(), ("codex", "web")),
    "nothing is as good as auto": (prompt(""), ("codex", "web")),
    "a model that both have": (prompt("gpt-5.5"), ("codex", "web")),
    "a model that both have, as the web spells it": (prompt("gpt-5-5"), ("codex", "web")),
    "with a level": (prompt("gpt-5.5-high"), ("codex", "web")),
    "a model of the web": (prompt("gpt-5-6-pro"), ("web",)),
    "a model of Codex": (prompt("gpt-5.3-codex"), ("codex",)),
    "a model of Codex with a level": (prompt("gpt-5.3-codex(low)"), ("codex",)),
    "a model that nobody has": (prompt("gpt-9"), ("codex", "web")),
    "tools": (prompt(tools=(Tool("f"),)), ("codex", "web")),
    "a schema": (prompt(format=Format("json_schema", "a", {})), ("codex", "web")),
    "a conversation of the web": (prompt(thread=Thread("c")), ("web",)),
    "a GPT": (prompt("g-abc"), ("web",)),
    "a GPT by its older name": (prompt("gpt-4-gizmo-g-abc"), ("web",)),
    "a switch of the web": (prompt(hints=("canvas",)), ("web",)),
    "a search by the switch of the web": (prompt(hints=("search",)), ("web", "codex")),
    "a search by the tool": (
        prompt(hints=("search",), tool_choice=ToolChoice(hosted="web_search")),
        ("codex", "web"),
    ),
    "a picture if it likes": (prompt(hosted=(HostedTool("image_generation"),)), ("codex", "web")),
    "a picture to order": (drawn(), ("codex", "web")),
    "a picture to order by the name of what makes it": (drawn("gpt-image-2"), ("codex", "web")),
    "a picture with a mask": (drawn(input_image_mask={"image_url": "data:"}), ("codex",)),
    "a picture of another format": (drawn(output_format="webp"), ("codex",)),
    "a picture as PNG": (drawn(output_format="png"), ("codex", "web")),
    "a compacted history": (
        Prompt("auto", (Message("assistant", (compaction("sealed"),)),)),
        ("codex",),
    ),
    "what only Codex reads, beside a switch of the web": (
        Prompt(
            "auto",
            (Message("assistant", (Native("mcp_call", "{}"),)),),
            hints=("search",),
        ),
        ("codex", "web"),
    ),
    "Codex by name": (prompt("codex/gpt-5.5"), ("codex",)),
    "the web by name": (prompt("web/gpt-5.5"), ("web",)),
    "Codex by name, with a model that it is not known to have": (
        prompt("codex/codex-auto-review"),
        ("codex",),
    ),
}


def test_the_web_is_told_to_read_no_compacted_history() -> None:
    asked = Prompt("web/auto", (Message("assistant", (compaction("sealed"),)),))
    with pytest.raises(Problem) as raised:
        order(asked)
    assert raised.value.kind is Kind.UNSUPPORTED_PARAMETER
    assert raised.value.param == "input"
    assert "compacted history" in raised.value.message


@pytest.mark.parametrize(("asked", "expected"), CASES.values(), ids=CASES)
def test_the_order_in_which_upstreams_are_tried(asked: Prompt, expected: tuple[str, ...]) -> None:
    assert order(asked) == expected


def test_the_setting_leaves_one() -> None:
    assert order(prompt(), "web") == ("web",)
    assert order(prompt(), "codex") == ("codex",)


def test_a_prefix_counts_more_than_the_setting() -> None:
    assert order(prompt("codex/gpt-5.5"), "web") == ("codex",)


def test_an_upstream_without_an_account_is_not_tried() -> None:
    assert order(prompt(), available=("web",)) == ("web",)
    assert order(prompt("gpt-5.3-codex"), available=("web",)) == ("web",)


def test_an_upstream_whose_models_are_not_known_may_have_it() -> None:
    assert order(prompt("gpt-9"), catalogs={"codex": ("gpt-5.5",)}) == ("web",)
    assert order(prompt("gpt-9"), catalogs={}) == ("codex", "web")


def test_the_prompt_goes_on_without_the_prefix() -> None:
    chosen = choose(prompt("codex/gpt-5.5-high"), setting="auto", available=BOTH, catalogs={})
    assert chosen.prompt.model == "gpt-5.5-high"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("codex/x", ("codex", "x")),
        ("web/x/y", ("web", "x/y")),
        ("web/", ("web", "auto")),
        ("openai/x", (None, "openai/x")),
        ("codex", (None, "codex")),
    ],
)
def test_a_prefix_is_one_of_ours(model: str, expected: tuple[str | None, str]) -> None:
    assert read_prefix(model) == expected


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        (prompt("codex/gpt-5.5", thread=Thread("c")), "conversation_id"),
        (prompt("codex/g-abc"), "model"),
        (prompt("codex/gpt-5.5", hints=("canvas",)), "system_hints"),
        (drawn("web/x", input_image_mask={"image_url": "data:"}), "mask"),
        (drawn("web/x", output_format="jpeg"), "output_format"),
    ],
)
def test_what_the_named_upstream_cannot_do_is_refused_by_name(asked: Prompt, param: str) -> None:
    with pytest.raises(Problem) as caught:
        order(asked)
    assert caught.value.kind is Kind.UNSUPPORTED_PARAMETER
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("asked", "available", "words"),
    [
        (prompt("codex/x"), ("web",), "of type codex"),
        (prompt(), (), "No ChatGPT account is configured"),
    ],
)
def test_without_an_account_nobody_answers(
    asked: Prompt, available: tuple[str, ...], words: str
) -> None:
    with pytest.raises(Problem, match=words) as caught:
        order(asked, available=available)
    assert caught.value.kind is Kind.NO_ACCOUNT
