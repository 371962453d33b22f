"""What Lambda's HTTP front doors say, and how they want to be answered.

In: an event's bytes, as a REST API (payload 1.0), an HTTP API or a function URL (payload 2.0)
writes it. Out: an ASGI scope and the body; and, for an answer's head, the prelude that stands
before the body of a streamed response. The one rule: repeated headers, cookies and bytes arrive as
they were sent. Formats as in the developer guides of API Gateway and of Lambda.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, TypeAlias
from urllib.parse import unquote, urlencode

import msgspec
from msgspec import Struct

from chat2api_core.web.deadline import SCOPE_KEY

RawHeaders: TypeAlias = Iterable[tuple[bytes, bytes]]
Door: TypeAlias = Literal["rest", "url"]

# Eight NUL bytes end the JSON of a prelude.
_DELIMITER = bytes(8)
# The doors frame the body themselves.
_FRAMING = {"content-length", "transfer-encoding", "connection", "keep-alive"}


class Unreadable(ValueError):
    """An event that no HTTP front door wrote."""


class Request(Struct, frozen=True):
    """A request: the ASGI scope, the body, and the door to answer through."""

    scope: dict[str, object]
    body: bytes
    door: Door


class _Http(Struct, rename="camel"):
    method: str
    source_ip: str = ""


class _Identity(Struct, rename="camel"):
    source_ip: str | None = None


class _Context(Struct, rename="camel"):
    stage: str = ""
    domain_name: str = ""
    http: _Http | None = None
    identity: _Identity | None = None


class _Event(Struct, rename="camel"):
    request_context: _Context
    # payload 1.0
    http_method: str = ""
    path: str = ""
    multi_value_headers: dict[str, list[str]] | None = None
    query_string_parameters: dict[str, str] | None = None
    multi_value_query_string_parameters: dict[str, list[str]] | None = None
    # payload 2.0
    raw_path: str = ""
    raw_query_string: str = ""
    cookies: list[str] = []
    # both
    headers: dict[str, str] | None = None
    body: str | None = None
    is_base64_encoded: bool = False


_decode = msgspec.json.Decoder(_Event).decode


def read_event(event: bytes, *, deadline: float | None) -> Request:
    """The request in an event. ``deadline`` is when Lambda ends the invocation, in seconds since
    1970. Raises ``Unreadable``."""
    try:
        read = _decode(event)
        body = _body(read)
    except (msgspec.DecodeError, UnicodeError, binascii.Error) as error:
        message = f"Not an event of an HTTP front door: {type(error).__name__}."
        raise Unreadable(message) from None
    http = read.request_context.http
    method = http.method if http else read.http_method
    if not method:
        raise Unreadable("Not an event of an HTTP front door: it names no method.")
    headers = list(_headers(read))
    mount = mount_of(read.request_context.stage, read.request_context.domain_name)
    path = whole(mount, read.raw_path, named=True) if http else whole(mount, read.path)
    scope: dict[str, object] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": _first(headers, b"x-forwarded-proto", "https"),
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": _query(read),
        "root_path": mount,
        "headers": headers,
        "server": (_first(headers, b"host", "lambda").partition(":")[0], 443),
        "client": (_address(read), 0),
    }
    if deadline is not None:
        scope[SCOPE_KEY] = deadline
    return Request(scope, body, "url" if http else "rest")


def mount_of(stage: str, domain: str) -> str:
    """What stands before every path of ours in the URLs of an API: its stage, as ``/stage``, on the
    domain that API Gateway gives it; nothing on a domain of one's own."""
    return f"/{stage}" if stage not in ("", "$default") and ".execute-api." in domain else ""


def whole(mount: str, path: str, *, named: bool = False) -> str:
    """A path with what it is below, as ASGI has it. ``named``: it may say so itself, as an HTTP API
    (payload 2.0) writes it; a REST API never does."""
    if named and (path == mount or path.startswith(f"{mount}/")):
        return path or "/"
    return f"{mount}{path}" or "/"


def prelude(status: int, headers: RawHeaders, door: Door) -> bytes:
    """What stands before the body of a streamed response: the status and headers as JSON, and the
    end of them."""
    grouped: dict[str, list[str]] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        if name not in _FRAMING:
            grouped.setdefault(name, []).append(raw_value.decode("latin-1"))
    head: dict[str, object] = {"statusCode": status}
    if door == "rest":
        head["multiValueHeaders"] = grouped
    else:
        head["cookies"] = grouped.pop("set-cookie", [])
        head["headers"] = {name: ", ".join(values) for name, values in grouped.items()}
    return msgspec.json.encode(head) + _DELIMITER


def _body(event: _Event) -> bytes:
    text = event.body or ""
    return base64.b64decode(text, validate=True) if event.is_base64_encoded else text.encode()


def _headers(event: _Event) -> Iterator[tuple[bytes, bytes]]:
    if event.multi_value_headers:
        for name, values in event.multi_value_headers.items():
            for value in values:
                yield name.lower().encode(), value.encode()
        return
    for name, value in (event.headers or {}).items():
        yield name.lower().encode(), value.encode()
    if event.cookies:
        yield b"cookie", "; ".join(event.cookies).encode()


def _query(event: _Event) -> bytes:
    if event.request_context.http:
        return event.raw_query_string.encode()
    parameters: Mapping[str, object] = (
        event.multi_value_query_string_parameters or event.query_string_parameters or {}
    )
    return urlencode(parameters, doseq=True).encode()


def _address(event: _Event) -> str:
    context = event.request_context
    if context.http:
        return context.http.source_ip
    return (context.identity.source_ip if context.identity else None) or ""


def _first(headers: Iterable[tuple[bytes, bytes]], name: bytes, default: str) -> str:
    return next((value.decode() for key, value in headers if key == name), default)
