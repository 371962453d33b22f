"""The entry point: ``app`` for every ASGI host (Vercel, uvicorn), ``lambda_handler`` for Lambda.

The table names the module of each path. A module is imported when its path is first hit, so a chat
request does not pay for what it does not use.
"""

import gc
from functools import cache
from typing import TYPE_CHECKING, Any

# A cold start makes many objects that stay, and looking for garbage among them costs a tenth of its
# time: look seldom, now and later.
gc.set_threshold(50_000, 20, 20)

from chat2api_core.web.routing import App  # noqa: E402 (it is the first thing to make them)

if TYPE_CHECKING:
    from chat2api_core.web.lambda_buffered import LambdaHandler

ROUTES = {
    "/": "api.health",
    "/health": "api.health",
    "/healthz": "api.health",
    "/ping": "api.health",
    "/api/cron/refresh": "api.cron.refresh",
    "/v1/chat/completions": "api.v1.chat.completions",
    "/v1/responses": "api.v1.responses",
    "/v1/responses/{response}": "api.v1.responses",
    "/v1/responses/{response}/{part}": "api.v1.responses",
    "/v1/files": "api.v1.files",
    "/v1/files/{file}": "api.v1.files",
    "/v1/files/{file}/{part}": "api.v1.files",
    "/media/{token}": "api.media",
    "/v1/audio/transcriptions": "api.v1.audio.transcriptions",
    "/v1/audio/translations": "api.v1.audio.translations",
    "/v1/audio/speech": "api.v1.audio.speech",
    "/v1/accTokens": "api.v1.acctokens",
    "/v1/usage": "api.v1.usage",
    "/v1/dashboard/billing/usage": "api.v1.dashboard.billing.usage",
    "/v1/dashboard/billing/subscription": "api.v1.dashboard.billing.subscription",
    "/api/usage/token": "api.usage.token",
    "/api/usage/token/": "api.usage.token",
    "/admin": "api.admin.page",
    "/admin/assets/{name}": "api.admin.asset",
    "/admin/login": "api.admin.login",
    "/admin/logout": "api.admin.logout",
    "/admin/api/session": "api.admin.session",
    "/admin/api/config": "api.admin.config",
    "/admin/api/accounts": "api.admin.accounts",
    "/admin/api/accounts/{account}/{action}": "api.admin.accounts",
    "/admin/api/usage": "api.admin.usage",
    "/tokens": "api.tokens.page",
    "/tokens/upload": "api.tokens.upload",
    "/tokens/clear": "api.tokens.clear",
    "/tokens/error": "api.tokens.error",
    "/doctor": "api.doctor",
    "/v1/images/generations": "api.v1.images.generations",
    "/v1/images/edits": "api.v1.images.edits",
    "/v1/images/variations": "api.v1.images.variations",
    "/v1/models": "api.v1.models",
    "/v1/models/{model:path}": "api.v1.models",
}

app = App(ROUTES)


@cache
def _adapter() -> "LambdaHandler":
    from chat2api_core.web.lambda_buffered import handler  # noqa: PLC0415 (only Lambda needs it)

    return handler(app)


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """An event of an HTTP front door in, its answer out, whole. Where the door streams, the runtime
    in ``chat2api_core.web.lambda_stream`` serves ``app`` instead of this."""
    return _adapter()(event, context)
