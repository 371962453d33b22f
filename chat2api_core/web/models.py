"""GET /v1/models and GET /v1/models/{model}: the union of what all upstreams offer the caller.

Each entry says in ``upstream`` which upstreams offer it, as a list. A name may begin with the
upstream that is meant (``codex/gpt-5.5``) and may be spelled as either of them spells it
(``gpt-5-5``).
"""

import msgspec

from chat2api_core.aliases import resolved
from chat2api_core.choice import read_prefix
from chat2api_core.effort import spelled
from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.base import Model
from chat2api_core.web.admission import caller_of
from chat2api_core.web.exchange import Exchange

# The upstream does not say when a model was made; clients want some time, the same every time.
_CREATED = 1_700_000_000


async def list_models(exchange: Exchange) -> None:
    """``{"object": "list", "data": [...]}``, as the caller's accounts see it."""
    models = await _models(exchange)
    document = {"object": "list", "data": [_object(model) for model in models]}
    await exchange.document(msgspec.json.encode(document))


async def show_model(exchange: Exchange) -> None:
    """One entry of the list; 404 ``model_not_found`` where it is not in it."""
    wanted = exchange.parameter("model")
    upstream, name = read_prefix(resolved(wanted, exchange.gateway.settings.model_aliases))
    for model in await _models(exchange):
        offered = upstream is None or upstream in model.upstreams
        if offered and spelled(model.id) == spelled(name):
            named = {"id": wanted, "upstream": (upstream,)} if upstream else {}
            await exchange.document(msgspec.json.encode(_object(model) | named))
            return
    message = f"The model {wanted!r} does not exist or this account may not use it."
    raise Problem(Kind.MODEL_NOT_FOUND, message, param="model")


async def _models(exchange: Exchange) -> list[Model]:
    """What the caller's accounts may use, as far as its key allows."""
    caller = caller_of(exchange)
    models = await exchange.gateway.catalog.models(caller)
    key = exchange.key
    return [model for model in models if key is None or key.allows(model.id)]


def _object(model: Model) -> dict[str, object]:
    return {
        "id": model.id,
        "object": "model",
        "created": model.created or _CREATED,
        "owned_by": model.owned_by,
        "upstream": model.upstreams,
    }
