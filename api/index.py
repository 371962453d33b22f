"""The entry point: ``app`` for every ASGI host (Vercel, uvicorn), ``lambda_handler`` for Lambda.

The table names the module of each path. A module is imported when its path is first hit, so a chat
request does not pay for what it does not use.
"""

from functools import cache
from typing import Any

from chat2api_core.web.routing import App

ROUTES = {
    "/": "api.health",
    "/health": "api.health",
    "/v1/chat/completions": "api.v1.chat.completions",
    "/v1/models": "api.v1.models",
    "/v1/models/{model:path}": "api.v1.models",
}

app = App(ROUTES)


@cache
def _adapter() -> Any:
    from mangum import Mangum  # noqa: PLC0415 (only Lambda needs it)

    return Mangum(app, lifespan="off")


def lambda_handler(event: dict[str, Any], context: Any) -> Any:
    """An API Gateway event in, its answer out. Buffered: Lambda's own handlers cannot stream."""
    return _adapter()(event, context)
