"""The models that an account may use, as ChatGPT lists them.

In: the body of ``GET /backend-api/models`` (or its anonymous twin). Out: ``Model``s.
The rule that must hold: one odd entry does not hide the others; only an answer without any list is
a problem. Source of the shape: seen in the web client.
"""

import msgspec
from msgspec import Raw, Struct

from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.base import Model

_MAX_MODELS = 500
# ``auto`` lets ChatGPT choose; it works everywhere, whether it is listed or not.
_AUTO = Model("auto", "Auto")

# What is offered without a login, where the list cannot be fetched.
FALLBACK: tuple[Model, ...] = (_AUTO,)


class _Entry(Struct):
    slug: str
    title: str | None = None
    max_tokens: int | None = None


class _List(Struct):
    models: list[Raw]


_lists = msgspec.json.Decoder(_List)
_entries = msgspec.json.Decoder(_Entry)


def read_models(body: bytes) -> tuple[Model, ...]:
    """The models in ChatGPT's order, each once, ``auto`` always among them (first, if it was not
    listed). Raises ``Problem`` (GARBAGE) when there is no list to read."""
    try:
        raw = _lists.decode(body).models
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(
            Kind.GARBAGE, "ChatGPT's list of models could not be understood.", step="models"
        ) from error
    found: dict[str, Model] = {}
    for item in raw[:_MAX_MODELS]:
        model = _read(item)
        if model is not None:
            found.setdefault(model.id, model)
    if _AUTO.id in found:
        return tuple(found.values())
    return (_AUTO, *found.values())


def _read(item: Raw) -> Model | None:
    try:
        entry = _entries.decode(item)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not entry.slug:
        return None
    return Model(entry.slug, entry.title or "", context_tokens=max(entry.max_tokens or 0, 0))
