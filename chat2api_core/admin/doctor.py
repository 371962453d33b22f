"""Examines one account: every stage of a turn on its own way to ChatGPT, with time and outcome.

In: an account. Out: an ``Examination``. The stages, in their order:

    dns, connect, tls   of the host, or of the account's proxy
    sign_in             a working access token, renewed if it has to be
    bootstrap           the site's home page (web)
    sentinel, proof     the clearance for a turn (web)
    models              the list of models (Codex)
    conversation        the turn's own request
    turn                the short answer, whole
    quota               what the account may still use, asked whatever became of the turn

The one rule: nothing that it returns is secret: no token, no address of a proxy, no answer.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.credentials import Credentials
from chat2api_core.accounts.egress import Egress
from chat2api_core.ambient import Clock
from chat2api_core.problem import Kind, Problem, Step
from chat2api_core.transport import Content, Headers, Reply, Transport
from chat2api_core.turn import Message, Prompt, Text
from chat2api_core.upstreams.base import Upstream

Outcome: TypeAlias = Literal["ok", "failed", "not_reached", "skipped"]

_WAIT = 15.0  # seconds for a name and for a connection
_TURN = 60.0
_PROMPT = Prompt("auto", (Message("user", (Text("Reply with the single word: ok"),)),))
_WAY = ("dns", "connect", "tls")
_STAGES: Mapping[str, Sequence[str]] = {
    "web": ("bootstrap", "sentinel", "proof", "conversation", "turn"),
    "codex": ("models", "conversation", "turn"),
}
_QUOTA = "quota"
_STEPS: Sequence[Step] = ("bootstrap", "sentinel", "models", "conversation")  # of which each asks
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

    @property
    def tls(self) -> ssl.SSLContext:
        """As that of the inner one."""
        return self._inner.tls

    async def send(
        self,
        method: str,
        url: str,
        headers: Headers,
        content: Content = b"",
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
        ask_quota: Callable[[Account], Awaitable[bool]],
    ) -> None:
        self._ask_quota = ask_quota
        self._transport = transport
        self._upstreams = upstreams
        self._credentials = credentials
        self._egress = egress
        self._site_url = site_url
        self._clock = clock

    async def examine(self, account: Account) -> Examination:
        """All stages, up to the first that fails; the quota is asked after a failed turn, too,
        unless the token itself was refused: it may say why."""
        proxy = self._egress.proxy(account)
        stages = await self._way(proxy or self._site_url)
        ready: Account | None = None
        if _all_well(stages):
            ready, stage = await self._sign_in(account)
            stages.append(stage)
        if ready is not None:
            turn, failure = await self._turn(ready)
            refused = isinstance(failure, Problem) and failure.kind is Kind.UNAUTHORIZED
            quota = Stage(_QUOTA, "not_reached") if refused else await self._quota(ready)
            stages += [*turn, quota]
        else:
            told = {stage.name for stage in stages}
            names = ("sign_in", *_STAGES[account.type], _QUOTA)
            left = [name for name in names if name not in told]
            stages += [Stage(name, "not_reached") for name in left]
        egress = "proxy" if proxy else "direct"
        return Examination(account.key, account.type, egress, _all_well(stages), stages)

    async def _way(self, url: str) -> list[Stage]:
        """Whether the first host on the way has an address and takes connections."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)
        stages: list[Stage] = []
        began = self._clock.monotonic()

        def done(detail: str = "", *, failed: bool = False) -> None:
            outcome: Outcome = "failed" if failed else "ok"
            stages.append(Stage(_WAY[len(stages)], outcome, self._since(began), detail))

        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(_WAIT):
                found = await asyncio.get_running_loop().getaddrinfo(host, port)
                done(f"{len({one[4][0] for one in found})} found")
                began = self._clock.monotonic()
                _, writer = await asyncio.open_connection(host, port)
                done()
                began = self._clock.monotonic()
                if parts.scheme == "https":
                    await writer.start_tls(self._transport.tls, server_hostname=host)
                    done(str(writer.get_extra_info("ssl_object").version()))
                else:
                    stages.append(Stage("tls", "skipped"))
        except (OSError, TimeoutError) as error:
            done(_words(error), failed=True)
        finally:
            if writer is not None:
                writer.close()
        return [*stages, *(Stage(name, "not_reached") for name in _WAY[len(stages) :])]

    async def _sign_in(self, account: Account) -> tuple[Account | None, Stage]:
        began = self._clock.monotonic()
        try:
            ready = await self._credentials.ready(account)
        except Problem as problem:
            return None, Stage("sign_in", "failed", self._since(began), _told(problem))
        return ready, Stage("sign_in", "ok", self._since(began))

    async def _turn(self, account: Account) -> tuple[list[Stage], Problem | TimeoutError | None]:
        """The stages of a turn, and what it failed with."""
        transport = TimedTransport(self._transport, self._clock)
        upstream = self._upstreams(transport).get(account.type)
        names = _STAGES[account.type]
        if upstream is None:
            return [Stage(name, "skipped", detail="no such upstream") for name in names], None
        began = self._clock.monotonic()
        failure: Problem | TimeoutError | None = None
        try:
            async with asyncio.timeout(_TURN):
                if "models" in names:
                    await upstream.models(account)
                    began = self._clock.monotonic()
                answer = await upstream.open(_PROMPT, account)
                try:
                    async for _ in answer:
                        pass
                finally:
                    await answer.aclose()
        except (Problem, TimeoutError) as error:
            failure = error
        return _stages(names, transport.calls, failure, self._since(began)), failure

    async def _quota(self, account: Account) -> Stage:
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(_WAIT):
                told = await self._ask_quota(account)
        except (Problem, TimeoutError) as error:
            return Stage(_QUOTA, "failed", self._since(began), _told(error))
        return Stage(_QUOTA, "ok" if told else "skipped", self._since(began))

    def _since(self, began: float) -> int:
        return round((self._clock.monotonic() - began) * 1000)


def _stages(
    names: Sequence[str],
    calls: list[Call],
    failure: Problem | TimeoutError | None,
    whole: int,
) -> list[Stage]:
    """The stages of a turn, read off its requests and the step that failed."""
    times: dict[str, int] = {
        step: round(sum((c.ended - c.began) for c in calls if c.step == step) * 1000)
        for step in _STEPS
    }
    measured = {**times, "proof": _proof(calls), "turn": whole}
    failed = _failed(names, failure)
    found: list[Stage] = []
    for name in names:
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


def _failed(names: Sequence[str], failure: Problem | TimeoutError | None) -> str:
    if failure is None:
        return ""
    step = failure.step if isinstance(failure, Problem) else None
    return step if step is not None and step in names else "turn"


def _told(error: Problem | TimeoutError) -> str:
    if isinstance(error, Problem):
        return f"{error.code}: {error.message}"
    return "There was no whole answer in time."


_WORDS: Sequence[tuple[type[Exception], str]] = (
    (TimeoutError, "There was no answer in time."),
    (ConnectionRefusedError, "The connection was refused: nothing listens there."),
    (ConnectionResetError, "The connection was broken off."),
    (socket.gaierror, "The name has no address, or no name server answers."),
    (ssl.SSLCertVerificationError, "The certificate is not trusted."),
    (ssl.SSLError, "This is no TLS that can be spoken."),
)


def _words(error: Exception) -> str:
    """A failure in words of ours: the system's own could name a proxy."""
    fitting = (words for kind, words in _WORDS if isinstance(error, kind))
    return next(fitting, f"It failed ({type(error).__name__}).")


def _all_well(stages: list[Stage]) -> bool:
    return all(stage.outcome in ("ok", "skipped") for stage in stages)
