"""The Codex backend as one account sees it: requests with its headers and proxy, and refusals read
into problems.
"""

from typing import NamedTuple

from chat2api_core.ambient import Clock
from chat2api_core.problem import Kind, Problem
from chat2api_core.transport import Reply, Transport
from chat2api_core.upstreams.codex.catalogs import Listed
from chat2api_core.upstreams.codex.faults import (
    read_complaint,
    read_fault,
    refuses_reasoning,
)
from chat2api_core.upstreams.codex.quota import Quota, read_quota, read_usage
from chat2api_core.upstreams.codex.request import Identity, headers

ROOT = "/backend-api/codex"
_USAGE = "/backend-api/wham/usage"
_OK, _NOT_MODIFIED = 200, 304
_SHORT = 4 * 1024 * 1024  # bytes of a JSON answer or of a fault
_HISTORY = 64 * 1024 * 1024  # bytes of a short history: pictures of the user stay in it
_ABSENT = frozenset({404, 405})
_NO_SUCH = "The backend of this account does not make histories short."
_EVENTS = "text/event-stream"
_JSON = "application/json"


class Opened(NamedTuple):
    """How a turn was received: a stream, or a refusal; with what is known of the quota."""

    reply: Reply | None
    refusal: Problem | None
    sealed_refused: bool
    quota: Quota | None


class Shortened(NamedTuple):
    """A document with a short history, or a refusal; with what is known of the quota."""

    body: bytes
    refusal: Problem | None
    sealed_refused: bool
    quota: Quota | None


class Backend:
    """One account at one base URL."""

    def __init__(
        self, transport: Transport, *, base_url: str, who: Identity, proxy: str, clock: Clock
    ) -> None:
        self._transport = transport
        self._root = base_url + ROOT
        self._who = who
        self._proxy = proxy
        self._clock = clock

    async def models(self, client_version: str, etag: str) -> Listed:
        """The list of models, unless it is still the one with this ETag. Raises ``Problem``."""
        sent = headers(self._who, accept=_JSON)
        if etag:
            sent.append((b"if-none-match", etag.encode()))
        url = f"{self._root}/models?client_version={client_version}"
        reply = await self._transport.send("GET", url, sent, step="models", proxy=self._proxy)
        body = await _whole(reply)
        if reply.status == _NOT_MODIFIED and etag:
            return Listed(None, etag)
        if reply.status != _OK or "json" not in reply.header("content-type"):
            now = self._clock.now()
            raise read_fault(reply.status, reply.headers, body, "models", now)
        return Listed(body, reply.header("etag"))

    async def usage(self) -> Quota | None:
        """How much of its plan the account has used, None where it is not told. Raises ``Problem``
        of step "quota"."""
        sent = headers(self._who, accept=_JSON)
        url = self._root.removesuffix(ROOT) + _USAGE
        reply = await self._transport.send("GET", url, sent, step="quota", proxy=self._proxy)
        body, now = await _whole(reply), self._clock.now()
        if reply.status in _ABSENT:
            return None
        if reply.status != _OK or "json" not in reply.header("content-type"):
            raise read_fault(reply.status, reply.headers, body, "quota", now)
        return read_usage(body, now)

    async def respond(self, body: bytes, session: str) -> Opened:
        """Put a turn. Raises ``Problem`` only where no answer came."""
        reply, quota = await self._post("/responses", body, session, accept=_EVENTS)
        if reply.status == _OK and reply.header("content-type").startswith(_EVENTS):
            return Opened(reply, None, sealed_refused=False, quota=quota)
        return Opened(None, *self._refused(reply, await _whole(reply)), quota)

    async def compact(self, body: bytes, session: str) -> Shortened:
        """Have a history made short. Raises ``Problem`` only where no answer came."""
        reply, quota = await self._post("/responses/compact", body, session, accept=_JSON)
        content = await _whole(reply, _HISTORY)
        if reply.status == _OK and "json" in reply.header("content-type"):
            return Shortened(content, None, sealed_refused=False, quota=quota)
        if reply.status in _ABSENT and not read_complaint(content).code:
            raise Problem(Kind.NOT_FOUND, _NO_SUCH, step="conversation")
        return Shortened(b"", *self._refused(reply, content), quota)

    async def _post(
        self, path: str, body: bytes, session: str, *, accept: str
    ) -> tuple[Reply, Quota | None]:
        reply = await self._transport.send(
            "POST",
            self._root + path,
            headers(self._who, accept=accept, session=session),
            body,
            step="conversation",
            proxy=self._proxy,
        )
        return reply, read_quota(reply.headers, self._clock.now())

    def _refused(self, reply: Reply, content: bytes) -> tuple[Problem, bool]:
        """The problem, and whether it is only the sealed reasoning that was not taken."""
        now = self._clock.now()
        problem = read_fault(reply.status, reply.headers, content, "conversation", now)
        return problem, refuses_reasoning(read_complaint(content))


async def _whole(reply: Reply, limit: int = _SHORT) -> bytes:
    try:
        return await reply.read(limit)
    finally:
        await reply.aclose()
