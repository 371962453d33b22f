"""The models of the Codex backend and what each of them can do.

In: the body of ``GET /backend-api/codex/models``. Out: ``CodexModel``s, and the ``Model``s that are
offered to clients. The rule that must hold: one odd entry does not hide the others; only an answer
without any list is a problem. Source of the shape: seen in the Codex command-line client.
"""

from collections.abc import Sequence
from typing import cast

import msgspec
from msgspec import Raw, Struct

from chat2api_core.effort import is_level, spelled
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Effort
from chat2api_core.upstreams.base import Model

_MAX_MODELS = 500
# The Codex client declares this one by its own type to models that the list marks for it. It never
# does so with the tools ``shell`` and ``apply_patch`` of the public API: its shells are functions,
# its patches a custom tool or a function. So these two go down as functions here, too.
_LOCAL_SHELL = frozenset({"local_shell"})
AUTO = "auto"


class CodexModel(Struct, frozen=True):
    """A model. ``efforts`` are the levels it takes, none where the list does not say; ``priority``
    orders the list, the smallest first. ``listed`` ones are offered, others only answer.
    ``built_in`` names the tools of clients that the model knows by types of their own."""

    slug: str
    title: str = ""
    efforts: tuple[Effort, ...] = ()
    context_tokens: int = 0
    listed: bool = True
    priority: int = 1_000
    verbosity: bool = True
    parallel_calls: bool = True
    built_in: frozenset[str] = frozenset()


class _Level(Struct):
    effort: str = ""


class _Entry(Struct):
    slug: str
    display_name: str | None = None
    supported_reasoning_levels: list[_Level | str] | None = None
    context_window: int | None = None
    visibility: str | None = None
    priority: int | None = None
    support_verbosity: bool | None = None
    supports_parallel_tool_calls: bool | None = None
    shell_type: str | None = None


class _List(Struct):
    models: list[Raw]


_lists = msgspec.json.Decoder(_List)
_entries = msgspec.json.Decoder(_Entry)


def read_catalog(body: bytes) -> tuple[CodexModel, ...]:
    """The models in the order of their priority, each once. Raises ``Problem`` (GARBAGE) when there
    is no list to read."""
    try:
        raw = _lists.decode(body).models
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = "The list of Codex models could not be understood."
        raise Problem(Kind.GARBAGE, message, step="models") from error
    found: dict[str, CodexModel] = {}
    for item in raw[:_MAX_MODELS]:
        model = _read(item)
        if model is not None:
            found.setdefault(model.slug, model)
    return tuple(sorted(found.values(), key=lambda model: model.priority))


def _read(item: Raw) -> CodexModel | None:
    try:
        entry = _entries.decode(item)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not entry.slug:
        return None
    return CodexModel(
        slug=entry.slug,
        title=entry.display_name or "",
        efforts=_efforts(entry.supported_reasoning_levels or ()),
        context_tokens=max(entry.context_window or 0, 0),
        listed=entry.visibility != "hide",
        priority=1_000 if entry.priority is None else entry.priority,
        verbosity=entry.support_verbosity is not False,
        parallel_calls=entry.supports_parallel_tool_calls is not False,
        built_in=_LOCAL_SHELL if entry.shell_type == "local" else frozenset(),
    )


def _efforts(levels: Sequence[_Level | str]) -> tuple[Effort, ...]:
    """The levels that are on our scale; an unknown one cannot be asked for anyway."""
    words = (level if isinstance(level, str) else level.effort for level in levels)
    return tuple(cast("Effort", word) for word in words if is_level(word))


_UP_TO_XHIGH: tuple[Effort, ...] = ("low", "medium", "high", "xhigh")

# What is offered while the list cannot be fetched. It ages; the live list always comes first.
FALLBACK: tuple[CodexModel, ...] = (
    CodexModel("gpt-5.6-sol", "GPT-5.6 Sol", _UP_TO_XHIGH, 272_000, priority=1),
    CodexModel("gpt-5.6-terra", "GPT-5.6 Terra", _UP_TO_XHIGH, 272_000, priority=2),
    CodexModel("gpt-5.6-luna", "GPT-5.6 Luna", _UP_TO_XHIGH, 272_000, priority=3),
    CodexModel("gpt-5.5", "GPT-5.5", _UP_TO_XHIGH, 272_000, priority=4),
    CodexModel("gpt-5.4", "GPT-5.4", _UP_TO_XHIGH, 272_000, priority=5),
    CodexModel("gpt-5.4-mini", "GPT-5.4 Mini", _UP_TO_XHIGH, 272_000, priority=6),
    CodexModel("gpt-5.3-codex", "GPT-5.3 Codex", _UP_TO_XHIGH, 272_000, priority=7),
)


def offered(catalog: Sequence[CodexModel]) -> tuple[Model, ...]:
    """The models as clients see them. ``auto`` comes first: it is ours and means the first."""
    listed = [model for model in catalog if model.listed]
    auto = (Model(AUTO, "Auto"),) if listed else ()
    return auto + tuple(
        Model(model.slug, model.title, context_tokens=model.context_tokens) for model in listed
    )


def find(catalog: Sequence[CodexModel], name: str) -> CodexModel | None:
    """The model of this name; ``gpt-5-5``, as the web client spells it, finds ``gpt-5.5``.
    ``auto`` and nothing at all find the first that is listed."""
    if name in ("", AUTO):
        return next((model for model in catalog if model.listed), None)
    exact = next((model for model in catalog if model.slug == name), None)
    if exact is not None:
        return exact
    return next((model for model in catalog if spelled(model.slug) == spelled(name)), None)
