"""The refusals of the Codex backend by name, for scripts. A new one is one line."""

from typing import NoReturn

import msgspec

from chat2api_core.emulator.exchange import Answer, Headers, Json, Refused

_FULL: Headers = (
    ("x-codex-primary-used-percent", "100"),
    ("x-codex-primary-window-minutes", "300"),
    ("x-codex-primary-reset-after-seconds", "900"),
)
_TOO_LONG = (
    "Your input exceeds the context window of this model. Please adjust your input and try again."
)


def error(status: int, headers: Headers = (), /, **fields: object) -> Answer:
    """A refusal in the form ``{"error": {...}}``."""
    return Answer(status, msgspec.json.encode({"error": fields}), headers=headers)


def detail(status: int, words: str) -> Answer:
    """A refusal in the form ``{"detail": "..."}``."""
    body: Json = {"detail": words}
    return Answer(status, msgspec.json.encode(body))


def bad(message: str, param: str | None, code: str | None = None) -> Answer:
    """A 400 that blames a field."""
    return error(400, message=message, type="invalid_request_error", param=param, code=code)


def refuse(
    message: str, param: str | None, code: str | None = None, cause: Exception | None = None
) -> NoReturn:
    """Refuse a request for a field of it. Raises ``Refused``."""
    raise Refused(bad(message, param, code)) from cause


NAMED: dict[str, Answer] = {
    "codex 429 usage": error(
        429,
        _FULL,
        type="usage_limit_reached",
        message="The usage limit has been reached",
        plan_type="plus",
        resets_at=4_102_444_800,
        resets_in_seconds=900,
    ),
    "codex 429 soon": error(
        429,
        _FULL,
        type="usage_limit_reached",
        message="The usage limit has been reached",
        plan_type="plus",
        resets_in_seconds=900,
    ),
    "codex 429 plan": error(
        429,
        type="usage_not_included",
        message="To use Codex with your ChatGPT plan, upgrade to Plus.",
    ),
    "codex 429 rate": error(
        429,
        type="rate_limit_exceeded",
        code="rate_limit_exceeded",
        message="Rate limit reached for gpt-5.5 on tokens per min. Please try again in 11.5s.",
    ),
    "codex 400 capacity": error(
        400,
        type="invalid_request_error",
        message="Selected model is at capacity. Please try a different model.",
    ),
    "codex 400 context": bad(_TOO_LONG, "input", "context_length_exceeded"),
    "codex 400 sealed": bad(
        "The encrypted content could not be verified.", "input", "invalid_encrypted_content"
    ),
    "codex 401 expired": error(
        401,
        message="Provided authentication token is expired. Please try signing in again.",
        type=None,
        code="token_expired",
        param=None,
    ),
    "codex 503 overloaded": error(
        503,
        type="service_unavailable_error",
        code="server_is_overloaded",
        message="Our servers are currently overloaded. Please try again later.",
    ),
}
