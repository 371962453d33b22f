"""The headers of what is sent to the ChatGPT web backend, and to the storage behind it.

In: who we are (``Identity``), the kind of call, and the proofs of the turn. Out: headers as bytes.
The rule that must hold: no header says anything about the machine we run on, and no secret leaves
this module except in the header that is made for it.
Source of the names: seen in the web client.
"""

import re
from functools import lru_cache

from msgspec import Struct

from chat2api_core.secret import Secret

Headers = list[tuple[bytes, bytes]]

_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")


class Identity(Struct, frozen=True):
    """Who asks: the account, and our client as it presents itself. The client's version and build
    number are left out where empty; ``auth_key`` opens a private gateway in front of ChatGPT."""

    device_id: str
    session_id: str
    user_agent: str
    access_token: Secret = Secret("")
    account_id: str = ""
    language: str = "en-US"
    client_version: str = ""
    build_number: str = ""
    auth_key: Secret = Secret("")


class SentinelTokens(Struct, frozen=True):
    """What the requirements of a turn have granted, and our answers to them; empty: none."""

    requirements: str
    prepare: str = ""
    proof: str = ""
    turnstile: str = ""
    so: str = ""

    def __repr__(self) -> str:
        return "SentinelTokens('***')"


def base_headers(
    identity: Identity,
    base_url: str,
    path: str,
    *,
    accept: str = "*/*",
    content_type: str = "application/json",
) -> Headers:
    """The headers of every API call, for ``path`` under ``base_url``. Empty ones are left out.
    Cookies are the caller's matter."""
    target = path.partition("?")[0]
    of_call = _filled(
        (b"accept", accept),
        (b"content-type", content_type),
        (b"x-openai-target-path", target),
        (b"x-openai-target-route", target),
    )
    return [*_of_account(identity, base_url), *of_call]


@lru_cache(maxsize=1024)
def _of_account(identity: Identity, base_url: str) -> Headers:
    """The headers that are the same in every call of an account."""
    origin = origin_of(base_url)
    token = identity.access_token.reveal()
    return _filled(
        (b"accept-encoding", "identity"),  # packed events would wait for the packer
        (b"accept-language", identity.language),
        (b"user-agent", identity.user_agent),
        (b"origin", origin),
        (b"referer", f"{origin}/"),
        (b"authorization", token and f"Bearer {token}"),
        (b"chatgpt-account-id", identity.account_id),
        (b"oai-device-id", identity.device_id),
        (b"oai-language", identity.language),
        (b"oai-session-id", identity.session_id),
        (b"oai-client-version", identity.client_version),
        (b"oai-client-build-number", identity.build_number),
        (b"auth_key", identity.auth_key.reveal()),
        (b"authkey", identity.auth_key.reveal()),  # nginx drops names with an underscore
    )


def page_headers(identity: Identity) -> Headers:
    """The headers with which the home page is fetched as a document."""
    return _filled(
        (b"accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        (b"accept-encoding", "identity"),
        (b"accept-language", identity.language),
        (b"user-agent", identity.user_agent),
        (b"sec-fetch-dest", "document"),
        (b"sec-fetch-mode", "navigate"),
        (b"sec-fetch-site", "none"),
        (b"sec-fetch-user", "?1"),
        (b"upgrade-insecure-requests", "1"),
        (b"auth_key", identity.auth_key.reveal()),
        (b"authkey", identity.auth_key.reveal()),  # nginx drops names with an underscore
    )


def blob_headers(identity: Identity, base_url: str, *, length: int, mime: str) -> Headers:
    """The headers with which a file's bytes are put into the storage behind ChatGPT. None of them
    says whose file it is."""
    origin = origin_of(base_url)
    return _filled(
        (b"content-type", mime),
        (b"content-length", str(length)),
        (b"x-ms-blob-type", "BlockBlob"),
        (b"x-ms-version", "2020-04-08"),
        (b"accept", "application/json, text/plain, */*"),
        (b"accept-language", identity.language),
        (b"user-agent", identity.user_agent),
        (b"origin", origin),
        (b"referer", f"{origin}/"),
    )


def conversation_headers(
    sentinel: SentinelTokens, *, conduit: str = "", trace_id: str = ""
) -> Headers:
    """What a turn and its preparation carry besides the base headers. ``conduit`` comes from the
    preparation, ``trace_id`` is a fresh uuid for the turn."""
    return _filled(
        (b"openai-sentinel-chat-requirements-token", sentinel.requirements),
        (b"openai-sentinel-chat-requirements-prepare-token", sentinel.prepare),
        (b"openai-sentinel-proof-token", sentinel.proof),
        (b"openai-sentinel-turnstile-token", sentinel.turnstile),
        (b"openai-sentinel-so-token", sentinel.so),
        (b"x-conduit-token", conduit),
        (b"x-oai-turn-trace-id", trace_id),
    )


def _filled(*headers: tuple[bytes, str]) -> Headers:
    """Values hold visible ASCII only: a token with a line end in it must not become two headers."""
    return [
        (name, value.encode() if _plain(value) else _UNPRINTABLE.sub("", value).encode())
        for name, value in headers
        if value
    ]


def _plain(value: str) -> bool:
    return value.isascii() and value.isprintable()


def origin_of(base_url: str) -> str:
    """Scheme and host: a private gateway may live under a path."""
    return "/".join(base_url.split("/", 3)[:3])
