"""POST /v1/responses and what belongs to it: going on from a response, and looking at kept ones."""

import msgspec
from msgspec import Raw, Struct, structs

from chat2api_core.accounts.caller import owner_of
from chat2api_core.dialects.base import Encoder, invalid
from chat2api_core.dialects.responses import Responses, ResponsesHead, ResponsesRequest
from chat2api_core.kept.history import Handle, Kept, unknown
from chat2api_core.problem import Kind, Problem
from chat2api_core.reply import Reply
from chat2api_core.turn import Prompt, Thread
from chat2api_core.web.admission import caller_of
from chat2api_core.web.advice import warning_headers
from chat2api_core.web.endpoints import respond
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.stored import insist


class Continuing:
    """The manner of a response: its id says where it can be gone on from, and it is kept there."""

    def __init__(
        self, exchange: Exchange, request: ResponsesRequest, owner: str, body: bytes
    ) -> None:
        gateway = exchange.gateway
        self._history = gateway.history
        self._dialect = Responses(gateway.clock)
        self._request = request
        self._owner = owner
        self._body = body
        self._head = ResponsesHead(gateway.ids.hex(24), int(gateway.clock.now()))
        self._document = b""

    def encoder(self, reply: Reply | None) -> Encoder:
        return self._dialect.encoder(self._request, self._named(reply))

    def document(self, reply: Reply) -> bytes:
        # Made once: what is kept is what was sent.
        if not self._document:
            self._document = self._dialect.document(
                self._request, self._named(reply), reply.transcript
            )
        return self._document

    async def keep(self, reply: Reply) -> None:
        if not self._request.store:
            return
        from chat2api_core.dialects.responses.answered import messages_of  # noqa: PLC0415 (all is sent)
        from chat2api_core.dialects.responses.input_items import listed  # noqa: PLC0415 (the same)

        said = self._request.prompt.messages[1 if self._request.has_instructions else 0 :]
        kept = Kept(
            (*said, *messages_of(reply.transcript)),
            Raw(self.document(reply)),
            listed(self._body, self._head.id),
        )
        head = self._named(reply)
        await self._history.keep(head.response_id, head.id, self._owner, kept)

    def _named(self, reply: Reply | None) -> ResponsesHead:
        """The head with an id that seals where the conversation goes on. The same every time."""
        if not self._head.response_id:
            thread = reply.started.conversation_id if reply is not None else ""
            name = f"resp_{self._head.id}"
            if reply is not None and thread:
                name = self._history.name(Handle(reply.account.key, thread), self._owner)
            self._head = structs.replace(self._head, response_id=name)
        return self._head


async def post(exchange: Exchange) -> None:
    """Create a response, cancel one, or make a history short."""
    if exchange.parameter("response") == "compact" and not exchange.parameter("part"):
        from chat2api_core.web.compaction import compact  # noqa: PLC0415 (few requests are one)

        await compact(exchange)
        return
    if exchange.parameter("response"):
        await _cancel(exchange)
        return
    caller = caller_of(exchange)
    owner = owner_of(caller)
    body = await resolved(exchange, await exchange.body(), owner)
    request = Responses(exchange.gateway.clock).parse(body)
    exchange.extra += warning_headers(request.warnings)
    if request.previous_response_id:
        prompt = await going_on(exchange, request, owner)
        request = structs.replace(request, prompt=prompt)
    await respond(exchange, request, caller, Continuing(exchange, request, owner, body))


async def get(exchange: Exchange) -> None:
    """A kept response, or its input items."""
    response_id = exchange.parameter("response")
    part = exchange.parameter("part")
    if not response_id or part not in {"", "input_items"}:
        raise Problem(Kind.NOT_FOUND, f"There is nothing at {exchange.path}.")
    if exchange.query.get("stream", "").lower() in {"true", "1"}:
        words = "is for a response that is still under way: leave it out, and get this one whole"
        raise invalid(words, "stream")
    from chat2api_core.dialects.responses.input_items import page_of  # noqa: PLC0415 (few look)

    kept = await _kept(exchange, response_id)
    body = page_of(kept.items, exchange.query) if part else bytes(kept.document)
    await exchange.document(body)


async def delete(exchange: Exchange) -> None:
    """Forget a kept response."""
    response_id = exchange.parameter("response")
    if not response_id or exchange.parameter("part"):
        raise Problem(Kind.NOT_FOUND, f"There is nothing to delete at {exchange.path}.")
    owner = owner_of(caller_of(exchange))
    known = await exchange.gateway.history.forget(response_id, owner)
    insist(exchange, "The store that keeps responses does not answer: this one is still there.")
    if not known:
        raise unknown(response_id)
    gone = {"id": response_id, "object": "response", "deleted": True}
    await exchange.document(msgspec.json.encode(gone))


async def _cancel(exchange: Exchange) -> None:
    response_id = exchange.parameter("response")
    if exchange.parameter("part") != "cancel":
        raise Problem(Kind.NOT_FOUND, f"There is nothing to POST to at {exchange.path}.")
    await _kept(exchange, response_id)
    message = "Only a response that runs in the background can be cancelled; none does here."
    raise Problem(Kind.INVALID_REQUEST, message)


async def _kept(exchange: Exchange, response_id: str) -> Kept:
    owner = owner_of(caller_of(exchange))
    kept = await exchange.gateway.history.find(response_id, owner)
    if kept is None:
        insist(exchange, "The store that keeps responses does not answer.")
        raise unknown(response_id)
    return kept


async def going_on(exchange: Exchange, request: ResponsesRequest, owner: str) -> Prompt:
    """The prompt with what came before it: the kept history where there is one, else the
    conversation that the id names. Raises ``Problem`` RESPONSE_NOT_FOUND."""
    history = exchange.gateway.history
    prompt = request.prompt
    kept = await history.find(request.previous_response_id, owner)
    if kept is not None:
        first = 1 if request.has_instructions else 0
        new = prompt.messages
        return structs.replace(prompt, messages=(*new[:first], *kept.messages, *new[first:]))
    handle = history.handle(request.previous_response_id, owner)
    exchange.gateway.engine.adopt(handle.account, handle.conversation_id)
    return structs.replace(prompt, thread=Thread(handle.conversation_id))


class _Reference(Struct):
    type: str = ""
    id: str = ""


async def resolved(exchange: Exchange, body: bytes, owner: str) -> bytes:
    """The body with every reference to a kept item replaced by the item. Raises ``Problem``
    RESPONSE_NOT_FOUND for one that is not kept."""
    if b"item_reference" not in body:
        return body
    try:
        fields = msgspec.json.decode(body, type=dict[str, Raw])
        items = msgspec.json.decode(fields.get("input", Raw(b"")), type=list[Raw])
    except msgspec.DecodeError:
        return body  # the parser says better what is wrong with it
    for place, item in enumerate(items):
        if b"item_reference" not in bytes(item):
            continue
        reference = _reference(item)
        if reference.type != "item_reference":
            continue
        found = await exchange.gateway.history.item(reference.id, owner)
        if found is None:
            message = f"There is no item {reference.id!r}: items are kept with their response."
            raise Problem(Kind.RESPONSE_NOT_FOUND, message, param=f"input[{place}]")
        items[place] = found
    return msgspec.json.encode(fields | {"input": items})


def _reference(item: Raw) -> _Reference:
    try:
        return msgspec.json.decode(item, type=_Reference)
    except msgspec.DecodeError:
        return _Reference()
