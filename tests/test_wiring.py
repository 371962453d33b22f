"""What the settings make of the store and of the key that seals what is in it; and what is not even
imported before somebody needs it."""

import asyncio
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from starlette.types import Receive, Scope, Send

from chat2api_core.ambient import SystemClock, SystemIds
from chat2api_core.config import Settings, SettingsError
from chat2api_core.secret import Secret
from chat2api_core.server import serving
from chat2api_core.stores.choose import MemoryChoice, RedisChoice, SqliteChoice, UpstashChoice
from chat2api_core.wiring import Gateway, with_secret_key

KEY = Secret("0123456789abcdef")
REDIS = RedisChoice(Secret("redis://127.0.0.1:1"))


def gateway(settings: Settings) -> Gateway:
    return Gateway(settings, clock=SystemClock(), ids=SystemIds())


class TestTokens:
    @pytest.mark.parametrize(
        ("settings", "kept"),
        [
            (Settings(), False),
            (Settings(secret_key=KEY), False),
            (Settings(store=REDIS), False),
            (Settings(store=REDIS, secret_key=KEY), True),
        ],
        ids=["memory", "memory and a key", "a store without a key", "a store and a key"],
    )
    def test_they_are_kept_where_they_last_and_can_be_sealed(
        self, settings: Settings, *, kept: bool
    ) -> None:
        assert gateway(settings).keeps_tokens is kept

    def test_a_local_server_makes_a_key_for_its_store(self, tmp_path: Path) -> None:
        path = tmp_path / "secret.key"
        settings = Settings(store=SqliteChoice("x.db"))
        first = with_secret_key(settings, path, SystemIds())

        assert first.secret_key
        assert with_secret_key(settings, path, SystemIds()) == first

    @pytest.mark.parametrize(
        "settings", [Settings(store=REDIS, secret_key=KEY), Settings(store=MemoryChoice())]
    )
    def test_but_not_where_none_is_needed(self, tmp_path: Path, settings: Settings) -> None:
        assert with_secret_key(settings, tmp_path / "secret.key", SystemIds()) is settings
        assert list(tmp_path.iterdir()) == []

    def test_where_no_file_can_be_written_it_goes_on_without(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "file").write_text("")
        settings = Settings(store=REDIS)

        assert with_secret_key(settings, tmp_path / "file" / "key", SystemIds()) is settings
        assert "not kept" in caplog.text


class TestStores:
    def test_an_address_that_the_client_cannot_read_names_the_variable(self) -> None:
        with pytest.raises(SettingsError) as caught:
            gateway(Settings(store=RedisChoice(Secret("redis://h/?max_connections=many"))))
        assert caught.value.variable == "STORE_URL"

    def test_one_over_http_is_asked_by_our_own_client(self) -> None:
        asked: list[tuple[bytes, object]] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return
            body = (await receive())["body"]
            headers = dict(scope["headers"])
            asked.append((headers[b"authorization"], msgspec.json.decode(body)))
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b'{"result":null}'})

        async def ask(url: str) -> bytes | None:
            settings = Settings(
                store=UpstashChoice(url, Secret("token")),
                proxies=(Secret("http://127.0.0.1:9"),),
            )
            one = gateway(settings)
            try:
                return await one.store.sure.get("a")
            finally:
                await one.aclose()

        with serving(app) as url:
            assert asyncio.run(ask(url)) is None
        assert asked == [(b"Bearer token", ["GET", "chat2api:a"])]


def test_an_upstream_that_nobody_has_asked_is_not_imported() -> None:
    code = (
        "import sys; from chat2api_core.ambient import SystemClock, SystemIds;"
        "from chat2api_core.config import Settings; from chat2api_core.wiring import Gateway;"
        "Gateway(Settings(), clock=SystemClock(), ids=SystemIds());"
        "print(*(name for name in sys.modules if name.startswith('chat2api_core.upstreams.c')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
