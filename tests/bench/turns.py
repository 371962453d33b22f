"""Turns to ask for: through the gateway, or of the emulator itself by the same calls.

In: how many tokens the answer shall have. Out: the ``Answer`` and when its first content came. The
rule: the direct way does what the gateway does upstream, in the same order, and no more; what the
gateway costs is the difference.
"""

import asyncio
import time
from typing import Literal, Protocol, TypeAlias

import msgspec

from chat2api_core.accounts.account import Account
from chat2api_core.ambient import SystemIds
from chat2api_core.emulator import DEMO_ACCESS_TOKEN
from chat2api_core.secret import Secret
from chat2api_core.turn import Message, Prompt, Text
from chat2api_core.upstreams.chatgpt_web.headers import (
    Identity,
    SentinelTokens,
    base_headers,
    conversation_headers,
)
from chat2api_core.upstreams.chatgpt_web.page import FALLBACK_PAGE
from chat2api_core.upstreams.chatgpt_web.proof import (
    Browser,
    config_array,
    requirements_token,
    solve,
)
from chat2api_core.upstreams.chatgpt_web.request import conversation_body
from chat2api_core.upstreams.chatgpt_web.requirements import (
    finalize_body,
    opening_body,
    read_conduit,
    read_final,
    read_requirements,
)
from chat2api_core.upstreams.codex import request as codex
from chat2api_core.upstreams.codex.catalog import FALLBACK
from tests.bench.wire import Answer, Connection, request

KEY = "sk-bench"
_DEVICE = "11111111-2222-4333-8444-555555555555"
_AGENT = "bench/1.0"
_ROOT = "/backend-api"
_OK = 200

Api: TypeAlias = Literal["chat/completions", "responses"]
UpstreamName: TypeAlias = Literal["web", "codex"]


class Asker(Protocol):
    """One client: asks for one turn after the other on connections of its own."""

    async def open(self) -> None: ...

    async def ask(self, tokens: int, *, gaps: bool) -> Answer: ...

    def close(self) -> None: ...


class GatewayAsker:
    """Asks the gateway through one of its APIs."""

    def __init__(
        self, port: int, *, stream: bool, api: Api = "chat/completions", store: bool = False
    ) -> None:
        self._port = port
        self._stream = stream
        self._api = api
        self._store = store
        self._connection = Connection()

    async def open(self) -> None:
        await _connect(self._connection, self._port)

    async def ask(self, tokens: int, *, gaps: bool) -> Answer:
        messages = [{"role": "user", "content": _command(tokens)}]
        body: dict[str, object] = {"model": "auto", "stream": self._stream}
        if self._api == "chat/completions":
            body["messages"] = messages
        else:
            body |= {"input": messages, "store": self._store}
        headers = [(b"authorization", b"Bearer " + KEY.encode()), _JSON]
        content = msgspec.json.encode(body)
        asked = request("POST", f"/v1/{self._api}", headers, content)
        return await self._connection.ask(asked, gaps=gaps)

    def close(self) -> None:
        self._connection.close()


class DirectCodexAsker:
    """Asks the emulated Codex backend as the gateway does: by one call."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = Connection()
        account = Account(access_token=Secret(DEMO_ACCESS_TOKEN), type="codex")
        self._who = codex.identity(account, user_agent=_AGENT, auth_key=Secret(""))

    async def open(self) -> None:
        await _connect(self._connection, self._port)

    async def ask(self, tokens: int, *, gaps: bool) -> Answer:
        prompt = Prompt("auto", (Message("user", (Text(_command(tokens)),)),))
        target = codex.resolve(prompt, FALLBACK)
        outgoing = codex.responses_body(prompt, target, cache_key="bench")
        headers = codex.headers(self._who, accept="text/event-stream", session="bench")
        asked = request("POST", f"{_ROOT}/codex/responses", headers, outgoing.body)
        return await self._connection.ask(asked, gaps=gaps)

    def close(self) -> None:
        self._connection.close()


class DirectAsker:
    """Asks the emulator as the gateway does: the sentinel's two steps with a solved proof, beside
    them the preparation, then the conversation."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = Connection()
        self._second = Connection()
        self._ids = SystemIds()
        self._url = f"http://127.0.0.1:{port}"
        self._identity = Identity(
            device_id=_DEVICE,
            session_id=self._ids.uuid(),
            user_agent=_AGENT,
            access_token=Secret(DEMO_ACCESS_TOKEN),
        )

    async def open(self) -> None:
        await _connect(self._connection, self._port)
        await _connect(self._second, self._port)

    async def ask(self, tokens: int, *, gaps: bool) -> Answer:
        began = time.perf_counter()
        prompt = Prompt("auto", (Message("user", (Text(_command(tokens)),)),))
        outgoing = conversation_body(prompt, ids=self._ids, now=time.time(), history_disabled=False)
        granted, prepared = await asyncio.gather(
            self._clear(),
            self._post(self._second, "/f/conversation/prepare", outgoing.prepare),
        )
        conduit = read_conduit(_body(prepared))
        extra = conversation_headers(granted, conduit=conduit, trace_id=self._ids.uuid())
        path = f"{_ROOT}/f/conversation"
        headers = base_headers(self._identity, self._url, path, accept="text/event-stream")
        asked = request("POST", path, [*headers, *extra], outgoing.body)
        before = time.perf_counter() - began
        answer = await self._connection.ask(asked, gaps=gaps)
        answer.first += before
        return answer

    def close(self) -> None:
        self._connection.close()
        self._second.close()

    async def _clear(self) -> SentinelTokens:
        array = config_array(
            "fnv",
            browser=Browser(_AGENT),
            page=FALLBACK_PAGE,
            device_id=_DEVICE,
            now=time.time(),
            ids=self._ids,
        )
        opening = opening_body(requirements_token("fnv", array, ids=self._ids))
        step = "/sentinel/chat-requirements/"
        asked = read_requirements(
            _body(await self._post(self._connection, step + "prepare", opening))
        )
        proof = solve("fnv", asked.challenge, array) if asked.challenge else ""
        final = finalize_body(asked.prepare_token, proof)
        token = read_final(_body(await self._post(self._connection, step + "finalize", final)))
        return SentinelTokens(token, prepare=asked.prepare_token, proof=proof)

    async def _post(self, connection: Connection, path: str, body: bytes) -> Answer:
        headers = base_headers(self._identity, self._url, _ROOT + path)
        return await connection.ask(request("POST", _ROOT + path, headers, body), whole=True)


_JSON = (b"content-type", b"application/json")


def _command(tokens: int) -> str:
    return f"/emulate tokens {tokens}"


def _body(answer: Answer) -> bytes:
    if answer.status != _OK:
        raise RuntimeError(f"the emulator said {answer.status}: {answer.body[:200]!r}")
    return answer.body


async def _connect(connection: Connection, port: int) -> None:
    await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", port)
