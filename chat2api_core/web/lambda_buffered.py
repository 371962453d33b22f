"""The function behind Lambda's buffered doors: Mangum, and what it leaves to do.

In: an event and its context. Out: the whole answer, as a document. The one rule: an answer that the
door would drop becomes an error that says so.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
from mangum import Mangum
from starlette.types import ASGIApp, Receive, Scope, Send

from chat2api_core.ambient import SystemClock
from chat2api_core.dialects.base import error_document
from chat2api_core.problem import Kind, Problem
from chat2api_core.web.deadline import SCOPE_KEY
from chat2api_core.web.lambda_event import mount_of, whole
from chat2api_core.web.respond import BUFFERED_KEY

LambdaHandler: TypeAlias = Callable[[dict[str, Any], Any], dict[str, Any]]

LARGEST = 6 * 1024 * 1024  # bytes of a buffered response, as JSON
_WORST = 6  # bytes that one byte of a body takes in JSON, at most


def handler(app: ASGIApp) -> LambdaHandler:
    """A handler for HTTP API, REST API and function URL events, all buffered."""
    # Start-up and shut-down would come with every request: nothing here depends on them.
    adapter = Mangum(_BehindTheDoor(app), lifespan="off")

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        return _that_fits(adapter(event, context))

    return handle


class _BehindTheDoor:
    """The application, told what Mangum knows but does not tell: the stage that paths are below,
    when Lambda ends the invocation, and that nothing is heard of an answer before its end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = scope["aws.event"].get("requestContext", {})
        mount = mount_of(door.get("stage", ""), door.get("domainName", ""))
        path = whole(mount, scope["path"], named="http" in door)
        milliseconds: float = scope["aws.context"].get_remaining_time_in_millis()
        deadline = SystemClock().now() + milliseconds / 1000
        told = {"path": path, "root_path": mount, SCOPE_KEY: deadline, BUFFERED_KEY: True}
        await self._app({**scope, **told}, receive, send)


def _that_fits(response: dict[str, Any]) -> dict[str, Any]:
    if len(response.get("body") or "") * _WORST <= LARGEST:
        return response
    if len(msgspec.json.encode(response)) <= LARGEST:
        return response
    message = (
        "The answer is larger than the 6 MB that this address lets through. "
        "The streaming address of this deployment has no such limit."
    )
    problem = Problem(Kind.INTERNAL, message)
    return {
        "statusCode": problem.status,
        "headers": {"content-type": "application/json"},
        "body": error_document(problem).decode(),
        "isBase64Encoded": False,
    }
