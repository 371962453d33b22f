"""Names that callers have sent, made fit for the keys of a store. Pure."""

import hashlib

_DIGITS = 32


def digest(text: str) -> str:
    """The same short name for the same text, whatever stands in it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
