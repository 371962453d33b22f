"""A store in one DynamoDB table, over its HTTP JSON API: no AWS library to load.

In: the verbs of ``Store``. Out: signed POSTs through the ``post`` that it is given. The one rule:
whatever reads before it writes is one conditional write, so that DynamoDB itself keeps others out.

The table has the string key ``pk``. An entry has ``v`` (a value) or ``n`` (a counter), ``until``
(exact end, unix seconds) and ``ttl`` (the same in whole seconds, for the table's own sweep, which
may come days late: every read and condition here looks at ``until``). Time is this machine's clock.
Operations, types and errors as in the Amazon DynamoDB API reference, version 2012-08-10.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from chat2api_core.ambient import Clock
from chat2api_core.problem import Problem
from chat2api_core.stores.base import (
    NotACounter,
    Post,
    StoreDown,
    TooLarge,
    check_key,
    check_prefix,
    check_ttl,
    check_value,
)
from chat2api_core.stores.sigv4 import AwsKeys, sign

_OK = 200
_BATCH = 100  # keys in one BatchGetItem
_PAGES = 100  # of up to 1 MB each, in one walk
_RACES = 8  # tries against other writers of one counter

_LIVE = "(attribute_not_exists(#u) OR #u > :now)"
_FREE = "(attribute_not_exists(pk) OR #u <= :now)"
_NAMES = {"#u": "until"}

_Verb: TypeAlias = Literal["GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "Scan"]
_Attribute: TypeAlias = dict[str, str]
_Item: TypeAlias = dict[str, _Attribute]
_Body: TypeAlias = dict[str, object]


class _Read(Struct, frozen=True):
    """An attribute of an answer: one of the three types that are written here."""

    S: str = ""
    N: str = ""
    B: bytes = b""  # base64 on the wire


class _Entry(Struct, frozen=True):
    pk: _Read = _Read()
    v: _Read | None = None
    n: _Read | None = None
    until: _Read | None = None

    def live(self, now: float) -> bool:
        return self.until is None or float(self.until.N) > now

    def value(self) -> bytes:
        if self.n is not None:
            return self.n.N.encode()
        return b"" if self.v is None else self.v.B


class _Got(Struct, frozen=True):
    Item: _Entry | None = None


class _Batch(Struct, frozen=True):
    Responses: dict[str, list[_Entry]]
    UnprocessedKeys: dict[str, msgspec.Raw]


class _Page(Struct, frozen=True):
    Items: list[_Entry]
    LastEvaluatedKey: _Item | None = None


class _Updated(Struct, frozen=True):
    Attributes: _Entry


class _Nothing(Struct, frozen=True):
    pass


class _Fault(Struct, frozen=True):
    type: str = msgspec.field(name="__type", default="")


_T = TypeVar("_T")


class _ConditionFailed(Exception):
    """Somebody else was there first: an answer, not a fault."""


class DynamoStore:
    """A ``Store`` in ``table``. ``endpoint`` is the service's URL without a path."""

    name: Final = "dynamodb"
    durable: Final = True

    def __init__(
        self, table: str, *, endpoint: str, region: str, keys: AwsKeys, clock: Clock, post: Post
    ) -> None:
        self._table = table
        self._url = endpoint.rstrip("/") + "/"
        self._region = region
        self._keys = keys
        self._clock = clock
        self._post = post

    async def get(self, key: str) -> bytes | None:
        body: _Body = {"Key": _pk(key), "ConsistentRead": True}
        entry = (await self._ask("GetItem", body, _Got)).Item
        return None if entry is None or not entry.live(self._clock.now()) else entry.value()

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        names = list(dict.fromkeys(keys))  # naming a key twice is refused
        found: dict[str, bytes] = {}
        for start in range(0, len(names), _BATCH):
            await self._get_batch(names[start : start + _BATCH], found)
        return [found.get(key) for key in keys]

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        await self._ask("PutItem", {"Item": self._item(key, value, ttl)}, _Nothing)

    async def add(self, key: str, value: bytes, ttl: float | None = None) -> bool:
        return await self._write("PutItem", {"Item": self._item(key, value, ttl)}, _FREE)

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        if old is None:
            return await self.add(key, new, ttl)
        body: _Body = {"Item": self._item(key, new, ttl)}
        return await self._write("PutItem", body, f"v = :old AND {_LIVE}", {":old": _b(old)})

    async def delete(self, key: str) -> None:
        await self._ask("DeleteItem", {"Key": _pk(key)}, _Nothing)

    async def delete_if(self, key: str, old: bytes) -> bool:
        condition = f"v = :old AND {_LIVE}"
        return await self._write("DeleteItem", {"Key": _pk(key)}, condition, {":old": _b(old)})

    async def increment(self, key: str, by: int = 1, ttl: float | None = None) -> int:
        # Two writes that exclude each other: go on with a living counter, or begin a new one.
        item = {**_pk(key), "n": {"N": str(by)}, **self._end(ttl)}
        for _ in range(_RACES):
            total = await self._go_on(key, by)
            if total is not None:
                return total
            if await self._write("PutItem", {"Item": item}, _FREE):
                return by
            if await self._holds_value(key):
                raise NotACounter("This key holds a value, not a counter.")
        raise StoreDown("Too many others write this counter at the same time.")

    async def keys(self, prefix: str, limit: int = 1000) -> list[str]:
        body: _Body = {"ProjectionExpression": "pk", "ExpressionAttributeNames": _NAMES}
        values = {":now": _n(self._clock.now())}
        body["FilterExpression"] = _LIVE
        if check_prefix(prefix):
            body["FilterExpression"] = f"begins_with(pk, :prefix) AND {_LIVE}"
            values[":prefix"] = {"S": prefix}
        body["ExpressionAttributeValues"] = values
        found: list[str] = []
        for _ in range(_PAGES):
            page = await self._ask("Scan", body, _Page)
            found += [entry.pk.S for entry in page.Items]
            if page.LastEvaluatedKey is None or len(found) >= limit:
                return sorted(found)[:limit]
            body["ExclusiveStartKey"] = page.LastEvaluatedKey
        raise TooLarge("This table holds too much to walk through.")

    async def aclose(self) -> None:
        """Nothing to give back: the connections belong to ``post``."""

    async def _get_batch(self, keys: Sequence[str], found: dict[str, bytes]) -> None:
        now = self._clock.now()
        wanted: object = {"Keys": [_pk(key) for key in keys], "ConsistentRead": True}
        # An answer holds up to 16 MB and may leave keys for the next; each has one key at least.
        for _ in range(len(keys)):
            body: _Body = {"RequestItems": {self._table: wanted}}
            batch = await self._ask("BatchGetItem", body, _Batch)
            entries = batch.Responses.get(self._table, [])
            found.update((entry.pk.S, entry.value()) for entry in entries if entry.live(now))
            if self._table not in batch.UnprocessedKeys:
                return
            wanted = batch.UnprocessedKeys[self._table]
        raise StoreDown("DynamoDB does not hand out all that was asked for.")

    async def _go_on(self, key: str, by: int) -> int | None:
        body = self._conditional(
            {"Key": _pk(key), "UpdateExpression": "ADD n :by", "ReturnValues": "ALL_NEW"},
            f"attribute_exists(n) AND {_LIVE}",
            {":by": {"N": str(by)}},
        )
        try:
            counter = (await self._send("UpdateItem", body, _Updated)).Attributes.n
        except _ConditionFailed:
            return None
        if counter is None:
            raise _nonsense()
        return int(counter.N)

    async def _holds_value(self, key: str) -> bool:
        body: _Body = {"Key": _pk(key), "ConsistentRead": True}
        entry = (await self._ask("GetItem", body, _Got)).Item
        return entry is not None and entry.v is not None and entry.live(self._clock.now())

    async def _write(
        self,
        verb: _Verb,
        body: _Body,
        condition: str,
        values: Mapping[str, _Attribute] | None = None,
    ) -> bool:
        """A conditional write: whether the condition held, and so the write has happened."""
        try:
            await self._send(verb, self._conditional(body, condition, values or {}), _Nothing)
        except _ConditionFailed:
            return False
        return True

    def _conditional(self, body: _Body, condition: str, values: Mapping[str, _Attribute]) -> _Body:
        return {
            **body,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": _NAMES,
            "ExpressionAttributeValues": {**values, ":now": _n(self._clock.now())},
        }

    def _item(self, key: str, value: bytes, ttl: float | None) -> _Item:
        return {**_pk(key), "v": _b(check_value(value)), **self._end(ttl)}

    def _end(self, ttl: float | None) -> _Item:
        checked = check_ttl(ttl)
        if checked is None:
            return {}
        until = self._clock.now() + checked
        return {"until": _n(until), "ttl": {"N": str(math.ceil(until))}}

    async def _ask(self, verb: _Verb, body: _Body, form: type[_T]) -> _T:
        """Send what does no harm when it happens twice, and so may be tried twice."""
        try:
            return await self._send(verb, body, form)
        except StoreDown:
            return await self._send(verb, body, form)

    async def _send(self, verb: _Verb, body: _Body, form: type[_T]) -> _T:
        if verb != "BatchGetItem":  # which names its tables itself
            body = {"TableName": self._table, **body}
        data = msgspec.json.encode(body)
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"DynamoDB_20120810.{verb}",
        }
        headers = sign(
            self._url,
            headers,
            data,
            keys=self._keys,
            service="dynamodb",
            region=self._region,
            now=self._clock.now(),
        )
        try:
            status, answer = await self._post(self._url, headers, data)
        except Problem as problem:
            raise StoreDown(f"DynamoDB cannot be reached ({problem.kind.name}).") from problem
        if status != _OK:
            raise _fault(status, answer)
        try:
            return msgspec.json.decode(answer, type=form)
        except msgspec.DecodeError as error:
            raise _nonsense() from error


def _fault(status: int, answer: bytes) -> Exception:
    try:
        fault = msgspec.json.decode(answer, type=_Fault)
    except msgspec.DecodeError:
        return StoreDown(f"DynamoDB answered with status {status}.")
    name = fault.type.rpartition("#")[2]
    if name == "ConditionalCheckFailedException":
        return _ConditionFailed()
    words = name if name.isascii() and name.isalpha() else f"status {status}"
    return StoreDown(f"DynamoDB refused an operation ({words}).")


def _nonsense() -> StoreDown:
    return StoreDown("DynamoDB gave an answer that is not in its form.")


def _pk(key: str) -> _Item:
    return {"pk": {"S": check_key(key)}}


def _b(value: bytes) -> _Attribute:
    return {"B": base64.b64encode(value).decode()}


def _n(seconds: float) -> _Attribute:
    return {"N": f"{seconds:.6f}"}
