"""Who may call: from a request's headers to a ``Caller``. Pure.

Input: headers with lower case names (starlette's are looked up in any case) and the settings.
Output: whose accounts answer, or a ``Problem`` of kind INVALID_API_KEY that says what was wrong.
In this order:

    a local key                       the pool
    <private prefix><token>           that token's account
    a bare upstream token             that token's account, where ALLOW_UPSTREAM_TOKENS is on
    no credential                     chat without login, where ANONYMOUS is on

The one rule: the pool opens to local keys alone, and every key is compared every time, so that the
time an answer takes tells nothing about the keys.
"""

from collections.abc import Mapping

from chat2api_core.accounts.caller import AnonymousCaller, Caller, PoolCaller, TokenCaller
from chat2api_core.accounts.token_form import account_of, form_of, is_account_id, is_visible
from chat2api_core.config import Settings
from chat2api_core.problem import Kind, Problem
from chat2api_core.secret import Secret


def identify(headers: Mapping[str, str], settings: Settings) -> Caller:
    """The caller that ``authorization`` (a bearer) or ``x-api-key`` names; a bearer goes first.

    ``chatgpt-account-id`` selects the workspace of an upstream token, as ``token,account-id`` does;
    the pool chooses by itself. Raises ``Problem`` INVALID_API_KEY; no message echoes a key."""
    presented = _credential(headers)
    if presented == "":
        if settings.anonymous:
            return AnonymousCaller()
        raise _refusal("No API key. Send one as 'Authorization: Bearer <key>' or as 'x-api-key'.")
    if not is_visible(presented):
        raise _refusal("The API key holds blanks or characters that no key has.")
    keys = (*settings.auth_tokens, *(one.key for one in settings.api_keys))
    key = _local_key(presented, keys)
    if key is not None:
        return PoolCaller(key.fingerprint())
    token = _behind_prefix(presented, settings.access_token_prefixes)
    if token is None:
        token = _bare(presented, settings)
    return _token_caller(token, headers.get("chatgpt-account-id", "").strip())


def _credential(headers: Mapping[str, str]) -> str:
    """What the caller shows, "" for nothing."""
    scheme, _, bearer = headers.get("authorization", "").strip().partition(" ")
    other = headers.get("x-api-key", "").strip()
    if scheme.lower() == "bearer" and bearer:
        return bearer.strip()
    if scheme and scheme.lower() != "bearer" and not other:
        raise _refusal("The Authorization header does not read 'Bearer <key>'.")
    return other


def _local_key(presented: str, keys: tuple[Secret, ...]) -> Secret | None:
    shown = Secret(presented)
    found = None
    for key in keys:  # to the end, found or not
        if key == shown:
            found = key
    return found


def _behind_prefix(presented: str, prefixes: tuple[Secret, ...]) -> str | None:
    """What follows the longest private prefix that fits; None where none does."""
    length = 0
    for prefix in prefixes:  # to the end, found or not
        size = len(prefix.reveal())
        if prefix == Secret(presented[:size]) and size > length:
            length = size
    return presented[length:] if length else None


def _bare(presented: str, settings: Settings) -> str:
    """An upstream token without a prefix, where these are let in."""
    if form_of(presented.partition(",")[0]) in {"access", "refresh"}:
        if settings.allow_upstream_tokens:
            return presented
        raise _refusal(
            "Incorrect API key provided. It looks like a ChatGPT token; this gateway takes none."
        )
    # In OpenAI's words: there are clients that tell a wrong key from a wrong request by them.
    message = "Incorrect API key provided."
    if not (settings.auth_tokens or settings.api_keys):
        message += " This gateway has no local key set (AUTH_TOKENS)."
    if settings.anonymous:
        message += " Chat without login wants no key at all."
    raise _refusal(message)


def _token_caller(credential: str, header_id: str) -> TokenCaller:
    token, comma, inline_id = credential.partition(",")
    if not token:
        raise _refusal("The API key ends behind its prefix: the ChatGPT token is missing.")
    if (comma and not is_account_id(inline_id)) or (header_id and not is_account_id(header_id)):
        raise _refusal("The account id (behind the comma, or ChatGPT-Account-ID) is malformed.")
    if inline_id and header_id and inline_id != header_id:
        raise _refusal("The account id behind the comma and ChatGPT-Account-ID differ.")
    return TokenCaller(account_of(token, inline_id or header_id))


def _refusal(message: str) -> Problem:
    return Problem(Kind.INVALID_API_KEY, message, step="auth")
