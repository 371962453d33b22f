"""Which upstreams may answer a prompt, the best one first. Pure.

In: the prompt, the setting, the upstreams that there are accounts for, and what models each of them
is known to have. Out: a ``Choice``: names of upstreams in the order in which to try them, and the
prompt for them. The rules: what a caller names (``codex/gpt-5.5``) is asked and nothing else; an
upstream that cannot do what the caller counts on is not asked at all; among the others the order
is by who knows the model, then by who does the job natively, then by who is more dependable.
"""

import re
from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from chat2api_core.compaction import is_compacted
from chat2api_core.effort import spelled, split
from chat2api_core.painters import is_painter
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Native, Prompt

UpstreamName: TypeAlias = Literal["web", "codex"]
Setting: TypeAlias = Literal["auto", "web", "codex"]

# The more dependable one first: it takes tools itself and asks for no proofs.
NAMES: tuple[UpstreamName, ...] = ("codex", "web")
_PREFIXES: dict[str, UpstreamName] = {"codex/": "codex", "web/": "web"}
_WEB_MAKES = (None, "", "png")  # pictures, whatever else is asked for
_GPT = r"(?:.+-gizmo-)?g-[A-Za-z0-9_-]+"
# The names that leave the model to the upstream.
ANY_MODEL = frozenset({"", "auto"})


class Choice(Struct, frozen=True):
    """The upstreams to try, in order; never empty. ``prompt`` has its model without a prefix."""

    upstreams: tuple[UpstreamName, ...]
    prompt: Prompt


def choose(
    prompt: Prompt,
    *,
    setting: Setting,
    available: Collection[str],
    catalogs: Mapping[str, Collection[str]],
) -> Choice:
    """``available`` are the upstreams that have an account; ``catalogs`` the ids of models of those
    whose list is known. A prefix of the model's name counts more than ``setting``.

    Raises ``Problem``: NO_ACCOUNT where the upstream that is meant has no account,
    UNSUPPORTED_PARAMETER where it has one but cannot do what is asked."""
    wanted, model = meant(prompt.model, setting), read_prefix(prompt.model)[1]
    plain = prompt if model == prompt.model else replace(prompt, model=model)
    there = [name for name in NAMES if wanted in ("auto", name) and name in available]
    if not there:
        raise nobody(wanted)
    able = [name for name in there if _obstacle(name, plain) is None]
    if not able:
        raise _unable(there[0], str(_obstacle(there[0], plain)))
    knowing = [name for name in able if _knows(name, model, catalogs)] or able
    return Choice(tuple(sorted(knowing, key=lambda name: name != _native(plain))), plain)


def read_prefix(model: str) -> tuple[UpstreamName | None, str]:
    """The upstream that a model name begins with, if any, and the name without it."""
    for prefix, name in _PREFIXES.items():
        if model.startswith(prefix):
            return name, model.removeprefix(prefix) or "auto"
    return None, model


def is_gpt(model: str) -> bool:
    """Whether a model name means a GPT: ``g-...`` or ``gpt-4-gizmo-g-...``."""
    return "g-" in model and re.fullmatch(_GPT, read_prefix(model)[1]) is not None


def names_model(model: str) -> bool:
    """Whether a name means one certain model that talks: no GPT, none that draws, and not whatever
    the upstream likes."""
    return not (model in ANY_MODEL or is_gpt(model) or is_painter(model))


def meant(model: str, setting: Setting) -> Setting:
    """The upstream that is to answer: what the model's name begins with, else the setting."""
    return read_prefix(model)[0] or setting


def _knows(name: UpstreamName, model: str, catalogs: Mapping[str, Collection[str]]) -> bool:
    """Whether an upstream has a model, as far as is known. One whose list is not known may have
    it; every one has its own idea of ``auto``."""
    known = catalogs.get(name)
    return known is None or model in ANY_MODEL or has(known, model)


def has(known: Collection[str], model: str) -> bool:
    """Whether a model, perhaps with an effort behind its name, is among the known ones."""
    wanted = {spelled(model), spelled(split(model, known).name)}
    return any(spelled(one) in wanted for one in known)


def _obstacle(name: UpstreamName, prompt: Prompt) -> str | None:
    """The parameter that an upstream cannot obey although the caller counts on it."""
    if name == "web":
        return "input" if is_compacted(prompt.messages) else _obstacle_to_picture(prompt)
    if prompt.thread is not None:
        return "conversation_id"
    if is_gpt(prompt.model):
        return "model"
    return "system_hints" if set(prompt.hints) - {"search"} else None


def _obstacle_to_picture(prompt: Prompt) -> str | None:
    """What ChatGPT's web client cannot say of a picture that it is to make."""
    if prompt.tool_choice.hosted != "image_generation":
        return None
    for tool in prompt.hosted:
        if tool.kind == "image_generation" and tool.options.get("input_image_mask"):
            return "mask"
        if tool.kind == "image_generation" and tool.options.get("output_format") not in _WEB_MAKES:
            return "output_format"
    return None


def _native(prompt: Prompt) -> UpstreamName:
    """The upstream that does this best. Searching without being told how is the web's own trade,
    unless the history has something that only the Codex backend reads."""
    if any(isinstance(part, Native) for message in prompt.messages for part in message.parts):
        return "codex"
    if "search" in prompt.hints and prompt.tool_choice.hosted is None:
        return "web"
    return NAMES[0]


def nobody(wanted: Setting) -> Problem:
    """Why nobody is asked: there is no account for the upstream that is meant."""
    message = "No ChatGPT account is configured. Set CHATGPT_ACCESS_TOKENS or CHATGPT_ACCOUNTS."
    if wanted != "auto":
        message = f"No account of type {wanted} is configured. Add one to CHATGPT_ACCOUNTS."
    return Problem(Kind.NO_ACCOUNT, message, step="pool")


def _unable(name: UpstreamName, param: str) -> Problem:
    message = f"{param} asks for something that the upstream {name} does not offer."
    if param == "input":
        message = "input has a compacted history, which only the upstream codex can read."
    return Problem(Kind.UNSUPPORTED_PARAMETER, message, step="request", param=param)
