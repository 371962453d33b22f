"""Sealed reasoning: what only the emulated backend can open, and only for the account it was for.

Input: who thought, and the item's id. Output: a text that looks like the real ones. The rule: it
opens for the same owner and under the same id (or none) only. It hides nothing; it is checked.
"""

import base64
import binascii
import hashlib

_LOOKS = "gAAAAAB"
_MARK = "sealed by the chat2api emulator"


def seal(owner: str, item_id: str) -> str:
    """The ``encrypted_content`` of a reasoning item."""
    raw = f"{_digest(owner, item_id)}:{item_id}".encode()
    return _LOOKS + base64.urlsafe_b64encode(raw).decode()


def opens(sealed: str, owner: str, item_id: str | None) -> bool:
    """Whether it was made for this owner, and under this id where one is given."""
    try:
        raw = base64.urlsafe_b64decode(sealed.removeprefix(_LOOKS)).decode()
    except (binascii.Error, ValueError):
        return False
    digest, _, known = raw.partition(":")
    genuine = sealed.startswith(_LOOKS) and digest == _digest(owner, known)
    return genuine and item_id in (None, known)


def _digest(owner: str, item_id: str) -> str:
    return hashlib.sha256(f"{_MARK}\n{owner}\n{item_id}".encode()).hexdigest()[:32]
