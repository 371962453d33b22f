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

from chat2api_core.effort import split
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import Prompt

UpstreamName: TypeAlias = Literal["web", "codex"]

# The more dependable one first: it takes tools itself and asks for no proofs.
NAMES: tuple[UpstreamName, ...] = ("codex", "web")
_PREFIXES: dict[str, UpstreamName] = {"codex/": "codex", "web/": "web"}
_GPT = re.compile(r"(?:.+-gizmo-)?g-[A-Za-z0-9_-]+")
_AUTO = frozenset({"", "auto"})


class Choice(Struct, frozen=True):
    """The upstreams to try, in order; never empty. ``prompt`` has its model without a prefix."""

    upstreams: tuple[UpstreamName, ...]
    prompt: Prompt


def choose(
    prompt: Prompt,
    *,
    setting: Literal["auto", "web", "codex"],
    available: Collection[str],
    catalogs: Mapping[str, Collection[str]],
) -> Choice:
    """``available`` are the upstreams that have an account; ``catalogs`` the ids of models of those
    whose list is known. A prefix of the model's name counts more than ``setting``.

    Raises ``Problem``: NO_ACCOUNT where the upstream that is meant has no account,
    UNSUPPORTED_PARAMETER where it has one but cannot do what is asked."""
    named, model = read_prefix(prompt.model)
    plain = prompt if model == prompt.model else replace(prompt, model=model)
    wanted = named or setting
    meant = [name for name in NAMES if wanted in ("auto", name)]
    there = [name for name in meant if name in available]
    if not there:
        raise _nobody(wanted)
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


def _knows(name: UpstreamName, model: str, catalogs: Mapping[str, Collection[str]]) -> bool:
    """Whether an upstream has a model, as far as is known. One whose list is not known may have
    it; every one has its own idea of ``auto``."""
    known = catalogs.get(name)
    if known is None or model in _AUTO:
        return True
    wanted = {_dashes(model), _dashes(split(model, known).name)}
    return any(_dashes(one) in wanted for one in known)


def _dashes(model: str) -> str:
    """The two upstreams spell the same model differently: ``gpt-5.5`` and ``gpt-5-5``."""
    return model.replace(".", "-")


def _obstacle(name: UpstreamName, prompt: Prompt) -> str | None:
    """The parameter that an upstream cannot obey although the caller counts on it."""
    if name == "web":
        # A search can be made there as well; a picture cannot be made to order.
        return "tool_choice" if prompt.tool_choice.hosted == "image_generation" else None
    if prompt.thread is not None:
        return "conversation_id"
    if _GPT.fullmatch(prompt.model):
        return "model"
    return "system_hints" if set(prompt.hints) - {"search"} else None


def _native(prompt: Prompt) -> UpstreamName:
    """The upstream that does this best. Searching without being told how is the web's own trade."""
    if "search" in prompt.hints and prompt.tool_choice.hosted is None:
        return "web"
    return NAMES[0]


def _nobody(wanted: str) -> Problem:
    kind = "" if wanted == "auto" else f" of type {wanted}"
    message = f"No account{kind} is configured that could answer. Set CHATGPT_ACCOUNTS."
    return Problem(Kind.NO_ACCOUNT, message, step="pool")


def _unable(name: UpstreamName, param: str) -> Problem:
    message = f"{param} asks for something that the upstream {name} does not offer."
    return Problem(Kind.UNSUPPORTED_PARAMETER, message, step="request", param=param)
