"""The ASGI application: a table of paths, each handled by a module of ``api/``, imported when it is
first hit. A handler module has one coroutine for each method that it answers, named for it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from chat2api_core.config import SettingsError
from chat2api_core.problem import Kind, Problem, forget_frames
from chat2api_core.web.exchange import ClientGone, Exchange
from chat2api_core.web.paths import Paths, own_path
from chat2api_core.web.respond import defect

if TYPE_CHECKING:
    from chat2api_core.wiring import Gateway

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_KEY = "chat2api.gateway"
# What a page of another origin may read off an answer, besides what browsers always show.
_EXPOSED = (
    "x-request-id", "retry-after", "x-chat2api-upstream", "x-chat2api-warning",
    "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens",
)  # fmt: skip
# Where a POST takes something else than JSON, or something else as well.
_RECORDING = "a form with the recording, for example with curl -F file=@talk.mp3"
_PICTURE = "a form with the picture, for example with curl -F image=@photo.png, or a JSON body"
_FORMS = {
    "/v1/audio/transcriptions": _RECORDING,
    "/v1/audio/translations": _RECORDING,
    "/v1/images/edits": _PICTURE,
    "/v1/images/variations": _PICTURE,
    "/tokens/clear": "it without a body",
    "/admin/logout": "it without a body",
}
_LONGEST_NAME = 100

_log = logging.getLogger("chat2api.access")
_trouble = logging.getLogger("chat2api.routing")


class App:
    """Serves ``routes``, a table from path templates to names of handler modules.

    Paths that begin with ``/v1`` answer without it too; API_PREFIX stands before all of them.
    ``build`` makes the gateway, once, at the first request: nothing happens on import, and no
    start-up event is needed (a serverless host sends none). While it fails, every request is
    answered with 500 and what is wrong.
    """

    def __init__(
        self, routes: Mapping[str, str], build: "Callable[[], Gateway] | None" = None
    ) -> None:
        self._routes = routes
        self._build = build or _from_environment
        self._gateway: Gateway | None = None
        self._router: ASGIApp | None = None
        self._told = ""

    @property
    def gateway(self) -> "Gateway":
        """What the handlers work with. Raises ``SettingsError`` if the environment is wrong."""
        if self._gateway is None:
            self._gateway = self._build()
        return self._gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            from chat2api_core.web.refusal import refuse_socket  # noqa: PLC0415 (seldom tried)

            await refuse_socket(scope, receive, send)
        else:
            await self._lifespan(receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            gateway = await self._current()
            scope[_KEY] = gateway
            router = self._ready()
        except SettingsError as error:
            problem = self._misconfigured(error)
        except Exception as error:  # noqa: BLE001 (the edge: logged with its trace, answered as 500)
            problem = defect(error)
        else:
            await router(scope, receive, send)
            return
        from chat2api_core.web.refusal import refuse  # noqa: PLC0415 (mostly there is a gateway)

        await refuse(send, problem, problem.status)

    async def _current(self) -> "Gateway":
        """The gateway, or its heir where the settings have changed."""
        gateway = self.gateway
        heir = await gateway.renewed()
        if heir is None:
            return gateway
        self._gateway = heir  # the routes stay: API_PREFIX and CORS_ORIGINS are no part of it
        return heir

    def _misconfigured(self, error: SettingsError) -> Problem:
        message = f"This gateway is misconfigured. {error}."
        if message != self._told:  # once, not at every request
            self._told = message
            _trouble.error("misconfigured: %s", error)
        return Problem(Kind.MISCONFIGURED, message)

    def _ready(self) -> ASGIApp:
        if self._router is None:
            settings = self.gateway.settings
            table: dict[str, Handler] = {}
            for path, module in self._routes.items():
                handler = Handler(module, path)
                table[settings.api_prefix + path] = handler
                if path.startswith("/v1/"):
                    table[settings.api_prefix + path.removeprefix("/v1")] = handler
            self._router = _shared(_Router(table), settings.cors_origins)
        return self._router

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """A server that does say when it ends gives every connection back."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                if self._gateway is not None:
                    await self._gateway.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return


class _Router:
    """Hands a request to the handler of its path."""

    def __init__(self, table: "Mapping[str, Handler]") -> None:
        self._paths = Paths(table)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._paths.find(own_path(scope))
        if found is None:
            await _nowhere(scope, receive, send)
            return
        handler, parameters = found
        scope["path_params"] = parameters
        await handler(scope, receive, send)


def _from_environment() -> "Gateway":
    from chat2api_core.wiring import build  # noqa: PLC0415 (not before the first request)

    return build()


class Handler:
    """A module of ``api/`` as an ASGI application; turns every failure into an answer."""

    def __init__(self, module: str, route: str) -> None:
        self._name = module
        self._route = route
        self._module: ModuleType | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send, scope[_KEY])
        exchange.route = self._route
        await attend(exchange, self._answer)

    async def _answer(self, exchange: Exchange) -> None:
        if self._module is None:
            self._module = import_module(self._name)
        method = "GET" if exchange.method == "HEAD" else exchange.method
        answer = getattr(self._module, method, None) if method in _METHODS else None
        if answer is None:
            await self._refuse(exchange)
        else:
            await answer(exchange)

    async def _refuse(self, exchange: Exchange) -> None:
        answered = [name for name in _METHODS if hasattr(self._module, name)]
        if "GET" in answered:
            answered.insert(1, "HEAD")
        allow = [(b"allow", ", ".join(answered).encode())]
        if exchange.headers.get("upgrade", "").lower() == "websocket":
            from chat2api_core.web.refusal import UPGRADE_REQUIRED, no_sockets  # noqa: PLC0415 (seldom tried)

            await exchange.problem(no_sockets(), status=UPGRADE_REQUIRED, headers=allow)
            return
        names = " and ".join(answered)
        message = f"{exchange.path} does not take {exchange.method}. It takes {names}"
        if names == "POST":
            body = _FORMS.get(self._route, "a JSON body, for example with curl --json")
            message += f": send {body}"
        await exchange.problem(Problem(Kind.METHOD_NOT_ALLOWED, message + "."), headers=allow)


async def attend(exchange: Exchange, answer: Callable[[Exchange], Awaitable[None]]) -> None:
    """Answer an exchange, whatever happens, write its line to the log, and count its turn."""
    try:
        await _attempt(exchange, answer)
    except ClientGone:
        exchange.outcome = "client_gone"
    except asyncio.CancelledError:
        exchange.outcome = "cancelled"
        from chat2api_core.web.counting import count_cancelled  # noqa: PLC0415 (afterwards)

        count_cancelled(exchange)
        raise
    finally:
        exchange.mark("total")
        if _log.isEnabledFor(logging.INFO):
            _log.info("request", extra=_line(exchange))
    from chat2api_core.web.counting import count  # noqa: PLC0415 (nobody waits for it any more)

    await count(exchange)


def _line(exchange: Exchange) -> dict[str, object]:
    """What the log says of a request: names, codes and times, nothing of what was said. ``route``
    is the path's place in the table, since a path may hold whatever somebody pasted into it.

    ``stages`` has the milliseconds from the request's arrival to the end of each stage."""
    return {
        "id": exchange.request_id,
        "method": exchange.method,
        "route": exchange.route,
        "status": exchange.status,
        "model": exchange.model[:_LONGEST_NAME],
        "key": exchange.key.shown if exchange.key is not None else exchange.counted_as,
        "account": exchange.account,
        "upstream": exchange.upstream,
        "outcome": exchange.outcome or "ok",
        "ms": exchange.stages["total"],
        "stages": exchange.stages,
    }


async def _attempt(exchange: Exchange, answer: Callable[[Exchange], Awaitable[None]]) -> None:
    try:
        await answer(exchange)
    except ClientGone:
        raise
    except Problem as problem:
        failure = problem
    except Exception as error:  # noqa: BLE001 (the edge: logged with its trace, answered as 500)
        failure = defect(error)
    else:
        return
    forget_frames(failure)
    exchange.outcome = failure.code
    if exchange.status == 0:
        await exchange.problem(failure)


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    async def answer(exchange: Exchange) -> None:
        from chat2api_core.web.nowhere import nowhere  # noqa: PLC0415 (clients know their way)

        raise Problem(Kind.NOT_FOUND, nowhere(exchange.path))

    await attend(Exchange(scope, receive, send, scope[_KEY]), answer)


def _shared(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """The application, callable by the pages of these origins."""
    if not origins:
        return app
    from starlette.middleware.cors import CORSMiddleware  # noqa: PLC0415 (only where it is asked for)

    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("*",),
        allow_headers=("*",),
        expose_headers=_EXPOSED,
    )
