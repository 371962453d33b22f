"""What the handlers of the pages share: reading JSON, answering with it, naming what went wrong."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from chat2api_core.admin.homes import Stale, Unwritable
from chat2api_core.config import SettingsError
from chat2api_core.problem import Kind, Problem
from chat2api_core.stores.base import StoreDown
from chat2api_core.web.admin.door import enter
from chat2api_core.web.exchange import Exchange

T = TypeVar("T")

Handler = Callable[[Exchange], Awaitable[None]]

_PRIVATE = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_CONFLICT = 409


def behind_the_door(handler: Handler) -> Handler:
    """The handler, for visitors with the admin credential. A change that could not be saved is
    told as what it is: 409 where somebody else was faster, 400 where it is no good."""

    async def handle(exchange: Exchange) -> None:
        await enter(exchange)
        try:
            await handler(exchange)
        except Stale:
            await conflict(exchange)
        except SettingsError as error:
            raise Problem(Kind.INVALID_REQUEST, f"Not saved. {error}.", step="request") from error
        except Unwritable as error:
            raise Problem(Kind.INVALID_REQUEST, str(error), step="request") from error
        except StoreDown as error:
            raise Problem(Kind.UNAVAILABLE, f"Not saved. {error}", step="store") from error

    return handle


async def conflict(exchange: Exchange) -> None:
    """Somebody else has saved in between."""
    message = "Somebody else changed the settings in between. Nothing was saved: load them again."
    await exchange.problem(Problem(Kind.INVALID_REQUEST, message), status=_CONFLICT)


async def answer(exchange: Exchange, document: object, *, status: int = 200) -> None:
    """Answer with JSON that nobody keeps."""
    await exchange.document(msgspec.json.encode(document), status=status, headers=_PRIVATE)


async def read(exchange: Exchange, form: type[T]) -> T:
    """The body as this form. Raises ``Problem`` INVALID_REQUEST."""
    try:
        return msgspec.json.decode(await exchange.body(), type=form)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"The body cannot be understood: {error}."
        raise Problem(Kind.INVALID_REQUEST, message, step="request") from error
