"""Lambda's HTTP front doors: a request becomes an event, what comes back becomes a response.

What they buffer, they answer 502 if it is streamed to them or larger than 6 MB, as the real ones
do. Events and answers as in the developer guides of API Gateway and Lambda.
"""

import base64
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qs

import h11

from tests.deploy.lambda_function import InitError, LambdaFunction
from tests.deploy.runtime_api import Begun, Ended, Failed, Part
from tests.deploy.wire import Pairs, Wire, listening

Kind: TypeAlias = Literal["http-api", "rest", "rest-stream", "url", "url-stream"]

LARGEST = 6 * 1024 * 1024  # bytes of an event and of a buffered response
_NUL = b"\0" * 8
_TEXT = re.compile(r"(text/|application/(json|javascript|xml|x-www-form-urlencoded))")
# What is said to a path that no stage has.
_NOWHERE = {"rest": (403, "Missing Authentication Token"), "http": (404, "Not Found")}
_FRAMING = {"content-length", "transfer-encoding", "connection", "expect"}


class Door:
    """One front door of a function. ``stage`` is that of an HTTP API; a REST API always has one, a
    function URL never. All paths of a named stage are below it, and nothing else is there."""

    def __init__(self, kind: Kind, function: LambdaFunction, stage: str = "$default") -> None:
        self.kind = kind
        stage = "prod" if kind.startswith("rest") else stage
        self._base = "" if stage == "$default" else f"/{stage}"
        self.log: list[str] = []  # what CloudWatch would show
        self._function = function
        self._stage = stage
        self._streams = kind.endswith("-stream")
        self._event: Callable[[h11.Request, bytes, str], dict[str, Any]] = (
            self._payload_1 if kind.startswith("rest") else self._payload_2
        )

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["OpenDoor"]:
        """Listen on a free port, for as long as needed."""
        async with self._function, listening(self._serve) as port:
            yield OpenDoor(f"http://127.0.0.1:{port}{self._base}", self.log)

    async def _serve(self, wire: Wire, request: h11.Request) -> None:
        body = await wire.whole_body()
        if not request.target.decode().startswith(f"{self._base}/"):
            await _say(wire, *_NOWHERE[self.kind.partition("-")[0]])
            return
        event = json.dumps(self._event(request, body, wire.peer)).encode()
        if len(event) > LARGEST:
            await _say(wire, 413, "Request Too Long")
            return
        try:
            answer = self._function.invoke(event)
            await (self._stream(wire, answer) if self._streams else self._buffer(wire, answer))
        except InitError as error:
            self.log.append(f"init: {error}")
            await _say(wire, 502, "Internal server error")

    async def _buffer(self, wire: Wire, answer: AsyncIterator[Part]) -> None:
        parts = [part async for part in answer]
        body = b"".join(part for part in parts if isinstance(part, bytes))
        try:
            assert isinstance(parts[0], Begun), parts[0]
            assert len(body) <= LARGEST, "Function.ResponseSizeTooLarge"
            told = json.loads(body)
            status, text = int(told["statusCode"]), told.get("body") or ""
        except (AssertionError, ValueError, TypeError, KeyError) as error:
            self.log.append(f"malformed: {error}")
            await _say(wire, 502, "Internal server error")
            return
        content = base64.b64decode(text) if told.get("isBase64Encoded") else text.encode()
        await wire.answer(status, content, self._headers(told))

    async def _stream(self, wire: Wire, answer: AsyncIterator[Part]) -> None:
        head = b""
        begun = False
        async for part in answer:
            if isinstance(part, Begun):
                assert part.streamed, "a streaming door was answered by a buffering runtime"
            elif not isinstance(part, bytes):
                await self._end(wire, part, begun)
            elif begun:
                await wire.send(h11.Data(data=part))
            else:
                head += part
                begun = await self._begin(wire, head)

    async def _end(self, wire: Wire, part: Ended | Failed, begun: bool) -> None:
        if begun and isinstance(part, Ended) and not part.trailers:
            await wire.send(h11.EndOfMessage())
            return
        self.log.append(f"failed: {part}")
        if begun:  # the connection is cut: nothing else can tell a client now
            wire.writer.close()
        else:
            await _say(wire, 502, "Internal server error")

    async def _begin(self, wire: Wire, head: bytes) -> bool:
        """Begin the response, once the whole prelude is here."""
        raw, end, body = head.partition(_NUL)
        if not end:
            return False
        told = json.loads(raw)
        headers = [*self._headers(told), (b"transfer-encoding", b"chunked")]
        await wire.send(h11.Response(status_code=told["statusCode"], headers=headers))
        if body:
            await wire.send(h11.Data(data=body))
        return True

    def _headers(self, told: dict[str, Any]) -> Pairs:
        pairs = list((told.get("headers") or {}).items())
        if self.kind.startswith("rest"):
            for name, values in (told.get("multiValueHeaders") or {}).items():
                pairs += [(name, value) for value in values]
        else:
            pairs += [("set-cookie", value) for value in told.get("cookies") or []]
        kept = [(name, value) for name, value in pairs if name.lower() not in _FRAMING]
        return [(name.encode(), str(value).encode()) for name, value in kept]

    def _payload_1(self, request: h11.Request, body: bytes, peer: str) -> dict[str, Any]:
        whole, _, query = request.target.decode().partition("?")
        path = whole.removeprefix(self._base)
        headers: dict[str, list[str]] = {"X-Forwarded-Proto": ["https"]}
        for name, value in _sent(request):
            headers.setdefault(name, []).append(value)
        parameters = parse_qs(query, keep_blank_values=True)
        context = {
            "stage": self._stage,
            "domainName": "id.execute-api.us-east-1.amazonaws.com",
            "path": whole,
            "identity": {"sourceIp": peer, "userAgent": None},
        }
        return {
            "resource": "/{proxy+}",
            "path": path,
            "httpMethod": request.method.decode(),
            "headers": {name: values[-1] for name, values in headers.items()},
            "multiValueHeaders": headers,
            "queryStringParameters": {n: values[-1] for n, values in parameters.items()} or None,
            "multiValueQueryStringParameters": parameters or None,
            "requestContext": context,
            # every media type is binary: that is what serverless.yml says
            "body": base64.b64encode(body).decode() if body else None,
            "isBase64Encoded": bool(body),
        }

    def _payload_2(self, request: h11.Request, body: bytes, peer: str) -> dict[str, Any]:
        path, _, query = request.target.decode().partition("?")
        sent = dict(_sent(request))
        cookies = [value for name, value in _sent(request) if name == "cookie"]
        host = "execute-api.us-east-1.amazonaws.com"
        if self.kind.startswith("url"):
            host = "lambda-url.us-east-1.on.aws"
        http = {"method": request.method.decode(), "path": path, "sourceIp": peer}
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {n: v for n, v in sent.items() if n != "cookie"}
            | {"x-forwarded-proto": "https"},
            "requestContext": {"stage": self._stage, "domainName": f"id.{host}", "http": http},
        }
        if cookies:
            event["cookies"] = "; ".join(cookies).split("; ")
        if body and _TEXT.match(sent.get("content-type", "")):
            event |= {"body": body.decode(), "isBase64Encoded": False}
        elif body:
            event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
        return event


class OpenDoor:
    """Where a door listens, and what it would log."""

    def __init__(self, url: str, log: list[str]) -> None:
        self.url = url
        self.log = log


def _sent(request: h11.Request) -> list[tuple[str, str]]:
    return [
        (name.decode(), value.decode())
        for name, value in request.headers
        if name.decode() not in _FRAMING
    ]


async def _say(wire: Wire, status: int, message: str) -> None:
    body = json.dumps({"message": message}).encode()
    await wire.answer(status, body, [(b"content-type", b"application/json")])
