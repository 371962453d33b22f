"""Files on their way to ChatGPT.

In: ChatGPT as an account sees it, and the pictures and files of a prompt, or the bytes of one file.
Out: what they are there. An upload is: announce it, put the bytes to the address that this gives,
say that they are there, and wait until a document was read. (Seen in the web client.)

What an account has, it is not given twice: uploads are remembered by their content in the store.
ChatGPT may have forgotten them sooner, so it is asked first.

The one rule: the account's credentials go to ChatGPT and not to the host that takes the bytes.
"""

import asyncio
import hashlib
import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar
from urllib.parse import quote as quoted
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from chat2api_core.abreast import all_of, aside
from chat2api_core.media import asset as assets
from chat2api_core.media import data_url
from chat2api_core.media.asset import Asset
from chat2api_core.media.picture import measure
from chat2api_core.media.upload import Announced, announce
from chat2api_core.problem import Blame, Kind, Problem
from chat2api_core.stores.base import Store, StoreError
from chat2api_core.transport import Content
from chat2api_core.turn import File, Image
from chat2api_core.upstreams.chatgpt_web.site import Site
from chat2api_core.upstreams.quote import quote

_TTL = 3 * 86400.0  # seconds that an upload is remembered
_AT_ONCE = 3
_LOOKS = 33  # how often a document's state is asked: for half a minute
_PAUSE, _GROWTH, _LONGEST = 0.2, 1.5, 1.0  # seconds between two of them: most are read at once

_QUOTA = re.compile(r"limit|quota|too many", re.IGNORECASE)
_T = TypeVar("_T")

_log = logging.getLogger("chat2api.chatgpt_web")


class _Create(Struct):
    file_name: str
    file_size: int
    use_case: str
    mime_type: str
    width: int | msgspec.UnsetType
    height: int | msgspec.UnsetType
    timezone_offset_min: int = 0
    reset_rate_limits: bool = False
    store_in_library: bool = True
    library_persistence_mode: str = "opportunistic"


class _Created(Struct):
    status: str = ""
    file_id: str | None = None
    upload_url: str | None = None
    error_code: str | None = None
    error_message: str | None = None


class _State(Struct):
    state: str | None = None
    retrieval_index_status: str | None = None
    file_size_tokens: int | None = None


class Uploads:
    """Uploads. ``limit`` is the largest file in bytes."""

    def __init__(
        self,
        store: Store,
        *,
        limit: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._limit = limit
        self._sleep = sleep

    async def settle(self, site: Site, media: Iterable[Image | File]) -> dict[Image | File, Asset]:
        """Have every one of these parts at ChatGPT, for this account. Raises ``Problem``:
        LOGIN_REQUIRED without a login, INVALID_REQUEST and TOO_LARGE for what cannot be uploaded,
        else what ChatGPT says."""
        if not site.identity.access_token:
            raise login_needed()
        parts = list(dict.fromkeys(media))
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(part: Image | File) -> Asset:
            async with turn:
                return await self._settled(site, part)

        return dict(zip(parts, await all_of([one(part) for part in parts]), strict=True))

    async def put(self, site: Site, file: Announced, content: Content) -> Asset:
        """Upload one file; ``content`` has exactly ``file.size`` bytes. Raises ``Problem``."""
        if not site.identity.access_token:
            raise login_needed()
        created = await self._create(site, file)
        assert created.file_id is not None
        assert created.upload_url is not None
        await site.put(created.upload_url, content, length=file.size, mime=file.mime)
        place = f"/files/{quoted(created.file_id, safe='')}"
        if await site.post(f"{place}/uploaded", b"{}", step="upload") is None:
            raise _failed("ChatGPT does not know the file that it has just taken.")
        tokens = await self._read(site, place, file.name) if file.use_case == "my_files" else 0
        return Asset(
            id=created.file_id,
            name=file.name,
            size=file.size,
            mime=file.mime,
            width=file.width,
            height=file.height,
            tokens=tokens,
        )

    async def delete(self, site: Site, file_id: str) -> None:
        """Delete a file. That ChatGPT does not have it, or cannot delete it at this address, is no
        trouble: who deletes has no more use for it. Raises ``Problem``."""
        place = f"/files/{quoted(file_id, safe='')}"
        good = (200, 204, 404, 405)
        reply = await site.fetch("DELETE", place, step="upload", good=good)
        await reply.aclose()

    async def _settled(self, site: Site, part: Image | File) -> Asset:
        url = part.url or (part.data if isinstance(part, File) else "")
        known = assets.read(url)
        if known is not None:
            return known
        data = await aside(len(url), lambda: self._bytes(part))
        file = announced(part, data)
        key = await aside(len(url), lambda: _key(site, file, data))
        kept = await self._kept(site, key)
        if kept is not None:
            return kept
        asset = await self.put(site, file, data)
        await self._keep(key, asset)
        return asset

    def _bytes(self, part: Image | File) -> bytes:
        url = part.url if isinstance(part, Image) else part.data
        return data_url.read(url, limit=self._limit).data

    async def _create(self, site: Site, file: Announced) -> _Created:
        body = _Create(
            file_name=file.name,
            file_size=file.size,
            use_case=file.use_case,
            mime_type=file.mime,
            width=file.width or msgspec.UNSET,
            height=file.height or msgspec.UNSET,
        )
        try:
            answer = await site.post("/files", msgspec.json.encode(body), step="upload")
        except Problem as problem:
            if problem.kind is Kind.CONTEXT_LENGTH:  # what a 413 means everywhere else
                message = f"ChatGPT does not take a file as large as {file.name!r}."
                raise Problem(Kind.TOO_LARGE, message, step="upload") from problem
            raise
        created = _decode(answer, _Created)
        if created.status != "success" or not (created.file_id and created.upload_url):
            raise _refused(created)
        if _scheme(created.upload_url) not in {"https", urlsplit(site.base_url).scheme}:
            raise _failed("ChatGPT wants the file at an address that is not safe.")
        return created

    async def _read(self, site: Site, place: str, name: str) -> int:
        """Wait until ChatGPT has read a document: the number of its tokens."""
        for look in range(_LOOKS):
            if look:
                await self._sleep(min(_PAUSE * _GROWTH ** (look - 1), _LONGEST))
            state = _decode(await site.get(place, step="upload"), _State)
            if state.retrieval_index_status == "failed":
                message = f"ChatGPT could not read the file {name!r}."
                raise Problem(Kind.INVALID_REQUEST, message, step="upload")
            if state.retrieval_index_status in (None, "success") and state.state == "ready":
                return state.file_size_tokens or 0
        message = f"ChatGPT took too long to read the file {name!r}."
        raise Problem(Kind.TIMEOUT, message, step="upload")

    async def _kept(self, site: Site, key: str) -> Asset | None:
        """What the account was given before and still has."""
        try:
            value = await self._store.get(key)
        except StoreError as error:
            _log.warning("earlier uploads are not known: %s", error)
            return None
        if value is None:
            return None
        try:
            asset = _decode(value, Asset)
            answer = await site.get(f"/files/{quoted(asset.id, safe='')}", step="upload")
            state = _decode(answer, _State)
        except Problem as problem:
            if problem.blame is Blame.ACCOUNT:
                raise
            _log.info("an upload is gone, it is made again: %s", problem.code)
            return None
        return asset if state.state == "ready" else None

    async def _keep(self, key: str, asset: Asset) -> None:
        try:
            await self._store.put(key, msgspec.json.encode(asset), _TTL)
        except StoreError as error:
            _log.warning("an upload is not remembered: %s", error)


def _scheme(url: str) -> str:
    """The scheme of an address, empty for what is none."""
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""


def announced(part: Image | File, data: bytes) -> Announced:
    """How a part's bytes are announced. Raises ``Problem`` INVALID_REQUEST for a picture that is
    none, and for an empty file."""
    if isinstance(part, File):
        return announce(part.name, data_url.type_of(part.data), data, len(data))
    if measure(data) is None:
        message = "What is sent as a picture is none: PNG, JPEG, GIF and WebP are taken."
        raise Problem(Kind.INVALID_REQUEST, message, step="upload")
    return announce("", "", data, len(data))


def login_needed() -> Problem:
    """What an anonymous caller is told."""
    message = "Pictures and files need a ChatGPT account: without a login nothing can be uploaded."
    return Problem(Kind.LOGIN_REQUIRED, message, step="upload")


def _key(site: Site, file: Announced, data: bytes) -> str:
    """Where the store remembers an upload: by account, content, and what it was announced as."""
    about = f"{site.base_url}\n{site.identity.device_id}\n{file.use_case}\n{file.mime}\n{file.name}"
    digest = hashlib.sha256(about.encode() + b"\0")
    digest.update(data)
    return f"upload:{digest.hexdigest()[:48]}"


def _decode(answer: bytes | None, form: type[_T]) -> _T:
    try:
        return msgspec.json.decode(answer or b"", type=form)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = "What ChatGPT said about a file could not be understood."
        raise Problem(Kind.GARBAGE, message, step="upload") from error


def _refused(created: _Created) -> Problem:
    said = quote(f"{created.error_code or ''} {created.error_message or ''}".strip())
    kind = Kind.RATE_LIMITED if _QUOTA.search(said) else Kind.UPSTREAM_ERROR
    words = f" It said: {said}" if said else ""
    return Problem(kind, f"ChatGPT did not take the file.{words}", step="upload")


def _failed(message: str) -> Problem:
    return Problem(Kind.UPSTREAM_ERROR, message, step="upload")
