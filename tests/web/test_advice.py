"""What a client is told, in headers, of how it was answered."""

from typing import Any, Literal, cast

import pytest

from chat2api_core.accounts.account import Account
from chat2api_core.reply import Reply
from chat2api_core.turn import Effort, HostedTool, Message, Prompt, Started, Text
from chat2api_core.web.advice import headers_of


class Answered:
    """A reply, as far as it matters here."""

    def __init__(self, kind: Literal["web", "codex"], started: Started) -> None:
        self.account = Account(type=kind)
        self.started = started


def warnings(
    model: str,
    started: Started,
    kind: Literal["web", "codex"] = "codex",
    effort: Effort | None = None,
) -> list[str]:
    prompt = Prompt(model, (Message("user", (Text("Hi"),)),), effort=effort)
    told: Any = Answered(kind, started)
    first, *rest = headers_of(prompt, cast("Reply", told))
    assert first == (b"x-chat2api-upstream", kind.encode())
    assert all(name == b"x-chat2api-warning" for name, _ in rest)
    return [value.decode() for _, value in rest]


@pytest.mark.parametrize(
    ("model", "effort", "started"),
    [
        ("gpt-5.5", None, Started("gpt-5.5", effort="medium")),
        ("gpt-5.5", "high", Started("gpt-5.5", effort="high")),
        ("gpt-5.5-high", None, Started("gpt-5.5", effort="high")),
        ("gpt-5.5", "ultra", Started("gpt-5.5")),
        ("gpt-5.1-codex-max", None, Started("gpt-5.1-codex-max", effort="medium")),
        ("codex/gpt-5-1-codex-max", None, Started("gpt-5.1-codex-max", effort="medium")),
    ],
)
def test_a_wish_that_was_met_or_not_made_is_no_news(
    model: str, effort: Effort | None, started: Started
) -> None:
    assert warnings(model, started, effort=effort) == []


@pytest.mark.parametrize(("model", "effort"), [("gpt-5.5", "ultra"), ("codex/gpt-5-5-ultra", None)])
def test_an_effort_that_the_model_has_not_is_told_of(model: str, effort: Effort | None) -> None:
    assert warnings(model, Started("gpt-5.5", effort="xhigh"), effort=effort) == [
        "reasoning effort ultra is not offered by gpt-5.5; xhigh is used"
    ]


@pytest.mark.parametrize(
    ("effort", "used"), [("none", "low"), ("minimal", "low"), ("xhigh", "high"), ("ultra", "high")]
)
def test_the_web_knows_three_levels(effort: Effort, used: str) -> None:
    assert warnings("auto", Started("gpt-5-5"), "web", effort) == [
        f"reasoning effort {effort} is not offered by the web upstream; {used} is used"
    ]


@pytest.mark.parametrize("effort", ["low", "medium", "high", None])
def test_and_those_are_taken_as_they_are(effort: Effort | None) -> None:
    assert warnings("auto", Started("gpt-5-5"), "web", effort) == []


@pytest.mark.parametrize("name", ["", "line\nbreak"])
def test_a_name_that_fits_no_header_is_not_shown(name: str) -> None:
    (warning,) = warnings("auto", Started(name, effort="high"), effort="ultra")
    assert warning == "reasoning effort ultra is not offered by the model; high is used"


@pytest.mark.parametrize(
    ("wanted", "answering"),
    [
        ("gpt-5.5", "gpt-5-5"), ("web/gpt-5-5", "gpt-5-5"), ("gpt-5.5-low", "gpt-5-5"),
        ("auto", "gpt-5-5"), ("web/auto", "gpt-5-5"), ("o4-mini-high", "o4-mini-high"),
        ("g-abc", "gpt-5-5"), ("gpt-4-gizmo-g-abc", "gpt-5-5"), ("gpt-image-2", "gpt-5-5"),
        ("gpt-4o", ""),
    ],
)  # fmt: skip
def test_the_model_that_was_asked_for_is_no_news(wanted: str, answering: str) -> None:
    assert [one for one in warnings(wanted, Started(answering), "web") if "effort" not in one] == []


@pytest.mark.parametrize("wanted", ["gpt-4o", "web/gpt-4o", "gpt-4o-low"])
def test_another_model_than_was_asked_for_is_told_of(wanted: str) -> None:
    (warning,) = warnings(wanted, Started("gpt-5-5-mini"), "web")
    name = wanted.removeprefix("web/")
    assert warning == f"gpt-5-5-mini answers where {name} was asked for"


@pytest.mark.parametrize(
    ("kind", "form", "told"),
    [
        ("web", "webp", ["pictures of the web upstream are png"]),
        ("web", "png", []),
        ("web", None, []),
        ("codex", "webp", []),
    ],
)
def test_a_form_of_pictures_that_is_not_to_be_had_is_told_of(
    kind: Literal["web", "codex"], form: str | None, told: list[str]
) -> None:
    tool = HostedTool("image_generation", {"output_format": form})
    prompt = Prompt("auto", (Message("user", (Text("Hi"),)),), hosted=(tool,))
    answered: Any = Answered(kind, Started("gpt-5-5"))
    _, *rest = headers_of(prompt, cast("Reply", answered))
    assert [value.decode() for _, value in rest] == told
