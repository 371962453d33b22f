"""The plain server: uvicorn around the application, and the emulator beside it where no account is
configured. The same ``app`` as on every other host; only what surrounds it differs.
"""

import asyncio
import contextlib
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any, Literal
from weakref import WeakSet

import uvicorn
from msgspec import structs

from chat2api_core.accounts.account import Account
from chat2api_core.config import Settings
from chat2api_core.emulator import DEMO_ACCESS_TOKEN, Emulator
from chat2api_core.secret import Secret
from chat2api_core.web.deadline import UNDER_WAY_KEY, Deadline
from chat2api_core.web.routing import App
from chat2api_core.wiring import Gateway, build

_GRACE = 20  # seconds that running streams get to finish when the server is told to stop
_LAST_WORDS = 3  # seconds of these in which what has not finished is ended, and says so
_BACKLOG = 2048


def serve(
    settings: Settings,
    *,
    emulate: bool,
    key_origin: str,
    environ: Mapping[str, str],
    grace: int = _GRACE,
) -> None:
    """Serve until interrupted. ``environ`` is what the settings were read from, and are read from
    again; ``grace`` is the seconds that answers under way get to finish. Raises ``OSError`` where
    the address cannot be listened on."""
    with contextlib.ExitStack() as stack:
        base_url = ""
        if emulate or not _answerable(settings):
            base_url = stack.enter_context(serving(Emulator(), "critical"))
        started = settings

        def adapt(fresh: Settings) -> Settings:
            """Settings that were read again, with what is this run's own."""
            fresh = structs.replace(fresh, bind=started.bind, port=started.port)
            if not (fresh.auth_tokens or fresh.api_keys or fresh.access_token_prefixes):
                fresh = structs.replace(fresh, auth_tokens=started.auth_tokens)
            emulated = base_url and (emulate or not _answerable(fresh))
            return _emulated(fresh, base_url) if emulated else fresh

        settings = adapt(settings)
        origin = ", ".join(settings.base_urls)
        if base_url:
            why = "as --emulator says" if emulate else "no account is configured"
            origin = f"the built-in emulator of ChatGPT at {base_url} ({why})"
        listening = stack.enter_context(_listen(settings.bind, settings.port))
        port = listening.getsockname()[1]
        gateway = build(settings, environ=environ, adapt=adapt)
        gateway.meter.warm()
        app = application(gateway)
        for line in _greeting(structs.replace(settings, port=port), origin, key_origin):
            print(line, flush=True)  # noqa: T201 (a command speaks to its user)
        # uvicorn raises the signal that it was stopped by once more, when all is done.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is how it is meant to end
            _Server(app, grace).run(sockets=[listening])


def _answerable(settings: Settings) -> bool:
    return bool(settings.accounts) or settings.anonymous


def _emulated(settings: Settings, base_url: str) -> Settings:
    kind: Literal["web", "codex"] = "codex" if settings.upstream == "codex" else "web"
    return structs.replace(
        settings,
        base_urls=(base_url,),
        auth_url=base_url,
        proxies=(),
        accounts=(Account(access_token=Secret(DEMO_ACCESS_TOKEN), type=kind),),
        store=Settings().store,  # what is tried out is not to be remembered
    )


class _Server(uvicorn.Server):
    """Looks after the accounts while it serves, where SCHEDULED_REFRESH asks for it. Told to stop,
    it lets the answers under way finish; those that need longer than it waits are ended before."""

    def __init__(self, app: App, grace: int) -> None:
        config = uvicorn.Config(
            self._answer,
            interface="asgi3",
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=grace,
        )
        super().__init__(config)
        self._app = app
        self._grace = grace
        self._under_way: WeakSet[Deadline] = WeakSet()

    async def _answer(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        scope[UNDER_WAY_KEY] = self._under_way
        await self._app(scope, receive, send)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        ending = asyncio.get_running_loop().call_later(self._grace - _LAST_WORDS, self._end_answers)
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()

    def _end_answers(self) -> None:
        for deadline in list(self._under_way):
            deadline.end()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        gateway = self._app.gateway
        if not gateway.settings.scheduled_refresh:
            await super().serve(sockets)
            return
        upkeep = asyncio.create_task(
            gateway.office.upkeep.forever(lambda: self._app.gateway.office.upkeep)
        )
        try:
            await super().serve(sockets)
        finally:
            upkeep.cancel()


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ``OSError`` where the address is taken or is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def application(gateway: Gateway) -> App:
    """The application of ``api/``, around a gateway that is built already."""
    from api.index import ROUTES  # noqa: PLC0415 (api imports this package)

    return App(ROUTES, lambda: gateway)


@contextlib.contextmanager
def serving(app: Callable[..., Awaitable[Any]], log_level: str = "warning") -> Iterator[str]:
    """Serve an application on a free port of this machine, in a thread; its base URL."""
    listening = _listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    config = uvicorn.Config(
        app,
        log_level=log_level,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        # The socket listens already: a connection made before the server runs simply waits.
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def _greeting(settings: Settings, origin: str, key_origin: str) -> Iterator[str]:
    host = f"[{settings.bind}]" if ":" in settings.bind else settings.bind
    shown = "127.0.0.1" if host in {"0.0.0.0", "[::]"} else host  # noqa: S104 (compared, not bound)
    root = f"http://{shown}:{settings.port}{settings.api_prefix}"
    url = f"{root}/v1"
    yield from (f"Note: {notice}" for notice in settings.notices)
    yield f"Upstream: {origin}"
    yield f"Pages:    {root}/admin ({_way_in(settings)})"
    yield f"Base URL: {url}"
    if settings.auth_tokens:
        key = settings.auth_tokens[0].reveal() if key_origin != "configured" else "$YOUR_KEY"
        yield f"API key:  {key} ({key_origin})"
        yield ""
        yield f"curl {url}/chat/completions \\"
        yield f"  -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\"
        yield (
            '  -d \'{"model": "auto", "stream": true,'
            ' "messages": [{"role": "user", "content": "Hello!"}]}\''
        )
    yield ""


def _way_in(settings: Settings) -> str:
    if settings.admin_key:
        return "sign in with ADMIN_KEY"
    return "sign in with the API key" if settings.auth_tokens else "set ADMIN_KEY to open them"
