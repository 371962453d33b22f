"""What lasts as long as the process, whatever becomes of the settings: connections, the store and
what is kept in it, counts.

Nothing is opened here: connections and TLS contexts come with the first request that needs them.
"""

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from chat2api_core.ambient import Clock, Ids
from chat2api_core.config import Settings, SettingsError
from chat2api_core.meter import Meter
from chat2api_core.metering.quota import Quota
from chat2api_core.metering.tally import Tally
from chat2api_core.seal import Sealer
from chat2api_core.secret import Secret
from chat2api_core.stores.base import Post, Store
from chat2api_core.stores.choose import open_store
from chat2api_core.stores.guard import GuardedStore
from chat2api_core.transport import Transport
from chat2api_core.wiring import settings_desk

if TYPE_CHECKING:
    from chat2api_core.admin.desk import Desk
    from chat2api_core.kept.history import History

_LINGER = 1.0  # seconds that a long-lived process gathers counts before it writes them
_LARGEST_REPLY = 64 * 1024 * 1024  # DynamoDB answers with up to 16 MB, Upstash with more


class Ground:
    """What every gateway of the process stands on. ``desk`` opens where its settings are changed;
    None: nowhere, they were given to it. ``transport`` and ``store`` take the place of those that
    the settings name."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        ids: Ids,
        desk: "Callable[[GuardedStore], Desk] | None" = None,
        transport: Transport | None = None,
        store: Store | None = None,
    ) -> None:
        self.transport = transport or Transport(
            backend=_backend(settings),
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
        )
        self.meter = Meter(exact=settings.usage_counter == "auto")
        self.store = GuardedStore(store or _store(settings, self.transport, clock, ids), clock)
        self.sealer = Sealer(settings.secret_key or _handle_key(settings, ids), ids)
        self._responses_ttl = settings.responses_ttl
        # Where nothing runs between requests, counts cannot wait for company.
        linger = _LINGER if settings.platform == "local" else 0.0
        if not self.store.durable and not linger:
            linger = math.inf  # nobody else could read them anyway
        self.tally = Tally(self.store, clock, linger=linger)
        self.quota = Quota(self.store, self.tally, clock)
        self._desk = desk or settings_desk.closed(settings, clock)
        # Where the settings are kept nowhere, nobody can change them: there is no need to look.
        self._watched = desk is not None and not settings_desk.why_closed(settings, self.store)

    @cached_property
    def history(self) -> "History":
        """Responses that can be gone on from."""
        from chat2api_core.kept.history import History  # noqa: PLC0415 (no chat has any)

        return History(self.store, self.sealer, ttl=self._responses_ttl)

    @cached_property
    def desk(self) -> "Desk":
        """Where the settings are looked at and changed."""
        return self._desk(self.store)

    async def news(self) -> Settings | None:
        """The settings where they have changed, else None."""
        return await self.desk.news() if self._watched else None

    async def aclose(self) -> None:
        """Write what was counted, and close the connections to the store and the upstreams."""
        await self.tally.aclose()
        await self.store.aclose()
        await self.transport.aclose()


def _store(settings: Settings, transport: Transport, clock: Clock, ids: Ids) -> Store:
    try:
        return open_store(settings.store, clock=clock, ids=ids, post=_post(transport))
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
