"""What is kept of a response so that a later one can go on from it.

Two ways, and each suffices. The id itself is a handle: it seals which account holds the
conversation, so it works on any instance with no store at all, for as long as the upstream keeps
the conversation. And where there is a store, the history is kept under the id, so that it also
works where the upstream keeps nothing, with any account.

The one rule: what one caller was given no other caller gets, whatever ids it tries.
"""

import hashlib
import logging

import msgspec
from msgspec import Raw, Struct

from chat2api_core.kept.brief import brief
from chat2api_core.problem import Kind, Problem
from chat2api_core.seal import BadSeal, Sealer
from chat2api_core.stores.base import Store, StoreError, TooLarge
from chat2api_core.turn import Message

_PREFIX = "resp_"
_LONGEST_ID = 400
_NAME = 24  # characters of the name of an answer, which stands in the ids of all its items

_log = logging.getLogger("chat2api.history")


class Handle(Struct, frozen=True, array_like=True):
    """Where a conversation goes on: the key of the account that holds it, and its id there."""

    account: str
    conversation_id: str


class Kept(Struct, frozen=True):
    """A response as it is kept. ``messages`` are those of its prompt and its own, ``document`` is
    its final JSON, ``items`` the input items as the client sent them."""

    messages: tuple[Message, ...]
    document: Raw
    items: tuple[Raw, ...]


class _Output(Struct):
    output: tuple[Raw, ...] = ()


class _Item(Struct):
    id: str = ""


class History:
    """Hands out ids of responses and finds again what they stand for. ``ttl`` is in seconds."""

    def __init__(self, store: Store, sealer: Sealer, *, ttl: float) -> None:
        self._store = store
        self._sealer = sealer
        self._ttl = ttl

    def name(self, handle: Handle, owner: str) -> str:
        """A fresh id for a response of this caller."""
        return _PREFIX + self._sealer.seal_text(msgspec.msgpack.encode(handle), _context(owner))

    def handle(self, response_id: str, owner: str) -> Handle:
        """What an id seals. Raises ``Problem`` NOT_FOUND for one that was not handed out to this
        caller, or not under this SECRET_KEY."""
        text = response_id.removeprefix(_PREFIX)
        if text == response_id or len(text) > _LONGEST_ID:
            raise unknown(response_id)
        try:
            opened = self._sealer.open_text(text, _context(owner))
            return msgspec.msgpack.decode(opened, type=Handle)
        except (BadSeal, msgspec.DecodeError) as error:
            raise unknown(response_id) from error

    async def keep(self, response_id: str, name: str, owner: str, kept: Kept) -> None:
        """Keep a response, and that the items with ``name`` in their ids are its own. One that is
        too large for the store is not kept: its id still works as long as the upstream has the
        conversation."""
        value = self._sealer.seal(msgspec.json.encode(kept), _context(owner))
        try:
            await self._store.put(_key(response_id), value, self._ttl)
            if response_id != _PREFIX + name:  # else the items' ids tell the response's by itself
                pointer = self._sealer.seal(response_id.encode(), _context(owner))
                await self._store.put(_key(f"items {name}"), pointer, self._ttl)
        except TooLarge:
            _log.warning("a response of %d bytes is too large to be kept", len(value))
        except StoreError as error:
            _log.warning("a response was not kept: %s", error)

    async def find(self, response_id: str, owner: str) -> Kept | None:
        """A kept response; None where none is kept under this id for this caller."""
        value = await self._store.get(_key(response_id))
        if value is None:
            return None
        try:
            return msgspec.json.decode(self._sealer.open(value, _context(owner)), type=Kept)
        except (BadSeal, msgspec.DecodeError) as error:
            _log.warning("a kept response could not be read: %s", type(error).__name__)
            return None

    async def item(self, item_id: str, owner: str) -> Raw | None:
        """An item of the output of a kept response; None where there is none of this id."""
        name = item_id.partition("_")[2][:_NAME]
        pointer = await self._store.get(_key(f"items {name}"))
        response_id = _PREFIX + name
        if pointer is not None:
            try:
                response_id = self._sealer.open(pointer, _context(owner)).decode()
            except BadSeal:
                return None
        kept = await self.find(response_id, owner)
        output = msgspec.json.decode(kept.document, type=_Output).output if kept else ()
        for item in output:
            if msgspec.json.decode(item, type=_Item).id == item_id:
                return item
        return None

    async def forget(self, response_id: str, owner: str) -> bool:
        """Forget a kept response. Whether there was one of this caller."""
        if await self.find(response_id, owner) is None:
            return False
        await self._store.delete(_key(response_id))
        return True


def unknown(response_id: str) -> Problem:
    """What a caller is told of an id that stands for nothing here."""
    message = (
        f"There is no response {brief(response_id)!r}: it was deleted, has expired, was made under"
        " another key, or its account is gone."
    )
    return Problem(Kind.RESPONSE_NOT_FOUND, message, param="previous_response_id")


def _context(owner: str) -> str:
    return f"response:{owner}"


def _key(response_id: str) -> str:
    """Ids are long; their digest names them in the store."""

    return f"response:{hashlib.sha256(response_id.encode()).hexdigest()[:40]}"
