"""What can go wrong on purpose: the vocabulary of faults, and the bodies the real service sends.

Input: a fault out of a script. Output: the ``Answer`` that shows it; waiting and hanging are left
to the app, damage within a stream to the player. The rule: everything is a value that can be
written in JSON, so that a test in another process can order it.
"""

from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from chat2api_core.emulator.codex.faults import NAMED as CODEX
from chat2api_core.emulator.exchange import Answer, Headers, Json


class Named(Struct, frozen=True, tag="named", forbid_unknown_fields=True):
    """A refusal of the real service by its name here: a key of ``NAMED``.

    ``retry_after`` becomes the header ``Retry-After`` (seconds, or an HTTP date)."""

    name: str
    retry_after: str = ""


class Respond(Struct, frozen=True, tag="respond", forbid_unknown_fields=True):
    """Any answer at all."""

    status: int
    body: str = ""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Late(Struct, frozen=True, tag="late", forbid_unknown_fields=True):
    """The right answer, but so many seconds late."""

    seconds: float


class Hang(Struct, frozen=True, tag="hang", forbid_unknown_fields=True):
    """No answer at all until the client gives up."""


class Interrupt(Struct, frozen=True, tag="interrupt", forbid_unknown_fields=True):
    """Damage to a good stream after so many of its events.

    ``cut`` breaks the connection within the body, ``end`` ends the body in good form but without
    its end markers, ``stall`` falls silent, ``garbage`` puts in an event that is not JSON and goes
    on, ``bytes`` puts in bytes that are not UTF-8 and goes on."""

    how: Literal["cut", "end", "stall", "garbage", "bytes"]
    after: int = 0


Fault: TypeAlias = Named | Respond | Late | Hang | Interrupt

CHALLENGE_PAGE = b"""<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title></head>
<body><div class="cf-please-wait">Checking your browser</div>
<script>window._cf_chl_opt={cvId:'3',cZone:'chatgpt.com'};</script>
<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1"></script></body></html>
"""
_OLD_CHALLENGE_PAGE = b"<html><body><span id=cf-please-wait>Please wait</span></body></html>"
UNUSUAL_ACTIVITY = (
    "Our systems have detected unusual activity coming from your system. Please try again later."
)
_TOO_LONG = (
    "The message you submitted was too long, please reload the conversation and submit something "
    "shorter."
)
_HTML = "text/html; charset=UTF-8"
_RESETS = "2099-01-01T00:00:00Z"


def _json(status: int, body: Json, headers: Headers = ()) -> Answer:
    return Answer(status, msgspec.json.encode(body), headers=headers)


def _page(status: int, title: str) -> Answer:
    html = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status, html.encode(), _HTML)


def _token_error(code: str, message: str, key: str = "detail") -> Answer:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return _json(401, {key: error})


_EXPIRED = "Your authentication token has expired. Please try signing in again."
_INVALIDATED = "Your authentication token has been invalidated. Please try signing in again."
_NOTICE: Json = {
    "type": "rate_limit",
    "call_to_action": "upgrade",
    "resets_after": _RESETS,
    "limit_details": {
        "type": "model_limit",
        "model_slug": "gpt-5-6",
        "using_default_model_slug": "gpt-5-6-t-mini",
        "next_model_slug": "gpt-5-6-t-mini",
        "model_limit_name": "gpt-5-6",
    },
    "display_description": {
        "type": "text",
        "description": "You have hit the limit.",
        "markdown_description": None,
    },
    "conversation_id": None,
}
_OLD_SOCKET: Json = {
    "wss_url": "wss://chatgpt-async-webps-prod.emulator.invalid/client/hubs/conversations",
    "conversation_id": "conv-old",
    "response_id": "resp-old",
    "websocket_request_id": "req-old",
}

# Every refusal by name. A new one is one line.
NAMED: dict[str, Answer] = {
    "401": _json(401, {"detail": "Unauthorized"}),
    "401 expired": _token_error("token_expired", _EXPIRED),
    "401 invalidated": _token_error("token_invalidated", _INVALIDATED),
    "401 revoked": _token_error("token_revoked", _INVALIDATED),
    "401 invalid": _token_error("invalid_jwt", "Could not parse your authentication token."),
    "401 deactivated": _token_error("account_deactivated", "Your account was deactivated."),
    "401 error": _token_error("token_expired", _EXPIRED, "error"),
    "403": _json(403, {"detail": UNUSUAL_ACTIVITY}),
    "403 page": Answer(403, CHALLENGE_PAGE, _HTML, (("cf-mitigated", "challenge"),)),
    "403 old page": Answer(403, _OLD_CHALLENGE_PAGE, _HTML),
    "403 country": _json(
        403,
        {"detail": {"message": "Country not supported", "code": "unsupported_country"}},
    ),
    "404": _json(404, {"detail": "Conversation not found"}),
    "404 conversation": _json(
        404,
        {"detail": {"message": "Can't load conversation", "code": "conversation_not_found"}},
    ),
    "404 model": _json(
        404,
        {"detail": {"message": "The requested model does not exist", "code": "model_not_found"}},
    ),
    "409": _json(409, {"detail": "Only one message at a time."}),
    "413": _json(413, {"detail": {"message": _TOO_LONG, "code": "message_length_exceeds_limit"}}),
    "422": _json(422, {"detail": "Invalid conversation body"}),
    "422 list": _json(
        422,
        {
            "detail": [
                {
                    "loc": ["body", "messages"],
                    "msg": "field required",
                    "type": "value_error.missing",
                }
            ]
        },
    ),
    "429": _json(429, {"detail": "Too many requests in 1 hour. Try again later."}),
    "429 cap": _json(
        429,
        {
            "detail": {
                "clears_in": 3360,
                "message": "You've reached the current usage cap, please try again later.",
                "code": "model_cap_exceeded",
            }
        },
    ),
    "429 notice": _json(429, _NOTICE),
    "429 nested notice": _json(429, {"detail": _NOTICE}),
    "429 page": _page(429, "Too Many Requests"),
    "429 empty": Answer(429, b"", ""),
    "429 busy": _json(429, {"detail": "Only one message at a time."}),
    "431": _page(431, "Request Header Fields Too Large"),
    "500": _json(500, {"detail": "Internal Server Error"}),
    "500 page": _page(500, "500 Internal Server Error"),
    "502": _json(502, {"detail": "Bad gateway"}),
    "502 page": _page(502, "502 Bad Gateway"),
    "503": _json(503, {"detail": "Service Unavailable"}),
    "503 page": _page(503, "503 Service Temporarily Unavailable"),
    "504 page": _page(504, "504 Gateway Time-out"),
    # Answers with status 200 that are none.
    "garbage json": Answer(200, b'{"detail": "cut in the mid'),
    "garbage page": _page(200, "Welcome"),
    "garbage bytes": Answer(200, b'{"token": "\xff\xfe\x80"}'),
    "garbage type": Answer(200, b"hello", "application/octet-stream"),
    "garbage list": Answer(200, b"[]"),
    "garbage empty": Answer(200, b"", ""),
    "garbage stream": Answer(200, b"data: {oops\n\ndata: [DONE]\n\n", "text/event-stream"),
    "old socket": _json(200, _OLD_SOCKET),
    # The auth host.
    "invalid_grant": _json(
        400,
        {"error": "invalid_grant", "error_description": "Unknown or invalid refresh token."},
    ),
    "access_denied": _json(403, {"error": "access_denied", "error_description": "Unauthorized"}),
    "refresh_token_reused": _json(400, {"error": "invalid_grant", "code": "refresh_token_reused"}),
    "refresh_token_reused object": _json(
        401,
        {
            "error": {
                "message": "Your refresh token has already been used to generate a new access "
                "token. Please try signing in again.",
                "type": "invalid_request_error",
                "code": "refresh_token_reused",
            }
        },
    ),
    "logged out": _json(200, {}),
    "logged out banner": _json(200, {"WARNING_BANNER": "!!!!!!!!!!!!!!!!!!!!"}),
    "session error": _json(200, {"error": "RefreshAccessTokenError"}),
    **CODEX,
}


def named(name: str, retry_after: str = "") -> Answer:
    """The answer of this name. Raises ``KeyError`` with the known names for any other."""
    answer = NAMED.get(name)
    if answer is None:
        raise KeyError(f"no fault is named {name!r}; known are: {', '.join(NAMED)}")
    if not retry_after:
        return answer
    return msgspec.structs.replace(answer, headers=(*answer.headers, ("retry-after", retry_after)))


def show(fault: Named | Respond) -> Answer:
    """The answer that this fault is."""
    if isinstance(fault, Named):
        return named(fault.name, fault.retry_after)
    return Answer(fault.status, fault.body.encode(), fault.content_type, fault.headers)
