"""What a parsed request carries, and the settings that every response object repeats from it.

In: nothing but types. Out: ``ResponsesRequest``, ``ResponsesHead`` and ``Settings``. The rule: what
is repeated is what is in force, so tools that were left out are not repeated.
"""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from chat2api_core.dialects.base import Head, Request


class ResponsesRequest(Request, frozen=True, kw_only=True):
    """A parsed request.

    ``settings`` is the JSON object of a ``Settings``. ``warnings`` says in plain ASCII what was
    left out. ``native_tools`` are the tools whose calls go back as items of their own types.
    ``previous_response_id`` is the caller's word, not yet looked up; the system message made of
    ``instructions`` is the first of the prompt and only then there when ``has_instructions``."""

    settings: bytes
    previous_response_id: str = ""
    store: bool = True
    has_instructions: bool = False
    wants_encrypted_reasoning: bool = False
    native_tools: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()


class ResponsesHead(Head, frozen=True, gc=False):
    """A head with a name of its own for the response. ``response_id`` is given whole, prefix and
    all; without one the response is called ``resp_`` and the head's ``id``. Items are always named
    after ``id``, so it must be fresh for each answer."""

    response_id: str = ""


class TextSettings(Struct):
    """``text`` as it is in force."""

    format: dict[str, Any]
    verbosity: str = "medium"


class ReasoningSettings(Struct):
    """``reasoning`` as it is in force."""

    effort: str | None = None
    summary: str | None = None
    context: str | UnsetType = UNSET


class Settings(Struct, kw_only=True):
    """The settings in the response object, with the values that hold where none were given."""

    background: Literal[False] = False
    frequency_penalty: float = 0.0
    instructions: str | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    metadata: dict[str, str]
    parallel_tool_calls: bool = True
    presence_penalty: float = 0.0
    previous_response_id: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    reasoning: ReasoningSettings
    safety_identifier: str | None = None
    service_tier: Literal["default"] = "default"
    store: bool = True
    temperature: float = 1.0
    text: TextSettings
    tool_choice: str | dict[str, Any] = "auto"
    tools: list[dict[str, Any]]
    top_logprobs: int = 0
    top_p: float = 1.0
    truncation: str = "disabled"
    user: str | UnsetType = UNSET


def with_effort(settings: bytes, effort: str) -> bytes:
    """The JSON of settings with another effort: the one in force, where an upstream says it."""
    tree: dict[str, Any] = msgspec.json.decode(settings)
    tree["reasoning"]["effort"] = effort
    return msgspec.json.encode(tree)
