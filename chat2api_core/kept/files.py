"""The files that callers have uploaded, and what their ids stand for.

An id is a handle: it seals which account holds the file, under which id there, and what it is, for
the caller who uploaded it. So it works on any instance with no store at all. What the store adds is
the list of a caller's files, and that a deleted one stays deleted; without a store that outlives
the process, both are only what this instance knows.

The one rule: what one caller was given no other caller gets, whatever ids it tries.
"""

import hashlib
import logging

import msgspec
from msgspec import Struct, structs

from chat2api_core.ambient import Clock
from chat2api_core.kept.brief import brief
from chat2api_core.problem import Kind, Problem
from chat2api_core.seal import BadSeal, Sealer
from chat2api_core.stores.base import Store, StoreError

_PREFIX = "file-"
_LONGEST_ID = 900
_LONGEST_NAME = 120  # of a name within an id
_MOST = 1000  # files of one caller that a list goes through
_NEVER = 99_999_999_999  # a time, in unix seconds, that does not come
_LIFE = 30 * 86_400.0  # seconds that the list remembers a file, and that it was deleted

_log = logging.getLogger("chat2api.files")


class Held(Struct, frozen=True, array_like=True):
    """A file in the hands of an account: the key of the account, and the file's id there.

    ``size`` is in bytes, ``width`` and ``height`` are pixels (0 where it is no picture),
    ``created`` and ``ends`` are unix seconds (0: it does not end). ``purpose`` and ``use_case`` are
    the client's and the upstream's words for what it is for."""

    account_key: str
    upstream_id: str
    name: str
    size: int
    mime: str
    width: int = 0
    height: int = 0
    created: int = 0
    purpose: str = "user_data"
    use_case: str = ""
    ends: int = 0


class Listed(Struct, frozen=True):
    """A file as the list has it: its id, and what that stands for."""

    id: str
    held: Held


class Files:
    """Hands out ids of files and finds again what they stand for."""

    def __init__(self, store: Store, sealer: Sealer, clock: Clock) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock

    @property
    def durable(self) -> bool:
        """Whether the list outlives this process."""
        return self._store.durable

    def name(self, held: Held, owner: str) -> str:
        """A fresh id for a file of this caller."""
        held = structs.replace(held, name=shortened(held.name))
        return _PREFIX + self._sealer.seal_text(msgspec.msgpack.encode(held), _context(owner))

    async def resolve(self, file_id: str, owner: str) -> Held:
        """What an id stands for. Raises ``Problem`` FILE_NOT_FOUND for one that was not handed out
        to this caller, or not under this SECRET_KEY, or whose file was deleted or has ended."""
        held = self._opened(file_id, owner)
        if self._ended(held):
            raise unknown(file_id)
        try:
            gone = await self._store.get(_gone(file_id))
        except StoreError as error:
            _log.warning("whether a file was deleted is not known: %s", error)
            gone = None
        if gone is not None:
            raise unknown(file_id)
        return held

    async def add(self, held: Held, owner: str) -> str:
        """The id of a new file, which from now on is in the caller's list."""
        file_id = self.name(held, owner)
        value = self._sealer.seal(file_id.encode(), _context(owner))
        try:
            await self._store.put(_listed(file_id, held, owner), value, _LIFE)
        except StoreError as error:
            _log.warning("a file is not in the list: %s", error)
        return file_id

    async def listed(self, owner: str) -> list[Listed]:
        """The caller's files, newest first: up to a thousand."""
        keys = await self._store.keys(_list(owner), _MOST)
        values = await self._store.get_many(keys)
        found = [self._read(value, owner) for value in values if value is not None]
        return [one for one in found if one is not None and not self._ended(one.held)]

    async def forget(self, file_id: str, owner: str) -> None:
        """Take a file from the list; its id stands for nothing any more."""
        held = self._opened(file_id, owner)
        await self._store.put(_gone(file_id), b"1", _LIFE)
        await self._store.delete(_listed(file_id, held, owner))

    def _ended(self, held: Held) -> bool:
        return 0 < held.ends <= self._clock.now()

    def _opened(self, file_id: str, owner: str) -> Held:
        text = file_id.removeprefix(_PREFIX)
        if text == file_id or len(text) > _LONGEST_ID:
            raise unknown(file_id)
        try:
            opened = self._sealer.open_text(text, _context(owner))
            return msgspec.msgpack.decode(opened, type=Held)
        except (BadSeal, msgspec.DecodeError) as error:
            raise unknown(file_id) from error

    def _read(self, value: bytes, owner: str) -> Listed | None:
        try:
            file_id = self._sealer.open(value, _context(owner)).decode()
            return Listed(file_id, self._opened(file_id, owner))
        except (BadSeal, Problem, UnicodeDecodeError):
            _log.warning("an entry of a list of files was sealed under another key")
            return None


def unknown(file_id: str) -> Problem:
    """What a caller is told of an id that stands for nothing here."""
    message = (
        f"There is no file {brief(file_id)!r}: it was deleted, has expired, was uploaded under"
        " another key, or its account is gone."
    )
    return Problem(Kind.FILE_NOT_FOUND, message, param="file_id")


def shortened(name: str) -> str:
    """A name that fits into an id, its ending kept."""
    if len(name) <= _LONGEST_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    tail = f"{dot}{ending}" if stem and len(ending) <= 16 else ""  # noqa: PLR2004 (an ending)
    return name[: _LONGEST_NAME - len(tail)] + tail


def _context(owner: str) -> str:
    return f"file:{owner}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _gone(file_id: str) -> str:
    return f"file-gone:{_digest(file_id)}"


def _list(owner: str) -> str:
    return f"files:{_digest(owner)}:"


def _listed(file_id: str, held: Held, owner: str) -> str:
    """Keys sort by time of creation, the latest first."""
    return f"{_list(owner)}{_NEVER - held.created:011d}:{_digest(file_id)}"
