"""The clients of the backends, each made when it is first asked: what nobody asks is not imported.

``codex`` speaks for itself; ``web`` knows text only and is taught to take tools and formats.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from chat2api_core.accounts.egress import Egress
from chat2api_core.accounts.ledger import Ledger
from chat2api_core.ambient import Clock, Ids
from chat2api_core.config import Settings
from chat2api_core.meter import Meter
from chat2api_core.taught import Taught
from chat2api_core.transport import Transport
from chat2api_core.upstreams.base import Upstream
from chat2api_core.upstreams.directory import Directory

if TYPE_CHECKING:
    from chat2api_core.upstreams.chatgpt_web.client import ChatGptWeb, Media
    from chat2api_core.upstreams.codex.client import Codex


class Upstreams:
    """Makes them. ``media`` is what the web's pictures and files take."""

    def __init__(
        self,
        settings: Settings,
        *,
        egress: Egress,
        ledger: Ledger,
        meter: Meter,
        media: "Callable[[], Media]",
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._settings = settings
        self._egress = egress
        self._ledger = ledger
        self._meter = meter
        self._media = media
        self._clock = clock
        self._ids = ids

    def over(
        self,
        transport: Transport,
        web: "Callable[[], ChatGptWeb] | None" = None,
        codex: "Callable[[], Codex] | None" = None,
    ) -> Directory:
        """All of them, over this transport. ``web`` and ``codex`` give the clients where they are
        there already, or wanted by others too."""
        return Directory(
            {
                "codex": lambda: codex() if codex else self.codex(transport),
                "web": lambda: self._taught(web() if web else self.web(transport)),
            }
        )

    def web(self, transport: Transport) -> "ChatGptWeb":
        """The client of ChatGPT's web."""
        from chat2api_core.upstreams.chatgpt_web.client import ChatGptWeb  # noqa: PLC0415 (late)

        return ChatGptWeb(
            transport,
            settings=self._settings,
            egress=self._egress,
            clock=self._clock,
            ids=self._ids,
            limits_seen=self._ledger.limits_seen,
            media=self._media,
        )

    def codex(self, transport: Transport) -> "Codex":
        """The client of the Codex backend."""
        from chat2api_core.upstreams.codex.client import Codex  # noqa: PLC0415 (late)

        return Codex(
            transport,
            settings=self._settings,
            egress=self._egress,
            clock=self._clock,
            quota_seen=self._ledger.quota_seen,
        )

    def _taught(self, upstream: Upstream) -> Upstream:
        """An upstream that knows text only, taught to take tools and formats."""
        return Taught(
            upstream,
            retries=self._settings.tool_retries,
            seconds=self._settings.tool_retry_time,
            meter=self._meter,
            clock=self._clock,
            ids=self._ids,
        )
