"""The models of the emulated Codex backend. Constants and pure functions."""

import hashlib

import msgspec
from msgspec import Struct

from chat2api_core.emulator.exchange import Json

_WINDOW = 272_000


class CodexSlug(Struct, frozen=True):
    """A model. ``paid`` ones are not in free plans; ``since`` is the client that knows it first;
    ``shell_type`` says how it is told
    of one."""

    slug: str
    title: str
    efforts: tuple[str, ...] = ("low", "medium", "high", "xhigh")
    paid: bool = True
    listed: bool = True
    since: str = "0.98.0"
    shell_type: str = "shell_command"


SLUGS = (
    CodexSlug("gpt-5.6-sol", "GPT-5.6 Sol", ("low", "medium", "high", "xhigh", "max", "ultra")),
    CodexSlug("gpt-5.6-luna", "GPT-5.6 Luna", ("low", "medium", "high", "xhigh", "max")),
    CodexSlug("gpt-5.5", "GPT-5.5", paid=False),
    CodexSlug("gpt-5.4-mini", "GPT-5.4 Mini", ("minimal", "low", "medium", "high"), paid=False),
    CodexSlug("gpt-5.3-codex", "GPT-5.3 Codex", since="0.60.0"),
    CodexSlug("codex-auto-review", "Auto review", listed=False),
    CodexSlug("codex-mini-latest", "Codex Mini", listed=False, shell_type="local"),
)


def slugs_of(plan: str) -> tuple[CodexSlug, ...]:
    """The models that a plan may use."""
    return tuple(slug for slug in SLUGS if plan != "free" or not slug.paid)


def find(plan: str, name: str) -> CodexSlug | None:
    """The model of this name, if the plan may use it."""
    return next((slug for slug in slugs_of(plan) if slug.slug == name), None)


def document(plan: str, client_version: str) -> tuple[bytes, str]:
    """The answer of ``codex/models`` and its ETag. A client that is too old sees fewer models."""
    models = [
        _entry(slug, place)
        for place, slug in enumerate(slugs_of(plan), 1)
        if _version(client_version) >= _version(slug.since)
    ]
    body = msgspec.json.encode({"models": models})
    return body, f'W/"{hashlib.sha256(body).hexdigest()[:16]}"'


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())


def _entry(slug: CodexSlug, place: int) -> Json:
    return {
        "slug": slug.slug,
        "display_name": slug.title,
        "description": f"The emulated {slug.title}.",
        "visibility": "list" if slug.listed else "hide",
        "supported_in_api": True,
        "priority": place,
        "default_reasoning_level": "medium",
        "supported_reasoning_levels": [
            {"effort": effort, "description": effort} for effort in slug.efforts
        ],
        "context_window": _WINDOW,
        "input_modalities": ["text", "image"],
        "supports_parallel_tool_calls": True,
        "support_verbosity": True,
        "default_verbosity": "low",
        "shell_type": slug.shell_type,
        "apply_patch_tool_type": "freeform",
        "service_tiers": [{"id": "priority", "name": "fast"}],
        "prefer_websockets": False,
        "use_responses_lite": False,
        "minimal_client_version": slug.since,
        "base_instructions": "",
    }
