"""All that pictures and files take, in requests and in answers, each part made when it is first
needed: a picture that comes along as data needs no fetcher, a link in an answer no intake."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from chat2api_core.ambient import Clock
from chat2api_core.config import Settings
from chat2api_core.upstreams.chatgpt_web.client import ChatGptWeb
from chat2api_core.wiring.ground import Ground

if TYPE_CHECKING:
    from chat2api_core.fetch.fetcher import Fetcher
    from chat2api_core.intake import Intake
    from chat2api_core.kept.files import Files
    from chat2api_core.kept.loans import Loans
    from chat2api_core.media.links import Links
    from chat2api_core.upstreams.chatgpt_web.downloads import Downloads
    from chat2api_core.upstreams.chatgpt_web.uploads import Uploads


class MediaKit:
    """The parts. ``web`` is the client of ChatGPT's web, where pictures and files are kept."""

    def __init__(
        self, settings: Settings, ground: Ground, *, web: Callable[[], ChatGptWeb], clock: Clock
    ) -> None:
        self._settings = settings
        self._ground = ground
        self._web = web
        self._clock = clock

    @cached_property
    def links(self) -> "Links":
        """Links to pictures and files of answers."""
        from chat2api_core.media.links import Links  # noqa: PLC0415 (see the head)

        return Links(self._ground.sealer, self._clock, ttl=self._settings.media_ttl)

    @cached_property
    def loans(self) -> "Loans":
        """Accounts of callers, for as long as their links work."""
        from chat2api_core.kept.loans import Loans  # noqa: PLC0415 (see the head)

        ground, settings = self._ground, self._settings
        sealed = bool(settings.secret_key)
        return Loans(ground.store, ground.sealer, ttl=settings.media_ttl, sealed=sealed)

    @cached_property
    def files(self) -> "Files":
        """The files that callers have uploaded."""
        from chat2api_core.kept.files import Files  # noqa: PLC0415 (see the head)

        return Files(self._ground.store, self._ground.sealer, self._clock)

    @cached_property
    def uploads(self) -> "Uploads":
        """Files on their way to ChatGPT's web."""
        from chat2api_core.upstreams.chatgpt_web.uploads import Uploads  # noqa: PLC0415 (the same)

        return Uploads(self._ground.store, limit=self._settings.max_file)

    @cached_property
    def downloads(self) -> "Downloads":
        """Bytes out of ChatGPT's web."""
        from chat2api_core.upstreams.chatgpt_web.downloads import (  # noqa: PLC0415 (see the head)
            Downloads,
        )

        proxy = self._settings.export_proxy.reveal()
        return Downloads(self._web().site, self._ground.transport, export_proxy=proxy)

    @cached_property
    def fetcher(self) -> "Fetcher":
        """What callers' URLs show."""
        from chat2api_core.fetch.fetcher import Fetcher  # noqa: PLC0415 (see the head)

        return Fetcher(
            limit=self._settings.max_file,
            user_agent=self._settings.user_agent,
            proxy=self._settings.export_proxy,
            connect_timeout=self._settings.connect_timeout,
            trust=lambda: self._ground.transport.tls,
        )

    @cached_property
    def intake(self) -> "Intake":
        """Pictures and files of requests, made ready for an upstream."""
        from chat2api_core.intake import Intake  # noqa: PLC0415 (see the head)

        return Intake(
            lambda: self.fetcher,
            self.files,
            limit=self._settings.max_file,
            by_url=self._settings.upload_by_url,
        )
