"""The Codex upstream: opens a turn and hands its deltas up.

A turn is one request. Where the backend cannot open the sealed reasoning of earlier turns (another
account made it, or it is too old), the turn is put once more without it, as long as nothing was
handed up.
"""

import asyncio
import logging
from collections.abc import Callable
from itertools import count
from typing import TypeAlias

from msgspec import Struct

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.egress import Egress
from chat2api_core.ambient import Clock
from chat2api_core.config import Settings
from chat2api_core.problem import Problem
from chat2api_core.transport import Reply, Transport
from chat2api_core.turn import Delta, Prompt, Started
from chat2api_core.upstreams.base import Batch, Model
from chat2api_core.upstreams.codex.backend import Backend
from chat2api_core.upstreams.codex.catalog import offered
from chat2api_core.upstreams.codex.catalogs import Catalogs, Listed
from chat2api_core.upstreams.codex.compaction import Compacted, compact_body, read_compacted
from chat2api_core.upstreams.codex.quota import Quota
from chat2api_core.upstreams.codex.reader import Reader
from chat2api_core.upstreams.codex.request import (
    Target,
    conversation_key,
    identity,
    resolve,
    responses_body,
)
from chat2api_core.wire.sse import SseDecoder

# The version of Codex that the list of models is asked for; too low a one hides models.
CLIENT_VERSION = "0.169.0"
_DRAIN = 0.25  # seconds that the end of a body may take, for the sake of its connection
# What every model takes; another level is worth a look at the list.
_USUAL_EFFORTS = frozenset({None, "low", "medium", "high"})

_log = logging.getLogger("chat2api.codex")

QuotaSeen: TypeAlias = Callable[[str, Quota], None]
"""Told the key of an account and what it has used of its plan."""


def _ignore(_key: str, _quota: Quota) -> None:
    """Nobody wants to know."""


class Turn(Struct, frozen=True):
    """What a turn needs to be put, once or twice."""

    backend: Backend
    account: Account
    prompt: Prompt
    target: Target


class Codex:
    """The upstream. Keeps what models each account may use."""

    name = "codex"
    native_tools = True

    def __init__(
        self,
        transport: Transport,
        *,
        settings: Settings,
        egress: Egress,
        clock: Clock,
        quota_seen: QuotaSeen = _ignore,
        client_version: str = CLIENT_VERSION,
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._egress = egress
        self._clock = clock
        self._quota_seen = quota_seen
        self._client_version = client_version
        self._catalogs = Catalogs(ttl=settings.models_ttl, clock=clock)
        self._turns = count()

    async def models(self, account: Account) -> tuple[Model, ...]:
        """What the account may use: where the list cannot be fetched, the last one, or the built-in
        one. Raises ``Problem`` of step "models" where the account is refused."""
        backend = self._backend(account)

        async def fetch(etag: str) -> Listed:
            return await backend.models(self._client_version, etag)

        return offered(await self._catalogs.get(account.key, fetch))

    async def open(self, prompt: Prompt, account: Account) -> "CodexAnswer":
        """Ask. Returns when the backend's stream has begun; raises ``Problem`` before that."""
        target = resolve(prompt, self._catalogs.at_hand(account.key))
        if target.model is None or not {prompt.effort, target.effort} <= _USUAL_EFFORTS:
            await self.models(account)
            target = resolve(prompt, self._catalogs.at_hand(account.key))
        turn = Turn(self._backend(account), account, prompt, target)
        return CodexAnswer(self, turn, *await self.put(turn, sealed=True))

    async def put(self, turn: Turn, *, sealed: bool) -> "tuple[Reply, Reader, bool]":
        """The stream of a turn, its reader, and whether it could be put without sealed reasoning.
        Raises ``Problem``."""
        key = conversation_key(turn.prompt, turn.account)
        outgoing = responses_body(turn.prompt, turn.target, cache_key=key, sealed=sealed)
        opened = await turn.backend.respond(outgoing.body, key)
        self.learn(turn, opened.quota)
        if opened.reply is not None:
            return opened.reply, Reader(outgoing.names, self._clock), outgoing.sealed
        if opened.sealed_refused and outgoing.sealed:
            return await self.put(turn, sealed=False)
        assert opened.refusal is not None
        raise opened.refusal

    async def usage(self, account: Account) -> bool:
        """Ask how much of its plan the account has used, and pass it on; whether the backend tells.
        Raises ``Problem`` of step "quota"."""
        quota = await self._backend(account).usage()
        if quota is not None:
            self._quota_seen(account.key, quota)
        return quota is not None

    async def compact(self, prompt: Prompt, account: Account) -> Compacted:
        """Have the history of a prompt made short. Raises ``Problem``."""
        await self.models(account)
        target = resolve(prompt, self._catalogs.at_hand(account.key))
        turn = Turn(self._backend(account), account, prompt, target)
        return await self._shortened(turn, sealed=True)

    async def _shortened(self, turn: Turn, *, sealed: bool) -> Compacted:
        outgoing = compact_body(turn.prompt, turn.target, sealed=sealed)
        key = conversation_key(turn.prompt, turn.account)
        answer = await turn.backend.compact(outgoing.body, key)
        self.learn(turn, answer.quota)
        if answer.refusal is None:
            return read_compacted(answer.body)
        if answer.sealed_refused and outgoing.sealed:
            return await self._shortened(turn, sealed=False)
        raise answer.refusal

    def learn(self, turn: Turn, quota: Quota | None) -> None:
        """Pass on what the account has used of its plan."""
        if quota is not None:
            self._quota_seen(turn.account.key, quota)

    def _backend(self, account: Account) -> Backend:
        urls = self._settings.base_urls
        return Backend(
            self._transport,
            base_url=urls[next(self._turns) % len(urls)],
            who=identity(
                account,
                user_agent=self._settings.user_agent,
                auth_key=self._settings.auth_key,
            ),
            proxy=self._egress.proxy(account),
            clock=self._clock,
        )


class CodexAnswer:
    """An answer under way: batches of deltas, one for each network read that brought any."""

    def __init__(
        self, codex: Codex, turn: Turn, reply: Reply, reader: Reader, sealed: bool
    ) -> None:
        self._codex = codex
        self._turn = turn
        self._reply = reply
        self._reader = reader
        self._sealed = sealed  # whether it could be put once more without sealed reasoning
        self._decoder = SseDecoder()
        self._failure: Problem | None = None

    def __aiter__(self) -> "CodexAnswer":
        return self

    async def __anext__(self) -> Batch:
        while self._reader.finished is None:
            if self._failure is not None:
                await self._again(self._failure)
            deltas = self._read(await self._reply.chunk())
            if deltas:
                self._sealed = self._sealed and all(type(one) is Started for one in deltas)
                return deltas
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the connection, or keep it for the next turn if its body is about to end."""
        try:
            if self._reader.finished is not None:
                async with asyncio.timeout(_DRAIN):
                    while await self._reply.chunk() is not None:
                        pass
        except (Problem, TimeoutError):
            _log.debug("an answer was whole, but its connection could not be kept")
        finally:
            await self._reply.aclose()

    def _read(self, chunk: bytes | None) -> list[Delta]:
        """The deltas of a chunk. A failure waits until the deltas before it are handed out."""
        deltas: list[Delta] = []
        try:
            for event in self._decoder.close() if chunk is None else self._decoder.feed(chunk):
                deltas += self._reader.feed(event)
            if chunk is None:
                deltas += self._reader.close()
        except Problem as problem:
            self._failure = problem
        self._codex.learn(self._turn, self._reader.take_quota())
        return deltas

    async def _again(self, failure: Problem) -> None:
        """Put the turn once more without sealed reasoning, if that is what was refused and nothing
        but ``Started`` was handed up. Raises the failure otherwise."""
        if not (self._sealed and self._reader.sealed_refused):
            raise failure
        self._failure = None
        await self._reply.aclose()
        self._reply, self._reader, self._sealed = await self._codex.put(self._turn, sealed=False)
        self._decoder = SseDecoder()
