"""POST /v1/images/generations, edits and variations: pictures to order.

A picture is an answer of its own; several are asked for side by side, each of another account where
there is one. The one rule: a client hears something, or has its answer, for as long as it takes,
and never loses a picture that was made.
"""

from collections.abc import Awaitable, Callable

from msgspec import structs

from chat2api_core.accounts.caller import Caller
from chat2api_core.dialects.base import Encoder, Head, Request, invalid
from chat2api_core.dialects.images import MOST_PICTURES, Images, ImagesRequest, Route, read_form
from chat2api_core.problem import Kind, Problem
from chat2api_core.reply import Reply
from chat2api_core.turn import Prompt
from chat2api_core.web.admission import caller_of
from chat2api_core.web.advice import headers_of
from chat2api_core.web.album import Album
from chat2api_core.web.endpoints import ready, respond
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.form import Form, Limits, Upload
from chat2api_core.web.form import read_form as read_multipart

_FILES = ("image", "mask", "markup")


def draw(route: Route) -> Callable[[Exchange], Awaitable[None]]:
    """The handler of a route: take the order, have it drawn, send the pictures."""
    dialect = Images(route)

    async def handle(exchange: Exchange) -> None:
        caller = caller_of(exchange)
        request = await _ordered(exchange, dialect)
        gateway = exchange.gateway
        head = Head(gateway.ids.hex(24), int(gateway.clock.now()))
        manner = Drawn(exchange, dialect, request, head)
        await respond(exchange, request, caller, manner, manner.open)

    return handle


class Drawn:
    """The manner of an order."""

    def __init__(
        self, exchange: Exchange, dialect: Images, request: ImagesRequest, head: Head
    ) -> None:
        self._exchange = exchange
        self._dialect = dialect
        self._request = request
        self._head = head
        self._album: Album | None = None

    async def open(self, exchange: Exchange, request: Request, caller: Caller) -> Reply:
        """Ask for as many pictures as are wanted; one that has begun commits for all."""
        gateway = exchange.gateway
        prompt, holder = await ready(exchange, request, caller)
        if not prompt.media.links:  # then the picture itself has to be its own address
            prompt = structs.replace(prompt, media=structs.replace(prompt.media, inline=True))

        async def ask() -> Reply:
            return await gateway.engine.answer(prompt, caller, holder=holder)

        album = self._album = Album(
            ask,
            self._request.n,
            seconds=gateway.settings.image_timeout,
            strict=self._request.stream,
        )
        try:
            first = await album.begin()
        except BaseException:
            await album.aclose()
            raise
        exchange.upstream = first.account.type
        exchange.extra += headers_of(prompt, first)
        return self._whole(prompt, first, album)

    def _whole(self, prompt: Prompt, first: Reply, album: Album) -> Reply:
        gateway = self._exchange.gateway
        return Reply(
            prompt,
            first.account,
            [],
            album,
            aiter(album),
            meter=gateway.meter,
            ledger=gateway.office.ledger,
        )

    def encoder(self, _: Reply | None) -> Encoder:
        return self._dialect.encoder(self._request, self._head)

    def document(self, reply: Reply) -> bytes:
        if self._album is not None and self._album.warning:
            warning = self._album.warning.encode("ascii", "replace")
            self._exchange.extra.append((b"x-chat2api-warning", warning))
        return self._dialect.document(self._request, self._head, reply.transcript)

    async def keep(self, _: Reply) -> None:
        return


async def _ordered(exchange: Exchange, dialect: Images) -> ImagesRequest:
    """The order, of JSON or of a form with files. Raises ``Problem``."""
    if not exchange.headers.get("content-type", "").lower().startswith("multipart/"):
        request = dialect.parse(await exchange.body())
        _check_mask(request, exchange.gateway.settings.max_file)
        return request
    settings = exchange.gateway.settings
    limits = Limits(files=MOST_PICTURES + 1, file=settings.max_file)
    async with read_multipart(exchange, limits) as form:
        _weigh(form, max(settings.max_body, settings.max_file))
        files = {name: [await _written(one, name) for one in form.files.get(name, ())]
                 for name in _FILES}  # fmt: skip
        return dialect.order(read_form(form.fields, files))


def _check_mask(request: ImagesRequest, most: int) -> None:
    """Raise ``Problem`` INVALID_REQUEST for a mask, in a data URL, that is no picture."""
    mask = request.prompt.hosted[0].options.get("input_image_mask")
    if mask is not None:
        from chat2api_core.media.data_url import read  # noqa: PLC0415 (as below)

        _measured(read(mask["image_url"], limit=most, param="mask").data, "mask")


def _weigh(form: Form, most: int) -> None:
    """What is taken into memory has a bound, too. Raises ``Problem`` TOO_LARGE."""
    if sum(upload.size for uploads in form.files.values() for upload in uploads) > most:
        message = f"The pictures together are larger than {most} bytes (MAX_BODY)."
        raise Problem(Kind.TOO_LARGE, message, step="request", param="image")


async def _written(upload: Upload, name: str) -> str:
    """A picture of a form as a data URL. Raises ``Problem`` INVALID_REQUEST for what is none."""
    from chat2api_core.media.data_url import write  # noqa: PLC0415 (as in all of web: when needed)

    data = await upload.read()
    return write(_measured(data, name), data)


def _measured(data: bytes, name: str) -> str:
    """The type of a picture. Raises ``Problem`` INVALID_REQUEST for what is none."""
    from chat2api_core.media.picture import measure  # noqa: PLC0415 (as above)

    size = measure(data)
    if size is None:
        raise invalid("is not a picture: PNG, JPEG, GIF and WebP are taken", name)
    return size.mime
