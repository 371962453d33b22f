"""A store in the commands of Redis, whoever carries them there (a TCP connection, or REST).

In: the verbs of ``Store``. Out: commands, each a list of ASCII words, for a ``Carrier``; its
replies are read back here. The one rule: whatever reads before it writes is one command (a script),
so that Redis itself keeps others out in between.

Layout: key = ``prefix`` + key. A value is "=" and its base64, because REST carries text only and a
counter must never look like a value; a counter is its digits. Both carriers write the same, so a
deployment may change from one to the other and keep what it has. Time is the time of Redis.
"""

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from chat2api_core.stores.base import (
    ONCE_FOR,
    StoreDown,
    TooLarge,
    check_key,
    check_prefix,
    check_ttl,
    check_value,
    once_name,
)

Word: TypeAlias = str | int | None
Reply: TypeAlias = Word | list[Word | list[Word]]

PREFIX = "chat2api:"

_MANY = 100  # keys in one MGET
_COUNTS = 500  # counters in one script
_SCAN_COUNT = "1000"
_SCAN_ROUNDS = 1000
_NO_TTL = "0"

_SWAP = """if redis.call('GET',KEYS[1])~=ARGV[1] then return 0 end
if ARGV[3]=='0' then redis.call('SET',KEYS[1],ARGV[2])
else redis.call('SET',KEYS[1],ARGV[2],'PX',ARGV[3]) end
return 1"""
_DELETE_IF = """if redis.call('GET',KEYS[1])~=ARGV[1] then return 0 end
return redis.call('DEL',KEYS[1])"""
_INCREMENT = """local new=redis.call('EXISTS',KEYS[1])==0
local sum=redis.call('INCRBY',KEYS[1],ARGV[1])
if new and ARGV[2]~='0' then redis.call('PEXPIRE',KEYS[1],ARGV[2]) end
return sum"""
# The last key is the name of the batch. The reply to a value where a counter should be is the one
# that Redis itself gives.
_INCREMENT_MANY = """local last=#KEYS
if ARGV[last]~='0' and redis.call('EXISTS',KEYS[last])==1 then return 0 end
local held=redis.call('MGET',unpack(KEYS))
for i=1,last-1 do
  if held[i] and string.sub(held[i],1,1)=='=' then
    return redis.error_reply('ERR value is not an integer or out of range') end
end
for i=1,last-1 do
  redis.call('INCRBY',KEYS[i],ARGV[i])
  if not held[i] and ARGV[last+1]~='0' then redis.call('PEXPIRE',KEYS[i],ARGV[last+1]) end
end
if ARGV[last]~='0' then redis.call('SET',KEYS[last],'=','PX',ARGV[last]) end
return 1"""


class Carrier(Protocol):
    """Takes one command to Redis and brings back the reply."""

    async def run(self, command: Sequence[str]) -> Reply:
        """The reply to the command, which was sent at most once.

        Raises ``StoreDown``; ``NotACounter`` where Redis says that a value is not an integer."""
        ...

    async def aclose(self) -> None: ...


class CommandStore:
    """A ``Store`` in whatever Redis the carrier reaches. Keys of others there are left alone."""

    def __init__(self, name: str, carrier: Carrier, prefix: str = PREFIX) -> None:
        self.name = name
        self.durable = True
        self._carrier = carrier
        self._prefix = prefix

    async def get(self, key: str) -> bytes | None:
        return _value(await self._ask(["GET", self._key(key)]))

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        names = [self._key(key) for key in keys]
        values: list[bytes | None] = []
        for start in range(0, len(names), _MANY):
            batch = names[start : start + _MANY]
            reply = await self._ask(["MGET", *batch])
            if not isinstance(reply, list) or len(reply) != len(batch):
                raise _nonsense()
            values += [_value(word) for word in reply]
        return values

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        command = ["SET", self._key(key), _text(value), *_px(ttl)]
        if not await self._ask(command):
            raise _nonsense()

    async def add(self, key: str, value: bytes, ttl: float | None = None) -> bool:
        command = ["SET", self._key(key), _text(value), "NX", *_px(ttl)]
        return bool(await self._carrier.run(command))

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        if old is None:
            return await self.add(key, new, ttl)
        return await self._script(_SWAP, key, _text(old), _text(new), _milliseconds(ttl)) == 1

    async def delete(self, key: str) -> None:
        await self._ask(["DEL", self._key(key)])

    async def delete_if(self, key: str, old: bytes) -> bool:
        return await self._script(_DELETE_IF, key, _text(old)) == 1

    async def increment(self, key: str, by: int = 1, ttl: float | None = None) -> int:
        return await self._script(_INCREMENT, key, str(by), _milliseconds(ttl))

    async def increment_many(
        self, amounts: Mapping[str, int], ttl: float | None = None, *, once: str = ""
    ) -> None:
        names = [self._key(key) for key in amounts]
        counts = [str(by) for by in amounts.values()]
        end = _milliseconds(ttl)
        known_for = _milliseconds(ONCE_FOR) if once else _NO_TTL
        for part, start in enumerate(range(0, len(names), _COUNTS)):
            keys = [*names[start : start + _COUNTS], self._key(once_name(once, part))]
            words = [*counts[start : start + _COUNTS], known_for, end]
            ask = self._ask if once else self._carrier.run
            await ask(["EVAL", _INCREMENT_MANY, str(len(keys)), *keys, *words])

    async def keys(self, prefix: str, limit: int = 1000) -> list[str]:
        pattern = _literal(self._prefix + check_prefix(prefix)) + "*"
        found: set[str] = set()
        cursor = "0"
        for _ in range(_SCAN_ROUNDS):
            command = ["SCAN", cursor, "MATCH", pattern, "COUNT", _SCAN_COUNT]
            cursor, names = _page(await self._ask(command))
            found.update(name.removeprefix(self._prefix) for name in names)
            if cursor == "0" or len(found) >= limit:
                return sorted(found)[:limit]
        raise TooLarge("This Redis holds too many keys to walk through.")

    async def aclose(self) -> None:
        await self._carrier.aclose()

    async def _ask(self, command: Sequence[str]) -> Reply:
        """Run what does no harm when it runs twice, and so may be tried twice."""
        try:
            return await self._carrier.run(command)
        except StoreDown:
            return await self._carrier.run(command)

    async def _script(self, script: str, key: str, *words: str) -> int:
        reply = await self._carrier.run(["EVAL", script, "1", self._key(key), *words])
        if not isinstance(reply, int):
            raise _nonsense()
        return reply

    def _key(self, key: str) -> str:
        return self._prefix + check_key(key)


def _text(value: bytes) -> str:
    return "=" + base64.b64encode(check_value(value)).decode()


def _value(reply: Reply | list[Word]) -> bytes | None:
    if reply is None:
        return None
    text = str(reply)
    if not text.startswith("="):
        return text.encode()
    try:
        return base64.b64decode(text[1:], validate=True)
    except binascii.Error as error:
        raise _nonsense() from error


def _milliseconds(ttl: float | None) -> str:
    checked = check_ttl(ttl)
    return _NO_TTL if checked is None else str(math.ceil(checked * 1000))


def _px(ttl: float | None) -> list[str]:
    return [] if ttl is None else ["PX", _milliseconds(ttl)]


def _literal(text: str) -> str:
    """The pattern of SCAN that matches this text and nothing else."""
    return "".join("\\" + char if char in "*?[]^\\" else char for char in text)


def _page(reply: Reply) -> tuple[str, list[str]]:
    match reply:
        case [(str() | int()) as cursor, list() as names]:
            return str(cursor), [str(name) for name in names]
        case _:
            raise _nonsense()


def _nonsense() -> StoreDown:
    return StoreDown("Redis gave a reply that fits none of our questions.")
