"""Answers to what is no exchange: there is no gateway, or what was asked for is no HTTP."""

import asyncio
import contextlib

from starlette.types import Receive, Scope, Send

from chat2api_core.dialects.base import error_document
from chat2api_core.problem import Kind, Problem

# The status at which clients that try a WebSocket first go on with HTTP at once; any other one
# makes them try again.
UPGRADE_REQUIRED = 426
_PARTING = 1.0  # seconds


def no_sockets() -> Problem:
    """What a client hears that tries a WebSocket."""
    message = "This gateway speaks no WebSocket. Send the same request as an HTTP POST."
    return Problem(Kind.METHOD_NOT_ALLOWED, message)


async def refuse_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """A server that cannot send an HTTP answer in place of a handshake makes a bare 403 of it."""
    if "websocket.http.response" in scope.get("extensions", {}):
        await refuse(send, no_sockets(), UPGRADE_REQUIRED, protocol="websocket.http.response")
        # uvicorn logs an error if the application returns while the connection is still there.
        # What is received until then: the handshake, the end of it, the end of the connection.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PARTING):
                for _ in range(3):
                    await receive()
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": "use HTTP"})


async def refuse(
    send: Send, problem: Problem, status: int, *, protocol: str = "http.response"
) -> None:
    """An error in OpenAI's shape, where there is no gateway or no request to answer."""
    body = error_document(problem)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": f"{protocol}.start", "status": status, "headers": headers})
    await send({"type": f"{protocol}.body", "body": body})
