"""ChatGPT's web site as one account sees it during one turn: requests with its headers, cookies and
proxy, and faults read into problems.
"""

import logging
import ssl
from collections import OrderedDict
from collections.abc import Container, Sequence

from chat2api_core.ambient import Clock
from chat2api_core.problem import Kind, Problem, Step
from chat2api_core.transport import Content, Reply, Transport
from chat2api_core.upstreams.chatgpt_web.headers import (
    Identity,
    base_headers,
    blob_headers,
    page_headers,
)
from chat2api_core.upstreams.chatgpt_web.page import FALLBACK_PAGE, Page, read_page
from chat2api_core.upstreams.chatgpt_web.session import Session

_OK = 200
_NOT_THERE = frozenset({404, 405})
_COOKIES_TOO_LARGE = 431
_SHORT = 4 * 1024 * 1024  # bytes of a JSON answer or of a fault
_PAGE_TTL = 900.0
_PAGE_RETRY = 60.0
_PAGES = 64
_EVENTS = "text/event-stream"

_log = logging.getLogger("chat2api.chatgpt_web")

Extra = Sequence[tuple[bytes, bytes]]


class Pages:
    """The home page of each site, read every 15 minutes. That it cannot be read stops nobody: the
    proof of work then quotes what is always there."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Page]] = OrderedDict()

    async def of(self, site: "Site") -> Page:
        kept = self._kept.get(site.base_url)
        if kept is not None and kept[0] > self._clock.monotonic():
            return kept[1]
        try:
            page, ttl = await site.home(), _PAGE_TTL
        except Problem as problem:
            # The next step meets the same trouble, if it lasts, and can say better what it stops.
            _log.info("home page not read: %s", problem.code)
            page, ttl = kept[1] if kept else FALLBACK_PAGE, _PAGE_RETRY
        self._kept[site.base_url] = self._clock.monotonic() + ttl, page
        if len(self._kept) > _PAGES:
            self._kept.popitem(last=False)
        return page


class Site:
    """One account at one base URL. ``root`` is /backend-api, or /backend-anon without a login."""

    def __init__(
        self,
        transport: Transport,
        *,
        base_url: str,
        identity: Identity,
        session: Session,
        proxy: str,
        clock: Clock,
    ) -> None:
        self.base_url = base_url
        self.identity = identity
        self.root = "/backend-api" if identity.access_token else "/backend-anon"
        self.proxy = proxy  # its URL, empty for none
        self._transport = transport
        self._session = session
        self._clock = clock

    @property
    def tls(self) -> ssl.SSLContext:
        """Whom to trust, for connections that are not HTTP."""
        return self._transport.tls

    async def home(self) -> Page:
        """Fetch and read the home page; its cookies are kept."""
        headers = [*page_headers(self.identity), (b"cookie", self._session.cookie_header())]
        reply = await self._transport.send(
            "GET", f"{self.base_url}/", headers, step="bootstrap", proxy=self.proxy
        )
        body = await self._whole(reply, "bootstrap")
        return read_page(body.decode("utf-8", "replace"), self.base_url)

    async def get(self, path: str, *, step: Step, limit: int = _SHORT) -> bytes:
        """GET a JSON document of at most ``limit`` bytes. Raises what ``read_fault`` makes of any
        status but 200."""
        reply = await self._send("GET", path, b"", (), step)
        return await self._whole(reply, step, json=True, limit=limit)

    async def post(self, path: str, body: bytes, *, step: Step) -> bytes | None:
        """POST JSON, get JSON; None if the site does not know the path. Raises what ``read_fault``
        makes of any other status but 200."""
        reply = await self._send("POST", path, body, (), step)
        try:
            return await self._whole(reply, step, json=True)
        except Problem as problem:
            if reply.status in _NOT_THERE and problem.kind is Kind.UPSTREAM_ERROR:
                return None
            raise

    async def open(
        self,
        path: str,
        body: bytes,
        *,
        extra: Extra,
        turnstile_asked: bool = False,
        arkose_asked: bool = False,
    ) -> Reply:
        """POST JSON, get a stream whose head says 200 and ``text/event-stream``.

        The flags tell whether a CAPTCHA had been announced: they explain a 403."""
        reply = await self._send("POST", path, body, extra, "conversation", _EVENTS)
        streaming = reply.header("content-type").startswith(_EVENTS)
        if reply.status == _OK and streaming:
            self._session.keep(reply.cookies)
            return reply
        try:
            content = await reply.read(_SHORT)
        finally:
            await reply.aclose()
        if reply.status == _OK:
            raise _unreadable("conversation", reply.header("content-type"), content)
        raise self._fault(reply, content, "conversation", turnstile_asked, arkose_asked)

    async def resume(self, path: str, body: bytes, *, extra: Extra) -> Reply | None:
        """As ``open``, for a stream that may be gone: None if the site knows nothing of it."""
        reply = await self._send("POST", path, body, extra, "stream", _EVENTS)
        if reply.status == _OK and reply.header("content-type").startswith(_EVENTS):
            return reply
        if reply.status in _NOT_THERE:
            await reply.aclose()
            return None
        content = await self._whole(reply, "stream")
        raise _unreadable("stream", reply.header("content-type"), content)

    async def fetch(
        self,
        method: str,
        path: str,
        body: Content = b"",
        *,
        step: Step,
        content_type: str = "application/json",
        extra: Extra = (),
        good: Container[int] = (_OK,),
    ) -> Reply:
        """Any call, when the head of its answer has a good status; the caller reads and closes it.
        A body in pieces wants its length among the ``extra`` headers. Raises what ``read_fault``
        makes of any other status."""
        reply = await self._send(method, path, body, extra, step, content_type=content_type)
        if reply.status not in good:
            await self._whole(reply, step)
        self._session.keep(reply.cookies)
        return reply

    async def put(self, url: str, content: Content, *, length: int, mime: str) -> None:
        """PUT the bytes of a file to the signed address that ChatGPT gave for them. That is another
        company's host: nothing of the account goes there. Raises ``Problem``."""
        headers = blob_headers(self.identity, self.base_url, length=length, mime=mime)
        reply = await self._transport.send(
            "PUT", url, headers, content, step="upload", proxy=self.proxy
        )
        try:
            await reply.read(_SHORT)
        finally:
            await reply.aclose()
        if not 200 <= reply.status < 300:  # noqa: PLR2004 (HTTP)
            message = f"ChatGPT's storage did not take a file (HTTP {reply.status})."
            raise Problem(Kind.UPSTREAM_ERROR, message, step="upload")

    async def _send(
        self,
        method: str,
        path: str,
        body: Content,
        extra: Extra,
        step: Step,
        accept: str = "*/*",
        content_type: str = "application/json",
    ) -> Reply:
        target = self.root + path
        headers = [
            *base_headers(
                self.identity, self.base_url, target, accept=accept, content_type=content_type
            ),
            (b"cookie", self._session.cookie_header()),
            *extra,
        ]
        return await self._transport.send(
            method, self.base_url + target, headers, body, step=step, proxy=self.proxy
        )

    async def _whole(
        self, reply: Reply, step: Step, *, json: bool = False, limit: int = _SHORT
    ) -> bytes:
        try:
            body = await reply.read(limit)
        finally:
            await reply.aclose()
        self._session.keep(reply.cookies)
        if reply.status != _OK:
            raise self._fault(reply, body, step)
        if json and "json" not in reply.header("content-type"):
            raise _unreadable(step, reply.header("content-type"), body)
        return body

    def _fault(
        self,
        reply: Reply,
        body: bytes,
        step: Step,
        turnstile_asked: bool = False,
        arkose_asked: bool = False,
    ) -> Problem:
        from chat2api_core.upstreams.chatgpt_web.faults import read_fault  # noqa: PLC0415 (all may go well)

        if reply.status == _COOKIES_TOO_LARGE:
            self._session.forget()
        return read_fault(
            reply.status,
            reply.headers,
            body,
            step,
            self._clock.now(),
            turnstile_asked=turnstile_asked,
            arkose_asked=arkose_asked,
        )


def _unreadable(step: Step, content_type: str, body: bytes) -> Problem:
    from chat2api_core.upstreams.chatgpt_web.faults import unreadable  # noqa: PLC0415 (all may go well)

    return unreadable(step, content_type, body)
