"""ChatGPT as each account sees it: by which address and proxy, with which cookies, as which client.

In: an account. Out: the ``Site`` through which it is asked. Sessions, home pages, and which form of
the protocol an address speaks are remembered for the lifetime of the process.
"""

from itertools import count

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.egress import Egress
from chat2api_core.ambient import Clock, Ids
from chat2api_core.config import Settings
from chat2api_core.transport import Transport
from chat2api_core.upstreams.chatgpt_web.headers import Identity
from chat2api_core.upstreams.chatgpt_web.page import Page
from chat2api_core.upstreams.chatgpt_web.sentinel import Form
from chat2api_core.upstreams.chatgpt_web.session import Sessions
from chat2api_core.upstreams.chatgpt_web.site import Pages, Site


class Sites:
    """The sites. Several addresses take turns."""

    def __init__(
        self, transport: Transport, *, settings: Settings, egress: Egress, clock: Clock, ids: Ids
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._egress = egress
        self._clock = clock
        self._sessions = Sessions(ids)
        self._pages = Pages(clock)
        self._turns = count()
        self._legacy: set[str] = set()

    def of(self, account: Account) -> Site:
        """ChatGPT as this account sees it."""
        urls = self._settings.base_urls
        base_url = urls[next(self._turns) % len(urls)]
        session = self._sessions.of(account, base_url)
        identity = Identity(
            device_id=session.device_id,
            session_id=session.session_id,
            user_agent=self._settings.user_agent,
            access_token=account.access_token,
            account_id=account.account_id,
            auth_key=self._settings.auth_key,
        )
        return Site(
            self._transport,
            base_url=base_url,
            identity=identity,
            session=session,
            proxy=self._egress.proxy(account),
            clock=self._clock,
        )

    async def page(self, site: Site) -> Page:
        """The home page of a site. Raises ``Problem``."""
        return await self._pages.of(site)

    def form(self, site: Site) -> Form:
        """The form of the protocol in which a site is asked."""
        protocol = self._settings.chatgpt_protocol
        if protocol != "auto":
            return protocol
        return "legacy" if site.base_url in self._legacy else "current"

    def outdated(self, site: Site) -> None:
        """The site does not know the current form. It will not learn it in our lifetime."""
        self._legacy.add(site.base_url)
