"""A string that does not print.

Tokens, keys and cookies travel in this type, so that a log line, a traceback or a ``repr`` of the
value that holds them cannot leak them. Whoever really needs the text asks for it with ``reveal``.
"""

import hashlib
import hmac
from typing import final


@final
class Secret:
    """A secret string: printable as ``***`` only, comparable in constant time."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself. Every call of this is a place to look at in a review."""
        return self._value

    def fingerprint(self) -> str:
        """Twelve hex digits that identify the secret in logs and caches without giving it away."""
        return hashlib.sha256(self._value.encode()).hexdigest()[:12]

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__
