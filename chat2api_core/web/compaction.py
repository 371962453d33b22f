"""POST /v1/responses/compact: a long history made short, by the backend that can read what comes
of it. Only accounts of the Codex client have one."""

import msgspec
from msgspec import structs

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.caller import Caller, PoolCaller, TokenCaller, owner_of
from chat2api_core.choice import meant, nobody, read_prefix
from chat2api_core.dialects.base import Head
from chat2api_core.dialects.responses import Responses, ResponsesRequest
from chat2api_core.dialects.responses.compacted import document, seals
from chat2api_core.kept import thoughts
from chat2api_core.problem import Kind, Problem
from chat2api_core.transcript import Transcript
from chat2api_core.turn import Prompt
from chat2api_core.upstreams.codex.compaction import Compacted
from chat2api_core.web.admission import admit, caller_of
from chat2api_core.web.advice import warning_headers
from chat2api_core.web.endpoints import ready, renamed
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.login import need_login
from chat2api_core.web.responses import going_on, resolved

_CODEX = ("codex",)
_WEB = "Only the upstream codex makes histories short: name one of its models, or leave it to auto."


async def compact(exchange: Exchange) -> None:
    """Make a history short."""
    caller = caller_of(exchange)
    need_login(caller, "Making a history short")
    request = await _request(exchange, caller)
    await admit(exchange, caller, request.prompt.model)
    prompt, holder = await ready(exchange, request, caller)
    short, account = await _shortened(exchange, caller, prompt, holder)
    gateway = exchange.gateway
    exchange.upstream = account.type
    head = Head(gateway.ids.hex(24), int(gateway.clock.now()))
    usage = short.usage or await gateway.meter.usage(prompt, Transcript())
    try:
        body, made = document(head, short.items, usage), seals(short.items)
    except msgspec.DecodeError as error:
        message = "Codex sent a short history that could not be understood."
        raise Problem(Kind.GARBAGE, message, step="conversation") from error
    for one in made:
        gateway.office.ledger.owns(account.key, thoughts.name_of(one))
    exchange.mark("first")
    await exchange.document(body)


async def _request(exchange: Exchange, caller: Caller) -> ResponsesRequest:
    """What is asked, with all that came before it and the bare name of the model. Raises
    ``Problem`` where there is nothing that could be made short."""
    gateway = exchange.gateway
    owner = owner_of(caller)
    request = Responses(gateway.clock).parse(await resolved(exchange, await exchange.body(), owner))
    request = renamed(request, gateway.settings)
    prompt = request.prompt
    if request.previous_response_id:
        prompt = await going_on(exchange, request, owner)
    exchange.model = prompt.model
    exchange.prompt = prompt
    exchange.mark("parse")
    exchange.extra += warning_headers(request.warnings)
    if meant(prompt.model, gateway.settings.upstream) == "web":
        raise Problem(Kind.UNSUPPORTED_PARAMETER, _WEB, step="request", param="model")
    if prompt.thread is not None:
        message = "That response is not kept here, so its history cannot be made short."
        raise Problem(Kind.RESPONSE_NOT_FOUND, message, param="previous_response_id")
    plain = structs.replace(prompt, model=read_prefix(prompt.model)[1])
    return structs.replace(request, prompt=plain)


async def _shortened(
    exchange: Exchange, caller: Caller, prompt: Prompt, holder: str
) -> tuple[Compacted, Account]:
    """The short history, and the account that made it: alone it can read it."""
    gateway = exchange.gateway

    async def ask(account: Account) -> Compacted:
        return await gateway.codex.compact(prompt, account)

    if isinstance(caller, TokenCaller):
        caller = TokenCaller(structs.replace(caller.account, type="codex"))
    elif "codex" not in gateway.office.pool.types:
        raise nobody("codex")
    sealed = thoughts.brought(prompt) if isinstance(caller, PoolCaller) else ""
    short, hold = await gateway.engine.on_account(
        caller,
        ask,
        types=_CODEX,
        model=prompt.model,
        holder=holder,
        prefer=await gateway.office.ledger.owner(sealed) if sealed else "",
    )
    await hold.release()
    return short, hold.account
