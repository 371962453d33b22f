"""An application that shows what a front door does to requests and answers. Deployed for tests in
place of ours: ``app`` for the streaming runtime, ``handler`` for the buffered one."""

from typing import Any

SCOPE_KEY = "chat2api.deadline"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Echo the body as bytes, tell about the request in headers; ``/large`` answers with 7 MB,
    ``/half`` fails in the middle of its answer."""
    if scope["type"] != "http":
        return
    body = (await receive())["body"]
    told = dict(scope["headers"])
    headers = [
        (b"content-type", b"application/octet-stream"),
        (b"set-cookie", b"a=1; Path=/"),
        (b"set-cookie", b"b=2"),
        (b"x-path", scope["path"].removeprefix(scope["root_path"]).encode()),
        (b"x-query", scope["query_string"]),
        (b"x-cookie", told.get(b"cookie", b"")),
        (b"x-client", scope["client"][0].encode()),
        (b"x-deadline", b"yes" if scope.get(SCOPE_KEY) else b"no"),
    ]
    await send({"type": "http.response.start", "status": 207, "headers": headers})
    if scope["path"].endswith("/large"):
        body = b"x" * 7_000_000
    await send({"type": "http.response.body", "body": body, "more_body": True})
    if scope["path"].endswith("/half"):
        raise ValueError("on purpose")
    await send({"type": "http.response.body"})


def handler(event: Any, context: Any) -> Any:
    """The same, whole."""
    from chat2api_core.web.lambda_buffered import handler as adapt

    return adapt(app)(event, context)
