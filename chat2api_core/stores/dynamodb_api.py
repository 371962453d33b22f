"""DynamoDB over its HTTP JSON API: one operation as one signed POST, and its answer read.

In: an operation and its body. Out: the answer in the form asked for. The one rule: what DynamoDB
says about the data (a condition that did not hold, a transaction that was not done) is an exception
of its own, and everything else that goes wrong is ``StoreDown``. What it did not do because of too
much at once is sent again after a pause, which is safe for any operation.

Operations, types and errors as in the Amazon DynamoDB API reference, version 2012-08-10.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from chat2api_core.ambient import Clock, Ids
from chat2api_core.problem import Problem
from chat2api_core.stores.backoff import pauses
from chat2api_core.stores.base import Post, StoreDown
from chat2api_core.stores.sigv4 import AwsKeys, sign

_OK = 200
# Refusals after which nothing was done, and the same may be done a moment later.
_NOT_NOW = frozenset(
    {
        "ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException",
        "TransactionConflictException", "TransactionInProgressException",
    }
)  # fmt: skip

Verb: TypeAlias = Literal[
    "GetItem",
    "BatchGetItem",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "Scan",
    "TransactWriteItems",
]
_ITS_OWN_TABLES = frozenset({"BatchGetItem", "TransactWriteItems"})  # name theirs inside
Attribute: TypeAlias = dict[str, str]
Item: TypeAlias = dict[str, Attribute]
Body: TypeAlias = dict[str, object]


class Read(Struct, frozen=True):
    """An attribute of an answer: one of the three types that are written here."""

    S: str = ""
    N: str = ""
    B: bytes = b""  # base64 on the wire


class Entry(Struct, frozen=True):
    """What the table holds under a key, or the part of it that was asked for."""

    pk: Read = Read()
    v: Read | None = None
    n: Read | None = None
    until: Read | None = None

    def live(self, now: float) -> bool:
        """Whether it has not expired."""
        return self.until is None or float(self.until.N) > now

    def value(self) -> bytes:
        """The value, or the digits of the counter."""
        if self.n is not None:
            return self.n.N.encode()
        return b"" if self.v is None else self.v.B


class Got(Struct, frozen=True):
    """The answer of GetItem."""

    Item: Entry | None = None


class Batch(Struct, frozen=True):
    """The answer of BatchGetItem."""

    Responses: dict[str, list[Entry]]
    UnprocessedKeys: dict[str, msgspec.Raw]


class Page(Struct, frozen=True):
    """The answer of Scan."""

    Items: list[Entry]
    LastEvaluatedKey: Item | None = None


class Updated(Struct, frozen=True):
    """The answer of UpdateItem."""

    Attributes: Entry


class Nothing(Struct, frozen=True):
    """An answer of which nothing matters."""


class _Reason(Struct, frozen=True):
    Code: str = ""


class _Fault(Struct, frozen=True):
    type: str = msgspec.field(name="__type", default="")
    CancellationReasons: list[_Reason] = []


_T = TypeVar("_T")


class ConditionFailed(Exception):
    """Somebody else was there first: an answer, not a fault."""


class Cancelled(Exception):
    """A transaction was not done: an answer, too. ``reasons`` has one for each of its writes."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__()
        self.reasons = reasons


class _NotNow(StoreDown):
    """It was too much at once, and not done."""


class DynamoApi:
    """Asks about ``table``. ``endpoint`` is the service's URL without a path; ``ids`` give the
    chance by which pauses differ."""

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
        self.table = table
        self._url = endpoint.rstrip("/") + "/"
        self._region = region
        self._keys = keys
        self._clock = clock
        self._ids = ids
        self._post = post
        self._sleep = sleep

    async def ask(self, verb: Verb, body: Body, form: type[_T]) -> _T:
        """Send what does no harm when it happens twice, and so may be tried twice."""
        try:
            return await self.send(verb, body, form)
        except _NotNow:
            raise  # it was tried often enough
        except StoreDown:
            return await self.send(verb, body, form)

    async def send(self, verb: Verb, body: Body, form: type[_T]) -> _T:
        """The answer in this form. Raises ``ConditionFailed``, ``Cancelled``, ``StoreDown``."""
        for pause in pauses(self._ids.random):
            try:
                return await self._send(verb, body, form)
            except _NotNow:
                await self._sleep(pause)
        return await self._send(verb, body, form)

    async def _send(self, verb: Verb, body: Body, form: type[_T]) -> _T:
        if verb not in _ITS_OWN_TABLES:
            body = {"TableName": self.table, **body}
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
            raise nonsense() from error


def _fault(status: int, answer: bytes) -> Exception:
    try:
        fault = msgspec.json.decode(answer, type=_Fault)
    except msgspec.DecodeError:
        return StoreDown(f"DynamoDB answered with status {status}.")
    name = fault.type.rpartition("#")[2]
    if name == "ConditionalCheckFailedException":
        return ConditionFailed()
    if name == "TransactionCanceledException":
        return Cancelled([reason.Code for reason in fault.CancellationReasons])
    words = name if name.isascii() and name.isalpha() else f"status {status}"
    kind = _NotNow if name in _NOT_NOW else StoreDown
    return kind(f"DynamoDB refused an operation ({words}).")


def nonsense() -> StoreDown:
    """An answer that cannot be used."""
    return StoreDown("DynamoDB gave an answer that is not in its form.")
