"""What a cold start imports: a route pays for what it uses, and for nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chat2api_core.emulator import Emulator
from chat2api_core.server import serving
from tests.bench import cold
from tests.bench.door import Site, behind_tls

# Of others, and of ours, that no chat request needs.
_OTHERS = {
    "aiohttp", "boto3", "jsonschema", "mangum", "python_multipart", "redis", "tiktoken", "uvicorn",
    "websockets", "yaml",
}  # fmt: skip
_OURS = (
    "accounts.exchange", "accounts.upkeep", "accounts.vault", "admin", "catalog", "emulator",
    "fetch", "kept.files", "limits", "listings", "login", "media", "server", "stores.dynamodb",
    "stores.redis", "stores.sqlite", "stores.upstash", "toolcalls", "transport.faults",
    "upstreams.chatgpt_web.complaint", "upstreams.chatgpt_web.conversation",
    "upstreams.chatgpt_web.faults", "upstreams.chatgpt_web.fence", "upstreams.chatgpt_web.poll",
    "upstreams.chatgpt_web.searches", "upstreams.chatgpt_web.textdoc",
    "upstreams.chatgpt_web.topics", "upstreams.codex", "usage", "web.admin", "web.audio",
    "web.counting", "web.form", "web.images", "web.lambda", "web.lending",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cold")
    cold.install(folder)
    return folder


@pytest.fixture(scope="module")
def upstream() -> Iterator[Site]:
    with serving(Emulator(delay=0.02), "critical") as url:
        yield Site(url)


def surplus(modules: frozenset[str]) -> list[str]:
    ours = tuple(f"chat2api_core.{name}" for name in _OURS)
    routing = {"starlette.routing", "starlette.requests", "starlette.responses"}
    routing |= {"starlette.datastructures"}
    return sorted(
        name
        for name in modules
        if name.partition(".")[0] in _OTHERS or name.startswith(ours) or name in routing
    )


@pytest.mark.parametrize("route", ["POST /v1/chat/completions", "POST /v1/responses"])
def test_a_first_answer_on_vercel_waits_for_no_import_that_it_does_not_need(
    folder: Path, upstream: Site, route: str
) -> None:
    begun = cold.first_byte(folder, upstream, cold.ROUTES[route])

    assert "chat2api_core.upstreams.chatgpt_web.client" in begun.modules
    assert surplus(begun.modules) == []
    assert begun.seconds > 0


@pytest.mark.parametrize("route", ["GET /health", "GET /admin"])
def test_what_asks_nobody_imports_no_http_client(folder: Path, upstream: Site, route: str) -> None:
    modules = cold.first_byte(folder, upstream, cold.ROUTES[route]).modules

    assert not {name for name in modules if name.startswith(("httpcore", "httpx"))}


def test_an_upstream_with_tls_is_believed_by_the_certificates_that_are_named(
    folder: Path, upstream: Site
) -> None:
    chat = cold.ROUTES["POST /v1/chat/completions"]
    with behind_tls(upstream.url) as secure:
        for request in (cold.BARE, chat):
            assert "ssl" in cold.first_byte(folder, secure, request).modules
            with pytest.raises(RuntimeError, match=f"{request.path} was not answered"):
                cold.first_byte(folder, Site(secure.url), request)


def test_a_process_that_does_not_answer_well_spoils_the_measurement(
    folder: Path, upstream: Site
) -> None:
    with pytest.raises(RuntimeError, match="/nowhere was not answered"):
        cold.first_byte(folder, upstream, cold.Request("GET", "/nowhere"))
