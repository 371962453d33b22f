"""Proof of having logged in: a signed text for a cookie, good for some hours. Pure.

In: the credential that opens the pages, and the time. Out: the text, and whether a text is good.
The one rule: it holds no secret, and it ends with the credential: a new key ends all sessions.
"""

import hmac
from collections.abc import Sequence

from chat2api_core.seal import hkdf
from chat2api_core.secret import Secret

LASTS = 8 * 3600
_SALT = b"chat2api session"
_LONGEST = 200


class Sessions:
    """Issues and checks. ``credentials`` are what opens the pages, all of them."""

    def __init__(self, credentials: Sequence[Secret]) -> None:
        root = "\n".join(one.reveal() for one in credentials).encode()
        self._key = hkdf(root, _SALT, b"sign", 32)

    def issue(self, now: float, nonce: str) -> str:
        """A text that is good for LASTS seconds from ``now`` (unix seconds)."""
        body = f"{int(now) + LASTS}.{nonce}"
        return f"{body}.{self._sign(body)}"

    def good(self, text: str, now: float) -> bool:
        """Whether it is one of ours and has not ended."""
        if len(text) > _LONGEST or not text.isascii():
            return False
        body, _, signature = text.rpartition(".")
        if not hmac.compare_digest(signature, self._sign(body)):
            return False
        return now < int(body.partition(".")[0])

    def _sign(self, body: str) -> str:
        return hmac.digest(self._key, body.encode(), "sha256").hex()
