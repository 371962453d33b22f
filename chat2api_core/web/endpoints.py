"""What the handlers in ``api/`` do, each told in terms of the gateway and an exchange."""

from collections.abc import Awaitable, Callable

import msgspec

from chat2api_core import __version__
from chat2api_core.accounts.caller import Caller
from chat2api_core.dialects.base import Dialect, Encoder, Head, Request
from chat2api_core.engine import Reply
from chat2api_core.problem import Kind, Problem
from chat2api_core.upstreams.base import Model
from chat2api_core.web.admission import admit, caller_of
from chat2api_core.web.deadline import Deadline
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.respond import Manner, Stream, WhileConnected, send_document

# The upstream does not say when a model was made; clients want some time, the same every time.
_CREATED = 1_700_000_000


def converse(dialect: Dialect) -> Callable[[Exchange], Awaitable[None]]:
    """The handler of a dialect's route: ask for an answer, then send it as the client wants it."""

    async def handle(exchange: Exchange) -> None:
        gateway = exchange.gateway
        caller = caller_of(exchange)
        request = dialect.parse(await exchange.body())
        head = Head(gateway.ids.hex(24), int(gateway.clock.now()))
        await respond(exchange, request, caller, Plain(dialect, request, head))

    return handle


class Plain:
    """The manner of a dialect in which nothing is kept."""

    def __init__(self, dialect: Dialect, request: Request, head: Head) -> None:
        self._dialect = dialect
        self._request = request
        self._head = head

    def encoder(self, _: Reply | None) -> Encoder:
        return self._dialect.encoder(self._request, self._head)

    def document(self, reply: Reply) -> bytes:
        return self._dialect.document(self._request, self._head, reply.transcript)

    async def keep(self, _: Reply) -> None:
        return


async def respond(exchange: Exchange, request: Request, caller: Caller, manner: Manner) -> None:
    """Ask for an answer and send it as the client wants it, for as long as the client is there."""
    gateway = exchange.gateway
    exchange.model = request.prompt.model
    exchange.prompt = request.prompt
    exchange.mark("parse")
    await admit(exchange, caller, request.prompt.model)
    settings = gateway.settings
    deadline = Deadline(
        exchange.scope,
        platform=settings.platform,
        limit=settings.answer_timeout,
        clock=gateway.clock,
    )
    connected = WhileConnected(exchange)
    async with connected:
        if request.stream:
            stream = Stream(exchange, manner, settings.heartbeat, deadline)
            await stream.run(gateway.engine.answer(request.prompt, caller))
        else:
            opening = gateway.engine.answer(request.prompt, caller)
            await send_document(exchange, manner, deadline, opening)
    if connected.gone:
        exchange.outcome = "client_gone"


async def list_models(exchange: Exchange) -> None:
    """``{"object": "list", "data": [...]}``, as the caller's accounts see it."""
    caller = caller_of(exchange)
    models = await _models(exchange, caller)
    document = {"object": "list", "data": [_model_object(model) for model in models]}
    await exchange.document(msgspec.json.encode(document))


async def show_model(exchange: Exchange) -> None:
    """One entry of the list; 404 ``model_not_found`` where it is not in it."""
    caller = caller_of(exchange)
    wanted = exchange.parameter("model")
    for model in await _models(exchange, caller):
        if model.id == wanted:
            await exchange.document(msgspec.json.encode(_model_object(model)))
            return
    message = f"The model {wanted!r} does not exist or this account may not use it."
    raise Problem(Kind.MODEL_NOT_FOUND, message, param="model")


async def _models(exchange: Exchange, caller: Caller) -> list[Model]:
    """What the caller's accounts may use, as far as its key allows."""
    models = await exchange.gateway.catalog.models(caller)
    key = exchange.key
    return [model for model in models if key is None or key.allows(model.id)]


def _model_object(model: Model) -> dict[str, str | int]:
    return {
        "id": model.id,
        "object": "model",
        "created": model.created or _CREATED,
        "owned_by": model.owned_by,
    }


async def health(exchange: Exchange) -> None:
    """That the function runs, its settings are readable, and how the store was when it was last
    used. Asks nobody, tells no secret."""
    gateway = exchange.gateway
    store = gateway.store.status
    document = {
        "status": "ok" if store.down_since is None else "degraded",
        "version": __version__,
        "platform": gateway.settings.platform,
        "store": {
            **msgspec.structs.asdict(store),
            "keeps_tokens": gateway.keeps_tokens,
        },
    }
    await exchange.document(msgspec.json.encode(document))
