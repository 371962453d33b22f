"""Where the bytes of files move: at blobs, and in the service's own store (estuary).

A blob's address is signed and stands for itself: it takes no credentials, and shows its errors in
XML. The service's own store wants the login as well. The rule: nobody moves bytes without a ticket.
"""

from typing import Literal
from urllib.parse import urlencode

from chat2api_core.emulator.exchange import Answer, Headers, Refused, refusal
from chat2api_core.emulator.shelf import TICKET_SECONDS, Item
from chat2api_core.emulator.world import Visit, World

_OCTETS = "application/octet-stream"
_PERSONAL = ("authorization", "cookie", "auth_key", "authkey", "chatgpt-account-id")


def put(world: World, visit: Visit) -> Answer:
    """``PUT blob/{id}``: the bytes of an announced file."""
    call = visit.call
    _check_stranger(visit)
    item = world.shelf.ticket(call.query.get("sig", ""), visit.name, "put")
    if item is None:
        raise _xml(403, "AuthenticationFailed", "The signature does not fit or has expired.")
    if not call.header("content-length"):
        raise _xml(411, "MissingContentLengthHeader", "Content-Length is missing.")
    for name in ("x-ms-blob-type", "x-ms-version", "content-type"):
        if not call.header(name):
            raise _xml(400, "MissingRequiredHeader", f"The header {name} is missing.")
    if call.header("x-ms-blob-type") != "BlockBlob":
        raise _xml(400, "InvalidHeaderValue", "x-ms-blob-type is not BlockBlob.")
    item.data = call.body
    item.mime = item.mime or call.header("content-type").partition(";")[0]
    item.state = "stored"
    return Answer(201, b"", "", (("etag", '"0x8EMULATOR"'),))


def fetch(world: World, visit: Visit) -> Answer:
    """``GET blob/{id}``: bytes, for whoever has the signature."""
    _check_stranger(visit)
    item = world.shelf.ticket(visit.call.query.get("sig", ""), visit.name, "get")
    if item is None:
        raise _xml(403, "AuthenticationFailed", "The signature does not fit or has expired.")
    return _bytes(visit, item)


def estuary(world: World, visit: Visit) -> Answer:
    """``GET estuary/content``: bytes out of the service's own store, for their owner."""
    query = visit.call.query
    item = world.shelf.ticket(query.get("sig", ""), query.get("id", ""), "get")
    if item is None or query.get("p") != "fs" or item.owner != visit.caller.owner:
        raise Refused(refusal(403, "Invalid signature"))
    return _bytes(visit, item)


def blob_url(world: World, visit: Visit, item: Item, use: Literal["put", "get"]) -> str:
    """A fresh address under which the bytes may be put or fetched for a while."""
    until = int(world.clock.now()) + TICKET_SECONDS
    query = urlencode({"se": until, "sig": world.shelf.sign(item, use)})
    return f"{origin(visit)}/blob/{item.id}?{query}"


def estuary_path(world: World, item: Item) -> str:
    """A fresh address in the service's own store, without its host."""
    signature = world.shelf.sign(item, "get")
    query = {"id": item.id, "ts": int(world.clock.now()), "p": "fs", "sig": signature}
    return f"/backend-api/estuary/content?{urlencode(query)}"


def origin(visit: Visit) -> str:
    """Where the emulator is, as the caller sees it."""
    return f"http://{visit.call.header('host')}"


def _check_stranger(visit: Visit) -> None:
    """Whoever comes here must not show who he is: this is another company's host."""
    for name in visit.call.headers:
        if name in _PERSONAL or name.startswith("oai-"):
            raise _xml(400, "InvalidAuthenticationInfo", f"The header {name} must not be sent.")


def _xml(status: int, code: str, message: str) -> Refused:
    text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    body = f'<?xml version="1.0" encoding="utf-8"?>{text}'.encode()
    return Refused(Answer(status, body, "application/xml", (("x-ms-error-code", code),)))


def _bytes(visit: Visit, item: Item) -> Answer:
    data = item.read()
    headers: Headers = (
        ("content-disposition", f"attachment; filename*=UTF-8''{_quoted(item.name)}"),
        ("accept-ranges", "bytes"),
    )
    mime = item.mime or _OCTETS
    wanted = visit.call.header("range")
    if not wanted.startswith("bytes="):
        return Answer(200, data, mime, headers)
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    start = int(first) if first.isdecimal() else len(data)
    end = min(int(last) if last.isdecimal() else len(data), len(data) - 1)
    if start > end:
        span = (("content-range", f"bytes */{len(data)}"),)
        return Answer(416, b"", "", span)
    span = (("content-range", f"bytes {start}-{end}/{len(data)}"),)
    return Answer(206, data[start : end + 1], mime, headers + span)


def _quoted(name: str) -> str:
    return urlencode({"": name})[1:].replace("+", "%20")
