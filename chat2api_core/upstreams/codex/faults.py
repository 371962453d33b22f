"""What the Codex backend's refusals mean: one table from its words to problems.

In: status, headers and body of an answer that is none, or the error inside of a stream. Out: a
``Problem`` with its kind, plain words, and the time to wait where the answer says it. The rule that
must hold: this never fails, whatever the body is, and shows of it only what ``quote`` lets through.
Source of the codes and texts: seen in the Codex command-line client.
"""

import re
from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from chat2api_core.problem import Kind, Problem, Step
from chat2api_core.upstreams.pause import bounded, from_header
from chat2api_core.upstreams.quote import quote

_OK, _BAD_REQUEST, _FORBIDDEN, _FAILED = 200, 400, 403, 500
_MAX_PAGE = 64 * 1024
_MAX_TEXT = 4_000

# ----------------------------------------------------------------------------------- the tables

_CODES: dict[str, Kind] = {
    "usage_limit_reached": Kind.RATE_LIMITED,
    "rate_limit_exceeded": Kind.RATE_LIMITED,
    "insufficient_quota": Kind.RATE_LIMITED,
    "usage_not_included": Kind.FORBIDDEN,
    "token_expired": Kind.UNAUTHORIZED,
    "token_invalidated": Kind.UNAUTHORIZED,
    "token_revoked": Kind.UNAUTHORIZED,
    "invalid_jwt": Kind.UNAUTHORIZED,
    "account_deactivated": Kind.UNAUTHORIZED,
    "deactivated_workspace": Kind.FORBIDDEN,
    "unsupported_country_region_territory": Kind.FORBIDDEN,
    "context_length_exceeded": Kind.CONTEXT_LENGTH,
    "model_not_found": Kind.MODEL_NOT_FOUND,
    "invalid_prompt": Kind.INVALID_REQUEST,
    "cyber_policy": Kind.INVALID_REQUEST,
    "content_policy_violation": Kind.CONTENT_POLICY,
    "content_policy_error": Kind.CONTENT_POLICY,
    "moderation_blocked": Kind.CONTENT_POLICY,
    "server_is_overloaded": Kind.UNAVAILABLE,
    "slow_down": Kind.UNAVAILABLE,
    "server_error": Kind.UPSTREAM_ERROR,
}

# Wordings that mean more than the status they come with.
_WORDINGS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"at capacity", re.IGNORECASE), Kind.UNAVAILABLE),
    (re.compile(r"model is not supported when using codex", re.IGNORECASE), Kind.MODEL_NOT_FOUND),
    (re.compile(r"exceeds the context window", re.IGNORECASE), Kind.CONTEXT_LENGTH),
)

_STATUSES: dict[int, Kind] = {
    401: Kind.UNAUTHORIZED,
    402: Kind.FORBIDDEN,
    403: Kind.FORBIDDEN,
    404: Kind.UPSTREAM_ERROR,
    405: Kind.UPSTREAM_ERROR,
    408: Kind.TIMEOUT,
    413: Kind.TOO_LARGE,
    429: Kind.RATE_LIMITED,
    451: Kind.FORBIDDEN,
    503: Kind.UNAVAILABLE,
    504: Kind.TIMEOUT,
    522: Kind.TIMEOUT,
    524: Kind.TIMEOUT,
    529: Kind.UNAVAILABLE,
}

_WORDS: dict[Kind, str] = {
    Kind.UNAUTHORIZED: "Codex does not accept the account's access token (any more). "
    "It must be refreshed or replaced.",
    Kind.FORBIDDEN: "Codex does not let this account or this network address do that.",
    Kind.CHALLENGED: "ChatGPT's front door answered with a challenge page for browsers. "
    "Use another network address (PROXY).",
    Kind.RATE_LIMITED: "The account has reached a usage limit of Codex.",
    Kind.CONTEXT_LENGTH: "The messages are longer than the model's context window. "
    "Send fewer or shorter ones.",
    Kind.TOO_LARGE: "The request is larger than Codex accepts.",
    Kind.MODEL_NOT_FOUND: "Codex does not offer this model to the account.",
    Kind.CONTENT_POLICY: "Codex declined the request for what it asks for.",
    Kind.INVALID_REQUEST: "Codex refused the request.",
    Kind.REFUSED: "Codex did not understand this gateway's request.",
    Kind.UNAVAILABLE: "Codex or this model is overloaded. Try again later.",
    Kind.TIMEOUT: "Codex took too long to answer.",
    Kind.GARBAGE: "Codex's answer could not be understood.",
    Kind.UPSTREAM_ERROR: "Codex failed.",
}

_NOT_INCLUDED = "usage_not_included"
_NO_CODEX = "The account's plan does not include Codex."
_SEALED = "invalid_encrypted_content"
_AGAIN_IN = re.compile(r"try again in (\d+(?:\.\d+)?) ?(ms|s|m|h)", re.IGNORECASE)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_CHALLENGE = (b"cf-please-wait", b"cf_chl_opt", b"challenge-platform", b"just a moment...")


# -------------------------------------------------------------------------------------- reading


class Complaint(Struct):
    """An error as the backend words it, whatever it was wrapped in. Times are seconds from now, or
    unix seconds for ``resets_at``."""

    code: str | None = None
    type: str | None = None
    message: str | None = None
    param: str | None = None
    resets_at: float | None = None
    resets_in_seconds: float | None = None


class _Document(Struct):
    error: Raw = Raw()
    detail: Raw = Raw()


_document = msgspec.json.Decoder(_Document).decode
_complaint = msgspec.json.Decoder(Complaint, strict=False).decode
_text = msgspec.json.Decoder(str).decode


def read_complaint(body: bytes) -> Complaint:
    """``{"error": ...}`` or ``{"detail": ...}``, each a text or an object, or the object alone. An
    empty one for anything else."""
    try:
        document = _document(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Complaint()
    for raw in (document.error, document.detail):
        if raw and raw != b"null":
            return _inner(bytes(raw))
    return _inner(body)


def _inner(raw: bytes) -> Complaint:
    try:
        if raw.startswith(b'"'):
            return Complaint(message=_text(raw))
        return _complaint(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Complaint()


def refuses_reasoning(complaint: Complaint) -> bool:
    """Whether it is only the sealed reasoning of earlier turns that was not taken."""
    return _SEALED in (complaint.code, complaint.type)


# ------------------------------------------------------------------------------------- deciding


def read_fault(
    status: int, headers: Mapping[str, str], body: bytes, step: Step, now: float
) -> Problem:
    """The problem behind an answer with a bad status, or with a good one and a wrong type.

    ``headers`` have lower-case names, ``now`` is unix seconds."""
    wait = from_header(headers.get("retry-after", ""), now)
    if _is_page(headers, body):
        return _problem(_page_kind(status, headers, body), step, Complaint(), wait)
    said = read_complaint(body)
    return _problem(_kind(status, said), step, said, _wait(said, now) if wait is None else wait)


def read_failure(complaint: Complaint, now: float) -> Problem:
    """The problem behind an error inside of a stream."""
    kind = _kind(_FAILED, complaint)
    return _problem(kind, "stream", complaint, _wait(complaint, now))


def _is_page(headers: Mapping[str, str], body: bytes) -> bool:
    html = "html" in headers.get("content-type", "").lower()
    return html or body[:_MAX_PAGE].lstrip().startswith(b"<")


def _page_kind(status: int, headers: Mapping[str, str], body: bytes) -> Kind:
    page = body[:_MAX_PAGE].lower()
    mitigated = headers.get("cf-mitigated", "").lower() == "challenge"
    if mitigated or status == _FORBIDDEN or any(mark in page for mark in _CHALLENGE):
        return Kind.CHALLENGED
    return Kind.GARBAGE if status == _OK else _by_status(status)


def _kind(status: int, said: Complaint) -> Kind:
    for code in (said.code, said.type):
        if code in _CODES:
            return _CODES[code]
    text = (said.message or "")[:_MAX_TEXT]
    for pattern, kind in _WORDINGS:
        if pattern.search(text):
            return kind
    if status == _BAD_REQUEST and said.type == "invalid_request_error":
        return Kind.INVALID_REQUEST  # a schema or a picture of the caller's that it cannot use
    if status == _OK:
        return Kind.GARBAGE
    return _by_status(status)


def _by_status(status: int) -> Kind:
    if status in _STATUSES:
        return _STATUSES[status]
    return Kind.REFUSED if 400 <= status < 500 else Kind.UPSTREAM_ERROR  # noqa: PLR2004 (HTTP)


def _wait(said: Complaint, now: float) -> float | None:
    """Seconds until asking again makes sense, where the complaint says so."""
    if said.resets_at is not None:
        return bounded(said.resets_at - now)
    if said.resets_in_seconds is not None:
        return bounded(said.resets_in_seconds)
    found = _AGAIN_IN.search((said.message or "")[:_MAX_TEXT])
    if found is None:
        return None
    return bounded(float(found[1]) * _UNITS[found[2].lower()])


def _problem(kind: Kind, step: Step, said: Complaint, wait: float | None = None) -> Problem:
    words = _NO_CODEX if _NOT_INCLUDED in (said.code, said.type) else _WORDS[kind]
    quoted = quote(said.message or said.code or "")
    message = f"{words} It said: {quoted}" if quoted else words
    param = said.param[:200] if said.param and kind is Kind.INVALID_REQUEST else None
    return Problem(kind, message, step=step, param=param, retry_after=wait)
