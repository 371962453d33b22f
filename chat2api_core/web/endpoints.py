"""What the handlers in ``api/`` do, each told in terms of the gateway and an exchange."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec
from msgspec import structs

from chat2api_core import __version__
from chat2api_core.accounts.caller import Caller, TokenCaller, owner_of
from chat2api_core.aliases import resolved
from chat2api_core.carried import carries_media
from chat2api_core.choice import read_prefix
from chat2api_core.dialects.base import Dialect, Encoder, Head, Request
from chat2api_core.reply import Reply
from chat2api_core.turn import Prompt
from chat2api_core.web.admission import admit, caller_of
from chat2api_core.web.advice import headers_of
from chat2api_core.web.deadline import deadline_of
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.links import links_of
from chat2api_core.web.login import check_login
from chat2api_core.web.respond import Manner, Stream, WhileConnected, send_document

if TYPE_CHECKING:
    from chat2api_core.accounts.account import Account
    from chat2api_core.config import Settings
    from chat2api_core.kept.files import Held
    from chat2api_core.media.download import Download
    from chat2api_core.wiring import Gateway

_R = TypeVar("_R", bound=Request)


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


Opening: TypeAlias = Callable[[Exchange, Request, Caller], Awaitable[Reply]]
"""How an answer is asked for. Raises ``Problem`` where none commits."""


async def respond(
    exchange: Exchange,
    request: Request,
    caller: Caller,
    manner: Manner,
    opened: Opening | None = None,
) -> None:
    """Ask for an answer and send it as the client wants it, for as long as the client is there.
    ``opened`` asks in another way than for one answer of the engine."""
    request = renamed(request, exchange.gateway.settings)
    exchange.model = request.prompt.model
    exchange.prompt = request.prompt
    exchange.mark("parse")
    check_login(caller, request.prompt)
    await admit(exchange, caller, read_prefix(request.prompt.model)[1])
    deadline = deadline_of(exchange)
    if isinstance(caller, TokenCaller):
        from chat2api_core.web.lending import Lending  # noqa: PLC0415 (few bring an account)

        manner = Lending(manner, exchange, caller.account)
    connected = WhileConnected(exchange)
    async with connected:
        opening = (opened or _opened)(exchange, request, caller)
        if request.stream:
            stream = Stream(exchange, manner, exchange.gateway.settings.heartbeat, deadline)
            await stream.run(opening)
        else:
            await send_document(exchange, manner, deadline, opening)
    if connected.gone:
        exchange.outcome = "client_gone"


def renamed(request: _R, settings: "Settings") -> _R:
    """The request with the model that is meant, where its name stands for another (MODEL_ALIASES):
    limits of keys, counters and the choice of an upstream go by what is really asked."""
    model = resolved(request.prompt.model, settings.model_aliases)
    if model == request.prompt.model:
        return request
    return structs.replace(request, prompt=structs.replace(request.prompt, model=model))


async def _opened(exchange: Exchange, request: Request, caller: Caller) -> Reply:
    """The answer, once it has committed; headers tell of it."""
    prompt, holder = await ready(exchange, request, caller)
    reply = await exchange.gateway.engine.answer(prompt, caller, holder=holder)
    exchange.upstream = reply.account.type
    exchange.extra += headers_of(prompt, reply)
    return reply


async def ready(exchange: Exchange, request: Request, caller: Caller) -> tuple[Prompt, str]:
    """The prompt as it is put to an upstream, with the links that its answer may have, and the
    account that holds its files, if one does."""
    base = links_of(exchange)
    prompt, holder = await _taken(exchange.gateway, request, caller)
    return structs.replace(prompt, media=structs.replace(prompt.media, links=base)), holder


async def _taken(gateway: "Gateway", request: Request, caller: Caller) -> tuple[Prompt, str]:
    """The prompt with its pictures and files in it, and the account that holds them, if one does.
    A plain chat does not even load what this takes."""
    prompt = request.prompt
    if not (carries_media(prompt.messages) or gateway.settings.upload_by_url):
        return prompt, ""
    bring = partial(_bring, gateway, caller)
    return await gateway.media.intake.take(prompt, owner_of(caller), request.places, bring)


async def _bring(gateway: "Gateway", caller: Caller, held: "Held") -> bytes:
    """An uploaded file, from the account that holds it."""

    async def ask(account: "Account") -> "Download":
        return await gateway.media.downloads.open(account, f"file-service://{held.upstream_id}")

    async def drop(download: "Download") -> None:
        await download.aclose()

    download, hold = await gateway.engine.on_account(
        caller, ask, types=("web",), holder=held.account_key, drop=drop
    )
    try:
        return await download.reply.read(gateway.settings.max_file)
    finally:
        try:
            await download.reply.aclose()
        finally:
            await hold.release()


async def health(exchange: Exchange) -> None:
    """That the function runs, its settings are readable, and how the store was when it was last
    used: ``owed`` counters wait until it answers, and so do the renewed tokens of ``tokens_owed``
    accounts, which are lost if this process ends before. Asks nobody, tells no secret."""
    gateway = exchange.gateway
    store = gateway.store.status
    document = {
        "status": "ok" if store.down_since is None else "degraded",
        "version": __version__,
        "platform": gateway.settings.platform,
        "store": {
            **msgspec.structs.asdict(store),
            "owed": gateway.store.owed,
            "tokens_owed": gateway.tokens_owed,
            "keeps_tokens": gateway.keeps_tokens,
        },
    }
    await exchange.document(msgspec.json.encode(document))
