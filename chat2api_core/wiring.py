"""Puts the gateway together: the only place that knows every concrete class.

Built once per process and kept, so that a warm instance keeps its connections. Nothing is opened
here: connections and TLS contexts come with the first request that needs them.
"""

import logging
import math
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import structs

from chat2api_core.accounts.egress import Egress
from chat2api_core.accounts.exchange import Exchange
from chat2api_core.accounts.office import Office
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
from chat2api_core.upstreams.directory import Directory

if TYPE_CHECKING:
    from chat2api_core.admin.desk import Desk
    from chat2api_core.admin.doctor import Doctor
    from chat2api_core.admin.homes import Home
    from chat2api_core.fetch.fetcher import Fetcher
    from chat2api_core.files import Files
    from chat2api_core.intake import Intake
    from chat2api_core.loans import Loans
    from chat2api_core.media.links import Links
    from chat2api_core.upstreams.chatgpt_web.client import ChatGptWeb
    from chat2api_core.upstreams.chatgpt_web.downloads import Downloads
    from chat2api_core.upstreams.chatgpt_web.speech import Speech
    from chat2api_core.upstreams.chatgpt_web.transcription import Transcription
    from chat2api_core.upstreams.chatgpt_web.uploads import Uploads

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
        desk: "Callable[[GuardedStore], Desk] | None" = None,
        heir_of: "Gateway | None" = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.ids = ids
        if heir_of is None:
            self._open(desk)
        else:
            self._inherit(heir_of)
        egress = self._egress = Egress(settings.proxies)
        self.office: Office = self._office(egress, heir_of.office if heir_of else None)
        self.keeps_tokens = self.office.credentials.shared
        self.engine = Engine(
            pool=self.office.pool,
            ledger=self.office.ledger,
            credentials=self.office.credentials,
            upstreams=self._upstreams(self._transport, egress),
            meter=self.meter,
            retry_times=settings.retry_times,
            clock=clock,
            setting=settings.upstream,
            enable_limit=settings.enable_limit,
        )
        self.catalog = Catalog(self.engine, ttl=settings.models_ttl, clock=clock)

    def _open(self, desk: "Callable[[GuardedStore], Desk] | None") -> None:
        """Make what lasts as long as the process."""
        settings, clock, ids = self.settings, self.clock, self.ids
        self._transport = Transport(
            backend=_backend(settings),
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
        )
        self.meter = Meter(exact=settings.usage_counter == "auto")
        self.store = GuardedStore(_store(settings, self._transport, clock), clock)
        self.sealer = Sealer(settings.secret_key or _handle_key(settings, ids), ids)
        self.history = History(self.store, self.sealer, ttl=settings.responses_ttl)
        # Where nothing runs between requests, counts cannot wait for company.
        linger = _LINGER if settings.platform == "local" else 0.0
        if not self.store.durable and not linger:
            linger = math.inf  # nobody else could read them anyway
        self.tally = Tally(self.store, clock, linger=linger)
        self.quota = Quota(self.store, self.tally, clock)
        self._desk = desk or _closed_desk(settings, clock)
        # Where the settings are kept nowhere, nobody can change them: there is no need to look.
        self._watched = desk is not None and not _closed(settings, self.store)

    def _inherit(self, other: "Gateway") -> None:
        """Go on with what another one has opened."""
        self._transport = other._transport
        self.meter = other.meter
        self.store = other.store
        self.sealer = other.sealer
        self.history = other.history
        self.tally = other.tally
        self.quota = other.quota
        self._desk, self._watched = other._desk, other._watched
        self.desk = other.desk

    async def renewed(self) -> "Gateway | None":
        """The gateway to go on with where the settings have changed, else None. May be asked at
        every request."""
        settings = await self.desk.news() if self._watched else None
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
            heeds_caps=settings.enable_limit,
            clock=self.clock,
            ids=self.ids,
            before=before,
        )

    @cached_property
    def desk(self) -> "Desk":
        """Where the settings are looked at and changed."""
        return self._desk(self.store)

    @cached_property
    def doctor(self) -> "Doctor":
        """Tries everything, step by step."""
        from chat2api_core.admin.doctor import Doctor  # noqa: PLC0415 (seldom used)

        return Doctor(
            transport=self._transport,
            upstreams=lambda transport: self._upstreams(transport, self._egress),
            credentials=self.office.credentials,
            egress=self._egress,
            site_url=self.settings.base_urls[0],
            clock=self.clock,
        )

    @cached_property
    def links(self) -> "Links":
        """Links to pictures and files of answers."""
        from chat2api_core.media.links import Links  # noqa: PLC0415 (few answers have any)

        return Links(self.sealer, self.clock, ttl=self.settings.media_ttl)

    @cached_property
    def loans(self) -> "Loans":
        """Accounts of callers, for as long as their links work."""
        from chat2api_core.loans import Loans  # noqa: PLC0415 (few answers have any)

        settings = self.settings
        sealed = bool(settings.secret_key)
        return Loans(self.store, self.sealer, ttl=settings.media_ttl, sealed=sealed)

    @cached_property
    def files(self) -> "Files":
        """The files that callers have uploaded."""
        from chat2api_core.files import Files  # noqa: PLC0415 (seldom used)

        return Files(self.store, self.sealer, self.clock)

    @cached_property
    def uploads(self) -> "Uploads":
        """Files on their way to ChatGPT's web."""
        from chat2api_core.upstreams.chatgpt_web.uploads import Uploads  # noqa: PLC0415 (seldom)

        return Uploads(self.store, limit=self.settings.max_file)

    @cached_property
    def fetcher(self) -> "Fetcher":
        """What callers' URLs show."""
        from chat2api_core.fetch.fetcher import Fetcher  # noqa: PLC0415 (seldom used)

        return Fetcher(
            limit=self.settings.max_file,
            user_agent=self.settings.user_agent,
            proxy=self.settings.export_proxy,
            connect_timeout=self.settings.connect_timeout,
            trust=lambda: self._transport.tls,
        )

    @cached_property
    def intake(self) -> "Intake":
        """Pictures and files of requests, made ready for an upstream."""
        from chat2api_core.intake import Intake  # noqa: PLC0415 (seldom used)

        return Intake(
            lambda: self.fetcher,
            self.files,
            limit=self.settings.max_file,
            by_url=self.settings.upload_by_url,
        )

    @cached_property
    def downloads(self) -> "Downloads":
        """Bytes out of ChatGPT's web."""
        from chat2api_core.upstreams.chatgpt_web.downloads import (  # noqa: PLC0415 (seldom used)
            Downloads,
        )

        proxy = self.settings.export_proxy.reveal()
        return Downloads(self.web.site, self._transport, export_proxy=proxy)

    @cached_property
    def web(self) -> "ChatGptWeb":
        """The client of ChatGPT's web, for turns and for what is no turn."""
        from chat2api_core.upstreams.chatgpt_web.client import ChatGptWeb  # noqa: PLC0415 (late)

        return ChatGptWeb(
            self._transport,
            settings=self.settings,
            egress=self._egress,
            clock=self.clock,
            ids=self.ids,
            limits_seen=self.office.ledger.limits_seen,
            links=lambda: self.links,
            uploads=lambda: self.uploads,
        )

    @cached_property
    def speech(self) -> "Speech":
        from chat2api_core.upstreams.chatgpt_web.speech import Speech  # noqa: PLC0415 (seldom used)

        return Speech(self.web)

    @cached_property
    def transcription(self) -> "Transcription":
        from chat2api_core.upstreams.chatgpt_web.transcription import (  # noqa: PLC0415 (same)
            Transcription,
        )

        return Transcription(self.web, self.ids)

    def _upstreams(self, transport: Transport, egress: Egress) -> Directory:
        settings, clock, ids = self.settings, self.clock, self.ids

        def codex() -> Upstream:
            from chat2api_core.upstreams.codex.client import Codex  # noqa: PLC0415 (see Directory)

            return Codex(
                transport,
                settings=settings,
                egress=egress,
                clock=clock,
                quota_seen=self.office.ledger.quota_seen,
            )

        def web() -> Upstream:
            from chat2api_core.upstreams.chatgpt_web.client import ChatGptWeb  # noqa: PLC0415 (same)

            if transport is self._transport:
                return self._taught(self.web)
            return self._taught(
                ChatGptWeb(transport, settings=settings, egress=egress, clock=clock, ids=ids)
            )

        return Directory({"codex": codex, "web": web})

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

    def desk(store: GuardedStore) -> "Desk":
        from chat2api_core.admin.desk import Desk  # noqa: PLC0415 (no chat request needs it)

        every = _LOOK_HERE if local else _LOOK_AFAR
        return Desk(_home(chosen, folder, store, ids), reread, clock, every=every)

    return Gateway(settings, clock=clock, ids=ids, desk=desk)


def _home(settings: Settings, folder: Path, store: GuardedStore, ids: Ids) -> "Home":
    """Where the settings document is kept."""
    from chat2api_core.admin.homes import FileHome, NoHome, StoreHome  # noqa: PLC0415 (as above)

    if settings.platform == "local":
        return FileHome(settings.config_file or folder / "conf" / f"app.{settings.env}.yaml")
    if closed := _closed(settings, store):
        return NoHome(closed)
    return StoreHome(store, Sealer(settings.secret_key, ids))


def _closed(settings: Settings, store: GuardedStore) -> str:
    """Why the settings document can be kept nowhere; empty where it can."""
    if settings.platform == "local":
        return ""
    if not store.durable:
        return "No store is set that lasts (STORE_URL), so nothing could be kept."
    if not settings.secret_key:
        return "SECRET_KEY is not set, so secrets could not be sealed in the store."
    return ""


def _closed_desk(settings: Settings, clock: Clock) -> "Callable[[GuardedStore], Desk]":
    """For a gateway whose settings were given to it."""

    def desk(_: GuardedStore) -> "Desk":
        from chat2api_core.admin.desk import Desk  # noqa: PLC0415 (no chat request needs it)
        from chat2api_core.admin.homes import NoHome  # noqa: PLC0415 (the same)

        home = NoHome("The settings of this process are kept nowhere.")
        return Desk(home, lambda _: settings, clock, every=_LOOK_AFAR)

    return desk


def with_secret_key(settings: Settings, path: Path, ids: Ids) -> Settings:
    """The settings of a local server with a key to seal with, made at its first start and kept in
    the file ``path``."""
    if settings.secret_key or isinstance(settings.store, MemoryChoice):
        return settings
    from chat2api_core import key_file  # noqa: PLC0415 (a local server's)

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
    fast = settings.platform == "local" and find_spec("aiohttp") is not None
    return "aiohttp" if fast else "httpx"
