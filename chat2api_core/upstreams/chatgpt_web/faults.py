"""What ChatGPT's refusals mean: one table from HTTP answers to problems.

In: status, headers and body of an answer that is not what was asked for. Out: a ``Problem`` with
its kind, plain words, advice where there is some, and the time to wait where the answer says it.
The rule that must hold: this never fails, whatever the body is, and shows of it only what ``quote``
lets through. Source of the codes and texts: seen in the web client.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from chat2api_core.problem import Kind, Problem, Step
from chat2api_core.upstreams.chatgpt_web.waiting import seconds_to_wait
from chat2api_core.upstreams.quote import quote

_MAX_JSON = 256 * 1024
_MAX_PAGE = 64 * 1024
_MAX_DEPTH = 4
_OK, _FORBIDDEN, _NOT_FOUND, _TOO_LARGE = 200, 403, 404, 413

# ----------------------------------------------------------------------------------- the tables

_CODES: dict[str, Kind] = {
    "token_expired": Kind.UNAUTHORIZED,
    "token_invalidated": Kind.UNAUTHORIZED,
    "token_revoked": Kind.UNAUTHORIZED,
    "invalid_jwt": Kind.UNAUTHORIZED,
    "account_deactivated": Kind.UNAUTHORIZED,
    "deactivated_workspace": Kind.FORBIDDEN,
    "unsupported_country": Kind.FORBIDDEN,
    "unsupported_country_region_territory": Kind.FORBIDDEN,
    "model_cap_exceeded": Kind.RATE_LIMITED,
    "rate_limit_exceeded": Kind.RATE_LIMITED,
    "usage_limit_reached": Kind.RATE_LIMITED,
    "message_length_exceeds_limit": Kind.CONTEXT_LENGTH,
    "context_length_exceeded": Kind.CONTEXT_LENGTH,
    "conversation_not_found": Kind.CONVERSATION_NOT_FOUND,
    "model_not_found": Kind.MODEL_NOT_FOUND,
    "file_not_found": Kind.FILE_NOT_FOUND,
}

# Codes and wordings that mean more than the status they come with.
_WORDINGS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"unusual activity", re.IGNORECASE), Kind.UNUSUAL_ACTIVITY),
    (re.compile(r"only one message at a time", re.IGNORECASE), Kind.BUSY),
    (re.compile(r"you submitted was too long", re.IGNORECASE), Kind.CONTEXT_LENGTH),
    (re.compile(r"too many requests", re.IGNORECASE), Kind.RATE_LIMITED),
    (re.compile(r"content[_ ]policy", re.IGNORECASE), Kind.CONTENT_POLICY),
)

# A 404 of a turn without a code: what was it that was not found?
_LOST: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"conversation|message", re.IGNORECASE), Kind.CONVERSATION_NOT_FOUND),
    (re.compile(r"model", re.IGNORECASE), Kind.MODEL_NOT_FOUND),
)

# A 413: what was it that was too large? Where nothing large was sent, it means nothing.
_TOO_MUCH: dict[Step, Kind] = {
    "conversation": Kind.CONTEXT_LENGTH,
    "stream": Kind.CONTEXT_LENGTH,
    "upload": Kind.TOO_LARGE,
    "transcription": Kind.TOO_LARGE,
}

_STATUSES: dict[int, Kind] = {
    401: Kind.UNAUTHORIZED,
    402: Kind.FORBIDDEN,
    403: Kind.FORBIDDEN,
    404: Kind.UPSTREAM_ERROR,
    405: Kind.UPSTREAM_ERROR,
    408: Kind.TIMEOUT,
    409: Kind.BUSY,
    425: Kind.UNAVAILABLE,
    429: Kind.RATE_LIMITED,
    431: Kind.UPSTREAM_ERROR,
    451: Kind.FORBIDDEN,
    503: Kind.UNAVAILABLE,
    504: Kind.TIMEOUT,
    522: Kind.TIMEOUT,
    524: Kind.TIMEOUT,
    529: Kind.UNAVAILABLE,
}

# What to say of each kind: what happened, and one line of advice where there is one.
_WORDS: dict[Kind, str] = {
    Kind.UNAUTHORIZED: "ChatGPT does not accept the account's access token (any more). "
    "It must be refreshed or replaced.",
    Kind.FORBIDDEN: "ChatGPT does not let this account or this network address do that.",
    Kind.UNUSUAL_ACTIVITY: "ChatGPT suspects unusual activity from this network address. "
    "Wait a while, or use another address (PROXY).",
    Kind.TURNSTILE_REQUIRED: "ChatGPT insists on a Turnstile check, which this gateway does not "
    "solve. Use another account or address (PROXY), or a gateway that solves it "
    "(CHATGPT_BASE_URL).",
    Kind.ARKOSE_REQUIRED: "ChatGPT insists on an Arkose puzzle, which this gateway does not "
    "solve. Use another account or address (PROXY), or a gateway that solves it "
    "(CHATGPT_BASE_URL).",
    Kind.CHALLENGED: "ChatGPT's front door answered with a challenge page for browsers. "
    "Use a residential proxy (PROXY), or a gateway of your own (CHATGPT_BASE_URL).",
    Kind.RATE_LIMITED: "The account has reached a usage limit of ChatGPT.",
    Kind.BUSY: "The account is busy with another answer.",
    Kind.CONTEXT_LENGTH: "The messages are longer than ChatGPT accepts. Send fewer or "
    "shorter ones.",
    Kind.CONTENT_POLICY: "ChatGPT declines this: it would go against its content policy.",
    Kind.CONVERSATION_NOT_FOUND: "ChatGPT does not know this conversation (any more). "
    "Begin a new one.",
    Kind.MODEL_NOT_FOUND: "ChatGPT does not offer this model to the account.",
    Kind.TOO_LARGE: "The file is larger than ChatGPT accepts.",
    Kind.FILE_NOT_FOUND: "ChatGPT does not have this file (any more).",
    Kind.REFUSED: "ChatGPT did not understand this gateway's request.",
    Kind.UNAVAILABLE: "ChatGPT is overloaded or closed for maintenance. Try again later.",
    Kind.TIMEOUT: "ChatGPT took too long to answer.",
    Kind.HANDOFF: "ChatGPT moved the answer to a WebSocket of an old kind, which is not followed.",
    Kind.GARBAGE: "ChatGPT's answer could not be understood.",
    Kind.UPSTREAM_ERROR: "ChatGPT failed.",
}
_ADVICE: dict[int, str] = {
    404: "ChatGPT does not know this address. Check CHATGPT_BASE_URL.",
    405: "ChatGPT does not take this at this address. Check CHATGPT_BASE_URL.",
    431: "ChatGPT found the account's cookies too long. They are dropped; ask again.",
}

_PLACES: dict[Step, str] = {
    "auth": "at the login",
    "request": "at the request",
    "pool": "at the choice of an account",
    "refresh": "at the refresh of the token",
    "bootstrap": "at the home page",
    "sentinel": "at the requirements of the turn",
    "proof": "at the proof of work",
    "conversation": "at the conversation",
    "stream": "in the answer",
    "models": "at the list of models",
    "fetch": "at a file's address",
    "upload": "at the upload of a file",
    "download": "at the download of a file",
    "picture": "at a picture",
    "transcription": "at the transcription",
    "speech": "at the speech",
    "quota": "at the quota",
}

_CHALLENGE = (b"cf-please-wait", b"cf_chl_opt", b"challenge-platform", b"just a moment...")


# -------------------------------------------------------------------------------------- reading


class _Said(NamedTuple):
    """What a body says: a code for programs, a text for people."""

    code: str = ""
    text: str = ""


def read_fault(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    step: Step,
    now: float,
    *,
    turnstile_asked: bool = False,
    arkose_asked: bool = False,
) -> Problem:
    """The problem behind an answer with a bad status.

    ``headers`` have lower-case names, ``now`` is unix seconds. The flags tell which CAPTCHAs the
    requirements had announced: they explain a 403 of the conversation."""
    page = _is_page(headers.get("content-type", ""), body)
    if _is_challenge(status, headers, body, page=page):
        return _problem(Kind.CHALLENGED, step, status, "", None)
    tree = _tree(body)
    said = _Said() if page else _said(tree, body)
    kind = _kind(status, said, step)
    asked = Kind.ARKOSE_REQUIRED if arkose_asked else Kind.TURNSTILE_REQUIRED
    plain = kind is Kind.FORBIDDEN and said.code not in _CODES
    unexplained = plain or kind is Kind.UNUSUAL_ACTIVITY
    if status == _FORBIDDEN and unexplained and (arkose_asked or turnstile_asked):
        kind = asked
    return _problem(kind, step, status, said.text, seconds_to_wait(headers, tree, now))


def unreadable(step: Step, content_type: str, body: bytes) -> Problem:
    """The problem behind an answer with status 200 that is not of the type that was asked for."""
    page = _is_page(content_type, body)
    if page:
        kind = Kind.CHALLENGED if _has_marks(body) else Kind.GARBAGE
        return _problem(kind, step, _OK, "", None)
    tree = _tree(body)
    if isinstance(tree, dict) and "wss_url" in tree:
        return _problem(Kind.HANDOFF, step, _OK, "", None)
    said = _said(tree, b"")
    if said.code or said.text:
        return _problem(_kind(_OK, said, step), step, _OK, said.text, None)
    return _problem(Kind.GARBAGE, step, _OK, "", None)


def _is_page(content_type: str, body: bytes) -> bool:
    return "html" in content_type.lower() or body[:_MAX_PAGE].lstrip().startswith(b"<")


def _is_challenge(status: int, headers: Mapping[str, str], body: bytes, *, page: bool) -> bool:
    """The API answers 403 in JSON; a page with that status comes from the edge in front of it."""
    if headers.get("cf-mitigated", "").lower() == "challenge":
        return True
    return page and (status == _FORBIDDEN or _has_marks(body))


def _has_marks(body: bytes) -> bool:
    page = body[:_MAX_PAGE].lower()
    return any(mark in page for mark in _CHALLENGE)


def _tree(body: bytes) -> object:
    """The body as JSON, UNSET if it is none."""
    if len(body) > _MAX_JSON:
        return UNSET
    try:
        tree: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UNSET
    return tree


def _said(tree: object, body: bytes) -> _Said:
    """Code and text, in any of the known shapes: ``detail`` or ``error``, each of them a text, an
    object with ``code`` and ``message``, or a list of the request's faults; or no JSON at all."""
    if tree is UNSET:
        return _Said(text=body[:_MAX_PAGE].decode("utf-8", "replace"))
    return _in(tree, 0)


def _in(node: object, depth: int) -> _Said:
    if isinstance(node, str):
        return _Said(text=node)
    if depth > _MAX_DEPTH:
        return _Said()
    if isinstance(node, list):
        return _Said(text="; ".join(_fault(item) for item in node[:3]))
    return _in_object(node, depth) if isinstance(node, dict) else _Said()


def _in_object(node: Mapping[object, object], depth: int) -> _Said:
    inner = _Said()
    for key in ("detail", "error", "display_description"):
        if node.get(key):
            inner = _in(node[key], depth + 1)
            break
    code = _first_text(node, "code", "error_code") or inner.code or _first_text(node, "type")
    return _Said(code, inner.text or _first_text(node, "message", "description", "msg"))


def _fault(item: object) -> str:
    """One fault of a request that was not valid: where it is, and what."""
    if not isinstance(item, dict):
        return _in(item, _MAX_DEPTH).text
    place = item.get("loc")
    where = ".".join(str(name) for name in place[:8]) if isinstance(place, list) else ""
    return f"{where}: {_first_text(item, 'msg', 'message')}"


def _first_text(node: Mapping[object, object], *keys: str) -> str:
    values = (node.get(key) for key in keys)
    return next((value for value in values if isinstance(value, str)), "")


# ------------------------------------------------------------------------------------- deciding


def _kind(status: int, said: _Said, step: Step) -> Kind:
    if said.code in _CODES:
        return _CODES[said.code]
    for pattern, kind in _WORDINGS:
        if pattern.search(f"{said.code} {said.text}"):
            return kind
    if status == _NOT_FOUND and step in ("conversation", "stream"):
        for pattern, kind in _LOST:
            if pattern.search(f"{said.code} {said.text}"):
                return kind
    if status == _TOO_LARGE:
        return _TOO_MUCH.get(step, Kind.UPSTREAM_ERROR)
    return _STATUSES.get(status) or _by_class(status)


def _by_class(status: int) -> Kind:
    return Kind.REFUSED if 400 <= status < 500 else Kind.UPSTREAM_ERROR  # noqa: PLR2004 (HTTP)


def _problem(kind: Kind, step: Step, status: int, text: str, wait: float | None) -> Problem:
    words = _ADVICE.get(status, "") if kind is Kind.UPSTREAM_ERROR else ""
    quoted = quote(text)
    message = f"{words or _WORDS[kind]} ({_PLACES[step]}, HTTP {status})"
    if quoted:
        message += f" It said: {quoted}"
    return Problem(kind, message, step=step, retry_after=wait)
