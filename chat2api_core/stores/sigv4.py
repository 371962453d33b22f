"""Signing requests to AWS: Signature Version 4, for one POST to the root of a service.

In: the request, the keys and the time. Out: the headers to send with it. Pure. The one rule: every
header that is given is signed and must be sent unchanged (AWS General Reference, "Create a signed
AWS API request").
"""

import datetime
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from msgspec import Struct

from chat2api_core.secret import Secret

_METHOD = "AWS4-HMAC-SHA256"


class AwsKeys(Struct, frozen=True):
    """The credentials of a role or user. ``session`` is empty for lasting ones."""

    access: str
    secret: Secret
    session: Secret = Secret("")


def sign(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    keys: AwsKeys,
    service: str,
    region: str,
    now: float,
) -> dict[str, str]:
    """The headers of a signed POST of ``body`` to ``url``, whose path is "/" and has no query.

    Names come out in lower case. ``now`` is in unix seconds; AWS takes a skew of five minutes."""
    time = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    signed = {name.lower(): value.strip() for name, value in headers.items()}
    signed["host"] = urlsplit(url).netloc
    signed["x-amz-date"] = time
    if keys.session:
        signed["x-amz-security-token"] = keys.session.reveal()
    names = ";".join(sorted(signed))
    lines = [f"{name}:{signed[name]}\n" for name in sorted(signed)]
    request = "\n".join(["POST", "/", "", "".join(lines), names, _hash(body)])
    scope = f"{time[:8]}/{region}/{service}/aws4_request"
    text = "\n".join([_METHOD, time, scope, _hash(request.encode())])
    key = f"AWS4{keys.secret.reveal()}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={keys.access}/{scope}"
    signed["authorization"] = (
        f"{_METHOD} {credential}, SignedHeaders={names}, Signature={signature}"
    )
    return signed


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
