"""Examines one account: every stage of a turn on its own way to ChatGPT, with time and outcome.

In: an account. Out: an ``Examination``. The stages, in their order:

    dns, connect      of the host, or of the account's proxy (with TLS where the address says https)
    sign_in           a working access token, renewed if it has to be
    bootstrap         the site's home page
    sentinel, proof   the clearance for a turn
    conversation      the turn's own request
    turn              the short answer, whole

The one rule: nothing that it returns is secret: no token, no address of a proxy, no answer.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.credentials import Credentials
from chat2api_core.accounts.egress import Egress
from chat2api_core.ambient import Clock
from chat2api_core.problem import Problem, Step
from chat2api_core.transport import Headers, Reply, Transport
from chat2api_core.turn import Message, Prompt, Text
from chat2api_core.upstreams.base import Upstream

Outcome: TypeAlias = Literal["ok", "failed", "not_reached", "skipped"]

_WAIT = 15.0  # seconds for a name and for a connection
_TURN = 60.0
_PROMPT = Prompt("auto", (Message("user", (Text("Reply with the single word: ok"),)),))
_STAGES = ("bootstrap", "sentinel", "proof", "conversation", "turn")
_PORTS = {"https": 443, "http": 80, "socks5": 1080, "socks5h": 1080}


class Stage(Struct, frozen=True):
    """One stage. ``ms`` is 0 where there was nothing to measure; ``detail`` is for people."""

    name: str
    outcome: Outcome
    ms: int = 0
    detail: str = ""


class Examination(Struct, frozen=True):
    """What was found of an account. ``egress`` says how it goes out: "direct" or "proxy"."""

    account: str
    type: str
    egress: str
    ok: bool
    stages: list[Stage]


class Call(NamedTuple):
    """One request to the site: its step, and when it began and was answered (monotonic)."""

    step: Step
    began: float
    ended: float


class TimedTransport(Transport):
    """A transport that notes when each request went out and was answered."""

    def __init__(self, inner: Transport, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock
        self.calls: list[Call] = []

    async def send(
        self,
        method: str,
        url: str,
        headers: Headers,
        content: bytes = b"",
        *,
        step: Step,
        proxy: str = "",
        read_timeout: float | None = None,
    ) -> Reply:
        began = self._clock.monotonic()
        try:
            return await self._inner.send(
                method, url, headers, content, step=step, proxy=proxy, read_timeout=read_timeout
            )
        finally:
            self.calls.append(Call(step, began, self._clock.monotonic()))


class Doctor:
    """``upstreams`` makes upstreams over a given transport, so that each examination has its own,
    which knows nothing from before."""

    def __init__(
        self,
        *,
        transport: Transport,
        upstreams: Callable[[Transport], Mapping[str, Upstream]],
        credentials: Credentials,
        egress: Egress,
        site_url: str,
        clock: Clock,
    ) -> None:
        self._transport = transport
        self._upstreams = upstreams
        self._credentials = credentials
        self._egress = egress
        self._site_url = site_url
        self._clock = clock

    async def examine(self, account: Account) -> Examination:
        """All stages, up to the first that fails."""
        proxy = self._egress.proxy(account)
        stages = await self._way(proxy or self._site_url)
        ready: Account | None = None
        if _all_well(stages):
            ready, stage = await self._sign_in(account)
            stages.append(stage)
        if ready is not None:
            stages += await self._turn(ready)
        else:
            names = [] if len(stages) > 2 else ["sign_in"]  # noqa: PLR2004 (dns, connect)
            stages += [Stage(name, "not_reached") for name in (*names, *_STAGES)]
        egress = "proxy" if proxy else "direct"
        return Examination(account.key, account.type, egress, _all_well(stages), stages)

    async def _way(self, url: str) -> list[Stage]:
        """Whether the first host on the way has an address and takes connections."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        loop = asyncio.get_running_loop()
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(_WAIT):
                found = await loop.getaddrinfo(host, port)
        except (OSError, TimeoutError) as error:
            failed = Stage("dns", "failed", self._since(began), _words(error))
            return [failed, Stage("connect", "not_reached")]
        named = Stage("dns", "ok", self._since(began), f"{len({one[4][0] for one in found})} found")
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(_WAIT):
                _, writer = await asyncio.open_connection(host, port, ssl=tls)
        except (OSError, TimeoutError) as error:
            return [named, Stage("connect", "failed", self._since(began), _words(error))]
        secured = writer.get_extra_info("ssl_object")
        detail = str(secured.version()) if secured is not None else "no TLS"
        writer.close()
        return [named, Stage("connect", "ok", self._since(began), detail)]

    async def _sign_in(self, account: Account) -> tuple[Account | None, Stage]:
        began = self._clock.monotonic()
        try:
            ready = await self._credentials.ready(account)
        except Problem as problem:
            return None, Stage("sign_in", "failed", self._since(began), _told(problem))
        return ready, Stage("sign_in", "ok", self._since(began))

    async def _turn(self, account: Account) -> list[Stage]:
        transport = TimedTransport(self._transport, self._clock)
        upstream = self._upstreams(transport).get(account.type)
        if upstream is None:
            return [Stage(name, "skipped", detail="no such upstream") for name in _STAGES]
        began = self._clock.monotonic()
        failure: Problem | TimeoutError | None = None
        try:
            async with asyncio.timeout(_TURN):
                answer = await upstream.open(_PROMPT, account)
                try:
                    async for _ in answer:
                        pass
                finally:
                    await answer.aclose()
        except (Problem, TimeoutError) as error:
            failure = error
        return _stages(transport.calls, failure, self._since(began))

    def _since(self, began: float) -> int:
        return round((self._clock.monotonic() - began) * 1000)


def _stages(calls: list[Call], failure: Problem | TimeoutError | None, whole: int) -> list[Stage]:
    """The stages of a turn, read off its requests and the step that failed."""
    times = {
        step: round(sum((c.ended - c.began) for c in calls if c.step == step) * 1000)
        for step in ("bootstrap", "sentinel", "conversation")
    }
    measured = {**times, "proof": _proof(calls), "turn": whole}
    failed = _failed(failure)
    found: list[Stage] = []
    for name in _STAGES:
        if failed and any(stage.outcome == "failed" for stage in found):
            found.append(Stage(name, "not_reached"))
        elif name == failed:
            assert failure is not None
            found.append(Stage(name, "failed", measured[name], _told(failure)))
        elif name in times and not any(call.step == name for call in calls):
            found.append(Stage(name, "skipped"))
        else:
            found.append(Stage(name, "ok", measured[name]))
    return found


def _proof(calls: list[Call]) -> int:
    """The time between being asked for a proof and handing it in, in milliseconds."""
    after = iter(calls)
    asked = next((call.ended for call in after if call.step == "sentinel"), None)
    handed = next((call.began for call in after if call.step in {"sentinel", "conversation"}), None)
    return 0 if asked is None or handed is None else max(0, round((handed - asked) * 1000))


def _failed(failure: Problem | TimeoutError | None) -> str:
    if failure is None:
        return ""
    step = failure.step if isinstance(failure, Problem) else None
    return step if step in _STAGES and step is not None else "turn"


def _told(error: Problem | TimeoutError) -> str:
    if isinstance(error, Problem):
        return f"{error.code}: {error.message}"
    return "There was no whole answer in time."


def _words(error: Exception) -> str:
    """The kind of a failure; the system's own words could name a proxy."""
    return "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__


def _all_well(stages: list[Stage]) -> bool:
    return all(stage.outcome in ("ok", "skipped") for stage in stages)
