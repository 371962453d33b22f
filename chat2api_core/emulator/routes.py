"""Every path of the emulated service: one line each.

The rule: a call is answered by exactly one line, or refused with 404 or 405. ``{}`` stands for one
part of a path, up to twice. A line says in which realms it is there; ``api`` needs a login,
``anon`` a device.
"""

from collections.abc import Callable
from itertools import combinations
from typing import TypeAlias

from msgspec import Struct

from chat2api_core.emulator.endpoints import (
    account,
    audio,
    blobs,
    codex,
    control,
    conversation,
    files,
    history,
    home,
    login,
    sentinel,
    signin,
    socket,
)
from chat2api_core.emulator.exchange import Answer, Call, Realm, Refused, refusal
from chat2api_core.emulator.player import Playback
from chat2api_core.emulator.script import Place
from chat2api_core.emulator.world import Visit, World

Handler: TypeAlias = Callable[[World, Visit], Answer | Playback]
Names: TypeAlias = tuple[str, ...]  # the parts of a path that its route leaves open

_BOTH: tuple[Realm, ...] = ("api", "anon")
_API: tuple[Realm, ...] = ("api",)
_ROOT: tuple[Realm, ...] = ("root",)


class Route(Struct, frozen=True):
    """One line of the table. An open one asks for no login even in the realm ``api``."""

    method: str
    path: str
    place: Place
    handler: Handler
    realms: tuple[Realm, ...] = _BOTH
    open: bool = False


ROUTES = (
    Route("GET", "/", "bootstrap", home.page, _ROOT),
    Route("GET", "/sentinel/sdk.js", "other", home.script, _BOTH, open=True),
    Route("GET", "/sentinel/{}/sdk.js", "other", home.script, _ROOT),
    Route("GET", "/api/auth/session", "session", login.session, _ROOT),
    Route("POST", "/oauth/token", "refresh", signin.token, _ROOT),
    Route("GET", "/oauth/authorize", "signin", signin.authorize, _ROOT),
    Route("POST", "/api/accounts/deviceauth/usercode", "signin", signin.begin, _ROOT),
    Route("POST", "/api/accounts/deviceauth/token", "signin", signin.poll, _ROOT),
    Route("GET", "/codex/device", "signin", signin.approve, _ROOT),
    Route("GET", "/codex/models", "codex_models", codex.models, _API),
    Route("POST", "/codex/responses", "codex", codex.respond, _API),
    Route("POST", "/codex/responses/compact", "codex", codex.compact, _API),
    Route("GET", "/wham/usage", "account", codex.usage, _API),
    Route("POST", "/sentinel/chat-requirements", "requirements", sentinel.requirements),
    Route("POST", "/sentinel/chat-requirements/prepare", "prepare", sentinel.prepare),
    Route("POST", "/sentinel/chat-requirements/finalize", "finalize", sentinel.finalize),
    Route("POST", "/sentinel/ping", "other", sentinel.ping),
    Route("POST", "/conversation/init", "init", conversation.init),
    Route("POST", "/f/conversation/prepare", "conversation_prepare", conversation.prepare),
    Route("POST", "/f/conversation", "conversation", conversation.converse),
    Route("POST", "/conversation", "conversation", conversation.converse),
    Route("POST", "/f/conversation/resume", "resume", conversation.resume),
    Route("GET", "/conversation/{}", "history", history.show),
    Route("PATCH", "/conversation/{}", "history", history.change),
    Route("GET", "/conversation/{}/stream_status", "history", history.stream_status),
    Route("POST", "/conversation/gen_title/{}", "history", history.title),
    Route("GET", "/conversations", "history", history.listing, _API),
    Route("GET", "/celsius/ws/user", "socket", socket.address),
    Route("POST", "/stop_conversation", "history", history.stop),
    Route("POST", "/attributions", "other", history.attributions),
    Route("GET", "/models", "models", account.models),
    Route("GET", "/accounts/check/v4-2023-04-27", "account", account.check, _API),
    Route("GET", "/me", "account", account.me, _API),
    Route("POST", "/files", "files", files.create, _API),
    Route("POST", "/files/process_upload_stream", "files", files.process, _API),
    Route("GET", "/files/{}", "files", files.state, _API),
    Route("DELETE", "/files/{}", "files", files.delete, _API),
    Route("POST", "/files/{}/uploaded", "files", files.uploaded, _API),
    Route("GET", "/files/{}/download", "downloads", files.download, _API),
    Route("GET", "/files/download/{}", "downloads", files.download_newer, _API),
    Route("GET", "/conversation/{}/attachment/{}/download", "downloads", files.attachment, _API),
    Route("GET", "/conversation/{}/interpreter/download", "downloads", files.interpreter, _API),
    Route("POST", "/conversation/{}/interpreter/download", "downloads", files.interpreter, _API),
    Route("GET", "/estuary/content", "downloads", blobs.estuary, _API),
    Route("PUT", "/blob/{}", "blob", blobs.put, _ROOT),
    Route("GET", "/blob/{}", "blob", blobs.fetch, _ROOT),
    Route("POST", "/transcribe", "transcribe", audio.transcribe, _API),
    Route("GET", "/synthesize", "synthesize", audio.synthesize),
    Route("POST", "/__emulator__/script", "other", control.script, _ROOT),
    Route("GET", "/__emulator__/log", "other", control.log, _ROOT),
    Route("POST", "/__emulator__/reset", "other", control.reset, _ROOT),
)

CONTROL = "/__emulator__/"
_MAX_PARTS = 8


class Table:
    """The routes, ready to be looked up."""

    def __init__(self, routes: tuple[Route, ...] = ROUTES) -> None:
        self._exact: dict[tuple[str, str], dict[str, Route]] = {}
        self._open: dict[tuple[str, tuple[str, ...]], dict[str, Route]] = {}
        for route in routes:
            for realm in route.realms:
                if "{}" in route.path:
                    parts = tuple(route.path.split("/"))
                    self._open.setdefault((realm, parts), {})[route.method] = route
                else:
                    self._exact.setdefault((realm, route.path), {})[route.method] = route

    def find(self, call: Call) -> tuple[Route, Names]:
        """The route of a call and the parts of the path it leaves open. Raises ``Refused``."""
        methods = self._exact.get((call.realm, call.path))
        names: Names = ()
        if methods is None:
            methods, names = self._find_open(call)
        if methods is None:
            raise Refused(refusal(404, "Not Found"))
        route = methods.get(call.method)
        if route is None:
            allow = (("allow", ", ".join(sorted(methods))),)
            raise Refused(refusal(405, "Method Not Allowed", allow))
        return route, names

    def _find_open(self, call: Call) -> tuple[dict[str, Route] | None, Names]:
        parts = call.path.split("/")
        places = range(1, min(len(parts), _MAX_PARTS))
        for open_places in (*combinations(places, 1), *combinations(places, 2)):
            pattern = tuple("{}" if at in open_places else part for at, part in enumerate(parts))
            methods = self._open.get((call.realm, pattern))
            names = tuple(parts[at] for at in open_places)
            if methods is not None and all(names):
                return methods, names
        return None, ()
