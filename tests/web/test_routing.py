"""Which module answers which path, and what is answered where none does."""

import asyncio
import logging
import socket
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from chat2api_core.config import Settings, SettingsError
from chat2api_core.web.routing import App
from tests.asgi import Client, play
from tests.web.fake_gateway import FakeGateway, ScriptedEngine, gateway_of

if TYPE_CHECKING:
    from chat2api_core.wiring import Gateway

_numbers = count()

GETTER = """
async def GET(exchange):
    await exchange.document(b'{"model": "%s"}' % exchange.parameter("model").encode())
"""
POSTER = """
async def POST(exchange):
    await exchange.document(b'"posted"')
"""
HIDDEN = """
async def _private(exchange):
    await exchange.document(b'"never"')
TRACE = _private
"""
BREAKING = """
async def GET(exchange):
    raise ZeroDivisionError

async def POST(exchange):
    await exchange.start(200, [])
    raise ZeroDivisionError

async def PUT(exchange):
    from chat2api_core.problem import Kind, Problem
    await exchange.start(200, [])
    raise Problem(Kind.CUT, "Cut.")
"""

Handlers = Callable[[str], str]


@pytest.fixture
def handlers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Handlers]:
    """Writes a module that can be imported; its name."""
    monkeypatch.syspath_prepend(tmp_path)
    made: list[str] = []

    def write(source: str) -> str:
        made.append(f"handlers_of_a_test_{next(_numbers)}")
        (tmp_path / f"{made[-1]}.py").write_text(source)
        return made[-1]

    yield write
    for name in made:
        sys.modules.pop(name, None)


class Site:
    """An application around a fake gateway."""

    def __init__(self, routes: dict[str, str], **settings: Any) -> None:
        self.fake = FakeGateway(ScriptedEngine(), Settings(**settings))
        self.built = 0
        self.app = App(routes, self._build)

    def _build(self) -> "Gateway":
        self.built += 1
        return gateway_of(self.fake)

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> Client:
        return ask(self.app, method, path, headers)


def ask(app: App, method: str, path: str, headers: dict[str, str] | None = None) -> Client:
    async def run() -> Client:
        client = Client(method, path, headers=headers)
        await app(client.scope, client.receive, client.send)
        return client

    return play(run())


class TestRoutes:
    def test_a_module_is_imported_when_its_path_is_first_hit(self, handlers: Handlers) -> None:
        one, other = handlers(POSTER), handlers(POSTER)
        site = Site({"/v1/one": one, "/v1/other": other})
        assert one not in sys.modules
        assert site.built == 0, "nothing is built before a request"

        for _ in range(2):
            assert site.ask("POST", "/v1/one").body == b'"posted"'

        assert one in sys.modules
        assert other not in sys.modules
        assert site.built == 1

    @pytest.mark.parametrize("path", ["/v1/models/a", "/models/a"])
    def test_v1_may_be_left_out(self, path: str, handlers: Handlers) -> None:
        site = Site({"/v1/models/{model:path}": handlers(GETTER)})

        assert site.ask("GET", path).body == b'{"model": "a"}'

    def test_a_parameter_may_hold_slashes(self, handlers: Handlers) -> None:
        site = Site({"/v1/models/{model:path}": handlers(GETTER)})

        assert site.ask("GET", "/v1/models/org/x").body == b'{"model": "org/x"}'

    def test_the_prefix_stands_before_all_paths(self, handlers: Handlers) -> None:
        site = Site({"/v1/one": handlers(POSTER), "/health": handlers(GETTER)}, api_prefix="/pre")

        assert site.ask("POST", "/pre/v1/one").status == 200
        assert site.ask("POST", "/pre/one").status == 200
        assert site.ask("GET", "/pre/health").status == 200
        for path in ("/v1/one", "/one", "/health", "/prefix/one"):
            assert site.ask("POST", path).status == 404

    @pytest.mark.parametrize("path", ["/below/v1/one", "/v1/one"])
    def test_where_a_server_has_mounted_the_application_is_no_part_of_the_path(
        self, path: str, handlers: Handlers
    ) -> None:
        site = Site({"/v1/one": handlers(POSTER)})

        async def run() -> Client:
            client = Client("POST", path)
            client.scope["root_path"] = "/below"
            await site.app(client.scope, client.receive, client.send)
            return client

        assert play(run()).status == 200

    def test_an_unknown_path_is_not_found(self, handlers: Handlers) -> None:
        client = Site({"/v1/one": handlers(POSTER)}, api_prefix="/pre").ask("GET", "/pre/v1/two")

        assert client.status == 404
        assert client.error["code"] == "not_found"
        assert "/pre/v1/two" in str(client.error["message"])
        assert "ends in /v1" in str(client.error["message"])
        assert client.headers["x-request-id"]

    def test_a_slash_at_the_end_is_another_path(self, handlers: Handlers) -> None:
        assert Site({"/v1/one": handlers(POSTER)}).ask("POST", "/v1/one/").status == 404

    def test_head_is_answered_as_get_without_a_body(self, handlers: Handlers) -> None:
        client = Site({"/one": handlers(GETTER)}).ask("HEAD", "/one")

        assert client.status == 200
        assert client.body == b""
        assert client.headers["content-length"] == "13"


class TestMethods:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
    def test_another_one_than_post_is_refused_with_a_hint(
        self, method: str, handlers: Handlers
    ) -> None:
        client = Site({"/v1/one": handlers(POSTER)}).ask(method, "/v1/one")

        assert client.status == 405
        assert client.headers["allow"] == "POST"
        if method != "HEAD":
            assert client.error["code"] == "method_not_allowed"
            assert client.error["message"] == (
                f"/v1/one does not take {method}. It takes POST: send a JSON body,"
                " for example with curl --json."
            )

    @pytest.mark.parametrize(
        ("path", "says"),
        [
            ("/v1/audio/transcriptions", "curl -F file=@talk.mp3."),
            ("/audio/translations", "curl -F file=@talk.mp3."),
            ("/v1/images/edits", "curl -F image=@photo.png, or a JSON body."),
            ("/images/generations", "curl --json."),
        ],
    )
    def test_what_to_send_is_told_by_the_path(
        self, path: str, says: str, handlers: Handlers
    ) -> None:
        names = ("audio/transcriptions", "audio/translations", "images/edits", "images/generations")
        site = Site({f"/v1/{name}": handlers(POSTER) for name in names})

        assert str(site.ask("GET", path).error["message"]).endswith(says)

    def test_all_that_are_answered_are_told(self, handlers: Handlers) -> None:
        client = Site({"/one": handlers(GETTER + POSTER)}).ask("DELETE", "/one")

        assert client.headers["allow"] == "GET, HEAD, POST"
        assert client.error["message"] == (
            "/one does not take DELETE. It takes GET and HEAD and POST."
        )

    @pytest.mark.parametrize("method", ["TRACE", "_private", "__doc__"])
    def test_names_of_a_module_that_are_no_methods_are_not_reached(
        self, method: str, handlers: Handlers
    ) -> None:
        assert Site({"/one": handlers(HIDDEN)}).ask(method, "/one").status == 405


class TestFailures:
    def test_a_defect_is_answered_and_told_to_the_log(
        self, handlers: Handlers, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = Site({"/one": handlers(BREAKING)}).ask("GET", "/one")

        assert client.status == 500
        assert client.error["code"] == "internal_error"
        assert "unexpected ZeroDivisionError" in caplog.text

    def test_a_module_that_cannot_be_imported_is_a_defect(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        client = Site({"/one": "no.such.module"}).ask("GET", "/one")

        assert client.status == 500
        assert client.error["code"] == "internal_error"
        assert "ModuleNotFoundError" in caplog.text

    @pytest.mark.parametrize(("method", "code"), [("POST", "internal_error"), ("PUT", "cut")])
    def test_after_the_head_nothing_more_is_sent_but_the_log_knows(
        self, method: str, code: str, handlers: Handlers, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, "chat2api.access"):
            client = Site({"/one": handlers(BREAKING)}).ask(method, "/one")

        assert len(client.sent) == 1
        assert vars(caplog.records[-1])["outcome"].endswith(code)

    def test_the_name_of_a_model_is_cut_for_the_log(
        self, handlers: Handlers, caplog: pytest.LogCaptureFixture
    ) -> None:
        source = "async def GET(exchange):\n    exchange.model = 'm' * 1000\n"
        with caplog.at_level(logging.INFO, "chat2api.access"):
            Site({"/one": handlers(source)}).ask("GET", "/one")

        assert vars(caplog.records[-1])["model"] == "m" * 100


class TestMisconfiguration:
    def test_a_bad_setting_is_named_in_every_answer_and_once_in_the_log(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        def build() -> "Gateway":
            raise SettingsError("READ_TIMEOUT", "seconds")

        app = App({}, build)
        for _ in range(3):
            client = ask(app, "POST", "/v1/chat/completions")
            assert client.status == 500
            assert client.headers["content-type"] == "application/json"
            assert client.headers["content-length"] == str(len(client.body))
            assert client.error["type"] == "server_error"
            assert client.error["code"] == "misconfigured"
            assert "READ_TIMEOUT: expected seconds" in str(client.error["message"])
        assert [record.getMessage() for record in caplog.records] == [
            "misconfigured: READ_TIMEOUT: expected seconds"
        ]

    def test_it_ends_when_the_setting_is_mended(self, handlers: Handlers) -> None:
        site = Site({"/one": handlers(GETTER)})
        faults = [SettingsError("PORT", "a number")]

        def build() -> "Gateway":
            if faults:
                raise faults.pop()
            return gateway_of(site.fake)

        app = App({"/one": handlers(GETTER)}, build)

        assert ask(app, "GET", "/one").status == 500
        assert ask(app, "GET", "/one").status == 200

    def test_without_another_builder_the_environment_is_read(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("READ_TIMEOUT", "soon")
        monkeypatch.chdir(tmp_path)
        client = ask(App({}), "GET", "/health")

        assert client.status == 500
        assert "READ_TIMEOUT" in str(client.error["message"])
        assert "soon" not in str(client.error)

    def test_another_failure_is_a_bare_500(self, caplog: pytest.LogCaptureFixture) -> None:
        def build() -> "Gateway":
            raise ZeroDivisionError("secret words")

        client = ask(App({}, build), "GET", "/health")

        assert client.status == 500
        assert client.error["code"] == "internal_error"
        assert b"secret" not in client.body
        assert "unexpected ZeroDivisionError" in caplog.text


class TestOrigins:
    ORIGIN = "https://app.example"

    def preflight(self, site: Site, origin: str) -> Client:
        headers = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type,x-stainless-os",
        }
        return site.ask("OPTIONS", "/v1/one", headers)

    @pytest.mark.parametrize(
        ("origins", "told"), [((ORIGIN,), ORIGIN), (("*",), "*"), (("https://b.example",), None)]
    )
    def test_a_preflight_is_answered_for_the_origins_that_are_set(
        self, origins: tuple[str, ...], told: str | None, handlers: Handlers
    ) -> None:
        site = Site({"/v1/one": handlers(POSTER)}, cors_origins=origins)
        client = self.preflight(site, self.ORIGIN)

        assert client.headers.get("access-control-allow-origin") == told
        if told:
            assert client.status == 200
            assert "POST" in client.headers["access-control-allow-methods"]
            assert "x-stainless-os" in client.headers["access-control-allow-headers"]

    @pytest.mark.parametrize(
        ("origins", "told"), [((ORIGIN,), ORIGIN), (("*",), "*"), (("https://b.example",), None)]
    )
    def test_an_answer_shows_itself_to_the_origins_that_are_set(
        self, origins: tuple[str, ...], told: str | None, handlers: Handlers
    ) -> None:
        site = Site({"/v1/one": handlers(POSTER)}, cors_origins=origins)
        client = site.ask("POST", "/v1/one", {"origin": self.ORIGIN})

        assert client.status == 200
        assert client.headers.get("access-control-allow-origin") == told
        assert "access-control-allow-credentials" not in client.headers
        exposed = client.headers["access-control-expose-headers"].split(", ")
        assert {"x-request-id", "retry-after"} <= set(exposed)

    def test_errors_show_themselves_too(self, handlers: Handlers) -> None:
        site = Site({"/v1/one": handlers(POSTER)}, cors_origins=(self.ORIGIN,))
        client = site.ask("POST", "/nowhere", {"origin": self.ORIGIN})

        assert client.status == 404
        assert client.headers["access-control-allow-origin"] == self.ORIGIN

    def test_without_the_setting_there_is_none_of_it(self, handlers: Handlers) -> None:
        site = Site({"/v1/one": handlers(POSTER)})

        assert self.preflight(site, self.ORIGIN).status == 405
        client = site.ask("POST", "/v1/one", {"origin": self.ORIGIN})
        assert not [name for name in client.headers if name.startswith("access-control")]


class TestWebSockets:
    def test_an_upgrade_that_the_server_did_not_take_is_refused(self, handlers: Handlers) -> None:
        site = Site({"/v1/responses": handlers(POSTER)})
        client = site.ask("GET", "/v1/responses", {"upgrade": "WebSocket"})

        assert client.status == 426
        assert client.headers["allow"] == "POST"
        assert "HTTP POST" in str(client.error["message"])

    def socket(self, extensions: dict[str, Any]) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": "/v1/responses", "extensions": extensions}
        site = Site({})
        play(site.app(scope, receive, send))
        assert site.built == 0
        return sent

    def test_a_handshake_is_refused_with_an_http_answer(self) -> None:
        head, body = self.socket({"websocket.http.response": {}})

        assert head["type"] == "websocket.http.response.start"
        assert head["status"] == 426
        assert body["type"] == "websocket.http.response.body"
        assert b'"method_not_allowed"' in body["body"]

    def test_where_the_server_cannot_do_that_it_is_closed(self) -> None:
        (message,) = self.socket({})

        assert message["type"] == "websocket.close"

    def test_over_a_socket_clients_see_a_status_that_makes_them_go_on_with_http(
        self, handlers: Handlers
    ) -> None:
        site = Site({"/v1/responses": handlers(POSTER)})
        upgrade = (
            b"GET /v1/responses HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )

        async def run() -> bytes:
            with socket.create_server(("127.0.0.1", 0)) as listening:
                config = uvicorn.Config(site.app, lifespan="off", log_level="critical")
                server = uvicorn.Server(config)
                serving = asyncio.create_task(server.serve(sockets=[listening]))
                reader, writer = await asyncio.open_connection(*listening.getsockname())
                writer.write(upgrade)
                head = await reader.readuntil(b"\r\n\r\n")
                writer.close()
                server.should_exit = True
                await serving
                return head

        assert asyncio.run(run()).startswith(b"HTTP/1.1 426 ")


class TestLifespan:
    def live(self, site: Site, *, with_a_request: bool) -> list[str]:
        events = ["lifespan.startup", "lifespan.shutdown"]
        sent: list[str] = []

        async def receive() -> dict[str, Any]:
            if with_a_request and len(events) == 1:
                client = Client("GET", "/nowhere")
                await site.app(client.scope, client.receive, client.send)
            return {"type": events.pop(0)}

        async def send(message: Any) -> None:
            sent.append(message["type"])

        play(site.app({"type": "lifespan"}, receive, send))
        return sent

    @pytest.mark.parametrize("used", [True, False])
    def test_the_gateway_is_closed_at_the_end_if_there_is_one(self, used: bool) -> None:
        site = Site({})

        assert self.live(site, with_a_request=used) == [
            "lifespan.startup.complete",
            "lifespan.shutdown.complete",
        ]
        assert site.fake.closed is used
        assert site.built == used
