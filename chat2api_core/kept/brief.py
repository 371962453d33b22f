"""An id as a message may show it: ids that seal something are long."""

_LONGEST = 64


def brief(name: str) -> str:
    """The id itself, or its beginning."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."
