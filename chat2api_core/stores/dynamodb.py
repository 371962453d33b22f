"""A store in one DynamoDB table, over its HTTP JSON API: no AWS library to load.

In: the verbs of ``Store``. Out: signed POSTs through the ``post`` that it is given. The one rule:
whatever reads before it writes is one conditional write, so that DynamoDB itself keeps others out.

The table has the string key ``pk``. An entry has ``v`` (a value) or ``n`` (a counter), ``until``
(exact end, unix seconds) and ``ttl`` (the same in whole seconds, for the table's own sweep, which
may come days late: every read and condition here looks at ``until``). Time is this machine's clock.
Operations, types and errors as in the Amazon DynamoDB API reference, version 2012-08-10.
"""

import asyncio
import base64
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from chat2api_core.ambient import Clock, Ids
from chat2api_core.stores.backoff import pauses
from chat2api_core.stores.base import (
    ONCE_FOR,
    NotACounter,
    Post,
    StoreDown,
    TooLarge,
    check_key,
    check_prefix,
    check_ttl,
    check_value,
    once_name,
)
from chat2api_core.stores.dynamodb_api import (
    Attribute,
    Batch,
    Body,
    Cancelled,
    ConditionFailed,
    DynamoApi,
    Got,
    Item,
    Nothing,
    Page,
    Updated,
    Verb,
    nonsense,
)
from chat2api_core.stores.dynamodb_counts import AT_ONCE, CountBatch, Write
from chat2api_core.stores.sigv4 import AwsKeys

_BATCH = 100  # keys in one BatchGetItem
_PAGES = 100  # of up to 1 MB each, in one walk

_LIVE = "(attribute_not_exists(#u) OR #u > :now)"
_FREE = "(attribute_not_exists(pk) OR #u <= :now)"
_NAMES = {"#u": "until"}


class DynamoStore:
    """A ``Store`` in ``table``. ``endpoint`` is the service's URL without a path."""

    name: Final = "dynamodb"
    durable: Final = True

    def __init__(
        self,
        table: str,
        *,
        endpoint: str,
        region: str,
        keys: AwsKeys,
        clock: Clock,
        ids: Ids,
        post: Post,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._table = table
        self._api = DynamoApi(
            table,
            endpoint=endpoint,
            region=region,
            keys=keys,
            clock=clock,
            ids=ids,
            post=post,
            sleep=sleep,
        )
        self._clock = clock
        self._ids = ids
        self._sleep = sleep

    async def get(self, key: str) -> bytes | None:
        body: Body = {"Key": _pk(key), "ConsistentRead": True}
        entry = (await self._api.ask("GetItem", body, Got)).Item
        return None if entry is None or not entry.live(self._clock.now()) else entry.value()

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        names = list(dict.fromkeys(keys))  # naming a key twice is refused
        found: dict[str, bytes] = {}
        for start in range(0, len(names), _BATCH):
            await self._get_batch(names[start : start + _BATCH], found)
        return [found.get(key) for key in keys]

    async def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        await self._api.ask("PutItem", {"Item": self._item(key, value, ttl)}, Nothing)

    async def add(self, key: str, value: bytes, ttl: float | None = None) -> bool:
        return await self._write("PutItem", {"Item": self._item(key, value, ttl)}, _FREE)

    async def swap(self, key: str, old: bytes | None, new: bytes, ttl: float | None = None) -> bool:
        if old is None:
            return await self.add(key, new, ttl)
        body: Body = {"Item": self._item(key, new, ttl)}
        return await self._write("PutItem", body, f"v = :old AND {_LIVE}", {":old": _b(old)})

    async def delete(self, key: str) -> None:
        await self._api.ask("DeleteItem", {"Key": _pk(key)}, Nothing)

    async def delete_if(self, key: str, old: bytes) -> bool:
        condition = f"v = :old AND {_LIVE}"
        return await self._write("DeleteItem", {"Key": _pk(key)}, condition, {":old": _b(old)})

    async def increment(self, key: str, by: int = 1, ttl: float | None = None) -> int:
        # Two writes that exclude each other: go on with a living counter, or begin a new one.
        item = {**_pk(key), "n": {"N": str(by)}, **self._end(ttl)}
        for pause in (*pauses(self._ids.random), None):
            total = await self._go_on(key, by)
            if total is not None:
                return total
            if await self._write("PutItem", {"Item": item}, _FREE):
                return by
            if await self._holds_value(key):
                raise NotACounter("This key holds a value, not a counter.")
            if pause is not None:
                await self._sleep(pause)
        raise StoreDown("Too many others write this counter at the same time.")

    async def increment_many(
        self, amounts: Mapping[str, int], ttl: float | None = None, *, once: str = ""
    ) -> None:
        names = list(amounts)
        for part, start in enumerate(range(0, len(names), AT_ONCE)):
            some = {key: amounts[key] for key in names[start : start + AT_ONCE]}
            mark = self._begun(once_name(once, part), 1, ONCE_FOR) if once else None
            batch = CountBatch(
                {key: self._begun(key, by, ttl) for key, by in some.items()},
                {key: self._gone_on(key, by) for key, by in some.items()},
                mark,
            )
            await self._count(batch)

    async def keys(self, prefix: str, limit: int = 1000) -> list[str]:
        body: Body = {"ProjectionExpression": "pk", "ExpressionAttributeNames": _NAMES}
        values = {":now": _n(self._clock.now())}
        body["FilterExpression"] = _LIVE
        if check_prefix(prefix):
            body["FilterExpression"] = f"begins_with(pk, :prefix) AND {_LIVE}"
            values[":prefix"] = {"S": prefix}
        body["ExpressionAttributeValues"] = values
        found: list[str] = []
        for _ in range(_PAGES):
            page = await self._api.ask("Scan", body, Page)
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
            body: Body = {"RequestItems": {self._table: wanted}}
            batch = await self._api.ask("BatchGetItem", body, Batch)
            entries = batch.Responses.get(self._table, [])
            found.update((entry.pk.S, entry.value()) for entry in entries if entry.live(now))
            if self._table not in batch.UnprocessedKeys:
                return
            wanted = batch.UnprocessedKeys[self._table]
        raise StoreDown("DynamoDB does not hand out all that was asked for.")

    async def _count(self, batch: CountBatch) -> None:
        """Have the batch counted, against others who write the same counters."""
        for pause in (*pauses(self._ids.random), None):
            body: Body = {"TransactItems": batch.writes}
            try:
                await self._api.send("TransactWriteItems", body, Nothing)
            except Cancelled as cancelled:
                verdict = batch.refused(cancelled.reasons)
                if verdict == "counted":
                    return
                if verdict == "contended" and pause is not None:
                    await self._sleep(pause)
            else:
                return
        raise StoreDown("Too many others write these counters at the same time.")

    def _begun(self, key: str, by: int, ttl: float | None) -> Write:
        item = {**_pk(key), "n": {"N": str(by)}, **self._end(ttl)}
        return {"Put": self._conditional({"TableName": self._table, "Item": item}, _FREE, {})}

    def _gone_on(self, key: str, by: int) -> Write:
        return {"Update": {"TableName": self._table, **self._added(key, by)}}

    def _added(self, key: str, by: int) -> Body:
        return self._conditional(
            {"Key": _pk(key), "UpdateExpression": "ADD n :by"},
            f"attribute_exists(n) AND {_LIVE}",
            {":by": {"N": str(by)}},
        )

    async def _go_on(self, key: str, by: int) -> int | None:
        body = {**self._added(key, by), "ReturnValues": "ALL_NEW"}
        try:
            counter = (await self._api.send("UpdateItem", body, Updated)).Attributes.n
        except ConditionFailed:
            return None
        if counter is None:
            raise nonsense()
        return int(counter.N)

    async def _holds_value(self, key: str) -> bool:
        body: Body = {"Key": _pk(key), "ConsistentRead": True}
        entry = (await self._api.ask("GetItem", body, Got)).Item
        return entry is not None and entry.v is not None and entry.live(self._clock.now())

    async def _write(
        self,
        verb: Verb,
        body: Body,
        condition: str,
        values: Mapping[str, Attribute] | None = None,
    ) -> bool:
        """A conditional write: whether the condition held, and so the write has happened."""
        try:
            await self._api.send(verb, self._conditional(body, condition, values or {}), Nothing)
        except ConditionFailed:
            return False
        return True

    def _conditional(self, body: Body, condition: str, values: Mapping[str, Attribute]) -> Body:
        return {
            **body,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": _NAMES,
            "ExpressionAttributeValues": {**values, ":now": _n(self._clock.now())},
        }

    def _item(self, key: str, value: bytes, ttl: float | None) -> Item:
        return {**_pk(key), "v": _b(check_value(value)), **self._end(ttl)}

    def _end(self, ttl: float | None) -> Item:
        checked = check_ttl(ttl)
        if checked is None:
            return {}
        until = self._clock.now() + checked
        return {"until": _n(until), "ttl": {"N": str(math.ceil(until))}}


def _pk(key: str) -> Item:
    return {"pk": {"S": check_key(key)}}


def _b(value: bytes) -> Attribute:
    return {"B": base64.b64encode(value).decode()}


def _n(seconds: float) -> Attribute:
    return {"N": f"{seconds:.6f}"}
