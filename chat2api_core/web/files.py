"""/v1/files: uploading, listing, showing, fetching and deleting files.

In: an exchange. Out: OpenAI's documents, or the bytes of a file. The file itself lies with the
ChatGPT account that took it; its id seals which one. The one rule: a file is never whole in memory.
"""

import logging

from chat2api_core.accounts.account import Account
from chat2api_core.accounts.caller import Caller, PoolCaller, owner_of
from chat2api_core.dialects.files import (
    FileObject,
    deleted,
    page_of,
    read_listing,
    read_upload,
    shown,
)
from chat2api_core.kept.files import Held
from chat2api_core.media.asset import Asset
from chat2api_core.media.download import Download
from chat2api_core.media.upload import Announced, announce
from chat2api_core.problem import Kind, Problem
from chat2api_core.stores.base import StoreError
from chat2api_core.web.admission import caller_of
from chat2api_core.web.exchange import Exchange
from chat2api_core.web.form import Limits, Upload, read_form
from chat2api_core.web.login import need_login
from chat2api_core.web.media import stream
from chat2api_core.web.stored import insist

_HEAD = 512 * 1024  # bytes in which the size of a picture stands, even behind large metadata
_HERE = ("web",)  # the type of accounts that can hold files
_SHORT_LIVED = (
    b"x-chat2api-warning",
    b"the list holds what this instance knows; one that lasts needs a store (STORE_URL)",
)

_log = logging.getLogger("chat2api.files")


async def post(exchange: Exchange) -> None:
    """Upload a file. Raises ``Problem``."""
    if exchange.parameter("file"):
        raise Problem(Kind.NOT_FOUND, f"There is nothing to POST to at {exchange.path}.")
    gateway = exchange.gateway
    caller = _caller(exchange)
    limits = Limits(files=1, file=gateway.settings.max_file)
    async with read_form(exchange, limits) as form:
        file = form.file("file")
        if not file.size:
            message = "file is empty."
            raise Problem(Kind.INVALID_REQUEST, message, step="request", param="file")
        asked = read_upload({name: values[-1] for name, values in form.fields.items()})
        announced = announce(file.name, file.mime, await _head(file), file.size)
        asset, key = await _put(exchange, caller, announced, file)
    now = int(gateway.clock.now())
    held = Held(
        key,
        asset.id,
        asset.name,
        asset.size,
        asset.mime,
        asset.width,
        asset.height,
        now,
        asked.purpose,
        announced.use_case,
        now + asked.life if asked.life else 0,
    )
    file_id = await gateway.media.files.add(held, owner_of(caller))
    await exchange.document(shown(_object(file_id, held)))


async def get(exchange: Exchange) -> None:
    """The list of the caller's files, one of them, or its bytes. Raises ``Problem``."""
    file_id, part = exchange.parameter("file"), exchange.parameter("part")
    if part not in {"", "content"}:
        raise Problem(Kind.NOT_FOUND, f"There is nothing at {exchange.path}.")
    caller = _caller(exchange)
    if not file_id:
        await _list(exchange, caller)
        return
    held = await exchange.gateway.media.files.resolve(file_id, owner_of(caller))
    if part:
        await _content(exchange, caller, held)
    else:
        await exchange.document(shown(_object(file_id, held)))


async def delete(exchange: Exchange) -> None:
    """Delete a file, here and at ChatGPT. Raises ``Problem``."""
    file_id = exchange.parameter("file")
    if not file_id or exchange.parameter("part"):
        raise Problem(Kind.NOT_FOUND, f"There is nothing to delete at {exchange.path}.")
    gateway = exchange.gateway
    caller = _caller(exchange)
    held = await gateway.media.files.resolve(file_id, owner_of(caller))

    async def ask(account: Account) -> None:
        await gateway.media.uploads.delete(gateway.web.site(account), held.upstream_id)

    try:
        _, hold = await gateway.engine.on_account(caller, ask, types=_HERE, holder=held.account_key)
    except Problem as problem:
        if problem.kind is not Kind.FILE_NOT_FOUND:
            raise
        _log.info("the account of a file that is deleted is gone")
    else:
        await hold.release()
    try:
        await gateway.media.files.forget(file_id, owner_of(caller))
    except StoreError as error:
        message = "The file is deleted at ChatGPT, but the store could not note it. Try again."
        raise Problem(Kind.INTERNAL, message) from error
    insist(exchange, "The file is deleted at ChatGPT, but the store could not note it.")
    await exchange.document(deleted(file_id))


async def _list(exchange: Exchange, caller: Caller) -> None:
    files = exchange.gateway.media.files
    listing = read_listing(exchange.query)
    try:
        known = await files.listed(owner_of(caller))
    except StoreError as error:
        message = "The list of files could not be read: the store does not answer."
        raise Problem(Kind.INTERNAL, message) from error
    insist(exchange, "The list of files could not be read: the store does not answer.")
    if not files.durable:
        exchange.extra.append(_SHORT_LIVED)
    await exchange.document(page_of([_object(one.id, one.held) for one in known], listing))


async def _content(exchange: Exchange, caller: Caller, held: Held) -> None:
    gateway = exchange.gateway

    async def ask(account: Account) -> Download:
        return await gateway.media.downloads.open(account, f"file-service://{held.upstream_id}")

    download, hold = await gateway.engine.on_account(
        caller, ask, types=_HERE, holder=held.account_key, drop=Download.aclose
    )
    named = Download(download.reply, held.name, held.mime)
    await stream(exchange, named, hold, inline=False)


async def _put(
    exchange: Exchange, caller: Caller, announced: Announced, file: Upload
) -> tuple[Asset, str]:
    """Upload to some account: what the file is there, and the account's key."""
    gateway = exchange.gateway

    async def ask(account: Account) -> Asset:
        return await gateway.media.uploads.put(gateway.web.site(account), announced, file.pieces())

    asset, hold = await gateway.engine.on_account(caller, ask, types=_HERE)
    exchange.account = hold.account.key
    await hold.release()
    return asset, hold.account.key


async def _head(file: Upload) -> bytes:
    """The beginning of a file."""
    head = b""
    async for piece in file.pieces():
        head += piece
        if len(head) >= _HEAD:
            break
    return head


def _caller(exchange: Exchange) -> Caller:
    caller = caller_of(exchange)
    need_login(caller, "Keeping files")
    types = exchange.gateway.office.pool.types
    if isinstance(caller, PoolCaller) and not types.intersection(_HERE):
        message = (
            "Files are kept by accounts of type web, and this gateway has none. Send a file within "
            "the request instead, as a data URL."
        )
        raise Problem(Kind.NO_ACCOUNT, message, step="pool")
    return caller


def _object(file_id: str, held: Held) -> FileObject:
    return FileObject(
        id=file_id,
        bytes=held.size,
        created_at=held.created,
        expires_at=held.ends or None,
        filename=held.name,
        purpose=held.purpose,
    )
