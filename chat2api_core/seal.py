"""Sealing: values that hold secrets are encrypted and signed before they leave the process.

In: bytes, and a ``context`` that says what they are and where they belong ("account:3fa2"). Out:
bytes that only the same SECRET_KEY opens, in the same context, unchanged. The one rule: nothing is
decrypted before its tag has been checked, in constant time.

The form, version 1:

    1 byte   the version, 0x01
    4 bytes  the mark of the key, so that a wrong key is told from an altered value
    16 bytes nonce, random for each value
    n bytes  the value XOR SHAKE256(encryption key, filled up with zeros to one block, + nonce)
    32 bytes HMAC-SHA256(signing key, length of the context + context + all of the above)

The three keys come from SECRET_KEY by HKDF-SHA256 (RFC 5869) with different ``info``. Encrypting
first and signing what was encrypted is the composition that stays safe whatever the parts; the
keyed sponge filled up to its block is how KMAC uses SHAKE256 (NIST SP 800-185). All of it is in the
standard library: the libraries that have an AEAD add 5 to 16 MB unpacked to a function of a few MB
and start slower, which is a poor bargain for values of a few KB.
"""

import base64
import hashlib
import hmac
from typing import Literal, TypeAlias, final

from chat2api_core.ambient import Ids
from chat2api_core.secret import Secret

Reason: TypeAlias = Literal["format", "key", "altered"]

_VERSION = b"\x01"
_MARK = 4
_NONCE = 16
_TAG = 32
_HEAD = len(_VERSION) + _MARK + _NONCE
_BLOCK = 136  # the rate of SHAKE256 in bytes
_SHORTEST_KEY = 16
_SALT = b"chat2api seal"

_MESSAGES: dict[Reason, str] = {
    "format": "This is not a sealed value of a version that is known here.",
    "key": "This value was sealed with another SECRET_KEY.",
    "altered": "This sealed value was changed, or belongs somewhere else.",
}


class BadSeal(Exception):
    """A sealed value does not open. ``reason``: "format" (not one of ours, or cut short), "key"
    (another SECRET_KEY) or "altered" (changed, or sealed for another context)."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(_MESSAGES[reason])
        self.reason = reason


@final
class Sealer:
    """Seals and opens with one SECRET_KEY. Chance comes from ``ids``.

    Raises ValueError, naming SECRET_KEY, for a key of under 16 characters."""

    __slots__ = ("_ids", "_mark", "_signing", "_stream")

    def __init__(self, key: Secret, ids: Ids) -> None:
        text = key.reveal()
        if len(text) < _SHORTEST_KEY:
            raise ValueError(
                f"SECRET_KEY needs at least {_SHORTEST_KEY} characters that nobody can guess; "
                "`openssl rand -hex 32` makes a good one."
            )
        root = text.encode()
        self._ids = ids
        self._mark = hkdf(root, _SALT, b"mark", _MARK)
        self._signing = hkdf(root, _SALT, b"sign", 32)
        # The absorbed key is kept as a hash state; each value continues a copy of it.
        self._stream = hashlib.shake_256(hkdf(root, _SALT, b"encrypt", 32).ljust(_BLOCK, b"\0"))

    def seal(self, value: bytes, context: str) -> bytes:
        """The sealed value, 53 bytes longer; two seals of one value differ."""
        nonce = bytes.fromhex(self._ids.hex(2 * _NONCE))
        body = _VERSION + self._mark + nonce + self._crypt(nonce, value)
        return body + self._tag(body, context)

    def open(self, sealed: bytes, context: str) -> bytes:
        """The value that was sealed in this context. Raises ``BadSeal``."""
        if len(sealed) < _HEAD + _TAG or not sealed.startswith(_VERSION):
            raise BadSeal("format")
        body, tag = sealed[:-_TAG], sealed[-_TAG:]
        if not hmac.compare_digest(tag, self._tag(body, context)):
            ours = hmac.compare_digest(body[1 : 1 + _MARK], self._mark)
            raise BadSeal("altered" if ours else "key")
        return self._crypt(body[_HEAD - _NONCE : _HEAD], body[_HEAD:])

    def seal_text(self, value: bytes, context: str) -> str:
        """The sealed value in characters that may stand in an id and in a URL."""
        return base64.urlsafe_b64encode(self.seal(value, context)).decode().rstrip("=")

    def open_text(self, text: str, context: str) -> bytes:
        """The value that was sealed as this text. Raises ``BadSeal``."""
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except ValueError as error:
            raise BadSeal("format") from error
        return self.open(sealed, context)

    def _crypt(self, nonce: bytes, data: bytes) -> bytes:
        stream = self._stream.copy()
        stream.update(nonce)
        size = len(data)
        mask = int.from_bytes(stream.digest(size))
        return (int.from_bytes(data) ^ mask).to_bytes(size)

    def _tag(self, body: bytes, context: str) -> bytes:
        label = context.encode()
        return hmac.digest(self._signing, len(label).to_bytes(4) + label + body, "sha256")


def hkdf(key: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 (RFC 5869): ``length`` bytes, up to 8160, for the purpose ``info``."""
    root = hmac.digest(salt, key, "sha256")
    out = block = b""
    count = 0
    while len(out) < length:
        count += 1
        block = hmac.digest(root, block + info + bytes([count]), "sha256")
        out += block
    return out[:length]
