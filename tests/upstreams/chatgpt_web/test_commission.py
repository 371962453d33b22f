"""Orders for pictures as the web client puts them."""

from typing import Any

import pytest

from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import HostedTool, Image, Message, Prompt, Text, Thread, ToolChoice
from chat2api_core.upstreams.chatgpt_web.commission import (
    HINT,
    check_form,
    commissioned,
    is_order,
    may_bring_pictures,
    wishes,
)

ASKED = (Message("user", (Text("A moon"),)),)
TOOL = HostedTool("image_generation")
ORDER = ToolChoice(hosted="image_generation")


def order(model: str = "gpt-image-2", **options: Any) -> Prompt:
    tool = HostedTool("image_generation", options)
    return Prompt(model, ASKED, hosted=(tool,), tool_choice=ORDER)


def test_an_ordinary_prompt_stays_as_it_is() -> None:
    prompt = Prompt("gpt-image-2", ASKED)
    assert commissioned(prompt, anonymous=True) is prompt
    assert not may_bring_pictures(prompt)


def test_an_order_is_a_kept_chat_with_the_switch() -> None:
    prompt = commissioned(order(), anonymous=False)
    assert (prompt.model, prompt.hints, prompt.temporary) == ("auto", (HINT,), False)
    assert prompt.messages == ASKED
    assert is_order(prompt)


@pytest.mark.parametrize("model", ["gpt-5.5", "auto", "g-abc"])
def test_a_model_that_talks_is_asked_by_its_name(model: str) -> None:
    assert commissioned(order(model), anonymous=False).model == model


def test_the_switch_is_there_once() -> None:
    prompt = Prompt("auto", ASKED, hosted=(TOOL,), tool_choice=ORDER, hints=(HINT, "search"))
    assert commissioned(prompt, anonymous=False).hints == ("search", HINT)


def test_a_chat_that_may_use_the_tool_is_kept_and_no_order() -> None:
    prompt = commissioned(Prompt("auto", ASKED, hosted=(TOOL,), temporary=True), anonymous=False)
    assert (prompt.hints, prompt.temporary) == ((), False)
    assert not is_order(prompt)


def test_a_chat_without_a_login_just_has_no_pictures() -> None:
    prompt = commissioned(Prompt("auto", ASKED, hosted=(TOOL,)), anonymous=True)
    assert (prompt.hints, prompt.temporary) == ((), None)


def test_a_tool_that_must_not_be_used_brings_no_pictures() -> None:
    prompt = Prompt("auto", ASKED, hosted=(TOOL,), tool_choice=ToolChoice("none"))
    assert not may_bring_pictures(prompt)


def test_an_order_without_a_login_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        commissioned(order(), anonymous=True)
    assert caught.value.kind is Kind.LOGIN_REQUIRED


def test_a_mask_is_refused_though_the_tool_need_not_be_used() -> None:
    tool = HostedTool("image_generation", {"input_image_mask": {"image_url": "data:"}})
    with pytest.raises(Problem) as caught:
        commissioned(Prompt("auto", (), hosted=(tool,)), anonymous=False)
    assert (caught.value.kind, caught.value.param) == (Kind.UNSUPPORTED_PARAMETER, "mask")


def test_a_mask_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        commissioned(order(input_image_mask={"image_url": "data:"}), anonymous=False)
    assert (caught.value.kind, caught.value.param) == (Kind.UNSUPPORTED_PARAMETER, "mask")


def test_an_order_in_the_legacy_form_is_refused() -> None:
    check_form(Prompt("auto", ASKED))
    with pytest.raises(Problem) as caught:
        check_form(order())
    assert caught.value.kind is Kind.UNSUPPORTED_PARAMETER


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, ""),
        ({"size": "auto", "quality": "auto", "background": "auto"}, ""),
        ({"size": None, "quality": None, "background": None}, ""),
        (
            {"size": "1536x1024"},
            "Make the picture with a size of 1536x1024 pixels (landscape).",
        ),
        (
            {"size": "1024x1536", "quality": "high"},
            "Make the picture with a size of 1024x1536 pixels (portrait), high quality.",
        ),
        (
            {"size": "1024x1000", "background": "transparent"},
            "Make the picture with a size of 1024x1000 pixels (square), a transparent background.",
        ),
        ({"background": "opaque"}, "Make the picture with an opaque background."),
        ({"size": "huge", "background": "red"}, ""),
    ],
    ids=str,
)
def test_options_are_said_in_words(options: Any, said: str) -> None:
    assert wishes(options) == said


def test_options_of_a_tool_that_may_be_used_are_said_as_a_condition() -> None:
    tool = HostedTool("image_generation", {"size": "1536x1024", "quality": "low"})
    prompt = commissioned(Prompt("auto", ASKED, hosted=(tool,)), anonymous=False)
    assert prompt.messages[0].text == (
        "A moon\n\nIf you make a picture, make it with a size of 1536x1024 pixels (landscape), "
        "low quality."
    )


def test_who_has_no_login_and_so_no_pictures_is_told_nothing_of_them() -> None:
    tool = HostedTool("image_generation", {"size": "1536x1024"})
    assert commissioned(Prompt("auto", ASKED, hosted=(tool,)), anonymous=True).messages == ASKED


def test_the_words_stand_behind_those_of_the_user() -> None:
    seen = Message("user", (Image("data:"), Text("Like this")))
    answered = Message("assistant", (Text("Hm."),))
    prompt = Prompt("auto", (seen, answered), hosted=order(quality="low").hosted, tool_choice=ORDER)
    first, last = commissioned(prompt, anonymous=False).messages
    assert first.parts[:2] == seen.parts
    assert first.text == "Like this\n\nMake the picture with low quality."
    assert last == answered


def test_where_nobody_has_asked_the_words_are_the_question() -> None:
    said = (Message("system", (Text("A moon"),)),)
    prompt = Prompt(
        "auto",
        said,
        hosted=order(quality="low").hosted,
        tool_choice=ORDER,
        thread=Thread("c", "m"),
    )
    assert commissioned(prompt, anonymous=False).messages[-1].role == "user"
