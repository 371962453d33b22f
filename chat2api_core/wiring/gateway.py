"""The gateway: what the handlers work with, over what lasts and for the settings of the moment.

In: settings. Out: the engine with its accounts and upstreams, and next to it what few requests
need, each made when it is first asked for. The one rule: nothing is opened or imported here that a
chat does not need.
"""

import logging
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.egress import Egress
from chat2api_core.accounts.office import Office
from chat2api_core.ambient import Clock, Ids
from chat2api_core.config import Settings
from chat2api_core.engine import Engine
from chat2api_core.stores.guard import GuardedStore
from chat2api_core.wiring.ground import Ground
from chat2api_core.wiring.upstreams import Upstreams

if TYPE_CHECKING:
    from chat2api_core.accounts.exchange import Exchange
    from chat2api_core.admin.desk import Desk
    from chat2api_core.admin.doctor import Doctor
    from chat2api_core.catalog import Catalog
    from chat2api_core.kept.history import History
    from chat2api_core.upstreams.chatgpt_web.client import ChatGptWeb
    from chat2api_core.upstreams.chatgpt_web.speech import Speech
    from chat2api_core.upstreams.chatgpt_web.transcription import Transcription
    from chat2api_core.upstreams.codex.client import Codex
    from chat2api_core.wiring.media import MediaKit

_log = logging.getLogger("chat2api.wiring")


class Gateway:
    """What the handlers work with. ``aclose`` gives every connection back.

    ``heir_of`` is a gateway whose place this one takes because the settings have changed: it goes
    on with its connections, its store and its counts. ``ground`` is what to stand on instead of
    what the settings name."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        ids: Ids,
        desk: "Callable[[GuardedStore], Desk] | None" = None,
        heir_of: "Gateway | None" = None,
        ground: Ground | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.ids = ids
        if heir_of is not None:
            ground = heir_of.ground
        elif ground is None:
            ground = Ground(settings, clock=clock, ids=ids, desk=desk)
        self.ground: Ground = ground
        self.meter = ground.meter
        self.store = ground.store
        self.tally = ground.tally
        self.quota = ground.quota
        self._egress = Egress(settings.proxies)
        self.office: Office = self._office(heir_of.office if heir_of else None)
        self.keeps_tokens = self.office.credentials.shared
        self._upstreams = Upstreams(
            settings,
            egress=self._egress,
            ledger=self.office.ledger,
            meter=ground.meter,
            media=lambda: self.media,
            clock=clock,
            ids=ids,
        )
        self.engine = Engine(
            pool=self.office.pool,
            ledger=self.office.ledger,
            credentials=self.office.credentials,
            upstreams=self._upstreams.over(ground.transport, lambda: self.web, lambda: self.codex),
            meter=ground.meter,
            retry_times=settings.retry_times,
            clock=clock,
            setting=settings.upstream,
            enable_limit=settings.enable_limit,
        )

    def _office(self, before: Office | None) -> Office:
        settings = self.settings
        return Office(
            settings.accounts,
            exchange=_Renewing(self._exchange),
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

    def _exchange(self) -> "Exchange":
        from chat2api_core.accounts.exchange import Exchange  # noqa: PLC0415 (most tokens last)

        settings = self.settings
        return Exchange(
            self.ground.transport,
            egress=self._egress,
            auth_url=settings.auth_url,
            site_url=settings.base_urls[0],
            user_agent=settings.user_agent,
        )

    @property
    def desk(self) -> "Desk":
        """Where the settings are looked at and changed."""
        return self.ground.desk

    @property
    def tokens_owed(self) -> int:
        """How many accounts have renewed tokens that the store has not taken yet."""
        return self.office.credentials.owed

    async def renewed(self) -> "Gateway | None":
        """The gateway to go on with where the settings have changed, else None. May be asked at
        every request."""
        settings = await self.ground.news()
        if settings is None:
            return None
        try:
            heir = Gateway(settings, clock=self.clock, ids=self.ids, heir_of=self)
        except ValueError as error:
            _log.error("the changed settings are not used: %s", error)
            return None
        _log.info("the settings have changed: %d accounts", len(settings.accounts))
        return heir

    async def aclose(self) -> None:
        """Write what was counted and what could not be saved, and close the connections to the
        store and the upstreams."""
        await self.office.credentials.aclose()
        await self.ground.aclose()

    # --------------------------------------------------------------------- what few requests need

    @cached_property
    def catalog(self) -> "Catalog":
        """The models there are."""
        from chat2api_core.catalog import Catalog  # noqa: PLC0415 (no chat lists them)

        return Catalog(self.engine, ttl=self.settings.models_ttl, clock=self.clock)

    @property
    def history(self) -> "History":
        """Responses that can be gone on from."""
        return self.ground.history

    @cached_property
    def web(self) -> "ChatGptWeb":
        """The client of ChatGPT's web, for turns and for what is no turn."""
        return self._upstreams.web(self.ground.transport)

    @cached_property
    def codex(self) -> "Codex":
        """The client of the Codex backend, for turns and for what is no turn."""
        return self._upstreams.codex(self.ground.transport)

    @cached_property
    def media(self) -> "MediaKit":
        """All that pictures and files take."""
        from chat2api_core.wiring.media import MediaKit  # noqa: PLC0415 (few requests have any)

        return MediaKit(self.settings, self.ground, web=lambda: self.web, clock=self.clock)

    @cached_property
    def speech(self) -> "Speech":
        """Reads texts aloud."""
        from chat2api_core.upstreams.chatgpt_web.speech import Speech  # noqa: PLC0415 (seldom used)

        return Speech(self.web, lambda: self.media.downloads)

    @cached_property
    def transcription(self) -> "Transcription":
        """Writes recordings down."""
        from chat2api_core.upstreams.chatgpt_web.transcription import (  # noqa: PLC0415 (same)
            Transcription,
        )

        return Transcription(self.web, self.ids)

    async def ask_quota(self, account: Account) -> bool:
        """Ask ChatGPT what a signed in account may still use, for people who look: the ledger hears
        of it. Whether it was told. Raises ``Problem`` of step "quota"."""
        if account.type == "codex":
            return await self.codex.usage(account)
        from chat2api_core.upstreams.chatgpt_web.allowance import Allowance  # noqa: PLC0415 (same)

        return await Allowance(self.web, self.office.ledger.limits_seen).ask(account)

    @cached_property
    def doctor(self) -> "Doctor":
        """Tries everything, step by step."""
        from chat2api_core.admin.doctor import Doctor  # noqa: PLC0415 (seldom used)

        return Doctor(
            transport=self.ground.transport,
            upstreams=self._upstreams.over,
            credentials=self.office.credentials,
            egress=self._egress,
            site_url=self.settings.base_urls[0],
            clock=self.clock,
            ask_quota=self.ask_quota,
        )


class _Renewing:
    """Asks the sign-in server for tokens, by what ``exchange`` makes when the first one is due."""

    def __init__(self, exchange: "Callable[[], Exchange]") -> None:
        self._exchange = exchange

    async def renew(self, account: Account) -> Account:
        return await self._exchange().renew(account)
