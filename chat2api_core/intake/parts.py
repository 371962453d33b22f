"""One picture or file of a request, made ready: its bytes, whatever way it was named.

In: a part as the client wrote it. Out: the part as a data URL, or as a file that lies at ChatGPT.
The rule: what claims to be a picture is one, and a URL of ChatGPT's own is none of a client's.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from msgspec import Struct, structs

from chat2api_core.abreast import aside
from chat2api_core.kept.files import Held
from chat2api_core.media import asset, data_url
from chat2api_core.media.asset import Asset
from chat2api_core.media.kind import type_of
from chat2api_core.media.picture import measure
from chat2api_core.problem import Kind, Problem
from chat2api_core.turn import File, Image

_TAKEN = "PNG, JPEG, GIF and WebP are taken"


class Found(Protocol):
    """What was fetched."""

    @property
    def data(self) -> bytes: ...

    @property
    def mime(self) -> str: ...

    @property
    def name(self) -> str: ...


class Fetching(Protocol):
    """What is needed of ``fetch.fetcher.Fetcher``."""

    async def fetch(self, url: str, *, only: str = "") -> Found: ...

    async def fetch_file(self, url: str) -> Found | None: ...


class Resolving(Protocol):
    """What is needed of ``files.Files``."""

    async def resolve(self, file_id: str, owner: str) -> Held: ...


class Ready(Struct, frozen=True):
    """A part that an upstream can take. ``held`` is the uploaded file that it is, if it is one:
    only the account that holds it can answer for it."""

    part: Image | File
    held: Held | None = None
    weight: int = 0  # bytes that were fetched for it


class Parts:
    """Makes parts ready. ``limit`` is the largest file in bytes; ``fetcher`` is asked for when the
    first URL comes."""

    def __init__(self, fetcher: Callable[[], Fetching], files: Resolving, *, limit: int) -> None:
        self._fetcher = fetcher
        self._files = files
        self._limit = limit

    async def ready(self, part: Image | File, owner: str, param: str) -> Ready:
        """A part that an upstream can take, made of the one that the client calls ``param``."""
        if part.file_id:
            held = await self._files.resolve(part.file_id, owner)
            return Ready(_held(part, held, param), held)
        if is_web(part.url):
            return await self._fetched(part, param)
        if isinstance(part, Image):
            picture = partial(self._inline_picture, part, param)
            return Ready(await aside(len(part.url), picture))
        whole = part if part.data else structs.replace(part, url="", data=part.url)
        return Ready(await aside(len(whole.data), partial(self._inline_file, whole, param)))

    async def moved(self, part: Image | File, held: Held, data: bytes, param: str) -> Ready:
        """An uploaded file with its bytes in it, for an account that does not hold it."""
        url = await _written(held.mime, data)
        if isinstance(part, Image):
            fresh: Image | File = Image(url, detail=part.detail)
        else:
            fresh = File(held.name, url)
        ready = await self.ready(fresh, "", param)
        return structs.replace(ready, weight=len(data))

    async def file_at(self, url: str) -> Image | File | None:
        """What a URL in a text shows; None where it is a page to be read."""
        found = await self._fetcher().fetch_file(url)
        if found is None:
            return None
        size = measure(found.data)
        if size is not None:
            return Image(await _written(size.mime, found.data))
        mime = type_of(found.name, found.mime, found.data[:16])
        return File(found.name, await _written(mime, found.data))

    async def _fetched(self, part: Image | File, param: str) -> Ready:
        if isinstance(part, Image):
            found = await self._fetcher().fetch(part.url, only="image/")
            mime = _picture_type(found.data, param)
            new: Image | File = structs.replace(part, url=await _written(mime, found.data))
        else:
            found = await self._fetcher().fetch(part.url)
            if not found.data:
                raise _wrong("is an empty file", param)
            name = part.name or found.name
            mime = type_of(name, found.mime, found.data[:16])
            new = File(name, await _written(mime, found.data))
        return Ready(new, weight=len(found.data))

    def _inline_picture(self, part: Image, param: str) -> Image:
        inline = data_url.read(part.url, limit=self._limit, param=param)
        mime = _picture_type(inline.data, param)
        if mime == inline.mime and inline.plain:
            return part
        return structs.replace(part, url=data_url.write(mime, inline.data))

    def _inline_file(self, part: File, param: str) -> File:
        """With its data as a data URL of the right type; some clients send the bare base64."""
        if data_url.is_data_url(part.data):
            inline = data_url.read(part.data, limit=self._limit, param=param)
        else:
            data = data_url.read_base64(part.data, limit=self._limit, param=param)
            inline = data_url.Inline("", data)
        if not inline.data:
            raise _wrong("is an empty file", param)
        mime = type_of(part.name, inline.mime, inline.data[:16])
        if mime == inline.mime and inline.plain:
            return part
        return structs.replace(part, data=data_url.write(mime, inline.data))


def _held(part: Image | File, held: Held, param: str) -> Image | File:
    known = Asset(
        id=held.upstream_id,
        name=held.name,
        size=held.size,
        mime=held.mime,
        width=held.width,
        height=held.height,
    )
    if isinstance(part, Image) and not (held.width and held.height):
        raise _wrong(f"is the id of a file that is no picture: {_TAKEN}", param)
    return structs.replace(part, file_id=held.upstream_id, url=asset.write(known))


def _picture_type(data: bytes, param: str) -> str:
    size = measure(data)
    if size is None:
        raise _wrong(f"is not a picture: {_TAKEN}", param)
    return size.mime


def is_web(url: str) -> bool:
    """Whether this is a URL to be fetched."""
    return url[:8].lower().startswith(("http://", "https://"))


def _wrong(words: str, param: str) -> Problem:
    message = f"{param} {words}."
    return Problem(Kind.INVALID_REQUEST, message, step="request", param=param)


async def _written(mime: str, data: bytes) -> str:
    return await aside(len(data), lambda: data_url.write(mime, data))
