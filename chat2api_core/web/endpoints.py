"""What the handlers in ``api/`` do, each told in terms of the gateway and an exchange."""

from collections.abc import Awaitable, Callable

import msgspec

from chat2api_core import __version__
from chat2api_core.dialects.base import Dialect, Head
from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.base import Model
from chat2api_core.web.auth import identify
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.respond import Stream, WhileConnected, send_document

# The upstream does not say when a model was made; clients want some time, the same every time.
_CREATED = 1_700_000_000


def converse(dialect: Dialect) -> Callable[[Exchange], Awaitable[None]]:
    """The handler of a dialect's route: ask for an answer, then send it as the client wants it."""

    async def handle(exchange: Exchange) -> None:
        gateway = exchange.gateway
        caller = identify(exchange.headers, gateway.settings)
        request = dialect.parse(await exchange.body())
        exchange.model = request.prompt.model
        head = Head(gateway.ids.hex(24), int(gateway.clock.now()))
        connected = WhileConnected(exchange)
        async with connected:
            if request.stream:
                stream = Stream(
                    exchange, dialect.encoder(request, head), gateway.settings.heartbeat
                )
                await stream.run(gateway.engine.answer(request.prompt, caller))
            else:
                opening = gateway.engine.answer(request.prompt, caller)
                await send_document(exchange, dialect, request, head, opening)
        if connected.gone:
            exchange.outcome = "client_gone"

    return handle


async def list_models(exchange: Exchange) -> None:
    """``{"object": "list", "data": [...]}``, as the caller's accounts see it."""
    caller = identify(exchange.headers, exchange.gateway.settings)
    models = await exchange.gateway.catalog.models(caller)
    document = {"object": "list", "data": [_model_object(model) for model in models]}
    await exchange.document(msgspec.json.encode(document))


async def show_model(exchange: Exchange) -> None:
    """One entry of the list; 404 ``model_not_found`` where it is not in it."""
    caller = identify(exchange.headers, exchange.gateway.settings)
    wanted = exchange.parameter("model")
    for model in await exchange.gateway.catalog.models(caller):
        if model.id == wanted:
            await exchange.document(msgspec.json.encode(_model_object(model)))
            return
    message = f"The model {wanted!r} does not exist or this account may not use it."
    raise Problem(Kind.MODEL_NOT_FOUND, message, param="model")


def _model_object(model: Model) -> dict[str, str | int]:
    return {
        "id": model.id,
        "object": "model",
        "created": model.created or _CREATED,
        "owned_by": model.owned_by,
    }


async def health(exchange: Exchange) -> None:
    """That the function runs and its settings are readable. Asks nobody, tells no secret."""
    document = {
        "status": "ok",
        "version": __version__,
        "platform": exchange.gateway.settings.platform,
    }
    await exchange.document(msgspec.json.encode(document))
