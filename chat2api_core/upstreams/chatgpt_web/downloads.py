"""Bytes out of ChatGPT: pictures, uploads, and files that code wrote in a sandbox.

In: an account and what of its things is wanted. Out: the bytes as they arrive, with name and type.

ChatGPT is first asked for an address, in one of several ways, by the kind of thing; the address is
good for minutes. One below the site's own API wants the account's headers; any other is signed, and
is another company's. (Seen in the web client.)

The one rule: the account's credentials go to the site's own host and nowhere else, and nothing is
fetched from anywhere else but over https.
"""

import logging
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlencode, urljoin, urlsplit

import msgspec
from msgspec import Struct

from chat2api_core.accounts.account import Account
from chat2api_core.media.download import Download
from chat2api_core.problem import Kind, Problem
from chat2api_core.transport import Reply, Transport
from chat2api_core.upstreams.chatgpt_web.faults import read_fault
from chat2api_core.upstreams.chatgpt_web.site import Site

SANDBOX = "sandbox:"
_API = "/backend-api/"
_HOMES = ("chatgpt.com", "www.chatgpt.com", "chat.openai.com")
_SEDIMENT = "sediment://"
_FILE = "file-service://"
_GOOD = (200, 206, 416)
_MOVED = (301, 302, 303, 307, 308)
_GONE = (404, 410)
_BUSY = (429, 503)
_OK = 200
_UNKNOWN = (404, 405)
_SHORT = 1024 * 1024  # bytes of an answer that tells an address
_MOST_MOVES = 3
_OVER = "ace_pod_expired"
# What one way of asking says of a thing that another way may still find.
_ELSEWHERE = frozenset({Kind.FILE_NOT_FOUND, Kind.CONVERSATION_NOT_FOUND})

_log = logging.getLogger("chat2api.chatgpt_web")


class _Way(NamedTuple):
    """A call of the site."""

    method: str
    path: str
    body: bytes = b""


class _Address(Struct):
    """How ChatGPT answers where something is."""

    status: str = ""
    download_url: str | None = None
    file_name: str | None = None
    error_code: str | None = None


class Downloads:
    """Fetches. ``site`` is ChatGPT as an account sees it; ``export_proxy`` the proxy's URL for
    hosts that are not ChatGPT's, empty for the account's own."""

    def __init__(
        self, site: Callable[[Account], Site], transport: Transport, *, export_proxy: str
    ) -> None:
        self._site = site
        self._transport = transport
        self._export_proxy = export_proxy

    async def open(
        self,
        account: Account,
        place: str,
        conversation_id: str = "",
        message_id: str = "",
        *,
        span: str = "",
    ) -> Download:
        """The bytes of an asset (``file-service://...``, ``sediment://...``), or of a file of the
        sandbox (``sandbox:/mnt/data/...``). ``span`` is a Range header, empty for all.

        Raises ``Problem``: FILE_NOT_FOUND where there is no such thing, FILE_GONE where there
        was one."""
        site = self._site(account)
        address = await self._located(site, place, conversation_id, message_id)
        reply = await self._fetched(site, address.download_url or "", span)
        mime = reply.header("content-type").partition(";")[0].strip().lower()
        name = address.file_name or _disposed(reply.header("content-disposition"))
        return Download(reply, name or place.rpartition("/")[2], mime)

    async def follow(self, account: Account, url: str) -> Reply:
        """The bytes at an address that ChatGPT has told in another way. Raises ``Problem``."""
        return await self._fetched(self._site(account), url, "")

    async def _located(
        self, site: Site, place: str, conversation_id: str, message_id: str
    ) -> _Address:
        """Ask in every way that may find it, until one does."""
        found: Problem | None = None
        for way in _ways(place, conversation_id, message_id):
            try:
                return await _asked(site, way)
            except Problem as problem:
                if problem.kind not in _ELSEWHERE:
                    raise
                if found is None or found.kind is Kind.FILE_NOT_FOUND:
                    found = problem  # that the conversation is gone says more
        if found is not None and found.kind is Kind.CONVERSATION_NOT_FOUND:
            raise found
        raise _missing() from found

    async def _fetched(self, site: Site, url: str, span: str) -> Reply:
        """The bytes at an address, wherever it leads."""
        extra = [(b"range", span.encode())] if span else []
        for _ in range(_MOST_MOVES):
            url, parts = _read_url(site.base_url, url)
            own = _path_of_ours(parts, site.base_url)
            if own:
                reply = await site.fetch(
                    "GET", own, step="download", extra=extra, good=(*_GOOD, *_MOVED)
                )
            else:
                _check(parts, site.base_url)
                headers = [(b"user-agent", site.identity.user_agent.encode()), *extra]
                headers += [(b"accept", b"*/*"), (b"accept-encoding", b"identity")]
                proxy = self._export_proxy or site.proxy
                reply = await self._transport.send(
                    "GET", url, headers, step="download", proxy=proxy
                )
            if reply.status not in _MOVED:
                return await _good(reply)
            url = reply.header("location")
            await reply.aclose()
        message = "ChatGPT sent this download from one address to the next."
        raise Problem(Kind.UPSTREAM_ERROR, message, step="download")


async def _asked(site: Site, way: _Way) -> _Address:
    """The address that ChatGPT tells when asked this way. Raises ``Problem``."""
    reply = await site.fetch(*way, step="download", good=(_OK, *_UNKNOWN))
    try:
        body = await reply.read(_SHORT)
    finally:
        await reply.aclose()
    if reply.status == _OK:
        return _read(body)
    problem = read_fault(reply.status, reply.headers, body, "download", 0.0)
    if problem.kind is Kind.UPSTREAM_ERROR:  # it knows no such thing, or no such address
        raise _missing() from problem
    raise problem


def _ways(place: str, conversation_id: str, message_id: str) -> Iterator[_Way]:
    """The calls that may tell where something is, the likeliest first."""
    if not place.startswith(SANDBOX):
        for path in _paths(place, conversation_id):
            yield _Way("GET", path)
        return
    path = f"/conversation/{quote(conversation_id, safe='')}/interpreter/download"
    asked = {"message_id": message_id, "sandbox_path": place.removeprefix(SANDBOX)}
    yield _Way("GET", f"{path}?{urlencode(asked)}")
    yield _Way("POST", path, msgspec.json.encode(asked))  # some versions of the site want it so


def _paths(place: str, conversation_id: str) -> Iterator[str]:
    """The paths that may tell where an asset is, the likeliest first."""
    conversation = f"/conversation/{quote(conversation_id, safe='')}"
    sediment = place.startswith(_SEDIMENT)
    file_id = quote(place.removeprefix(_SEDIMENT).removeprefix(_FILE), safe="")
    attached = f"{conversation}/attachment/{file_id}/download"
    if sediment and conversation_id:
        yield attached
    query = f"?{urlencode({'conversation_id': conversation_id, 'inline': 'false'})}"
    newer = f"/files/download/{file_id}{query if conversation_id else ''}"
    older = f"/files/{file_id}/download"
    yield from (newer, older) if sediment else (older, newer)
    if not sediment and conversation_id:
        yield attached


def _read(body: bytes) -> _Address:
    """The address that an answer tells. Raises ``Problem`` where it tells none."""
    try:
        address = msgspec.json.decode(body, type=_Address)
    except msgspec.DecodeError as error:
        message = "ChatGPT's answer where a file is could not be understood."
        raise Problem(Kind.GARBAGE, message, step="download") from error
    if address.error_code == _OVER:
        message = (
            "This file is gone: ChatGPT has put away the sandbox in which it was written. Ask for "
            "it once more in the chat."
        )
        raise Problem(Kind.FILE_GONE, message, step="download")
    if not address.download_url:
        _log.info("no address of a file: %s", (address.error_code or address.status)[:64])
        raise _missing()
    return address


def _read_url(base_url: str, url: str) -> tuple[str, SplitResult]:
    """An address as it stands, and in parts. Raises ``Problem`` for what is none."""
    try:
        whole = urljoin(f"{base_url}/", url)
        return whole, urlsplit(whole)
    except ValueError as error:
        message = "ChatGPT told an address for this download that is none."
        raise Problem(Kind.GARBAGE, message, step="download") from error


def _path_of_ours(parts: SplitResult, base_url: str) -> str:
    """The path below the API that an address means, empty for one that is not ChatGPT's. Its usual
    host means ours: where CHATGPT_BASE_URL is another one, that one speaks for it."""
    if not parts.path.startswith(_API):
        return ""
    base = urlsplit(base_url)
    ours = (parts.scheme, parts.netloc) == (base.scheme, base.netloc)
    if not ours and not (parts.scheme == "https" and parts.netloc in _HOMES):
        return ""
    path = "/" + parts.path.removeprefix(_API)
    return f"{path}?{parts.query}" if parts.query else path


def _check(parts: SplitResult, base_url: str) -> None:
    base = urlsplit(base_url)
    own = (parts.scheme, parts.netloc) == (base.scheme, base.netloc)
    if not own and (parts.scheme != "https" or not parts.hostname or "@" in parts.netloc):
        message = "ChatGPT told an address for this download that is not safe to fetch."
        raise Problem(Kind.GARBAGE, message, step="download")


async def _good(reply: Reply) -> Reply:
    """The answer, if it is one. Raises ``Problem``."""
    if reply.status in _GOOD:
        return reply
    await reply.aclose()
    if reply.status in _GONE:
        raise _missing()
    kind = Kind.UNAVAILABLE if reply.status in _BUSY else Kind.UPSTREAM_ERROR
    message = f"ChatGPT's file store did not hand out the file (HTTP {reply.status})."
    raise Problem(kind, message, step="download")


def _missing() -> Problem:
    message = "ChatGPT does not have this file (any more)."
    return Problem(Kind.FILE_NOT_FOUND, message, step="download")


def _disposed(header: str) -> str:
    """The name that a Content-Disposition tells, empty for none."""
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name.lower() == "filename*":
            return unquote(value.rpartition("''")[2])
        if name.lower() == "filename":
            return value.strip('"')
    return ""
