"""Lambda's Runtime API, version 2018-06-01, with streamed responses: a small client.

In: the address that AWS_LAMBDA_RUNTIME_API names. Out: invocations, and a reply to each that is
sent while it is made. The one rule: each call has a connection of its own, since one that slept
through the freezing of its environment may be dead. The wire form of a streamed response is that of
AWS's own runtime for Node.js: a chunked POST whose trailers can still report a failure.
"""

import asyncio
import base64
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

_ROOT = "/2018-06-01/runtime"
_STREAMED = "application/vnd.awslambda.http-integration-response"
_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
_ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
_LARGEST = 32_000_000  # bytes; an event has at most 6 MB
_OK, _BEYOND = 200, 300


class RuntimeApiError(OSError):
    """The Runtime API refused a call or said what cannot be understood."""


class Invocation(NamedTuple):
    """One call of the function. ``deadline`` is when Lambda ends it, in seconds since 1970, None
    where it does not say."""

    id: str
    deadline: float | None
    event: bytes
    # Sent back with the reply, where it came: it tells apart the runs of one request.
    run: str = ""


class Failure(NamedTuple):
    """What is reported of a failed invocation; Lambda logs it and may show it to the caller."""

    type: str
    message: str

    def document(self) -> bytes:
        """The form in which the Runtime API takes it."""
        return msgspec.json.encode({"errorType": self.type, "errorMessage": self.message})


class RuntimeApi:
    """The client. Every method raises ``OSError`` where the Runtime API is not to be reached."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._host = host
        self._port = int(port)

    async def next(self) -> Invocation:
        """Wait for the next invocation, for as long as it takes: the environment is frozen while
        nothing comes."""
        call = await self._call("GET", "/invocation/next", {})
        headers, event = await call.answer()
        milliseconds = headers.get("lambda-runtime-deadline-ms", "")
        return Invocation(
            headers.get("lambda-runtime-aws-request-id", ""),
            int(milliseconds) / 1000 if milliseconds.isdecimal() else None,
            event,
            headers.get("lambda-runtime-invocation-id", ""),
        )

    async def reply(self, invocation: Invocation) -> "StreamedReply":
        """Begin the response to an invocation."""
        headers = {
            "Content-Type": _STREAMED,
            "Lambda-Runtime-Function-Response-Mode": "streaming",
            "Transfer-Encoding": "chunked",
            "Trailer": f"{_ERROR_TYPE}, {_ERROR_BODY}",
        }
        path = f"/invocation/{invocation.id}/response"
        return StreamedReply(await self._call("POST", path, {**headers, **_echo(invocation)}))

    async def fail(self, invocation: Invocation, failure: Failure) -> None:
        """Report that an invocation failed before its response began."""
        await self._report(f"/invocation/{invocation.id}/error", failure, _echo(invocation))

    async def fail_init(self, failure: Failure) -> None:
        """Report that the function could not be started."""
        await self._report("/init/error", failure, {})

    async def _report(self, path: str, failure: Failure, more: Mapping[str, str]) -> None:
        body = failure.document()
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            _ERROR_TYPE: failure.type,
            **more,
        }
        call = await self._call("POST", path, headers)
        await call.write(body)
        await call.answer()

    async def _call(self, method: str, path: str, headers: Mapping[str, str]) -> "_Call":
        reader, writer = await asyncio.open_connection(self._host, self._port)
        lines = [
            f"{method} {_ROOT}{path} HTTP/1.1",
            f"Host: {self._host}:{self._port}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        return _Call(reader, writer)


class StreamedReply:
    """A response under way. ``end`` or ``fail`` it."""

    def __init__(self, call: "_Call") -> None:
        self._call = call

    async def write(self, data: bytes) -> None:
        """Send a part of the response. Raises ``OSError`` where nobody takes it any more."""
        if data:  # an empty chunk would end the body
            await self._call.write(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        """Say that all was sent."""
        await self._call.write(b"0\r\n\r\n")
        await self._call.answer()

    async def fail(self, failure: Failure) -> None:
        """Say that what was sent is not all, and why."""
        body = base64.b64encode(failure.document()).decode()
        trailers = f"0\r\n{_ERROR_TYPE}: {failure.type}\r\n{_ERROR_BODY}: {body}\r\n\r\n"
        await self._call.write(trailers.encode())
        await self._call.answer()


class _Call:
    """One request on its own connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError:
            self.close()
            raise

    async def answer(self) -> tuple[dict[str, str], bytes]:
        """Headers, their names in lower case, and the body of the answer."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
            status, headers = _head(head)
            body = await self._body(headers)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            message = f"The Runtime API's answer is unreadable: {type(error).__name__}."
            raise RuntimeApiError(message) from error
        finally:
            self.close()
        if not _OK <= status < _BEYOND:
            raise RuntimeApiError(f"The Runtime API answered with status {status}.")
        return headers, body

    def close(self) -> None:
        self._writer.close()

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return await self._chunks()
        size = int(headers.get("content-length", "0"))
        return await self._reader.readexactly(_bounded(size))

    async def _chunks(self) -> bytes:
        body = bytearray()
        while size := int((await self._reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            _bounded(len(body) + size)
            body += (await self._reader.readexactly(size + 2))[:-2]
        return bytes(body)


def _echo(invocation: Invocation) -> dict[str, str]:
    return {"Lambda-Runtime-Invocation-Id": invocation.run} if invocation.run else {}


def _head(raw: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    _, status, *_ = first.split(" ")
    return int(status), {name.lower(): value.strip() for name, _, value in pairs}


def _bounded(size: int) -> int:
    if not 0 <= size <= _LARGEST:
        raise ValueError(size)
    return size
