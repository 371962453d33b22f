"""The models of the emulated service, and what a plan may use. Constants and pure functions."""

from msgspec import Struct

from chat2api_core.emulator.accounts import Caller
from chat2api_core.emulator.exchange import Json

DEFAULT = "auto"
# What ``auto`` becomes.
ANSWERING = "gpt-5-5"
_RESETS = "2099-01-01T00:00:00+00:00"
_EFFORTS = ("standard", "extended", "max")


class Slug(Struct, frozen=True):
    """A model of the web client. ``paid`` ones are not in free plans."""

    slug: str
    title: str
    max_tokens: int = 34815
    paid: bool = True
    thinks: bool = False


SLUGS = (
    Slug("auto", "Auto", paid=False),
    Slug("gpt-5-5", "GPT-5.5", paid=False),
    Slug("gpt-5-5-instant", "GPT-5.5 Instant", paid=False),
    Slug("gpt-5-5-thinking", "GPT-5.5 Thinking", 196608, thinks=True),
    Slug("gpt-5-6", "GPT-5.6", 65536),
    Slug("gpt-5-6-t-mini", "GPT-5.6 Thinking mini", 65536, paid=False, thinks=True),
    Slug("gpt-5-6-thinking", "GPT-5.6 Thinking", 196608, thinks=True),
    Slug("gpt-5-6-pro", "GPT-5.6 Pro", 196608, thinks=True),
    Slug("gpt-4o", "GPT-4o", 32767),
    Slug("o3", "o3", 200000, thinks=True),
    Slug("o4-mini", "o4-mini", 200000, paid=False, thinks=True),
)


def slugs_of(caller: Caller) -> tuple[Slug, ...]:
    """The models that this caller may use."""
    if caller.account is None:
        return tuple(slug for slug in SLUGS if slug.slug in (DEFAULT, ANSWERING))
    if caller.account.models:
        known = {slug.slug: slug for slug in SLUGS}
        return tuple(known.get(name) or Slug(name, name) for name in caller.account.models)
    if caller.plan == "free":
        return tuple(slug for slug in SLUGS if not slug.paid)
    return SLUGS


def answering(caller: Caller, wanted: str) -> str:
    """The model that really answers: an unknown name, or one beyond the plan, becomes auto's."""
    if wanted != DEFAULT and any(slug.slug == wanted for slug in slugs_of(caller)):
        return wanted
    return ANSWERING


def models_document(caller: Caller) -> Json:
    """The answer of ``models``."""
    attachments: Json = {
        "type": "retrieval",
        "accepted_mime_types": ["text/plain", "application/pdf"],
        "image_mime_types": ["image/png", "image/jpeg", "image/gif", "image/webp"],
        "can_accept_all_mime_types": True,
    }
    models = [
        {
            "slug": slug.slug,
            "max_tokens": slug.max_tokens,
            "title": slug.title,
            "description": f"{slug.title}, played by the emulator",
            "tags": ["gpt5"],
            "capabilities": {},
            "product_features": {"attachments": attachments},
            "enabled_tools": ["tools", "search", "canvas"],
            "reasoning_type": "reasoning" if slug.thinks else "none",
            "thinking_efforts": list(_EFFORTS) if slug.thinks else [],
        }
        for slug in slugs_of(caller)
    ]
    category: Json = {
        "category": "gpt_5",
        "human_category_name": "GPT-5",
        "default_model": ANSWERING,
        "plugins_model": "",
        "subscription_level": caller.plan or "free",
    }
    return {"models": models, "categories": [category], "default_model_slug": DEFAULT}


def limits_of(caller: Caller) -> tuple[Json, ...]:
    """What is left of the limited features."""
    amounts = {"image_gen": 12, "deep_research": 5, "file_upload": 3} if caller.account else {}
    return tuple(
        {"feature_name": name, "remaining": amount, "reset_after": _RESETS}
        for name, amount in amounts.items()
    )


def detail_metadata(caller: Caller) -> Json:
    """The answer of ``conversation/init``; the same body ends a stream."""
    return {
        "type": "conversation_detail_metadata",
        "banner_info": None,
        "default_model_slug": DEFAULT,
        "atlas_mode_enabled": None,
        "model_limits": [],
        "blocked_features": [],
        "limits_progress": list(limits_of(caller)),
    }
