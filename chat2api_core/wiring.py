"""Puts the gateway together: the only place that knows every concrete class.

Built once per process and kept, so that a warm instance keeps its connections. Nothing is opened
here: connections and TLS contexts come with the first request that needs them.
"""

import logging
import math
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from msgspec import structs

from chat2api_core import key_file
from chat2api_core.accounts.egress import Egress
from chat2api_core.accounts.exchange import Exchange
from chat2api_core.accounts.office import Office
from chat2api_core.admin.desk import Desk
from chat2api_core.admin.doctor import Doctor
from chat2api_core.admin.homes import FileHome, Home, NoHome, StoreHome
from chat2api_core.ambient import Clock, Ids, SystemClock, SystemIds
from chat2api_core.catalog import Catalog
from chat2api_core.config import Settings, SettingsError, load
from chat2api_core.engine import Engine
from chat2api_core.history import History
from chat2api_core.log import configure
from chat2api_core.meter import Meter
from chat2api_core.metering.quota import Quota
from chat2api_core.metering.tally import Tally
from chat2api_core.seal import Sealer
from chat2api_core.secret import Secret
from chat2api_core.stores.base import Post, Store
from chat2api_core.stores.choose import LOCAL_FILE, MemoryChoice, open_store
from chat2api_core.stores.guard import GuardedStore
from chat2api_core.taught import Taught
from chat2api_core.transport import Transport
from chat2api_core.upstreams.base import Upstream
from chat2api_core.upstreams.chatgpt_web.client import ChatGptWeb

_LOOK_HERE, _LOOK_AFAR = 1.0, 10.0  # seconds between two looks for changed settings
_LINGER = 1.0  # seconds that a long-lived process gathers counts before it writes them
_LARGEST_REPLY = 64 * 1024 * 1024  # DynamoDB answers with up to 16 MB, Upstash with more

_log = logging.getLogger("chat2api.wiring")


class Gateway:
    """What the handlers work with. ``aclose`` gives every connection back.

    ``heir_of`` is a gateway whose place this one takes because the settings have changed: it goes
    on with its connections, its store and its counts."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        ids: Ids,
        desk: Callable[[GuardedStore], Desk] | None = None,
        heir_of: "Gateway | None" = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.ids = ids
        if heir_of is None:
            self._open(desk or _closed_desk(settings, clock))
        else:
            self._inherit(heir_of)
        egress = Egress(settings.proxies)
        self.office: Office = self._office(egress, heir_of.office if heir_of else None)
        self.keeps_tokens = self.office.credentials.shared
        web = ChatGptWeb(self._transport, settings=settings, egress=egress, clock=clock, ids=ids)
        self.engine = Engine(
            pool=self.office.pool,
            ledger=self.office.ledger,
            credentials=self.office.credentials,
            upstreams={"web": self._taught(web)},
            meter=self.meter,
            retry_times=settings.retry_times,
            enable_limit=settings.enable_limit,
        )
        self.catalog = Catalog(self.engine, ttl=settings.models_ttl, clock=clock)
        self.doctor = Doctor(
            transport=self._transport,
            upstreams=lambda transport: {
                "web": ChatGptWeb(transport, settings=settings, egress=egress, clock=clock, ids=ids)
            },
            credentials=self.office.credentials,
            egress=egress,
            site_url=settings.base_urls[0],
            clock=clock,
        )

    def _open(self, desk: Callable[[GuardedStore], Desk]) -> None:
        """Make what lasts as long as the process."""
        settings, clock, ids = self.settings, self.clock, self.ids
        self._transport = Transport(
            backend=_backend(settings),
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
        )
        self.meter = Meter(exact=settings.usage_counter == "auto")
        self.store = GuardedStore(_store(settings, self._transport, clock), clock)
        sealer = Sealer(settings.secret_key or _handle_key(settings, ids), ids)
        self.history = History(self.store, sealer, ttl=settings.responses_ttl)
        # Where nothing runs between requests, counts cannot wait for company.
        linger = _LINGER if settings.platform == "local" else 0.0
        if not self.store.durable and not linger:
            linger = math.inf  # nobody else could read them anyway
        self.tally = Tally(self.store, clock, linger=linger)
        self.quota = Quota(self.store, self.tally, clock)
        self.desk = desk(self.store)

    def _inherit(self, other: "Gateway") -> None:
        """Go on with what another one has opened."""
        self._transport = other._transport
        self.meter = other.meter
        self.store = other.store
        self.history = other.history
        self.tally = other.tally
        self.quota = other.quota
        self.desk = other.desk

    async def renewed(self) -> "Gateway | None":
        """The gateway to go on with where the settings have changed, else None. May be asked at
        every request."""
        settings = await self.desk.news()
        if settings is None:
            return None
        try:
            heir = Gateway(settings, clock=self.clock, ids=self.ids, heir_of=self)
        except ValueError as error:
            _log.error("the changed settings are not used: %s", error)
            return None
        _log.info("the settings have changed: %d accounts", len(settings.accounts))
        return heir

    def _office(self, egress: Egress, before: Office | None) -> Office:
        settings = self.settings
        exchange = Exchange(
            self._transport,
            egress=egress,
            auth_url=settings.auth_url,
            site_url=settings.base_urls[0],
            user_agent=settings.user_agent,
        )
        return Office(
            settings.accounts,
            exchange=exchange,
            store=self.store,
            secret_key=settings.secret_key,
            shuffle=settings.random_token,
            concurrency=settings.account_concurrency,
            temporary=settings.history_disabled,
            lasting=settings.platform == "local",
            clock=self.clock,
            ids=self.ids,
            before=before,
        )

    def _taught(self, upstream: Upstream) -> Upstream:
        """An upstream that knows text only, taught to take tools and formats."""
        return Taught(
            upstream,
            retries=self.settings.tool_retries,
            seconds=self.settings.tool_retry_time,
            meter=self.meter,
            clock=self.clock,
            ids=self.ids,
        )

    async def aclose(self) -> None:
        """Write what was counted, and close the connections to the store and the upstreams."""
        await self.tally.aclose()
        await self.store.aclose()
        await self._transport.aclose()


def build(
    settings: Settings | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    adapt: Callable[[Settings], Settings] = lambda settings: settings,
) -> Gateway:
    """The gateway of this process, by default from the environment. ``adapt`` is done to settings
    whenever they are read again. Raises ``SettingsError``."""
    folder = cwd or Path.cwd()
    if settings is None:
        settings = adapt(load(environ, cwd=folder))
    local = settings.platform == "local"  # elsewhere there is no disk to write to
    file = settings.log_path / settings.log_file if local and settings.log_file else None
    configure(settings.log_level, file=file)
    ids = SystemIds()
    if local:
        settings = with_secret_key(settings, Path(LOCAL_FILE).with_name("secret.key"), ids)
    else:  # a command line shows them where there is one
        for notice in settings.notices:
            _log.warning("%s", notice)
    clock, chosen = SystemClock(), settings

    def reread(text: str) -> Settings:
        fresh = adapt(load(environ, cwd=folder, text=text))
        return structs.replace(fresh, secret_key=chosen.secret_key, store=chosen.store)

    def desk(store: GuardedStore) -> Desk:
        every = _LOOK_HERE if local else _LOOK_AFAR
        return Desk(_home(chosen, folder, store, ids), reread, clock, every=every)

    return Gateway(settings, clock=clock, ids=ids, desk=desk)


def _home(settings: Settings, folder: Path, store: GuardedStore, ids: Ids) -> Home:
    """Where the settings document is kept."""
    if settings.platform == "local":
        return FileHome(settings.config_file or folder / "conf" / f"app.{settings.env}.yaml")
    if not store.durable:
        return NoHome("No store is set that lasts (STORE_URL), so nothing could be kept.")
    if not settings.secret_key:
        return NoHome("SECRET_KEY is not set, so secrets could not be sealed in the store.")
    return StoreHome(store, Sealer(settings.secret_key, ids))


def _closed_desk(settings: Settings, clock: Clock) -> Callable[[GuardedStore], Desk]:
    """For a gateway whose settings were given to it."""
    home = NoHome("The settings of this process are kept nowhere.")
    return lambda _: Desk(home, lambda _: settings, clock, every=_LOOK_AFAR)


def with_secret_key(settings: Settings, path: Path, ids: Ids) -> Settings:
    """The settings of a local server with a key to seal with, made at its first start and kept in
    the file ``path``."""
    if settings.secret_key or isinstance(settings.store, MemoryChoice):
        return settings
    try:
        key = key_file.read_or_make(path, ids)
    except OSError as error:
        _log.warning("renewed tokens are not kept: no key could be made (%s)", type(error).__name__)
        return settings
    return structs.replace(settings, secret_key=key)


def _store(settings: Settings, transport: Transport, clock: Clock) -> Store:
    try:
        return open_store(settings.store, clock=clock, post=_post(transport))
    except ValueError as error:
        raise SettingsError("STORE_URL", "an address that can be used") from error


def _post(transport: Transport) -> Post:
    """How a store that speaks HTTP asks: directly, by no proxy of the accounts."""

    async def post(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        reply = await transport.send("POST", url, raw, body, step="request")
        try:
            return reply.status, await reply.read(_LARGEST_REPLY)
        finally:
            await reply.aclose()

    return post


def _handle_key(settings: Settings, ids: Ids) -> Secret:
    """What seals the ids of responses without a SECRET_KEY: the local keys, which are the same on
    all instances."""
    local = (*settings.auth_tokens, *(one.key for one in settings.api_keys))
    keys = "".join(key.reveal() for key in local)
    return Secret(f"handles of responses {keys or ids.hex(64)}")


def _backend(settings: Settings) -> Literal["httpx", "aiohttp"]:
    """aiohttp serves many requests at once for a fifth of the cost; on a serverless host, where few
    run at once, its import would cost more than it saves."""
    if settings.http_backend != "auto":
        return settings.http_backend
    fast = settings.platform == "local" and find_spec("httpx_aiohttp") is not None
    return "aiohttp" if fast else "httpx"
