"""Puts the gateway together: the only place that knows every concrete class.

Built once per process and kept, so that a warm instance keeps its connections. Nothing is opened
here: connections and TLS contexts come with the first request that needs them.
"""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from chat2api_core.accounts.credentials import Credentials
from chat2api_core.accounts.egress import Egress
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.accounts.pool import Pool
from chat2api_core.ambient import Clock, Ids, SystemClock, SystemIds
from chat2api_core.catalog import Catalog
from chat2api_core.config import Settings, load
from chat2api_core.engine import Engine
from chat2api_core.log import configure
from chat2api_core.meter import Meter
from chat2api_core.transport import Transport
from chat2api_core.upstreams.chatgpt_web.client import ChatGptWeb


class Gateway:
    """What the handlers work with. ``aclose`` gives every connection back."""

    def __init__(self, settings: Settings, *, clock: Clock, ids: Ids) -> None:
        self.settings = settings
        self.clock = clock
        self.ids = ids
        self._transport = Transport(
            backend=_backend(settings),
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
        )
        self.meter = Meter(exact=settings.usage_counter == "auto")
        egress = Egress(settings.proxies)
        ledger = Ledger(clock)
        self.engine = Engine(
            pool=Pool(
                settings.accounts,
                ledger=ledger,
                shuffle=settings.random_token,
                clock=clock,
                ids=ids,
            ),
            ledger=ledger,
            credentials=Credentials(
                self._transport,
                egress=egress,
                auth_url=settings.auth_url,
                site_url=settings.base_urls[0],
                user_agent=settings.user_agent,
                clock=clock,
            ),
            upstreams={
                "web": ChatGptWeb(
                    self._transport, settings=settings, egress=egress, clock=clock, ids=ids
                )
            },
            meter=self.meter,
            retry_times=settings.retry_times,
        )
        self.catalog = Catalog(self.engine, ttl=settings.models_ttl, clock=clock)

    async def aclose(self) -> None:
        """Close the upstream connections."""
        await self._transport.aclose()


def build(settings: Settings | None = None) -> Gateway:
    """The gateway of this process, by default from the environment. Raises ``SettingsError``."""
    if settings is None:
        settings = load(os.environ, cwd=Path.cwd())
    local = settings.platform == "local"  # elsewhere there is no disk to write to
    file = settings.log_path / settings.log_file if local and settings.log_file else None
    configure(settings.log_level, file=file)
    return Gateway(settings, clock=SystemClock(), ids=SystemIds())


def _backend(settings: Settings) -> Literal["httpx", "aiohttp"]:
    """aiohttp serves many requests at once for a fifth of the cost; on a serverless host, where few
    run at once, its import would cost more than it saves."""
    if settings.http_backend != "auto":
        return settings.http_backend
    fast = settings.platform == "local" and find_spec("httpx_aiohttp") is not None
    return "aiohttp" if fast else "httpx"
