"""One HTTP exchange of the emulator: the call as it came in, the answer as it goes out.

Input: the scope and messages of ASGI. Output: a ``Call`` for a handler, and the bytes of an
``Answer``. The rule: a handler never sees ASGI, and nothing here knows what the paths mean.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

# The shapes of ASGI, named once.
Scope: TypeAlias = MutableMapping[str, Any]
Event: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Event]]
Send: TypeAlias = Callable[[Event], Awaitable[None]]

# A JSON object on its way out. What comes in is decoded into Structs instead.
Json: TypeAlias = dict[str, object]
Headers: TypeAlias = tuple[tuple[str, str], ...]

Realm: TypeAlias = Literal["api", "anon", "root"]

MAX_BODY = 32 * 1024 * 1024
_REALMS: tuple[tuple[str, Realm], ...] = (("/backend-api", "api"), ("/backend-anon", "anon"))


class Call(Struct, frozen=True):
    """A request. ``path`` is the part below the realm; header names are in lower case.

    ``/backend-api/models`` is the path ``/models`` in the realm ``api``, ``/backend-anon/models``
    the same in ``anon``; everything else is in ``root``."""

    method: str
    realm: Realm
    path: str
    headers: dict[str, str]
    query: dict[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header, the empty text if it was not sent."""
        return self.headers.get(name, "")

    @property
    def device(self) -> str:
        return self.header("oai-device-id")

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies by name; what has no name counts as none."""
        pairs = (pair.partition("=") for pair in self.header("cookie").split(";"))
        return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


class Answer(Struct, frozen=True):
    """A complete response."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Headers = ()


class Refused(Exception):
    """A call that is answered with a refusal, raised from wherever the reason was found."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"refused with {answer.status}")
        self.answer = answer


def ok(value: object, headers: Headers = ()) -> Answer:
    """A 200 answer with this value as JSON."""
    return Answer(200, msgspec.json.encode(value), headers=headers)


def refusal(status: int, detail: object, headers: Headers = ()) -> Answer:
    """The usual refusal of the web backend: ``{"detail": ...}``."""
    return Answer(status, msgspec.json.encode({"detail": detail}), headers=headers)


def missing(*location: str) -> Refused:
    """The answer of the web backend to a body without a required field (FastAPI's list)."""
    return invalid(location, "field required", "value_error.missing")


def invalid(location: tuple[str, ...], message: str, kind: str = "value_error") -> Refused:
    """A 422 in the list form, blaming one place of the body."""
    where = ["body", *location]
    return Refused(refusal(422, [{"loc": where, "msg": message, "type": kind}]))


def read_call(scope: Scope, body: bytes) -> Call:
    """The call of this ASGI scope. Repeated headers are joined, cookies as browsers join them."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        joint = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{joint}{value}" if name in headers else value
    path: str = scope["path"]
    raw_query: bytes = scope["query_string"]
    query = dict(parse_qsl(raw_query.decode("latin-1"), keep_blank_values=True))
    for prefix, realm in _REALMS:
        if path.startswith(prefix + "/"):
            path = path[len(prefix) :]
            return Call(scope["method"], realm, path, headers, query, body)
    return Call(scope["method"], "root", path, headers, query, body)


async def read_body(receive: Receive) -> bytes | None:
    """The whole body, or None if the client left first. Raises ``Refused`` above ``MAX_BODY``."""
    event = await receive()
    if event["type"] == "http.request" and not event.get("more_body"):
        return bytes(event.get("body", b""))
    pieces: list[bytes] = []
    size = 0
    while event["type"] == "http.request":
        piece = event.get("body", b"")
        pieces.append(piece)
        size += len(piece)
        if size > MAX_BODY:
            raise Refused(refusal(413, "Request entity too large"))
        if not event.get("more_body"):
            return b"".join(pieces)
        event = await receive()
    return None


def start_event(status: int, content_type: str, headers: Headers) -> Event:
    """The ASGI message that opens a response."""
    pairs = [(b"content-type", content_type.encode("latin-1"))] if content_type else []
    pairs += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return {"type": "http.response.start", "status": status, "headers": pairs}


async def send_answer(answer: Answer, send: Send) -> None:
    """Send a complete response in two ASGI messages."""
    length = (("content-length", str(len(answer.body))),)
    await send(start_event(answer.status, answer.content_type, answer.headers + length))
    await send({"type": "http.response.body", "body": answer.body})
